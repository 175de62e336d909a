/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of checks_lineage.c; `v->ancestry` must not be NULL. */
#ifndef ATTEST_CHECKS_LINEAGE_H
#define ATTEST_CHECKS_LINEAGE_H

#include "attest/verify.h"

MUST_USE enum wm_code ancestors_untainted(const struct verification *v, struct wm_error *err);
MUST_USE enum wm_code records_standing(const struct verification *v, struct wm_error *err);
MUST_USE enum wm_code withdrawals_answered(const struct verification *v, struct wm_error *err);
MUST_USE enum wm_code ancestors_known(const struct verification *v, struct wm_error *err);
MUST_USE enum wm_code declarations_agree(const struct verification *v, struct wm_error *err);

#endif
