/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether who is named made the statements that a certificate counts on: the order's versions,
 * events about it, and what says that something was gone before. An index holds entries against
 * the root that the log signed, and verifies no statement's own signature; whoever may write to
 * the ledger could put there what nobody signed. Where an event names something by its digest,
 * what is said about the objects that have it is counted on too: whose digest it is.
 */
#ifndef ATTEST_VOUCH_H
#define ATTEST_VOUCH_H

#include "lineage/account.h"
#include "trust/keyring.h"

/* A statement that is counted on. Borrowed from the state and its graph. */
struct counted {
	const char *object;
	const uint8_t *statement, *keyid; /* SHA256_BYTES each */
};

/*
 * Verifies the signature of each such statement, once, by a key of `keys` or by `own` (either may
 * be NULL), and appends those whose key is neither to `unknown` (struct counted). Fails with
 * `signature-invalid`, which names the statement, and as index_query() and index_read_entry() do.
 */
MUST_USE enum wm_code vouch(struct gathered_list *unknown, const struct order_state *s,
			    const struct account *a, const struct keyring *keys,
			    const struct public_key *own, struct wm_error *err);

#endif
