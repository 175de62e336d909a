/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed table of tensor types. The canonical name of a type goes into the weights
 * digest as it stands (docs/format.md), so that a row, once published, never changes.
 */
#ifndef FORMAT_DTYPE_H
#define FORMAT_DTYPE_H

/* DTYPE(enumerator, "canonical name", bits an element): one row a type. */
#define DTYPES(DTYPE)                           \
	DTYPE(BOOL, "BOOL", 8)                  \
	DTYPE(U8, "U8", 8)                      \
	DTYPE(I8, "I8", 8)                      \
	DTYPE(F8_E5M2, "F8_E5M2", 8)            \
	DTYPE(F8_E4M3, "F8_E4M3", 8)            \
	DTYPE(F8_E8M0, "F8_E8M0", 8)            \
	DTYPE(F8_E4M3FNUZ, "F8_E4M3FNUZ", 8)    \
	DTYPE(F8_E5M2FNUZ, "F8_E5M2FNUZ", 8)    \
	DTYPE(F4, "F4", 4)                      \
	DTYPE(F6_E2M3, "F6_E2M3", 6)            \
	DTYPE(F6_E3M2, "F6_E3M2", 6)            \
	DTYPE(I16, "I16", 16)                   \
	DTYPE(U16, "U16", 16)                   \
	DTYPE(F16, "F16", 16)                   \
	DTYPE(BF16, "BF16", 16)                 \
	DTYPE(I32, "I32", 32)                   \
	DTYPE(U32, "U32", 32)                   \
	DTYPE(F32, "F32", 32)                   \
	DTYPE(C64, "C64", 64)                   \
	DTYPE(F64, "F64", 64)                   \
	DTYPE(I64, "I64", 64)                   \
	DTYPE(U64, "U64", 64)

enum dtype {
#define DTYPE(id, name, bits) DTYPE_##id,
	DTYPES(DTYPE)
#undef DTYPE
	N_DTYPES
};

/* One row of the table. */
struct dtype_info {
	const char *name; /* canonical; at most 255 bytes */
	unsigned bits;	  /* of one element */
};

/* The row of `dtype`, which must be below N_DTYPES. Static. */
const struct dtype_info *dtype_info(enum dtype dtype);

#endif
