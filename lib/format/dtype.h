/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed table of tensor types. The canonical name of a type goes into the weights
 * digest as it stands (docs/format.md), so that a row, once published, never changes.
 */
#ifndef FORMAT_DTYPE_H
#define FORMAT_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * DTYPE(enumerator, "canonical name", elements a block, bytes a block): one row a type. A
 * tensor holds whole blocks of it. Quantised types of GGUF are named after their container,
 * because their bytes mean nothing without its tables.
 */
#define DTYPES(DTYPE)					\
	DTYPE(BOOL, "BOOL", 1, 1)			\
	DTYPE(U8, "U8", 1, 1)				\
	DTYPE(I8, "I8", 1, 1)				\
	DTYPE(F8_E5M2, "F8_E5M2", 1, 1)			\
	DTYPE(F8_E4M3, "F8_E4M3", 1, 1)			\
	DTYPE(F8_E8M0, "F8_E8M0", 1, 1)			\
	DTYPE(F8_E4M3FNUZ, "F8_E4M3FNUZ", 1, 1)		\
	DTYPE(F8_E5M2FNUZ, "F8_E5M2FNUZ", 1, 1)		\
	DTYPE(U2, "U2", 4, 1)				\
	DTYPE(I2, "I2", 4, 1)				\
	DTYPE(U4, "U4", 2, 1)				\
	DTYPE(I4, "I4", 2, 1)				\
	DTYPE(F4, "F4", 2, 1)				\
	DTYPE(F6_E2M3, "F6_E2M3", 4, 3)			\
	DTYPE(F6_E3M2, "F6_E3M2", 4, 3)			\
	DTYPE(I16, "I16", 1, 2)				\
	DTYPE(U16, "U16", 1, 2)				\
	DTYPE(F16, "F16", 1, 2)				\
	DTYPE(BF16, "BF16", 1, 2)			\
	DTYPE(I32, "I32", 1, 4)				\
	DTYPE(U32, "U32", 1, 4)				\
	DTYPE(F32, "F32", 1, 4)				\
	DTYPE(C64, "C64", 1, 8)				\
	DTYPE(C128, "C128", 1, 16)			\
	DTYPE(F64, "F64", 1, 8)				\
	DTYPE(I64, "I64", 1, 8)				\
	DTYPE(U64, "U64", 1, 8)				\
	DTYPE(GGUF_Q4_0, "gguf:Q4_0", 32, 18)		\
	DTYPE(GGUF_Q4_1, "gguf:Q4_1", 32, 20)		\
	DTYPE(GGUF_Q5_0, "gguf:Q5_0", 32, 22)		\
	DTYPE(GGUF_Q5_1, "gguf:Q5_1", 32, 24)		\
	DTYPE(GGUF_Q8_0, "gguf:Q8_0", 32, 34)		\
	DTYPE(GGUF_Q8_1, "gguf:Q8_1", 32, 36)		\
	DTYPE(GGUF_Q2_K, "gguf:Q2_K", 256, 84)		\
	DTYPE(GGUF_Q3_K, "gguf:Q3_K", 256, 110)		\
	DTYPE(GGUF_Q4_K, "gguf:Q4_K", 256, 144)		\
	DTYPE(GGUF_Q5_K, "gguf:Q5_K", 256, 176)		\
	DTYPE(GGUF_Q6_K, "gguf:Q6_K", 256, 210)		\
	DTYPE(GGUF_Q8_K, "gguf:Q8_K", 256, 292)		\
	DTYPE(GGUF_IQ2_XXS, "gguf:IQ2_XXS", 256, 66)	\
	DTYPE(GGUF_IQ2_XS, "gguf:IQ2_XS", 256, 74)	\
	DTYPE(GGUF_IQ3_XXS, "gguf:IQ3_XXS", 256, 98)	\
	DTYPE(GGUF_IQ1_S, "gguf:IQ1_S", 256, 50)	\
	DTYPE(GGUF_IQ4_NL, "gguf:IQ4_NL", 32, 18)	\
	DTYPE(GGUF_IQ3_S, "gguf:IQ3_S", 256, 110)	\
	DTYPE(GGUF_IQ2_S, "gguf:IQ2_S", 256, 82)	\
	DTYPE(GGUF_IQ4_XS, "gguf:IQ4_XS", 256, 136)	\
	DTYPE(GGUF_IQ1_M, "gguf:IQ1_M", 256, 56)	\
	DTYPE(GGUF_TQ1_0, "gguf:TQ1_0", 256, 54)	\
	DTYPE(GGUF_TQ2_0, "gguf:TQ2_0", 256, 66)	\
	DTYPE(GGUF_MXFP4, "gguf:MXFP4", 32, 17)		\
	DTYPE(GGUF_NVFP4, "gguf:NVFP4", 64, 36)		\
	DTYPE(GGUF_Q1_0, "gguf:Q1_0", 128, 18)		\
	DTYPE(GGUF_Q2_0, "gguf:Q2_0", 64, 18)

enum dtype {
#define DTYPE(id, name, elements, bytes) DTYPE_##id,
	DTYPES(DTYPE)
#undef DTYPE
	N_DTYPES
};

/* One row of the table. */
struct dtype_info {
	const char *name;  /* canonical; at most 255 bytes */
	unsigned elements; /* of one block */
	unsigned bytes;	   /* of one block */
};

/* The row of `dtype`, which must be below N_DTYPES. Static. */
const struct dtype_info *dtype_info(enum dtype dtype);

/* The bytes of `n` elements. False where they end inside a block or 64 bits do not count them. */
bool dtype_len(uint64_t *out, enum dtype dtype, uint64_t n);

#endif
