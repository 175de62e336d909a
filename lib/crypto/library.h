/* SPDX-License-Identifier: Apache-2.0 */
/* Which OpenSSL is in use. */
#ifndef CRYPTO_LIBRARY_H
#define CRYPTO_LIBRARY_H

#include "util/library.h"

void crypto_library(struct library_version *out);

#endif
