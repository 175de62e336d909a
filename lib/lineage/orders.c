/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what was said of orders, and which order each statement is about. */
#include "lineage/orders_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/limits.h"

/* What an order may be called: object id, local id, the id of a version. */
struct order_name {
	const char *name;
	uint32_t order;
};

void orders_free(struct orders *o)
{
	struct said *said;

	if (!o)
		return;
	said = o->said.list;
	for (size_t i = 0; i < o->said.n; i++)
		statement_free(said[i].statement);
	gathered_list_release(&o->said);
	free(o->list);
	free(o->transfers.list);
	free(o->revocations.list);
	free(o->certificates.list);
	free(o->loose.list);
	gathered_list_release(&o->deeds);
	free(o->about.list);
	free(o->names);
	free(o->by_id);
	free(o->unknown);
	free(o->digests);
	arena_release(&o->arena);
	free(o);
}

/* --- reading ----------------------------------------------------------------------------- */

struct reading {
	struct orders *orders;
	struct index *index;
	const struct orders_trust *trust;
};

static enum said_signature verify(const struct envelope *e, const struct orders_trust *trust)
{
	const struct public_key *key = trust->keys ? keyring_find(trust->keys, e->keyid) : NULL;
	struct wm_error why = { 0 };

	if (trust->later)
		return SIGNATURE_VERIFIED;
	if (!key)
		return SIGNATURE_UNKNOWN;
	return envelope_verify(e, key, &why) == WM_OK ? SIGNATURE_VERIFIED : SIGNATURE_BAD;
}

static enum wm_code read_said(void *context, const struct indexed *e, struct wm_error *err)
{
	struct reading *r = context;
	cleanup_arena struct arena a = ARENA_INIT(2 * (size_t)LIMIT_ENTRY);
	cleanup_statement struct statement *s = NULL;
	struct wm_error why = { 0 };
	struct envelope envelope;
	enum wm_code code;
	struct said *said;

	TRY(index_read_entry(&envelope, &a, r->index, e, err));
	code = statement_decode(&s, envelope.payload, envelope.payload_len, "an entry", &why);
	if (error_is_untold(code))
		return fail_again(err, &why);
	if (code != WM_OK) {
		r->orders->n_unreadable++;
		return WM_OK;
	}
	if (r->orders->said.n >= LIMIT_ORDERS)
		return fail(err, REASON_LIMIT, "more than %d statements of orders", LIMIT_ORDERS);
	TRY(gathered_add(&said, &r->orders->said, sizeof(*said), err));
	said->statement = take_ptr(&s);
	memcpy(said->keyid, e->keyid, SHA256_BYTES);
	said->signature = verify(&envelope, r->trust);
	return WM_OK;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int64_t issued_at(const struct said *s)
{
	const Weightmark__V1__Time *t = s->statement->header->issued_at;

	return t ? t->seconds : INT64_MIN;
}

/* Whether both are versions of one thing. */
static int compare_chains(const struct said *a, const struct said *b)
{
	int order = strcmp(a->statement->kind->name, b->statement->kind->name);

	if (order == 0)
		order = strcmp(a->statement->header->object->text,
			       b->statement->header->object->text);
	return order ? order : memcmp(a->keyid, b->keyid, SHA256_BYTES);
}

static int compare_said(const void *x, const void *y)
{
	const struct said *a = x, *b = y;
	int order = compare_chains(a, b);

	if (order == 0)
		order = compare_numbers(a->statement->header->sequence,
					b->statement->header->sequence);
	if (order == 0)
		order = (issued_at(a) > issued_at(b)) - (issued_at(a) < issued_at(b));
	return order ? order : memcmp(a->statement->id, b->statement->id, SHA256_BYTES);
}

/* Marks which of the versions of one thing, oldest first, is the newest, and what it replaces. */
static void mark_newest(struct said *chain, size_t n, size_t *n_bad)
{
	bool superseded = false, found = false;

	for (size_t i = n; i-- > 0;) {
		*n_bad += chain[i].signature == SIGNATURE_BAD;
		chain[i].superseded = superseded;
		superseded |= chain[i].signature == SIGNATURE_VERIFIED;
		chain[i].newest = !found && chain[i].signature != SIGNATURE_BAD;
		found |= chain[i].newest;
	}
}

/* Puts them in order, each once, whatever number of ledgers has it. */
static void sort_said(struct orders *o)
{
	struct said *list = o->said.list;
	size_t n = 0;

	if (o->said.n > 0)
		qsort(list, o->said.n, sizeof(*list), compare_said);
	for (size_t i = 0; i < o->said.n; i++) {
		if (n == 0 || compare_said(&list[n - 1], &list[i]) != 0) {
			list[n++] = list[i];
			continue;
		}
		if (list[i].signature > list[n - 1].signature)
			list[n - 1].signature = list[i].signature;
		statement_free(list[i].statement);
	}
	o->said.n = n;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && compare_chains(&list[i], &list[end]) == 0;)
			end++;
		mark_newest(list + i, end - i, &o->n_bad);
	}
}

