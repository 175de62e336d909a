/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/record_key.c: the vectors of docs/format.md, files, and many at once. */
#include "harness.h"

#include <stdio.h>

#include "committed.h"
#include "data/record_key.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"

static const char commitment_r[] =
	"b63f2763e7a07bce99f0af70062a17a42ad3e14aecda01ba87e091df733fb68e";
static const char commitment_leaf_[] =
	"e9b178a22af4685be4660e4e696f4197e28e09cefc817992d640b268910d7627";
static const char key_id[] = "8f3defb4dbf51f284b1bd0bf33137c87354510c96fb8d4382a94e8ef2e35963b";
static const char subject_4711[] = "82986bf746782f2f835964b7db05ec00";

static void assert_hex(const uint8_t *got, size_t len, const char *expected)
{
	char text[2 * SHA256_BYTES + 1];

	hex_encode(text, got, len);
	assert_string_equal(text, expected);
}

static void agrees_with_the_published_vectors(void **state)
{
	cleanup_record_key struct record_key k = { .id = { 0 } };
	uint8_t d[SHA256_BYTES], tag[RECORD_TAG_BYTES], leaf[SHA256_BYTES];
	struct wm_error err = { 0 };
	struct commitment c;

	(void)state;
	committed_key(&k);
	assert_hex(k.id, SHA256_BYTES, key_id);
	assert_ok(sha256_of(d, "photo", 5, &err), &err);
	record_commit(&c, &k, d);
	assert_hex(c.r, SHA256_BYTES, commitment_r);
	assert_hex(c.leaf, SHA256_BYTES, commitment_leaf_);
	commitment_leaf(leaf, c.r, d);
	assert_memory_equal(leaf, c.leaf, SHA256_BYTES);
	assert_ok(record_tag(tag, &k, "subject", "4711", 4, &err), &err);
	assert_hex(tag, RECORD_TAG_BYTES, subject_4711);
}

static void tags_have_a_limit(void **state)
{
	static char value[LIMIT_ATTRIBUTE + 1];
	cleanup_record_key struct record_key k = { .id = { 0 } };
	uint8_t tag[RECORD_TAG_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	committed_key(&k);
	assert_ok(record_tag(tag, &k, "subject", value, LIMIT_ATTRIBUTE, &err), &err);
	assert_reason(record_tag(tag, &k, "subject", value, LIMIT_ATTRIBUTE + 1, &err), &err,
		      LIMIT);
}

/* Lengths around the lanes, and a stride with something behind each digest. */
static void many_are_what_each_is(void **state)
{
	enum { STRIDE = 36, MAX = 600 };
	static const size_t sizes[] = { 1, 2, 255, 256, 257, 511, 512, 513, MAX };
	static uint8_t rows[MAX][STRIDE], before[MAX][STRIDE];
	cleanup_committer struct committer *many = NULL;
	cleanup_record_key struct record_key k = { .id = { 0 } };
	struct wm_error err = { 0 };
	struct commitment c;

	(void)state;
	committed_key(&k);
	assert_ok(committer_new(&many, &k, &err), &err);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (size_t i = 0; i < MAX * STRIDE; i++)
			rows[i / STRIDE][i % STRIDE] = (uint8_t)(i * 7 + i / 251 + s);
		memcpy(before, rows, sizeof(before));
		assert_ok(committer_run(many, rows[0], STRIDE, sizes[s], &err), &err);
		for (size_t i = 0; i < MAX; i++) {
			record_commit(&c, &k, before[i]);
			assert_memory_equal(rows[i], i < sizes[s] ? c.leaf : before[i],
					    SHA256_BYTES);
			assert_memory_equal(rows[i] + SHA256_BYTES, before[i] + SHA256_BYTES,
					    STRIDE - SHA256_BYTES);
		}
	}
}

/* --- files ------------------------------------------------------------------------------- */

static void keeps_keys_in_files(void **state)
{
	cleanup_record_key struct record_key k = { .id = { 0 } }, other = { .id = { 0 } };
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.wmck", dir);
	assert_reason(record_key_load(&k, path, &err), &err, COMMITMENT_KEY_MISSING);
	assert_ok(record_key_new(&k, &err), &err);
	assert_ok(record_key_store(&k, path, &err), &err);
	assert_reason(record_key_store(&k, path, &err), &err, EXISTS);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(record_key_load(&other, path, &err), &err);
	assert_memory_equal(&k, &other, sizeof(k));
	assert_ok(record_key_new(&other, &err), &err);
	assert_memory_not_equal(k.secret, other.secret, RECORD_KEY_BYTES);
	scratch_remove(take_ptr(&dir));
}

