/* SPDX-License-Identifier: Apache-2.0 */
/* Which libyaml is in use. */
#include "text/library.h"

#include <yaml.h>

void text_library(struct library_version *out)
{
	*out = (struct library_version){ "libyaml", "", yaml_get_version_string() };
}
