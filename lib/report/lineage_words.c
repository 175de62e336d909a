/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of a walk share: words, and what is worth showing. */
#include "report/lineage_report.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/escape.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

const char *lineage_kind(const struct graph_node *n)
{
	return n->flags & STATEMENT_RETROSPECTIVE ? "retrospective run" : graph_kind_name(n->kind);
}

const char *lineage_issuer(const struct graph *g, const struct graph_edge *e)
{
	if (e->statement == GRAPH_NONE)
		return NULL;
	return g->statements[e->statement].issuer ? g->statements[e->statement].issuer : "-";
}

const char *lineage_detail(const struct graph_edge *e)
{
	const ProtobufCEnumDescriptor *d = &weightmark__v1__dataset_use__role__descriptor;
	const ProtobufCEnumValue *value;
	int number = e->role;

	if (e->relation == GRAPH_DERIVED) {
		d = &weightmark__v1__derivation__kind__descriptor;
		number = e->derivation;
	}
	value = number > 0 ? protobuf_c_enum_descriptor_get_value(d, number) : NULL;
	return value ? value->name : NULL;
}

/* Whether a run says that it started from weights. */
static bool has_start(const struct graph *g, uint32_t run)
{
	for (uint32_t i = g->in[run]; i < g->in[run + 1]; i++)
		if (graph_is_start(g, &g->edges[i]))
			return true;
	return false;
}

/* Whether of a checkpoint that the run made it is declared that every ancestor is. */
static bool is_complete(const struct graph *g, uint32_t run)
{
	for (uint32_t i = g->out[run]; i < g->out[run + 1]; i++) {
		const struct graph_edge *e = &g->edges[g->out_edges[i]];

		if (e->relation == GRAPH_MADE &&
		    (g->nodes[e->to].flags & STATEMENT_LINEAGE_COMPLETE))
			return true;
	}
	return false;
}

const char *lineage_end(const struct lineage_report *r, uint32_t node)
{
	const struct graph_node *n = &r->graph->nodes[node];

	if (!r->ancestors)
		return NULL;
	if (graph_is_open_end(r->graph, node))
		return "unknown";
	if (n->kind != GRAPH_RUN || has_start(r->graph, node))
		return NULL;
	return is_complete(r->graph, node) ?
		       "random initialisation: declared complete, and no parent is declared" :
		       "no parent is declared";
}

bool lineage_shows(const struct lineage_report *r, uint32_t node)
{
	return node != GRAPH_NONE && trace_has(r->trace, node) &&
	       r->trace->list[r->trace->place[node]].depth <= r->depth;
}

bool lineage_concerns(const struct lineage_report *r, const struct graph_finding *f)
{
	return lineage_shows(r, f->node) || lineage_shows(r, f->other);
}

enum wm_code lineage_title(struct buf *out, const struct lineage_report *r, struct wm_error *err)
{
	TRY(buf_append_str(out, r->ancestors ? "Lineage to " :
				r->what_if   ? "Lineage, what if about " :
					       "Lineage from ", err));
	return escape_append(out, r->what, strlen(r->what), err);
}

/* --- edges ------------------------------------------------------------------------------- */

bool lineage_is_mirrored(const struct graph_edge *e)
{
	return graph_is_equality(e->relation) && e->relation != GRAPH_HAS_FILE && e->from > e->to;
}

struct recomputed lineage_recomputed(const struct lineage_report *r, uint32_t edge)
{
	return r->recomputed ? r->recomputed[edge] : (struct recomputed){ .equality = NOT_EQUAL };
}

bool lineage_leads_again(const struct lineage_report *r, uint32_t place, uint32_t edge)
{
	const struct trace *t = r->trace;
	const struct graph_edge *e = &r->graph->edges[edge];
	const uint32_t far = r->ancestors ? e->from : e->to;

	if (!t->gone[edge] || !lineage_shows(r, far) || t->list[t->place[far]].via == edge)
		return false;
	return !graph_is_equality(e->relation) || t->place[far] > place;
}

