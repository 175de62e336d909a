/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences about what does not fit together in a lineage graph: what contradicts what, by whom. */
#include "lineage/graph.h"
#include "statement/statement.h"

enum { SHORT_ID = 8 }; /* bytes of an abbreviated statement id */

/* Who made the statement, as far as it is said. */
static const char *issuer_of(const struct graph *g, uint32_t statement)
{
	const char *issuer = statement == GRAPH_NONE ? NULL : g->statements[statement].issuer;

	return issuer ? issuer : "somebody";
}

/* Who made the newest statement about the node. */
static const char *speaker(const struct graph *g, uint32_t node)
{
	return issuer_of(g, g->nodes[node].statement);
}

/* Who refers to a node that no statement is about, as data, as a parent or as what was made. */
static const char *referrer(const struct graph *g, uint32_t node)
{
	const uint32_t n_out = g->out[node + 1] - g->out[node];
	const uint32_t n_in = g->in[node + 1] - g->in[node];

	for (uint32_t i = 0; i < n_out + n_in; i++) {
		const uint32_t edge = i < n_out ? g->out_edges[g->out[node] + i] :
						  g->in[node] + (i - n_out);

		if (g->edges[edge].statement != GRAPH_NONE)
			return issuer_of(g, g->edges[edge].statement);
	}
	return "somebody";
}

/* What two statements are about, and which. */
static enum wm_code both_text(struct buf *out, const struct graph *g,
			      const struct graph_finding *f, const char *what, int width,
			      struct wm_error *err)
{
	const uint32_t both[] = { f->against, f->statement };
	const char *before = ": ";

	TRY(buf_printf(out, err, "%s '%.*s'", what, width, g->nodes[f->node].id));
	for (size_t i = 0; i < 2; i++) {
		if (both[i] == GRAPH_NONE)
			continue;
		TRY(buf_printf(out, err, "%s" STATEMENT_PREFIX, before));
		TRY(buf_append_hex(out, g->statements[both[i]].id, SHORT_ID, err));
		TRY(buf_printf(out, err, " by %.*s", width, issuer_of(g, both[i])));
		before = " and ";
	}
	return WM_OK;
}

enum wm_code graph_finding_text(struct buf *out, const struct graph *g,
				const struct graph_finding *f, int width, struct wm_error *err)
{
	const char *id = g->nodes[f->node].id;
	const char *other = f->other == GRAPH_NONE ? "" : g->nodes[f->other].id;

	switch (f->kind) {
	case FINDING_CYCLE:
		return buf_printf(out, err,
				  "'%.*s' lies on a cycle, or between two: by what %.*s and others "
				  "say, something would be its own ancestor",
				  width, id, width, speaker(g, f->node));
	case FINDING_UNKNOWN:
		return buf_printf(out, err, "%.*s refers to '%.*s', and no statement is about it",
				  width, referrer(g, f->node), width, id);
	case FINDING_CONFLICT:
		return buf_printf(out, err,
				  "%.*s refers to '%.*s' with a digest that is not its, but that "
				  "of '%.*s' by %.*s",
				  width, issuer_of(g, f->statement), width, id, width, other, width,
				  speaker(g, f->other));
	case FINDING_DIFFERS:
		return buf_printf(out, err,
				  "'%.*s' by %.*s and '%.*s' by %.*s have equal weights and name "
				  "different ancestors",
				  width, id, width, speaker(g, f->node), width, other, width,
				  speaker(g, f->other));
	case FINDING_BACKWARDS:
		return buf_printf(out, err, "'%.*s' ended before it began, as %.*s says", width,
				  id, width, issuer_of(g, f->statement));
	case FINDING_KINDS:
		return both_text(out, g, f, "things of several kinds are called", width, err);
	case FINDING_ORIGIN:
		return both_text(out, g, f,
				 "another key than that of the first adds where it comes from, "
				 "which does not count, of",
				 width, err);
	case FINDING_FORK:
		break;
	}
	return both_text(out, g, f, "two statements of one place in its chain are about", width,
			 err);
}
