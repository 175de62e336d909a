/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A history as OpenLineage events, one JSON object a line (openlineage.io/spec, RunEvent). Facets
 * that are not known here are passed over, as that specification wants; so are events about no run.
 */
#include <string.h>

#include "attest/import_internal.h"
#include "text/json.h"

/* Of a map under way, the names that are known. */
struct event;
typedef enum wm_code member_fn(struct event *e, enum json_event event, struct wm_error *err);
struct member {
	const char *name;
	member_fn *read;
};

enum event_kind { NO_KIND, OTHER, START, END };

struct event {
	struct history *h;
	struct json *j;
	enum event_kind kind;
	int64_t at, at_last; /* of a day alone: its first second, and its last */
	int64_t planned, planned_end;
	bool has_run;
	struct buf run, namespace, name; /* those of the thing under way */
	struct buf activity;
	struct import_use *inputs;
	struct import_output *outputs;
	bool is_output;
};

static enum wm_code refuse(const struct event *e, const char *what, struct wm_error *err)
{
	return table_fail(&e->h->t, e->j->at, what, err);
}

/* The next event; what is no JSON is named by line and column. */
static enum wm_code next(struct event *e, enum json_event *event, struct wm_error *err)
{
	struct wm_error why = { 0 };
	const enum wm_code code = json_next(e->j, event, &why);

	if (code == WM_OK)
		return WM_OK;
	return error_is_untold(code) ? fail_again(err, &why) : refuse(e, "not JSON", err);
}

static enum wm_code skip(struct event *e, enum json_event event, struct wm_error *err)
{
	struct wm_error why = { 0 };
	const enum wm_code code = json_skip(e->j, event, &why);

	if (code == WM_OK)
		return WM_OK;
	return error_is_untold(code) ? fail_again(err, &why) : refuse(e, "not JSON", err);
}

static bool is_named(const struct json *j, const char *name)
{
	return j->len == strlen(name) && memcmp(j->text, name, j->len) == 0;
}

/* Reads the map that `event` begins: known members, each at most once; null is as good as none. */
static enum wm_code read_map(struct event *e, enum json_event event, const struct member *members,
			     size_t n, struct wm_error *err)
{
	unsigned seen = 0;

	if (event == JSON_NULL)
		return WM_OK;
	if (event != JSON_MAP)
		return refuse(e, "an object is wanted here", err);
	for (;;) {
		size_t i = 0;

		TRY(next(e, &event, err));
		if (event == JSON_MAP_END)
			return WM_OK;
		while (i < n && !is_named(e->j, members[i].name))
			i++;
		if (i < n && seen >> i & 1)
			return refuse(e, "a second member of this name", err);
		TRY(next(e, &event, err));
		if (i == n) {
			TRY(skip(e, event, err));
			continue;
		}
		seen |= 1U << i;
		TRY(members[i].read(e, event, err));
	}
}

#define READ_MAP(e, event, members, err) \
	read_map(e, event, members, sizeof(members) / sizeof((members)[0]), err)

static enum wm_code read_text(struct buf *out, struct event *e, enum json_event event,
			      struct wm_error *err)
{
	buf_truncate(out, 0);
	if (event == JSON_NULL)
		return WM_OK;
	if (event != JSON_TEXT || e->j->len == 0 || memchr(e->j->text, '\0', e->j->len))
		return refuse(e, "a text is wanted here, without NUL", err);
	if (e->j->len > LIMIT_IMPORT_TEXT)
		return fail(err, REASON_LIMIT, "%s, line %llu, column %zu: more than %d bytes",
			    e->h->t.name, (unsigned long long)e->h->t.line, e->j->at + 1,
			    LIMIT_IMPORT_TEXT);
	return buf_append(out, e->j->text, e->j->len, err);
}

/* Either may be NULL. */
static enum wm_code read_time(int64_t *first, int64_t *last, struct event *e,
			      enum json_event event, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_IMPORT_TEXT);

	TRY(read_text(&text, e, event, err));
	if (first)
		TRY(import_time(first, e->h, buf_str(&text), false, e->j->at, err));
	return last ? import_time(last, e->h, buf_str(&text), true, e->j->at, err) : WM_OK;
}

/* --- the members ------------------------------------------------------------------------- */

