/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of safetensors files and their slots share. */
#ifndef FORMAT_SAFETENSORS_INTERNAL_H
#define FORMAT_SAFETENSORS_INTERNAL_H

#include "format/format.h"

enum { SAFETENSORS_LENGTH_BYTES = 8 }; /* in front of the header */

/* The offset of the first byte from `at` on that is no JSON white space, or `len`. */
static inline size_t safetensors_skip_spaces(const uint8_t *data, size_t len, size_t at)
{
	while (at < len && (data[at] == ' ' || data[at] == '\t' || data[at] == '\r' ||
			    data[at] == '\n'))
		at++;
	return at;
}

/*
 * Takes the slot, if there is one, out of l->head and l->metadata, which hold a whole file
 * that was read strictly; sets slot_len, carried and displaced.
 */
MUST_USE enum wm_code safetensors_take_slot(struct layout *l, const char *name,
					    struct wm_error *err);

/* format_safetensors.embed */
MUST_USE enum wm_code safetensors_embed(struct buf *head, const struct layout *l,
					const void *carried, size_t len, const char *name,
					struct wm_error *err);

/* format_safetensors.take_displaced: its entry and comma go, spaces keep the alignment. */
MUST_USE enum wm_code safetensors_take_displaced(struct buf *head, const struct layout *l,
						 const char *name, struct wm_error *err);

#endif
