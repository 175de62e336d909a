/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that digest records, batch by batch. */
#include "data/records_read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data/source.h"
#include "digest/kernel.h"
#include "digest/workers.h"
#include "util/file.h"
#include "util/lease.h"
#include "util/limits.h"

/* --- grammars ---------------------------------------------------------------------------- */

static const struct {
	const char *word, *name;
} grammars[] = {
	[RECORD_FILES] = { "files", "files/1" }, [RECORD_TAR] = { "tar", "tar/1" },
	[RECORD_JSONL] = { "jsonl", "jsonl/1" }, [RECORD_CSV] = { "csv", "csv/2" },
	[RECORD_CSV_ROWS] = { "csv-rows", "csv/1" },
	[RECORD_OPAQUE] = { "opaque", "opaque/1" },
};

static const struct {
	const char *suffix;
	enum record_grammar grammar;
} suffixes[] = {
	{ ".tar", RECORD_TAR },	    { ".jsonl", RECORD_JSONL },
	{ ".ndjson", RECORD_JSONL }, { ".csv", RECORD_CSV },
};

const char *record_grammar_name(enum record_grammar g)
{
	return grammars[g].name;
}

bool record_grammar_find(enum record_grammar *out, const char *word)
{
	for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++)
		if (strcmp(grammars[i].word, word) == 0) {
			*out = (enum record_grammar)i;
			return true;
		}
	return false;
}

enum wm_code record_grammar_guess(enum record_grammar *out, const char *const *paths, size_t n,
				  struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		enum record_grammar g = RECORD_OPAQUE;
		struct stat st;

		for (size_t j = 0; j < sizeof(suffixes) / sizeof(suffixes[0]); j++)
			if (file_has_suffix(paths[i], suffixes[j].suffix))
				g = suffixes[j].grammar;
		if (stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			g = RECORD_FILES;
		if (i > 0 && g != *out)
			return fail(err, REASON_USAGE,
				    "%s seems to hold %s and %s %s: say with --format what they "
				    "are", paths[0], grammars[*out].name, paths[i],
				    grammars[g].name);
		*out = g;
	}
	return WM_OK;
}

/* --- one thread -------------------------------------------------------------------------- */

struct reading {
	pthread_mutex_t lock; /* over all below, and the source */
	struct record_source *source;
	const struct records_options *options;
	struct records_found *found;
	bool failed;
	struct wm_error err; /* of who failed first */
};

enum { WORKER_BYTES = BATCH_BYTES };

struct worker {
	struct reading *reading;
	struct record_batch batch;
	struct message messages[BATCH_ITEMS];
	uint8_t digests[BATCH_ITEMS][SHA256_BYTES];
	const struct record_item *of[BATCH_ITEMS];
	struct sight_key sights[BATCH_ITEMS]; /* of the files */
	size_t n, n_messages; /* records gathered, those of them that are to be digested */
	size_t used;	      /* bytes of `data` that these have */
	uint64_t n_bytes;     /* of the gathered */
	uint64_t n_streamed;  /* of a record that was digested by itself */
	uint64_t n_cached;
	struct sight_key sight; /* of the file that is read now */
	int fd;			/* with its lease, or -1 */
	struct sha256 *plain;
	struct committer *committer; /* where new records are to be told from others */
	uint8_t leaves[BATCH_ITEMS][SHA256_BYTES];
	uint8_t data[WORKER_BYTES];
};

static void worker_free(struct worker *w)
{
	if (!w)
		return;
	buf_release(&w->batch.names);
	buf_release(&w->batch.bytes);
	sha256_free(w->plain);
	committer_free(w->committer);
	free(w);
}
DEFINE_CLEANUP(worker, struct worker, worker_free)
#define cleanup_worker __attribute__((cleanup(worker_cleanup_)))

static enum wm_code worker_new(struct worker **out, struct reading *r, struct wm_error *err)
{
	cleanup_worker struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return fail_nomem(err);
	w->reading = r;
	w->fd = -1;
	w->batch.names = (struct buf)BUF_INIT(BATCH_NAMES + LIMIT_PATH + 1);
	w->batch.bytes = (struct buf)BUF_INIT(LIMIT_RECORD_LINE);
	TRY(sha256_new(&w->plain, err));
	if (r->options->added)
		TRY(committer_new(&w->committer, r->options->added->key, err));
	*out = take_ptr(&w);
	return WM_OK;
}

