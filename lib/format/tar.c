/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar: files and folders, one behind the other, and tar.gz: the same, compressed.
 *
 *	archive  = member* end; all of it in blocks of 512 bytes
 *	member   = global* extended? header data
 *	header   = a block as POSIX.1-1988 ("ustar", "00") or GNU tar ("ustar  ") have it, with
 *	           the sum of its bytes; type 0 or NUL, a file; or 5, a folder, of no data
 *	data     = as many bytes as the header says, up to the next block
 *	global   = a header of type g, and records that say nothing of path and size
 *	extended = a header of type x, and records; or one of type L, and a name with a NUL
 *	records  = format/tar_pax.h; a size only where octal has no room for it, or an equal one
 *	name     = the last that was said; plain (util/relpath.h) but for "./" in front, and a "/"
 *	           behind a folder's; each once, and none leads through a file
 *	numbers  = octal, or with their first byte 80, big-endian and below 2^63
 *	end      = two blocks of zero bytes or more, up to 1 MiB, and nothing behind them
 *
 * No links, devices, FIFOs, sparse files, or types beyond these. A member whose name or
 * beginning claims a format is read by it, and its tensors are those of the archive; names
 * get "MEMBER/" in front where several members have tensors. The others are opaque: archives
 * in archives, those whose tensors other files hold, and what has no format here.
 *
 * A slot (format/slot.h, form "t") is a last member "weightmark.wmk.wm1", a file of mode 0644
 * whose header says nothing else; its data is the value. The zone is the end.
 *
 * Of a compressed archive the bytes of the file are digested as they are; tensors are gathered
 * by inflating it. It is one gzip member (format/inflate.h), and has no slot.
 */
#include <string.h>

#include "format/tar.h"
#include "format/slot.h"
#include "format/tar_layout.h"
#include "util/file.h"

enum { SLOT_FORM = 't', MAGIC_OFF = 257 };

/* Of either kind. */
static const char *const nemo[] = { ".nemo", NULL };

static enum wm_code make_own(struct tar_archive *a, struct wm_error *err)
{
	TRY(arena_alloc(&a->t.l->own, &a->t.l->arena, sizeof(*a->own), err));
	a->own = a->t.l->own;
	a->own->stream_fd = -1;
	return WM_OK;
}

static enum wm_code check_end(const char *name, const uint8_t *data, uint64_t len,
			      struct wm_error *err)
{
	if (len < TAR_END_MIN || len > TAR_END_MAX || len % TAR_BLOCK != 0)
		return fail(err, REASON_TAR_END, "%s: ends with %llu bytes of blocks of zeros, not "
			    "%d to %d", name, (unsigned long long)len, TAR_END_MIN, TAR_END_MAX);
	for (size_t i = 0; i < len; i++)
		if (data[i])
			return fail(err, REASON_TAR_END,
				    "%s: something stands behind the blocks of zeros", name);
	return WM_OK;
}

/* --- slots --------------------------------------------------------------------------- */

/* Appends the member that carries these bytes. */
static enum wm_code write_slot(struct buf *out, const void *carried, size_t len,
			       struct wm_error *err)
{
	cleanup_buf struct buf value = BUF_INIT(LIMIT_HEADER);
	uint8_t header[TAR_BLOCK];

	TRY(slot_write_value(&value, SLOT_FORM, TAR_BLOCK, SLOT_UNIT, carried, len, err));
	tar_write_header(header, TAR_SLOT_NAME, value.len);
	TRY(buf_reserve(out, TAR_BLOCK + value.len, err));
	TRY(buf_append(out, header, TAR_BLOCK, err));
	return buf_append(out, value.data, value.len, err);
}

/* Whether the member is what write_slot() makes: all of it but its header was compared. */
static bool is_own(const struct tar_archive *a, const struct buf *again)
{
	const struct tar_entry *e = &a->entries[a->value_entry];
	const struct piece *p = &a->t.l->pieces[a->own->n_first];

	return e->m.plain && a->value_entry == a->own->n_entries - 1 &&
	       again->len == TAR_BLOCK + a->value_len && p->len == TAR_BLOCK &&
	       memcmp(again->data, p->data, TAR_BLOCK) == 0 &&
	       memcmp(again->data + TAR_BLOCK, a->value, a->value_len) == 0;
}

/* Looks for embedded statements: sets carried, and slot_len or displaced. */
static enum wm_code find_slot(struct tar_archive *a, struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_HEADER);
	struct layout *l = a->t.l;
	bool is_slot = false;
	char form;

	if (!a->value)
		return WM_OK;
	TRY(slot_read_value(&is_slot, &form, &l->carried, (const char *)a->value, a->value_len,
			    err));
	if (!is_slot)
		return WM_OK;
	TRY(write_slot(&again, l->carried.data, l->carried.len, err));
	l->displaced = !is_own(a, &again);
	if (l->displaced)
		return WM_OK;
	l->slot_len = again.len;
	l->n_pieces = a->own->n_first;
	a->own->kept -= again.len;
	a->own->n_entries--;
	a->own->taken = false;
	return WM_OK;
}

