/* SPDX-License-Identifier: Apache-2.0 */
/* Which libyaml and which libunistring are in use. */
#ifndef TEXT_LIBRARY_H
#define TEXT_LIBRARY_H

#include "util/library.h"

void text_library(struct library_version *out);
void fold_library(struct library_version *out); /* its texts last as long as the thread */

#endif
