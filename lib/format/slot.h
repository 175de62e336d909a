/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: statements embedded in a checkpoint's own metadata by pure insertion
 * (docs/format.md, "Slots").
 *
 *	insertion = one range of k * 4096 bytes: what the format needs around a value, and
 *	value     = "wm1." form "." k "." base64 padding
 *	form      = one lower-case letter that says what was inserted; each format has its own
 *	k         = decimal without leading zeros, as small as can be
 *	base64    = RFC 4648 section 4, with "=", of the bytes of a sidecar
 *	padding   = "." as often as the length demands
 *
 * A format takes a value for a slot only where the insertion that it would itself make of
 * the decoded bytes has the same bytes at the same place. So no byte of a slot is free, and
 * taking it out is the exact inverse.
 */
#ifndef FORMAT_SLOT_H
#define FORMAT_SLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum { SLOT_UNIT = 4096 };

/* The name under which formats keep the value. */
#define SLOT_KEY "weightmark"

/* Whether a value begins as those of slots do; otherwise it is anybody's metadata. */
bool slot_claims(const char *value, size_t len);

/*
 * Appends the value of an insertion that has `around` bytes besides it, and whose length
 * is the smallest multiple of `unit` (a multiple of SLOT_UNIT) that holds `carried`.
 * Fails with `slot-too-large` where `len` is over LIMIT_SLOT.
 */
MUST_USE enum wm_code slot_write_value(struct buf *out, char form, size_t around, size_t unit,
				       const void *carried, size_t len, struct wm_error *err);

/*
 * Reads a value: its form, and the bytes that it carries appended to `carried`. False,
 * with nothing appended, where it does not follow the grammar above; whether its length
 * is that of an insertion is for the format to see. Fails only for want of memory.
 */
MUST_USE enum wm_code slot_read_value(bool *is_slot, char *form, struct buf *carried,
				      const char *value, size_t len, struct wm_error *err);

#endif
