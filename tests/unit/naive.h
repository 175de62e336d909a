/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of lib/digest/ share: digests by the definition, and every kernel. */
#ifndef NAIVE_H
#define NAIVE_H

#include "crypto/sha256.h"

/* The same sequence in each run. */
uint32_t random_number(void);

/* RFC 6962 section 2.1 over leaves of LEAF_BYTES; not for several threads. */
void naive_root(uint8_t out[SHA256_BYTES], const uint8_t *bytes, size_t len);

/* The kernel is chosen once a process: this program runs again with each, and must succeed. */
void run_again_with_every_kernel(void);

#endif
