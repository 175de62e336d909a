/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint that a verb was given, opened and measured. */
#ifndef MEASURED_H
#define MEASURED_H

#include "checkpoint/checkpoint.h"
#include "verb.h"

/* Of every verb that opens a checkpoint; checkpoint_opening() reads it. */
#define LINKS_OPTION                                                                      \
	{ .name = "links-within", .argument = "ROOT", .kind = VALUE_FILE,                 \
	  .help = "follow links that end beneath this directory too" }

/* How the options of `call` want checkpoints opened. Borrowed from argv. */
struct checkpoint_open_options checkpoint_opening(const struct call *call);

/*
 * Opens the checkpoint that operand `i` names and measures it with the jobs that were
 * wished for, showing progress. `sha256`: the plain SHA-256 too.
 */
MUST_USE enum wm_code measure_operand(struct checkpoint **out, struct call *call, size_t i,
				      bool sha256, struct wm_error *err);

/* The same of the checkpoint `path`. */
MUST_USE enum wm_code measure_path(struct checkpoint **out, struct call *call, const char *path,
				   bool sha256, struct wm_error *err);

/* Says so where no tensor of `c` can be told: its bytes alone are measured, or signed. */
void warn_without_tensors(const struct checkpoint *c);

#endif
