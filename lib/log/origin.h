/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of logs: the origin line of C2SP tlog-checkpoint, here also the name of a git branch
 * and of a directory.
 */
#ifndef LOG_ORIGIN_H
#define LOG_ORIGIN_H

#include <stdbool.h>

#include "util/error.h"
#include "util/limits.h"

/*
 * Whether `text` is an origin: components joined by single slashes, each of small ASCII
 * letters, digits and ".", "_", "-", beginning with a letter or digit, not ending with "." or
 * ".lock" and without ".."; at most LIMIT_ORIGIN bytes. So no origin needs escaping, in a path,
 * a ref or a note, and no two are one to a file system that ignores case.
 */
bool origin_valid(const char *text);

/* Fails with `origin-invalid` unless it is one. */
MUST_USE enum wm_code origin_check(const char *text, struct wm_error *err);

#endif
