/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that differ in bytes and are one to a file system that ignores case or Unicode
 * form (APFS, NTFS, ext4 with casefold).
 */
#ifndef TEXT_FOLD_H
#define TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/* Whether `text` is its own folded form, as lower-case ASCII is; false may also mean "perhaps". */
bool fold_is_plain(const char *text, size_t len);

/*
 * Appends the folded form of `text`, which must be well-formed UTF-8: decomposed, case
 * folded in full ("ß" is "ss"), composed to NFC. Equal forms are canonical caseless matches
 * (Unicode Standard, section 3.13, D145); no language has rules of its own here.
 */
MUST_USE enum wm_code fold_append(struct buf *out, const char *text, size_t len,
				  struct wm_error *err);

#endif
