/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of corrections: what is carried about one object is one chain. */
#ifndef ATTEST_CHAINED_H
#define ATTEST_CHAINED_H

#include "statement/statement.h"

/*
 * Whether the statements of each object form one chain: no two of one sequence, each the
 * correction of the one before it where that is among them, and of no other. One may be
 * there twice. `list` is sorted. Fails with `manifest-conflict` and `chain-broken`.
 */
MUST_USE enum wm_code statements_chained(const struct statement **list, size_t n,
					 struct wm_error *err);

#endif
