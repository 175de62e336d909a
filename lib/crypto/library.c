/* SPDX-License-Identifier: Apache-2.0 */
/* Which OpenSSL is in use. */
#include "crypto/library.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>

void crypto_library(struct library_version *out)
{
	*out = (struct library_version){ "OpenSSL", OPENSSL_FULL_VERSION_STR,
					 OpenSSL_version(OPENSSL_FULL_VERSION_STRING) };
}
