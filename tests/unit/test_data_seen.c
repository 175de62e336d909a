/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/seen.c: what is believed of files that were digested before, and what is not. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "data/seen.h"
#include "util/file.h"

static const uint8_t key_id[SHA256_BYTES] = { 1, 2, 3 }, other_id[SHA256_BYTES] = { 9 };

/* A file that changed some seconds ago, in a folder that is entered. */
struct given {
	char *dir;
	char path[300], kept[400];
	int folder, fd;
	struct stat st;
};

static void given_file(struct given *g)
{
	struct wm_error err = { 0 };
	char cache[300];

	g->dir = scratch_new();
	snprintf(cache, sizeof(cache), "%s/cache", g->dir);
	assert_int_equal(setenv("XDG_CACHE_HOME", cache, 1), 0);
	snprintf(g->kept, sizeof(g->kept),
		 "%s/weightmark/records/"
		 "0102030000000000000000000000000000000000000000000000000000000000", cache);
	snprintf(g->path, sizeof(g->path), "%s/a", g->dir);
	assert_ok(file_write(g->path, "record", 6, 0600, FILE_REPLACE, &err), &err);
	g->folder = open(g->dir, O_RDONLY | O_DIRECTORY);
	g->fd = open(g->path, O_RDONLY);
	assert_true(g->folder >= 0 && g->fd >= 0);
	assert_int_equal(fstat(g->fd, &g->st), 0);
}

static void given_release(struct given *g)
{
	close(g->fd);
	close(g->folder);
	scratch_remove(g->dir);
}

/* Times are the kernel's to set; the past is made by looking with an older one. */
static struct stat long_ago(const struct given *g)
{
	struct stat st = g->st;

	st.st_ctim.tv_sec -= 10;
	return st;
}

static void keep(const struct given *g, const uint8_t digest[SHA256_BYTES])
{
	cleanup_seen struct seen *s = NULL;
	const struct stat st = long_ago(g);
	struct wm_error err = { 0 };
	struct sight_key k;

	assert_ok(seen_open(&s, key_id, &err), &err);
	seen_enter(s, g->folder);
	k = seen_look(s, g->fd, &st);
	if (!k.believed)
		skip(); /* a file system without leases */
	assert_ok(seen_note(s, &k, digest, &err), &err);
	assert_ok(seen_store(s, &err), &err);
}

static bool finds(const struct given *g, const uint8_t id[SHA256_BYTES], const struct stat *st,
		  uint8_t got[SHA256_BYTES])
{
	cleanup_seen struct seen *s = NULL;
	struct wm_error err = { 0 };
	struct sight_key k;

	assert_ok(seen_open(&s, id, &err), &err);
	seen_enter(s, g->folder);
	k = seen_look(s, g->fd, st);
	return seen_find(got, s, &k);
}

static void believes_what_did_not_change(void **state)
{
	static const uint8_t digest[SHA256_BYTES] = { 7 };
	uint8_t got[SHA256_BYTES] = { 0 };
	struct stat st, kept;
	struct given g;

	(void)state;
	given_file(&g);
	keep(&g, digest);
	st = long_ago(&g);
	assert_true(finds(&g, key_id, &st, got));
	assert_memory_equal(got, digest, SHA256_BYTES);
	assert_false(finds(&g, other_id, &st, got));
	st.st_size++;
	assert_false(finds(&g, key_id, &st, got));
	st = long_ago(&g);
	st.st_mtim.tv_nsec ^= 1;
	assert_false(finds(&g, key_id, &st, got));
	st = long_ago(&g);
	st.st_ctim.tv_sec--;
	assert_false(finds(&g, key_id, &st, got));
	st = long_ago(&g);
	st.st_ino++;
	assert_false(finds(&g, key_id, &st, got));
	st = long_ago(&g);
	st.st_dev++;
	assert_false(finds(&g, key_id, &st, got));
	assert_int_equal(stat(g.kept, &kept), 0);
	assert_int_equal(kept.st_mode & 0777, 0600);
	given_release(&g);
}

/* What changed just now may change again within the same tick; who writes to it has no lease. */
static void believes_nothing_too_early(void **state)
{
	cleanup_seen struct seen *s = NULL;
	struct wm_error err = { 0 };
	struct stat st;
	struct given g;
	int writer;

	(void)state;
	given_file(&g);
	assert_ok(seen_open(&s, key_id, &err), &err);
	st = long_ago(&g);
	assert_false(seen_look(s, g.fd, &st).believed); /* no folder was entered */
	seen_enter(s, g.folder);
	assert_false(seen_look(s, g.fd, &g.st).believed);
	writer = open(g.path, O_WRONLY);
	assert_true(writer >= 0);
	assert_false(seen_look(s, g.fd, &st).believed);
	close(writer);
	given_release(&g);
}

static void damage_is_a_miss(void **state)
{
	static const uint8_t digest[SHA256_BYTES] = { 7 };
	cleanup_buf struct buf whole = BUF_INIT(4096);
	uint8_t got[SHA256_BYTES];
	struct wm_error err = { 0 };
	struct stat st;
	struct given g;

	(void)state;
	given_file(&g);
	keep(&g, digest);
	st = long_ago(&g);
	read_file(&whole, g.kept);
	for (size_t i = 0; i <= whole.len; i++) {
		if (i < whole.len)
			whole.data[i] ^= 1;
		assert_ok(file_write(g.kept, whole.data, whole.len, 0600, FILE_REPLACE, &err),
			  &err);
		assert_int_equal(finds(&g, key_id, &st, got), i == whole.len);
		if (i < whole.len)
			whole.data[i] ^= 1;
		assert_ok(file_write(g.kept, whole.data, i, 0600, FILE_REPLACE, &err), &err);
		assert_int_equal(finds(&g, key_id, &st, got), i == whole.len);
	}
	assert_int_equal(chmod(g.kept, 0622), 0);
	assert_false(finds(&g, key_id, &st, got));
	given_release(&g);
}

static void forgets(void **state)
{
	static const uint8_t digest[SHA256_BYTES] = { 7 };
	struct wm_error err = { 0 };
	struct given g;

	(void)state;
	given_file(&g);
	keep(&g, digest);
	assert_ok(seen_forget(other_id, &err), &err);
	assert_true(file_exists(g.kept));
	assert_ok(seen_forget(key_id, &err), &err);
	assert_false(file_exists(g.kept));
	assert_ok(seen_forget(key_id, &err), &err);
	given_release(&g);
}

static enum wm_code open_note_store(void *context, struct wm_error *err)
{
	static const uint8_t digest[SHA256_BYTES] = { 7 };
	const struct sight_key k = { .believed = true, .bytes = { 3 } };
	cleanup_seen struct seen *s = NULL;

	(void)context;
	TRY(seen_open(&s, key_id, err));
	TRY(seen_note(s, &k, digest, err));
	return seen_store(s, err);
}

static void survives_want_of_memory(void **state)
{
	struct given g;

	(void)state;
	given_file(&g);
	with_every_allocation_failing(open_note_store, NULL);
	given_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_what_did_not_change),
		cmocka_unit_test(believes_nothing_too_early),
		cmocka_unit_test(damage_is_a_miss),
		cmocka_unit_test(forgets),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
