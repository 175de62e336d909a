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

/*
 * Whether the carried statements of each object form one chain: no two of one sequence,
 * each the correction of the one before it where that is carried, and of no other. Fails with
 * `manifest-conflict` and `chain-broken`.
 */
MUST_USE enum wm_code all_chained(const struct verification *v, struct wm_error *err);

#endif
