/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public keys that a verifier pinned himself (--key FILE ...): trusted because he
 * named them, for whatever they sign.
 *
 * A keyid selects a key and proves nothing; whoever finds a key verifies with it.
 * Keys are told apart by their canonical encoding, so one key is in the ring once,
 * however often and from however many files it was added.
 */
#ifndef TRUST_KEYRING_H
#define TRUST_KEYRING_H

#include <stddef.h>

#include "crypto/key.h"
#include "util/cleanup.h"
#include "util/error.h"

struct keyring;

/* An empty ring. */
MUST_USE enum wm_code keyring_new(struct keyring **out, struct wm_error *err);
/* Frees the ring with its keys; keyring_free(NULL) does nothing. */
void keyring_free(struct keyring *r);
DEFINE_CLEANUP(keyring, struct keyring, keyring_free)
#define cleanup_keyring __attribute__((cleanup(keyring_cleanup_)))

/*
 * Adds `key`, which moves in, also on failure (`no-memory`; `limit` beyond
 * LIMIT_KEYRING keys). A key that is there already is freed, and that is no failure.
 */
MUST_USE enum wm_code keyring_add(struct keyring *r, struct public_key *key,
				   struct wm_error *err);

/* The key with this keyid, exactly as public_key_id() has it, or NULL. Borrowed from `r`. */
const struct public_key *keyring_find(const struct keyring *r, const char *keyid);

/* How many keys there are, each counted once. */
size_t keyring_count(const struct keyring *r);

/* The key at `i` < keyring_count(), in ascending order of keyid. Borrowed from `r`. */
const struct public_key *keyring_at(const struct keyring *r, size_t i);

#endif
