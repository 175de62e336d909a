/* SPDX-License-Identifier: Apache-2.0 */
/* Logs as static files: written, continued, interrupted, damaged, audited. */
#include "shelf.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/publish.h"
#include "log/site.h"
#include "logs.h"
#include "util/file.h"
#include "util/lock.h"

enum { FILE_MAX = 1 << 24, PATHS_MAX = 64 };

/* --- what is published -------------------------------------------------------------------- */

/* A log that grows, and a reader of its publications that can tell lies. */
struct yard {
	struct shelf shelf;
	unsigned size; /* entries of the log */
	/* The lie: of the file `path` (NULL: none). */
	const char *path;
	enum lie { MISSING, FLIPPED, LONGER, SHORTER, EMPTY } lie;
	size_t at; /* of the byte that is flipped */
	const char *directory;
	bool told; /* that the file was asked for */
};

static void yard_open(struct yard *y)
{
	*y = (struct yard){ .size = 0 };
	shelf_open(&y->shelf);
	shelf_append(&y->shelf, SHELF_ORIGIN, 1);
}

static void yard_close(struct yard *y)
{
	shelf_close(&y->shelf);
}
#define cleanup_yard __attribute__((cleanup(yard_close)))

static void grow(struct yard *y, unsigned size)
{
	for (; y->size < size; y->size++)
		shelf_add(&y->shelf, SHELF_DATASET, y->size);
	shelf_append(&y->shelf, SHELF_ORIGIN, 100);
}

static void in_scratch(char path[LIMIT_PATH], const struct yard *y, const char *name)
{
	assert_true(snprintf(path, LIMIT_PATH, "%s/%s", y->shelf.scratch, name) < LIMIT_PATH);
}

/* Publishes into `name` of the scratch directory. */
static enum wm_code publish(struct publication *out, struct yard *y, const char *name,
			    bool envelopes, struct wm_error *err)
{
	char path[LIMIT_PATH];

	in_scratch(path, y, name);
	return ledger_publish(out, y->shelf.ledger, SHELF_ORIGIN, path, envelopes, NULL, err);
}

static void published(struct yard *y, const char *name, uint64_t was, uint64_t n_files)
{
	cleanup_publication struct publication p = { .was = 0 };
	struct wm_error err = { 0 };

	assert_ok(publish(&p, y, name, true, &err), &err);
	assert_int_equal(p.was, was);
	assert_int_equal(p.n_files, n_files);
	assert_int_equal(p.note.head.size, y->size);
}

static void published_anyhow(struct yard *y, const char *name)
{
	cleanup_publication struct publication p = { .was = 0 };
	struct wm_error err = { 0 };

	assert_ok(publish(&p, y, name, true, &err), &err);
}

