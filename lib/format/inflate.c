/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inflating with zlib, which reads deflate, and its own format around it; gzip is read here:
 *
 *	gzip     = 1f 8b 08 flags mtime[4] xfl os extra? name? comment? hcrc? deflate trailer
 *	flags    = 1 text, 2 hcrc, 4 extra, 8 name, 16 comment; no other bit
 *	extra    = u16 length, bytes; little-endian, as all integers
 *	name     = bytes other than 0, at most LIMIT_PATH, 0; comment likewise
 *	hcrc     = u16, the lower half of the CRC-32 of all before it
 *	trailer  = u32 CRC-32 of what deflate gives, u32 its length modulo 2^32
 */
#include "format/inflate.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "util/cursor.h"

#define ZLIB_CONST
#include <zlib.h>

enum {
	INPUT_BYTES = 65536,
	STEP_BYTES = INFLATE_RECENT,
	RECENT_BYTES = 2 * STEP_BYTES,
	POOL_BYTES = 98304, /* zlib takes 40 KiB, once: its state and 32 KiB of history */
};

enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS = 31 };

struct inflate {
	struct window in;
	enum inflate_kind kind;
	z_stream z;
	uint64_t in_off;  /* of the window, behind what `input` holds */
	uint64_t out_off; /* bytes given */
	uint32_t crc;	  /* of them; first, of the header of gzip */
	unsigned restarts;
	bool ended;
	uint8_t input[INPUT_BYTES];
	uint8_t recent[RECENT_BYTES]; /* for inflate_read_at(): the last ones given */
	size_t n_recent;
	size_t pool_used;
	alignas(max_align_t) uint8_t pool[POOL_BYTES];
};

/* From the pool, so that nothing is to be freed, and arenas may move. */
static void *zlib_alloc(void *context, unsigned items, unsigned size)
{
	const size_t align = alignof(max_align_t);
	struct inflate *s = context;
	size_t len, at = s->pool_used;

	if (__builtin_mul_overflow((size_t)items, (size_t)size, &len) || len > POOL_BYTES - at)
		return NULL;
	s->pool_used = at + (len + align - 1) / align * align;
	return s->pool + at;
}

static void zlib_free(void *context, void *memory)
{
	(void)context, (void)memory;
}

uint32_t inflate_crc32(uint32_t before, const void *data, size_t len)
{
	return (uint32_t)crc32_z(before, data, len);
}

/* --- input --------------------------------------------------------------------------- */

static enum wm_code truncated(const struct inflate *s, struct wm_error *err)
{
	return fail(err, REASON_INFLATE_TRUNCATED, "%s: compressed data end too early", s->in.name);
}

/* Reads on where nothing is left of what was read, and there is more. */
static enum wm_code refill(struct inflate *s, struct wm_error *err)
{
	uint64_t left = s->in.size - s->in_off;
	size_t len = left < INPUT_BYTES ? (size_t)left : INPUT_BYTES;

	if (s->z.avail_in > 0 || len == 0)
		return WM_OK;
	TRY(window_read(&s->in, s->input, len, s->in_off, err));
	s->in_off += len;
	s->z.next_in = s->input;
	s->z.avail_in = (unsigned)len;
	return WM_OK;
}

static enum wm_code take_byte(struct inflate *s, uint8_t *out, struct wm_error *err)
{
	TRY(refill(s, err));
	if (s->z.avail_in == 0)
		return truncated(s, err);
	*out = *s->z.next_in++;
	s->z.avail_in--;
	return WM_OK;
}

static enum wm_code take_bytes(struct inflate *s, uint8_t *out, size_t len, struct wm_error *err)
{
	for (size_t i = 0; i < len; i++)
		TRY(take_byte(s, &out[i], err));
	s->crc = inflate_crc32(s->crc, out, len);
	return WM_OK;
}

/* --- gzip ---------------------------------------------------------------------------- */

static enum wm_code malformed(const struct inflate *s, const char *what, struct wm_error *err)
{
	return fail(err, REASON_GZIP_MALFORMED, "%s: a gzip header %s", s->in.name, what);
}

static enum wm_code skip_extra(struct inflate *s, struct wm_error *err)
{
	uint8_t bytes[2];

	TRY(take_bytes(s, bytes, 2, err));
	for (unsigned n = bytes[0] | (unsigned)bytes[1] << 8; n > 0; n--)
		TRY(take_bytes(s, bytes, 1, err));
	return WM_OK;
}

