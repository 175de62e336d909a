/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of bytes by their digest: tainted, clean, or unknown.
 *
 * Unknown is not clean: neither what no statement is about, nor what descends, as far as anybody
 * declared, from something whose own origin nobody declared (lineage/unknown.h).
 */
#ifndef LINEAGE_TAINT_H
#define LINEAGE_TAINT_H

#include "lineage/trace.h"

struct taints {
	const struct graph *g;
	uint32_t n_sources;
	/* By node; owned: */
	uint32_t *source;  /* the first that taints it, or GRAPH_NONE */
	uint32_t *via;	   /* the edge by which that came, or GRAPH_NONE: it is a beginning */
	uint32_t *unknown; /* the open end that it descends from, or GRAPH_NONE */
	bool has_data;	   /* a dataset's content root is known */
};

void taints_release(struct taints *t);
#define cleanup_taints __attribute__((cleanup(taints_release)))

/* `g` must outlive `out`, which is zeroed memory, to be released also after a failure. Linear. */
MUST_USE enum wm_code taints_init(struct taints *out, const struct graph *g, struct wm_error *err);

/*
 * Adds what was reached from what one order is about, as the source of the next number. The trace
 * need not live on.
 */
void taints_add(struct taints *t, const struct trace *trace);

/* In the order in which they count. */
enum taint_state { TAINT_TAINTED, TAINT_CLEAN, TAINT_OPEN, TAINT_UNKNOWN };

struct taint_answer {
	enum taint_state state;
	uint32_t node;	 /* that has the digest, or GRAPH_NONE: TAINT_UNKNOWN */
	uint32_t source; /* of TAINT_TAINTED */
	enum digest_role role; /* which digest it is */
};

/* "tainted", "clean", "unknown", of which TAINT_OPEN is one. Static. */
const char *taint_state_name(enum taint_state state);

/* What is known of the node. */
enum taint_state taint_of(const struct taints *t, uint32_t node);

/* What is known of the digest: of several nodes that have it, the one whose state counts first. */
struct taint_answer taint_find(const struct taints *t, const uint8_t digest[SHA256_BYTES]);

/*
 * The nodes by which the taint came, from where it began to `node`: at most `max`, those
 * nearest to it. Returns how many.
 */
size_t taint_path(uint32_t *nodes, size_t max, const struct taints *t, uint32_t node);

/* Whether `a` counts before `b`. */
static inline bool taint_counts_before(const struct taint_answer *a, const struct taint_answer *b)
{
	return a->state < b->state;
}

#endif
