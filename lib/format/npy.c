/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's arrays: numpy/lib/format.py, versions 1.0, 2.0 and 3.0.
 *
 *	file	= head elements, and nothing behind
 *	head	= "\x93NUMPY" version length header
 *	version = 01 00, and length is u16; or 02 00 or 03 00, and length is u32
 *	header	= "{" pair ("," pair)* [","] "}" " "* "\n": `length` bytes, at most 10,000.
 *		  Spaces may stand between all of these; no other white space
 *	pair	= "'descr'" ":" "'" type "'" | "'fortran_order'" ":" ("True" | "False") |
 *		  "'shape'" ":" tuple: each once, in any order
 *	tuple	= "()" | "(" n ",)" | "(" n ("," n)+ [","] ")"
 *	n	= decimal without leading zeros, below 2^63
 *	type	= "<" or "|" and b1, i1, u1; "<" and i2 u2 f2 i4 u4 f4 i8 u8 f8 c8 c16
 *
 * NumPy evaluates the header as a Python literal; this grammar is what it writes, and not
 * evaluated. All is little-endian. The tensor of a file of one array has the name "array":
 * the format has no names, and the name of the file may not matter to what is signed. There
 * is no place for a slot.
 */
#include "format/npy.h"

#include <string.h>

#include "format/arrays.h"
#include "util/cursor.h"

static const char magic[] = "\x93NUMPY";

bool npy_claims(const uint8_t *start, size_t len)
{
	return len >= NPY_MAGIC && memcmp(start, magic, NPY_MAGIC) == 0;
}

static enum wm_code malformed(const char *name, const char *what, struct wm_error *err)
{
	return fail(err, REASON_NPY_MALFORMED, "%s: %s", name, what);
}

enum wm_code npy_head_len(size_t *out, const uint8_t start[NPY_START], const char *name,
			  struct wm_error *err)
{
	uint32_t len = start[8] | (uint32_t)start[9] << 8;
	const bool wide = start[6] != 1;

	if (!npy_claims(start, NPY_START))
		return malformed(name, "does not begin as an array does", err);
	if (start[6] < 1 || start[6] > 3 || start[7] != 0)
		return fail(err, REASON_NPY_MALFORMED, "%s: version %u.%u of its format", name,
			    start[6], start[7]);
	if (wide)
		len |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
	if (len > NPY_HEADER)
		return fail(err, REASON_NPY_MALFORMED, "%s: its header has %u bytes, over %d", name,
			    len, NPY_HEADER);
	*out = (wide ? NPY_START : NPY_START - 2) + (size_t)len;
	if (*out < NPY_START)
		return malformed(name, "its header is empty", err);
	return WM_OK;
}

/* --- the header ---------------------------------------------------------------------- */

struct reader {
	struct cursor in;
	struct npy *out;
	const char *name;
};

static void skip_spaces(struct cursor *c)
{
	while (cursor_peek(c) == ' ')
		c->off++;
}

/* Takes a text and the spaces behind it, if it is there. */
static bool take(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if (cursor_left(c) < len || memcmp(c->data + c->off, text, len) != 0)
		return false;
	c->off += len;
	skip_spaces(c);
	return true;
}

/* The types but for their first character. */
static const struct {
	const char *text;
	enum dtype dtype;
} types[] = {
	{ "b1", DTYPE_BOOL }, { "i1", DTYPE_I8 },  { "u1", DTYPE_U8 },	{ "i2", DTYPE_I16 },
	{ "u2", DTYPE_U16 },  { "f2", DTYPE_F16 }, { "i4", DTYPE_I32 }, { "u4", DTYPE_U32 },
	{ "f4", DTYPE_F32 },  { "i8", DTYPE_I64 }, { "u8", DTYPE_U64 }, { "f8", DTYPE_F64 },
	{ "c8", DTYPE_C64 },  { "c16", DTYPE_C128 },
};

static enum wm_code read_type(struct reader *r, struct wm_error *err)
{
	const uint8_t *p, *end;

	if (cursor_peek(&r->in) != '\'')
		return fail(err, REASON_NPY_DTYPE, "%s: its type is no simple one", r->name);
	r->in.off++;
	p = r->in.data + r->in.off;
	end = memchr(p, '\'', cursor_left(&r->in));
	if (!end)
		return malformed(r->name, "its type does not end", err);
	r->in.off += (size_t)(end - p) + 1;
	skip_spaces(&r->in);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const size_t len = strlen(types[i].text);

		if ((size_t)(end - p) != 1 + len || memcmp(p + 1, types[i].text, len) != 0)
			continue;
		if (p[0] == '>')
			return fail(err, REASON_NPY_BYTE_ORDER, "%s: its type is '>%s'", r->name,
				    types[i].text);
		if (p[0] != '<' && (p[0] != '|' || dtype_info(types[i].dtype)->bytes != 1))
			break;
		r->out->dtype = types[i].dtype;
		return WM_OK;
	}
	return fail(err, REASON_NPY_DTYPE, "%s: its type is '%.*s'", r->name,
		    end - p > 32 ? 32 : (int)(end - p), (const char *)p);
}

