/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a published log from its first record to its tree head. */
#include "log/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/document.h"
#include "log/entry.h"
#include "util/cursor.h"
#include "util/limits.h"

void site_audit_release(struct site_audit *a)
{
	log_key_free(a->key);
	note_release(&a->note);
}

static enum wm_code malformed(const struct site *s, const char *path, const char *what,
			      struct wm_error *err)
{
	return fail(err, REASON_PUBLICATION_MALFORMED, "%s: %s %s", s->name, path, what);
}

static enum wm_code file_of(char path[LIMIT_PATH], const char *kind, uint64_t n, unsigned width,
			    struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_PATH - 1);

	TRY(buf_printf(&b, err, "tile/%s/", kind));
	TRY(tile_path(&b, n, width, err));
	snprintf(path, LIMIT_PATH, "%s", buf_str(&b));
	return WM_OK;
}

/* Reads a file that must be there; out->max is the most that it can be. */
static enum wm_code need(struct buf *out, const struct site *s, const char *path,
			 struct wm_error *err)
{
	struct wm_error why = { 0 };
	bool found = false;

	if (s->read(s->context, out, &found, path, &why) == WM_OK)
		return found ? WM_OK : malformed(s, path, "is not there", err);
	if (error_reason(&why) == REASON_LIMIT)
		return malformed(s, path, "is longer than it can be", err);
	return fail_again(err, &why);
}

enum wm_code site_tile(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level, uint64_t n,
		       unsigned width, struct wm_error *err)
{
	const struct site_tiles *t = context;
	cleanup_buf struct buf b = BUF_INIT(TILE_WIDTH * SHA256_BYTES);
	const unsigned served = tile_width(level, n, t->size);
	char path[LIMIT_PATH], kind[8];

	snprintf(kind, sizeof(kind), "%u", level);
	TRY(file_of(path, kind, n, served, err));
	TRY(need(&b, t->site, path, err));
	if (width > served || b.len != (size_t)served * SHA256_BYTES)
		return malformed(t->site, path, "has another length than a tile", err);
	memcpy(hashes, b.data, (size_t)width * SHA256_BYTES);
	return WM_OK;
}

struct auditing {
	const struct site *site;
	const struct site_visitor *visitor;
	struct site_audit *out;
	struct tile_edge edge;
	struct site_tiles tiles;
	tile_hashes served;
	struct buf records, entries;
};

static enum wm_code compare_tile(struct auditing *a, unsigned level, uint64_t n,
				 const tile_hashes hashes, unsigned width, struct wm_error *err)
{

	TRY(site_tile(&a->tiles, a->served, level, n, width, err));
	if (memcmp(a->served, hashes, (size_t)width * SHA256_BYTES) == 0)
		return WM_OK;
	return malformed(a->site, "tile", "does not follow from the records before it", err);
}

static enum wm_code tile_is_full(void *context, unsigned level, uint64_t n,
				 const tile_hashes hashes, struct wm_error *err)
{
	return compare_tile(context, level, n, hashes, TILE_WIDTH, err);
}

/* The entry that the record names, where it is published. */
static enum wm_code check_entry(struct auditing *a, struct cursor *entries, const uint8_t *record,
				const char *path, struct wm_error *err)
{
	cleanup_arena struct arena arena = ARENA_INIT(LIMIT_DECODE_MEMORY);
	const uint8_t *length = cursor_take(entries, 4), *data;
	uint8_t digest[SHA256_BYTES], again[RECORD_BYTES];
	struct envelope e;
	size_t len;

	if (!length)
		return malformed(a->site, path, "ends too early", err);
	len = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 |
	      length[3];
	data = cursor_take(entries, len);
	if (!data)
		return malformed(a->site, path, "ends too early", err);
	TRY(entry_decode(&e, &arena, data, len, a->site->name, err));
	TRY(sha256_of(digest, data, len, err));
	entry_record(again, &e, digest);
	if (memcmp(again, record, RECORD_BYTES) != 0)
		return malformed(a->site, path, "holds an entry that its record does not name",
				 err);
	return a->visitor ? a->visitor->entry(a->visitor->context, &e, a->edge.size, err) : WM_OK;
}

static enum wm_code check_bundle(struct auditing *a, uint64_t n, unsigned width,
				 struct wm_error *err)
{
	char path[LIMIT_PATH], beside[LIMIT_PATH];
	struct cursor records, entries;
	bool published = false;

