/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/checkpoint/walk.c: real trees with what must be found, passed over and refused.
 *
 * That a file is swapped during the walk cannot be timed here. It is bound by construction:
 * files are opened without following and judged by fstat() of what was opened.
 */
#include "walking.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/file.h"
#include "util/limits.h"

static void finds_nested_files_in_order(void **state)
{
	(void)state;
	put_directory("empty");
	finds("empty", NULL, "");
	put("c/b/z", "1");
	put("c/b-z", "2");
	put("c/b.z", "3");
	put("c/README.md", "4");
	put("c/.hidden/config.json", "5");
	put("c/model.incomplete", "6");
	put("c/a/b/c/d/e", "");
	put_directory("c/nothing/in/it");
	finds("c", NULL,
	      ".hidden/config.json L 5\nREADME.md D 4\na/b/c/d/e L \nb-z L 2\nb.z L 3\n"
	      "b/z L 1\nmodel.incomplete L 6\n");
	put_link("link", "c/a");
	finds("link", NULL, "b/c/d/e L \n");
	finds("c/a/", NULL, "b/c/d/e L \n");
}

static void passes_over_the_tools_of_others(void **state)
{
	(void)state;
	put("c/config.json", "1");
	put("c/.git/HEAD", "2");
	put("c/.gitattributes", "3");
	put("c/sub/.gitignore", "4");
	put("c/sub/.github/x", "5");
	put("c/sub/.DS_Store", "6");
	put("c/.DS_Store", "7");
	put("c/.cache/huggingface/download/x.incomplete", "8");
	put("c/.cache/other", "9");
	put("c/sub/.cache/huggingface/x", "10");
	put("c/.gi/x", "11");
	put("c/git", "12");
	put("c/sub/.gitkeep", "");
	put("c/sub/.gitlab-ci.yml", "13");
	put_link("c/.gitmodules", "/etc");
	assert_int_equal(mkfifo(at("c/sub/.git"), 0600), 0);
	finds("c", NULL,
	      ".cache/other L 9\n.gi/x L 11\nconfig.json L 1\ngit L 12\n"
	      "sub/.cache/huggingface/x L 10\n"
	      "- .DS_Store\n- .cache/huggingface/\n- .git/\n- .gitattributes\n- .gitmodules\n"
	      "- sub/.DS_Store\n- sub/.git\n- sub/.github/\n- sub/.gitignore\n- sub/.gitkeep\n"
	      "- sub/.gitlab-ci.yml\n");
	put("d/.cache/huggingface", "a file");
	finds("d", NULL, ".cache/huggingface L a file\n");
}

static void takes_names_that_are_nearly_theirs(void **state)
{
	static const char *const called[] = {
		".git.safetensors", ".gitx", ".gitattributes.bin", ".gitignor", ".gitlab-ci.yaml",
		".gitkeep2", ".gi", ".GIT", ".Git", ".githu", ".github2", ".gitmodules~", ".gitx/y",
		".DS_Store.bin", ".ds_store", "git",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(called) / sizeof(called[0]); i++) {
		char path[100], root[20], line[100];

		snprintf(root, sizeof(root), "c%zu", i);
		snprintf(path, sizeof(path), "%s/%s", root, called[i]);
		snprintf(line, sizeof(line), "%s L 1\n", called[i]);
		put(path, "1");
		finds(root, NULL, line);
	}
	put_link("link/.gitlink", "/etc/passwd");
	refuses("link", NULL, REASON_LINK_OUTSIDE, ".gitlink");
}

