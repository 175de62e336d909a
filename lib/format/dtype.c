/* SPDX-License-Identifier: Apache-2.0 */
/* The table of tensor types. */
#include "format/dtype.h"

#include <assert.h>

static const struct dtype_info infos[N_DTYPES] = {
#define DTYPE(id, name, bits) [DTYPE_##id] = { name, bits },
	DTYPES(DTYPE)
#undef DTYPE
};

const struct dtype_info *dtype_info(enum dtype dtype)
{
	assert((unsigned)dtype < N_DTYPES);
	return &infos[dtype];
}