/* Of two publishers of one directory the second waits. */
static void test_locked(void **state)
{
	cleanup_yard struct yard y;
	struct wm_error err = { 0 };
	char path[LIMIT_PATH];
	int lock = -1, status = -1;
	pid_t pid;

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	in_scratch(path, &y, "site");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_ok(lock_take(&lock, path, &err), &err);
	pid = fork();
	if (pid == 0) {
		struct publication p = { .was = 0 };

		close(lock); /* else it would hold it too */
		_exit(publish(&p, &y, "site", true, NULL) == WM_OK ? 0 : 1);
	}
	assert_true(pid > 0);
	usleep(300000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_true(snprintf(path, sizeof(path), "%s/site/checkpoint", y.shelf.scratch) > 0);
	assert_false(file_exists(path));
	lock_release(&lock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(file_exists(path));
}

static enum wm_code read_lying(void *context, struct buf *out, bool *found, const char *path,
			       struct wm_error *err)
{
	struct yard *y = context;
	const bool lies = y->path && strcmp(path, y->path) == 0;
	char whole[LIMIT_PATH];

	y->told = y->told || lies;
	assert_true(snprintf(whole, sizeof(whole), "%s/%s", y->directory, path) < LIMIT_PATH);
	*found = file_exists(whole) && !(lies && y->lie == MISSING);
	if (!*found)
		return WM_OK;
	TRY(file_read(out, whole, err));
	if (!lies)
		return WM_OK;
	if (y->lie == LONGER)
		return buf_append_byte(out, 0, err);
	if (y->lie == FLIPPED) {
		assert_true(y->at < out->len);
		out->data[y->at] ^= 1;
	}
	if (y->lie == SHORTER || y->lie == EMPTY)
		buf_truncate(out, y->lie == EMPTY ? 0 : out->len - 1);
	return WM_OK;
}

static enum wm_code audit(struct site_audit *out, struct yard *y, const char *name,
			  const struct log_keys *pinned, struct wm_error *err)
{
	const struct site site = { read_lying, y, "site" };
	char path[LIMIT_PATH];
	enum wm_code code;

	in_scratch(path, y, name);
	y->directory = path;
	code = site_audit(out, &site, pinned, NULL, NULL, err);
	y->directory = NULL;
	return code;
}

static void assert_audited(struct yard *y, const char *name, uint64_t size, uint64_t withheld)
{
	cleanup_site_audit struct site_audit a = { .key = NULL };
	struct wm_error err = { 0 };

	assert_ok(audit(&a, y, name, NULL, &err), &err);
	assert_int_equal(a.note.head.size, size);
	assert_int_equal(a.n_withheld, withheld);
	assert_false(a.pinned);
}

#define assert_audit_fails(y, name, reason)                                      \
	do {                                                                     \
		cleanup_site_audit struct site_audit failed_ = { .key = NULL };  \
		struct wm_error err_ = { 0 };                                    \
		assert_reason(audit(&failed_, y, name, NULL, &err_), &err_, reason); \
	} while (0)

/* --- files -------------------------------------------------------------------------------- */

/* The files below a directory, without it. */
struct paths {
	char *list[PATHS_MAX];
	size_t n;
};

static struct paths *listing; /* nftw() hands nothing through */
static size_t listed_from;

static int list_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st, (void)where;
	if (flag != FTW_F)
		return 0;
	assert_true(listing->n < PATHS_MAX);
	listing->list[listing->n++] = strdup(path + listed_from);
	return 0;
}

static void list_files(struct paths *out, const struct yard *y, const char *name)
{
	char path[LIMIT_PATH];

	in_scratch(path, y, name);
	out->n = 0;
	listing = out;
	listed_from = strlen(path) + 1;
	assert_int_equal(nftw(path, list_one, 16, FTW_PHYS), 0);
}

static void paths_release(struct paths *p)
{
	while (p->n > 0)
		free(p->list[--p->n]);
}
#define cleanup_paths __attribute__((cleanup(paths_release)))

static void read_of(struct buf *out, const struct yard *y, const char *name, const char *path)
{
	char both[LIMIT_PATH], whole[LIMIT_PATH];

	assert_true(snprintf(both, sizeof(both), "%s/%s", name, path) < LIMIT_PATH);
	in_scratch(whole, y, both);
	read_file(out, whole);
}

/* All that is in `anew` is in `site`, the same. */
static void assert_contains(const struct yard *y, const char *site, const char *anew)
{
	cleanup_paths struct paths files = { .n = 0 };

	list_files(&files, y, anew);
	assert_true(files.n >= 2);
	for (size_t i = 0; i < files.n; i++) {
		cleanup_buf struct buf a = BUF_INIT(FILE_MAX), b = BUF_INIT(FILE_MAX);

		read_of(&a, y, anew, files.list[i]);
		read_of(&b, y, site, files.list[i]);
		if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
			test_failed(__FILE__, __LINE__, "%s differs", files.list[i]);
	}
}

/* --- the tests ---------------------------------------------------------------------------- */

/* Leaves, by definition, of the records that are published; and the tile of them one level up. */
static void assert_defined(const struct yard *y, const char *name)
{
	cleanup_free uint8_t (*leaves)[SHA256_BYTES] = calloc(y->size + 1, SHA256_BYTES);
	cleanup_buf struct buf note = BUF_INIT(LIMIT_NOTE);
	struct wm_error err = { 0 };
	uint8_t root[SHA256_BYTES];
	struct note n;

	assert_non_null(leaves);
	for (unsigned i = 0; i < y->size; i += TILE_WIDTH) {
		cleanup_buf struct buf tile = BUF_INIT(FILE_MAX), records = BUF_INIT(FILE_MAX);
		const unsigned width = y->size - i < TILE_WIDTH ? y->size - i : TILE_WIDTH;
		char path[64], suffix[16] = "";

		if (width < TILE_WIDTH)
			snprintf(suffix, sizeof(suffix), ".p/%u", width);
		snprintf(path, sizeof(path), "tile/entries/%03u%s", i / TILE_WIDTH, suffix);
		read_of(&records, y, name, path);
		assert_int_equal(records.len, width * 108);
		snprintf(path, sizeof(path), "tile/0/%03u%s", i / TILE_WIDTH, suffix);
		read_of(&tile, y, name, path);
		assert_int_equal(tile.len, width * SHA256_BYTES);
		for (unsigned k = 0; k < width; k++) {
			uint8_t preimage[107] = { 0 };

			assert_memory_equal(records.data + 108 * (size_t)k, "\0\x6awmEntryV1", 12);
			memcpy(preimage + 1, records.data + 108 * (size_t)k + 2, 106);
			assert_ok(sha256_of(leaves[i + k], preimage, sizeof(preimage), &err), &err);
			assert_memory_equal(leaves[i + k], tile.data + SHA256_BYTES * (size_t)k,
					    SHA256_BYTES);
		}
	}
	for (unsigned i = 0; i < y->size / TILE_WIDTH; i++) {
		cleanup_buf struct buf tile = BUF_INIT(FILE_MAX);
		char path[64];

		snprintf(path, sizeof(path), "tile/1/000.p/%u", y->size / TILE_WIDTH);
		read_of(&tile, y, name, path);
		assert_int_equal(tile.len, y->size / TILE_WIDTH * SHA256_BYTES);
		naive_tree(root, (leaf_list)leaves + TILE_WIDTH * i, TILE_WIDTH);
		assert_memory_equal(root, tile.data + SHA256_BYTES * (size_t)i, SHA256_BYTES);
	}
	read_of(&note, y, name, "checkpoint");
	assert_ok(note_parse(&n, note.data, note.len, "checkpoint", &err), &err);
	naive_tree(root, (leaf_list)leaves, y->size);
	assert_memory_equal(root, n.head.root, SHA256_BYTES);
	note_release(&n);
}

static void test_sizes(void **state)
{
	static const struct {
		unsigned size, n_files, n_more; /* from nothing; beyond the row before */
	} rows[] = { { 0, 2, 2 },   { 1, 5, 4 },   { 255, 5, 4 },
		     { 256, 6, 5 }, { 257, 9, 4 }, { 600, 12, 8 } };
	cleanup_yard struct yard y;
	unsigned was = 0;

	(void)state;
	yard_open(&y);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_paths struct paths files = { .n = 0 };
		char anew[32];

		grow(&y, rows[i].size);
		snprintf(anew, sizeof(anew), "anew-%u", rows[i].size);
		published(&y, anew, 0, rows[i].n_files);
		list_files(&files, &y, anew);
		assert_int_equal(files.n, rows[i].n_files);
		published(&y, "site", was, rows[i].n_more);
		published(&y, "site", rows[i].size, 0);
		assert_contains(&y, "site", anew);
		assert_defined(&y, "site");
		assert_audited(&y, anew, rows[i].size, 0);
		assert_audited(&y, "site", rows[i].size, 0);
		was = rows[i].size;
	}
}