static void put_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at(path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void refuses_what_is_no_file(void **state)
{
	static const struct {
		const char *target, *says;
	} links[] = {
		{ "sub", "x: is a link to what is a directory" },
		{ ".", "x: is a link to what is a directory" },
		{ "/", "x: is a link to what is a directory" },
		{ "x", "x: is a link in a loop of links" },
		{ "y", "x: is a link in a loop of links" },
		{ "nothing", "x: is a link to nothing" },
		{ "/nothing/at/all", "x: is a link to nothing" },
		{ "sub/file/beyond", "x: is a link to nothing" },
		{ "/dev/null", "x: is a link to what is a character device" },
		{ ".git/fifo", "x: is a link to what is a FIFO" },
	};

	(void)state;
	put("c/sub/file", "1");
	put_directory("c/.git");
	assert_int_equal(mkfifo(at("c/.git/fifo"), 0600), 0);
	finds("c", NULL, "sub/file L 1\n- .git/\n");
	put_link("c/.git/y", "../x");
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		put_link("c/x", links[i].target);
		if (strcmp(links[i].target, "y") == 0)
			put_link("c/y", "x");
		refuses("c", at("c"), REASON_NOT_A_FILE, links[i].says);
		assert_int_equal(unlink(at("c/x")), 0);
		unlink(at("c/y"));
	}
	assert_int_equal(mkfifo(at("c/sub/x"), 0600), 0);
	refuses("c", NULL, REASON_NOT_A_FILE, "sub/x: is a FIFO");
	assert_int_equal(unlink(at("c/sub/x")), 0);
	put_socket("c/sub/x");
	refuses("c", NULL, REASON_NOT_A_FILE, "sub/x: is a socket");
	assert_int_equal(unlink(at("c/sub/x")), 0);
	finds("c", NULL, "sub/file L 1\n- .git/\n");
}

static void refuses_roots_that_are_none(void **state)
{
	(void)state;
	put("file", "1");
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	put_link("loop", "loop");
	refuses("none", NULL, REASON_NOT_FOUND, "none");
	refuses("file", NULL, REASON_NOT_FOUND, "file");
	refuses("fifo", NULL, REASON_NOT_FOUND, "fifo");
	refuses("loop", NULL, REASON_READ_FAILED, "loop");
}

static void refuses_what_it_may_not_read(void **state)
{
	const uid_t user = geteuid(), nobody = 65534;

	(void)state;
	put("c/sub/x", "1");
	assert_int_equal(chmod(at("c/sub/x"), 0), 0);
	if (user == 0 && (chmod(at(""), 0755) < 0 || chmod(at("c"), 0755) < 0 ||
			  chmod(at("c/sub"), 0755) < 0 || seteuid(nobody) < 0))
		skip();
	refuses("c", NULL, REASON_READ_FAILED, "sub/x: ");
	assert_int_equal(seteuid(user), 0);
	assert_int_equal(chmod(at("c/sub"), 0), 0);
	assert_int_equal(seteuid(user == 0 ? nobody : user), 0);
	refuses("c", NULL, REASON_READ_FAILED, "sub: ");
	assert_int_equal(seteuid(user), 0);
	assert_int_equal(chmod(at("c/sub"), 0700), 0);
}

static const struct {
	const char *a, *b;
	enum reason reason;
	const char *says;
} names[] = {
	{ "x", "y", REASON_NONE, "" },
	{ "A/x", "b/x", REASON_NONE, "" },
	{ "A/x", "A/X1", REASON_NONE, "" },
	{ "x", "sub/X", REASON_NONE, "" },
	{ "model.bin", "Model.bin", REASON_NAME_COLLISION, "Model.bin: is the same name as" },
	{ "s/model.bin", "s/MODEL.BIN", REASON_NAME_COLLISION, "s/MODEL.BIN: is the same" },
	{ "A/x", "a/y", REASON_NAME_COLLISION, "A: is the same name as a" },
	{ "s/t/A/x", "s/t/a/y", REASON_NAME_COLLISION, "s/t/A: is the same name as a" },
	{ "a", "A/x", REASON_NAME_COLLISION, "A: is the same name as a" },
	{ "caf\u00e9", "cafe\u0301", REASON_NAME_COLLISION, ": is the same name as " },
	{ "CAF\u00c9/x", "cafe\u0301/y", REASON_NAME_COLLISION, ": is the same name as " },
	{ "stra\u00dfe", "STRASSE", REASON_NAME_COLLISION, ": is the same name as " },
	{ ".gitignore", ".GITIGNORE", REASON_NAME_COLLISION, ": is the same name as " },
	{ "x", "a\nb", REASON_FILE_NAME, "a\nb: has a name" },
	{ "x", "sub/a\\b", REASON_FILE_NAME, "sub/a\\b: has a name" },
	{ "x", "sub\x7f/a", REASON_FILE_NAME, "has a name" },
	{ "x", "\xff", REASON_FILE_NAME, "has a name" },
	{ "x", "\xc0\xaf", REASON_FILE_NAME, "has a name" },
	{ "x", "a\u202eb", REASON_FILE_NAME, "has a name" },
	{ "x", "a\u200bb", REASON_FILE_NAME, "has a name" },
	{ "x", ".git\x01", REASON_FILE_NAME, "has a name" },
};