static enum wm_code event_type(struct event *e, enum json_event event, struct wm_error *err)
{
	/* What failed may have written weights all the same. */
	static const struct {
		const char *name;
		enum event_kind kind;
	} types[] = {
		{ "START", START }, { "RUNNING", OTHER }, { "COMPLETE", END },
		{ "ABORT", END },   { "FAIL", END },	  { "OTHER", OTHER },
	};

	if (event == JSON_NULL)
		return WM_OK;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (event == JSON_TEXT && is_named(e->j, types[i].name))
			e->kind = types[i].kind;
	if (e->kind == NO_KIND)
		return refuse(e, "not one of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER", err);
	return WM_OK;
}

static enum wm_code event_time(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_time(&e->at, &e->at_last, e, event, err);
}

static enum wm_code nominal_start(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_time(&e->planned, NULL, e, event, err);
}

static enum wm_code nominal_end(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_time(NULL, &e->planned_end, e, event, err);
}

static enum wm_code nominal_time(struct event *e, enum json_event event, struct wm_error *err)
{
	static const struct member members[] = { { "nominalStartTime", nominal_start },
						 { "nominalEndTime", nominal_end } };

	return READ_MAP(e, event, members, err);
}

static enum wm_code run_facets(struct event *e, enum json_event event, struct wm_error *err)
{
	static const struct member members[] = { { "nominalTime", nominal_time } };

	return READ_MAP(e, event, members, err);
}

static enum wm_code run_id(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_text(&e->run, e, event, err);
}

static enum wm_code run(struct event *e, enum json_event event, struct wm_error *err)
{
	static const struct member members[] = { { "runId", run_id }, { "facets", run_facets } };

	e->has_run = event != JSON_NULL;
	return READ_MAP(e, event, members, err);
}

static enum wm_code thing_namespace(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_text(&e->namespace, e, event, err);
}

static enum wm_code thing_name(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_text(&e->name, e, event, err);
}

/* Appends NAMESPACE/NAME, which is what identifies jobs and datasets there. */
static enum wm_code read_thing(struct buf *out, struct event *e, enum json_event event,
			       struct wm_error *err)
{
	static const struct member members[] = { { "namespace", thing_namespace },
						 { "name", thing_name } };

	buf_truncate(&e->namespace, 0);
	buf_truncate(&e->name, 0);
	TRY(READ_MAP(e, event, members, err));
	if (event == JSON_NULL)
		return WM_OK;
	if (e->namespace.len == 0 || e->name.len == 0)
		return refuse(e, "namespace or name is missing", err);
	return buf_printf(out, err, "%s/%s", buf_str(&e->namespace), buf_str(&e->name));
}

static enum wm_code job(struct event *e, enum json_event event, struct wm_error *err)
{
	return read_thing(&e->activity, e, event, err);
}

static enum wm_code add_thing(struct event *e, const struct import_word *word,
			      struct wm_error *err)
{
	void *room = NULL;

	if (e->is_output) {
		TRY(arena_alloc(&room, &e->h->c->arena, sizeof(*e->outputs), err));
		*(struct import_output *)room = (struct import_output){
			.next = e->outputs, .model = word, .step = NO_STEP,
			.line = e->h->t.line };
		e->outputs = room;
		return WM_OK;
	}
	TRY(arena_alloc(&room, &e->h->c->arena, sizeof(*e->inputs), err));
	*(struct import_use *)room = (struct import_use){
		.next = e->inputs, .dataset = word, .from = NO_STEP, .to = NO_STEP };
	e->inputs = room;
	return WM_OK;
}

static enum wm_code read_things(struct event *e, enum json_event event, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(2 * LIMIT_IMPORT_TEXT + 1);
	const struct import_word *word;

	if (event == JSON_NULL)
		return WM_OK;
	if (event != JSON_LIST)
		return refuse(e, "a list is wanted here", err);
	for (;;) {
		TRY(next(e, &event, err));
		if (event == JSON_LIST_END)
			return WM_OK;
		if (event != JSON_MAP)
			return refuse(e, "an object is wanted here", err);
		buf_truncate(&text, 0);
		TRY(read_thing(&text, e, event, err));
		TRY(import_find_word(&word, e->h, buf_str(&text), false, e->j->at, err));
		TRY(add_thing(e, word, err));
	}
}

