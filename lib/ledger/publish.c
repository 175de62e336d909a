/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a log as tiles and bundles. */
#include "ledger/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/site.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/lock.h"

void publication_release(struct publication *p)
{
	note_release(&p->note);
}

struct publishing {
	struct publication *out;
	const char *directory;
	uint64_t size; /* of the log */
	bool envelopes;
	struct note before; /* published; no text: nothing */
	struct tile_edge edge;
	struct buf records;	 /* of the present bundle */
	struct new_file entries; /* of the present bundle */
	uint64_t entries_len;	 /* bytes of it so far */
	char path[LIMIT_PATH];	 /* of `entries` */
	uint64_t n_missing;	 /* bundles of envelopes of what was published before */
	bool filling;		 /* the present bundle is one of them */
};

static void publishing_release(struct publishing *p)
{
	note_release(&p->before);
	buf_release(&p->records);
	new_file_release(&p->entries);
}

/* Directories below the publication's own are ours, and lead nowhere else. */
static enum wm_code check_no_links(const struct publishing *p, char *path, struct wm_error *err)
{
	struct stat st;

	for (char *slash = path + strlen(p->directory); slash; slash = strchr(slash + 1, '/')) {
		bool linked;

		*slash = '\0';
		linked = slash > path + strlen(p->directory) && lstat(path, &st) == 0 &&
			 !S_ISDIR(st.st_mode);
		if (linked)
			TRY(fail(err, REASON_PUBLICATION_FOREIGN, "%s: is no directory", path));
		*slash = '/';
	}
	return WM_OK;
}

/* The path of a file of the publication. */
static enum wm_code path_of(char path[LIMIT_PATH], const struct publishing *p, const char *kind,
			    uint64_t n, unsigned width, struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_PATH - 1);

	TRY(buf_printf(&b, err, "%s/tile/%s/", p->directory, kind));
	TRY(tile_path(&b, n, width, err));
	snprintf(path, LIMIT_PATH, "%s", buf_str(&b));
	return WM_OK;
}

/* The same, with its directory made. */
static enum wm_code place(char path[LIMIT_PATH], const struct publishing *p, const char *kind,
			  uint64_t n, unsigned width, struct wm_error *err)
{
	char *slash;

	TRY(path_of(path, p, kind, n, width, err));
	TRY(check_no_links(p, path, err));
	slash = strrchr(path, '/');
	*slash = '\0';
	TRY(file_mkdirs(path, 0755, err));
	*slash = '/';
	return WM_OK;
}

/* Whether the file holds these bytes, and can be left as it is. */
static bool holds(const char *path, const void *data, size_t len)
{
	cleanup_buf struct buf found = BUF_INIT(len);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == len &&
	       file_read(&found, path, NULL) == WM_OK && memcmp(found.data, data, len) == 0;
}

static enum wm_code write_whole(struct publishing *p, const char *path, const void *data,
				size_t len, struct wm_error *err)
{
	p->out->n_files++;
	return file_write(path, data, len, 0644, FILE_REPLACE, err);
}

/* Writes tile `n` unless it stands there with this width and these bytes. */
static enum wm_code write_tile(struct publishing *p, unsigned level, uint64_t n,
			       const tile_hashes hashes, unsigned width, struct wm_error *err)
{
	char path[LIMIT_PATH], kind[8];

	snprintf(kind, sizeof(kind), "%u", level);
	TRY(place(path, p, kind, n, width, err));
	if (tile_width(level, n, p->out->was) == width &&
	    holds(path, hashes, (size_t)width * SHA256_BYTES))
		return WM_OK;
	return write_whole(p, path, hashes, (size_t)width * SHA256_BYTES, err);
}

static enum wm_code tile_is_full(void *context, unsigned level, uint64_t n,
				 const tile_hashes hashes, struct wm_error *err)
{
	return write_tile(context, level, n, hashes, TILE_WIDTH, err);
}

/* --- bundles ----------------------------------------------------------------------------- */

