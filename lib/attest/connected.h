/* SPDX-License-Identifier: Apache-2.0 */
/* Whether carried statements hang together. */
#ifndef ATTEST_CONNECTED_H
#define ATTEST_CONNECTED_H

#include "attest/verify.h"

/*
 * Whether every statement that a pinned key signed is connected to a manifest or an admission
 * that a pinned key signed: by references and corrections, in either direction, over any
 * number of steps. What only other keys signed is not read, and may be there: it is other
 * issuers', listed and ignored. Fails with `statement-unconnected`.
 */
MUST_USE enum wm_code all_connected(const struct verification *v, struct wm_error *err);

/* statements_chained() of all that verified. */
MUST_USE enum wm_code all_chained(const struct verification *v, struct wm_error *err);

#endif
