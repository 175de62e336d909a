/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signs: a private key in this process, or a command that holds the key
 * elsewhere (KMS, HSM, air gap). One interface for both; whatever signs, the
 * signature is normalised and verified before it is handed out.
 */
#ifndef CRYPTO_SIGNER_H
#define CRYPTO_SIGNER_H

#include "crypto/key.h"

struct signer;
void signer_free(struct signer *s);
DEFINE_CLEANUP(signer, struct signer, signer_free)
#define cleanup_signer __attribute__((cleanup(signer_cleanup_)))

/* Signs with `key`, which moves in. */
MUST_USE enum wm_code signer_take_key(struct signer **out, struct private_key *key,
				      struct wm_error *err);

/*
 * Signs by running `command` with /bin/sh -c: the message on its standard input, the
 * signature (raw: DER for P-256, 64 bytes for Ed25519) on its standard output, its
 * standard error left alone. `public`, which moves in, says which key it must be.
 * Fails with `signer-failed` (status, no output, time over 120 s) or `signer-wrong-key`
 * where the signature does not verify.
 */
MUST_USE enum wm_code signer_take_command(struct signer **out, const char *command,
					  struct public_key *public, struct wm_error *err);

/* The key it signs with. Borrowed from `s`. */
const struct public_key *signer_public(const struct signer *s);

MUST_USE enum wm_code signer_sign(struct signer *s, const void *message, size_t len,
				  uint8_t sig[SIGNATURE_MAX], size_t *sig_len,
				  struct wm_error *err);

#endif
