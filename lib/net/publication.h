/* SPDX-License-Identifier: Apache-2.0 */
/* Published logs, by directory or by address, for log/site.h to read. */
#ifndef NET_PUBLICATION_H
#define NET_PUBLICATION_H

#include "log/site.h"
#include "net/http.h"

struct published {
	struct site site; /* borrows from this struct, which must stay where it is */
	const char *base; /* borrowed */
	struct http *http; /* NULL: a directory */
};

/*
 * Opens the publication at `base`: an address where it has "://", else a directory. Fails with
 * `not-found` where there is none, with `usage` where it is a git repository, and as http_check()
 * and http_new() do.
 */
MUST_USE enum wm_code published_open(struct published *out, const char *base, struct wm_error *err);
void published_release(struct published *p);
#define cleanup_published __attribute__((cleanup(published_release)))

/* Whether `base` is an address, or a directory with a `checkpoint`. */
bool published_is(const char *base);

#endif
