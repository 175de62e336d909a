/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of tar files. */
#include "format/tar.h"
#include "format/tar_read.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <libtar.h>

#include "format/tar_pax.h"
#include "util/cursor.h"
#include "util/relpath.h"

static_assert(offsetof(struct tar_header, gnu_longname) == TAR_BLOCK, "a header is a block");

static const char magic_posix[] = "ustar\0" "00", magic_gnu[] = "ustar  ";

enum { MAGIC_BYTES = sizeof(((struct tar_header *)0)->magic) + 2, GNU_REST = 345 };

bool tar_round_up(uint64_t *off)
{
	return !__builtin_add_overflow(*off, -*off & (TAR_BLOCK - 1), off);
}

static enum wm_code read_at(const struct tar *t, void *out, size_t len, uint64_t off,
			    struct wm_error *err)
{
	const uint64_t at = off - t->ahead_off;

	if (!t->ahead || off < t->ahead_off || at > t->ahead_len || len > t->ahead_len - at)
		return window_read(&t->w, out, len, off, err);
	memcpy(out, t->ahead + at, len);
	return WM_OK;
}

enum wm_code tar_keep(const uint8_t **out, struct tar *t, uint64_t off, size_t len,
		      struct wm_error *err)
{
	void *memory = NULL;

	if (off > t->w.size || len > t->w.size - off)
		return fail(err, REASON_TAR_TRUNCATED,
			    "%s: ends inside of what begins at byte %llu", t->w.name,
			    (unsigned long long)off);
	if (len > LIMIT_HEADER - t->kept)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: more than %d bytes of headers",
			    t->w.name, LIMIT_HEADER);
	TRY(arena_alloc(&memory, &t->l->arena, len, err));
	TRY(read_at(t, memory, len, off, err));
	if (t->pieces)
		TRY(layout_add_piece(t->l, off, memory, len, err));
	t->kept += len;
	*out = memory;
	return WM_OK;
}

/* --- fields -------------------------------------------------------------------------- */

static enum wm_code malformed(const struct tar *t, const char *what, struct wm_error *err)
{
	return fail(err, REASON_TAR_MALFORMED, "%s: byte %llu: %s", t->w.name,
		    (unsigned long long)t->at, what);
}

/* Spaces, octal digits, then spaces and NULs; without digits it is 0. */
static bool read_octal(uint64_t *out, const uint8_t *field, size_t len)
{
	uint64_t value = 0;
	size_t i = 0;

	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
		if (value >> 60)
			return false;
		value = value << 3 | (unsigned)(field[i] - '0');
	}
	while (i < len && (field[i] == ' ' || field[i] == 0))
		i++;
	*out = value;
	return i == len;
}

/* Octal, or bytes of a number below 2^63 with the highest bit of all set. */
static bool read_number(uint64_t *out, const uint8_t *field, size_t len)
{
	uint64_t value = 0;

	if (!(field[0] & 0x80))
		return read_octal(out, field, len);
	if (field[0] != 0x80)
		return false;
	for (size_t i = 1; i < len; i++) {
		if (value >> 55)
			return false;
		value = value << 8 | field[i];
	}
	*out = value;
	return true;
}

#define FIELD(h, name) (const uint8_t *)(h)->name, sizeof((h)->name)

static bool is_u32(const uint8_t *field, size_t len)
{
	uint64_t value;

	return read_number(&value, field, len) && value <= UINT32_MAX;
}

/* Numbers that readers look at, or fail to read, besides size, mode and check sum. */
static enum wm_code check_numbers(const struct tar *t, const struct tar_header *h,
				  struct wm_error *err)
{
	uint64_t time;

	if (!is_u32(FIELD(h, uid)) || !is_u32(FIELD(h, gid)) ||
	    !read_number(&time, FIELD(h, mtime)) ||
	    !is_u32(FIELD(h, devmajor)) || !is_u32(FIELD(h, devminor)))
		return malformed(t, "a header with a number that is none, or that no field has",
				 err);
	return WM_OK;
}

/* libtar reads these fields up to the byte that ends them, which therefore must be there. */
static bool has_end(const char *field, size_t len)
{
	return field[len - 1] == 0 || field[len - 1] == ' ';
}

static enum wm_code check_block(const struct tar *t, const struct tar_header *h, TAR *whole,
				struct wm_error *err)
{
	uint64_t value;