static const char *name_of(const struct worker *w, const struct record_item *i)
{
	return i->number ? NULL : buf_str(&w->batch.names) + i->name;
}

/* Hands the first `n` digests over. The caller holds the lock. */
static enum wm_code hand_over(struct worker *w, size_t n, struct wm_error *err)
{
	struct records_found *found = w->reading->found;
	struct attributes *a = w->reading->options->attributes;
	struct seen *seen = w->reading->options->seen;
	struct added *added = w->reading->options->added;

	TRY(record_set_add(&found->set, (const uint8_t (*)[SHA256_BYTES])w->digests, n, err));
	for (size_t i = 0; a && i < n; i++)
		TRY(attributes_note(a, name_of(w, w->of[i]), w->of[i]->number, w->digests[i], err));
	for (size_t i = 0; seen && i < n; i++)
		TRY(seen_note(seen, &w->sights[i], w->digests[i], err));
	for (size_t i = 0; added && i < n; i++)
		if (added_is_new(added, w->leaves[i]))
			TRY(added_note(added, name_of(w, w->of[i]), w->of[i]->number, err));
	found->n_bytes += w->n_bytes + w->n_streamed;
	found->n_cached += w->n_cached;
	return WM_OK;
}

static enum wm_code deliver(struct worker *w, size_t n, struct wm_error *err)
{
	enum wm_code code;

	if (w->committer) {
		memcpy(w->leaves, w->digests, n * SHA256_BYTES);
		TRY(committer_run(w->committer, w->leaves[0], SHA256_BYTES, n, err));
	}
	pthread_mutex_lock(&w->reading->lock);
	code = hand_over(w, n, err);
	pthread_mutex_unlock(&w->reading->lock);
	progress_add(w->reading->options->progress, w->n_bytes);
	w->n = w->n_messages = w->used = 0;
	w->n_bytes = w->n_streamed = w->n_cached = 0;
	return code;
}

/* Digests what was gathered. */
static enum wm_code flush(struct worker *w, struct wm_error *err)
{
	if (w->n == 0)
		return WM_OK;
	TRY(kernel_chosen()->run(w->messages, w->n_messages, err));
	return deliver(w, w->n, err);
}

/* What the file that was read just now is believed by, where nobody can have written to it. */
static struct sight_key sight_of(const struct worker *w)
{
	struct sight_key k = w->sight;

	k.believed = k.believed && w->fd >= 0 && lease_held(w->fd);
	return k;
}

static void add(struct worker *w, const struct record_item *i, const uint8_t *data, size_t len)
{
	w->of[w->n] = i;
	w->sights[w->n] = sight_of(w);
	w->messages[w->n_messages++] =
		(struct message){ data, len, MESSAGE_PLAIN, w->digests[w->n] };
	w->n++;
	w->n_bytes += len;
}

/* Digests a record that is too long to be gathered, by itself. */
static enum wm_code stream(struct worker *w, const struct record_item *i, int fd, uint64_t off,
			   uint64_t len, const char *name, struct wm_error *err)
{
	TRY(flush(w, err));
	TRY(sha256_start(w->plain, err));
	for (uint64_t at = 0, n; at < len; at += n) {
		n = len - at < WORKER_BYTES ? len - at : WORKER_BYTES;
		TRY(file_read_at(fd, w->data, (size_t)n, off + at, name, err));
		TRY(sha256_update(w->plain, w->data, (size_t)n, err));
		progress_add(w->reading->options->progress, n);
	}
	w->n_streamed = len;
	w->of[0] = i;
	w->sights[0] = sight_of(w);
	TRY(sha256_finish(w->plain, w->digests[0], err));
	return deliver(w, 1, err);
}

