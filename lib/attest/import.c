/* SPDX-License-Identifier: Apache-2.0 */
/* Runs as they add up, and the files that they are read from. */
#include "attest/import.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "attest/import_internal.h"
#include "lineage/inventory.h"
#include "statement/message.h"
#include "statement/moment.h"
#include "statement/scalar.h"
#include "util/array.h"
#include "util/file.h"
#include "util/utf8.h"

#define D(name) (&weightmark__v1__##name##__descriptor)

static void keep_element(void *element)
{
	(void)element; /* it is the arena's */
}

static void release(struct history *h)
{
	tdestroy(h->by_id, keep_element);
	tdestroy(h->words, keep_element);
	table_release(&h->t);
	free(h->runs);
}

/* --- for readers ------------------------------------------------------------------------- */

enum wm_code import_count(struct history *h, struct wm_error *err)
{
	if (h->counts->n_rows == LIMIT_IMPORT_ROWS)
		return fail(err, REASON_LIMIT, "%s, line %llu: more than %d rows", h->t.name,
			    (unsigned long long)h->t.line, LIMIT_IMPORT_ROWS);
	h->counts->n_rows++;
	return WM_OK;
}

/* Whether `text`, of a scalar that is text alone, is of the form of `d`. */
static bool has_form(const char *text, const ProtobufCMessageDescriptor *d)
{
	const Weightmark__V1__Id id = { .text = (char *)(uintptr_t)text };
	const Weightmark__V1__ObjectId object = { .text = (char *)(uintptr_t)text };
	const void *m = d == D(id) ? (const void *)&id : &object;

	return scalar_find(d)->valid(m);
}

static int compare_runs(const void *a, const void *b)
{
	return strcmp(((const struct import_run *)a)->id, ((const struct import_run *)b)->id);
}

static enum wm_code new_run(struct import_run **out, struct history *h, const char *id,
			    struct wm_error *err)
{
	struct import_run **list = array_grow(h->runs, h->n_runs, sizeof(*list));
	struct import_run *run;
	void *room = NULL;
	char *copy = NULL;

	if (!list)
		return fail_nomem(err);
	h->runs = list;
	TRY(arena_copy(&copy, &h->c->arena, id, strlen(id), err));
	TRY(arena_alloc(&room, &h->c->arena, sizeof(*run), err));
	run = room;
	*run = (struct import_run){ .id = copy, .line = h->t.line, .started = NO_TIME,
				    .ended = NO_TIME, .planned = NO_TIME, .planned_end = NO_TIME };
	if (!tsearch(run, &h->by_id, compare_runs))
		return fail_nomem(err);
	list[h->n_runs++] = run;
	*out = run;
	return WM_OK;
}

enum wm_code import_find_run(struct import_run **out, struct history *h, const char *id,
			     size_t column, struct wm_error *err)
{
	struct import_run *const *found =
		tfind(&(struct import_run){ .id = id }, &h->by_id, compare_runs);

	if (found) {
		*out = *found;
		return WM_OK;
	}
	if (!has_form(id, D(id)))
		return table_fail(&h->t, column,
				  "a run needs an id of letters, digits and ._-@:+, 128 at most",
				  err);
	if (h->n_runs == LIMIT_IMPORT_RUNS)
		return fail(err, REASON_LIMIT, "%s, line %llu: more than %d runs", h->t.name,
			    (unsigned long long)h->t.line, LIMIT_IMPORT_RUNS);
	return new_run(out, h, id, err);
}

static enum wm_code check_text(const struct history *h, const char *text, size_t column,
			       struct wm_error *err)
{
	const size_t len = strlen(text);

	if (len > LIMIT_IMPORT_TEXT)
		return fail(err, REASON_LIMIT, "%s, line %llu, column %zu: more than %d bytes",
			    h->t.name, (unsigned long long)h->t.line, column + 1,
			    LIMIT_IMPORT_TEXT);
	if (!utf8_valid((const uint8_t *)text, len))
		return table_fail(&h->t, column, "not UTF-8", err);
	return WM_OK;
}

