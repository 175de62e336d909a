/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are names of logs. */
#include "log/origin.h"

#include <string.h>

static bool is_first(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool component_valid(const char *text, size_t len)
{
	static const char lock[] = ".lock";
	const size_t n = sizeof(lock) - 1;

	if (len == 0 || !is_first(text[0]) || text[len - 1] == '.')
		return false;
	for (size_t i = 1; i < len; i++)
		if ((!is_first(text[i]) && !strchr("._-", text[i])) ||
		    (text[i] == '.' && text[i - 1] == '.'))
			return false;
	return len < n || memcmp(text + len - n, lock, n) != 0;
}

bool origin_valid(const char *text)
{
	const char *at = text;

	if (strnlen(text, LIMIT_ORIGIN + 1) > LIMIT_ORIGIN)
		return false;
	for (;;) {
		size_t len = strcspn(at, "/");

		if (!component_valid(at, len))
			return false;
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}

enum wm_code origin_check(const char *text, struct wm_error *err)
{
	if (!origin_valid(text))
		return fail(err, REASON_ORIGIN_INVALID, "'%.128s' is no name of a log", text);
	return WM_OK;
}
