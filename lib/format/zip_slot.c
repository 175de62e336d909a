/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of zip archives (docs/format.md, "Slots").
 *
 *	insertion = a stored member right before the directory: local record, name, an extra
 *	            field that puts the value at a multiple of 64, the value; k * 4096 bytes
 *	extra     = "FB" u16 len, 'Z' len times, as PyTorch pads its records
 *	entry     = the member's, last in the directory; the end records count and point on
 *
 * Only the tail of the file changes. What is found is a slot where writing the carried
 * bytes into the archive without it gives the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "format/inflate.h"
#include "format/slot.h"
#include "format/zip_internal.h"

enum {
	FORM = 'z',
	ALIGNMENT = 64,
	EXTRA_HEAD = 4,
	VERSION = 20,	/* needed to read it: APPNOTE 4.4.3 */
	VERSION_64 = 45,
	FLAGS = 1 << 11, /* the name is UTF-8 */
	DATE = 0x21,	 /* 1 January 1980 */
	WIDE_BYTES = 12, /* the extra field with an offset of 64 bits */
	ZONE_MAX = LIMIT_DIRECTORY + 4 * LIMIT_SLOT,
};

/* What an archive without slot is to a writer. */
struct archive {
	const uint8_t *tail;
	size_t tail_len;
	uint64_t directory_off;
	struct zip_end end;
	const char *slot; /* the member's name */
};

static enum wm_code put(struct buf *out, uint64_t value, unsigned bytes, struct wm_error *err)
{
	for (; bytes > 0; bytes--, value >>= 8)
		TRY(buf_append_byte(out, (uint8_t)value, err));
	return WM_OK;
}

static bool needs_wide(const struct archive *a)
{
	return a->directory_off >= UINT32_MAX;
}

/* From the needed version to the lengths of the value, as local record and entry have them. */
static enum wm_code put_common(struct buf *out, const struct archive *a, const struct buf *value,
			       struct wm_error *err)
{
	TRY(put(out, needs_wide(a) ? VERSION_64 : VERSION, 2, err));
	TRY(put(out, FLAGS, 2, err));
	TRY(put(out, 0, 2, err)); /* stored */
	TRY(put(out, 0, 2, err));
	TRY(put(out, DATE, 2, err));
	TRY(put(out, inflate_crc32(0, value->data, value->len), 4, err));
	TRY(put(out, value->len, 4, err));
	TRY(put(out, value->len, 4, err));
	return put(out, strlen(a->slot), 2, err);
}

static size_t padding(const struct archive *a)
{
	uint64_t at = a->directory_off + ZIP_LOCAL_BYTES + strlen(a->slot) + EXTRA_HEAD;

	return (size_t)((ALIGNMENT - at % ALIGNMENT) % ALIGNMENT);
}

static enum wm_code put_member(struct buf *out, const struct archive *a, const struct buf *value,
			       struct wm_error *err)
{
	TRY(buf_append(out, "PK\3\4", 4, err));
	TRY(put_common(out, a, value, err));
	TRY(put(out, EXTRA_HEAD + padding(a), 2, err));
	TRY(buf_append_str(out, a->slot, err));
	TRY(buf_append(out, "FB", 2, err));
	TRY(put(out, padding(a), 2, err));
	for (size_t i = padding(a); i > 0; i--)
		TRY(buf_append_byte(out, 'Z', err));
	return buf_append(out, value->data, value->len, err);
}

static enum wm_code put_entry(struct buf *out, const struct archive *a, const struct buf *value,
			      struct wm_error *err)
{
	bool wide = needs_wide(a);

	TRY(buf_append(out, "PK\1\2", 4, err));
	TRY(put(out, wide ? VERSION_64 : VERSION, 2, err)); /* made by */
	TRY(put_common(out, a, value, err));
	TRY(put(out, wide ? WIDE_BYTES : 0, 2, err));
	TRY(put(out, 0, 2, err)); /* comment */
	TRY(put(out, 0, 2, err)); /* disk */
	TRY(put(out, 0, 6, err)); /* attributes */
	TRY(put(out, wide ? UINT32_MAX : a->directory_off, 4, err));
	TRY(buf_append_str(out, a->slot, err));
	if (!wide)
		return WM_OK;
	TRY(put(out, 1, 2, err));
	TRY(put(out, WIDE_BYTES - 4, 2, err));
	return put(out, a->directory_off, 8, err);
}

/* A field of the end record that was all ones stays so: the large record says it. */
static void set(uint8_t *field, unsigned bytes, uint64_t value, bool zip64)
{
	bool ones = zip64;

	for (unsigned i = 0; i < bytes; i++)
		ones &= field[i] == 0xff;
	for (unsigned i = 0; !ones && i < bytes; i++)
		field[i] = (uint8_t)(value >> 8 * i);
}

