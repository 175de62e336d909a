/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree heads as signed notes (C2SP signed-note and tlog-checkpoint):
 *
 *	ORIGIN "\n" SIZE "\n" base64(root) "\n"
 *	"\n"
 *	("— " NAME " " base64(4 bytes of key id || signature) "\n")+
 *
 * Nothing that a note says may be believed before note_verify().
 */
#ifndef LOG_NOTE_H
#define LOG_NOTE_H

#include "crypto/sha256.h"
#include "crypto/key.h"
#include "log/key.h"
#include "util/limits.h"

/* What a log says that it is. */
struct tree_head {
	char origin[LIMIT_ORIGIN + 1];
	uint64_t size; /* entries */
	uint8_t root[SHA256_BYTES];
};

struct note_signature {
	const char *name; /* of the key; NOT zero-terminated */
	size_t name_len;
	uint8_t key_id[LOG_KEY_ID];
	const uint8_t *sig; /* in the note's arena */
	size_t sig_len;
};

enum { NOTE_SIGNATURES = 32 };

struct note {
	struct tree_head head;
	char *text;	 /* owned; the whole note, zero-terminated */
	size_t len;
	size_t body_len; /* of what is signed: the lines before the empty one */
	struct note_signature signatures[NOTE_SIGNATURES];
	size_t n_signatures;
	uint8_t *decoded; /* owned; what the signatures borrow */
};

void note_release(struct note *n);
#define cleanup_note __attribute__((cleanup(note_release)))

/*
 * Parses a note of at most LIMIT_NOTE bytes; the bytes need not outlive the call. Fails with
 * `note-malformed`: no tree head, extension lines (which no log of ours writes), a size with
 * leading zeros or above 2^53 - 1, base64 in another spelling, no or too many signatures, a name
 * of a key that is empty or holds a space of Unicode or "+", bytes that are not UTF-8 or control
 * characters, anything behind the last line. `name` is used in messages; `out` is untouched on
 * failure.
 */
MUST_USE enum wm_code note_parse(struct note *out, const void *text, size_t len, const char *name,
				 struct wm_error *err);

/*
 * WM_OK where `key`, whose origin must be the note's, made the signature that names it, and every
 * other that names it. Fails with `note-signature`. Signatures by other keys are passed over.
 */
MUST_USE enum wm_code note_verify(const struct note *n, const struct log_key *key,
				  struct wm_error *err);

/* Appends the note of `head`, signed by the log's own key, an Ed25519 one. */
MUST_USE enum wm_code note_sign(struct buf *out, const struct tree_head *head,
				const struct private_key *key, struct wm_error *err);

#endif
