/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issuing statements that stand alone: datasets, transfers, orders, events, certificates,
 * revocations, runs. They are signed, written to a sidecar file of their own, recorded in a log, or
 * both.
 *
 * A statement that says the same as the newest one by this key about its object, in that file or
 * that log, is that one; another corrects it where it may (attest/chain.h). So issuing again
 * changes nothing.
 */
#ifndef ATTEST_ISSUE_H
#define ATTEST_ISSUE_H

#include "attest/compose.h"
#include "attest/priors.h"
#include "attest/record.h"

struct issue_options {
	struct signer *signer;
	const char *issuer;  /* NULL: "key:<keyid>" */
	const char *sidecar; /* the file that is written, or extended; NULL: none */
	const struct record_options *record; /* into this log, or NULL */
	bool amend;	    /* correct what says something else of the same object */
	const char *reason; /* of corrections, or NULL */
	bool dry_run;	    /* sign and write nothing */
};

struct issued {
	struct composition composition; /* statements without header, to be issued */
	char *issuer;
	struct priors *priors;
	struct buf *payloads; /* one a statement */
	size_t n_payloads;
	size_t n_reused;
	struct recording recording; /* its key is NULL where nothing was recorded */
};

void issued_release(struct issued *i);
#define cleanup_issued __attribute__((cleanup(issued_release)))

/*
 * Issues all statements of `out->composition`, each of which has its message with a local id; the
 * headers are filled here. They are all made before any is signed; what stands in a file is one
 * batch of the log, else LIMIT_ISSUED are. The file gets all or nothing, and so does the log of
 * each batch; issuing again completes it. Fails as chain_make(), sidecar_extend(),
 * record_envelopes() do; with `usage` where neither file nor log is given, but for a dry run; with
 * `busy`. `out` is to be released also after a failure.
 */
MUST_USE enum wm_code issue(struct issued *out, const struct issue_options *options,
			    struct wm_error *err);

#endif