static enum wm_code read_all(struct orders *o, struct index *const *indexes, size_t n,
			     const char *const *origins, const struct orders_trust *trust,
			     struct wm_error *err)
{
	static const char *const kinds_read[] = { "order", "event", "certificate", "revocation",
						  "transfer" };
	struct reading r = { .orders = o, .trust = trust };

	for (size_t i = 0; i < n; i++) {
		r.index = indexes[i];
		for (size_t k = 0; k < sizeof(kinds_read) / sizeof(kinds_read[0]); k++)
			TRY(index_query(r.index, QUERY_KIND, kinds_read[k], origins, LIMIT_ORDERS,
					read_said, &r, err));
	}
	sort_said(o);
	return WM_OK;
}

/* --- the orders -------------------------------------------------------------------------- */

static bool is_of(const struct said *s, const ProtobufCMessageDescriptor *d)
{
	return s->statement->kind->descriptor == d;
}

static struct order order_of(const struct said *versions, size_t n)
{
	struct order o = { .versions = versions, .n_versions = n, .newest = &versions[n - 1] };

	for (size_t i = 0; i < n; i++) {
		o.n_bad += versions[i].signature == SIGNATURE_BAD;
		if (versions[i].newest)
			o.newest = &versions[i];
	}
	o.object = o.newest->statement->header->object->text;
	o.said = (const Weightmark__V1__Order *)o.newest->statement->message;
	return o;
}

static enum wm_code list_orders(struct orders *o, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list list = { 0 };
	const struct said *said = o->said.list;
	struct order *order;

	for (size_t i = 0, end; i < o->said.n; i = end) {
		for (end = i + 1; end < o->said.n && compare_chains(&said[i], &said[end]) == 0;)
			end++;
		if (!is_of(&said[i], &weightmark__v1__order__descriptor))
			continue;
		TRY(gathered_add(&order, &list, sizeof(*order), err));
		*order = order_of(said + i, end - i);
	}
	o->n = list.n;
	o->list = take_ptr(&list.list);
	return WM_OK;
}

/* Of each the newest; `all`: and those before that no verified one takes back. */
static enum wm_code list_newest(struct said_list *out, const struct orders *o,
				const ProtobufCMessageDescriptor *d, bool all,
				struct wm_error *err)
{
	const struct said *said = o->said.list;

	out->list = calloc(o->said.n + 1, sizeof(*out->list));
	if (!out->list)
		return fail_nomem(err);
	for (size_t i = 0; i < o->said.n; i++)
		if (is_of(&said[i], d) &&
		    (said[i].newest || (all && said[i].signature != SIGNATURE_BAD &&
					!said[i].superseded)))
			out->list[out->n++] = &said[i];
	return WM_OK;
}

/* --- what they are called ---------------------------------------------------------------- */

static int compare_names(const void *x, const void *y)
{
	const struct order_name *a = x, *b = y;
	int order = strcmp(a->name, b->name);

	return order ? order : compare_numbers(a->order, b->order);
}

static const char *local_id(const char *object)
{
	const char *slash = strrchr(object, '/');

	return slash ? slash + 1 : object;
}

static enum wm_code name_orders(struct orders *o, struct wm_error *err)
{
	size_t room = 1;

