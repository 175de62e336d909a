/* SPDX-License-Identifier: Apache-2.0 */
/* Deeds and copies by node and place, so that each is found by search. */
#include "lineage/account.h"

#include <stdlib.h>
#include <string.h>

#include "lineage/fingerprint.h"
#include "lineage/orders_internal.h"
#include "util/cleanup.h"

void account_release(struct account *a)
{
	free(a->open);
	free(a->deeds);
	*a = (struct account){ 0 };
}

const char *open_kind_name(enum open_kind kind)
{
	static const char *const names[] = { "checkpoint", "dataset",	 "digest",     "copy",
					     "seen-after", "use",	 "obligation", "scope",
					     "unread",	   "unverified", "unreadable", "unknown" };

	return names[kind];
}

unsigned order_demands(const struct order_state *s)
{
	unsigned demands = 0;

	for (size_t i = 0; i < s->n_obligations; i++) {
		const Weightmark__V1__Obligation__Kind kind = s->obligations[i].said->kind;

		if (kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_data ||
		    kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_derived_features)
			demands |= DEMANDS_DATA;
		if (kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_models)
			demands |= DEMANDS_MODELS;
	}
	return demands;
}

/* A place where something is said to have been destroyed, or to be kept. */
struct settled {
	uint32_t node;
	const char *place; /* a folder settles all below it */
	size_t len;	   /* of the place, without slashes at its end */
	int64_t until; /* a copy that was seen later is another one; INT64_MAX: kept */
};

struct accounting {
	const struct order_state *s;
	unsigned demands; /* what is to be deleted */
	const struct order_hold **holds; /* of the state, by what they keep */
	struct gathered_list open;    /* struct open_point */
	struct gathered_list deeds;   /* struct account_deed */
	struct gathered_list settled; /* struct settled */
	struct gathered_list seen;    /* struct seen_copy: also what was kept once */
};

static void accounting_release(struct accounting *a)
{
	free(a->holds);
	gathered_list_release(&a->open);
	gathered_list_release(&a->deeds);
	gathered_list_release(&a->settled);
	gathered_list_release(&a->seen);
}

static enum wm_code add_open(struct accounting *a, struct open_point point, struct wm_error *err)
{
	struct open_point *p;

	TRY(gathered_add(&p, &a->open, sizeof(*p), err));
	*p = point;
	return WM_OK;
}

/* Whether things of the node's kind are to be deleted. */
static bool is_demanded(const struct accounting *a, uint32_t node)
{
	const struct graph_node *n = &a->s->orders->graph->nodes[node];

	return ((a->demands & DEMANDS_DATA) && graph_may_be(n, GRAPH_DATASET)) ||
	       ((a->demands & DEMANDS_MODELS) && graph_may_be(n, GRAPH_CHECKPOINT));
}

/* --- what was done ----------------------------------------------------------------------- */

static int compare_holds(const void *x, const void *y)
{
	const struct order_hold *a = *(const struct order_hold *const *)x;
	const struct order_hold *b = *(const struct order_hold *const *)y;

	if (a->kept != b->kept)
		return a->kept > b->kept ? 1 : -1;
	return (a->node > b->node) - (a->node < b->node);
}

static enum wm_code sort_holds(struct accounting *a, struct wm_error *err)
{
	const size_t n = a->s->n_holds;

	a->holds = calloc(n + 1, sizeof(*a->holds));
	if (!a->holds)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		a->holds[i] = &a->s->holds[i];
	qsort(a->holds, n, sizeof(*a->holds), compare_holds);
	return WM_OK;
}

/* Whether it is kept on an authority that is in force. */
static bool is_kept(const struct accounting *a, const struct deed *d)
{
	const struct order_hold wanted = { .kept = d->kept, .node = d->node };
	const struct order_hold *key = &wanted, *h, *const *found;

	found = bsearch(&key, a->holds, a->s->n_holds, sizeof(*a->holds), compare_holds);
	h = found ? *found : NULL;
	return h && hold_is_in_force(a->s, h);
}

/* Until when what was destroyed may have been seen: of a day, until its end. */
static int64_t seen_until(const struct accounting *a, const Weightmark__V1__Destroyed *d)
{
	const struct when when = when_destroyed(d);

	return when_last(&when, a->s->zone);
}

static size_t length_of(const char *place)
{
	size_t len = strlen(place);

	while (len > 1 && place[len - 1] == '/')
		len--;
	return len;
}

static enum wm_code add_settled(struct accounting *a, uint32_t node, const char *place,
				int64_t until, struct wm_error *err)
{
	struct settled *p;

	TRY(gathered_add(&p, &a->settled, sizeof(*p), err));
	*p = (struct settled){ node, place, length_of(place), until };
	return WM_OK;
}

static enum wm_code settle_destroyed(struct accounting *a, uint32_t node,
				     const Weightmark__V1__Destroyed *d, struct wm_error *err)
{
	for (size_t i = 0; i < d->n_location; i++)
		TRY(add_settled(a, node, d->location[i], seen_until(a, d), err));
	return WM_OK;
}

