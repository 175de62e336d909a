/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one file by ranges from several threads, in about ascending order, at the
 * speed of the page cache where it is warm and of the storage where it is cold.
 *
 * Each range is first asked for without waiting. Where that falls short, the file is
 * taken to be cold for a while, and a window ahead of the readers is requested, so that
 * the storage always has work; a warm file costs no further system calls.
 */
#ifndef DIGEST_READER_H
#define DIGEST_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest/measure.h"

struct reader {
	const struct view *view;     /* borrowed */
	_Atomic uint64_t requested;  /* requested ahead up to here, in the file */
	_Atomic uint64_t cold_until; /* offsets below are taken to be cold, in the file */
};

void reader_init(struct reader *r, const struct view *view);

/* Reads exactly the `len` bytes at `off` of the view. Fails as file_read_at() does. */
MUST_USE enum wm_code reader_read(struct reader *r, uint8_t *out, size_t len, uint64_t off,
				  struct wm_error *err);

/* Whether anything read so far was not in the page cache. */
bool reader_missed(const struct reader *r);

/* Requests the beginning of what the view takes from its file, without waiting. Advice. */
void reader_prefetch(const struct view *view);

#endif
