/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching static files, bounded: https, and http from this machine alone, as what is fetched there
 * may be read by others on the way. No redirects, proxies or credentials; nothing of the user's
 * configuration is read. libcurl is loaded when it is first needed, so that what works offline does
 * not start it.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "util/buf.h"
#include "util/library.h"

struct http;
void http_free(struct http *h);

/* Fails with `fetch-failed` where libcurl is not installed. */
MUST_USE enum wm_code http_new(struct http **out, struct wm_error *err);

/* Whether `url` is one that may be fetched from; fails with `url-refused`. */
MUST_USE enum wm_code http_check(const char *url, struct wm_error *err);

enum { HTTP_SECONDS = 60 };

/*
 * Appends what `url` gives, at most out->max bytes (`limit`) within HTTP_SECONDS. A status of 404
 * or 410 is `*found` false and no failure; anything but 200 else fails with `fetch-failed`.
 */
MUST_USE enum wm_code http_get(struct http *h, struct buf *out, bool *found, const char *url,
			       struct wm_error *err);

#endif