static enum wm_code take_range(struct worker *w, const struct record_item *i, int fd, uint64_t off,
			       uint64_t len, const char *name, struct wm_error *err)
{
	if (len > WORKER_BYTES / 4)
		return stream(w, i, fd, off, len, name, err);
	if (len > WORKER_BYTES - w->used)
		TRY(flush(w, err));
	TRY(file_read_at(fd, w->data + w->used, (size_t)len, off, name, err));
	add(w, i, w->data + w->used, (size_t)len);
	w->used += (size_t)len;
	return WM_OK;
}

/* Opens the regular file `name` of the folder `b`, through no link. */
static enum wm_code open_beneath(int *fd, struct stat *st, const struct record_batch *b,
				 const char *name, struct wm_error *err)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	*fd = (int)syscall(SYS_openat2, b->fd, name, &how, sizeof(how));
	if (*fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return fail(err, REASON_FILE_CHANGED, "%s/%s: vanished meanwhile", b->path, name);
	if (*fd < 0 || fstat(*fd, st) < 0)
		return fail(err, REASON_READ_FAILED, "%s/%s: cannot be read", b->path, name);
	if (!S_ISREG(st->st_mode))
		return fail(err, REASON_FILE_CHANGED, "%s/%s: is no file any more", b->path, name);
	return WM_OK;
}

static enum wm_code open_item(int *fd, struct stat *st, const struct record_batch *b,
			      const char *name, struct wm_error *err)
{
	uint64_t size = 0;

	if (b->beneath)
		return open_beneath(fd, st, b, name, err);
	TRY(file_open(fd, &size, name, err));
	return fstat(*fd, st) == 0 ? WM_OK :
				     fail(err, REASON_READ_FAILED, "%s: cannot be looked at", name);
}

/* Takes a file over that was digested before; false where it is not known, or may have changed. */
static bool take_seen(struct worker *w, const struct record_item *i, const struct stat *st)
{
	const struct sight_key k = sight_of(w);

	if (!seen_find(w->digests[w->n], w->reading->options->seen, &k))
		return false;
	w->of[w->n] = i;
	w->sights[w->n++] = k;
	w->n_bytes += (uint64_t)st->st_size;
	w->n_cached++;
	return true;
}

static enum wm_code take_path(struct worker *w, const struct record_item *i, struct wm_error *err)
{
	const struct seen *seen = w->batch.beneath ? w->reading->options->seen : NULL;
	enum wm_code code = WM_OK;
	const char *name = name_of(w, i);
	cleanup_fd int fd = -1;
	struct stat st;

	TRY(open_item(&fd, &st, &w->batch, name, err));
	if (seen) {
		w->sight = seen_look(seen, fd, &st);
		w->fd = fd;
	}
	if (!seen || !take_seen(w, i, &st))
		code = take_range(w, i, fd, 0, (uint64_t)st.st_size, name, err);
	w->fd = -1;
	TRY(code);
	return source_unchanged(fd, &st, name, err);
}

static enum wm_code take_item(struct worker *w, const struct record_item *i, struct wm_error *err)
{
	const struct record_batch *b = &w->batch;

	switch (b->place) {
	case PLACE_BATCH:
		add(w, i, b->bytes.data + i->off, (size_t)i->len);
		return WM_OK;
	case PLACE_FILE:
		return take_range(w, i, b->fd, i->off, i->len, b->path, err);
	case PLACE_PATH:
		return take_path(w, i, err);
	}
	return fail(err, REASON_INTERNAL, "a record lies nowhere");
}

/* Only the first failure counts. The caller holds the lock. */
static void note_failure(struct reading *r, const struct wm_error *err)
{
	if (!r->failed)
		r->err = *err;
	r->failed = true;
}

/* A source that failed is not asked again: where it stands then is not known. */
static enum wm_code next_batch(struct worker *w, struct wm_error *err)
{
	struct reading *r = w->reading;
	enum wm_code code = WM_OK;

