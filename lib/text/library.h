/* SPDX-License-Identifier: Apache-2.0 */
/* Which libyaml is in use. */
#ifndef TEXT_LIBRARY_H
#define TEXT_LIBRARY_H

#include "util/library.h"

void text_library(struct library_version *out);

#endif
