/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key under which records are committed to, and what it makes of digests (docs/format.md,
 * "Record commitments"):
 *
 *	d    = SHA-256(bytes of the record)
 *	r    = HMAC-SHA-256(K, d)
 *	leaf = SHA-256(0x00 || r || d)
 *	K'   = HMAC-SHA-256(K, "wmRecordTagV1")
 *	tag  = first 16 bytes of HMAC-SHA-256(K', name \0 value)
 *
 * A leaf tells nothing to whoever has a record and not K; who has K can match records.
 */
#ifndef DATA_RECORD_KEY_H
#define DATA_RECORD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"
#include "util/error.h"

enum { RECORD_KEY_BYTES = 32, RECORD_TAG_BYTES = 16 };

/* The ending of files that hold one. */
#define RECORD_KEY_SUFFIX ".wmck"

struct record_key {
	uint8_t secret[RECORD_KEY_BYTES];
	uint8_t tags[RECORD_KEY_BYTES]; /* K' */
	uint8_t id[SHA256_BYTES];	/* SHA-256("wmRecordKeyV1\0" || K) */
};

/* Overwrites it. */
void record_key_release(struct record_key *k);
#define cleanup_record_key __attribute__((cleanup(record_key_release)))

MUST_USE enum wm_code record_key_new(struct record_key *out, struct wm_error *err);

/* Of these bytes. */
void record_key_of(struct record_key *out, const uint8_t secret[RECORD_KEY_BYTES]);

/*
 * Reads the file `path`: "weightmark-commitment-key/1\n", 44 characters of base64, "\n". Fails with
 * `commitment-key-missing`, also where it was destroyed, `commitment-key-malformed`, `read-failed`.
 */
MUST_USE enum wm_code record_key_load(struct record_key *out, const char *path,
				      struct wm_error *err);

/* Writes it, for its owner alone. Fails with `exists`, `write-failed`. */
MUST_USE enum wm_code record_key_store(const struct record_key *k, const char *path,
				       struct wm_error *err);

/* What a key file holds: a key, or that it was destroyed and when. */
struct record_key_state {
	uint8_t id[SHA256_BYTES]; /* of the key that is, or was, there */
	bool destroyed;
	int64_t at; /* seconds; 0 where it was not */
};

/* Fails as record_key_load() does, but for a key that was destroyed. */
MUST_USE enum wm_code record_key_look(struct record_key_state *out, const char *path,
				      struct wm_error *err);

/*
 * Overwrites the key in the file `path` by the fact that it was destroyed, at `now`, and syncs;
 * where that stands already it stays:
 *
 *	"weightmark-commitment-key/0\n", base64 of key id and seconds (u64, big-endian), "\n"
 *
 * So what follows can be completed after an interruption; then the caller removes the file. Copies,
 * snapshots and blocks that the file system or the drive kept elsewhere are out of reach. Fails as
 * record_key_look() does, and with `write-failed`.
 */
MUST_USE enum wm_code record_key_destroy(const char *path, int64_t now, struct wm_error *err);

struct commitment {
	uint8_t r[SHA256_BYTES], leaf[SHA256_BYTES];
};

/* Of one record's digest. */
void record_commit(struct commitment *out, const struct record_key *k,
		   const uint8_t digest[SHA256_BYTES]);

/* SHA-256(0x00 || r || d), which takes no key. */
void commitment_leaf(uint8_t out[SHA256_BYTES], const uint8_t r[SHA256_BYTES],
		 const uint8_t digest[SHA256_BYTES]);

/* The tag of an attribute, "subject" or another, of at most LIMIT_ATTRIBUTE bytes. */
MUST_USE enum wm_code record_tag(uint8_t out[RECORD_TAG_BYTES], const struct record_key *k,
				 const char *name, const char *value, size_t len,
				 struct wm_error *err);

/* --- many at once ------------------------------------------------------------------------ */

/* What one thread needs to commit to many; holds the key. */
struct committer;

MUST_USE enum wm_code committer_new(struct committer **out, const struct record_key *k,
				    struct wm_error *err);
void committer_free(struct committer *c); /* overwrites it */
DEFINE_CLEANUP(committer, struct committer, committer_free)
#define cleanup_committer __attribute__((cleanup(committer_cleanup_)))

/* Replaces the SHA256_BYTES of a digest at `first`, and at n - 1 further strides, by its leaf. */
MUST_USE enum wm_code committer_run(struct committer *c, uint8_t *first, size_t stride, size_t n,
				    struct wm_error *err);

#endif
