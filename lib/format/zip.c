/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives, by PKWARE's APPNOTE 6.3.10, of which this is the part that is taken:
 *
 *	file       = member... directory [end64 locator] end, and nothing before, between, behind
 *	member     = local name extra bytes [descriptor]
 *	directory  = { entry name extra }, one a member; no comments
 *	local      = "PK\3\4", and the entry's method, flags, name; CRC-32 and lengths are the
 *	             entry's too, or 0 where flag 3 says that a descriptor follows
 *	descriptor = ["PK\7\10"] CRC-32, stored length, length: u32, or u64 in large archives
 *	extra      = { u16 id, u16 len, bytes }; id 1 holds just the fields that are all ones
 *	             in the record (APPNOTE 4.5.3), or in a local one both lengths again; id
 *	             0x7075, a second name, is refused
 *	end64,     = fixed lengths of 56 and 20; end's fields are equal, or all ones
 *	locator
 *	end        = 22 bytes, without a comment; one disk
 *
 * Members are stored or deflated, never encrypted. Names are relative and plain, valid
 * UTF-8, each once, whatever the case of letters. Readers look for `end` from the file's end,
 * some from its beginning; some trust the local record and others the directory: here all of
 * them see the same.
 */
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

#include "format/zip_internal.h"
#include "util/cleanup.h"
#include "util/relpath.h"
#include "util/utf8.h"

enum {
	LOCAL_BYTES = ZIP_LOCAL_BYTES,
	ENTRY_BYTES = ZIP_ENTRY_BYTES,
	FLAG_ENCRYPTED = 1 << 0,
	FLAG_DESCRIPTOR = 1 << 3,
	FLAG_UTF8 = 1 << 11,
	FLAGS_KNOWN = 6 | FLAG_DESCRIPTOR | FLAG_UTF8, /* 6: how hard deflate tried */
	EXTRA_ZIP64 = 1,
	EXTRA_UNICODE_PATH = 0x7075,
	LOCAL_GUESS = 256, /* of a local record with name and extra, to be read at once */
	SLACK = 1 << 20,   /* what the members of a small archive may take in any case */
};

struct reader {
	struct zip *zip;
	struct layout *layout;
	const struct window *file;
	struct zip_end end;
	uint64_t parsed; /* bytes of local records */
};

void zip_release(struct zip *z)
{
	free(z->members);
	free(z->by_name);
	*z = (struct zip){ 0 };
}

bool zip_claims(const uint8_t *start, size_t len)
{
	return len >= 4 && (memcmp(start, "PK\3\4", 4) == 0 || memcmp(start, "PK\5\6", 4) == 0);
}

static enum wm_code malformed(const struct reader *r, const char *what, struct wm_error *err)
{
	return fail(err, REASON_ZIP_MALFORMED, "%s: %s", r->file->name, what);
}

static enum wm_code malformed_at(const struct reader *r, const struct zip_member *m,
				 const char *what, struct wm_error *err)
{
	return fail(err, REASON_ZIP_MALFORMED, "%s: member '%.80s': %s", r->file->name,
		    m->name, what);
}

/* --- the end records ------------------------------------------------------------------ */

