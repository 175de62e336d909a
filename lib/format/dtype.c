/* SPDX-License-Identifier: Apache-2.0 */
/* The table of tensor types. */
#include "format/dtype.h"

#include <assert.h>

static const struct dtype_info infos[N_DTYPES] = {
#define DTYPE(id, name, elements, bytes) [DTYPE_##id] = { name, elements, bytes },
	DTYPES(DTYPE)
#undef DTYPE
};

const struct dtype_info *dtype_info(enum dtype dtype)
{
	assert((unsigned)dtype < N_DTYPES);
	return &infos[dtype];
}

bool dtype_len(uint64_t *out, enum dtype dtype, uint64_t n)
{
	const struct dtype_info *info = dtype_info(dtype);

	return n % info->elements == 0 &&
	       !__builtin_mul_overflow(n / info->elements, info->bytes, out);
}
