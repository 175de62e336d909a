/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPDX licence expressions (SPDX 2.3 annex D, 3.0.1 annex B): the grammar alone.
 * Whether an id is known, and what it allows, is the business of a policy.
 */
#ifndef STATEMENT_SPDX_H
#define STATEMENT_SPDX_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is one well-formed expression, operators in capitals, single spaces. */
bool spdx_text(const char *text, size_t len);

#endif