static enum wm_code inputs(struct event *e, enum json_event event, struct wm_error *err)
{
	e->is_output = false;
	return read_things(e, event, err);
}

static enum wm_code outputs(struct event *e, enum json_event event, struct wm_error *err)
{
	e->is_output = true;
	return read_things(e, event, err);
}

/* --- events ------------------------------------------------------------------------------ */

/* The earliest of beginnings, the latest of ends: a run may be tried again. */
static void add_times(struct import_run *r, const struct event *e)
{
	if (e->kind == START && (r->started == NO_TIME || e->at < r->started))
		r->started = e->at;
	if (e->kind == END && (r->ended == NO_TIME || e->at_last > r->ended))
		r->ended = e->at_last;
	if (e->planned != NO_TIME && (r->planned == NO_TIME || e->planned < r->planned))
		r->planned = e->planned;
	if (e->planned_end != NO_TIME &&
	    (r->planned_end == NO_TIME || e->planned_end > r->planned_end))
		r->planned_end = e->planned_end;
}

static enum wm_code add_event(struct event *e, struct wm_error *err)
{
	struct import_run *r;

	if (!e->has_run) {
		e->h->counts->n_passed++;
		return WM_OK;
	}
	if (e->run.len == 0)
		return table_fail(&e->h->t, 0, "run.runId is missing", err);
	if (e->activity.len == 0)
		return table_fail(&e->h->t, 0, "job is missing", err);
	if (e->at == NO_TIME)
		return table_fail(&e->h->t, 0, "eventTime is missing", err);
	TRY(import_find_run(&r, e->h, buf_str(&e->run), 0, err));
	TRY(import_activity(e->h, r, buf_str(&e->activity), 0, err));
	add_times(r, e);
	for (const struct import_use *u = e->inputs; u; u = u->next)
		TRY(import_add_use(e->h, r, u, err));
	for (const struct import_output *o = e->outputs; o; o = o->next)
		TRY(import_add_output(e->h, r, o, err));
	return WM_OK;
}

static void release(struct event *e)
{
	buf_release(&e->run);
	buf_release(&e->namespace);
	buf_release(&e->name);
	buf_release(&e->activity);
}

static enum wm_code read_event(struct history *h, struct wm_error *err)
{
	static const struct member members[] = {
		{ "eventType", event_type }, { "eventTime", event_time }, { "run", run },
		{ "job", job },		     { "inputs", inputs },	  { "outputs", outputs },
	};
	cleanup_json struct json j = json_parser(h->t.cells[0], strlen(h->t.cells[0]), "");
	__attribute__((cleanup(release))) struct event e = {
		.h = h,
		.j = &j,
		.at = NO_TIME,
		.at_last = NO_TIME,
		.planned = NO_TIME,
		.planned_end = NO_TIME,
		.run = BUF_INIT(LIMIT_IMPORT_TEXT),
		.namespace = BUF_INIT(LIMIT_IMPORT_TEXT),
		.name = BUF_INIT(LIMIT_IMPORT_TEXT),
		.activity = BUF_INIT(2 * LIMIT_IMPORT_TEXT + 1),
	};
	enum json_event event;

	TRY(next(&e, &event, err));
	if (event != JSON_MAP)
		return refuse(&e, "an object is wanted here", err);
	TRY(READ_MAP(&e, event, members, err));
	TRY(next(&e, &event, err));
	return add_event(&e, err);
}

/* Only when all is read: events come in any order. */
static enum wm_code check_spans(const struct history *h, struct wm_error *err)
{
	for (size_t i = 0; i < h->n_runs; i++)
		if (import_is_backward(h->runs[i]))
			return fail(err, REASON_TABLE_MALFORMED,
				    "%s, line %llu, column 1: the run that is named here first "
				    "ends before it begins", h->t.name,
				    (unsigned long long)h->runs[i]->line);
	return WM_OK;
}

enum wm_code import_events(struct history *h, struct wm_error *err)
{
	bool more;

	for (;;) {
		TRY(table_next(&h->t, &more, err));
		if (!more)
			return check_spans(h, err);
		TRY(import_count(h, err));
		TRY(read_event(h, err));
	}
}