static enum wm_code skip_text(struct inflate *s, struct wm_error *err)
{
	uint8_t byte;

	for (unsigned i = 0; i <= LIMIT_PATH; i++) {
		TRY(take_bytes(s, &byte, 1, err));
		if (byte == 0)
			return WM_OK;
	}
	return malformed(s, "with a name or comment that does not end", err);
}

static enum wm_code read_header(struct inflate *s, struct wm_error *err)
{
	uint8_t head[10], crc[2];
	uint32_t expected;

	s->crc = 0;
	TRY(take_bytes(s, head, sizeof(head), err));
	if (head[0] != 0x1f || head[1] != 0x8b)
		return malformed(s, "does not begin with 1f 8b", err);
	if (head[2] != Z_DEFLATED || (head[3] & ~FLAGS) != 0)
		return malformed(s, "of a method, or with flags, that RFC 1952 does not define",
				 err);
	if (head[3] & FLAG_EXTRA)
		TRY(skip_extra(s, err));
	if (head[3] & FLAG_NAME)
		TRY(skip_text(s, err));
	if (head[3] & FLAG_COMMENT)
		TRY(skip_text(s, err));
	expected = s->crc & 0xffff;
	if (head[3] & FLAG_HCRC) {
		TRY(take_bytes(s, crc, 2, err));
		if ((crc[0] | (uint32_t)crc[1] << 8) != expected)
			return fail(err, REASON_GZIP_CHECKSUM,
				    "%s: the header's check sum is another", s->in.name);
	}
	s->crc = 0;
	return WM_OK;
}

static enum wm_code read_trailer(struct inflate *s, struct wm_error *err)
{
	const uint32_t found = s->crc;
	uint32_t crc = 0, len = 0;
	struct cursor c;
	uint8_t bytes[8];

	TRY(take_bytes(s, bytes, sizeof(bytes), err));
	c = cursor_of(bytes, sizeof(bytes));
	if (!cursor_u32le(&c, &crc) || !cursor_u32le(&c, &len) || crc != found ||
	    len != (uint32_t)s->out_off)
		return fail(err, REASON_GZIP_CHECKSUM,
			    "%s: inflated to %llu bytes with CRC-32 %08x, not %u with %08x",
			    s->in.name, (unsigned long long)s->out_off, found, len, crc);
	return WM_OK;
}

/* --- deflate ------------------------------------------------------------------------- */

static enum wm_code finish(struct inflate *s, struct wm_error *err)
{
	if (s->kind == INFLATE_GZIP)
		TRY(read_trailer(s, err));
	s->ended = true;
	if (s->z.avail_in > 0 || s->in_off < s->in.size)
		return fail(err, REASON_INFLATE_TRAILING,
			    "%s: %llu bytes behind the compressed data", s->in.name,
			    (unsigned long long)(s->in.size - s->in_off) + s->z.avail_in);
	return WM_OK;
}

static enum wm_code check_ratio(const struct inflate *s, struct wm_error *err)
{
	uint64_t most;

	if (s->kind == INFLATE_ZLIB)
		return WM_OK;
	if (__builtin_mul_overflow(s->in.size, (uint64_t)LIMIT_RATIO, &most) ||
	    __builtin_add_overflow(most, (uint64_t)INFLATE_FREE, &most))
		return WM_OK;
	if (s->out_off <= most)
		return WM_OK;
	return fail(err, REASON_INFLATE_RATIO, "%s: inflates to more than %d times its %llu bytes",
		    s->in.name, LIMIT_RATIO, (unsigned long long)s->in.size);
}

/* Inflates once more, into `len` bytes, and says how many of them are filled. */
static enum wm_code step(struct inflate *s, uint8_t *out, unsigned len, unsigned *n,
			 struct wm_error *err)
{
	int code;

	TRY(refill(s, err));
	if (!s->z.next_in)
		return truncated(s, err);
	s->z.next_out = out;
	s->z.avail_out = len;
	code = inflate(&s->z, Z_NO_FLUSH);
	*n = len - s->z.avail_out;
	if (s->kind == INFLATE_GZIP)
		s->crc = inflate_crc32(s->crc, out, *n);
	s->out_off += *n;
	if (code == Z_MEM_ERROR)
		return fail_nomem(err);
	/* zlib keeps bits that it took: these can hold the end, with no byte left to give it. */
	if (code == Z_BUF_ERROR)
		return truncated(s, err);
	if (code != Z_OK && code != Z_STREAM_END)
		return fail(err, REASON_INFLATE_MALFORMED,
			    "%s: compressed data are not deflate: %s", s->in.name,
			    s->z.msg ? s->z.msg : "no reason given");
	TRY(check_ratio(s, err));
	return code == Z_STREAM_END ? finish(s, err) : WM_OK;
}

