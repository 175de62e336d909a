/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledgers that tests of the index make, and the statements in them: of each model a dataset, a run,
 * a manifest and a release, all derived from its number.
 */
#ifndef SHELF_H
#define SHELF_H

#include "harness.h"

#include "crypto/signer.h"
#include "index/index_internal.h"

#define SHELF_ORIGIN "example.com/log"
#define SHELF_ISSUER "Acme.example"

/* What each model has, in this order; UNREADABLE is no statement. */
enum shelf_kind { SHELF_DATASET, SHELF_RUN, SHELF_MANIFEST, SHELF_RELEASE, SHELF_UNREADABLE };
enum { SHELF_KINDS = SHELF_UNREADABLE };

struct shelf {
	char *scratch, *repository, *cache; /* cache: a folder that is not there yet */
	struct ledger *ledger;
	struct signer *signer;
	struct arena arena;
	struct envelope *pending;
	size_t n_pending, room;
};

void shelf_open(struct shelf *s);
void shelf_close(struct shelf *s);
#define cleanup_shelf __attribute__((cleanup(shelf_close)))

/* SHA-256 of `what` and the number: the digest that model's statement has there. */
void shelf_digest(uint8_t out[SHA256_BYTES], const char *what, unsigned model);
void shelf_hex(char out[2 * SHA256_BYTES + 1], const char *what, unsigned model);

/* Appends the payload of a statement of the model. */
void shelf_payload(struct buf *out, enum shelf_kind kind, unsigned model);

/* Appends the payload of the statement of a kind that `json` has. */
void shelf_encode(struct buf *out, const char *kind, const struct buf *json);

/* Signs it, to be appended with the others. */
void shelf_add(struct shelf *s, enum shelf_kind kind, unsigned model);
void shelf_add_payload(struct shelf *s, const struct buf *payload);

/* Appends what was added, in commits of at most `per_commit` entries, to a log, made where new. */
void shelf_append(struct shelf *s, const char *origin, size_t per_commit);

/* The statements of models `first` to `last`, four entries each, a model a commit. */
void shelf_fill(struct shelf *s, const char *origin, unsigned first, unsigned last);

/* The ledger goes; the next that is appended to comes to stand at its place. */
void shelf_forget_ledger(struct shelf *s);

/* The log goes back by so many commits; it goes altogether. */
void shelf_take_back(struct shelf *s, const char *origin, unsigned commits);
void shelf_drop(struct shelf *s, const char *origin);

/* The index of the ledger in the shelf's cache. */
struct index *shelf_index(struct shelf *s);

/* Appends all that is in the tables of the index, in order; not the words. */
void shelf_dump(struct buf *out, struct index *x);

/* Asserts that the index says what one says that is made in memory from the ledger as it is. */
void assert_as_new(struct shelf *s, struct index *x);

void shelf_sync(struct index *x);
bool shelf_was_rewritten(struct index *x); /* says whether it was, when synced */
size_t shelf_count(struct index *x, enum query_kind kind, const char *value);
uint64_t shelf_size(struct index *x, const char *origin); /* 0 where it has none */

/* Where the shelf's index is; free() it. */
char *shelf_path(struct shelf *s);

/* Opens a shelf with an index of models 1 to 5, and hands out its file as above. */
char *shelf_filled(struct shelf *s);

#endif
