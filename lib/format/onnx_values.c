/* SPDX-License-Identifier: Apache-2.0 */
/* Types of ONNX, and tensors that are lists of numbers; grammar in onnx.c. */
#include "format/onnx_values.h"

#include "format/onnx_read.h"
#include "format/onnx_schema.h"

enum { FEED_BYTES = 4096 };

#define FIXED(dtype, field, unit) { DTYPE_##dtype, ONNX_TENSOR_##field##_DATA, unit, 0, 0 }
#define SIGNED(dtype, field, unit, bits) \
	{ DTYPE_##dtype, ONNX_TENSOR_##field##_DATA, unit, -(INT64_C(1) << ((bits) - 2)) * 2, \
	  (UINT64_C(1) << ((bits) - 1)) - 1 }
#define UNSIGNED(dtype, field, unit, most) \
	{ DTYPE_##dtype, ONNX_TENSOR_##field##_DATA, unit, 0, most }
#define BYTE(dtype) UNSIGNED(dtype, INT32, 1, UINT8_MAX)

/*
 * By TensorProto.DataType; UNDEFINED and STRING have no row. A number of a type of 4 or 2 bits
 * is a byte that holds two or four elements.
 */
static const struct onnx_dtype dtypes[] = {
	[1] = FIXED(F32, FLOAT, 4),
	[2] = BYTE(U8),
	[3] = SIGNED(I8, INT32, 1, 8),
	[4] = UNSIGNED(U16, INT32, 2, UINT16_MAX),
	[5] = SIGNED(I16, INT32, 2, 16),
	[6] = SIGNED(I32, INT32, 4, 32),
	[7] = SIGNED(I64, INT64, 8, 64),
	[9] = UNSIGNED(BOOL, INT32, 1, 1),
	[10] = UNSIGNED(F16, INT32, 2, UINT16_MAX),
	[11] = FIXED(F64, DOUBLE, 8),
	[12] = UNSIGNED(U32, UINT64, 4, UINT32_MAX),
	[13] = UNSIGNED(U64, UINT64, 8, UINT64_MAX),
	[14] = FIXED(C64, FLOAT, 4),
	[15] = FIXED(C128, DOUBLE, 8),
	[16] = UNSIGNED(BF16, INT32, 2, UINT16_MAX),
	[17] = BYTE(F8_E4M3),
	[18] = BYTE(F8_E4M3FNUZ),
	[19] = BYTE(F8_E5M2),
	[20] = BYTE(F8_E5M2FNUZ),
	[21] = BYTE(U4),
	[22] = BYTE(I4),
	[23] = BYTE(F4),
	[24] = BYTE(F8_E8M0),
	[25] = BYTE(U2),
	[26] = BYTE(I2),
};

const struct onnx_dtype *onnx_dtype(uint64_t data_type)
{
	if (data_type >= sizeof(dtypes) / sizeof(dtypes[0]) || dtypes[data_type].unit == 0)
		return NULL;
	return &dtypes[data_type];
}

struct feed {
	const struct onnx_values *values;
	struct onnx_bytes bytes;
	const struct sink *sink;
	uint64_t n; /* numbers so far */
	size_t len;
	uint8_t out[FEED_BYTES];
};

static enum wm_code flush(struct feed *f, struct wm_error *err)
{
	const size_t len = f->len;

	f->len = 0;
	return f->sink && len > 0 ? f->sink->take(f->sink->context, f->out, len, err) : WM_OK;
}

static bool in_range(const struct onnx_dtype *d, uint64_t number)
{
	if (d->least < 0)
		return (int64_t)number >= d->least && (int64_t)number <= (int64_t)d->most;
	return number <= d->most;
}

/* Reads one number and adds its bytes. */
static enum wm_code feed_number(struct feed *f, uint64_t end, struct wm_error *err)
{
	const struct onnx_dtype *d = f->values->dtype;
	uint64_t number = 0;

	if (f->n == f->values->n)
		return fail(err, REASON_ONNX_SHAPE, "%s: byte %llu: more values than %llu",
			    f->bytes.file.name, (unsigned long long)f->bytes.at,
			    (unsigned long long)f->values->n);
	if (f->len + d->unit > sizeof(f->out))
		TRY(flush(f, err));
	if (d->least == 0 && d->most == 0) {
		TRY(onnx_bytes_read(f->out + f->len, &f->bytes, d->unit, end, err));
	} else {
		TRY(onnx_varint(&number, &f->bytes, end, err));
		if (!in_range(d, number))
			return fail(err, REASON_ONNX_VALUE,
				    "%s: byte %llu: %lld is no value of the type %s",
				    f->bytes.file.name, (unsigned long long)f->bytes.at,
				    (long long)number, dtype_info(d->dtype)->name);
		for (unsigned i = 0; i < d->unit; i++)
			f->out[f->len + i] = (uint8_t)(number >> 8 * i);
	}
	f->len += d->unit;
	f->n++;
	return WM_OK;
}

static enum wm_code pass_over(struct feed *f, unsigned wire, struct wm_error *err)
{
	const uint64_t end = f->values->end;
	uint64_t n = 0;

	if (wire == ONNX_WIRE_VARINT)
		return onnx_varint(&n, &f->bytes, end, err);
	n = wire == ONNX_WIRE_32 ? 4 : 8;
	if (wire == ONNX_WIRE_BYTES)
		TRY(onnx_length(&n, &f->bytes, end, err));
	return onnx_bytes_skip(&f->bytes, n, end, err);
}

enum wm_code onnx_values_feed(const struct onnx_values *v, const struct window *w,
			      const struct sink *sink, struct wm_error *err)
{
	struct feed f; /* without setting its arrays: there may be many small tensors */

	f.values = v;
	f.sink = sink;
	f.n = f.len = 0;
	onnx_bytes_init(&f.bytes, w, v->off, NULL);
	while (f.bytes.at < v->end) {
		uint64_t number = 0, n = 0;
		unsigned wire = 0;

		TRY(onnx_tag(&number, &wire, &f.bytes, v->end, err));
		if (number != v->dtype->field) {
			TRY(pass_over(&f, wire, err));
		} else if (wire != ONNX_WIRE_BYTES) {
			TRY(feed_number(&f, v->end, err));
		} else {
			TRY(onnx_length(&n, &f.bytes, v->end, err));
			n += f.bytes.at;
			while (f.bytes.at < n)
				TRY(feed_number(&f, n, err));
		}
	}
	if (f.n != v->n)
		return fail(err, REASON_ONNX_SHAPE, "%s: byte %llu: %llu values, not %llu", w->name,
			    (unsigned long long)v->off, (unsigned long long)f.n,
			    (unsigned long long)v->n);
	return flush(&f, err);
}
