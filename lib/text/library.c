/* SPDX-License-Identifier: Apache-2.0 */
/* Which libyaml and which libunistring are in use. */
#include "text/library.h"

#include <stddef.h>
#include <stdio.h>

#include <unistring/version.h>
#include <yaml.h>

enum { VERSION_SIZE = 16 };

void text_library(struct library_version *out)
{
	*out = (struct library_version){ "libyaml", "", yaml_get_version_string() };
}

static const char *print_version(char out[VERSION_SIZE], int version)
{
	unsigned v = (unsigned)version;

	snprintf(out, VERSION_SIZE, "%u.%u.%u", v >> 16 & 0xff, v >> 8 & 0xff, v & 0xff);
	return out;
}

void fold_library(struct library_version *out)
{
	static _Thread_local char compiled[VERSION_SIZE], running[VERSION_SIZE];

	*out = (struct library_version){ "libunistring",
					 print_version(compiled, _LIBUNISTRING_VERSION),
					 print_version(running, _libunistring_version) };
}
