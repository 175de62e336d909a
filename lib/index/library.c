/* SPDX-License-Identifier: Apache-2.0 */
/* Which SQLite is in use. */
#include "index/library.h"

#include <sqlite3.h>

void index_library(struct library_version *out)
{
	*out = (struct library_version){ "libsqlite3", SQLITE_VERSION, sqlite3_libversion() };
}