/* RFC 3986, section 3.1: a scheme, and something behind it. */
static bool is_uri(const char *text)
{
	const size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789+-.");

	return len > 1 && text[len] == ':' && text[len + 1];
}

static enum wm_code refer(struct import_word *w, struct history *h, bool strict, size_t column,
			  struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];
	ProtobufCMessage *m = NULL;

	TRY(message_new(&m, D(reference), &h->c->arena, err));
	w->reference = (Weightmark__V1__Reference *)m;
	/* A URI of this form may be an object of an issuer who is known by a URI. */
	h->counts->n_uris += strstr(w->text, "://") && has_form(w->text, D(object_id));
	if (has_form(w->text, D(object_id)))
		return compose_scalar(&w->reference->object, h->c, D(object_id), w->text, err);
	if (inventory_digest(digest, w->text))
		return compose_digest(&w->reference->sha256, h->c, digest, err);
	if (strict && !is_uri(w->text))
		return table_fail(&h->t, column, "neither ISSUER/ID, a SHA-256 nor a URI", err);
	h->counts->n_unjoined++;
	return arena_copy(&w->reference->uri, &h->c->arena, w->text, strlen(w->text), err);
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(((const struct import_word *)a)->text, ((const struct import_word *)b)->text);
}

enum wm_code import_find_word(const struct import_word **out, struct history *h, const char *text,
			      bool strict, size_t column, struct wm_error *err)
{
	struct import_word *const *found =
		tfind(&(struct import_word){ .text = text }, &h->words, compare_words);
	struct import_word *word;
	void *room = NULL;
	char *copy = NULL;

	if (found) {
		*out = *found;
		return WM_OK;
	}
	TRY(check_text(h, text, column, err));
	TRY(arena_copy(&copy, &h->c->arena, text, strlen(text), err));
	TRY(arena_alloc(&room, &h->c->arena, sizeof(*word), err));
	word = room;
	word->text = copy;
	TRY(refer(word, h, strict, column, err));
	if (!tsearch(word, &h->words, compare_words))
		return fail_nomem(err);
	*out = word;
	return WM_OK;
}

enum wm_code import_time(int64_t *out, const struct history *h, const char *text, bool last,
			 size_t column, struct wm_error *err)
{
	bool is_day;

	*out = NO_TIME;
	if (!*text)
		return WM_OK;
	if (!moment_read(out, &is_day, text))
		return table_fail(&h->t, column,
				  "neither a date like 2024-03-08 nor a time like "
				  "2024-03-08T10:00:00Z", err);
	if (*out > h->now)
		return table_fail(&h->t, column, "in the future", err);
	if (is_day && last)
		*out += SECONDS_A_DAY - 1;
	return WM_OK;
}

enum wm_code import_activity(struct history *h, struct import_run *run, const char *text,
			     size_t column, struct wm_error *err)
{
	char *copy = NULL;

	if (!*text || (run->activity && strcmp(run->activity, text) == 0))
		return WM_OK;
	if (run->activity)
		return table_fail(&h->t, column,
				  "another row or event says that this run did another thing", err);
	TRY(check_text(h, text, column, err));
	TRY(arena_copy(&copy, &h->c->arena, text, strlen(text), err));
	run->activity = copy;
	return WM_OK;
}

enum wm_code import_add_use(struct history *h, struct import_run *run,
			    const struct import_use *use, struct wm_error *err)
{
	struct import_use *kept;
	void *room = NULL;

	TRY(arena_alloc(&room, &h->c->arena, sizeof(*kept), err));
	kept = room;
	*kept = *use;
	kept->next = run->uses;
	run->uses = kept;
	run->n_uses++;
	return WM_OK;
}

