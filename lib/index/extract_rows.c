/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of what is indexed: words, names, digests, edges; and how texts are folded for them. */
#include "index/extract.h"

#include <string.h>

#include "text/fold.h"
#include "util/utf8.h"

/* --- texts ---------------------------------------------------------------------------- */

enum wm_code fold_name(struct buf *out, const char *text, struct wm_error *err)
{
	size_t from = out->len;

	TRY(buf_append_str(out, text, err));
	for (size_t i = from; i < out->len; i++)
		if (out->data[i] >= 'A' && out->data[i] <= 'Z')
			out->data[i] = (uint8_t)(out->data[i] | 0x20);
	return WM_OK;
}

/* Punctuation and spaces beyond ASCII: the tokenizer of the table takes all that for letters. */
static bool parts_words(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0x00a0, 0x00a9 }, { 0x00ab, 0x00b4 }, { 0x00b6, 0x00b9 }, { 0x00bb, 0x00bf },
		{ 0x00d7, 0x00d7 }, { 0x00f7, 0x00f7 }, { 0x2000, 0x206f }, { 0x2190, 0x2bff },
		{ 0x3000, 0x3004 }, { 0x3008, 0x3020 }, { 0xff01, 0xff0f }, { 0xff1a, 0xff20 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

enum wm_code fold_words(struct buf *out, const char *text, struct wm_error *err)
{
	size_t at = out->len, len = 0;

	while (text[len] && !((unsigned char)text[len] & 0x80))
		len++;
	if (!text[len]) /* the tokenizer folds ASCII */
		return buf_append(out, text, len, err);
	TRY(fold_append(out, text, strlen(text), err));
	while (at < out->len) {
		uint32_t c = 0;
		size_t n = utf8_decode(&c, out->data + at, out->len - at);

		if (n == 0)
			return fail(err, REASON_INTERNAL, "text was folded to what is not UTF-8");
		if (parts_words(c))
			memset(out->data + at, ' ', n);
		at += n;
	}
	return WM_OK;
}

/* --- rows ----------------------------------------------------------------------------- */

/* The number of a word, which is added where it is new. */
static enum wm_code word_number(int64_t *out, struct index *x, const struct buf *word,
				struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	TRY(sql_start(&q, x, SQL_WORD, err));
	sql_text_of(&q, word->data, word->len);
	TRY(sql_step(&row, &q, err));
	if (row) {
		*out = sqlite3_column_int64(q.stmt, 0);
		return WM_OK;
	}
	sql_end(&q);
	TRY(sql_start(&q, x, SQL_WORD_ADD, err));
	sql_text_of(&q, word->data, word->len);
	TRY(sql_run(&q, err));
	*out = sqlite3_last_insert_rowid(x->db);
	return WM_OK;
}

enum wm_code extract_number(int64_t *out, struct index *x, const char *text, struct wm_error *err)
{
	cleanup_buf struct buf word = BUF_INIT(LIMIT_STATEMENT);

	TRY(buf_append_str(&word, text, err));
	return word_number(out, x, &word, err);
}

enum wm_code extract_name(struct extract *e, enum name_class class, const char *text,
			  struct wm_error *err)
{
	cleanup_buf struct buf word = BUF_INIT(LIMIT_STATEMENT);
	cleanup_sql struct sql q = SQL_INIT;
	int64_t number;

	if (!text || !*text)
		return WM_OK;
	TRY(fold_name(&word, text, err));
	TRY(word_number(&number, e->x, &word, err));
	TRY(sql_start(&q, e->x, SQL_NAME_ADD, err));
	sql_int(&q, number);
	sql_int(&q, class);
	sql_int(&q, e->entry);
	return sql_run(&q, err);
}

enum wm_code extract_digest(struct extract *e, enum digest_role role,
			    const Weightmark__V1__Digest *digest, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	if (!digest)
		return WM_OK;
	TRY(sql_start(&q, e->x, SQL_DIGEST_ADD, err));
	sql_data(&q, digest->sha256.data, digest->sha256.len);
	sql_int(&q, role);
	sql_int(&q, e->entry);
	return sql_run(&q, err);
}

void sql_number(struct sql *q, const uint64_t *value)
{
	if (value)
		sql_int(q, (int64_t)*value);
	else
		sql_null(q);
}

void sql_digest(struct sql *q, const Weightmark__V1__Digest *digest)
{
	if (digest)
		sql_data(q, digest->sha256.data, digest->sha256.len);
	else
		sql_null(q);
}

/* What nothing but a URI names is an object of its own, which nobody knows. */
static enum wm_code uri_number(int64_t *out, struct index *x, const char *uri, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

	TRY(buf_printf(&text, err, "uri:%s", uri));
	return word_number(out, x, &text, err);
}

enum wm_code extract_edge(struct extract *e, const struct extract_edge *edge,
			  const Weightmark__V1__Reference *r, struct wm_error *err)
{
	const bool by_uri = r && r->uri && !r->object && !r->statement && !r->weights_digest &&
			    !r->sha256;
	cleanup_sql struct sql q = SQL_INIT;
	int64_t object;

	if (!r)
		return WM_OK;
	if (r->object)
		TRY(extract_number(&object, e->x, r->object->text, err));
	else if (by_uri)
		TRY(uri_number(&object, e->x, r->uri, err));
	TRY(sql_start(&q, e->x, SQL_EDGE_ADD, err));
	sql_int(&q, e->entry);
	sql_int(&q, e->n_edges++);
	sql_int(&q, edge->kind);
	sql_number(&q, edge->detail);
	sql_number(&q, edge->derivation);
	if (r->object || by_uri)
		sql_int(&q, object);
	else
		sql_null(&q);
	if (r->statement)
		sql_data(&q, r->statement->sha256.data, r->statement->sha256.len);
	else
		sql_null(&q);
	sql_digest(&q, r->weights_digest);
	sql_digest(&q, r->sha256);
	sql_number(&q, edge->from_step);
	sql_number(&q, edge->to_step);
	sql_digest(&q, edge->subset);
	return sql_run(&q, err);
}