bool zip_parse_end(struct zip_end *out, const uint8_t *tail, size_t len)
{
	const uint8_t *end, *wide;
	struct zip_end e = { .records_len = ZIP_END_BYTES };

	if (len < ZIP_END_BYTES)
		return false;
	end = tail + len - ZIP_END_BYTES;
	if (memcmp(end, "PK\5\6", 4) != 0 || zip_u32(end + 4) != 0 ||
	    zip_u16(end + 8) != zip_u16(end + 10) || zip_u16(end + 20) != 0)
		return false;
	e.n = zip_u16(end + 8);
	e.directory_len = zip_u32(end + 12);
	e.directory_off = zip_u32(end + 16);
	e.zip64 = len >= ZIP_ENDS_BYTES && memcmp(end - ZIP_LOCATOR_BYTES, "PK\6\7", 4) == 0;
	if (e.zip64) {
		wide = end - ZIP_LOCATOR_BYTES - ZIP_END64_BYTES;
		e.records_len = ZIP_ENDS_BYTES;
		if (memcmp(wide, "PK\6\6", 4) != 0 || zip_u64(wide + 4) != ZIP_END64_BYTES - 12 ||
		    zip_u64(wide + 16) != 0 || zip_u64(wide + 24) != zip_u64(wide + 32) ||
		    zip_u32(end - ZIP_LOCATOR_BYTES + 4) != 0 ||
		    zip_u32(end - ZIP_LOCATOR_BYTES + 16) != 1)
			return false;
		if ((e.n != UINT16_MAX && e.n != zip_u64(wide + 32)) ||
		    (e.directory_len != UINT32_MAX && e.directory_len != zip_u64(wide + 40)) ||
		    (e.directory_off != UINT32_MAX && e.directory_off != zip_u64(wide + 48)))
			return false;
		e.n = zip_u64(wide + 32);
		e.directory_len = zip_u64(wide + 40);
		e.directory_off = zip_u64(wide + 48);
		e.end64_off = zip_u64(end - ZIP_LOCATOR_BYTES + 8);
	}
	*out = e;
	return true;
}

/* Reads the end records, then all from the directory on. */
static enum wm_code read_tail(struct reader *r, struct wm_error *err)
{
	uint8_t bytes[ZIP_ENDS_BYTES];
	const struct window *f = r->file;
	size_t len = f->size < sizeof(bytes) ? (size_t)f->size : sizeof(bytes);
	struct zip_end *e = &r->end;
	uint64_t tail_len;
	void *tail = NULL;

	TRY(window_read(f, bytes, len, f->size - len, err));
	if (!zip_parse_end(e, bytes, len))
		return malformed(r, "does not end as an archive without comment does", err);
	if (e->directory_len > f->size - e->records_len ||
	    e->directory_off != f->size - e->records_len - e->directory_len ||
	    (e->zip64 && e->end64_off != f->size - e->records_len))
		return malformed(r, "its directory does not stand right before its end records",
				 err);
	if (e->n > LIMIT_MEMBERS)
		return fail(err, REASON_LIMIT, "%s: has more than %d members", f->name,
			    LIMIT_MEMBERS);
	tail_len = f->size - e->directory_off;
	if (e->directory_len > LIMIT_DIRECTORY)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: a directory of %llu bytes, over %d",
			    f->name, (unsigned long long)e->directory_len, LIMIT_DIRECTORY);
	if (e->n > e->directory_len / ENTRY_BYTES)
		return malformed(r, "its directory is too short for its members", err);
	TRY(arena_alloc(&tail, &r->layout->arena, (size_t)tail_len, err));
	TRY(window_read(f, tail, (size_t)tail_len, e->directory_off, err));
	r->zip->directory_off = e->directory_off;
	r->zip->tail = tail;
	r->zip->tail_len = (size_t)tail_len;
	return WM_OK;
}

/* --- extra fields --------------------------------------------------------------------- */

/* The fields of a record that may stand in its extra field instead; NULL: this one may not. */
struct wide {
	uint64_t *len, *stored_len, *off;
};

static bool take_wide(struct cursor *field, uint64_t *value)
{
	return !value || *value != UINT32_MAX || cursor_u64le(field, value);
}

/*
 * Takes the fields that are all ones in the record. Python before 3.11.4 repeats both lengths
 * in local records where they are not (numpy.savez): then they must be the same.
 */
static bool take_wides(struct cursor *field, const struct wide *wide)
{
	uint64_t len, stored_len;

	if (!wide->off && cursor_left(field) == 16 && *wide->len != UINT32_MAX &&
	    *wide->stored_len != UINT32_MAX)
		return cursor_u64le(field, &len) && cursor_u64le(field, &stored_len) &&
		       len == *wide->len && stored_len == *wide->stored_len;
	return take_wide(field, wide->len) && take_wide(field, wide->stored_len) &&
	       take_wide(field, wide->off) && cursor_left(field) == 0;
}

