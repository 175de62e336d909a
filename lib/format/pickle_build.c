/* SPDX-License-Identifier: Apache-2.0 */
/* What the opcodes of pickles make of the values before them: containers and calls. */
#include "format/pickle_internal.h"

static struct pickle_node *node_at(struct pickle_machine *m, uint32_t number)
{
	return &m->p->nodes[number];
}

/* Where the values above the topmost mark begin; the mark is one before. */
static enum wm_code find_mark(size_t *out, const struct pickle_machine *m, struct wm_error *err)
{
	size_t at = m->n_stack;

	while (at > 0 && m->stack[at - 1] != PICKLE_MARK)
		at--;
	if (at == 0)
		return pickle_malformed(m, "a mark is missing", err);
	*out = at;
	return WM_OK;
}

/* --- containers ----------------------------------------------------------------------- */

/* The topmost `n` values become a tuple. */
static enum wm_code make_tuple(struct pickle_machine *m, size_t from, struct wm_error *err)
{
	uint32_t tuple = 0;

	if (from > m->n_stack)
		return pickle_malformed(m, "a value is missing", err);
	TRY(pickle_new(&tuple, m, PICKLE_TUPLE, err));
	for (size_t i = from; i < m->n_stack; i++) {
		if (m->stack[i] == PICKLE_MARK)
			return pickle_malformed(m, "a mark among the values of a tuple", err);
		TRY(pickle_append(m, tuple, m->stack[i], err));
	}
	m->n_stack = from;
	return pickle_push(m, tuple, err);
}

enum wm_code pickle_short_tuple(struct pickle_machine *m, size_t n, struct wm_error *err)
{
	return make_tuple(m, m->n_stack < n ? SIZE_MAX : m->n_stack - n, err);
}

enum wm_code pickle_marked_tuple(struct pickle_machine *m, struct wm_error *err)
{
	size_t at = 0;

	TRY(find_mark(&at, m, err));
	TRY(make_tuple(m, at, err));
	m->stack[at - 1] = m->stack[at];
	m->n_stack = at;
	return WM_OK;
}

/* What items are added to: a node of `kind`, or one within a call, after its arguments. */
static enum wm_code find_container(uint32_t *out, struct pickle_machine *m, uint32_t to,
				   enum pickle_kind kind, struct wm_error *err)
{
	uint32_t inner = 0;

	if (node_at(m, to)->kind == kind) {
		*out = to;
		return WM_OK;
	}
	if (node_at(m, to)->kind != PICKLE_CALL)
		return pickle_malformed(m, "items for what holds none of their kind", err);
	TRY(pickle_new(&inner, m, kind, err));
	TRY(pickle_append(m, to, inner, err));
	*out = inner;
	return WM_OK;
}

/* APPEND(S), SETITEM(S): the values from `from` on go into the one before it. */
static enum wm_code add_items(struct pickle_machine *m, size_t from, size_t holder,
			      enum pickle_kind kind,
			      struct wm_error *err)
{
	uint32_t to = 0;

	if (holder >= m->n_stack || m->stack[holder] == PICKLE_MARK)
		return pickle_malformed(m, "nothing to add items to", err);
	if (kind == PICKLE_DICT && (m->n_stack - from) % 2 != 0)
		return pickle_malformed(m, "a key without a value", err);
	TRY(find_container(&to, m, m->stack[holder], kind, err));
	for (size_t i = from; i < m->n_stack; i++) {
		if (m->stack[i] == PICKLE_MARK)
			return pickle_malformed(m, "a mark among items", err);
		TRY(pickle_append(m, to, m->stack[i], err));
	}
	m->n_stack = holder + 1;
	return WM_OK;
}

enum wm_code pickle_add_marked(struct pickle_machine *m, enum pickle_kind kind,
			       struct wm_error *err)
{
	size_t at = 0;

	TRY(find_mark(&at, m, err));
	if (at < 2)
		return pickle_malformed(m, "nothing to add items to", err);
	return add_items(m, at, at - 2, kind, err);
}

enum wm_code pickle_add_few(struct pickle_machine *m, size_t n, enum pickle_kind kind,
			    struct wm_error *err)
{
	if (m->n_stack < n + 1)
		return pickle_malformed(m, "a value is missing", err);
	return add_items(m, m->n_stack - n, m->n_stack - n - 1, kind, err);
}

/* --- calls ---------------------------------------------------------------------------- */

/* REDUCE and NEWOBJ: what is called, then its arguments. */
enum wm_code pickle_call(struct pickle_machine *m, bool is_new, struct wm_error *err)
{
	uint32_t callee = 0, arguments = 0, call = 0;

	TRY(pickle_pop(&arguments, m, err));
	TRY(pickle_pop(&callee, m, err));
	if (node_at(m, arguments)->kind != PICKLE_TUPLE || node_at(m,
								   callee)->kind != PICKLE_GLOBAL)
		return pickle_malformed(m, "a call of something else than a global by a tuple",
					err);
	TRY(pickle_new(&call, m, PICKLE_CALL, err));
	node_at(m, call)->is_new = is_new;
	TRY(pickle_append(m, call, callee, err));
	TRY(pickle_append(m, call, arguments, err));
	return pickle_push(m, call, err);
}

enum wm_code pickle_build(struct pickle_machine *m, struct wm_error *err)
{
	uint32_t value = 0, state = 0;

	TRY(pickle_pop(&value, m, err));
	if (m->n_stack == 0 || m->stack[m->n_stack - 1] == PICKLE_MARK ||
	    node_at(m, m->stack[m->n_stack - 1])->kind != PICKLE_CALL)
		return pickle_malformed(m, "a state for what is no object", err);
	TRY(pickle_new(&state, m, PICKLE_STATE, err));
	TRY(pickle_append(m, state, value, err));
	return pickle_append(m, m->stack[m->n_stack - 1], state, err);
}

enum wm_code pickle_persistent(struct pickle_machine *m, struct wm_error *err)
{
	uint32_t id = 0, persistent = 0;

	TRY(pickle_pop(&id, m, err));
	TRY(pickle_new(&persistent, m, PICKLE_PERSISTENT, err));
	TRY(pickle_append(m, persistent, id, err));
	return pickle_push(m, persistent, err);
}

