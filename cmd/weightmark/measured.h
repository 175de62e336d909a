/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint that a verb was given, opened and measured. */
#ifndef MEASURED_H
#define MEASURED_H

#include "checkpoint/checkpoint.h"
#include "verb.h"

/*
 * Opens the checkpoint that operand `i` names and measures it with the jobs that were
 * wished for, showing progress. `sha256`: the plain SHA-256 too.
 */
MUST_USE enum wm_code measure_operand(struct checkpoint **out, struct call *call, size_t i,
				      bool sha256, struct wm_error *err);

#endif
