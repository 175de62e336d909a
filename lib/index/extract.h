/* SPDX-License-Identifier: Apache-2.0 */
/* What indexing an entry shares: extract.c says what is indexed, extract_rows.c adds it. */
#ifndef INDEX_EXTRACT_H
#define INDEX_EXTRACT_H

#include "index/index_internal.h"

/* The entry that is being indexed. */
struct extract {
	struct index *x;
	int64_t entry;
	const struct statement *statement;
	int64_t n_edges;
	struct buf *text; /* all texts, each followed by a newline */
};

/* Stores the number of a word, of an object id as it stands, which is added where it is new. */
MUST_USE enum wm_code extract_number(int64_t *out, struct index *x, const char *text,
				     struct wm_error *err);

/* Adds what the entry says; what is NULL, or an empty name, is nothing. */
MUST_USE enum wm_code extract_name(struct extract *e, enum name_class class, const char *text,
				   struct wm_error *err);
MUST_USE enum wm_code extract_digest(struct extract *e, enum digest_role role,
				     const Weightmark__V1__Digest *digest, struct wm_error *err);

struct extract_edge {
	enum edge_kind kind;
	const uint64_t *detail, *derivation, *from_step, *to_step; /* or NULL */
	const Weightmark__V1__Digest *subset;			    /* or NULL */
};

/* The reference `r`, as what `edge` says. */
MUST_USE enum wm_code extract_edge(struct extract *e, const struct extract_edge *edge,
				   const Weightmark__V1__Reference *r, struct wm_error *err);

/* Binds a value, or NULL where it is NULL. */
void sql_number(struct sql *q, const uint64_t *value);
void sql_digest(struct sql *q, const Weightmark__V1__Digest *digest);

#endif
