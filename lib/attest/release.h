/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases: which bytes are distributed. With a slot in it a file has another SHA-256 than
 * the manifest records; git-lfs and whoever downloads it see the one of the release.
 */
#ifndef ATTEST_RELEASE_H
#define ATTEST_RELEASE_H

#include "attest/compose.h"
#include "attest/priors.h"

struct release_options {
	const struct composed *manifest; /* that it distributes, with its id */
	const Weightmark__V1__Checkpoint *record; /* of that manifest */
	const struct checkpoint *before; /* the checkpoint as it was measured for it */
	const char *uri;		 /* where, or NULL */
	const struct priors *priors;
	unsigned workers;
	struct progress *progress; /* or NULL; the bytes to read are added to its total */
};

/*
 * Composes the release of the checkpoint `now`, opened as it lies there. Files with a slot are
 * read, and must be those that were measured but for the slot; the others are as the record
 * says. Fails with `file-changed`, `file-mismatch`, and as measure() does. The options must
 * outlive `out`, which has issuer, now and name set and nothing else.
 */
MUST_USE enum wm_code release_compose(struct composition *out, struct checkpoint *now,
				      const struct release_options *options, struct wm_error *err);

#endif
