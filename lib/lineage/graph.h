/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lineage graph: which data and which weights went into which weights, as all statements of one
 * or several ledgers say it (PROV-DM, W3C 2013: entities and activities; edges here point the way
 * that the data went).
 *
 * A node is an object, or what is only referred to. Statements about one object unite, those that
 * were corrected too: what a correction leaves out was said once, and taints all the same. A
 * reference joins on the object, on weights digest, on SHA-256 or content root, and on a
 * statement's id alone only where nothing else is said. Equal weights are linked both ways: that is
 * recomputed, all else is asserted by who signed it. Signatures are not verified here: `audit` does
 * that.
 *
 * What does not fit is reported in `findings`, and nothing is guessed.
 */
#ifndef LINEAGE_GRAPH_H
#define LINEAGE_GRAPH_H

#include "index/lineage.h"
#include "statement/statement.h"
#include "util/arena.h"
#include "util/progress.h"

enum graph_kind {
	GRAPH_CHECKPOINT,
	GRAPH_DATASET,
	GRAPH_RUN,
	GRAPH_OTHER, /* orders and the like: no part of lineage */
};

/* A number that is not there: of a node, an edge, a statement, a step. */
#define GRAPH_NONE UINT32_MAX
#define STEP_NONE  UINT64_MAX

struct graph_node {
	const char *id;	      /* of the object; else "weights:HEX", "sha256:HEX", "wm:HEX" */
	enum graph_kind kind; /* of what is only referred to: as the reference has it */
	unsigned stated_as;   /* bits 1 << kind: of the statements about it */
	unsigned said_to_be;  /* the same, and of what refers to it */
	bool stated;	      /* a statement is about it */
	unsigned flags;	      /* enum in index/lineage.h, of any statement about it */
	int64_t begins, ends; /* of a run: the earliest and the latest said; INT64_MIN: not said */
	int64_t begins_last;  /* the latest beginning that is said, or INT64_MIN */
	uint32_t backwards;   /* of a run: a statement by which it ends before it begins */
	bool untold;	      /* a manifest is by a key that never says where it comes from */
	uint64_t step; /* of a checkpoint: the newest statement's step in its run, or STEP_NONE */
	uint32_t statement;   /* the newest one about it, or GRAPH_NONE */
};

/* Whether anybody states it as such a thing, or refers to it as one. */
static inline bool graph_may_be(const struct graph_node *n, enum graph_kind kind)
{
	return n->said_to_be >> kind & 1;
}

enum graph_relation {
	GRAPH_USED,	    /* dataset -> run; role, from_step, to_step, subset */
	GRAPH_STARTED_FROM, /* checkpoint -> run */
	GRAPH_MADE,	    /* run -> checkpoint; step */
	GRAPH_DERIVED,	    /* checkpoint -> checkpoint; derivation */
	GRAPH_EQUAL_WEIGHTS,	/* between checkpoints with a part of equal weights, both ways */
	GRAPH_EQUAL_TENSORS,	/* the same but for names, both ways */
	GRAPH_EQUAL_CONTENT,	/* between datasets of one content root, both ways */
	GRAPH_HAS_FILE,		/* checkpoint -> a file that several have, known by its SHA-256 */
	GRAPH_GENERATED,    /* checkpoint -> dataset */
	GRAPH_EQUAL_FILES,	/* between checkpoints of equal bytes without tensors, both ways */
};

struct graph_edge {
	uint32_t from, to; /* nodes */
	enum graph_relation relation;
	int role;	   /* Weightmark__V1__DatasetUse__Role of GRAPH_USED; 0: not said */
	int derivation;	   /* Weightmark__V1__Derivation__Kind of GRAPH_DERIVED; 0: not said */
	uint64_t from_step, to_step; /* of GRAPH_USED, or STEP_NONE */
	uint64_t step;		     /* of GRAPH_MADE: the state after this step, or STEP_NONE */
	const uint8_t *subset;	     /* root of the subset of GRAPH_USED, or NULL */
	uint32_t statement; /* the newest one that says so; GRAPH_NONE: recomputed */
};

/* Where a statement is, and who made it. */
struct graph_statement {
	uint32_t ledger; /* which of the indexes */
	int64_t entry;
	uint32_t node;	 /* what it is about */
	const char *kind, *issuer; /* issuer NULL: not said */
	uint8_t id[SHA256_BYTES], keyid[SHA256_BYTES];
	uint64_t sequence;
	int64_t issued_at; /* seconds; INT64_MIN: not said */
};

