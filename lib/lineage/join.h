/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that join a graph share. */
#ifndef LINEAGE_JOIN_H
#define LINEAGE_JOIN_H

#include "lineage/gather.h"

/* A statement's id, and which it is. */
struct join_id {
	const uint8_t *id;
	uint32_t statement;
};

/* What references name by something that no statement has. */
struct join_stranger {
	char *id; /* "weights:HEX"; in the arena */
	unsigned kinds; /* bits: as what it is referred to */
	uint32_t node;
};

struct join {
	struct graph *out;
	struct gathering *from;
	struct gathered_list nodes; /* struct graph_node: objects by id, then strangers */
	uint32_t n_objects;
	struct graph_statement *statements; /* out's */
	uint64_t shift;	 /* of the statement that was found last: its entry less its place */
	uint32_t *first; /* of each statement: the first one of its id; copies say nothing more */
	uint32_t *place; /* of each first one: where its copies begin in `ids` */
	uint32_t *bytes; /* of each statement: the node whose digests it lists */
	struct gathered_list ids;	    /* struct join_id by id, then statement */
	struct graph_digest *wholes; /* of checkpoints without tensors, by digest, node */
	uint32_t n_wholes;
	struct gathered_list strangers;	    /* struct join_stranger by id, each once */
	struct gathered_list edges;	    /* struct graph_edge */
	struct gathered_list findings;	    /* struct graph_finding */
};

/* The object of this number, or NULL. */
struct gathered_object *join_object(const struct gathering *g, uint32_t ledger, int64_t number);

MUST_USE enum wm_code join_add_node(struct graph_node **out, struct join *j, const char *id,
				    struct wm_error *err);

/* The statement of an entry, and the node that a statement id is about; or GRAPH_NONE. */
uint32_t join_statement(struct join *j, uint32_t ledger, int64_t entry);
uint32_t join_by_statement(const struct join *j, const uint8_t id[SHA256_BYTES]);

/* The node that a reference names by object, or where it names none by statement; or GRAPH_NONE. */
uint32_t join_named(const struct join *j, const struct gathered_edge *e);

/* The first node that has the digest in this role, or GRAPH_NONE; and whether others have it. */
uint32_t join_holder(bool *shared, const struct join *j, const uint8_t digest[SHA256_BYTES],
		     enum digest_role role);

/* Whether the node has the digest in this role. */
bool join_has_digest(const struct join *j, const uint8_t digest[SHA256_BYTES],
		     enum digest_role role, uint32_t node);

/* What a statement of this kind is about. */
enum graph_kind join_kind_of(const char *kind);

/* Notes that the node is said to be a thing of this kind. */
void join_note_kind(struct graph_node *node, enum graph_kind kind);

/* Finds manifests whose key says nothing of where their checkpoint comes from; edges are made. */
MUST_USE enum wm_code join_origins(struct join *j, struct wm_error *err);

/* Adds strangers and edges. */
MUST_USE enum wm_code join_edges(struct join *j, struct wm_error *err);

/*
 * Puts the edges in order, makes one of what an issuer says several times, as its newest statement
 * says it, and makes the ways in and out.
 */
MUST_USE enum wm_code join_order_edges(struct join *j, struct wm_error *err);

#endif
