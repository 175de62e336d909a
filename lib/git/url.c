/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are allowed. */
#include "git/url.h"

#include <stdbool.h>
#include <string.h>

#include "util/escape.h"

static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool is_alnum(char c)
{
	return c != '\0' && strchr(alnum, c) != NULL;
}

/* Whether text[0..len) is characters of `more`, letters and digits alone. */
static bool is_of(const char *text, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && (text[i] == '\0' || !strchr(more, text[i])))
			return false;
	return true;
}

static bool user_valid(const char *text, size_t len)
{
	return len > 0 && text[0] != '-' && is_of(text, len, "._-");
}

static bool host_valid(const char *text, size_t len)
{
	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len;) {
		const char *dot = memchr(text + i, '.', len - i);
		size_t n = dot ? (size_t)(dot - (text + i)) : len - i;

		if (n == 0 || n > 63 || !is_of(text + i, n, "-") || !is_alnum(text[i]) ||
		    !is_alnum(text[i + n - 1]) || i + n + 1 == len)
			return false;
		i += n + 1;
	}
	return true;
}

static bool port_valid(const char *text, size_t len)
{
	unsigned port = 0;

	if (len == 0 || len > 5 || text[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = 10 * port + (unsigned)(text[i] - '0');
	}
	return port <= 65535;
}

/* Components that are joined by single slashes; one slash may end them. */
static bool path_valid(const char *path)
{
	if (!is_of(path, strlen(path), "/._~+-") || *path == '\0')
		return false;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 0 || path[0] == '-' || (n <= 2 && strspn(path, ".") >= n))
			return false;
		path += n;
		path += *path == '/';
	}
	return true;
}

/* HOST[:PORT]/PATH, with a user where one is allowed. */
static bool authority_valid(const char *text, bool may_have_user)
{
	const char *slash = strchr(text, '/'), *at, *colon;
	size_t len;

	if (!slash)
		return false;
	at = memchr(text, '@', (size_t)(slash - text));
	if (at) {
		if (!may_have_user || !user_valid(text, (size_t)(at - text)))
			return false;
		text = at + 1;
	}
	len = (size_t)(slash - text);
	colon = memchr(text, ':', len);
	if (colon && !port_valid(colon + 1, (size_t)(slash - colon) - 1))
		return false;
	return host_valid(text, colon ? (size_t)(colon - text) : len) && path_valid(slash + 1);
}

/* USER@HOST:PATH; the path may begin with a slash. */
static bool scp_valid(const char *text)
{
	const char *at = strchr(text, '@'), *colon = strchr(text, ':');

	if (!at || !colon || colon < at || !user_valid(text, (size_t)(at - text)) ||
	    !host_valid(at + 1, (size_t)(colon - at) - 1))
		return false;
	colon++;
	return path_valid(colon + (*colon == '/'));
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool local_valid(const char *text)
{
	if (text[0] == '/' || begins(text, "./") || begins(text, "../") ||
	    strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return true;
	return text[0] != '-' && text[0] != '~' && text[0] != '\0' && !strchr(text, ':');
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

enum wm_code url_check(enum url_kind *out, const char *text, struct wm_error *err)
{
	bool valid = strlen(text) < URL_BYTES && !has_control(text);
	enum url_kind kind = URL_LOCAL;

	if (begins(text, "https://")) {
		kind = URL_HTTPS;
		valid = valid && authority_valid(text + 8, false);
	} else if (begins(text, "ssh://")) {
		kind = URL_SSH;
		valid = valid && authority_valid(text + 6, true);
	} else if (!local_valid(text)) {
		kind = URL_SSH;
		valid = valid && scp_valid(text);
	}
	if (!valid)
		return fail(err, REASON_URL_REFUSED,
			    "%.*s: is no address that logs are exchanged with",
			    (int)address_shown(text, URL_BYTES), text);
	*out = kind;
	return WM_OK;
}
