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

static enum wm_code count_name(void *context, const char *name, size_t len, struct wm_error *err)
{
	(void)err;
	require(len > 0 && name[0] != '\0');
	++*(size_t *)context;
	return WM_OK;
}

/* What follows the stack for names alone takes what the machine takes, and tells its globals. */
static void check_names(const struct pickle *p)
{
	struct wm_error err = { 0 };
	size_t n_told = 0, n_globals = 0, used = 0;
	const struct pickle_names names = { count_name, &n_told };

	for (uint32_t i = 0; i < p->n_nodes; i++)
		n_globals += pickle_node(p, i)->kind == PICKLE_GLOBAL;
	require(pickle_scan(&used, p->data, p->len, &names, "fuzz", &err) == WM_OK);
	require(used == p->len && n_told == n_globals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pickle_names names = { count_name, &(size_t){ 0 } };
	size_t used;
	cleanup_pickle struct pickle p = PICKLE_INIT, again = PICKLE_INIT;
	struct wm_error err = { 0 };

	if (pickle_scan(&used, data, size, &names, "fuzz", &err) == WM_OK)
		require(used > 0 && used <= size && data[used - 1] == '.');
	err = (struct wm_error){ 0 };
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
	check_names(&p);
	require(again.n_nodes == p.n_nodes && again.n_cells == p.n_cells && again.root == p.root);
	return 0;
}