static void test_damage(void **state)
{
	enum { RECORD = 108 };
	cleanup_yard struct yard y;
	cleanup_paths struct paths files = { .n = 0 };

	(void)state;
	yard_open(&y);
	grow(&y, 257);
	published_anyhow(&y, "site");
	list_files(&files, &y, "site");
	assert_int_equal(files.n, 9);
	for (size_t i = 0; i < files.n; i++) {
		const bool may_be_withheld = strstr(files.list[i], "envelopes") != NULL;

		y.path = files.list[i];
		y.told = false;
		y.lie = MISSING;
		if (may_be_withheld)
			assert_audited(&y, "site", 257, strstr(y.path, ".p/") ? 1 : 256);
		else
			assert_audit_fails(&y, "site", PUBLICATION_MALFORMED);
		assert_true(y.told);
		if (strncmp(y.path, "tile/", 5) != 0)
			continue;
		for (y.lie = LONGER; y.lie <= EMPTY; y.lie++)
			assert_audit_fails(&y, "site", PUBLICATION_MALFORMED);
	}
}

static void test_flips(void **state)
{
	static const struct {
		const char *path;
		size_t at;
		enum reason reason;
	} rows[] = {
		{ "checkpoint", 0, REASON_NOTE_SIGNATURE },
		{ "key", 0, REASON_PUBLICATION_MALFORMED },
		{ "tile/0/000", 0, REASON_PUBLICATION_MALFORMED },
		{ "tile/0/000", 8191, REASON_PUBLICATION_MALFORMED },
		{ "tile/0/001.p/1", 31, REASON_PUBLICATION_MALFORMED },
		{ "tile/1/000.p/1", 0, REASON_PUBLICATION_MALFORMED },
		{ "tile/entries/000", 0, REASON_PUBLICATION_MALFORMED },   /* a length */
		{ "tile/entries/000", 1, REASON_PUBLICATION_MALFORMED },
		{ "tile/entries/000", 2, REASON_PUBLICATION_MALFORMED },   /* a record's label */
		{ "tile/entries/000", 107, REASON_PUBLICATION_MALFORMED }, /* the entry's digest */
		{ "tile/entries/001.p/1", 50, REASON_PUBLICATION_MALFORMED },
		{ "tile/envelopes/000", 0, REASON_PUBLICATION_MALFORMED }, /* a length of 16 MiB */
		{ "tile/envelopes/000", 3, REASON_ENTRY_MALFORMED },
		{ "tile/envelopes/001.p/1", 200, REASON_PUBLICATION_MALFORMED }, /* a payload */
	};
	cleanup_yard struct yard y;

	(void)state;
	yard_open(&y);
	grow(&y, 257);
	published_anyhow(&y, "site");
	y.lie = FLIPPED;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_site_audit struct site_audit a = { .key = NULL };
		struct wm_error err = { 0 };
		enum wm_code code;

		y.path = rows[i].path;
		y.at = rows[i].at;
		y.told = false;
		code = audit(&a, &y, "site", NULL, &err);
		assert_true(y.told);
		if (code == WM_OK || error_reason(&err) != rows[i].reason)
			test_failed(__FILE__, __LINE__, "%s at %zu: %s %s", y.path, y.at,
				    code == WM_OK ? "audited" : err.reason, err.message);
	}
	/* Where envelopes are withheld, records are still held against the leaves. */
	y.path = "tile/entries/000";
	y.at = 2 + 10;
	{
		cleanup_publication struct publication p = { .was = 0 };
		struct wm_error err = { 0 };

		assert_ok(publish(&p, &y, "bare", false, &err), &err);
		assert_int_equal(p.n_files, 7);
	}
	assert_audit_fails(&y, "bare", PUBLICATION_MALFORMED);
	y.path = NULL;
	assert_audited(&y, "bare", 257, 257);
}

