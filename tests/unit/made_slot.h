/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of slots in every format. */
#ifndef MADE_SLOT_H
#define MADE_SLOT_H

#include "made.h"

/* Asserts that two layouts are of one view: sizes, pieces, segments, tensors, metadata. */
void assert_same_view(const struct layout *a, const struct layout *b);

/*
 * Appends what the file `bytes` becomes with a slot that carries these, and asserts that this has
 * the same view, carries them, is made again by embedding them anew, and is stripped to `bytes`.
 */
void made_slotted(struct buf *out, const struct buf *bytes, const char *name, const void *carried,
		  size_t len);

/* What a value is taken for: a slot, one that is displaced, or somebody's own under its key. */
enum found { SLOT, DISPLACED, TAKEN };

/* Asserts that of a file of so many bytes whose slot would carry "sidecar" in one SLOT_UNIT. */
void assert_found(const struct layout *l, size_t file_len, enum found found);

/* Embeds "sidecar" with every allocation failing. */
void embed_without_memory(struct layout *l);

#endif