	TRY(file_of(path, "entries", n, width, err));
	TRY(file_of(beside, "envelopes", n, width, err));
	buf_truncate(&a->records, 0);
	buf_truncate(&a->entries, 0);
	TRY(need(&a->records, a->site, path, err));
	TRY(a->site->read(a->site->context, &a->entries, &published, beside, err));
	records = cursor_of(a->records.data, a->records.len);
	entries = cursor_of(a->entries.data, a->entries.len);
	for (unsigned i = 0; i < width; i++) {
		const uint8_t *length = cursor_take(&records, 2);
		const uint8_t *record = cursor_take(&records, RECORD_BYTES);
		uint8_t leaf[SHA256_BYTES];

		if (!record || length[0] != 0 || length[1] != RECORD_BYTES)
			return malformed(a->site, path, "is not of records", err);
		if (published)
			TRY(check_entry(a, &entries, record, beside, err));
		record_leaf(leaf, record);
		TRY(tile_edge_append(&a->edge, leaf, tile_is_full, a, err));
	}
	if (cursor_left(&records) > 0 || cursor_left(&entries) > 0)
		return malformed(a->site, path, "goes on behind its last record", err);
	a->out->n_withheld += published ? 0 : width;
	return WM_OK;
}

static bool is_missing(const struct site *s, const char *path)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	bool found = true;

	return s->read(s->context, &text, &found, path, NULL) == WM_OK && !found;
}

/* Where nothing of a publication is, there is none. */
static enum wm_code need_key(struct buf *out, const struct site *s, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (need(out, s, "key", &why) == WM_OK)
		return WM_OK;
	if (is_missing(s, "key") && is_missing(s, "checkpoint"))
		return fail(err, REASON_NOT_FOUND, "%s: no log is published there", s->name);
	return fail_again(err, &why);
}

static enum wm_code read_head(struct site_audit *out, const struct site *s,
			      const struct log_keys *pinned, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	const struct log_key *found;
	struct wm_error why = { 0 };

	TRY(need_key(&text, s, err));
	if (log_key_parse(&out->key, text.data, text.len, "key", &why) != WM_OK)
		return fail_as(err, REASON_PUBLICATION_MALFORMED, &why);
	buf_truncate(&text, 0);
	TRY(need(&text, s, "checkpoint", err));
	TRY(note_parse(&out->note, text.data, text.len, "checkpoint", err));
	found = pinned ? log_keys_find(pinned, log_key_origin(out->key), log_key_raw(out->key)) :
			 NULL;
	if (!found && pinned && log_keys_know(pinned, out->note.head.origin))
		return fail(err, REASON_NOTE_SIGNATURE,
			    "%s: is by another key than the one that is pinned for %s", s->name,
			    out->note.head.origin);
	out->pinned = found != NULL;
	return note_verify(&out->note, out->key, err);
}

static enum wm_code check_edge(struct auditing *a, struct wm_error *err)
{
	const struct tree_head *head = &a->out->note.head;
	uint8_t root[SHA256_BYTES];

	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		const uint64_t n = head->size >> (8 * level) >> 8;
		const unsigned width = tile_width(level, n, head->size);

		if (width > 0 && width < TILE_WIDTH)
			TRY(compare_tile(a, level, n, a->edge.levels[level], width, err));
	}
	tile_edge_root(root, &a->edge);
	if (memcmp(root, head->root, SHA256_BYTES) != 0)
		return malformed(a->site, "checkpoint", "does not follow from the records", err);
	return WM_OK;
}

enum wm_code site_audit(struct site_audit *out, const struct site *site,
			const struct log_keys *pinned, const struct site_visitor *visitor,
			struct progress *progress, struct wm_error *err)
{
	cleanup_free struct auditing *a = calloc(1, sizeof(*a));
	enum wm_code code = WM_OK;
	uint64_t size;

	if (!a)
		return fail_nomem(err);
	TRY(read_head(out, site, pinned, err));
	size = out->note.head.size;
	a->site = site;
	a->out = out;
	a->visitor = visitor;
	a->tiles = (struct site_tiles){ site, size };
	a->records = (struct buf)BUF_INIT(TILE_WIDTH * (2 + RECORD_BYTES) + 1);
	a->entries = (struct buf)BUF_INIT(LIMIT_BUNDLE);
	if (progress)
		progress->total += size;
	for (uint64_t n = 0; n * TILE_WIDTH < size && code == WM_OK; n++) {
		code = check_bundle(a, n, tile_width(0, n, size), err);
		progress_add(progress, tile_width(0, n, size));
	}
	if (code == WM_OK)
		code = check_edge(a, err);
	buf_release(&a->records);
	buf_release(&a->entries);
	return code;
}
