/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of journals. */
#include "checkpoint/journal.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/rewrite.h"
#include "util/cursor.h"

static const char magic[] = "weightmark-journal/2\n";

enum wm_code journal_encode(struct buf *out, const struct journal *j, struct wm_error *err)
{
	const uint64_t numbers[] = {
		j->old_size, j->new_size, j->from, j->to, 0, j->inode
	};
	uint8_t digest[SHA256_BYTES];
	size_t start = out->len;

	TRY(buf_append_str(out, magic, err));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		TRY(buf_append_u64be(out, numbers[i], err));
	TRY(buf_append(out, j->replaced, sizeof(j->replaced), err));
	TRY(buf_append(out, j->beside, sizeof(j->beside), err));
	TRY(buf_append_u64be(out, j->len, err));
	TRY(buf_append(out, j->bytes, j->len, err));
	TRY(sha256_of(digest, out->data + start, out->len - start, err));
	return buf_append(out, digest, sizeof(digest), err);
}

static bool take_bytes(struct cursor *c, void *out, size_t len)
{
	const uint8_t *p = cursor_take(c, len);

	if (p)
		memcpy(out, p, len);
	return p != NULL;
}

/* Some bytes must stay beside: those alone bind a half written file to its journal. */
static bool sizes_fit(const struct journal *j)
{
	bool beginning = j->from == 0 && j->to < j->old_size;
	bool end = j->from > 0 && j->from <= j->to && j->to == j->old_size;

	return j->old_size <= INT64_MAX && j->new_size <= INT64_MAX && (beginning || end) &&
	       j->len <= j->new_size &&
	       j->new_size - j->len == j->old_size - (j->to - j->from) &&
	       (end || (j->new_size - j->old_size) % JOURNAL_UNIT == 0);
}

enum wm_code journal_parse(struct journal *out, const void *data, size_t len, const char *name,
			   struct wm_error *err)
{
	struct cursor c = cursor_of(data, len);
	const uint8_t *start = cursor_take(&c, strlen(magic));
	uint8_t digest[SHA256_BYTES];
	struct journal j = { 0 };
	uint64_t n, device;

	if (!start || memcmp(start, magic, strlen(magic)) != 0)
		return fail(err, REASON_JOURNAL_MALFORMED, "%s: does not begin as a journal", name);
	if (!cursor_u64be(&c, &j.old_size) || !cursor_u64be(&c, &j.new_size) ||
	    !cursor_u64be(&c, &j.from) || !cursor_u64be(&c, &j.to) ||
	    !cursor_u64be(&c, &device) || !cursor_u64be(&c, &j.inode) ||
	    !take_bytes(&c, j.replaced, sizeof(j.replaced)) ||
	    !take_bytes(&c, j.beside, sizeof(j.beside)) || !cursor_u64be(&c, &n) ||
	    cursor_left(&c) < SHA256_BYTES || cursor_left(&c) - SHA256_BYTES != n)
		return fail(err, REASON_JOURNAL_MALFORMED, "%s: has the wrong length", name);
	j.len = (size_t)n;
	j.bytes = cursor_take(&c, j.len);
	TRY(sha256_of(digest, data, c.off, err));
	if (memcmp(digest, cursor_take(&c, SHA256_BYTES), SHA256_BYTES) != 0)
		return fail(err, REASON_JOURNAL_MALFORMED, "%s: its digest is wrong", name);
	if (!sizes_fit(&j))
		return fail(err, REASON_JOURNAL_MALFORMED, "%s: its sizes contradict", name);
	*out = j;
	return WM_OK;
}

bool journal_path(char out[LIMIT_PATH], const char *path)
{
	int len = snprintf(out, LIMIT_PATH, "%s%s", path, JOURNAL_SUFFIX);

	return len > 0 && len < LIMIT_PATH;
}
