/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Auditing a publication of one partial bundle. What a record or an entry is, is said here a second
 * time; the audit accepts exactly what both say.
 *
 *	input = the number of entries (1) | length of the file of records (2, big-endian) |
 *	        that file | the file of entries, absent where nothing is left
 *
 * The tile follows from the records, and the head is signed by the log's own key, so that what is
 * wrong is wrong with the bundles.
 */
#include <stdlib.h>
#include <string.h>

#include "digest/tree.h"
#include "log/entry.h"
#include "log/site.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

enum { FRAMED = 2 + RECORD_BYTES };

struct files {
	const uint8_t *records, *entries;
	size_t records_len, entries_len;
	unsigned width;
	struct buf key, note, tile;
};

static enum wm_code read_file_of(void *context, struct buf *out, bool *found, const char *path,
				 struct wm_error *err)
{
	const struct files *f = context;

	*found = true;
	if (strcmp(path, "key") == 0)
		return buf_append(out, f->key.data, f->key.len, err);
	if (strcmp(path, "checkpoint") == 0)
		return buf_append(out, f->note.data, f->note.len, err);
	if (strncmp(path, "tile/0/", 7) == 0)
		return buf_append(out, f->tile.data, f->tile.len, err);
	if (strncmp(path, "tile/entries/", 13) == 0)
		return buf_append(out, f->records, f->records_len, err);
	REQUIRE(strncmp(path, "tile/envelopes/", 15) == 0);
	*found = f->entries_len > 0;
	return buf_append(out, f->entries, f->entries_len, err);
}

/* Stores the tile of as many records as there are, and signs a head of the tree of it. */
static void make_head(struct files *f)
{
	static const char origin[] = "fuzz.example";
	static struct private_key *secret;
	struct tree_frontier tree = TREE_FRONTIER_INIT;
	cleanup_log_key struct log_key *key = NULL;
	uint8_t raw[LOG_KEY_BYTES], leaf[SHA256_BYTES];
	struct tree_head head = { .size = f->width };
	struct wm_error err = { 0 };

	memcpy(head.origin, origin, sizeof(origin));
	if (!secret)
		REQUIRE(private_key_new(&secret, KEY_ED25519, &err) == WM_OK);
	REQUIRE(public_key_ed25519(raw, private_key_public(secret)));
	REQUIRE(log_key_new(&key, origin, raw, &err) == WM_OK);
	REQUIRE(log_key_encode(&f->key, key, &err) == WM_OK);
	for (unsigned i = 0; i < f->width; i++) {
		uint8_t record[RECORD_BYTES] = { 0 };

		if ((i + 1) * (size_t)FRAMED <= f->records_len)
			memcpy(record, f->records + i * (size_t)FRAMED + 2, RECORD_BYTES);
		record_leaf(leaf, record);
		tree_append(&tree, 0, leaf);
		REQUIRE(buf_append(&f->tile, leaf, sizeof(leaf), &err) == WM_OK);
	}
	tree_root(head.root, &tree);
	REQUIRE(note_sign(&f->note, &head, secret, &err) == WM_OK);
}

static bool records_are_good(const struct files *f)
{
	if (f->records_len != (size_t)f->width * FRAMED)
		return false;
	for (unsigned i = 0; i < f->width; i++) {
		const uint8_t *at = f->records + i * (size_t)FRAMED;

		if (at[0] != RECORD_BYTES >> 8 || at[1] != (RECORD_BYTES & 255))
			return false;
	}
	return true;
}

static bool entries_are_good(const struct files *f)
{
	size_t off = 0;

	for (unsigned i = 0; i < f->width; i++) {
		cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
		uint8_t digest[SHA256_BYTES], record[RECORD_BYTES];
		const uint8_t *at = f->entries + off;
		struct envelope e;
		size_t len;

		if (f->entries_len - off < 4)
			return false;
		len = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
		if (f->entries_len - off - 4 < len ||
		    entry_decode(&e, &a, at + 4, len, "fuzz", NULL) != WM_OK)
			return false;
		REQUIRE(sha256_of(digest, at + 4, len, NULL) == WM_OK);
		entry_record(record, &e, digest);
		if (memcmp(record, f->records + i * (size_t)FRAMED + 2, RECORD_BYTES) != 0)
			return false;
		off += 4 + len;
	}
	return off == f->entries_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct files f = { .note = BUF_INIT(LIMIT_NOTE), .key = BUF_INIT(LIMIT_NOTE),
			   .tile = BUF_INIT(TILE_WIDTH * SHA256_BYTES) };
	const struct site site = { read_file_of, &f, "fuzz" };
	cleanup_site_audit struct site_audit a = { .key = NULL };
	struct wm_error err = { 0 };
	enum wm_code code;
	bool good;

	if (size < 3 || data[0] == 0)
		return 0;
	f.width = data[0];
	f.records_len = (size_t)data[1] << 8 | data[2];
	if (f.records_len > size - 3)
		f.records_len = size - 3;
	f.records = data + 3;
	f.entries = data + 3 + f.records_len;
	f.entries_len = size - 3 - f.records_len;
	make_head(&f);
	good = records_are_good(&f) && (f.entries_len == 0 || entries_are_good(&f));
	code = site_audit(&a, &site, NULL, NULL, NULL, &err);
	REQUIRE((code == WM_OK) == good);
	if (code == WM_OK)
		REQUIRE(a.n_withheld == (f.entries_len > 0 ? 0 : f.width));
	else
		REQUIRE(err.reason && err.code != WM_INTERNAL && err.code != WM_IO);
	buf_release(&f.note);
	buf_release(&f.key);
	buf_release(&f.tile);
	return 0;
}
