/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose beginning or end is to change; see rewriting.h. */
#include "rewriting.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "util/file.h"

enum { MAX = 1 << 28 };

static void fill(uint8_t *out, size_t len, uint64_t seed, uint8_t low)
{
	for (size_t i = 0; i < len; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		out[i] = (uint8_t)((seed & 0xfe) | low);
	}
}

static void plan(struct subject *s, const char *directory, size_t size, size_t from, size_t to,
		 size_t len)
{
	snprintf(s->path, sizeof(s->path), "%s/model", directory);
	snprintf(s->journal, sizeof(s->journal), "%s/model.wmj", directory);
	s->size = size;
	s->from = from;
	s->to = to;
	s->len = len;
	s->new_size = size - (to - from) + len;
	s->fd = -1;
	s->old = malloc(size + 1);
	s->new = malloc(s->new_size + 1);
	assert_true(s->old && s->new);
	fill(s->old, size, 88172645463325252U + size, 0);
	memcpy(s->new, s->old, from);
	fill(s->new + from, len, 362436069U + len, 1);
	memcpy(s->new + from + len, s->old + to, size - to);
}

void subject_plan(struct subject *s, const char *directory, size_t size, size_t to, size_t len)
{
	plan(s, directory, size, 0, to, len);
}

static void write_old(const struct subject *s)
{
	struct wm_error err = { 0 };

	assert_ok(file_write(s->path, s->old, s->size, 0640, FILE_REPLACE, &err), &err);
}

void subject_make(struct subject *s, const char *directory, size_t size, size_t to, size_t len)
{
	subject_plan(s, directory, size, to, len);
	write_old(s);
}

void subject_plan_end(struct subject *s, const char *directory, size_t size, size_t from,
		      size_t len)
{
	plan(s, directory, size, from, size, len);
}

void subject_make_end(struct subject *s, const char *directory, size_t size, size_t from,
		      size_t len)
{
	subject_plan_end(s, directory, size, from, len);
	write_old(s);
}

void subject_release(struct subject *s)
{
	free(s->old);
	free(s->new);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct subject){ .fd = -1 };
}

struct rewrite subject_rewrite(const struct subject *s)
{
	return (struct rewrite){
		.path = s->path,
		.fd = s->fd,
		.size = s->size,
		.from = s->from,
		.to = s->to,
		.bytes = s->new + s->from,
		.len = s->len,
	};
}

enum wm_code subject_change(struct subject *s, struct wm_error *err)
{
	bool opened = s->fd < 0;
	struct rewrite r;
	enum wm_code code;

	if (opened)
		s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
	assert_true(s->fd >= 0);
	r = subject_rewrite(s);
	code = rewrite_in_place(&r, err);
	if (opened)
		close(take_fd(&s->fd));
	return code;
}

bool holds_bytes(const char *path, const uint8_t *bytes, size_t len)
{
	cleanup_buf struct buf b = BUF_INIT(MAX);

	read_file(&b, path);
	return b.len == len && memcmp(b.data, bytes, len) == 0;
}

void assert_old(const struct subject *s)
{
	assert_true(holds_bytes(s->path, s->old, s->size));
	assert_false(file_exists(s->journal));
	assert_false(rewrite_unfinished(s->path));
}

void assert_new(const struct subject *s)
{
	assert_true(holds_bytes(s->path, s->new, s->new_size));
	assert_false(file_exists(s->journal));
	assert_false(rewrite_unfinished(s->path));
}

size_t count_names(const char *directory)
{
	DIR *d = opendir(directory);
	size_t n = 0;

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		     strcmp(e->d_name, "lost+found") != 0;
	closedir(d);
	return n;
}

/* Runs a shell script with up to three parameters; whether it ended with 0. */
static bool sh(const char *script, const char *a, const char *b, const char *c)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", script, "sh", a, b, c, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

char *disk_new(const char *mkfs, unsigned mib)
{
	static bool own_mounts;
	char *directory = scratch_new(), size[32];

	snprintf(size, sizeof(size), "%uM", mib);
	if (!own_mounts)
		own_mounts = unshare(CLONE_NEWNS) == 0 &&
			     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	if (own_mounts && sh("PATH=$PATH:/usr/sbin:/sbin; truncate -s \"$2\" \"$1/image\" && "
			     "$3 \"$1/image\" >/dev/null 2>&1 && mkdir \"$1/disk\" && "
			     "mount -o loop \"$1/image\" \"$1/disk\" 2>/dev/null",
			     directory, size, mkfs)) {
		cleanup_free char *root = directory;

		assert_true(asprintf(&directory, "%s/disk", root) > 0);
		return directory;
	}
	print_message("# skipped: cannot mount an image by %s here\n", mkfs);
	scratch_remove(directory);
	return NULL;
}

void disk_remove(char *directory)
{
	assert_int_equal(umount(directory), 0);
	*strrchr(directory, '/') = '\0';
	scratch_remove(directory);
}