/* The small fields of an archive that has large records too hold what fits, else ones. */
static uint64_t narrow(uint64_t value, uint64_t ones)
{
	return value < ones ? value : ones;
}

/*
 * Whether the small field, now `old`, can say `value`, and be told back: one that becomes all
 * ones could have been so before.
 */
static bool fits(uint64_t old, uint64_t value, uint64_t ones, bool zip64)
{
	return value < ones || (zip64 && old == ones);
}

static bool all_fit(const struct archive *a, const struct zip_end *e)
{
	const uint8_t *end = a->tail + a->tail_len - ZIP_END_BYTES;

	return fits(zip_u16(end + 8), e->n, UINT16_MAX, e->zip64) &&
	       fits(zip_u32(end + 12), e->directory_len, UINT32_MAX, e->zip64) &&
	       fits(zip_u32(end + 16), e->directory_off, UINT32_MAX, e->zip64);
}

static void set_ends(uint8_t *ends, const struct zip_end *e)
{
	uint8_t *end = ends + e->records_len - ZIP_END_BYTES;

	set(end + 8, 2, narrow(e->n, UINT16_MAX), e->zip64);
	set(end + 10, 2, narrow(e->n, UINT16_MAX), e->zip64);
	set(end + 12, 4, narrow(e->directory_len, UINT32_MAX), e->zip64);
	set(end + 16, 4, narrow(e->directory_off, UINT32_MAX), e->zip64);
	if (!e->zip64)
		return;
	set(ends + 24, 8, e->n, false);
	set(ends + 32, 8, e->n, false);
	set(ends + 40, 8, e->directory_len, false);
	set(ends + 48, 8, e->directory_off, false);
	set(ends + ZIP_END64_BYTES + 8, 8, e->directory_off + e->directory_len, false);
}

/* Appends the archive's tail with the slot in it. */
static enum wm_code write_tail(struct buf *out, const struct archive *a, const void *carried,
			       size_t len, const char *name, struct wm_error *err)
{
	cleanup_buf struct buf value = BUF_INIT(4 * LIMIT_SLOT);
	const size_t around = ZIP_LOCAL_BYTES + strlen(a->slot) + EXTRA_HEAD + padding(a);
	struct zip_end end = a->end;
	size_t start = out->len, entry, ends;
	enum wm_code code = slot_write_value(&value, FORM, around, SLOT_UNIT, carried, len, err);

	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	TRY(put_member(out, a, &value, err));
	end.directory_off += out->len - start;
	TRY(buf_append(out, a->tail, (size_t)a->end.directory_len, err));
	entry = out->len;
	TRY(put_entry(out, a, &value, err));
	end.directory_len += out->len - entry;
	end.n++;
	if (end.n > LIMIT_MEMBERS || end.directory_len > LIMIT_DIRECTORY)
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: one more member would be more than weightmark reads", name);
	if (!all_fit(a, &end))
		return fail(err, REASON_NO_SLOT,
			    "%s: one more member would need the records of large archives", name);
	ends = out->len;
	TRY(buf_append(out, a->tail + a->end.directory_len, a->end.records_len, err));
	set_ends(out->data + ends, &end);
	return WM_OK;
}

/* --- finding it ----------------------------------------------------------------------- */

/* The archive without its last entry, whose length is `entry_len`. */
static void cut(struct archive *a, uint8_t *tail, const struct zip *z, size_t entry_len)
{
	struct zip_end *e = &a->end;
	size_t kept = (size_t)e->directory_len - entry_len;

	memcpy(tail, z->tail, kept);
	memcpy(tail + kept, z->tail + e->directory_len, e->records_len);
	e->n--;
	e->directory_len = kept;
	e->directory_off = z->members[z->n_members - 1].header_off;
	set_ends(tail + kept, e);
	a->tail = tail;
	a->tail_len = kept + e->records_len;
	a->directory_off = e->directory_off;
}

/* The length of the last entry of the directory, which was read before. */
static size_t last_entry_len(const struct zip *z, size_t directory_len)
{
	size_t at = 0, len = 0;

	while (at < directory_len) {
		const uint8_t *p = z->tail + at;

		len = ZIP_ENTRY_BYTES + (size_t)zip_u16(p + 28) + zip_u16(p + 30);
		at += len;
	}
	return len;
}

static void drop_pieces(struct layout *l, uint64_t from)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n_pieces; i++)
		if (l->pieces[i].off < from)
			l->pieces[kept++] = l->pieces[i];
	l->n_pieces = kept;
}

/* Makes `z` the archive without its last member. */
static void take_out(struct zip *z, struct layout *l, const struct archive *a)
{
	uint32_t last = (uint32_t)--z->n_members;
	size_t kept = 0;

	for (size_t i = 0; i <= last; i++)
		if (z->by_name[i] != last)
			z->by_name[kept++] = z->by_name[i];
	memcpy(z->tail, a->tail, a->tail_len);
	z->tail_len = a->tail_len;
	z->directory_off = a->directory_off;
	drop_pieces(l, a->directory_off);
}