static void copy_tree(const struct yard *y, const char *from, const char *to)
{
	char command[2 * LIMIT_PATH + 64];

	snprintf(command, sizeof(command),
		 "cd '%s' && rm -rf '%s' && if [ -e '%s' ]; then cp -a '%s' '%s'; fi",
		 y->shelf.scratch, to, from, from, to);
	assert_int_equal(system(command), 0);
}

/*
 * Stops the publication when it comes to each of its files in turn, by a directory of that name:
 * what is there then is what a kill leaves.
 */
static void stop_at_each(struct yard *y, const char *old, uint64_t old_size, const char *whole)
{
	cleanup_paths struct paths files = { .n = 0 };
	size_t n_stopped = 0;

	list_files(&files, y, whole);
	for (size_t i = 0; i < files.n; i++) {
		cleanup_publication struct publication p = { .was = 0 };
		struct wm_error err = { 0 };
		char name[LIMIT_PATH], path[LIMIT_PATH];

		copy_tree(y, old, "site");
		assert_true(snprintf(name, sizeof(name), "site/%s", files.list[i]) < LIMIT_PATH);
		in_scratch(path, y, name);
		if (file_exists(path))
			continue;
		assert_ok(file_mkdirs(path, 0755, &err), &err);
		assert_int_not_equal(publish(&p, y, "site", true, &err), WM_OK);
		assert_null(p.note.text);
		assert_int_equal(rmdir(path), 0);
		in_scratch(path, y, "site/key");
		if (old_size > 0)
			assert_audited(y, "site", old_size, 0);
		else if (file_exists(path))
			assert_audit_fails(y, "site", PUBLICATION_MALFORMED);
		else
			assert_audit_fails(y, "site", NOT_FOUND);
		published_anyhow(y, "site");
		assert_contains(y, "site", whole);
		assert_audited(y, "site", y->size, 0);
		n_stopped++;
	}
	assert_true(n_stopped >= 8);
}