/* What is said to be kept is a copy that is there; while that is in force it is settled. */
static enum wm_code settle_kept(struct accounting *a, uint32_t node,
				const Weightmark__V1__Retained *k, bool in_force,
				struct wm_error *err)
{
	struct seen_copy *copy;

	for (size_t i = 0; i < k->n_location; i++) {
		TRY(gathered_add(&copy, &a->seen, sizeof(*copy), err));
		*copy = (struct seen_copy){ node, k->location[i], INT64_MIN };
		if (in_force)
			TRY(add_settled(a, node, k->location[i], INT64_MAX, err));
	}
	return WM_OK;
}

static enum wm_code add_deed(struct accounting *a, const struct deed *d, struct wm_error *err)
{
	const bool in_force = d->kept && is_kept(a, d);
	struct account_deed *done;

	if (d->node == GRAPH_NONE || d->of_part || !order_item(a->s, d->node) ||
	    !deed_has_happened(a->s, d))
		return WM_OK;
	if (d->destroyed)
		TRY(settle_destroyed(a, d->node, d->destroyed, err));
	if (d->kept)
		TRY(settle_kept(a, d->node, d->kept, in_force, err));
	if (d->kept && !in_force)
		return WM_OK;
	TRY(gathered_add(&done, &a->deeds, sizeof(*done), err));
	*done = (struct account_deed){ d->node, d->by_digest, d->said, d->destroyed, d->kept };
	return WM_OK;
}

static enum wm_code add_deeds(struct accounting *a, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list own = { 0 };
	const struct gathered_list *loose = &a->s->orders->deeds;
	const struct order *o = a->s->order;

	TRY(list_deeds(&own, a->s->orders, o->events, o->n_events, err));
	for (size_t i = 0; i < own.n; i++)
		TRY(add_deed(a, &((const struct deed *)own.list)[i], err));
	for (size_t i = 0; i < loose->n; i++)
		TRY(add_deed(a, &((const struct deed *)loose->list)[i], err));
	return WM_OK;
}

static int compare_done(const void *x, const void *y)
{
	const struct account_deed *a = x, *b = y;

	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return (a->said > b->said) - (a->said < b->said);
}

/* --- copies ------------------------------------------------------------------------------ */

static int compare_places(uint32_t node, const char *place, size_t len, const struct settled *p)
{
	int order;

	if (node != p->node)
		return node > p->node ? 1 : -1;
	order = memcmp(place, p->place, len < p->len ? len : p->len);
	return order ? order : (len > p->len) - (len < p->len);
}

/* By node and place, the latest first. */
static int compare_settled(const void *x, const void *y)
{
	const struct settled *a = x, *b = y;
	const int order = compare_places(a->node, a->place, a->len, b);

	return order ? order : (a->until < b->until) - (a->until > b->until);
}

static int compare_seen(const void *x, const void *y)
{
	const struct seen_copy *a = x, *b = y;

	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return strcmp(a->place, b->place);
}