/* Whether the file from the last member on is what embedding would write. */
static enum wm_code stands_last(bool *out, const struct zip *z, const struct archive *a,
				const struct layout *l, const struct window *w,
				struct wm_error *err)
{
	cleanup_buf struct buf expected = BUF_INIT(ZONE_MAX);
	const uint64_t from = a->directory_off;
	void *found = NULL;
	cleanup_arena struct arena scratch = ARENA_INIT(ZONE_MAX);

	*out = false;
	TRY(write_tail(&expected, a, l->carried.data, l->carried.len, z->name, err));
	if (expected.len != w->size - from)
		return WM_OK;
	TRY(arena_alloc(&found, &scratch, expected.len, err));
	TRY(window_read(w, found, expected.len, from, err));
	*out = memcmp(found, expected.data, expected.len) == 0;
	return WM_OK;
}

enum wm_code zip_take_slot(struct zip *z, struct layout *l, const struct window *w,
			   const char *slot, struct wm_error *err)
{
	const struct zip_member *m = zip_find(z, slot);
	cleanup_arena struct arena scratch = ARENA_INIT(ZONE_MAX);
	struct archive a = { .slot = slot };
	bool is_slot = false, last = false;
	void *value = NULL, *tail = NULL;
	uint64_t directory_len;
	char form;

	if (!m || m->deflated || m->len > 4 * LIMIT_SLOT)
		return WM_OK;
	TRY(arena_alloc(&value, &scratch, (size_t)m->len + 1, err));
	TRY(window_read(w, value, (size_t)m->len, m->off, err));
	TRY(slot_read_value(&is_slot, &form, &l->carried, value, (size_t)m->len, err));
	if (!is_slot)
		return WM_OK;
	if (m == &z->members[z->n_members - 1] && zip_parse_end(&a.end, z->tail, z->tail_len)) {
		directory_len = a.end.directory_len;
		TRY(arena_alloc(&tail, &scratch, z->tail_len, err));
		cut(&a, tail, z, last_entry_len(z, (size_t)directory_len));
		TRY(stands_last(&last, z, &a, l, w, err));
	}
	l->displaced = !last;
	if (!last)
		return WM_OK;
	take_out(z, l, &a);
	l->slot_len = w->size - (z->directory_off + z->tail_len);
	return WM_OK;
}

/* --- putting it in -------------------------------------------------------------------- */

/* Whether the directory lists the name, in whatever case. */
static bool lists(const struct archive *a, const char *name)
{
	size_t at = 0, name_len = strlen(name);
	char found[LIMIT_PATH];

	while (at < a->end.directory_len) {
		const uint8_t *p = a->tail + at;

		if (zip_u16(p + 28) == name_len && name_len < sizeof(found)) {
			memcpy(found, p + ZIP_ENTRY_BYTES, name_len);
			found[name_len] = '\0';
			if (zip_same_name(found, name))
				return true;
		}
		at += ZIP_ENTRY_BYTES + (size_t)zip_u16(p + 28) + zip_u16(p + 30);
	}
	return false;
}

enum wm_code zip_first_directory(char *out, size_t size, const struct layout *l,
				 const char *name, struct wm_error *err)
{
	cleanup_buf struct buf tail = BUF_INIT(ZONE_MAX);
	const uint8_t *first, *slash;
	size_t len;

	TRY(layout_append_zone(&tail, l, err));
	first = tail.data + ZIP_ENTRY_BYTES;
	slash = tail.len > ZIP_ENTRY_BYTES ? memchr(first, '/', tail.len - ZIP_ENTRY_BYTES) : NULL;
	len = slash ? (size_t)(slash - first) : size;
	if (len >= size)
		return fail(err, REASON_INTERNAL, "%s: its first directory is gone", name);
	memcpy(out, first, len);
	out[len] = '\0';
	return WM_OK;
}

enum wm_code zip_embed(struct buf *zone, const struct layout *l, const char *slot,
		       const void *carried, size_t len, const char *name, struct wm_error *err)
{
	cleanup_buf struct buf tail = BUF_INIT(ZONE_MAX);
	struct archive a = { .slot = slot, .directory_off = l->zone.from };

	TRY(layout_append_zone(&tail, l, err));
	a.tail = tail.data;
	a.tail_len = tail.len;
	if (!zip_parse_end(&a.end, tail.data, tail.len))
		return fail(err, REASON_INTERNAL, "%s: its end records are gone", name);
	if (l->displaced)
		return fail(err, REASON_SLOT_DISPLACED,
			    "%s: has statements in '%.80s' where weightmark puts none", name, slot);
	if (lists(&a, slot))
		return fail(err, REASON_SLOT_KEY_TAKEN, "%s: has a member '%.80s' of its own", name,
			    slot);
	return write_tail(zone, &a, carried, len, name, err);
}
