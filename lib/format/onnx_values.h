/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a TensorProto: the types by their numbers, and values that stand as lists of
 * numbers (float_data, int32_data ...) as the bytes that raw_data would have.
 *
 * Only format/onnx.c and its parts use this.
 */
#ifndef FORMAT_ONNX_VALUES_H
#define FORMAT_ONNX_VALUES_H

#include "format/format.h"

/* A row of the table of types. */
struct onnx_dtype {
	enum dtype dtype;
	uint8_t field;	/* ONNX_TENSOR_..._DATA, where its values stand as numbers */
	uint8_t unit;	/* bytes of raw_data that one number stands for */
	int64_t least;	/* of a number; `least` and `most` are 0 for floating point */
	uint64_t most;
};

/* The row of a TensorProto.DataType, or NULL: unknown, or STRING. Static. */
const struct onnx_dtype *onnx_dtype(uint64_t data_type);

enum { ONNX_DATA_STRING = 8 };

/* The source of a tensor (struct tensor) of which numbers are in the TensorProto [off, end). */
struct onnx_values {
	uint64_t off, end;
	const struct onnx_dtype *dtype;
	uint64_t n; /* numbers */
};

/*
 * Gives the bytes of v->n numbers to the sink, or only checks them where it is NULL. Fails
 * with `onnx-shape` where there are more or fewer, `onnx-value` where one is out of the range
 * of its type, and as reading does.
 */
MUST_USE enum wm_code onnx_values_feed(const struct onnx_values *v, const struct window *w,
				       const struct sink *sink, struct wm_error *err);

#endif