	w->batch.n = 0;
	buf_truncate(&w->batch.names, 0);
	pthread_mutex_lock(&r->lock);
	if (!r->failed)
		code = r->source->ops->next(r->source, &w->batch, err);
	if (code != WM_OK)
		note_failure(r, err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static enum wm_code read_batches(struct reading *r, struct wm_error *err)
{
	cleanup_worker struct worker *w = NULL;

	TRY(worker_new(&w, r, err));
	for (;;) {
		TRY(next_batch(w, err));
		if (w->batch.n == 0)
			return WM_OK;
		for (size_t i = 0; i < w->batch.n; i++)
			TRY(take_item(w, &w->batch.items[i], err));
		TRY(flush(w, err));
	}
}

static void *work(void *job)
{
	struct reading *r = job;
	struct wm_error err = { 0 };

	if (read_batches(r, &err) == WM_OK)
		return NULL;
	pthread_mutex_lock(&r->lock);
	note_failure(r, &err);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* --- all --------------------------------------------------------------------------------- */

static enum wm_code read_source(struct records_found *out, struct record_source *s,
				const struct records_options *o, struct wm_error *err)
{
	struct reading r = { .source = s, .options = o, .found = out };
	unsigned n = o->workers ? o->workers : workers_default();

	pthread_mutex_init(&r.lock, NULL);
	workers_run(n < MEASURE_WORKERS_MAX ? n : MEASURE_WORKERS_MAX, work, &r);
	pthread_mutex_destroy(&r.lock);
	if (r.failed)
		return fail_again(err, &r.err);
	return s->ops->finish(s, err);
}

static enum wm_code open_source(struct record_source **out, const char *path,
				enum record_grammar g, uint64_t *number, struct seen *seen,
				struct wm_error *err)
{
	if (g == RECORD_FILES)
		return source_open_folder(out, path, seen, err);
	if (g == RECORD_TAR)
		return source_open_tar(out, path, err);
	return source_open_lines(out, path,
				 g == RECORD_CSV      ? LINES_DATA :
				 g == RECORD_CSV_ROWS ? LINES_ROWS :
							LINES_JSONL,
				 number, err);
}

/* The bytes to be read, as far as sizes of files tell them. */
static uint64_t total_of(const char *const *paths, size_t n)
{
	uint64_t total = 0;
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		if (stat(paths[i], &st) < 0 || !S_ISREG(st.st_mode))
			return 0;
		total += (uint64_t)st.st_size;
	}
	return total;
}

static enum wm_code read_all(struct records_found *out, const char *const *paths, size_t n,
			     const struct records_options *o, struct wm_error *err)
{
	uint64_t number = 0;

	for (size_t i = 0; i < n; i++) {
		cleanup_source struct record_source *s = NULL;

		if (o->grammar == RECORD_OPAQUE) {
			TRY(source_open_list(&s, paths, n, err));
			return read_source(out, s, o, err);
		}
		TRY(open_source(&s, paths[i], o->grammar, &number, o->seen, err));
		TRY(read_source(out, s, o, err));
	}
	return WM_OK;
}

enum wm_code records_read(struct records_found *out, const char *const *paths, size_t n,
			  const struct records_options *o, struct wm_error *err)
{
	if (o->progress)
		progress_start(o->progress, total_of(paths, n));
	TRY(read_all(out, paths, n, o, err));
	if (out->set.n == 0)
		return fail(err, REASON_RECORDS_MISSING, "%s: holds no record", n ? paths[0] : "");
	record_set_close(&out->set);
	if (o->added)
		added_close(o->added);
	return WM_OK;
}

enum wm_code record_digest(uint8_t out[SHA256_BYTES], const char *path, struct wm_error *err)
{
	enum { PIECE = 1 << 20 };
	cleanup_sha256 struct sha256 *s = NULL;
	cleanup_free uint8_t *bytes = malloc(PIECE);
	cleanup_fd int fd = -1;
	uint64_t size = 0;
	ssize_t n = 1;

	if (!bytes)
		return fail_nomem(err);
	TRY(sha256_new(&s, err));
	TRY(sha256_start(s, err));
	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		TRY(file_open(&fd, &size, path, err));
	while (n > 0) {
		n = read(fd, bytes, PIECE);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0)
			return fail(err, REASON_READ_FAILED, "%s: cannot be read", path);
		TRY(sha256_update(s, bytes, (size_t)n, err));
	}
	return sha256_finish(s, out, err);
}
