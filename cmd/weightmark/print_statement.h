/* SPDX-License-Identifier: Apache-2.0 */
/* Printing what one statement says, a line a value. */
#ifndef PRINT_STATEMENT_H
#define PRINT_STATEMENT_H

#include "statement/statement.h"

/*
 * Prints kind and object, who is said to have made it when, and every value of its
 * predicate. `keyid` stands for the signature; `how` says what is known of it.
 */
MUST_USE enum wm_code print_statement(const struct statement *s, const char *keyid,
				      const char *how, struct wm_error *err);

#endif