enum wm_code import_add_parent(struct history *h, struct import_run *run,
			       const struct import_word *model, struct wm_error *err)
{
	struct import_parent *kept;
	void *room = NULL;

	TRY(arena_alloc(&room, &h->c->arena, sizeof(*kept), err));
	kept = room;
	*kept = (struct import_parent){ run->parents, model };
	run->parents = kept;
	run->n_parents++;
	return WM_OK;
}

enum wm_code import_add_output(struct history *h, struct import_run *run,
			       const struct import_output *output, struct wm_error *err)
{
	struct import_output *kept;
	void *room = NULL;

	TRY(arena_alloc(&room, &h->c->arena, sizeof(*kept), err));
	kept = room;
	*kept = *output;
	kept->next = run->outputs;
	run->outputs = kept;
	run->n_outputs++;
	return WM_OK;
}

/* A plan says nothing of what began or ended at another time: schedulers start late. */
void import_span(int64_t *from, int64_t *to, const struct import_run *run)
{
	const bool planned = run->started == NO_TIME && run->ended == NO_TIME;

	*from = planned ? run->planned : run->started;
	*to = planned ? run->planned_end : run->ended;
}

bool import_is_backward(const struct import_run *run)
{
	int64_t from, to;

	import_span(&from, &to, run);
	return from != NO_TIME && to != NO_TIME && to < from;
}

/* --- the file ---------------------------------------------------------------------------- */

struct watching {
	struct sha256 *sha256; /* owned */
	struct progress *progress;
};

static void watching_release(struct watching *w)
{
	sha256_free(w->sha256);
}

static enum wm_code watch(void *context, const uint8_t *data, size_t len, struct wm_error *err)
{
	const struct watching *w = context;

	progress_add(w->progress, len);
	return sha256_update(w->sha256, data, len, err);
}

static enum wm_code open_file(struct history *h, const char *path, bool csv, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (table_open(&h->t, path, csv ? TABLE_CSV : TABLE_LINES, &why) != WM_OK)
		return fail_input(err, &why, REASON_TABLE_MALFORMED);
	return WM_OK;
}

static enum wm_code read_all(struct history *h, const char *path, struct progress *progress,
			     struct wm_error *err)
{
	const bool csv = file_has_suffix(path, ".csv");
	__attribute__((cleanup(watching_release))) struct watching w = { NULL, progress };

	if (!csv && !file_has_suffix(path, ".jsonl") && !file_has_suffix(path, ".ndjson"))
		return fail(err, REASON_USAGE,
			    "%s: the name of a history must end with .csv, or with .jsonl for run "
			    "events of OpenLineage", path);
	TRY(sha256_new(&w.sha256, err));
	TRY(sha256_start(w.sha256, err));
	TRY(open_file(h, path, csv, err));
	TRY(table_watch(&h->t, watch, &w, err));
	TRY(csv ? import_csv(h, err) : import_events(h, err));
	h->counts->n_runs = h->n_runs;
	h->counts->size = h->t.n_bytes;
	TRY(sha256_finish(w.sha256, h->counts->sha256, err));
	if (h->n_runs == 0)
		return fail(err, REASON_TABLE_MALFORMED, "%s: nothing in it is about a run", path);
	return WM_OK;
}

enum wm_code import_compose(struct composition *out, struct imported *counts, const char *path,
			    int64_t now, struct progress *progress, struct wm_error *err)
{
	cleanup_composition struct composition c = {
		.arena = ARENA_INIT(LIMIT_IMPORT_MEMORY),
		.name = path,
		.reason = REASON_TABLE_MALFORMED,
	};
	__attribute__((cleanup(release))) struct history h = { .c = &c, .counts = counts,
							       .now = now };

	*counts = (struct imported){ .n_rows = 0 };
	TRY(read_all(&h, path, progress, err));
	TRY(import_make_runs(&h, err));
	*out = c;
	c.arena.chunks = NULL;
	return WM_OK;
}
