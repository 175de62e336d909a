/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures in OpenSSH's formats, so that stock git verifies what a log commits: public
 * keys as RFC 4253 section 6.6, RFC 8709 (ssh-ed25519) and RFC 5656 (ecdsa-sha2-nistp256) have
 * them; signatures as OpenSSH's PROTOCOL.sshsig does, with SHA-512, armoured.
 */
#ifndef CRYPTO_SSH_H
#define CRYPTO_SSH_H

#include "crypto/key.h"

/* Appends "ssh-ed25519 AAAA..." or "ecdsa-sha2-nistp256 AAAA...", without newline. */
MUST_USE enum wm_code ssh_public_encode(struct buf *out, const struct public_key *k,
					struct wm_error *err);

/*
 * Appends the armoured signature by an Ed25519 key over `message` in `namespace` ("git"), lines of
 * 70 characters, a newline at its end. Fails with `key-unsupported` for other keys.
 */
MUST_USE enum wm_code ssh_sign(struct buf *out, const struct private_key *k,
			       const char *namespace, const void *message, size_t len,
			       struct wm_error *err);

/*
 * WM_OK where `k`, an Ed25519 key, made the armoured signature, in exactly the form that ssh_sign()
 * writes (a newline at its end may be missing). Fails with `signature-malformed`,
 * `signature-invalid`, and `key-unsupported` for other keys.
 */
MUST_USE enum wm_code ssh_verify(const struct public_key *k, const char *namespace,
				 const void *message, size_t len, const void *armour,
				 size_t armour_len, struct wm_error *err);

#endif