static enum wm_code begin_bundle(struct publishing *p, uint64_t n, struct wm_error *err)
{
	buf_truncate(&p->records, 0);
	if (!p->envelopes)
		return WM_OK;
	p->entries_len = 0;
	TRY(place(p->path, p, "envelopes", n, tile_width(0, n, p->size), err));
	return new_file_open(&p->entries, p->path, 0644, err);
}

static enum wm_code end_bundle(struct publishing *p, uint64_t n, struct wm_error *err)
{
	char path[LIMIT_PATH];

	TRY(place(path, p, "entries", n, tile_width(0, n, p->size), err));
	if (!holds(path, p->records.data, p->records.len))
		TRY(write_whole(p, path, p->records.data, p->records.len, err));
	if (!p->envelopes)
		return WM_OK;
	TRY(new_file_finish(&p->entries, FILE_REPLACE, err));
	new_file_release(&p->entries);
	p->entries = (struct new_file)NEW_FILE_INIT;
	p->out->n_files++;
	return WM_OK;
}

static enum wm_code add_to_bundle(struct publishing *p, const struct ledger_entry *e,
				  struct wm_error *err)
{
	const uint8_t length[4] = { (uint8_t)(e->len >> 24), (uint8_t)(e->len >> 16),
				    (uint8_t)(e->len >> 8), (uint8_t)e->len };
	uint8_t record[RECORD_BYTES], digest[SHA256_BYTES];

	TRY(sha256_of(digest, e->data, e->len, err));
	entry_record(record, &e->envelope, digest);
	TRY(buf_append_byte(&p->records, 0, err));
	TRY(buf_append_byte(&p->records, RECORD_BYTES, err));
	TRY(buf_append(&p->records, record, RECORD_BYTES, err));
	if (!p->envelopes)
		return WM_OK;
	p->entries_len += sizeof(length) + e->len;
	if (p->entries_len > LIMIT_BUNDLE)
		return fail(err, REASON_LIMIT,
			    "%s: the envelopes of %d entries take over %d bytes; publish without "
			    "them", p->path, TILE_WIDTH, LIMIT_BUNDLE);
	TRY(file_write_fd(p->entries.fd, length, sizeof(length), p->path, err));
	return file_write_fd(p->entries.fd, e->data, e->len, p->path, err);
}

/* What was published must be the beginning of what is here. */
static enum wm_code check_before(const struct publishing *p, struct wm_error *err)
{
	uint8_t root[SHA256_BYTES];

	if (!p->before.text || p->edge.size != p->out->was)
		return WM_OK;
	tile_edge_root(root, &p->edge);
	if (memcmp(root, p->before.head.root, SHA256_BYTES) != 0)
		return fail(err, REASON_PUBLICATION_FOREIGN,
			    "%s: what is published is another history of the log", p->directory);
	return WM_OK;
}

static enum wm_code add_entry(struct publishing *p, const struct ledger_entry *e, uint64_t n,
			      uint64_t end, struct wm_error *err)
{
	if (e->position % TILE_WIDTH == 0)
		TRY(begin_bundle(p, n, err));
	TRY(add_to_bundle(p, e, err));
	return e->position + 1 == end ? end_bundle(p, n, err) : WM_OK;
}

static uint64_t end_of(const struct publishing *p, uint64_t n)
{
	return (n + 1) * TILE_WIDTH < p->size ? (n + 1) * TILE_WIDTH : p->size;
}

/* Of what was published before, --no-envelopes may have left envelopes out. */
static enum wm_code is_missing(bool *out, const struct publishing *p, uint64_t n,
			       struct wm_error *err)
{
	char path[LIMIT_PATH];

	TRY(path_of(path, p, "envelopes", n, tile_width(0, n, p->size), err));
	*out = p->envelopes && !file_exists(path);
	return WM_OK;
}

static enum wm_code visit_entry(void *context, const struct ledger_entry *e, struct wm_error *err)
{
	struct publishing *p = context;
	const uint64_t n = e->position / TILE_WIDTH, end = end_of(p, n);
	bool missing;

