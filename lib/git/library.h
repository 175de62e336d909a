/* SPDX-License-Identifier: Apache-2.0 */
/* Which libgit2 is in use. */
#ifndef GIT_LIBRARY_H
#define GIT_LIBRARY_H

#include "util/library.h"

void git_library(struct library_version *out);

#endif
