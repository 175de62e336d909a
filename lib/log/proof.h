/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs about the tree of a log (RFC 6962 section 2.1.2; verified as RFC 9162 section 2.1.4.2 has
 * it; of inclusion, digest/inclusion.h), and the text that carries one: C2SP tlog-proof.
 */
#ifndef LOG_PROOF_H
#define LOG_PROOF_H

#include "digest/inclusion.h"
#include "log/note.h"

/* That a tree is the beginning of another one. */
struct consistency {
	size_t n;
	uint8_t hashes[PROOF_HASHES][SHA256_BYTES];
};

/*
 * Whether `p` shows that the tree of `old_size` entries with root `old_root` is the beginning of
 * that of `new_size` with `new_root`. Of equal sizes, roots must be equal and the proof empty; of
 * an old size 0 the root must be that of no entries, and the proof empty.
 */
bool consistency_holds(const struct consistency *p, uint64_t old_size,
		       const uint8_t old_root[SHA256_BYTES], uint64_t new_size,
		       const uint8_t new_root[SHA256_BYTES]);

/* --- the text -------------------------------------------------------------------------- */

/* An inclusion proof with the tree head that it leads to. */
struct log_proof {
	struct inclusion inclusion;
	struct note note;
};

void log_proof_release(struct log_proof *p);
#define cleanup_log_proof __attribute__((cleanup(log_proof_release)))

/* Appends "c2sp.org/tlog-proof@v1", "index N", the hashes, an empty line and the note. */
MUST_USE enum wm_code log_proof_encode(struct buf *out, const struct inclusion *inclusion,
				       const char *note, size_t note_len, struct wm_error *err);

/*
 * Parses it in exactly the form that log_proof_encode() writes, without an `extra` line. Fails with
 * `proof-malformed`, and as note_parse() does. At most LIMIT_PROOF bytes.
 */
MUST_USE enum wm_code log_proof_parse(struct log_proof *out, const void *text, size_t len,
				      const char *name, struct wm_error *err);

/*
 * WM_OK where `key` signed the note and the proof leads from `leaf` to its root. Fails with
 * `note-signature`, `proof-mismatch`.
 */
MUST_USE enum wm_code log_proof_verify(const struct log_proof *p, const struct log_key *key,
				       const uint8_t leaf[SHA256_BYTES], struct wm_error *err);

#endif
