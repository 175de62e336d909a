/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside a checkpoint, as statements write them. */
#ifndef UTIL_RELPATH_H
#define UTIL_RELPATH_H

#include <stdbool.h>

/*
 * Whether `path` is relative and plain: components that are not empty, "." or "..",
 * joined by single slashes; valid UTF-8 without control, bidirectional or invisible
 * characters and without backslash; at most LIMIT_PATH bytes.
 */
bool relpath_valid(const char *path);

#endif