static void test_interrupted(void **state)
{
	cleanup_yard struct yard y;

	(void)state;
	yard_open(&y);
	grow(&y, 255);
	published_anyhow(&y, "old");
	grow(&y, 600);
	published_anyhow(&y, "whole");
	stop_at_each(&y, "old", 255, "whole");
	stop_at_each(&y, "nothing", 0, "whole");
}

static enum wm_code publish_once(void *context, struct wm_error *err)
{
	cleanup_publication struct publication p = { .was = 0 };

	return publish(&p, context, "site", true, err);
}

static enum wm_code audit_once(void *context, struct wm_error *err)
{
	cleanup_site_audit struct site_audit a = { .key = NULL };

	return audit(&a, context, "site", NULL, err);
}

static void test_allocations(void **state)
{
	cleanup_yard struct yard y;

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	with_every_allocation_failing(publish_once, &y);
	assert_audited(&y, "site", 3, 0);
	with_every_allocation_failing(audit_once, &y);
}

#define assert_foreign(y, name)                                                     \
	do {                                                                        \
		cleanup_publication struct publication p_ = { .was = 0 };           \
		struct wm_error err_ = { 0 };                                       \
		assert_reason(publish(&p_, y, name, true, &err_), &err_, PUBLICATION_FOREIGN); \
	} while (0)

static void write_of(const struct yard *y, const char *path, const void *data, size_t len)
{
	char whole[LIMIT_PATH];
	struct wm_error err = { 0 };

	in_scratch(whole, y, path);
	assert_ok(file_write(whole, data, len, 0644, FILE_REPLACE, &err), &err);
}

static struct private_key *writers_key(const struct yard *y)
{
	cleanup_buf struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	struct private_key *key = NULL;
	struct wm_error err = { 0 };

	read_of(&pem, y, "ledger/weightmark/example.com+log", "log.key");
	assert_ok(private_key_parse(&key, pem.data, pem.len, "log.key", NULL, 0, &err), &err);
	return key;
}