enum wm_code lineage_steps_text(struct buf *out, const char *before, const struct graph_edge *e,
				struct wm_error *err)
{
	const unsigned long long from = e->from_step, to = e->to_step, step = e->step;

	if (e->from_step != STEP_NONE && e->to_step != STEP_NONE)
		return buf_printf(out, err, "%ssteps %llu to %llu", before, from, to);
	if (e->from_step != STEP_NONE)
		return buf_printf(out, err, "%sfrom step %llu", before, from);
	if (e->to_step != STEP_NONE)
		return buf_printf(out, err, "%sto step %llu", before, to);
	return e->step == STEP_NONE ? WM_OK : buf_printf(out, err, "%sstep %llu", before, step);
}

/* What digests say, beside who says the rest. */
static enum wm_code recomputed_text(struct buf *out, const struct lineage_report *r,
				    uint32_t edge, struct wm_error *err)
{
	const struct recomputed found = lineage_recomputed(r, edge);

	if (found.equality != NOT_EQUAL)
		TRY(buf_printf(out, err, "; recomputed: equal %s",
			       found.equality == WEIGHTS_EQUAL ? "weights" : "tensor set"));
	if (found.n_tensors > 0)
		TRY(buf_printf(out, err, "; %u tensor%s equal (frozen): recomputed",
			       found.n_tensors, found.n_tensors == 1 ? "" : "s"));
	return found.has_parent_digest ?
		       buf_append_str(out, "; parent at hand by its digest: recomputed", err) :
		       WM_OK;
}

enum wm_code lineage_edge_text(struct buf *out, const struct lineage_report *r, uint32_t edge,
			       struct wm_error *err)
{
	const struct graph_edge *e = &r->graph->edges[edge];
	const char *issuer = lineage_issuer(r->graph, e), *detail = lineage_detail(e);

	TRY(buf_append_str(out, graph_relation_name(e->relation), err));
	if (detail)
		TRY(buf_printf(out, err, ", %s", detail));
	TRY(lineage_steps_text(out, ", ", e, err));
	if (e->subset) {
		TRY(buf_append_str(out, ", subset ", err));
		TRY(buf_append_hex(out, e->subset, SHA256_BYTES, err));
	}
	if (!issuer)
		return buf_append_str(out, "; recomputed", err);
	TRY(recomputed_text(out, r, edge, err));
	TRY(buf_append_str(out, "; asserted by ", err));
	TRY(escape_append(out, issuer, strlen(issuer), err));
	return graph_is_corrected(r->graph, e) ?
		       buf_append_str(out, " in an earlier version, corrected since", err) :
		       WM_OK;
}

/* --- what is clean ----------------------------------------------------------------------- */

static int compare_clean(const void *a, const void *b)
{
	const struct lineage_clean *x = a, *y = b;
	/* A step that is not said is no later one. */
	const uint64_t p = x->step + 1, q = y->step + 1;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	if (p != q)
		return p > q ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

enum wm_code lineage_clean(struct lineage_clean **out, const struct lineage_report *r,
			   struct wm_error *err)
{
	const struct graph *g = r->graph;
	const struct trace *t = r->trace;
	cleanup_free struct lineage_clean *list = calloc((size_t)t->n_clean + 1, sizeof(*list));

	if (!list)
		return fail_nomem(err);
	for (uint32_t i = 0; i < t->n_clean; i++) {
		struct lineage_clean *c = &list[i];

		*c = (struct lineage_clean){ .node = t->clean[i], .run = GRAPH_NONE };
		for (uint32_t k = g->in[c->node]; k < g->in[c->node + 1]; k++) {
			const struct graph_edge *e = &g->edges[k];

			if (e->relation != GRAPH_MADE || t->place[e->from] >= c->run)
				continue;
			c->run = t->place[e->from];
			c->edge = k;
			c->step = e->step;
		}
	}
	qsort(list, t->n_clean, sizeof(*list), compare_clean);
	*out = take_ptr(&list);
	return WM_OK;
}
