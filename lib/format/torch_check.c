/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to hold of a whole pickle so that a loader makes of it what is read here.
 *
 * Values are looked at once all of the pickle is read, but a loader calls and copies while it
 * reads. So what could change in between is refused, and what fails when it is called: an
 * OrderedDict made of arguments, a state set on a tensor, a call of a type. And of equal keys
 * of a dict the last one counts, so there may be none.
 */
#include "format/torch.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum { KEY_ITEMS_MAX = 64 }; /* one tuple can be the key of many dicts */

/* --- calls ---------------------------------------------------------------------------- */

static enum wm_code malformed(const struct torch_reader *r, const char *what, struct wm_error *err)
{
	return fail(err, REASON_TORCH_MALFORMED, "%s: %s", r->name, what);
}

/* The first cell behind callee and arguments; 0: nothing was set on it. */
static uint32_t behind_arguments(const struct pickle *p, const struct pickle_node *call)
{
	return p->cells[p->cells[call->items.first].next].next;
}

/* Whether what was set on an OrderedDict is just items, and attributes without tensors in them. */
static bool is_plain_dict(const struct pickle *p, const struct pickle_node *call)
{
	for (uint32_t cell = behind_arguments(p, call); cell; cell = p->cells[cell].next) {
		const struct pickle_node *n = pickle_node(p, p->cells[cell].node);

		if (n->kind == PICKLE_STATE)
			n = pickle_node(p, pickle_item(p, n, 0));
		if (n->kind != PICKLE_DICT)
			return false;
	}
	return true;
}

static enum wm_code check_call(const struct torch_reader *r, const struct pickle_node *call,
			       struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	const struct pickle_node *callee = pickle_node(p, pickle_item(p, call, 0));
	const struct pickle_node *arguments = pickle_node(p, pickle_item(p, call, 1));
	bool bare = behind_arguments(p, call) == 0;

	if (!torch_is_harmless(p, callee))
		return WM_OK;
	if (pickle_global_is(p, callee, "collections", "OrderedDict"))
		return arguments->n == 0 && is_plain_dict(p, call) ?
			       WM_OK :
			       malformed(r, "an OrderedDict is made of more than its items", err);
	if (!bare)
		return malformed(r, "something is set on a tensor or size", err);
	if (pickle_global_is(p, callee, "torch", "Size"))
		return arguments->n == 1 &&
				       pickle_node(p, pickle_item(p, arguments, 0))->kind ==
					       PICKLE_TUPLE ?
			       WM_OK :
			       malformed(r, "a size is made of something else than a tuple", err);
	if (pickle_global_is(p, callee, "torch", "device"))
		return WM_OK;
	return torch_is_rebuild(p, callee) && !call->is_new ?
		       WM_OK :
		       malformed(r, "a type is called", err);
}

/* --- keys ----------------------------------------------------------------------------- */

/* A key of a dict that text or a number is. */
struct key {
	int64_t value; /* of text, which of all different texts of the pickle it is */
	bool text;
};

struct keys {
	const struct pickle *p;
	uint32_t *texts; /* by node */
	struct key *found;
	size_t n, cap;
};

static void keys_release(struct keys *k)
{
	free(k->texts);
	free(k->found);
}

#define cleanup_keys __attribute__((cleanup(keys_release)))

static int compare_texts(const void *a, const void *b, void *pickle)
{
	const struct pickle *p = pickle;
	const struct pickle_node *x = pickle_node(p, *(const uint32_t *)a);
	const struct pickle_node *y = pickle_node(p, *(const uint32_t *)b);
	int order = memcmp(p->data + x->off, p->data + y->off, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* Numbers all texts, equal ones alike: each is compared once, wherever it is a key. */
static enum wm_code number_texts(struct keys *k, struct wm_error *err)
{
	const struct pickle *p = k->p;
	cleanup_free uint32_t *order = calloc(p->n_nodes + (size_t)1, sizeof(*order));
	size_t n = 0;
	uint32_t number = 0;

	k->texts = calloc(p->n_nodes + (size_t)1, sizeof(*k->texts));
	if (!order || !k->texts)
		return fail_nomem(err);
	for (uint32_t i = 0; i < p->n_nodes; i++)
		if (pickle_node(p, i)->kind == PICKLE_TEXT)
			order[n++] = i;
	if (n > 1)
		qsort_r(order, n, sizeof(*order), compare_texts, (void *)(uintptr_t)p);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && compare_texts(&order[i - 1], &order[i], (void *)(uintptr_t)p) != 0)
			number++;
		k->texts[order[i]] = number;
	}
	return WM_OK;
}

