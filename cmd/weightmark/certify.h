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
	size_t n_logs;
};

#define CERTIFYING_INIT { .seen = SEEN_INIT, .arena = ARENA_INIT(CERTIFIED_LOGS * 256) }

void certifying_release(struct certifying *c);
#define cleanup_certifying __attribute__((cleanup(certifying_release)))

/* Signs the composed certificate, records and writes it, and says so. */
MUST_USE enum wm_code certify_issue(const struct certifying *c, struct issued *done,
				    struct signer *signer, struct call *call,
				    struct wm_error *err);

/* --clean and --check. */
MUST_USE enum wm_code certify_run_clean(struct certifying *c,
					const struct certify_options *options, struct call *call,
					struct wm_error *err);
MUST_USE enum wm_code certify_run_check(struct certifying *c, struct call *call,
					struct wm_error *err);

#endif
