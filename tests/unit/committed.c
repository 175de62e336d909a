/* SPDX-License-Identifier: Apache-2.0 */
/* Making files of commitments. */
#include "harness.h"

#include <stdio.h>

#include "committed.h"

void committed_key(struct record_key *k)
{
	uint8_t secret[RECORD_KEY_BYTES];

	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	record_key_of(k, secret);
}

void committed_digest(uint8_t out[SHA256_BYTES], unsigned number)
{
	struct wm_error err = { 0 };
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	assert_ok(sha256_of(out, text, strlen(text), &err), &err);
}

void committed_leaf(uint8_t out[SHA256_BYTES], unsigned number)
{
	cleanup_record_key struct record_key k = { .id = { 0 } };
	uint8_t digest[SHA256_BYTES];
	struct commitment c;

	committed_key(&k);
	committed_digest(digest, number);
	record_commit(&c, &k, digest);
	memcpy(out, c.leaf, SHA256_BYTES);
}

static void gather(struct record_set *s, unsigned n)
{
	uint8_t d[1][SHA256_BYTES];
	struct wm_error err = { 0 };

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j <= i % 3; j++) {
			committed_digest(d[0], i);
			assert_ok(record_set_add(s, (const uint8_t (*)[SHA256_BYTES])d, 1, &err),
				  &err);
		}
	record_set_close(s);
}

void committed_set(struct record_set *out, unsigned n)
{
	struct wm_error err = { 0 };
	struct record_key k;

	committed_key(&k);
	gather(out, n);
	assert_ok(record_set_commit(out, &k, 1, &err), &err);
}

static struct tag_row *make_tags(const struct record_set *s, unsigned n,
				 const struct record_key *k)
{
	struct tag_row *tags = calloc(n + 1, sizeof(*tags));
	struct wm_error err = { 0 };
	struct commitment c;
	uint8_t d[SHA256_BYTES];

	assert_non_null(tags);
	for (unsigned i = 0; i < n; i++) {
		const char subject = (char)('0' + i % 4);
		size_t row;

		committed_digest(d, i);
		record_commit(&c, k, d);
		assert_ok(record_tag(tags[i].tag, k, "subject", &subject, 1, &err), &err);
		row = (size_t)(record_set_find(s, c.leaf) - s->rows);
		for (size_t j = 0; j < TAG_ROW_BYTES; j++)
			tags[i].row[j] = (uint8_t)(row >> (24 - 8 * j));
	}
	sort_bytes(tags, n, TAG_BYTES, TAG_BYTES);
	return tags;
}

void committed_write(const char *path, unsigned n)
{
	cleanup_new_file struct new_file f = NEW_FILE_INIT;
	cleanup_record_set struct record_set s = { .n = 0 };
	cleanup_free uint8_t (*tops)[SHA256_BYTES] = NULL;
	cleanup_free struct tag_row *tags = NULL;
	struct commitments_header h = { .n_tags = n };
	struct wm_error err = { 0 };
	struct record_key k;

	committed_key(&k);
	committed_set(&s, n);
	tags = make_tags(&s, n, &k);
	h.n_rows = s.n;
	h.n_records = s.n_records;
	memcpy(h.key_id, k.id, SHA256_BYTES);
	assert_ok(record_set_root(h.root, &tops, &s, &err), &err);
	assert_ok(new_file_open(&f, path, 0600, &err), &err);
	assert_ok(commitments_write(&f, &h, &s, (const uint8_t (*)[SHA256_BYTES])tops, tags, &err),
		  &err);
	assert_ok(new_file_finish(&f, FILE_REPLACE, &err), &err);
}
