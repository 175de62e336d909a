/* SPDX-License-Identifier: Apache-2.0 */
/* What whoever signs runs should hear, though it is no mistake of form. */
#ifndef RUN_WARNINGS_H
#define RUN_WARNINGS_H

#include "attest/compose.h"

/*
 * Warns of runs of `c` that begin in the future; of datasets that they name by object alone and
 * that the ledger at the path `ledger` has no statement about (NULL: nothing was recorded).
 */
MUST_USE enum wm_code warn_runs(const struct composition *c, const char *ledger,
				struct wm_error *err);

#endif