static enum wm_code embed(struct buf *zone, const struct layout *l, const void *carried,
			  size_t len, const char *name, struct wm_error *err)
{
	const struct tar_own *own = l->own;
	const size_t before = zone->len;
	enum wm_code code;
	size_t n;

	if (l->displaced)
		return fail(err, REASON_SLOT_DISPLACED, "%s: statements in a member '"
			    TAR_SLOT_NAME "' where weightmark puts none", name);
	if (own->taken)
		return fail(err, REASON_SLOT_KEY_TAKEN, "%s: has a member '" TAR_SLOT_NAME
			    "' of its own", name);
	code = write_slot(zone, carried, len, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	n = zone->len - before;
	if (own->n_entries == LIMIT_FILES || n > LIMIT_HEADER - own->kept) {
		buf_truncate(zone, before);
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: a slot would be one member, or %zu bytes of headers, too many",
			    name, n);
	}
	return layout_append_zone(zone, l, err);
}

/* --- plain --------------------------------------------------------------------------- */

/* Reads the end, which is the zone. */
static enum wm_code read_end(struct tar_archive *a, struct wm_error *err)
{
	const uint64_t len = a->t.w.size - a->t.at;
	const uint8_t *data = NULL;
	void *memory = NULL;
	struct layout *l = a->t.l;

	if (len > TAR_END_MAX)
		return fail(err, REASON_TAR_END, "%s: %llu bytes behind the block of zeros at %llu",
			    a->t.w.name, (unsigned long long)len, (unsigned long long)a->t.at);
	TRY(arena_alloc(&memory, &l->arena, (size_t)len, err));
	TRY(window_read(&a->t.w, memory, (size_t)len, a->t.at, err));
	data = memory;
	TRY(check_end(a->t.w.name, data, len, err));
	TRY(find_slot(a, err));
	l->size = a->t.w.size - l->slot_len;
	l->zone.from = a->t.at - l->slot_len;
	l->zone.to = l->size;
	return layout_add_piece(l, l->zone.from, data, (size_t)len, err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_tar_archive struct tar_archive a = { .t = { .w = *w, .l = l, .pieces = true } };

	TRY(make_own(&a, err));
	TRY(tar_read_members(&a, err));
	TRY(read_end(&a, err));
	return tar_place(&a, true, err);
}

static const char *const suffixes[] = { ".tar", NULL };

static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	static const char magic[] = "ustar";

	(void)size;
	return file_ends_with_any(name, nemo) ||
	       (len >= TAR_BLOCK && memcmp(start + MAGIC_OFF, magic, sizeof(magic) - 1) == 0) ||
	       tar_is_first_block(start, len);
}

const struct format format_tar = {
	.grammar = "tar/1", .suffixes = suffixes, .claims = claims, .parse = parse, .embed = embed,
	.gather = tar_gather, .check = tar_check,
};

/* --- compressed ---------------------------------------------------------------------- */

static enum wm_code read_end_gz(struct tar_archive *a, struct wm_error *err)
{
	cleanup_buf struct buf end = BUF_INIT(TAR_END_MAX + TAR_BLOCK);
	size_t n = 0;

	TRY(buf_reserve(&end, TAR_END_MAX + TAR_BLOCK, err));
	TRY(inflate_read_up_to(a->t.w.stream, end.data, TAR_END_MAX + TAR_BLOCK, a->t.at, &n, err));
	return check_end(a->t.w.name, end.data, n, err);
}

/* No more comes of `size` bytes than this, or inflating them fails. */
static uint64_t most_inflated(uint64_t size)
{
	uint64_t most;

	if (__builtin_mul_overflow(size, (uint64_t)LIMIT_RATIO, &most) ||
	    __builtin_add_overflow(most, (uint64_t)INFLATE_FREE, &most))
		return INT64_MAX;
	return most;
}

static enum wm_code parse_gz(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_tar_archive struct tar_archive a = {
		.t = { .w = { -1, 0, most_inflated(w->size), w->name, NULL, NULL }, .l = l },
	};

	TRY(make_own(&a, err));
	TRY(inflate_open(&a.own->stream, &l->arena, w, INFLATE_GZIP, err));
	a.t.w.stream = a.own->stream;
	TRY(tar_read_members(&a, err));
	TRY(read_end_gz(&a, err));
	l->size = w->size;
	return tar_place(&a, false, err);
}

static const char *const suffixes_gz[] = { ".tar.gz", ".tgz", NULL };

static bool claims_gz(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)size;
	return file_ends_with_any(name, nemo) && len >= 2 && start[0] == 0x1f && start[1] == 0x8b;
}

const struct format format_tar_gz = {
	.grammar = "tar.gz/1", .suffixes = suffixes_gz, .claims = claims_gz, .parse = parse_gz,
	.gather = tar_gather,
};