	if (memcmp(h->magic, magic_posix, MAGIC_BYTES) != 0 &&
	    memcmp(h->magic, magic_gnu, MAGIC_BYTES) != 0)
		return malformed(t, "a header that is neither POSIX's nor GNU's", err);
	if (!read_octal(&value, FIELD(h, chksum)) || !has_end(h->chksum, sizeof(h->chksum)) ||
	    value != (uint64_t)th_crc_calc(whole) || !th_crc_ok(whole))
		return fail(err, REASON_TAR_CHECKSUM,
			    "%s: byte %llu: a header's check sum is wrong", t->w.name,
			    (unsigned long long)t->at);
	if (!read_octal(&value, FIELD(h, mode)) || !has_end(h->mode, sizeof(h->mode)))
		return malformed(t, "a header with a mode that is none", err);
	return check_numbers(t, h, err);
}

static enum wm_code read_size(uint64_t *out, const struct tar *t, const struct tar_header *h,
			      struct wm_error *err)
{
	if (!read_number(out, FIELD(h, size)))
		return fail(err, REASON_TAR_SIZE,
			    "%s: byte %llu: a size that is no number, or below 0, or over 63 bits",
			    t->w.name, (unsigned long long)t->at);
	return WM_OK;
}

/* --- names --------------------------------------------------------------------------- */

static size_t text_len(const char *field, size_t len)
{
	const char *end = memchr(field, 0, len);

	return end ? (size_t)(end - field) : len;
}

static enum wm_code take_name(struct tar *t, struct tar_member *m, const char *name, size_t len,
			      struct wm_error *err)
{
	char *copy = NULL;
	size_t from = 0;

	if (m->folder && len > 0 && name[len - 1] == '/')
		len--;
	if (len >= 2 && name[0] == '.' && name[1] == '/')
		from = 2;
	else if (m->folder && len == 1 && name[0] == '.')
		from = 1;
	TRY(arena_copy(&copy, &t->l->arena, name + from, len - from, err));
	m->name = copy;
	if (memchr(copy, 0, len - from) || (from == len ? !m->folder || len == 0 :
							   !relpath_valid(copy)))
		return fail(err, REASON_TAR_NAME, "%s: byte %llu: a member with the name '%.*s'",
			    t->w.name, (unsigned long long)t->at, (int)(len < 80 ? len : 80), name);
	return WM_OK;
}

/* The name that stands in the header itself. */
static enum wm_code read_name(struct tar *t, struct tar_member *m, const struct tar_header *h,
			      struct wm_error *err)
{
	const size_t len = text_len(h->name, sizeof(h->name));
	const size_t prefix = text_len(h->prefix, sizeof(h->prefix));
	char whole[sizeof(h->prefix) + 1 + sizeof(h->name)];

	if (prefix == 0 || memcmp(h->magic, magic_gnu, MAGIC_BYTES) == 0)
		return take_name(t, m, h->name, len, err);
	memcpy(whole, h->prefix, prefix);
	whole[prefix] = '/';
	memcpy(whole + prefix + 1, h->name, len);
	return take_name(t, m, whole, prefix + 1 + len, err);
}

/* --- kinds of headers ---------------------------------------------------------------- */

/* Reads the data of a header that speaks of the next one. */
static enum wm_code take_data(const uint8_t **out, struct tar *t, uint64_t size, size_t max,
			      struct wm_error *err)
{
	uint64_t next = t->at + TAR_BLOCK + size;

	if (size == 0 || size > max)
		return fail(err, size ? REASON_LIMIT : REASON_TAR_PAX,
			    "%s: byte %llu: an extended header of %llu bytes, not 1 to %zu",
			    t->w.name, (unsigned long long)t->at, (unsigned long long)size, max);
	TRY(tar_keep(out, t, t->at + TAR_BLOCK, (size_t)size, err));
	if (!tar_round_up(&next))
		return malformed(t, "a header at the end of 64 bits", err);
	t->at = next;
	return WM_OK;
}

/* A name that is longer than a header has room for: text and a NUL, as GNU tar writes it. */
static enum wm_code take_long_name(struct tar *t, struct tar_pax *x, const struct tar_header *h,
				   uint64_t size, struct wm_error *err)
{
	const uint8_t *data = NULL;

	if (memcmp(h->magic, magic_gnu, MAGIC_BYTES) != 0)
		return malformed(t, "GNU's long name behind a header that is not GNU's", err);
	TRY(take_data(&data, t, size, LIMIT_PATH + 1, err));
	if (data[size - 1] != 0)
		return malformed(t, "a long name that does not end", err);
	x->path = (const char *)data;
	x->path_len = (size_t)size - 1;
	return WM_OK;
}

