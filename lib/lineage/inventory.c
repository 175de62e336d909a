/* SPDX-License-Identifier: Apache-2.0 */
/* Columns by their names; one row in memory. */
#include "lineage/inventory.h"

#include <ctype.h>
#include <string.h>

#include "util/base64.h"
#include "util/hex.h"

enum { HEX = 2 * SHA256_BYTES, BASE64 = 44 };

static bool read_hex(uint8_t out[SHA256_BYTES], const char *text)
{
	char lower[HEX];

	for (size_t i = 0; i < HEX; i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
	return hex_decode(out, lower, HEX);
}

bool inventory_digest(uint8_t out[SHA256_BYTES], const char *text)
{
	size_t len;

	if (strncasecmp(text, "sha256:", 7) == 0)
		text += 7;
	len = strlen(text);
	if (len == HEX)
		return read_hex(out, text);
	return len == BASE64 && base64_decoded_len(text, len) == SHA256_BYTES &&
	       base64_decode(out, text, len);
}

/* --- inventories ------------------------------------------------------------------------- */

enum column { COLUMN_KEY, COLUMN_BUCKET, COLUMN_SIZE, COLUMN_SHA256, COLUMN_ETAG, N_COLUMNS };

/* Names without case and punctuation. Of several columns of a kind the first name here counts. */
static const struct {
	const char *name;
	enum column column;
} named[] = {
	{ "key", COLUMN_KEY },
	{ "path", COLUMN_KEY },
	{ "objectkey", COLUMN_KEY },
	{ "name", COLUMN_KEY },
	{ "filename", COLUMN_KEY },
	{ "bucket", COLUMN_BUCKET },
	{ "container", COLUMN_BUCKET },
	{ "size", COLUMN_SIZE },
	{ "contentlength", COLUMN_SIZE },
	{ "bytes", COLUMN_SIZE },
	{ "checksumsha256", COLUMN_SHA256 },
	{ "sha256", COLUMN_SHA256 },
	{ "sha256sum", COLUMN_SHA256 },
	{ "checksum", COLUMN_SHA256 },
	{ "etag", COLUMN_ETAG },
};

enum { NAMED = sizeof(named) / sizeof(named[0]), NAME_MAX_ = 32 };

static void plain_name(char out[NAME_MAX_], const char *name)
{
	size_t n = 0;

	for (; *name; name++)
		if (isalnum((unsigned char)*name) && n < NAME_MAX_ - 1)
			out[n++] = (char)tolower((unsigned char)*name);
	out[n] = '\0';
}

/* Where each column is, or -1. Of one kind, two columns of the same name refuse. */
static enum wm_code find_columns(int at[N_COLUMNS], const struct table *t, struct wm_error *err)
{
	size_t rank[N_COLUMNS];
	char name[NAME_MAX_];

	for (size_t c = 0; c < N_COLUMNS; c++) {
		at[c] = -1;
		rank[c] = NAMED;
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		plain_name(name, t->cells[i]);
		for (size_t k = 0; k < NAMED; k++) {
			const enum column c = named[k].column;

			if (strcmp(name, named[k].name) != 0)
				continue;
			if (k == rank[c])
				return table_fail(t, i, "a second column of this name", err);
			if (k < rank[c]) {
				rank[c] = k;
				at[c] = (int)i;
			}
		}
	}
	if (at[COLUMN_KEY] < 0)
		return fail(err, REASON_TABLE_COLUMNS, "%s: has no column key or path", t->name);
	if (at[COLUMN_SHA256] < 0)
		return fail(err, REASON_TABLE_COLUMNS, "%s: has no column sha256 or checksum%s",
			    t->name,
			    at[COLUMN_ETAG] >= 0 ? "; an e_tag is no digest of an object" : "");
	return WM_OK;
}

static bool read_size(uint64_t *out, const char *text)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10U, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return false;
	*out = n;
	return true;
}