/* What settles the `len` characters of the place of `c`. */
static const struct settled *find_settled(const struct accounting *a, const struct seen_copy *c,
					  size_t len)
{
	const struct settled *list = a->settled.list;
	size_t low = 0, high = a->settled.n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare_places(c->node, c->place, len, &list[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < a->settled.n && compare_places(c->node, c->place, len, &list[low]) == 0 ?
		       &list[low] :
		       NULL;
}

/* The length of the folder that the first `len` characters lie in; 0: there is none. */
static size_t folder_of(const char *place, size_t len)
{
	const size_t whole = len;

	while (len > 0 && place[len - 1] != '/')
		len--;
	while (len > 1 && place[len - 1] == '/')
		len--;
	return len < whole ? len : 0;
}

/* Whether the text of a place does not tell in which folders it lies: "a/../b" is not in a. */
static bool climbs(const char *place)
{
	for (const char *at = strstr(place, ".."); at; at = strstr(at + 1, ".."))
		if ((at == place || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return true;
	return false;
}

/* By its place or a folder that holds it; `*known`: by one, though it was seen later. */
static bool is_settled(bool *known, const struct accounting *a, const struct seen_copy *c)
{
	const bool folders = !climbs(c->place);
	const struct settled *p;

	*known = false;
	for (size_t len = length_of(c->place); len > 0;
	     len = folders ? folder_of(c->place, len) : 0) {
		p = find_settled(a, c, len);
		if (p && c->at <= p->until)
			return true;
		*known |= p != NULL;
	}
	return false;
}

static enum wm_code check_copies(struct accounting *a, struct wm_error *err)
{
	const struct seen_copy *list = a->seen.list;

	if (a->settled.n > 0)
		qsort(a->settled.list, a->settled.n, sizeof(struct settled), compare_settled);
	if (a->seen.n > 0)
		qsort(a->seen.list, a->seen.n, sizeof(*list), compare_seen);
	for (size_t i = 0; i < a->seen.n; i++) {
		bool known;

		if (!is_demanded(a, list[i].node) || is_settled(&known, a, &list[i]))
			continue;
		TRY(add_open(a,
			     (struct open_point){ known ? OPEN_SEEN_AFTER : OPEN_COPY, list[i].node,
						  list[i].place, 1 }, err));
	}
	return WM_OK;
}

/* --- all --------------------------------------------------------------------------------- */

static enum wm_code check_items(struct accounting *a, struct wm_error *err)
{
	const struct order_state *s = a->s;

	for (size_t i = 0; i < s->n_items; i++) {
		const uint32_t node = s->items[i].node;
		const bool data = s->orders->graph->nodes[node].kind == GRAPH_DATASET;

		if (s->items[i].state == ITEM_OPEN && is_demanded(a, node))
			TRY(add_open(a,
				     (struct open_point){ s->items[i].by_part ? OPEN_DIGEST :
							  data		      ? OPEN_DATASET :
										OPEN_CHECKPOINT,
							  node, NULL, 1 }, err));
	}
	return WM_OK;
}

/* Of an order that obliges to delete, the things are what a certificate is about. */
static enum wm_code check_obligations(struct accounting *a, struct wm_error *err)
{
	for (size_t i = 0; a->demands == 0 && i < a->s->n_obligations; i++) {
		const struct order_obligation *o = &a->s->obligations[i];

		if (!o->done && !is_statement_obligation(o->said->kind))
			TRY(add_open(a,
				     (struct open_point){ OPEN_OBLIGATION, GRAPH_NONE,
							  o->said->id->text, 1 }, err));
	}
	return WM_OK;
}

static enum wm_code check_decided(struct accounting *a, bool allow_unknown, struct wm_error *err)
{
	const struct order_state *s = a->s;
	const struct graph *g = s->orders->graph;
	struct open_point p = { .node = GRAPH_NONE };

	for (uint32_t i = 0; i < s->trace.n_undecided; i++)
		TRY(add_open(a,
			     (struct open_point){ OPEN_USE, g->edges[s->trace.undecided[i]].to,
						  NULL, 1 }, err));
	for (size_t i = 0; i < s->n_missing; i++)
		TRY(add_open(a,
			     (struct open_point){ OPEN_SCOPE, GRAPH_NONE, s->missing[i].text, 1 },
			     err));
	p.kind = OPEN_UNREADABLE;
	p.n = s->orders->n_unreadable;
	if (p.n > 0)
		TRY(add_open(a, p, err));
	p.kind = OPEN_UNKNOWN;
	p.n = s->n_unknown;
	return p.n > 0 && !allow_unknown ? add_open(a, p, err) : WM_OK;
}

static int compare_open(const void *x, const void *y)
{
	const struct open_point *a = x, *b = y;

	if (a->kind != b->kind)
		return a->kind > b->kind ? 1 : -1;
	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return a->place && b->place ? strcmp(a->place, b->place) : 0;
}

enum wm_code account_make(struct account *out, const struct order_state *s,
			  const struct seen_copy *seen, size_t n_seen, bool allow_unknown,
			  struct wm_error *err)
{
	__attribute__((cleanup(accounting_release))) struct accounting a = {
		.s = s,
		.demands = order_demands(s),
	};
	struct seen_copy *copy;

	for (size_t i = 0; i < n_seen; i++) {
		TRY(gathered_add(&copy, &a.seen, sizeof(*copy), err));
		*copy = seen[i];
	}
	TRY(sort_holds(&a, err));
	TRY(add_deeds(&a, err));
	TRY(check_items(&a, err));
	TRY(check_copies(&a, err));
	TRY(check_obligations(&a, err));
	TRY(check_decided(&a, allow_unknown, err));
	if (a.open.n > 0)
		qsort(a.open.list, a.open.n, sizeof(struct open_point), compare_open);
	if (a.deeds.n > 0)
		qsort(a.deeds.list, a.deeds.n, sizeof(struct account_deed), compare_done);
	out->open = take_ptr(&a.open.list);
	out->n_open = a.open.n;
	out->deeds = take_ptr(&a.deeds.list);
	out->n_deeds = a.deeds.n;
	return WM_OK;
}

enum wm_code account_add_open(struct account *a, const struct open_point *points, size_t n,
			      struct wm_error *err)
{
	void *more = reallocarray(a->open, a->n_open + n + 1, sizeof(*a->open));

	if (!more)
		return fail_nomem(err);
	a->open = more;
	memcpy(a->open + a->n_open, points, n * sizeof(*points));
	a->n_open += n;
	return WM_OK;
}

enum wm_code certificate_is_current(bool *out, const struct order_state *s,
				    const Weightmark__V1__DeletionCertificate *c,
				    struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];

	TRY(lineage_digest(digest, s->orders->graph, &s->trace, err));
	*out = c->graph_digest && memcmp(c->graph_digest->sha256.data, digest, SHA256_BYTES) == 0;
	return WM_OK;
}
