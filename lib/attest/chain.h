/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements about one object, one after the other (docs/design.md, "Statements"): a
 * statement that says the same as the newest one carried is that one; another corrects it.
 */
#ifndef ATTEST_CHAIN_H
#define ATTEST_CHAIN_H

#include "attest/compose.h"
#include "attest/priors.h"

struct chain {
	const struct priors *priors;
	bool extend;	    /* what says something else is a correction; else `already-signed` */
	const char *reason; /* of corrections; NULL: none is given */
	bool alone;	    /* it stands by itself, in no checkpoint: then `said-otherwise` */
};

/*
 * Makes the payload and the id of statement `i`: those that the newest carried one about the
 * object has where it says the same but for nonce and times, else those of its correction or
 * of the first. Appends the payload to `payload`. What is reused borrows from the priors.
 */
MUST_USE enum wm_code chain_make(struct composition *c, size_t i, struct buf *payload,
				 const struct chain *how, struct wm_error *err);

/* Fails as chain_make() does where an author's statement breaks a rule; `why` is not WM_OK. */
enum wm_code authors_mistake(const struct composition *c, const struct composed *s,
			     const struct wm_error *why, struct wm_error *err);

/* Signs the statements that are not reused; `payloads` has one for each. */
MUST_USE enum wm_code chain_sign(struct composition *c, const struct buf *payloads,
				 struct signer *signer, struct wm_error *err);

/*
 * Writes the sidecar `path` with the envelopes and proofs of `more`, in any order, besides all
 * that `present` holds (NULL: there is none yet); nothing is written where that is nothing new.
 * An envelope that is present keeps its signature; a proof takes the place of the one that the
 * same log gave before. Fails with `exists`, with `file-changed` where the sidecar is not the one
 * that was read, `sidecar-malformed` where a proof is of no envelope, `busy`, `write-failed`. Of
 * two that read the same sidecar one fails, whatever else they lock.
 */
MUST_USE enum wm_code sidecar_extend(const char *path, const struct sidecar *present,
				     const struct sidecar *more, struct wm_error *err);

#endif