/* Reads extra fields; those of APPNOTE 4.5.3 replace what is all ones in the record. */
static bool read_extra(const uint8_t *data, size_t len, const struct wide *wide)
{
	struct cursor c = cursor_of(data, len);
	bool seen = false;

	while (cursor_left(&c) > 0) {
		const uint8_t *head = cursor_take(&c, 4);
		const uint8_t *bytes = head ? cursor_take(&c, zip_u16(head + 2)) : NULL;
		struct cursor field;

		if (!bytes || zip_u16(head) == EXTRA_UNICODE_PATH)
			return false;
		if (zip_u16(head) != EXTRA_ZIP64)
			continue;
		field = cursor_of(bytes, zip_u16(head + 2));
		if (seen || !take_wides(&field, wide))
			return false;
		seen = true;
	}
	return seen || ((!wide->len || *wide->len != UINT32_MAX) &&
			(!wide->stored_len || *wide->stored_len != UINT32_MAX) &&
			(!wide->off || *wide->off != UINT32_MAX));
}

/* --- the directory -------------------------------------------------------------------- */

static enum wm_code check_name(const struct reader *r, const struct zip_member *m, bool utf8,
			       struct wm_error *err)
{
	cleanup_free char *plain = NULL;
	bool ascii = true;

	if (strlen(m->name) != m->name_len)
		return fail(err, REASON_ZIP_NAME, "%s: the name of a member holds a NUL",
			    r->file->name);
	plain = strdup(m->name);
	if (!plain)
		return fail_nomem(err);
	for (size_t i = 0; i < m->name_len; i++)
		ascii &= (uint8_t)m->name[i] < 0x80;
	/* A directory ends with a slash, and has no bytes. */
	if (m->name_len > 1 && plain[m->name_len - 1] == '/' && m->len == 0 && !m->deflated)
		plain[m->name_len - 1] = '\0';
	if (!relpath_valid(plain) || (!ascii && !utf8))
		return fail(err, REASON_ZIP_NAME, "%s: a member has the name '%.80s'",
			    r->file->name, m->name);
	return WM_OK;
}

static enum wm_code read_entry(struct reader *r, struct zip_member *m, struct cursor *c,
			       struct wm_error *err)
{
	const uint8_t *p = cursor_take(c, ENTRY_BYTES), *name, *extra;
	uint16_t method;
	struct wide wide = { &m->len, &m->stored_len, &m->header_off };
	char *copy = NULL;

	if (!p || memcmp(p, "PK\1\2", 4) != 0)
		return malformed(r, "its directory holds something else than entries", err);
	name = cursor_take(c, zip_u16(p + 28));
	extra = name ? cursor_take(c, zip_u16(p + 30)) : NULL;
	if (!extra || zip_u16(p + 32) != 0 || zip_u16(p + 34) != 0)
		return malformed(r, "an entry of its directory is cut, has a comment or is on "
				    "another disk", err);
	m->name_len = zip_u16(p + 28);
	TRY(arena_copy(&copy, &r->layout->arena, name, m->name_len, err));
	m->name = copy;
	m->flags = zip_u16(p + 8);
	m->crc32 = zip_u32(p + 16);
	m->stored_len = zip_u32(p + 20);
	m->len = zip_u32(p + 24);
	m->header_off = zip_u32(p + 42);
	if (!read_extra(extra, zip_u16(p + 30), &wide))
		return malformed_at(r, m, "its extra fields contradict", err);
	method = zip_u16(p + 10);
	if ((m->flags & FLAG_ENCRYPTED) || (method != 0 && method != 8))
		return fail(err, REASON_ZIP_METHOD, "%s: member '%.80s': flags %#x, method %u",
			    r->file->name, m->name, m->flags, method);
	m->deflated = method == 8;
	if ((m->flags & ~FLAGS_KNOWN) || (!m->deflated && m->stored_len != m->len))
		return malformed_at(r, m, "its flags or lengths contradict", err);
	return check_name(r, m, m->flags & FLAG_UTF8, err);
}