	if (end > p->out->was) {
		TRY(add_entry(p, e, n, end, err));
	} else if (e->position % TILE_WIDTH == 0) {
		TRY(is_missing(&missing, p, n, err));
		p->n_missing += missing;
	}
	TRY(tile_edge_append(&p->edge, e->leaf, tile_is_full, p, err));
	return check_before(p, err);
}

static enum wm_code visit_missing(void *context, const struct ledger_entry *e,
				  struct wm_error *err)
{
	struct publishing *p = context;
	const uint64_t n = e->position / TILE_WIDTH, end = end_of(p, n);

	if (e->position % TILE_WIDTH == 0)
		TRY(is_missing(&p->filling, p, n, err));
	return p->filling ? add_entry(p, e, n, end, err) : WM_OK;
}

/* Once the history is known to be the one that is published. */
static enum wm_code fill(struct publishing *p, const struct ledger *l,
			 const struct ledger_head *head, struct wm_error *err)
{
	const struct ledger_visitor visitor = { .entry = visit_missing, .context = p };

	if (p->n_missing == 0)
		return WM_OK;
	return ledger_walk(l, head->note.head.origin, head, NULL, &visitor, err);
}

/* --- the whole --------------------------------------------------------------------------- */

/*
 * What has neither key nor checkpoint is no publication yet: it holds nothing, or the tiles of one
 * that was interrupted, and files that are hidden.
 */
static enum wm_code check_contents(const struct publishing *p, struct wm_error *err)
{
	char other[NAME_MAX + 1] = "";
	DIR *dir = opendir(p->directory);

	if (!dir)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", p->directory, strerror(errno));
	for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (strcmp(e->d_name, "key") == 0 || strcmp(e->d_name, "checkpoint") == 0) {
			closedir(dir);
			return WM_OK;
		}
		if (e->d_name[0] != '.' && strcmp(e->d_name, "tile") != 0)
			snprintf(other, sizeof(other), "%s", e->d_name);
	}
	closedir(dir);
	if (*other)
		return fail(err, REASON_PUBLICATION_FOREIGN,
			    "%s: has neither checkpoint nor key, and holds '%s'", p->directory,
			    other);
	return WM_OK;
}

/* Leaving envelopes out of a publication that has some would hide none of them. */
static enum wm_code check_envelopes(const struct publishing *p, struct wm_error *err)
{
	char path[LIMIT_PATH];

	snprintf(path, sizeof(path), "%s/tile/envelopes", p->directory);
	if (!p->envelopes && file_exists(path))
		return fail(err, REASON_PUBLICATION_FOREIGN,
			    "%s: envelopes are published there; publish with them, or remove it",
			    path);
	return WM_OK;
}

/* A key that is there must be this log's, also where no checkpoint is there yet. */
static enum wm_code check_key(const struct publishing *p, const struct ledger_head *head,
			      struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	cleanup_log_key struct log_key *key = NULL;
	struct wm_error why = { 0 };
	char path[LIMIT_PATH];

	snprintf(path, sizeof(path), "%s/key", p->directory);
	if (!file_exists(path))
		return WM_OK;
	TRY(file_read(&text, path, err));
	if (error_is_untold(log_key_parse(&key, text.data, text.len, path, &why)))
		return fail_again(err, &why);
	if (!key || !log_key_same(key, head->key))
		return fail(err, REASON_PUBLICATION_FOREIGN, "%s: is not the key of this log",
			    path);
	return WM_OK;
}

