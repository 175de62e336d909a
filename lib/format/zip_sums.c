/* SPDX-License-Identifier: Apache-2.0 */
/* Check sums of what zip archives hold as it is, which Python's zipfile compares. */
#include "format/inflate.h"
#include "format/zip.h"

enum { STEP_BYTES = 65536 };

struct sum {
	const struct sum *next;
	const char *name;
	uint64_t off, len;
	uint32_t crc32;
};

enum wm_code zip_keep_sums(struct layout *l, const struct zip *z, uint64_t base,
			   struct wm_error *err)
{
	for (size_t i = 0; i < z->n_members; i++) {
		const struct zip_member *m = &z->members[i];
		void *memory = NULL;
		char *name = NULL;

		if (m->deflated)
			continue;
		TRY(arena_alloc(&memory, &l->arena, sizeof(struct sum), err));
		TRY(arena_copy(&name, &l->arena, m->name, m->name_len, err));
		*(struct sum *)memory =
			(struct sum){ l->own, name, base + m->off, m->len, m->crc32 };
		l->own = memory;
	}
	return WM_OK;
}

static enum wm_code check_sum(const struct sum *s, const struct window *w, struct wm_error *err)
{
	uint8_t step[STEP_BYTES];
	uint32_t crc = 0;

	for (uint64_t at = 0; at < s->len;) {
		size_t n = s->len - at < sizeof(step) ? (size_t)(s->len - at) : sizeof(step);

		TRY(window_read(w, step, n, s->off + at, err));
		crc = inflate_crc32(crc, step, n);
		at += n;
	}
	if (crc != s->crc32)
		return fail(err, REASON_ZIP_CHECKSUM,
			    "%s: member '%.80s' has the CRC-32 %08x, and its archive says %08x",
			    w->name, s->name, crc, s->crc32);
	return WM_OK;
}

enum wm_code zip_check_sums(const struct layout *l, const struct window *w, struct wm_error *err)
{
	for (const struct sum *s = l->own; s; s = s->next)
		TRY(check_sum(s, w, err));
	return WM_OK;
}
