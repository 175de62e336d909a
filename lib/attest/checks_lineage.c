/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of where the checkpoint comes from; they run where lineage was asked for. */
#include "attest/checks_lineage.h"

#include "attest/ancestry.h"

static enum wm_code said(const struct wm_error *said, struct wm_error *err)
{
	return said->code == WM_OK ? WM_OK : fail_again(err, said);
}

enum wm_code ancestors_untainted(const struct verification *v, struct wm_error *err)
{
	return said(&v->ancestry->tainted, err);
}

enum wm_code records_standing(const struct verification *v, struct wm_error *err)
{
	return said(&v->ancestry->withdrawn, err);
}

enum wm_code withdrawals_answered(const struct verification *v, struct wm_error *err)
{
	return said(&v->ancestry->withdrawn_later, err);
}

enum wm_code ancestors_known(const struct verification *v, struct wm_error *err)
{
	return said(&v->ancestry->unknown, err);
}

enum wm_code declarations_agree(const struct verification *v, struct wm_error *err)
{
	return said(&v->ancestry->conflict, err);
}
