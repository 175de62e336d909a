/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of the runs of a history. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "attest/import_internal.h"
#include "statement/message.h"
#include "util/array.h"
#include "util/hex.h"
#include "util/utf8.h"

#define D(name) (&weightmark__v1__##name##__descriptor)

/* Of the digest that tells a run's further outputs apart. */
enum { SUFFIX_BYTES = 8 };

/* What making needs. */
struct making {
	struct history *h;
	Weightmark__V1__DocumentRef *from; /* the file */
	struct composed *list;		   /* owned */
	size_t n, n_bytes;
	void *ids; /* of those in the list (tsearch) */
};

static void keep_element(void *element)
{
	(void)element; /* it is the arena's */
}

static void release(struct making *m)
{
	tdestroy(m->ids, keep_element);
	free(m->list);
}

/* --- what runs used ---------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_uses(const void *a, const void *b)
{
	const struct import_use *x = *(struct import_use *const *)a,
				*y = *(struct import_use *const *)b;
	int order = strcmp(x->dataset->text, y->dataset->text);

	if (!order)
		order = (x->role > y->role) - (x->role < y->role);
	/* A step that is not said is the largest number. */
	if (!order)
		order = compare_numbers(x->from, y->from);
	return order ? order : compare_numbers(x->to, y->to);
}

static enum wm_code make_use(Weightmark__V1__DatasetUse **out, struct arena *a,
			     const struct import_use *said, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	Weightmark__V1__DatasetUse *use;

	TRY(message_new(&m, D(dataset_use), a, err));
	use = (Weightmark__V1__DatasetUse *)m;
	use->dataset = said->dataset->reference;
	use->has_role = said->role != 0;
	use->role = (Weightmark__V1__DatasetUse__Role)said->role;
	use->has_from_step = said->from != NO_STEP;
	use->from_step = use->has_from_step ? said->from : 0;
	use->has_to_step = said->to != NO_STEP;
	use->to_step = use->has_to_step ? said->to : 0;
	*out = use;
	return WM_OK;
}

static enum wm_code make_uses(Weightmark__V1__Run *out, struct arena *a,
			      const struct import_run *run, struct wm_error *err)
{
	cleanup_free const struct import_use **list = calloc(run->n_uses + 1, sizeof(*list));
	void *room = NULL;
	size_t n = 0;

	if (!list)
		return fail_nomem(err);
	for (const struct import_use *u = run->uses; u; u = u->next)
		list[n++] = u;
	qsort(list, n, sizeof(*list), compare_uses);
	TRY(arena_alloc(&room, a, (n + 1) * sizeof(*out->uses), err));
	out->uses = room;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || compare_uses(&list[i - 1], &list[i]) != 0)
			TRY(make_use(&out->uses[out->n_uses++], a, list[i], err));
	return WM_OK;
}

static int compare_parents(const void *a, const void *b)
{
	return strcmp((*(const struct import_word *const *)a)->text,
		      (*(const struct import_word *const *)b)->text);
}

static enum wm_code make_parents(Weightmark__V1__Run *out, struct arena *a,
				 const struct import_run *run, struct wm_error *err)
{
	cleanup_free const struct import_word **list = calloc(run->n_parents + 1, sizeof(*list));
	void *room = NULL;
	size_t n = 0;

	if (!list)
		return fail_nomem(err);
	for (const struct import_parent *p = run->parents; p; p = p->next)
		list[n++] = p->model;
	qsort(list, n, sizeof(*list), compare_parents);
	TRY(arena_alloc(&room, a, (n + 1) * sizeof(*out->parent_model), err));
	out->parent_model = room;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || list[i - 1] != list[i])
			out->parent_model[out->n_parent_model++] = list[i]->reference;
	return WM_OK;
}

/* --- what they gave ---------------------------------------------------------------------- */

/* What an output is known by: its name, else its SHA-256, else that of its weights. */
static int compare_known(const struct import_output *x, const struct import_output *y)
{
	if (!x->model != !y->model)
		return x->model ? -1 : 1;
	if (x->model)
		return strcmp(x->model->text, y->model->text);
	if (x->has_sha256 != y->has_sha256)
		return x->has_sha256 ? -1 : 1;
	return x->has_sha256 ? memcmp(x->sha256, y->sha256, SHA256_BYTES) :
			       memcmp(x->weights, y->weights, SHA256_BYTES);
}

static int compare_outputs(const void *a, const void *b)
{
	const struct import_output *x = *(struct import_output *const *)a,
				   *y = *(struct import_output *const *)b;
	const int order = compare_known(x, y);

	return order ? order : compare_numbers(x->line, y->line);
}

