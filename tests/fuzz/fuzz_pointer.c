/* SPDX-License-Identifier: Apache-2.0 */
/* git-lfs pointers: what is read is, written again, what was there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/pointer.h"
#include "util/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char version[] = "version https://git-lfs.github.com/spec/v1\n";
	char digits[2 * SHA256_BYTES + 1], tail[POINTER_BYTES];
	struct pointer p;
	size_t len;

	if (!pointer_read(&p, data, size))
		return 0;
	hex_encode(digits, p.sha256, sizeof(p.sha256));
	len = (size_t)snprintf(tail, sizeof(tail), "oid sha256:%s\nsize %llu\n", digits,
			       (unsigned long long)p.size);
	REQUIRE(size < POINTER_BYTES && size >= len + strlen(version));
	REQUIRE(memcmp(data, version, strlen(version)) == 0);
	REQUIRE(memcmp(data + size - len, tail, len) == 0);
	REQUIRE(p.extended == (size > len + strlen(version)));
	return 0;
}