/* By the same key, of the same size or a smaller one, but of other entries. */
static void test_other_history(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 0 };
	cleanup_yard struct yard y;
	struct private_key *key;

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	key = writers_key(&y);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct tree_head head = { .origin = SHELF_ORIGIN, .size = sizes[i], .root = { 7 } };
		cleanup_buf struct buf note = BUF_INIT(LIMIT_NOTE);
		cleanup_paths struct paths files = { .n = 0 };
		struct wm_error err = { 0 };

		copy_tree(&y, "nothing", "site");
		assert_ok(note_sign(&note, &head, key, &err), &err);
		{
			char path[LIMIT_PATH];

			in_scratch(path, &y, "site");
			assert_ok(file_mkdirs(path, 0755, &err), &err);
		}
		write_of(&y, "site/checkpoint", note.data, note.len);
		assert_foreign(&y, "site");
		list_files(&files, &y, "site");
		assert_int_equal(files.n, 1);
	}
	private_key_free(key);
}

/* The log's own key signs a root that the records do not have: only recomputing finds it out. */
static void test_signed_root(void **state)
{
	struct tree_head head = { .origin = SHELF_ORIGIN, .size = 3, .root = { 7 } };
	cleanup_buf struct buf note = BUF_INIT(LIMIT_NOTE);
	cleanup_yard struct yard y;
	struct private_key *key;
	struct wm_error err = { 0 };

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	published_anyhow(&y, "site");
	assert_audited(&y, "site", 3, 0);
	key = writers_key(&y);
	assert_ok(note_sign(&note, &head, key, &err), &err);
	private_key_free(key);
	write_of(&y, "site/checkpoint", note.data, note.len);
	assert_audit_fails(&y, "site", PUBLICATION_MALFORMED);
}

/* A note over the very tree of this log, by another key of its origin. */
static void test_other_signer(void **state)
{
	cleanup_made_log struct made_log other;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE), note = BUF_INIT(LIMIT_NOTE);
	cleanup_yard struct yard y;
	struct wm_error err = { 0 };
	struct note n;

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	published_anyhow(&y, "site");
	made_log_init(&other, SHELF_ORIGIN);
	read_of(&text, &y, "site", "checkpoint");
	assert_ok(note_parse(&n, text.data, text.len, "checkpoint", &err), &err);
	assert_ok(note_sign(&note, &n.head, other.secret, &err), &err);
	note_release(&n);
	write_of(&y, "site/checkpoint", note.data, note.len);
	assert_foreign(&y, "site");
}

static void test_other_log(void **state)
{
	cleanup_made_log struct made_log other;
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_yard struct yard y;
	struct wm_error err = { 0 };

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	published_anyhow(&y, "site");
	/* Another key of the same origin: in the directory with a note, and before there is one. */
	made_log_init(&other, SHELF_ORIGIN);
	{
		cleanup_made_tree struct made_tree tree;
		struct note note;

		made_tree_init(&tree, 2, 0);
		made_note(&note, &other, &tree, 2);
		write_of(&y, "site/checkpoint", note.text, note.len);
		note_release(&note);
	}
	assert_foreign(&y, "site");
	assert_ok(log_key_encode(&key, other.key, &err), &err);
	assert_ok(buf_append_byte(&key, '\n', &err), &err);
	copy_tree(&y, "nothing", "site");
	{
		char path[LIMIT_PATH];

		in_scratch(path, &y, "site");
		assert_ok(file_mkdirs(path, 0755, &err), &err);
	}
	write_of(&y, "site/key", key.data, key.len);
	assert_foreign(&y, "site");
}

static void test_shorter(void **state)
{
	cleanup_yard struct yard y;

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	grow(&y, 5);
	published_anyhow(&y, "site");
	shelf_take_back(&y.shelf, SHELF_ORIGIN, 1);
	assert_foreign(&y, "site");
	assert_audited(&y, "site", 5, 0);
}

