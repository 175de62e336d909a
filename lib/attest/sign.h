/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing a checkpoint: compose, measure, sign, write the sidecar.
 *
 * What the author wrote is read and checked, and what it refers to found, before the
 * bytes of the checkpoint are measured; nothing is signed before that is done. The sidecar
 * is written whole or not at all. Signing again what is signed already changes nothing.
 */
#ifndef ATTEST_SIGN_H
#define ATTEST_SIGN_H

#include "attest/compose.h"
#include "crypto/signer.h"
#include "trust/keyring.h"

struct sign_options {
	const void *yaml; /* what the author wrote */
	size_t yaml_len;
	const char *yaml_name;	/* for messages */
	struct signer *signer;
	const char *issuer;	/* NULL: "key:<keyid>" */
	const char *sidecar;	/* where to write; NULL: beside the checkpoint */
	const char *const *statements; /* sidecars whose statements may be referred to */
	size_t n_statements;
	const struct keyring *stewards; /* keys that must have signed them; NULL: none */
	bool dry_run; /* sign and write nothing */
	unsigned workers;
	struct progress *progress;
};

struct signing {
	char *issuer;
	char *sidecar_path;
	struct priors *priors; /* what other sidecars say; the composition borrows from it */
	struct composition composition; /* every statement with its id */
	struct buf *payloads;		/* one a statement of the composition */
	size_t n_payloads;
	struct checkpoint *checkpoint; /* measured */
	bool unchanged; /* equal statements were there already; nothing was written */
};

void signing_release(struct signing *s);
#define cleanup_signing __attribute__((cleanup(signing_release)))

/*
 * Signs the checkpoint `path`. Fails as compose(), checkpoint_open() and signer_sign() do,
 * with `steward-untrusted` or `signature-invalid` where a given statement is not by a steward,
 * with `already-signed` where the sidecar carries a manifest that says something else, or
 * nothing by this signer,
 * with `sidecar-malformed` and its like where a sidecar is there that cannot be read.
 * `out` is zeroed memory and to be released also after a failure.
 */
MUST_USE enum wm_code checkpoint_sign(struct signing *out, const char *path,
				      const struct sign_options *options, struct wm_error *err);

#endif