/* What does not fit together. */
enum graph_finding_kind {
	FINDING_CYCLE,	   /* node: on a cycle of derivations, or between two */
	FINDING_UNKNOWN,   /* node: referred to, and no statement is about it */
	FINDING_CONFLICT,  /* node, other: a reference gives one's object and other's digest */
	FINDING_DIFFERS,   /* node, other: equal weights by two issuers, of other ancestors */
	FINDING_BACKWARDS, /* node: a run that ends before it begins */
	FINDING_FORK,	   /* node: two statements of one sequence about it */
	FINDING_KINDS,	   /* node: said to be things of several kinds */
	FINDING_ORIGIN,	   /* node: whose manifest leaves open what another key's statement adds */
};

struct graph_finding {
	enum graph_finding_kind kind;
	uint32_t node, other; /* other: GRAPH_NONE where there is none */
	uint32_t statement;   /* that it is about, or GRAPH_NONE */
	uint32_t against;     /* the other one of a fork, of kinds, of an origin; or GRAPH_NONE */
};

struct graph {
	struct arena arena;
	struct graph_node *nodes; /* objects by id, then what is known by a digest alone, by id */
	uint32_t n_nodes, n_objects;
	struct graph_edge *edges; /* by `to`, then `from` */
	uint32_t n_edges;
	uint32_t *in;  /* edges of node i: edges[in[i]] .. edges[in[i + 1] - 1] lead to it */
	uint32_t *out; /* and edges[out_edges[out[i]]] .. lead away from it */
	uint32_t *out_edges;
	struct graph_statement *statements; /* by ledger and entry */
	uint32_t n_statements;
	struct graph_digest *digests; /* by digest, role, node */
	uint32_t n_digests;
	struct graph_finding *findings; /* by kind, node */
	uint32_t n_findings;
};

/* A digest that a node's statements give it. */
struct graph_digest {
	uint8_t digest[SHA256_BYTES];
	enum digest_role role; /* of a file, of weights, of a tensor set, of content */
	uint32_t node;
};

void graph_free(struct graph *g);
DEFINE_CLEANUP(graph, struct graph, graph_free)
#define cleanup_graph __attribute__((cleanup(graph_cleanup_)))

/*
 * Makes the graph of what the `n` indexes have, of the logs `origins` (ends with NULL; NULL: all).
 * The indexes are caught up by the caller. In n log n of nodes and edges. Fails as index_lineage()
 * does and with `limit`.
 */
MUST_USE enum wm_code graph_load(struct graph **out, struct index *const *indexes, size_t n,
				 const char *const *origins, struct wm_error *err);

/* The same, counting each statement, reference and digest that is read; `progress` may be NULL. */
MUST_USE enum wm_code graph_load_shown(struct graph **out, struct index *const *indexes, size_t n,
				       const char *const *origins, struct progress *progress,
				       struct wm_error *err);

/* The node of this id, or GRAPH_NONE. */
uint32_t graph_find(const struct graph *g, const char *id);

/* For qsort() and bsearch(): nodes by number, uint32_t. */
int graph_compare_nodes(const void *a, const void *b);

/* The digests equal to `digest`: the first, and in `*n` how many. Borrowed. */
const struct graph_digest *graph_find_digest(uint32_t *n, const struct graph *g,
					     const uint8_t digest[SHA256_BYTES]);

/*
 * Reads a statement of the graph from its index again; the indexes are those of graph_load().
 * Stores NULL where the index no longer has it; statement_free() it. Fails as index_read_entry()
 * and statement_decode() do.
 */
MUST_USE enum wm_code graph_read_statement(struct statement **out, const struct graph_statement *s,
					   struct index *const *indexes, struct wm_error *err);

/* Whether the node stands for a file that several checkpoints have. */
bool graph_is_shared_file(const struct graph *g, uint32_t node);

/* "checkpoint", "used", "cycle" ... Static. */
const char *graph_kind_name(enum graph_kind kind);
const char *graph_relation_name(enum graph_relation relation);
const char *graph_finding_name(enum graph_finding_kind kind);

/*
 * Appends a sentence without a full stop: what contradicts what, and who says which. Ids and names,
 * as they stand in statements, are cut to `width` bytes.
 */
MUST_USE enum wm_code graph_finding_text(struct buf *out, const struct graph *g,
					 const struct graph_finding *f, int width,
					 struct wm_error *err);

/* Whether the edge says that a run began with weights, or used them: they are its parent. */
bool graph_is_start(const struct graph *g, const struct graph_edge *e);

/* Whether a later statement of the same chain does not say so any more. */
bool graph_is_corrected(const struct graph *g, const struct graph_edge *e);

/* Whether bytes at either end are the same, by digest: nobody says so, and nothing was derived. */
static inline bool graph_is_equality(enum graph_relation r)
{
	return r == GRAPH_EQUAL_WEIGHTS || r == GRAPH_EQUAL_TENSORS || r == GRAPH_EQUAL_CONTENT ||
	       r == GRAPH_HAS_FILE || r == GRAPH_EQUAL_FILES;
}

#endif