static void test_pinned(void **state)
{
	cleanup_log_keys struct log_keys right = LOG_KEYS_INIT, wrong = LOG_KEYS_INIT;
	cleanup_made_log struct made_log other, elsewhere;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	cleanup_yard struct yard y;
	struct wm_error err = { 0 };
	struct log_key *key = NULL;

	(void)state;
	yard_open(&y);
	grow(&y, 3);
	published_anyhow(&y, "site");
	made_log_init(&other, SHELF_ORIGIN);
	made_log_init(&elsewhere, "elsewhere.example");
	read_of(&text, &y, "site", "key");
	assert_ok(log_key_parse(&key, text.data, text.len, "key", &err), &err);
	assert_ok(log_keys_add(&right, take_ptr(&key), &err), &err);
	assert_ok(log_keys_add(&wrong, take_ptr(&elsewhere.key), &err), &err);
	for (int i = 0; i < 3; i++) {
		cleanup_site_audit struct site_audit a = { .key = NULL };

		if (i == 2) {
			assert_ok(log_keys_add(&wrong, take_ptr(&other.key), &err), &err);
			assert_reason(audit(&a, &y, "site", &wrong, &err), &err, NOTE_SIGNATURE);
			continue;
		}
		assert_ok(audit(&a, &y, "site", i ? &wrong : &right, &err), &err);
		assert_int_equal(a.pinned, i == 0);
	}
}

/* Proofs by the tiles of the publication, within its tree and to all that it was before. */
static void test_proofs(void **state)
{
	static const uint64_t sizes[] = { 1, 255, 256, 257, 512, 600 };
	cleanup_site_audit struct site_audit a = { .key = NULL };
	cleanup_tiles struct tiles *tiles = NULL;
	cleanup_yard struct yard y;
	struct site site = { read_lying, &y, "site" };
	struct site_tiles source = { &site, 600 };
	struct wm_error err = { 0 };
	uint8_t roots[6][SHA256_BYTES], root[SHA256_BYTES];
	char path[LIMIT_PATH];

	(void)state;
	yard_open(&y);
	grow(&y, 600);
	published_anyhow(&y, "site");
	assert_ok(audit(&a, &y, "site", NULL, &err), &err);
	in_scratch(path, &y, "site");
	y.directory = path;
	assert_ok(tiles_new(&tiles, site_tile, &source, &err), &err);
	for (size_t i = 0; i < 6; i++) {
		struct consistency c = { .n = 0 };

		assert_ok(tiles_root(roots[i], tiles, sizes[i], &err), &err);
		assert_ok(tiles_consistency(&c, tiles, sizes[i], 600, &err), &err);
		assert_true(consistency_holds(&c, sizes[i], roots[i], 600, a.note.head.root));
	}
	assert_memory_equal(roots[5], a.note.head.root, SHA256_BYTES);
	for (uint64_t i = 0; i < 600; i += 37) {
		cleanup_buf struct buf tile = BUF_INIT(FILE_MAX);
		struct inclusion p = { .n = 0 };
		char name[64];

		snprintf(name, sizeof(name), "tile/0/%03u%s", (unsigned)(i / 256),
			 i >= 512 ? ".p/88" : "");
		read_of(&tile, &y, "site", name);
		assert_ok(tiles_inclusion(&p, tiles, i, 600, &err), &err);
		assert_true(inclusion_root(root, &p, tile.data + i % 256 * SHA256_BYTES, 600));
		assert_memory_equal(root, a.note.head.root, SHA256_BYTES);
	}
	/* A tile that went away since is a failure, never a proof. */
	tiles_free(take_ptr(&tiles));
	assert_ok(tiles_new(&tiles, site_tile, &source, &err), &err);
	y.path = "tile/0/000";
	y.lie = MISSING;
	{
		struct inclusion p;

		assert_reason(tiles_inclusion(&p, tiles, 5, 600, &err), &err,
			      PUBLICATION_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_sizes),	      cmocka_unit_test(test_damage),
		cmocka_unit_test(test_flips),	      cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_allocations),   cmocka_unit_test(test_other_history),
		cmocka_unit_test(test_other_log),     cmocka_unit_test(test_shorter),
		cmocka_unit_test(test_pinned),	      cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_signed_root),   cmocka_unit_test(test_other_signer),
	};

	return run_tests(tests);
}
