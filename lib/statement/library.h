/* SPDX-License-Identifier: Apache-2.0 */
/* Which libprotobuf-c is in use. */
#ifndef STATEMENT_LIBRARY_H
#define STATEMENT_LIBRARY_H

#include "util/library.h"

void statement_library(struct library_version *out);

#endif
