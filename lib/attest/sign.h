/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing a checkpoint: compose, measure, sign, write the sidecar; then, where asked for,
 * embed and say which bytes are distributed.
 *
 * What the author wrote is read and checked, and what it refers to found, before the
 * bytes of the checkpoint are measured; nothing is signed before that is done. The sidecar
 * is written whole or not at all; of several at work on one checkpoint each waits for the
 * one before (util/lock.h). Signing again what is signed already changes nothing, and
 * reads only files that changed since they were last measured here (checkpoint/cache.h).
 *
 * Where a log is given, that it can be written to is known before anything is measured. The sidecar
 * comes first, then its envelopes become entries, then it gets their proofs, then slots are made of
 * it; a release is recorded last. So a crash anywhere is ended by the same command
 * (attest/record.h).
 *
 * To amend is to say something else of what was said before: each statement that differs
 * from the newest carried one about its object corrects it. All carried ones stay.
 */
#ifndef ATTEST_SIGN_H
#define ATTEST_SIGN_H

#include "attest/compose.h"
#include "attest/embed.h"
#include "attest/priors.h"
#include "attest/record.h"
#include "crypto/signer.h"

struct sign_options {
	const void *yaml; /* what the author wrote; NULL: the carried manifest says it */
	size_t yaml_len;
	const char *yaml_name;	/* for messages */
	struct signer *signer;
	const char *key_file;	/* of the private key, or NULL where it is not in a file */
	const char *issuer;	/* NULL: that of the carried manifest, else "key:<keyid>" */
	const char *sidecar;	/* where to write; NULL: beside the checkpoint */
	const char *links_within; /* links that end beneath it are followed too, or NULL */
	const char *const *statements; /* sidecars whose statements may be referred to */
	size_t n_statements;
	const struct keyring *stewards; /* keys that must have signed them; NULL: none */
	bool amend;	    /* correct what is carried and says something else */
	const char *reason; /* of corrections, or NULL */
	bool no_cache;	    /* measure every file, and keep nothing of it */
	bool embed;	    /* put the statements into the files too, and make a release */
	bool in_place;	    /* change the files where they lie */
	bool release;	    /* make a release of the files as they are */
	const char *uri;    /* of the release, or NULL */
	const struct record_options *record; /* into this log, or NULL */
	bool dry_run;	    /* sign and write nothing */
	unsigned workers;
	struct progress *progress;
};

struct signing {
	struct checkpoint *checkpoint; /* measured */
	struct priors *priors; /* what was signed before; all below borrows from it */
	char *issuer;
	char *sidecar_path;
	struct composition composition; /* every statement with its id */
	struct buf *payloads;		/* one a statement of the composition */
	size_t n_payloads;
	Weightmark__V1__Checkpoint *record; /* what was measured */
	struct taken taken;
	size_t n_taken;	  /* files whose records were taken from the carried manifest */
	size_t n_cached;  /* files that were not read, being as they were last measured */
	bool unchanged;	  /* the sidecar held equal statements already, but for the release */
	struct embedding embedding;
	struct checkpoint *distributed; /* with slots, where it was embedded */
	struct priors *then;		/* what was carried before the release */
	struct composition release; /* one statement, or none */
	struct buf release_payload;
	int64_t release_ms; /* what reading for it took */
	struct recording recording; /* where it was recorded; its key is NULL where it was not */
};

void signing_release(struct signing *s);
#define cleanup_signing __attribute__((cleanup(signing_release)))

/*
 * Signs the checkpoint `path`. Fails as signable_open(), compose(), priors_load(),
 * take_pointers(), checkpoint_find_parts(), checkpoint_embed() and signer_sign() do; with
 * `already-signed` where the sidecar carries a manifest that says something else, or
 * nothing by this signer; with `usage` where there is nothing to amend, or what was
 * written speaks of another object than what is carried; with `busy`;
 * with `weights-changed` where nothing was written of weights that are new.
 * `out` is zeroed memory and to be released also after a failure.
 */
MUST_USE enum wm_code checkpoint_sign(struct signing *out, const char *path,
				      const struct sign_options *options, struct wm_error *err);

/* Records the sidecar that was written; nothing where `options` is NULL. */
MUST_USE enum wm_code signing_record(struct signing *out, const struct record_options *options,
				     struct wm_error *err);

/* Stores the issuer: `wanted`, else `carried`, else "key:<keyid>"; free() it. */
MUST_USE enum wm_code choose_issuer(char **out, const char *wanted, const char *carried,
				    const struct public_key *key, struct wm_error *err);

#endif
