/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of named checks (docs/design.md, "Checks and verdict"). Each reads the facts of a
 * verification and says yes, or no with a reason; none changes anything. They run in
 * order; after the first no the rest is not run.
 */
#ifndef ATTEST_CHECKS_H
#define ATTEST_CHECKS_H

#include "attest/verify.h"

struct check {
	const char *name;
	const char *what; /* the sentence that holds where it passed */
	enum wm_code (*run)(const struct verification *v, struct wm_error *err);
	enum { CHECK_ALWAYS, CHECK_FULL, CHECK_LINEAGE } when; /* FULL: everything was to be
							       * recomputed; LINEAGE: lineage
							       * was asked for */
	bool review; /* a no asks for review instead of refusing */
};

extern const struct check checks[];
extern const size_t n_checks;

#endif
