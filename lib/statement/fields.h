/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that an author may write, as the schema has them. */
#ifndef STATEMENT_FIELDS_H
#define STATEMENT_FIELDS_H

#include "statement/kind.h"

/*
 * Appends a MAP {field, value} for each field of `kind`, which authors write, to the LIST
 * `list`: the field as a path ("training_run[].uses[].role"), and what its value is.
 */
MUST_USE enum wm_code fields_list(struct node *list, struct tree *t, const struct kind *kind,
				  struct wm_error *err);

#endif
