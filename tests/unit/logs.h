/* SPDX-License-Identifier: Apache-2.0 */
/* Logs that tests make: trees, by the definition of RFC 6962, and notes of their heads. */
#ifndef LOGS_H
#define LOGS_H

#include "harness.h"

#include "log/tiles.h"

typedef const uint8_t (*leaf_list)[SHA256_BYTES];

/* RFC 6962 section 2.1: MTH(D[n]). */
void naive_tree(uint8_t out[SHA256_BYTES], leaf_list leaves, uint64_t n);

/* RFC 6962 section 2.1.1: PATH(m, D[n]). */
void naive_inclusion(struct inclusion *out, leaf_list leaves, uint64_t m, uint64_t n);

/* RFC 6962 section 2.1.2: PROOF(m, D[n]), 0 < m <= n. */
void naive_consistency(struct consistency *out, leaf_list leaves, uint64_t m, uint64_t n);

enum { MADE_LEVELS = 3 };

/* A tree with the hashes of its tiles. */
struct made_tree {
	uint64_t size;
	uint8_t (*hashes[MADE_LEVELS])[SHA256_BYTES]; /* owned */
	size_t n_reads;
	bool damaged;	     /* what is read has one bit flipped in each hash */
	bool unreadable;     /* reading fails with `read-failed` */
};

/* A tree whose entries differ from those of other trees from `fork` on. */
void made_tree_init(struct made_tree *out, uint64_t size, uint64_t fork);
void made_tree_release(struct made_tree *t);
#define cleanup_made_tree __attribute__((cleanup(made_tree_release)))

static inline leaf_list made_leaves(const struct made_tree *t)
{
	return (leaf_list)t->hashes[0];
}

/* A tile_read_fn of the struct made_tree `context`. */
enum wm_code made_tree_read(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level,
			    uint64_t n, unsigned width, struct wm_error *err);

/* Tiles of `t`, which must outlive them. */
struct tiles *made_tiles(struct made_tree *t);

/* --- who signs ------------------------------------------------------------------------- */

struct made_log {
	const char *origin;
	struct private_key *secret;
	struct log_key *key;
};

void made_log_init(struct made_log *out, const char *origin);
void made_log_release(struct made_log *log);
#define cleanup_made_log __attribute__((cleanup(made_log_release)))

/* The head of the first `size` entries of `t`, signed. */
void made_note(struct note *out, const struct made_log *log, const struct made_tree *t,
	       uint64_t size);

#endif