	for (size_t i = 0; i < o->n; i++)
		room += 2 + o->list[i].n_versions;
	o->names = calloc(room, sizeof(*o->names));
	if (!o->names)
		return fail_nomem(err);
	for (uint32_t i = 0; i < o->n; i++) {
		const struct order *at = &o->list[i];

		o->names[o->n_names++] = (struct order_name){ at->object, i };
		o->names[o->n_names++] = (struct order_name){ local_id(at->object), i };
		for (size_t k = 0; k < at->n_versions; k++) {
			char text[STATEMENT_ID_TEXT + 1], *copy = NULL;

			statement_id_text(text, at->versions[k].statement->id);
			TRY(arena_copy(&copy, &o->arena, text, STATEMENT_ID_TEXT, err));
			o->names[o->n_names++] = (struct order_name){ copy, i };
		}
	}
	qsort(o->names, o->n_names, sizeof(*o->names), compare_names);
	return WM_OK;
}

/* The orders of this name: a run of `names`. */
static const struct order_name *orders_named(size_t *n, const struct orders *o, const char *name)
{
	size_t low = 0, high = o->n_names;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(o->names[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < o->n_names && strcmp(o->names[high].name, name) == 0;)
		high++;
	*n = high - low;
	return &o->names[low];
}

enum wm_code orders_find(const struct order **out, size_t *n, const struct orders *o,
			 const char *id, struct wm_error *err)
{
	size_t found;
	const struct order_name *names = orders_named(&found, o, id);

	if (found == 0)
		return fail(err, REASON_ORDER_UNKNOWN, "no order is called '%.128s'", id);
	for (size_t i = 1; i < found; i++)
		if (strcmp(o->list[names[i].order].object, o->list[names[0].order].object) != 0)
			return fail(err, REASON_USAGE,
				    "several orders are called '%.64s': give the object id, "
				    "as %.96s", id, o->list[names[0].order].object);
	*n = names[found - 1].order - names[0].order + 1;
	*out = &o->list[names[0].order];
	return WM_OK;
}

/* --- which order a statement is about ---------------------------------------------------- */

struct attached {
	uint32_t order;
	bool certificate;
	const struct said *said;
};

static enum wm_code attach(struct gathered_list *out, uint32_t order, const struct said *s,
			   struct wm_error *err)
{
	struct attached *a;

	TRY(gathered_add(&a, out, sizeof(*a), err));
	*a = (struct attached){ order, is_of(s, &weightmark__v1__deletion_certificate__descriptor),
				s };
	return WM_OK;
}

/*
 * A local id means the order of the same issuer, else the only one of that id; an order of the
 * same object by several keys is meant whichever it is.
 */
static bool is_meant(const struct orders *o, const struct said *s, const struct order_name *names,
		     size_t n, size_t i)
{
	const char *object = o->list[names[i].order].object;
	const size_t issuer = (size_t)(local_id(object) - object);
	bool own = false, alone = true;

	for (size_t k = 0; k < n; k++) {
		const char *other = o->list[names[k].order].object;
		const size_t len = (size_t)(local_id(other) - other);

		own |= s->statement->header->issuer &&
		       strncmp(s->statement->header->issuer, other, len ? len - 1 : 0) == 0 &&
		       strlen(s->statement->header->issuer) + 1 == len;
		alone &= strcmp(other, object) == 0;
	}
	if (!own)
		return alone;
	return strlen(s->statement->header->issuer) + 1 == issuer &&
	       strncmp(s->statement->header->issuer, object, issuer - 1) == 0;
}

enum { NAMED_MAX = 256 };

static enum wm_code attach_named(struct gathered_list *out, struct orders *o, const struct said *s,
				 const char *name, bool whole, struct wm_error *err)
{
	size_t n, before = out->n;
	const struct order_name *names = orders_named(&n, o, name);

	n = n < NAMED_MAX ? n : NAMED_MAX;
	for (size_t i = 0; i < n; i++)
		if (whole || is_meant(o, s, names, n, i))
			TRY(attach(out, names[i].order, s, err));
	o->n_stray += out->n == before;
	return WM_OK;
}

static enum wm_code attach_said(struct gathered_list *out, struct orders *o, const struct said *s,
				const Weightmark__V1__Reference *r, const char *order_id,
				struct wm_error *err)
{
	char text[STATEMENT_ID_TEXT + 1];

	if (r && r->object)
		return attach_named(out, o, s, r->object->text, true, err);
	if (r && r->statement) {
		statement_id_text(text, r->statement->sha256.data);
		return attach_named(out, o, s, text, true, err);
	}
	if (order_id)
		return attach_named(out, o, s, order_id, strchr(order_id, '/') != NULL, err);
	if (is_of(s, &weightmark__v1__lifecycle_event__descriptor))
		o->loose.list[o->loose.n++] = s;
	return WM_OK;
}

static int compare_attached(const void *x, const void *y)
{
	const struct attached *a = x, *b = y;
	int order = compare_numbers(a->order, b->order);

	if (order == 0)
		order = a->certificate - b->certificate;
	return order ? order : (a->said > b->said) - (a->said < b->said);
}

static enum wm_code hand_out(struct orders *o, struct gathered_list *pairs, struct wm_error *err)
{
	struct attached *list = pairs->list;

	o->about.list = calloc(pairs->n + 1, sizeof(*o->about.list));
	if (!o->about.list)
		return fail_nomem(err);
	if (pairs->n > 0)
		qsort(list, pairs->n, sizeof(*list), compare_attached);
	for (size_t i = 0; i < pairs->n; i++) {
		struct order *at = &o->list[list[i].order];
		const struct said *const *place = &o->about.list[o->about.n];

		o->about.list[o->about.n++] = list[i].said;
		if (list[i].certificate) {
			at->certificates = at->n_certificates++ ? at->certificates : place;
		} else {
			at->events = at->n_events++ ? at->events : place;
		}
	}
	return WM_OK;
}

static enum wm_code attach_all(struct orders *o, struct gathered_list *pairs, struct wm_error *err)
{
	const struct said *said = o->said.list;

	o->loose.list = calloc(o->said.n + 1, sizeof(*o->loose.list));
	if (!o->loose.list)
		return fail_nomem(err);
	for (size_t i = 0; i < o->said.n; i++) {
		const ProtobufCMessage *m = said[i].statement->message;

		if (!said[i].newest)
			continue;
		if (is_of(&said[i], &weightmark__v1__lifecycle_event__descriptor)) {
			const Weightmark__V1__LifecycleEvent *e =
				(const Weightmark__V1__LifecycleEvent *)m;

			TRY(attach_said(pairs, o, &said[i], e->order, e->order_id, err));
		} else if (is_of(&said[i], &weightmark__v1__deletion_certificate__descriptor)) {
			const Weightmark__V1__DeletionCertificate *c =
				(const Weightmark__V1__DeletionCertificate *)m;

			TRY(attach_said(pairs, o, &said[i], c->order, c->order_id, err));
		}
	}
	return hand_out(o, pairs, err);
}

static enum wm_code attach_statements(struct orders *o, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list pairs = { 0 };

	return attach_all(o, &pairs, err);
}

enum wm_code orders_load(struct orders **out, const struct graph *g, struct index *const *indexes,
			 size_t n, const char *const *origins, struct wm_error *err)
{
	return orders_load_trusting(out, g, indexes, n, origins,
				    &(struct orders_trust){ .keys = NULL }, err);
}

enum wm_code orders_load_trusting(struct orders **out, const struct graph *g,
				  struct index *const *indexes, size_t n,
				  const char *const *origins, const struct orders_trust *trust,
				  struct wm_error *err)
{
	cleanup_orders struct orders *o = calloc(1, sizeof(*o));

	if (!o)
		return fail_nomem(err);
	o->graph = g;
	o->indexes = indexes;
	o->n_indexes = n;
	o->origins = origins;
	o->arena = (struct arena)ARENA_INIT(LIMIT_GRAPH_MEMORY);
	TRY(read_all(o, indexes, n, origins, trust, err));
	TRY(list_orders(o, err));
	TRY(list_newest(&o->transfers, o, &weightmark__v1__transfer__descriptor, false, err));
	TRY(list_newest(&o->revocations, o, &weightmark__v1__revocation__descriptor, true, err));
	TRY(list_newest(&o->certificates, o, &weightmark__v1__deletion_certificate__descriptor,
			false, err));
	TRY(name_orders(o, err));
	TRY(attach_statements(o, err));
	TRY(orders_join_graph(o, err));
	TRY(list_deeds(&o->deeds, o, o->loose.list, o->loose.n, err));
	*out = take_ptr(&o);
	return WM_OK;
}
