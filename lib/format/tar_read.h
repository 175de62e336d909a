/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of tar files, one after the other; the grammar stands in format/tar.c. Sole
 * user of libtar, for what it says of single header blocks.
 */
#ifndef FORMAT_TAR_READ_H
#define FORMAT_TAR_READ_H

#include "format/format.h"

enum {
	TAR_BLOCK = 512,
	TAR_NAME_BYTES = 100,	   /* of a name in a header */
	TAR_PAX_MAX = 1 << 20,	   /* bytes of one extended header */
	TAR_END_MIN = 2 * TAR_BLOCK,
	TAR_END_MAX = 1 << 20,	   /* bytes of the end */
};

/* A file or a folder. */
struct tar_member {
	const char *name;     /* plain and relative, without "./" and "/" behind; "" is the root */
	uint64_t header, off; /* of its header block, and of its data */
	uint64_t size;	      /* of the data, which the window has */
	bool folder;
	bool plain; /* all that is said of it stands in one block */
};

struct tar {
	struct window w; /* of a stream, its size is an upper bound */
	const uint8_t *ahead; /* bytes of the window that were read already, or NULL */
	uint64_t ahead_off;
	size_t ahead_len;
	struct layout *l;
	bool pieces; /* whether what is read becomes pieces of the layout */
	uint64_t at; /* where the next header begins, or the end */
	size_t kept; /* bytes parsed; at most LIMIT_HEADER */
};

/*
 * Reads `len` bytes into the layout's arena, and keeps them as a piece if that is wanted.
 * Fails with `tar-truncated` beyond the window, `header-too-large`, and as window_read().
 */
MUST_USE enum wm_code tar_keep(const uint8_t **out, struct tar *t, uint64_t off, size_t len,
			       struct wm_error *err);

/*
 * Reads the next member's headers, and moves behind its data; `*end` and no member where a
 * block of zero bytes stands instead. Fails with `tar-...`, as tar_keep(), and `limit`.
 */
MUST_USE enum wm_code tar_next(struct tar *t, struct tar_member *m, bool *end,
			       struct wm_error *err);

/* Writes the header of a file of that name, mode 0644 and time 0. */
void tar_write_header(uint8_t out[TAR_BLOCK], const char *name, uint64_t size);

/* The offset where the next block begins; false where 64 bits do not count it. */
bool tar_round_up(uint64_t *off);

#endif