static enum wm_code read_directory(struct reader *r, struct wm_error *err)
{
	struct zip *z = r->zip;
	struct cursor c = cursor_of(z->tail, (size_t)r->end.directory_len);
	uint64_t sum = 0;

	z->members = calloc((size_t)r->end.n + 1, sizeof(*z->members));
	if (!z->members)
		return fail_nomem(err);
	for (z->n_members = 0; z->n_members < r->end.n; z->n_members++) {
		TRY(read_entry(r, &z->members[z->n_members], &c, err));
		if (__builtin_add_overflow(sum, z->members[z->n_members].len, &sum) ||
		    sum / LIMIT_RATIO > r->file->size + SLACK)
			return fail(err, REASON_ZIP_BOMB,
				    "%s: its members would take over %d times its %llu bytes",
				    r->file->name, LIMIT_RATIO, (unsigned long long)r->file->size);
	}
	if (cursor_left(&c) > 0)
		return malformed(r, "more follows the last entry of its directory", err);
	return WM_OK;
}

/* --- local records -------------------------------------------------------------------- */

/* Reads the local record, into the arena; `*len` is its length with name and extra. */
static enum wm_code load_local(const uint8_t **out, size_t *len, struct reader *r,
			       const struct zip_member *m, struct wm_error *err)
{
	uint8_t start[LOCAL_GUESS];
	uint64_t left = m->header_off < r->end.directory_off ?
				r->end.directory_off - m->header_off :
				0;
	size_t guess = left < sizeof(start) ? (size_t)left : sizeof(start);
	void *copy = NULL;

	if (left < LOCAL_BYTES)
		return malformed_at(r, m, "is said to stand beyond the members", err);
	TRY(window_read(r->file, start, guess, m->header_off, err));
	*len = LOCAL_BYTES + (size_t)zip_u16(start + 26) + zip_u16(start + 28);
	if (*len > left)
		return malformed_at(r, m, "its local record reaches into the directory", err);
	r->parsed += *len;
	if (r->parsed > LIMIT_LOCALS)
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: its local records take over %d bytes", r->file->name,
			LIMIT_LOCALS);
	TRY(arena_alloc(&copy, &r->layout->arena, *len, err));
	memcpy(copy, start, *len < guess ? *len : guess);
	if (*len > guess)
		TRY(window_read(r->file, (uint8_t *)copy + guess, *len - guess,
				m->header_off + guess, err));
	*out = copy;
	return WM_OK;
}

static bool same_or_later(uint64_t local, uint64_t central, const struct zip_member *m)
{
	return local == central || ((m->flags & FLAG_DESCRIPTOR) && local == 0);
}

static bool local_agrees(const uint8_t *p, const struct zip_member *m)
{
	uint64_t stored_len = zip_u32(p + 18), len = zip_u32(p + 22);
	const struct wide wide = { &len, &stored_len, NULL };
	const uint8_t *extra = p + LOCAL_BYTES + m->name_len;

	return memcmp(p, "PK\3\4", 4) == 0 && zip_u16(p + 6) == m->flags &&
	       zip_u16(p + 8) == (m->deflated ? 8 : 0) && zip_u16(p + 26) == m->name_len &&
	       memcmp(p + LOCAL_BYTES, m->name, m->name_len) == 0 &&
	       read_extra(extra, zip_u16(p + 28), &wide) &&
	       same_or_later(zip_u32(p + 14), m->crc32, m) &&
	       same_or_later(stored_len, m->stored_len, m) && same_or_later(len, m->len, m);
}