static const char *cell(const struct table *t, int column)
{
	return column >= 0 && (size_t)column < t->n_cells ? t->cells[column] : "";
}

static enum wm_code read_row(struct listed_copy *out, const struct table *t,
			     const int at[N_COLUMNS], struct wm_error *err)
{
	const char *bucket = cell(t, at[COLUMN_BUCKET]), *size = cell(t, at[COLUMN_SIZE]);
	const char *digest = cell(t, at[COLUMN_SHA256]);

	*out = (struct listed_copy){ .key = cell(t, at[COLUMN_KEY]) };
	if (!*out->key)
		return table_fail(t, (size_t)at[COLUMN_KEY], "no key", err);
	out->bucket = *bucket ? bucket : NULL;
	out->has_size = read_size(&out->size, size);
	if (*size && !out->has_size)
		return table_fail(t, (size_t)at[COLUMN_SIZE], "no number of bytes", err);
	out->has_sha256 = inventory_digest(out->sha256, digest);
	if (!out->has_sha256)
		out->why = !*digest ? "no checksum" :
			   strchr(digest, '-') ? "a checksum of parts, not of the object" :
						 "not a SHA-256";
	return WM_OK;
}

enum wm_code inventory_read(const char *path, listed_copy_fn *visit, void *context,
			    struct wm_error *err)
{
	cleanup_table struct table t = { 0 };
	struct listed_copy row;
	int at[N_COLUMNS];
	bool more;

	TRY(table_open(&t, path, TABLE_CSV, err));
	TRY(table_next(&t, &more, err));
	if (!more)
		return fail(err, REASON_TABLE_COLUMNS, "%s: has no row", path);
	TRY(find_columns(at, &t, err));
	for (;;) {
		TRY(table_next(&t, &more, err));
		if (!more)
			return WM_OK;
		TRY(read_row(&row, &t, at, err));
		TRY(visit(context, &row, err));
	}
}

/* --- sha256sum --------------------------------------------------------------------------- */

/* Takes the escapes of coreutils out, in place. */
static bool unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '\\') {
			*to++ = *text;
			continue;
		}
		text++;
		if (*text != '\\' && *text != 'n' && *text != 'r')
			return false;
		*to++ = (char)(*text == 'n' ? '\n' : *text == 'r' ? '\r' : '\\');
	}
	*to = '\0';
	return true;
}

/* "HEX  NAME" and "HEX *NAME"; "SHA256 (NAME) = HEX". */
static bool read_line(struct listed_copy *out, char *line)
{
	const bool escaped = *line == '\\';
	char *name;
	size_t len;

	line += escaped;
	len = strlen(line);
	*out = (struct listed_copy){ .has_sha256 = true };
	if (strncmp(line, "SHA256 (", 8) == 0) {
		name = line + 8;
		if (len < 8 + 4 + HEX || memcmp(line + len - HEX - 4, ") = ", 4) != 0 ||
		    !read_hex(out->sha256, line + len - HEX))
			return false;
		line[len - HEX - 4] = '\0';
	} else {
		name = line + HEX + 2;
		if (len <= HEX + 2 || line[HEX] != ' ' ||
		    (line[HEX + 1] != ' ' && line[HEX + 1] != '*') ||
		    !read_hex(out->sha256, line))
			return false;
	}
	out->key = name;
	return *name && (!escaped || unescape(name));
}

enum wm_code sums_read(const char *path, listed_copy_fn *visit, void *context,
		       struct wm_error *err)
{
	cleanup_table struct table t = { 0 };
	struct listed_copy row;
	bool more;

	TRY(table_open(&t, path, TABLE_LINES, err));
	for (;;) {
		TRY(table_next(&t, &more, err));
		if (!more)
			return WM_OK;
		if (t.row[0] == '#')
			continue;
		if (!read_line(&row, t.row))
			return table_fail(&t, 0, "not a line of sha256sum", err);
		TRY(visit(context, &row, err));
	}
}