/*
 * Whether a member is a file or a folder, for every reader. To Python an old file is a folder
 * where the name in the header, though it is not its name, ends with a slash; and libtar
 * looks for that slash without asking whether there is a name.
 */
static enum wm_code check_kind(const struct tar *t, TAR *whole, bool *folder,
			       struct wm_error *err)
{
	const struct tar_header *h = &whole->th_buf;
	const size_t len = text_len(h->name, sizeof(h->name));
	const char flag = h->typeflag;

	if (TH_ISLNK(whole) || TH_ISSYM(whole) || TH_ISLONGLINK(whole))
		return fail(err, REASON_TAR_LINK, "%s: byte %llu: the member '%.100s' is a link",
			    t->w.name, (unsigned long long)t->at, whole->th_buf.name);
	*folder = flag == DIRTYPE;
	if (TH_ISCHR(whole) || TH_ISBLK(whole) || TH_ISFIFO(whole) ||
	    (flag != DIRTYPE && flag != REGTYPE && flag != AREGTYPE) ||
	    (flag == AREGTYPE && (len == 0 || h->name[len - 1] == '/')) ||
	    !(*folder ? TH_ISDIR(whole) : TH_ISREG(whole) && !TH_ISDIR(whole)))
		return fail(err, REASON_TAR_KIND,
			    "%s: byte %llu: the member '%.100s' of type '%c' is no file and no "
			    "folder", t->w.name, (unsigned long long)t->at, whole->th_buf.name,
			    flag >= ' ' && flag < 0x7f ? flag : '?');
	return WM_OK;
}

/*
 * What an extended header says of the size counts, and a reader that does not know it takes
 * the header's: both must be equal, but where the header cannot hold it.
 */
static enum wm_code check_sizes(const struct tar *t, const struct tar_pax *x, uint64_t *size,
				struct wm_error *err)
{
	const uint64_t octal_max = 077777777777;

	if (!x->has_size || x->size == *size)
		return WM_OK;
	if (*size != 0 || x->size <= octal_max)
		return fail(err, REASON_TAR_SIZE,
			    "%s: byte %llu: a member of %llu and of %llu bytes", t->w.name,
			    (unsigned long long)t->at, (unsigned long long)*size,
			    (unsigned long long)x->size);
	*size = x->size;
	return WM_OK;
}

static enum wm_code take_member(struct tar *t, struct tar_member *m, const struct tar_pax *x,
				TAR *whole, struct wm_error *err)
{
	const struct tar_header *h = &whole->th_buf;

	TRY(read_size(&m->size, t, h, err));
	TRY(check_kind(t, whole, &m->folder, err));
	TRY(check_sizes(t, x, &m->size, err));
	if (x->path)
		TRY(take_name(t, m, x->path, x->path_len, err));
	else
		TRY(read_name(t, m, h, err));
	m->header = t->at;
	m->off = t->at + TAR_BLOCK;
	if (m->folder && m->size != 0)
		return fail(err, REASON_TAR_SIZE, "%s: byte %llu: a folder of %llu bytes",
			    t->w.name, (unsigned long long)t->at, (unsigned long long)m->size);
	if (m->size > t->w.size - m->off)
		return fail(err, t->w.stream ? REASON_INFLATE_RATIO : REASON_TAR_TRUNCATED,
			    "%s: '%s' has %llu bytes, and at most %llu are left", t->w.name,
			    m->name, (unsigned long long)m->size,
			    (unsigned long long)(t->w.size - m->off));
	t->at = m->off + m->size;
	if (!tar_round_up(&t->at))
		return malformed(t, "a member at the end of 64 bits", err);
	return WM_OK;
}