/* Those of one event stand in one line: qsort() alone would leave open which is the first. */
static int by_line(const void *a, const void *b)
{
	const struct import_output *x = *(struct import_output *const *)a,
				   *y = *(struct import_output *const *)b;
	const int order = compare_numbers(x->line, y->line);

	return order ? order : compare_known(x, y);
}

static bool merge_digest(bool *has, uint8_t to[SHA256_BYTES], bool other,
			 const uint8_t from[SHA256_BYTES])
{
	if (*has && other)
		return memcmp(to, from, SHA256_BYTES) == 0;
	if (other)
		memcpy(to, from, SHA256_BYTES);
	*has |= other;
	return true;
}

static enum wm_code merge(struct import_output *to, const struct import_output *from,
			  const struct history *h, struct wm_error *err)
{
	const bool steps_agree =
		to->step == NO_STEP || from->step == NO_STEP || to->step == from->step;

	if (!merge_digest(&to->has_sha256, to->sha256, from->has_sha256, from->sha256) ||
	    !merge_digest(&to->has_weights, to->weights, from->has_weights, from->weights) ||
	    !steps_agree)
		return fail(err, REASON_TABLE_MALFORMED,
			    "%s, line %llu, column 1: says of an output another digest or step "
			    "than line %llu", h->t.name, (unsigned long long)from->line,
			    (unsigned long long)to->line);
	if (to->step == NO_STEP)
		to->step = from->step;
	return WM_OK;
}

/* Stores the outputs, each once, in the order in which they are named; `list` has room for all. */
static enum wm_code unite_outputs(struct import_output **list, size_t *n_out,
				  const struct import_run *run, const struct history *h,
				  struct wm_error *err)
{
	size_t n = 0, kept = 0;

	for (struct import_output *o = run->outputs; o; o = o->next)
		list[n++] = o;
	qsort(list, n, sizeof(*list), compare_outputs);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && compare_known(list[kept - 1], list[i]) == 0)
			TRY(merge(list[kept - 1], list[i], h, err));
		else
			list[kept++] = list[i];
	}
	qsort(list, kept, sizeof(*list), by_line);
	*n_out = kept;
	return WM_OK;
}

static enum wm_code make_output(Weightmark__V1__Run *out, struct composition *c,
				const struct import_output *o, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	TRY(message_new(&m, D(reference), &c->arena, err));
	out->output_model = (Weightmark__V1__Reference *)m;
	if (o->model) {
		out->output_model->object = o->model->reference->object;
		out->output_model->sha256 = o->model->reference->sha256;
		out->output_model->uri = o->model->reference->uri;
	}
	if (o->has_sha256)
		TRY(compose_digest(&out->output_model->sha256, c, o->sha256, err));
	if (o->has_weights)
		TRY(compose_digest(&out->output_model->weights_digest, c, o->weights, err));
	out->has_output_step = o->step != NO_STEP;
	out->output_step = out->has_output_step ? o->step : 0;
	return WM_OK;
}

/* --- statements -------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* ID; for a further output ID.DIGITS, of the SHA-256 of what it is known by. */
static enum wm_code make_id(Weightmark__V1__Id **out, struct making *m,
			    const struct import_run *run, const struct import_output *further,
			    struct wm_error *err)
{
	char id[LIMIT_ID + 2 * SUFFIX_BYTES + 2], *end = stpcpy(id, run->id);
	uint8_t digest[SHA256_BYTES];
	const char *const *found;

	if (further) {
		if (further->model)
			TRY(sha256_of(digest, further->model->text, strlen(further->model->text),
				      err));
		else
			TRY(sha256_of(digest,
				      further->has_sha256 ? further->sha256 : further->weights,
				      SHA256_BYTES, err));
		*end++ = '.';
		hex_encode(end, digest, SUFFIX_BYTES);
	}
	if (strlen(id) > LIMIT_ID)
		return fail(err, REASON_TABLE_MALFORMED,
			    "%s, line %llu, column 1: the id of a run of several outputs has at "
			    "most %d bytes", m->h->t.name, (unsigned long long)run->line,
			    LIMIT_ID - 2 * SUFFIX_BYTES - 1);
	TRY(compose_scalar(out, m->h->c, D(id), id, err));
	found = tsearch((*out)->text, &m->ids, compare_texts);
	if (!found)
		return fail_nomem(err);
	if (*found != (*out)->text)
		return fail(err, REASON_TABLE_MALFORMED,
			    "%s, line %llu, column 1: the id '%s' is that of a further output of "
			    "another run", m->h->t.name, (unsigned long long)run->line, id);
	return WM_OK;
}

