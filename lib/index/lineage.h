/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statements say of lineage, as the index has it: objects, the statements about them, what
 * those refer to, and the digests by which references may be joined. For lib/lineage, which makes a
 * graph of it; nothing is joined or judged here.
 */
#ifndef INDEX_LINEAGE_H
#define INDEX_LINEAGE_H

#include "index/index.h"

/* The tables' numbers: never reused for another meaning without a new INDEX_VERSION. */
enum digest_role {
	DIGEST_SHA256 = 1, /* of a file; the kind of the entry tells whether measured or released */
	DIGEST_FILE,
	DIGEST_WEIGHTS,
	DIGEST_TENSOR_SET,
	DIGEST_TENSOR,
	DIGEST_CONTENT_ROOT,
	DIGEST_RECORDS_ROOT,
	DIGEST_SUBSET_ROOT,
	DIGEST_REFERENCE_SHA256,
	DIGEST_REFERENCE_WEIGHTS,
	DIGEST_WHOLE, /* SHA-256 of a checkpoint without tensors: of its file, or of theirs */
};

/* What a reference is for. `detail` and `derivation` of an edge are NULL but where said. */
enum edge_kind {
	EDGE_USES = 1,	    /* a run, a dataset; detail: DatasetUse.Role */
	EDGE_RUN,	    /* a manifest, a run that it comes of */
	EDGE_CHECKPOINT_OF, /* a manifest, its run; detail: the step */
	EDGE_PARENT,	    /* detail: Derivation.Kind; derivation: its place in the manifest */
	EDGE_CHILD,	    /* where it is not the manifest itself; as EDGE_PARENT */
	EDGE_PARENT_MODEL,  /* a run, what it started from */
	EDGE_OUTPUT_MODEL,  /* a run, what it gave; detail: the step */
	EDGE_RELEASED,	    /* a release, its manifest */
	EDGE_GENERATED,	    /* a dataset, the model that made it */
};

/* Bits of indexed_statement.flags. */
enum {
	STATEMENT_LINEAGE_COMPLETE = 1, /* a manifest says: every ancestor is declared */
	STATEMENT_RETROSPECTIVE = 2,    /* a run that was written down afterwards */
};

enum { NO_NUMBER = -1 };

struct indexed_statement {
	int64_t entry;
	const uint8_t *statement, *keyid; /* SHA256_BYTES */
	const char *kind;
	int64_t object, issuer; /* numbers of words; issuer 0: none */
	uint64_t sequence;
	int64_t issued_at, begins, ends; /* seconds; INT64_MIN: not said */
	unsigned flags;
};

/* A reference that entry `entry` makes. */
struct indexed_edge {
	int64_t entry;
	enum edge_kind kind;
	int64_t detail, derivation; /* or NO_NUMBER */
	int64_t object;		    /* number of a word, or 0 */
	const uint8_t *statement, *weights, *sha256, *subset; /* SHA256_BYTES, or NULL */
	int64_t from_step, to_step; /* or NO_NUMBER */
};

/* Objects come first, then all statements, all digests, all edges. Pointers live for the call. */
struct lineage_visitor {
	enum wm_code (*object)(void *context, int64_t number, const char *text,
			       struct wm_error *err);
	enum wm_code (*statement)(void *context, const struct indexed_statement *s,
				  struct wm_error *err);
	enum wm_code (*edge)(void *context, const struct indexed_edge *e, struct wm_error *err);
	enum wm_code (*digest)(void *context, const uint8_t digest[SHA256_BYTES],
			       enum digest_role role, int64_t entry, struct wm_error *err);
	void *context;
};

/* Visits all that the logs `origins` (ends with NULL; NULL: all) say of lineage. */
MUST_USE enum wm_code index_lineage(struct index *x, const char *const *origins,
				    const struct lineage_visitor *visitor, struct wm_error *err);

/* Where the entry with this number is; `*found` says whether there is one. */
MUST_USE enum wm_code index_entry_of(struct indexed *out, bool *found, struct index *x,
				     int64_t entry, struct wm_error *err);

#endif