static bool is_zero(const uint8_t *block)
{
	for (size_t i = 0; i < TAR_BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

/* Reads one block: zeros, or a header as it should be, which `whole` gets. */
static enum wm_code read_block(struct tar *t, TAR *whole, bool *zero, struct wm_error *err)
{
	const struct tar_header *h = &whole->th_buf;
	const uint8_t *block = NULL;

	if (t->at >= t->w.size)
		return fail(err, REASON_TAR_END, "%s: ends at byte %llu without blocks of zeros",
			    t->w.name, (unsigned long long)t->w.size);
	if (TAR_BLOCK > t->w.size - t->at)
		return fail(err, REASON_TAR_TRUNCATED, "%s: ends inside the header at byte %llu",
			    t->w.name, (unsigned long long)t->at);
	TRY(read_at(t, &whole->th_buf, TAR_BLOCK, t->at, err));
	*zero = is_zero((const uint8_t *)h);
	if (*zero)
		return WM_OK;
	TRY(tar_keep(&block, t, t->at, TAR_BLOCK, err));
	memcpy(&whole->th_buf, block, TAR_BLOCK);
	TRY(check_block(t, h, whole, err));
	if (memcmp(h->magic, magic_gnu, MAGIC_BYTES) == 0)
		for (size_t i = GNU_REST; i < TAR_BLOCK; i++)
			if (block[i])
				return malformed(t, "a header of GNU's with more than a file needs",
						 err);
	return WM_OK;
}

enum wm_code tar_next(struct tar *t, struct tar_member *m, bool *end, struct wm_error *err)
{
	const uint64_t start = t->at;
	struct tar_pax x = { 0 };

	for (;;) {
		TAR whole = { 0 };
		const char *flag = &whole.th_buf.typeflag;
		const uint8_t *data = NULL;
		uint64_t size = 0;

		TRY(read_block(t, &whole, end, err));
		if (*end)
			return x.any ? malformed(t, "an extended header of nothing", err) : WM_OK;
		if (*flag != 'x' && *flag != 'g' && *flag != GNU_LONGNAME_TYPE) {
			TRY(take_member(t, m, &x, &whole, err));
			m->plain = m->header == start;
			return WM_OK;
		}
		if (x.any)
			return malformed(t, "an extended header behind another", err);
		TRY(read_size(&size, t, &whole.th_buf, err));
		x.any = *flag != 'g';
		if (*flag == GNU_LONGNAME_TYPE) {
			TRY(take_long_name(t, &x, &whole.th_buf, size, err));
			continue;
		}
		TRY(take_data(&data, t, size, TAR_PAX_MAX, err));
		TRY(tar_read_pax(&x, data, (size_t)size, *flag == 'g', t->w.name, err));
	}
}

void tar_write_header(uint8_t out[TAR_BLOCK], const char *name, uint64_t size)
{
	TAR whole = { 0 };
	struct tar_header *h = &whole.th_buf;

	assert(strlen(name) < sizeof(h->name) && size <= 077777777777);
	memcpy(h->name, name, strlen(name));
	memcpy(h->mode, "0000644", sizeof(h->mode));
	memcpy(h->uid, "0000000", sizeof(h->uid));
	memcpy(h->gid, "0000000", sizeof(h->gid));
	snprintf(h->size, sizeof(h->size), "%011llo", (unsigned long long)size);
	memcpy(h->mtime, "00000000000", sizeof(h->mtime));
	h->typeflag = REGTYPE;
	memcpy(h->magic, magic_posix, MAGIC_BYTES);
	memcpy(h->devmajor, "0000000", sizeof(h->devmajor));
	memcpy(h->devminor, "0000000", sizeof(h->devminor));
	memset(h->chksum, ' ', sizeof(h->chksum));
	snprintf(h->chksum, sizeof(h->chksum), "%06o", (unsigned)th_crc_calc(&whole));
	memcpy(out, h, TAR_BLOCK);
}

/* A check sum as Python's tarfile takes it at most: in base 256, or what is octal before a NUL. */
static int64_t lenient_sum(const uint8_t *field, size_t len)
{
	int64_t value = 0;
	bool negative = field[0] == 0xff;

	if (field[0] == 0x80 || field[0] == 0xff) {
		for (size_t i = 1; i < len; i++)
			value = value << 8 | field[i];
		return negative ? value - ((int64_t)1 << (8 * (len - 1))) : value;
	}
	for (size_t i = 0; i < len && field[i]; i++) {
		negative |= field[i] == '-';
		if (field[i] >= '0' && field[i] <= '7')
			value = 8 * value + (field[i] - '0');
	}
	return negative ? -value : value;
}

bool tar_is_first_block(const uint8_t *start, size_t len)
{
	enum { SUM_OFF = 148, SUM_BYTES = 8 };
	int64_t plain = SUM_BYTES * ' ', with_signs = plain, said;

	if (len < TAR_BLOCK)
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		if (i >= SUM_OFF && i < SUM_OFF + SUM_BYTES)
			continue;
		plain += start[i];
		with_signs += (int8_t)start[i];
	}
	said = lenient_sum(start + SUM_OFF, SUM_BYTES);
	return said == plain || said == with_signs;
}
