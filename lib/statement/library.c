/* SPDX-License-Identifier: Apache-2.0 */
/* Which libprotobuf-c is in use. */
#include "statement/library.h"

#include <protobuf-c/protobuf-c.h>

void statement_library(struct library_version *out)
{
	*out = (struct library_version){ "libprotobuf-c", PROTOBUF_C_VERSION,
					 protobuf_c_version() };
}
