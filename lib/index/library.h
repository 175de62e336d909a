/* SPDX-License-Identifier: Apache-2.0 */
/* Which SQLite is in use. */
#ifndef INDEX_LIBRARY_H
#define INDEX_LIBRARY_H

#include "util/library.h"

void index_library(struct library_version *out);

#endif