static enum wm_code read_before(struct publishing *p, const struct ledger_head *head,
				struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	struct wm_error why = { 0 };
	char path[LIMIT_PATH];
	enum wm_code code;

	snprintf(path, sizeof(path), "%s/checkpoint", p->directory);
	if (!file_exists(path))
		return WM_OK;
	TRY(file_read(&text, path, err));
	TRY(note_parse(&p->before, text.data, text.len, path, err));
	code = note_verify(&p->before, head->key, &why);
	if (error_is_untold(code))
		return fail_again(err, &why);
	if (code != WM_OK)
		return fail(err, REASON_PUBLICATION_FOREIGN,
			    "%s: what is published is not by this log", p->directory);
	if (p->before.head.size > p->size)
		return fail(err, REASON_PUBLICATION_FOREIGN,
			    "%s: %llu entries are published, and the ledger has %llu", p->directory,
			    (unsigned long long)p->before.head.size, (unsigned long long)p->size);
	p->out->was = p->before.head.size;
	return WM_OK;
}

static enum wm_code write_edge(struct publishing *p, struct wm_error *err)
{
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		const uint64_t n = p->size >> (8 * level) >> 8;
		const unsigned width = tile_width(level, n, p->size);

		if (width > 0 && width < TILE_WIDTH)
			TRY(write_tile(p, level, n, p->edge.levels[level], width, err));
	}
	return WM_OK;
}

/* Makes all that was written durable, with the names of new directories. */
static enum wm_code sync_all(const struct publishing *p, struct wm_error *err)
{
	cleanup_fd int dir = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || syncfs(dir) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", p->directory, strerror(errno));
	return WM_OK;
}

static enum wm_code write_heads(struct publishing *p, const struct ledger_head *head,
				struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	char path[LIMIT_PATH];

	TRY(log_key_encode(&key, head->key, err));
	TRY(buf_append_byte(&key, '\n', err));
	snprintf(path, sizeof(path), "%s/key", p->directory);
	if (!file_exists(path))
		TRY(write_whole(p, path, key.data, key.len, err));
	snprintf(path, sizeof(path), "%s/checkpoint", p->directory);
	if (p->before.text && p->before.len == head->note.len &&
	    memcmp(p->before.text, head->note.text, head->note.len) == 0)
		return WM_OK;
	TRY(sync_all(p, err));
	return write_whole(p, path, head->note.text, head->note.len, err);
}

/* Of two publishers the second begins where the first has ended. */
static enum wm_code publish(struct publishing *p, const struct ledger *l, const char *origin,
			    const struct ledger_head *head, struct progress *progress,
			    struct wm_error *err)
{
	const struct ledger_visitor visitor = { .entry = visit_entry, .context = p,
						.progress = progress };
	cleanup_fd int lock = -1;

	TRY(file_mkdirs(p->directory, 0755, err));
	TRY(lock_take(&lock, p->directory, err));
	TRY(check_contents(p, err));
	TRY(check_envelopes(p, err));
	TRY(check_key(p, head, err));
	TRY(read_before(p, head, err));
	TRY(check_before(p, err));
	TRY(ledger_walk(l, origin, head, NULL, &visitor, err));
	TRY(fill(p, l, head, err));
	TRY(write_edge(p, err));
	return write_heads(p, head, err);
}

enum wm_code ledger_publish(struct publication *out, const struct ledger *l, const char *origin,
			    const char *directory, bool envelopes, struct progress *progress,
			    struct wm_error *err)
{
	cleanup_free struct publishing *heap = calloc(1, sizeof(*heap));
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	enum wm_code code;

	if (!heap)
		return fail_nomem(err);
	if (strlen(directory) > LIMIT_PATH - 64)
		return fail(err, REASON_LIMIT, "the path of the directory is too long");
	TRY(ledger_head(&head, l, origin, err));
	*heap = (struct publishing){
		.out = out,
		.directory = directory,
		.size = head.note.head.size,
		.envelopes = envelopes,
		.records = BUF_INIT(TILE_WIDTH * (2 + RECORD_BYTES)),
		.entries = NEW_FILE_INIT,
	};
	code = publish(heap, l, origin, &head, progress, err);
	publishing_release(heap);
	if (code != WM_OK)
		return code;
	out->note = head.note;
	head.note = (struct note){ .text = NULL };
	return WM_OK;
}