/* What a run used is said again with each of its outputs. */
static enum wm_code count_bytes(struct making *m, const struct import_run *run,
				const ProtobufCMessage *message, struct wm_error *err)
{
	m->n_bytes += protobuf_c_message_get_packed_size(message);
	if (m->n_bytes > LIMIT_IMPORT_STATEMENTS)
		return fail(err, REASON_LIMIT,
			    "%s, line %llu, column 1: up to this run there are statements of more "
			    "than %d bytes; give the history in parts", m->h->t.name,
			    (unsigned long long)run->line, LIMIT_IMPORT_STATEMENTS);
	return WM_OK;
}

static enum wm_code add_statement(struct making *m, const Weightmark__V1__Run *like,
				  const struct import_run *run, const struct import_output *output,
				  bool further, struct wm_error *err)
{
	struct composed *list = array_grow(m->list, m->n, sizeof(*list));
	ProtobufCMessage *message = NULL;
	Weightmark__V1__Run *made;

	if (!list)
		return fail_nomem(err);
	m->list = list;
	if (m->n == LIMIT_IMPORT_RUNS)
		return fail(err, REASON_LIMIT, "%s: more than %d runs and outputs", m->h->t.name,
			    LIMIT_IMPORT_RUNS);
	TRY(message_new(&message, D(run), &m->h->c->arena, err));
	made = (Weightmark__V1__Run *)message;
	*made = *like;
	TRY(make_id(&made->id, m, run, further ? output : NULL, err));
	if (output)
		TRY(make_output(made, m->h->c, output, err));
	TRY(count_bytes(m, run, message, err));
	list[m->n++] = (struct composed){ .kind = kind_of_message(D(run)), .message = message };
	return WM_OK;
}

/* All that the statements of a run have in common. */
static enum wm_code make_common(Weightmark__V1__Run *out, struct making *m,
				const struct import_run *run, struct wm_error *err)
{
	struct composition *c = m->h->c;
	int64_t from, to;

	import_span(&from, &to, run);
	TRY(make_uses(out, &c->arena, run, err));
	TRY(make_parents(out, &c->arena, run, err));
	if (from != NO_TIME)
		TRY(compose_time(&out->start, c, from, err));
	if (to != NO_TIME)
		TRY(compose_time(&out->end, c, to, err));
	if (run->activity)
		TRY(arena_copy(&out->activity, &c->arena, run->activity, strlen(run->activity),
			       err));
	out->has_retrospective = 1;
	out->retrospective = WEIGHTMARK__V1__TRI__VALUE__yes;
	out->imported_from = m->from;
	return WM_OK;
}

static enum wm_code make_run(struct making *m, const struct import_run *run, struct wm_error *err)
{
	cleanup_free struct import_output **outputs = calloc(run->n_outputs + 1, sizeof(*outputs));
	Weightmark__V1__Run common = WEIGHTMARK__V1__RUN__INIT;
	size_t n = 0;

	if (!outputs)
		return fail_nomem(err);
	TRY(unite_outputs(outputs, &n, run, m->h, err));
	TRY(make_common(&common, m, run, err));
	if (n == 0)
		return add_statement(m, &common, run, NULL, false, err);
	for (size_t i = 0; i < n; i++)
		TRY(add_statement(m, &common, run, outputs[i], i > 0, err));
	return WM_OK;
}

/* The file by its name alone: where it lay is nobody's business. */
static enum wm_code make_from(struct making *m, struct wm_error *err)
{
	struct composition *c = m->h->c;
	const char *slash = strrchr(c->name, '/'), *name = slash ? slash + 1 : c->name;
	ProtobufCMessage *message = NULL;

	TRY(message_new(&message, D(document_ref), &c->arena, err));
	m->from = (Weightmark__V1__DocumentRef *)message;
	if (utf8_valid((const uint8_t *)name, strlen(name)))
		TRY(arena_copy(&m->from->uri, &c->arena, name, strlen(name), err));
	m->from->has_size = 1;
	m->from->size = m->h->counts->size;
	return compose_digest(&m->from->sha256, c, m->h->counts->sha256, err);
}

enum wm_code import_make_runs(struct history *h, struct wm_error *err)
{
	__attribute__((cleanup(release))) struct making m = { .h = h };
	void *room = NULL;

	TRY(make_from(&m, err));
	for (size_t i = 0; i < h->n_runs; i++)
		TRY(make_run(&m, h->runs[i], err));
	TRY(arena_alloc(&room, &h->c->arena, m.n * sizeof(*m.list), err));
	if (m.n > 0)
		memcpy(room, m.list, m.n * sizeof(*m.list));
	h->c->statements = room;
	h->c->n_statements = m.n;
	return WM_OK;
}