static bool take_number(struct cursor *c, uint64_t *out)
{
	uint64_t n = 0;
	unsigned digits = 0;

	for (int byte; (byte = cursor_peek(c)) >= '0' && byte <= '9'; digits++, c->off++)
		if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(byte - '0'), &n) || n > INT64_MAX ||
		    (digits == 1 && c->data[c->off - 1] == '0'))
			return false;
	skip_spaces(c);
	*out = n;
	return digits > 0;
}

static enum wm_code read_shape(struct reader *r, struct wm_error *err)
{
	struct npy *n = r->out;
	bool comma = false;

	if (!take(&r->in, "("))
		return malformed(r->name, "its shape is no tuple", err);
	while (!take(&r->in, ")")) {
		if (n->rank == NPY_RANK)
			return fail(err, REASON_NPY_SHAPE, "%s: has over %d dimensions", r->name,
				    NPY_RANK);
		if ((n->rank > 0 && !comma) || !take_number(&r->in, &n->dims[n->rank]))
			return malformed(r->name, "its shape is no tuple of sizes", err);
		n->rank++;
		comma = take(&r->in, ",");
	}
	if (n->rank == 1 && !comma)
		return malformed(r->name, "its shape is no tuple", err);
	return WM_OK;
}

static enum wm_code read_order(struct reader *r, struct wm_error *err)
{
	r->out->fortran = take(&r->in, "True");
	if (!r->out->fortran && !take(&r->in, "False"))
		return malformed(r->name, "its order is neither True nor False", err);
	return WM_OK;
}

static enum wm_code read_header(struct reader *r, struct wm_error *err)
{
	static const struct {
		const char *key;
		enum wm_code (*read)(struct reader *r, struct wm_error *err);
	} keys[] = {
		{ "'descr'", read_type },
		{ "'fortran_order'", read_order },
		{ "'shape'", read_shape },
	};
	enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };
	bool seen[N_KEYS] = { false }, comma = true;
	struct cursor *c = &r->in;

	skip_spaces(c);
	if (!take(c, "{"))
		return malformed(r->name, "its header is no dictionary", err);
	while (!take(c, "}")) {
		size_t i = 0;

		while (i < N_KEYS && !take(c, keys[i].key))
			i++;
		if (!comma || i == N_KEYS || seen[i] || !take(c, ":"))
			return malformed(r->name, "its header has something else than descr, "
						  "fortran_order and shape", err);
		seen[i] = true;
		TRY(keys[i].read(r, err));
		comma = take(c, ",");
	}
	if (!seen[0] || !seen[1] || !seen[2])
		return malformed(r->name, "its header lacks descr, fortran_order or shape", err);
	if (cursor_left(c) != 1 || cursor_peek(c) != '\n')
		return malformed(r->name, "its header does not end with spaces and a line feed",
				 err);
	return WM_OK;
}

/* Sizes of 0 hide no overflow, since readers multiply in different orders. */
static bool count_bytes(struct npy *n)
{
	const struct tensor t = { .rank = n->rank, .dims = n->dims };
	uint64_t all[NPY_RANK], elements, len;
	const struct tensor full = { .rank = n->rank, .dims = all };

	for (unsigned i = 0; i < n->rank; i++)
		all[i] = n->dims[i] ? n->dims[i] : 1;
	return tensor_elements(&full, &elements) && dtype_len(&len, n->dtype, elements) &&
	       len <= INT64_MAX && tensor_elements(&t, &elements) &&
	       dtype_len(&n->len, n->dtype, elements);
}

enum wm_code npy_read(struct npy *out, const uint8_t *head, size_t len, uint64_t total,
		      const char *name, struct wm_error *err)
{
	struct npy n = { .head_len = len };
	struct reader r = { cursor_of(head, len), &n, name };

	r.in.off = head[6] == 1 ? NPY_START - 2 : NPY_START;
	TRY(read_header(&r, err));
	if (!count_bytes(&n))
		return fail(err, REASON_NPY_SHAPE,
			    "%s: its shape has more bytes than 63 bits count", name);
	if (total < len || n.len != total - len)
		return fail(err, REASON_NPY_SIZE,
			    "%s: its shape takes %llu bytes, and %llu are there", name,
			    (unsigned long long)n.len,
			    (unsigned long long)(total < len ? 0 : total - len));
	*out = n;
	return WM_OK;
}

/* --- files of one array -------------------------------------------------------------- */

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_arrays struct arrays a = { .layout = l, .file = w };
	const struct arrays_place whole = { .len = w->size, .stored_len = w->size };

	TRY(arrays_add(&a, "array", &whole, err));
	l->size = w->size;
	return arrays_finish(&a, err);
}

static const char *const suffixes[] = { ".npy", NULL };

/* Formats that are read from further in are asked before. */
static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)name, (void)size;
	return npy_claims(start, len);
}

const struct format format_npy = {
	.grammar = "npy/1", .suffixes = suffixes, .claims = claims, .parse = parse,
	.gather = arrays_gather,
};
