/* SPDX-License-Identifier: Apache-2.0 */
/* One easy handle of libcurl, loaded at run time. */
#include "net/http.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "util/cleanup.h"
#include "util/escape.h"

#define LIBRARY "libcurl.so.4"

struct http {
	void *library;
	CURL *curl;
	CURL *(*init)(void);
	void (*cleanup)(CURL *);
	CURLcode (*set)(CURL *, CURLoption, ...);
	CURLcode (*perform)(CURL *);
	CURLcode (*info)(CURL *, CURLINFO, ...);
	const char *(*why)(CURLcode);
	struct buf *into; /* of the request that runs */
	enum wm_code said;
	struct wm_error err;
};

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->curl)
		h->cleanup(h->curl);
	free(h);
}

DEFINE_CLEANUP(http, struct http, http_free)
#define cleanup_http __attribute__((cleanup(http_cleanup_)))

/* Stores the address of a function of the library; POSIX lets one be kept in a void pointer. */
static bool load(void *place, const struct http *h, const char *name)
{
	void *found = dlsym(h->library, name);

	memcpy(place, &found, sizeof(found));
	return found != NULL;
}

static size_t receive(char *data, size_t size, size_t n, void *context)
{
	struct http *h = context;
	long status = 0;

	/* A page that explains an error is nobody's file. */
	if (h->info(h->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
		return size * n;
	h->said = buf_append(h->into, data, size * n, &h->err);
	return h->said == WM_OK ? size * n : 0;
}

static bool set_up(struct http *h)
{
	return h->set(h->curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
	       h->set(h->curl, CURLOPT_PROXY, "") == CURLE_OK &&
	       h->set(h->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_TIMEOUT, (long)HTTP_SECONDS) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_CONNECTTIMEOUT, 15L) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_USERAGENT, "weightmark/" WM_VERSION) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
	       h->set(h->curl, CURLOPT_WRITEDATA, h) == CURLE_OK;
}

enum wm_code http_new(struct http **out, struct wm_error *err)
{
	cleanup_http struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return fail_nomem(err);
	/* It starts threads and libraries that would not survive its being unloaded. */
	h->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!h->library || !load(&h->init, h, "curl_easy_init") ||
	    !load(&h->cleanup, h, "curl_easy_cleanup") || !load(&h->set, h, "curl_easy_setopt") ||
	    !load(&h->perform, h, "curl_easy_perform") || !load(&h->info, h, "curl_easy_getinfo") ||
	    !load(&h->why, h, "curl_easy_strerror"))
		return fail(err, REASON_FETCH_FAILED,
			    "fetching needs " LIBRARY ": on Debian, install libcurl4");
	h->curl = h->init();
	if (!h->curl || !set_up(h))
		return fail(err, REASON_FETCH_FAILED, LIBRARY ": cannot be used as it should be");
	*out = take_ptr(&h);
	return WM_OK;
}

/* Whether the host of "http://HOST..." is this machine, under a name that cannot be another's. */
static bool is_local(const char *host)
{
	static const char *const names[] = { "127.0.0.1", "[::1]", "localhost" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const size_t len = strlen(names[i]);

		if (strncmp(host, names[i], len) == 0 && strchr(":/", host[len]))
			return true;
	}
	return false;
}

enum wm_code http_check(const char *url, struct wm_error *err)
{
	static const char secure[] = "https://", plain[] = "http://";
	const char *host = NULL;

	if (strncmp(url, secure, sizeof(secure) - 1) == 0)
		host = url + sizeof(secure) - 1;
	else if (strncmp(url, plain, sizeof(plain) - 1) == 0 &&
		 is_local(url + sizeof(plain) - 1))
		host = url + sizeof(plain) - 1;
	if (!host || !*host || *host == '-' || *host == '/' || strpbrk(url, "@?#\\ ") ||
	    strlen(url) > 2048)
		return fail(err, REASON_URL_REFUSED,
			    "'%.*s': https://HOST/PATH, or http:// of this machine",
			    (int)address_shown(url, 200), url);
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~')
			return fail(err, REASON_URL_REFUSED, "an address with control characters");
	return WM_OK;
}

enum wm_code http_get(struct http *h, struct buf *out, bool *found, const char *url,
		      struct wm_error *err)
{
	CURLcode code;
	long status = 0;

	TRY(http_check(url, err));
	h->into = out;
	h->said = WM_OK;
	if (h->set(h->curl, CURLOPT_URL, url) != CURLE_OK)
		return fail_nomem(err);
	code = h->perform(h->curl);
	if (h->said != WM_OK)
		return fail_again(err, &h->err);
	if (code != CURLE_OK)
		return fail(err, REASON_FETCH_FAILED, "%.150s: %s", url, h->why(code));
	if (h->info(h->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		status = 0;
	*found = status == 200;
	if (status == 404 || status == 410)
		return WM_OK;
	if (status != 200)
		return fail(err, REASON_FETCH_FAILED, "%.150s: the server answers %ld", url,
			    status);
	return WM_OK;
}
