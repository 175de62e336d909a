/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `weightmark certify` share. */
#ifndef CERTIFY_H
#define CERTIFY_H

#include "attest/certify.h"
#include "issues.h"
#include "lineage/seen.h"
#include "order_verbs.h"
#include "report/certificate.h"
#include "verb.h"

enum { CERTIFIED_LOGS = 256 };

/* What a certificate is drawn up over. */
struct certifying {
	struct order_view view;
	const struct graph *graph; /* of the view */
	const struct order *order; /* NULL: --clean */
	struct order_state state;
	struct seen seen;
	struct account account;
	struct arena arena; /* of the logs' names */
	struct certified_log logs[CERTIFIED_LOGS];
	size_t at[CERTIFIED_LOGS]; /* which of the ledgers has that much of it */
	size_t n_logs;
};

#define CERTIFYING_INIT { .seen = SEEN_INIT, .arena = ARENA_INIT(CERTIFIED_LOGS * 256) }

void certifying_release(struct certifying *c);
#define cleanup_certifying __attribute__((cleanup(certifying_release)))

/*
 * Finds the order `id` and accounts for it: `allow_unknown` as for account_make(). Fails as
 * orders_find() does.
 */
MUST_USE enum wm_code certify_assess(struct certifying *c, const char *id, bool allow_unknown,
				     const struct options *o, struct wm_error *err);

/* Notes where each log stands; copies of one log in several ledgers have to agree. */
MUST_USE enum wm_code certify_read_heads(struct certifying *c, const struct call *call,
					 struct wm_error *err);

/*
 * Fails where a log that the certificate was drawn up over is not, by its root, how that of today
 * begins: with `origin-unknown` where it is in no ledger, `log-behind`, `ledger-rewritten`.
 */
MUST_USE enum wm_code certify_check_heads(const struct certifying *c,
					  const Weightmark__V1__DeletionCertificate *cert,
					  struct wm_error *err);

/*
 * Takes the heads of the newest certificate `id` by the key that signs over the lineage of the
 * `digest`: recording it made the logs grow, and saying the same again is to change nothing. Fails
 * as certify_check_heads() does.
 */
MUST_USE enum wm_code certify_take_heads(struct certifying *c, const char *id,
					 const uint8_t digest[SHA256_BYTES],
					 const struct signer *signer, struct wm_error *err);

/* What goes into a certificate, as the call says. */
struct certify_options certify_options(const struct certifying *c, const struct options *o);

/* Signs the composed certificate, records and writes it, and says so. */
MUST_USE enum wm_code certify_issue(const struct certifying *c, struct issued *done,
				    struct signer *signer, struct call *call,
				    struct wm_error *err);

/* --clean and --check. */
MUST_USE enum wm_code certify_run_clean(struct certifying *c, struct call *call,
					struct wm_error *err);
MUST_USE enum wm_code certify_run_check(struct certifying *c, struct call *call,
					struct wm_error *err);

#endif