static enum wm_code inflate_on(struct inflate *s, void *out, size_t cap, size_t *n,
			       struct wm_error *err)
{
	uint8_t *at = out;
	size_t filled = 0;

	while (filled < cap && !s->ended) {
		const size_t left = cap - filled;
		unsigned more = 0;

		TRY(step(s, at + filled, left < INT32_MAX ? (unsigned)left : INT32_MAX, &more,
			 err));
		filled += more;
	}
	*n = filled;
	return WM_OK;
}

enum wm_code inflate_read(struct inflate *s, void *out, size_t cap, size_t *n,
			  struct wm_error *err)
{
	s->n_recent = 0;
	return inflate_on(s, out, cap, n, err);
}

static enum wm_code begin(struct inflate *s, struct wm_error *err)
{
	s->in_off = s->out_off = 0;
	s->n_recent = 0;
	s->z.avail_in = 0;
	s->crc = 0;
	s->ended = false;
	if (inflateReset(&s->z) != Z_OK)
		return fail(err, REASON_INTERNAL, "%s: zlib does not begin anew", s->in.name);
	return s->kind == INFLATE_GZIP ? read_header(s, err) : WM_OK;
}

enum wm_code inflate_open(struct inflate **out, struct arena *a, const struct window *w,
			  enum inflate_kind kind, struct wm_error *err)
{
	void *memory = NULL;
	struct inflate *s;

	TRY(arena_alloc(&memory, a, sizeof(*s), err));
	s = memory;
	s->in = *w;
	s->kind = kind;
	s->z = (z_stream){ .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = s };
	if (inflateInit2(&s->z, kind == INFLATE_ZLIB ? MAX_WBITS : -MAX_WBITS) != Z_OK)
		return fail_nomem(err);
	TRY(begin(s, err));
	*out = s;
	return WM_OK;
}

enum wm_code inflate_restart(struct inflate *s, const struct window *w, struct wm_error *err)
{
	s->in = *w;
	s->restarts = 0;
	return begin(s, err);
}

/* Inflates on, keeping at least STEP_BYTES of what was before where there are as many. */
static enum wm_code advance(struct inflate *s, struct wm_error *err)
{
	size_t n = 0;

	if (s->n_recent > STEP_BYTES) {
		memmove(s->recent, s->recent + s->n_recent - STEP_BYTES, STEP_BYTES);
		s->n_recent = STEP_BYTES;
	}
	TRY(inflate_on(s, s->recent + s->n_recent, STEP_BYTES, &n, err));
	s->n_recent += n;
	return WM_OK;
}

static enum wm_code go_back(struct inflate *s, struct wm_error *err)
{
	if (s->restarts == INFLATE_RESTARTS)
		return fail(err, REASON_INFLATE_ORDER,
			    "%s: compressed data would be inflated over and over to read them in "
			    "another order", s->in.name);
	s->restarts++;
	return begin(s, err);
}

enum wm_code inflate_read_up_to(struct inflate *s, void *out, size_t cap, uint64_t off, size_t *n,
				struct wm_error *err)
{
	uint8_t *to = out;
	size_t filled = 0;

	if (cap > 0 && off < s->out_off - s->n_recent)
		TRY(go_back(s, err));
	while (filled < cap) {
		const uint64_t at = off + filled, start = s->out_off - s->n_recent;
		size_t more = cap - filled;

		if (at >= s->out_off) {
			if (s->ended)
				break;
			TRY(advance(s, err));
			continue;
		}
		if (more > s->out_off - at)
			more = (size_t)(s->out_off - at);
		memcpy(to + filled, s->recent + (at - start), more);
		filled += more;
	}
	*n = filled;
	return WM_OK;
}

enum wm_code inflate_read_at(struct inflate *s, void *out, size_t len, uint64_t off,
			     struct wm_error *err)
{
	size_t n = 0;

	TRY(inflate_read_up_to(s, out, len, off, &n, err));
	if (n < len)
		return fail(err, REASON_INFLATE_SHORT, "%s: inflates to %llu bytes, too few",
			    s->in.name, (unsigned long long)s->out_off);
	return WM_OK;
}