static enum wm_code add_key(struct keys *k, uint32_t number, struct wm_error *err)
{
	const struct pickle_node *n = pickle_node(k->p, number);

	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 64;
		struct key *grown = reallocarray(k->found, cap, sizeof(*grown));

		if (!grown)
			return fail_nomem(err);
		k->found = grown;
		k->cap = cap;
	}
	if (n->kind == PICKLE_TEXT)
		k->found[k->n++] = (struct key){ k->texts[number], true };
	else
		k->found[k->n++] = (struct key){ n->integer, false };
	return WM_OK;
}

/* Whether a key can be one of a dict without code of its own being asked. */
static bool is_hashable(const struct pickle *p, const struct pickle_node *n, unsigned depth)
{
	uint32_t cell = n->kind == PICKLE_TUPLE && n->n > 0 ? n->items.first : 0;

	if (n->kind == PICKLE_CALL)
		return !torch_is_harmless(p, pickle_node(p, pickle_item(p, n, 0)));
	if (n->kind > PICKLE_TUPLE && n->kind != PICKLE_GLOBAL)
		return false;
	if (n->kind == PICKLE_TUPLE && depth > 0)
		return false;
	for (; cell; cell = p->cells[cell].next)
		if (!is_hashable(p, pickle_node(p, p->cells[cell].node), depth + 1))
			return false;
	return true;
}

static enum wm_code add_keys(struct keys *k, const struct torch_reader *r,
			     const struct pickle_node *dict, struct wm_error *err)
{
	const struct pickle *p = k->p;
	uint32_t cell = dict->n ? dict->items.first : 0;

	for (; cell; cell = p->cells[p->cells[cell].next].next) {
		const struct pickle_node *n = pickle_node(p, p->cells[cell].node);

		if (n->kind == PICKLE_TEXT || n->kind == PICKLE_INTEGER || n->kind == PICKLE_BOOL)
			TRY(add_key(k, p->cells[cell].node, err));
		else if (n->kind == PICKLE_TUPLE && n->n > KEY_ITEMS_MAX)
			return malformed(r, "a key of a dict is a long tuple", err);
		else if (!is_hashable(p, n, 0))
			return malformed(r, "a key of a dict is no plain value", err);
	}
	return WM_OK;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->text != y->text)
		return x->text - y->text;
	return (x->value > y->value) - (x->value < y->value);
}

static enum wm_code check_keys(struct keys *k, const struct torch_reader *r, struct wm_error *err)
{
	if (k->n > 1)
		qsort(k->found, k->n, sizeof(*k->found), compare_keys);
	for (size_t i = 1; i < k->n; i++)
		if (compare_keys(&k->found[i - 1], &k->found[i]) == 0)
			return fail(err, REASON_TORCH_DUPLICATE, "%s: a dict has a key twice",
				    r->name);
	k->n = 0;
	return WM_OK;
}

/* Of a call, the dicts of items that were set on it are one. */
static enum wm_code check_node(struct keys *k, const struct torch_reader *r,
			       const struct pickle_node *n, struct wm_error *err)
{
	const struct pickle *p = k->p;

	if (n->kind == PICKLE_DICT)
		TRY(add_keys(k, r, n, err));
	if (n->kind != PICKLE_CALL)
		return check_keys(k, r, err);
	TRY(check_call(r, n, err));
	for (uint32_t cell = behind_arguments(p, n); cell; cell = p->cells[cell].next)
		if (pickle_node(p, p->cells[cell].node)->kind == PICKLE_DICT)
			TRY(add_keys(k, r, pickle_node(p, p->cells[cell].node), err));
	return check_keys(k, r, err);
}

/* --- storages ------------------------------------------------------------------------- */

/* Those that no tensor uses are made too, and the first of a key decides what it is. */
static enum wm_code check_storage(struct torch_reader *r, const struct pickle_node *persistent,
				  struct wm_error *err)
{
	const struct pickle_node *id =
		pickle_node(r->pickle, pickle_item(r->pickle, persistent, 0));
	struct torch_storage s = { .len = 0 };

	if (id->kind != PICKLE_TUPLE)
		return malformed(r, "the id of a storage is no tuple", err);
	return r->storage(&s, r->context, r->pickle, id, err);
}

enum wm_code torch_check(struct torch_reader *r, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	cleanup_keys struct keys k = { .p = p };

	TRY(number_texts(&k, err));
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		TRY(check_node(&k, r, pickle_node(p, i), err));
		if (pickle_node(p, i)->kind == PICKLE_PERSISTENT)
			TRY(check_storage(r, pickle_node(p, i), err));
	}
	return WM_OK;
}
