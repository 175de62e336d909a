/* SPDX-License-Identifier: Apache-2.0 */
/* One walk from all open ends, and each node's end read off its path. */
#include "lineage/unknown.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/* Sets the end of the node at `place` and of all on the way there that have none yet. */
static void set_end(uint32_t *ends, const struct trace *t, uint32_t place)
{
	const struct traced *list = t->list;
	uint32_t at = place, end;

	while (ends[list[at].node] == GRAPH_NONE && list[at].before != GRAPH_NONE)
		at = list[at].before;
	end = ends[list[at].node] == GRAPH_NONE ? list[at].node : ends[list[at].node];
	for (; ends[list[place].node] == GRAPH_NONE; place = list[place].before) {
		ends[list[place].node] = end;
		if (list[place].before == GRAPH_NONE)
			break;
	}
}

enum wm_code unknown_origins(uint32_t **out, const struct graph *g, struct wm_error *err)
{
	const size_t room = (size_t)g->n_nodes + 1;
	cleanup_trace struct trace t = { 0 };
	cleanup_free uint32_t *ends = malloc(room * sizeof(*ends));

	if (!ends)
		return fail_nomem(err);
	memset(ends, 0xff, room * sizeof(*ends));
	TRY(trace_from_open_ends(&t, g, err));
	for (uint32_t i = 0; i < t.n; i++)
		set_end(ends, &t, i);
	*out = take_ptr(&ends);
	return WM_OK;
}

enum wm_code unknown_text(struct buf *out, const struct graph *g, uint32_t node, uint32_t end,
			  struct wm_error *err)
{
	const bool stated = g->nodes[end].stated;

	TRY(buf_printf(out, err, "%s: ", g->nodes[node].id));
	if (end != node)
		return buf_printf(out, err, "descends from %s, %s", g->nodes[end].id,
				  stated ? "which names neither parent nor run" :
					   "of which no statement is at hand");
	return buf_append_str(out, stated ? "names neither parent nor run" :
					    "no statement is at hand about it", err);
}
