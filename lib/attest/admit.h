/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admitting: an operator or a buyer answers, until a day, for a checkpoint whose publisher
 * signed nothing. What is measured is the same as in a manifest, so that one joins the other
 * by its digests when a publisher signs later.
 */
#ifndef ATTEST_ADMIT_H
#define ATTEST_ADMIT_H

#include "attest/sign.h"

struct admit_options {
	const char *source;   /* URI that it came from */
	const char *revision; /* there; or NULL */
	const char *reason;
	int64_t expires; /* seconds */
	const char *const *waived; /* rules of a policy that need not hold */
	size_t n_waived;
	struct signer *signer;
	const char *key_file;	/* as struct sign_options has these */
	const char *issuer;
	const char *sidecar;
	const char *links_within;
	const struct record_options *record; /* into this log, or NULL */
	bool dry_run;
	unsigned workers;
	struct progress *progress;
};

/*
 * Measures every byte of the checkpoint `path` and signs its admission, whose object is
 * "<issuer>/admission:<name>@<revision>"; it corrects one that says something else. It is
 * added to the sidecar, where all others stay. Fails as signable_open(), priors_load() and
 * signer_sign() do; with `already-signed` where a manifest by this key is carried; with
 * `busy`; with `usage` where a text is empty or not UTF-8, or `expires` is past or over ten
 * years ahead.
 * `out` is zeroed memory and to be released also after a failure.
 */
MUST_USE enum wm_code checkpoint_admit(struct signing *out, const char *path,
				       const struct admit_options *options, struct wm_error *err);

#endif
