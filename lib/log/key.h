/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public key of a log: an origin and an Ed25519 key, as the verifier key of C2SP
 * signed-note: ORIGIN "+" 8 hex digits of the key id "+" base64(0x01 || 32 bytes).
 *
 * key id = the first four bytes of SHA-256(origin || 0x0a || 0x01 || key).
 */
#ifndef LOG_KEY_H
#define LOG_KEY_H

#include "crypto/key.h"

enum { LOG_KEY_BYTES = 32, LOG_KEY_ID = 4 };

struct log_key;
void log_key_free(struct log_key *k);
DEFINE_CLEANUP(log_key, struct log_key, log_key_free)
#define cleanup_log_key __attribute__((cleanup(log_key_cleanup_)))

/* Of 32 bytes. Fails with `origin-invalid`, and as public_key_parse() does (`key-weak`). */
MUST_USE enum wm_code log_key_new(struct log_key **out, const char *origin,
				  const uint8_t raw[LOG_KEY_BYTES], struct wm_error *err);

/*
 * Reads one verifier key; a newline may end it. Fails with `log-key-malformed`, also where the key
 * id is not that of origin and key. `name` is used in messages.
 */
MUST_USE enum wm_code log_key_parse(struct log_key **out, const void *text, size_t len,
				    const char *name, struct wm_error *err);
MUST_USE enum wm_code log_key_load(struct log_key **out, const char *path, struct wm_error *err);

/* Appends the verifier key, without newline. */
MUST_USE enum wm_code log_key_encode(struct buf *out, const struct log_key *k,
				     struct wm_error *err);

/* Borrowed from `k`. */
const char *log_key_origin(const struct log_key *k);
const uint8_t *log_key_raw(const struct log_key *k);    /* LOG_KEY_BYTES */
const uint8_t *log_key_id(const struct log_key *k);	/* LOG_KEY_ID */
const struct public_key *log_key_public(const struct log_key *k);

/* The key id of an Ed25519 key under the name `name`. */
MUST_USE enum wm_code note_key_id(uint8_t id[LOG_KEY_ID], const char *name,
				  const uint8_t raw[LOG_KEY_BYTES], struct wm_error *err);

/* Whether both are of one origin and one key. */
bool log_key_same(const struct log_key *a, const struct log_key *b);

/* --- those that a verifier pinned ------------------------------------------------------ */

struct log_keys {
	struct log_key **list; /* owned */
	size_t n;
};
#define LOG_KEYS_INIT { NULL, 0 }

void log_keys_release(struct log_keys *keys);
#define cleanup_log_keys __attribute__((cleanup(log_keys_release)))

/*
 * Adds `key`, which moves in, also on failure (`no-memory`, `limit` beyond LIMIT_LOG_KEYS). One
 * that is there already is freed, and that is no failure.
 */
MUST_USE enum wm_code log_keys_add(struct log_keys *keys, struct log_key *key,
				   struct wm_error *err);

/* The pinned key of this origin and these bytes, or NULL. Borrowed. */
const struct log_key *log_keys_find(const struct log_keys *keys, const char *origin,
				    const uint8_t raw[LOG_KEY_BYTES]);

/* Whether any key of this origin is pinned. */
bool log_keys_know(const struct log_keys *keys, const char *origin);

#endif
