/* SPDX-License-Identifier: Apache-2.0 */
/* Types of HDF5 as rows of our table, where their bytes are exactly those. */
#include "format/hdf5_dtype.h"

#include <string.h>

static bool is_whole_little_endian(const struct hdf5_library *h, hid_t type, size_t size)
{
	const H5T_order_t order = h->H5Tget_order(type);

	return h->H5Tget_precision(type) == size * 8 && h->H5Tget_offset(type) == 0 &&
	       (order == H5T_ORDER_LE || (size == 1 && order == H5T_ORDER_BE));
}

static bool read_integer(enum dtype *out, const struct hdf5_library *h, hid_t type)
{
	static const struct {
		size_t size;
		enum dtype is_signed, is_unsigned;
	} rows[] = {
		{ 1, DTYPE_I8, DTYPE_U8 },
		{ 2, DTYPE_I16, DTYPE_U16 },
		{ 4, DTYPE_I32, DTYPE_U32 },
		{ 8, DTYPE_I64, DTYPE_U64 },
	};
	const size_t size = h->H5Tget_size(type);
	const H5T_sign_t sign = h->H5Tget_sign(type);

	if (!is_whole_little_endian(h, type, size) || (sign != H5T_SGN_2 && sign != H5T_SGN_NONE))
		return false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].size == size) {
			*out = sign == H5T_SGN_2 ? rows[i].is_signed : rows[i].is_unsigned;
			return true;
		}
	return false;
}

/* IEEE 754 binary16, 32, 64: sign, exponent, mantissa with its first bit implied. */
static bool read_float(enum dtype *out, const struct hdf5_library *h, hid_t type)
{
	static const struct {
		size_t size, exponent, bias;
		enum dtype dtype;
	} rows[] = {
		{ 2, 5, 15, DTYPE_F16 }, { 4, 8, 127, DTYPE_F32 }, { 8, 11, 1023, DTYPE_F64 },
	};
	const size_t size = h->H5Tget_size(type);
	size_t sign = 0, at = 0, exponent = 0, mantissa_at = 0, mantissa = 0;

	if (!is_whole_little_endian(h, type, size) ||
	    h->H5Tget_fields(type, &sign, &at, &exponent, &mantissa_at, &mantissa) < 0 ||
	    h->H5Tget_norm(type) != H5T_NORM_IMPLIED)
		return false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].size == size && rows[i].exponent == exponent &&
		    h->H5Tget_ebias(type) == rows[i].bias && mantissa_at == 0 &&
		    mantissa == size * 8 - 1 - exponent && at == mantissa &&
		    sign == size * 8 - 1) {
			*out = rows[i].dtype;
			return true;
		}
	return false;
}

static bool has_member(const struct hdf5_library *h, hid_t type, unsigned nth, const char *name)
{
	char *found = h->H5Tget_member_name(type, nth);
	const bool has = found && strcmp(found, name) == 0;

	if (found)
		h->H5free_memory(found);
	return has;
}

/* As h5py writes bool: an enumeration of i8, FALSE = 0 and TRUE = 1. */
static bool is_bool(const struct hdf5_library *h, hid_t type)
{
	const hid_t of = h->H5Tget_super(type);
	enum dtype base = DTYPE_F32;
	int8_t no = -1, yes = -1;
	bool is = of >= 0 && h->H5Tget_class(of) == H5T_INTEGER && read_integer(&base, h, of) &&
		  base == DTYPE_I8;

	if (of >= 0)
		h->H5Tclose(of);
	return is && h->H5Tget_nmembers(type) == 2 && has_member(h, type, 0, "FALSE") &&
	       has_member(h, type, 1, "TRUE") && h->H5Tget_member_value(type, 0, &no) >= 0 &&
	       h->H5Tget_member_value(type, 1, &yes) >= 0 && no == 0 && yes == 1;
}

/* As h5py writes complex numbers: a compound of two f32, or of two f64, r and i. */
static bool read_complex(enum dtype *out, const struct hdf5_library *h, hid_t type)
{
	static const char *const names[] = { "r", "i" };
	const size_t half = h->H5Tget_size(type) / 2;

	if (h->H5Tget_size(type) % 2 != 0 || h->H5Tget_nmembers(type) != 2)
		return false;
	*out = half == 4 ? DTYPE_C64 : DTYPE_C128;
	for (unsigned i = 0; i < 2; i++) {
		const hid_t of = h->H5Tget_member_type(type, i);
		enum dtype dtype = DTYPE_I8;
		const bool is = of >= 0 && h->H5Tget_class(of) == H5T_FLOAT &&
				read_float(&dtype, h, of) &&
				dtype == (half == 4 ? DTYPE_F32 : DTYPE_F64) &&
				dtype_info(dtype)->bytes == half &&
				h->H5Tget_member_offset(type, i) == i * half &&
				has_member(h, type, i, names[i]);

		if (of >= 0)
			h->H5Tclose(of);
		if (!is)
			return false;
	}
	return true;
}

enum hdf5_kind hdf5_read_dtype(enum dtype *out, const struct hdf5_library *h, hid_t type)
{
	bool known = false;

	switch (h->H5Tget_class(type)) {
	case H5T_INTEGER:
		known = read_integer(out, h, type);
		break;
	case H5T_FLOAT:
		known = read_float(out, h, type);
		break;
	case H5T_ENUM:
		*out = DTYPE_BOOL;
		known = is_bool(h, type);
		break;
	case H5T_COMPOUND:
		known = read_complex(out, h, type);
		break;
	case H5T_STRING:
		return HDF5_TEXT;
	case H5T_OPAQUE:
		*out = DTYPE_BF16;
		return h->H5Tget_size(type) == 2 ? HDF5_PAIRS : HDF5_OTHER;
	default:
		break;
	}
	return known ? HDF5_NUMBERS : HDF5_OTHER;
}