static void refuses_what_is_no_key(void **state)
{
	static const char good[] = "weightmark-commitment-key/1\n"
				   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
	cleanup_record_key struct record_key k = { .id = { 0 } };
	const size_t len = sizeof(good) - 1;
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300], text[sizeof(good) + 1];

	(void)state;
	snprintf(path, sizeof(path), "%s/a.wmck", dir);
	assert_ok(file_write(path, good, len, 0600, FILE_REPLACE, &err), &err);
	assert_ok(record_key_load(&k, path, &err), &err);
	assert_hex(k.id, SHA256_BYTES, key_id);
	memcpy(text, good, sizeof(good));
	text[len] = '\n';
	for (size_t n = 0; n <= len + 1; n++) {
		if (n == len)
			continue;
		assert_ok(file_write(path, text, n, 0600, FILE_REPLACE, &err), &err);
		assert_reason(record_key_load(&k, path, &err), &err, COMMITMENT_KEY_MALFORMED);
	}
	for (size_t i = 0; i < len; i++) {
		memcpy(text, good, sizeof(good));
		text[i] = '\x01';
		assert_ok(file_write(path, text, len, 0600, FILE_REPLACE, &err), &err);
		assert_reason(record_key_load(&k, path, &err), &err, COMMITMENT_KEY_MALFORMED);
	}
	assert_reason(record_key_destroy(path, 7, &err), &err, COMMITMENT_KEY_MALFORMED);
	assert_true(file_exists(path));
	scratch_remove(take_ptr(&dir));
}

/* Of the key nothing stays but its id; destroying it again changes nothing. */
static void destroys_the_bytes(void **state)
{
	cleanup_record_key struct record_key k = { .id = { 0 } };
	cleanup_buf struct buf before = BUF_INIT(4096), left = BUF_INIT(4096), again = BUF_INIT(4096);
	cleanup_free char *dir = scratch_new();
	struct record_key_state found;
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/a.wmck", dir);
	assert_reason(record_key_destroy(path, 7, &err), &err, COMMITMENT_KEY_MISSING);
	assert_ok(record_key_new(&k, &err), &err);
	assert_ok(record_key_store(&k, path, &err), &err);
	assert_ok(record_key_look(&found, path, &err), &err);
	assert_false(found.destroyed);
	assert_memory_equal(found.id, k.id, SHA256_BYTES);
	read_file(&before, path);
	assert_ok(record_key_destroy(path, 7, &err), &err);
	read_file(&left, path);
	assert_null(memmem(left.data, left.len, before.data + 28, 8));
	assert_true(left.len >= before.len);
	assert_ok(record_key_destroy(path, 8, &err), &err);
	read_file(&again, path);
	assert_int_equal(again.len, left.len);
	assert_memory_equal(again.data, left.data, left.len);
	assert_ok(record_key_look(&found, path, &err), &err);
	assert_true(found.destroyed);
	assert_int_equal(found.at, 7);
	assert_memory_equal(found.id, k.id, SHA256_BYTES);
	assert_reason(record_key_load(&k, path, &err), &err, COMMITMENT_KEY_MISSING);
	left.data[40] = '\x01';
	assert_ok(file_write(path, left.data, left.len, 0600, FILE_REPLACE, &err), &err);
	assert_reason(record_key_look(&found, path, &err), &err, COMMITMENT_KEY_MALFORMED);
	scratch_remove(take_ptr(&dir));
}

static enum wm_code store_and_load(void *context, struct wm_error *err)
{
	cleanup_record_key struct record_key k = { .id = { 0 } };
	cleanup_committer struct committer *c = NULL;
	const char *path = context;

	unlink(path);
	TRY(record_key_new(&k, err));
	TRY(record_key_store(&k, path, err));
	TRY(record_key_load(&k, path, err));
	return committer_new(&c, &k, err);
}

static void survives_want_of_memory(void **state)
{
	cleanup_free char *dir = scratch_new();
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/a.wmck", dir);
	with_every_allocation_failing(store_and_load, path);
	scratch_remove(take_ptr(&dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_published_vectors),
		cmocka_unit_test(tags_have_a_limit),
		cmocka_unit_test(many_are_what_each_is),
		cmocka_unit_test(keeps_keys_in_files),
		cmocka_unit_test(refuses_what_is_no_key),
		cmocka_unit_test(destroys_the_bytes),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
