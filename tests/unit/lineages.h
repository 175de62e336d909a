/* SPDX-License-Identifier: Apache-2.0 */
/* Ledgers of runs, datasets and checkpoints that tests of lineage make, and graphs of them. */
#ifndef LINEAGES_H
#define LINEAGES_H

#include "lineage/trace.h"
#include "shelf.h"

/*
 * Signs a statement about "<issuer>/<local>", whose further members are `members` (""; ",..."):
 * in it $WHAT$ stands for the digest of that name, and @ID@ for {"object":"acme/ID"}. To be
 * appended with the others by shelf_append().
 */
void lineage_say(struct shelf *s, const char *kind, const char *issuer, const char *local,
		 unsigned sequence, const char *members);

/* The same by acme, the first about it. A checkpoint has weights and a file of `local`'s name. */
void lineage_dataset(struct shelf *s, const char *local, const char *members);
void lineage_run(struct shelf *s, const char *local, const char *members);
void lineage_checkpoint(struct shelf *s, const char *local, const char *members);

/* The members of a checkpoint: a part of these weights, tensor set and file. */
#define CHECKPOINT_OF(weights, set, file)                                                        \
	",\"checkpoint\":{\"file\":[{\"path\":\"m.st\",\"size\":7,\"role\":\"load\","            \
	"\"grammar\":\"safetensors/1\",\"file_digest\":\"$file " file "$\",\"sha256\":\"$sha256 " \
	file "$\"}],\"part\":[{\"name\":\"m.st\",\"path\":[\"m.st\"],\"weights_digest\":"        \
	"\"$weights " weights "$\",\"tensor_set_digest\":\"$set " set "$\"}]},\"model\":{\"name\":" \
	"\"m\",\"version\":\"1\"}"

/* The graph of what the shelves hold, their indexes made in memory; graph_free() it. */
struct graph *lineage_graph(struct shelf *const *shelves, size_t n);
struct graph *lineage_graph_of(struct shelf *s);

/* The node of "acme/<local>", which must be there. */
uint32_t lineage_node(const struct graph *g, const char *local);

/* Whether such an edge leads from one to the other, by their local ids; and how many. */
size_t lineage_edges(const struct graph *g, const char *from, const char *to,
		     enum graph_relation relation);
const struct graph_edge *lineage_edge(const struct graph *g, const char *from, const char *to,
				      enum graph_relation relation);

/* How many findings of the kind there are; those about the node. */
size_t lineage_findings(const struct graph *g, enum graph_finding_kind kind);
bool lineage_has_finding(const struct graph *g, enum graph_finding_kind kind, const char *local);

/* Appends all of a graph as text. */
void lineage_dump(struct buf *out, const struct graph *g);

#endif
