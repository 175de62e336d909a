/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pickles: every item of what is read is a value, containers have as many items as they say,
 * text lies within the pickle, calls have a global and a tuple.
 */
#include <stdlib.h>
#include <string.h>

#include "format/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static uint8_t kind_of_item(const struct pickle *p, const struct pickle_node *n, uint32_t i)
{
	return pickle_node(p, pickle_item(p, n, i))->kind;
}

static void check_items(const struct pickle *p, const struct pickle_node *n)
{
	uint32_t cell = n->n ? n->items.first : 0, count = 0;

	for (; cell; cell = p->cells[cell].next, count++) {
		require(cell < p->n_cells && p->cells[cell].node < p->n_nodes);
		require(p->cells[cell].next != 0 || cell == n->items.last);
	}
	require(count == n->n);
	require(pickle_item(p, n, n->n) == PICKLE_FAR);
	switch (n->kind) {
	case PICKLE_DICT:
		require(n->n % 2 == 0);
		break;
	case PICKLE_GLOBAL:
		require(n->n == 2 && kind_of_item(p, n, 0) == PICKLE_TEXT &&
			kind_of_item(p, n, 1) == PICKLE_TEXT);
		break;
	case PICKLE_CALL:
		require(n->n >= 2 && kind_of_item(p, n, 0) == PICKLE_GLOBAL &&
			kind_of_item(p, n, 1) == PICKLE_TUPLE);
		break;
	case PICKLE_STATE:
	case PICKLE_PERSISTENT:
		require(n->n == 1);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_pickle struct pickle p = PICKLE_INIT, again = PICKLE_INIT;
	struct wm_error err = { 0 };

	if (pickle_read(&p, data, size, "fuzz", &err) != WM_OK) {
		require(err.reason && strcmp(err.reason, "internal") != 0);
		return 0;
	}
	require(p.len <= size && p.root < p.n_nodes && data[p.len - 1] == '.');
	for (uint32_t i = 0; i < p.n_nodes; i++) {
		const struct pickle_node *n = pickle_node(&p, i);

		if (n->kind == PICKLE_TEXT)
			require(n->off <= p.len && n->n <= p.len - n->off);
		else if (n->kind >= PICKLE_TUPLE)
			check_items(&p, n);
	}
	/* Nothing behind it matters. */
	require(pickle_read(&again, data, p.len, "fuzz", &err) == WM_OK);
	require(again.n_nodes == p.n_nodes && again.n_cells == p.n_cells && again.root == p.root);
	return 0;
}
