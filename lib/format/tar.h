/* SPDX-License-Identifier: Apache-2.0 */
/* What other formats have to know of tar. */
#ifndef FORMAT_TAR_H
#define FORMAT_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether bytes begin with a block that readers of tar take for a header by its check sum alone,
 * of whatever age: PyTorch tries tar before its own older format.
 */
bool tar_is_first_block(const uint8_t *start, size_t len);

#endif