static void refuses_names_that_cannot_be_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char a[100], b[100], root[20];

		snprintf(root, sizeof(root), "c%zu", i);
		snprintf(a, sizeof(a), "%s/%s", root, names[i].a);
		snprintf(b, sizeof(b), "%s/%s", root, names[i].b);
		put(a, "a");
		put(b, "b");
		if (names[i].reason == REASON_NONE) {
			cleanup_buf struct buf found = BUF_INIT(1000);

			walk_lines(&found, root, NULL);
			assert_true(strstr(buf_str(&found), " L a\n"));
			assert_true(strstr(buf_str(&found), " L b\n"));
		} else {
			refuses(root, NULL, names[i].reason, names[i].says);
		}
	}
}

/* Makes `n` directories, one in the other and named by `len` letters; the last one is left open. */
static int put_chain(const char *root, size_t n, size_t len)
{
	int fd;
	char name[NAME_MAX + 1] = "";

	put_directory(root);
	memset(name, 'd', len);
	fd = open(at(root), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		int next;

		assert_int_equal(mkdirat(fd, name, 0700), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	return fd;
}

static void goes_as_deep_as_its_limit(void **state)
{
	cleanup_fd int last = put_chain("c", LIMIT_DEPTH, 1);
	cleanup_buf struct buf found = BUF_INIT(10000);
	cleanup_fd int file = openat(last, "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	assert_true(file >= 0);
	walk_lines(&found, "c", NULL);
	assert_int_equal(found.len, 2 * LIMIT_DEPTH + strlen("x L \n"));
	assert_int_equal(mkdirat(last, "d", 0700), 0);
	refuses("c", NULL, REASON_LIMIT, "directories deep");
}

static void reads_paths_up_to_their_limit(void **state)
{
	enum { LEN = 63, N = LIMIT_PATH / (LEN + 1) - 1 };
	cleanup_fd int last = put_chain("c", N, LEN);
	char name[NAME_MAX + 1] = "";

	(void)state;
	for (size_t len = LIMIT_PATH - N * (LEN + 1) - 1; len <= LEN + 2; len++) {
		cleanup_fd int file = -1;

		memset(name, 'f', len);
		file = openat(last, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(file >= 0);
		if (N * (LEN + 1) + len <= LIMIT_PATH) {
			cleanup_buf struct buf found = BUF_INIT(10000);

			walk_lines(&found, "c", NULL);
			assert_int_equal(found.len, N * (LEN + 1) + len + strlen(" L \n"));
		} else {
			refuses("c", NULL, REASON_LIMIT, "more than 4096 bytes");
		}
		assert_int_equal(unlinkat(last, name, 0), 0);
	}
}

/* Makes the files `prefix`FROM to `prefix`(TO - 1). */
static void put_many(const char *root, const char *prefix, size_t from, size_t to)
{
	cleanup_fd int dir = -1;

	put_directory(root);
	dir = open(at(root), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = from; i < to; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%06zu", prefix, i);
		assert_int_equal(mknodat(dir, name, S_IFREG | 0600, 0), 0);
	}
}

/* Makes `n` files that are passed over, in folders of their own. */
static void put_passed_over(const char *root, size_t n)
{
	static const char *const called[] = {
		".git", ".gitattributes", ".gitignore", ".gitmodules", ".gitkeep",
		".gitlab-ci.yml", ".github", ".DS_Store",
	};
	const size_t n_names = sizeof(called) / sizeof(called[0]);

	for (size_t i = 0; i < n; i += n_names) {
		char path[64];
		int dir;

		snprintf(path, sizeof(path), "%s/%zu", root, i);
		put_directory(path);
		dir = open(at(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (size_t j = i; j < n && j < i + n_names; j++)
			close(openat(dir, called[j - i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		close(dir);
	}
}

static void counts_what_it_passes_over(void **state)
{
	cleanup_walk struct walk w = { .entries = NULL };
	struct wm_error err = { 0 };

	(void)state;
	put_passed_over("c", LIMIT_FILES - 2);
	put("c/sub/a", "1");
	put("c/sub/b", "2");
	assert_ok(walk_directory(&w, at("c"), NULL, &err), &err);
	assert_int_equal(w.n_entries, 2);
	assert_int_equal(w.n_passed_over, LIMIT_FILES - 2);
	put("c/sub/c", "3");
	refuses("c", NULL, REASON_LIMIT, "more than 65536 files");
	/* Too many in one directory are refused before the first is opened. */
	put_many("c", "file", 0, 20);
	refuses("c", NULL, REASON_LIMIT, "more than 65536 files");
}

static void says_how_to_have_more_files_open(void **state)
{
	struct rlimit before, low;

	(void)state;
	put_many("c", "x", 0, 40);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 30;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	refuses("c", NULL, REASON_READ_FAILED, "ulimit -n");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	/* Nothing was leaked by the refusal. */
	low.rlim_cur = 60;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 10; i++) {
		cleanup_walk struct walk w = { .entries = NULL };
		struct wm_error err = { 0 };

		assert_ok(walk_directory(&w, at("c"), NULL, &err), &err);
		assert_int_equal(w.n_entries, 40);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void leaves_what_was_taken(void **state)
{
	struct walk w = { .entries = NULL };
	struct wm_error err = { 0 };
	cleanup_fd int taken = -1;
	int left;

	(void)state;
	walk_release(&w);
	put("c/a", "1");
	put("c/b", "2");
	assert_ok(walk_directory(&w, at("c"), NULL, &err), &err);
	taken = take_fd(&w.entries[0].fd);
	left = w.entries[1].fd;
	walk_release(&w);
	walk_release(&w);
	assert_int_equal(w.n_entries, 0);
	assert_int_not_equal(fcntl(taken, F_GETFD), -1);
	assert_int_equal(fcntl(left, F_GETFD), -1);
}

static enum wm_code walk_some(void *context, struct wm_error *err)
{
	cleanup_walk struct walk w = { .entries = NULL };

	(void)context;
	return walk_directory(&w, at("c"), NULL, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	put_passed_over("c", 70);
	put_many("c/Sub", "X", 0, 140);
	put("c/\u00c9/x", "1");
	put_link("c/link", "\u00c9/x");
	put_directory("c/.git");
	with_every_allocation_failing(walk_some, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(finds_nested_files_in_order),
		IN_SCRATCH(passes_over_the_tools_of_others),
		IN_SCRATCH(takes_names_that_are_nearly_theirs),
		IN_SCRATCH(refuses_what_is_no_file),
		IN_SCRATCH(refuses_roots_that_are_none),
		IN_SCRATCH(refuses_what_it_may_not_read),
		IN_SCRATCH(refuses_names_that_cannot_be_signed),
		IN_SCRATCH(goes_as_deep_as_its_limit),
		IN_SCRATCH(reads_paths_up_to_their_limit),
		IN_SCRATCH(counts_what_it_passes_over),
		IN_SCRATCH(says_how_to_have_more_files_open),
		IN_SCRATCH(leaves_what_was_taken),
		IN_SCRATCH(survives_failing_allocations),
	};

	return run_tests(tests);
}
