/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of other repositories, by a list of what is allowed:
 *
 *	https://HOST[:PORT]/PATH
 *	ssh://[USER@]HOST[:PORT]/PATH
 *	USER@HOST:PATH	(ssh too, the path from USER's home)
 *	/PATH  ./PATH  ../PATH  NAME	on this machine
 *
 * A host is dot-separated labels of letters, digits and inner "-"; a user and a path hold
 * letters, digits, ".", "_", "-", a path also "/", "~" and "+", but no empty, "." and ".." parts.
 * There are no passwords, queries, fragments, percent-encodings or spaces; no name begins with
 * "-". A path on this machine may hold what file names hold, but no control characters; a bare NAME
 * has no ":" in it.
 */
#ifndef GIT_URL_H
#define GIT_URL_H

#include "util/error.h"

enum url_kind { URL_LOCAL, URL_HTTPS, URL_SSH };

enum { URL_BYTES = 2048 };

/* Fails with `url-refused` for everything else. Nothing is connected to, nothing looked up. */
MUST_USE enum wm_code url_check(enum url_kind *out, const char *text, struct wm_error *err);

#endif