/* A descriptor has one of four forms; the one that leads to `next` is it. */
static bool descriptor_agrees(const uint8_t *p, size_t len, const struct zip_member *m)
{
	size_t mark = len == 16 || len == 24 ? 4 : 0;
	bool wide = len - mark == 20;

	if (mark && memcmp(p, "PK\7\10", 4) != 0)
		return false;
	p += mark;
	return zip_u32(p) == m->crc32 &&
	       (wide ? zip_u64(p + 4) : zip_u32(p + 4)) == m->stored_len &&
	       (wide ? zip_u64(p + 12) : zip_u32(p + 8)) == m->len;
}

/* What lies between the bytes of a member and `next` is its descriptor, or nothing. */
static enum wm_code check_descriptor(struct reader *r, const struct zip_member *m, uint64_t next,
				     struct wm_error *err)
{
	uint64_t end = m->off + m->stored_len, len = next - end;
	void *p = NULL;

	if (!(m->flags & FLAG_DESCRIPTOR))
		return len == 0 ? WM_OK : malformed_at(r, m, "something lies behind it", err);
	if (len != 12 && len != 16 && len != 20 && len != 24)
		return malformed_at(r, m, "no descriptor lies behind it", err);
	TRY(arena_alloc(&p, &r->layout->arena, (size_t)len, err));
	TRY(window_read(r->file, p, (size_t)len, end, err));
	if (!descriptor_agrees(p, (size_t)len, m))
		return malformed_at(r, m, "its descriptor says something else", err);
	return layout_add_piece(r->layout, end, p, (size_t)len, err);
}

static enum wm_code read_local(struct reader *r, struct zip_member *m, struct wm_error *err)
{
	const uint8_t *p = NULL;
	size_t len = 0;

	TRY(load_local(&p, &len, r, m, err));
	if (!local_agrees(p, m))
		return malformed_at(r, m, "its local record says something else than the directory",
				    err);
	m->off = m->header_off + len;
	if (m->stored_len > r->end.directory_off - m->off)
		return malformed_at(r, m, "its bytes reach into the directory", err);
	return layout_add_piece(r->layout, m->header_off, p, len, err);
}

static int compare_places(const void *a, const void *b, void *members)
{
	const struct zip_member *all = members;
	uint64_t x = all[*(const uint32_t *)a].header_off, y = all[*(const uint32_t *)b].header_off;

	return (x > y) - (x < y);
}

/* Checks that the members follow one another without hole from 0 to the directory. */
static enum wm_code read_locals(struct reader *r, struct wm_error *err)
{
	struct zip *z = r->zip;
	cleanup_free uint32_t *order = calloc(z->n_members + 1, sizeof(*order));
	uint64_t at = 0;

	if (!order)
		return fail_nomem(err);
	for (size_t i = 0; i < z->n_members; i++)
		order[i] = (uint32_t)i;
	if (z->n_members > 1)
		qsort_r(order, z->n_members, sizeof(*order), compare_places, z->members);
	for (size_t i = 0; i < z->n_members; i++) {
		struct zip_member *m = &z->members[order[i]];
		uint64_t next = i + 1 < z->n_members ? z->members[order[i + 1]].header_off :
						       r->end.directory_off;

		if (m->header_off != at)
			return malformed_at(r, m, "members overlap, or leave a hole", err);
		TRY(read_local(r, m, err));
		if (m->off + m->stored_len > next)
			return malformed_at(r, m, "members overlap", err);
		TRY(check_descriptor(r, m, next, err));
		at = next;
	}
	return at == r->end.directory_off ? WM_OK :
					    malformed(r, "its directory is not at its end", err);
}

/* --- all of it ------------------------------------------------------------------------ */

enum wm_code zip_read(struct zip *z, struct layout *l, const struct window *w,
		      struct wm_error *err)
{
	struct reader r = { .zip = z, .layout = l, .file = w };

	z->name = w->name;
	TRY(read_tail(&r, err));
	TRY(read_directory(&r, err));
	TRY(read_locals(&r, err));
	return zip_sort_names(z, err);
}
