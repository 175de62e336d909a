/* SPDX-License-Identifier: Apache-2.0 */
/* Checking paths that come from statements. */
#include "util/relpath.h"

#include <string.h>

#include "util/limits.h"
#include "util/utf8.h"

static bool component_valid(const char *name, size_t len)
{
	return len > 0 && !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool relpath_valid(const char *path)
{
	size_t len = strlen(path), start = 0, n;
	uint32_t scalar;

	if (len == 0 || len > LIMIT_PATH)
		return false;
	for (size_t off = 0; off < len; off += n) {
		n = utf8_decode(&scalar, (const uint8_t *)path + off, len - off);
		if (n == 0 || utf8_unsafe(scalar) || scalar == '\\')
			return false;
		if (scalar != '/')
			continue;
		if (!component_valid(path + start, off - start))
			return false;
		start = off + 1;
	}
	return component_valid(path + start, len - start);
}
