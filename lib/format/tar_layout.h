/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a tar file in one layout: those of known formats, read where they lie,
 * give it their tensors (format/tar.c).
 */
#ifndef FORMAT_TAR_LAYOUT_H
#define FORMAT_TAR_LAYOUT_H

#include "format/inflate.h"
#include "format/tar_read.h"

#define TAR_SLOT_NAME SLOT_KEY ".wmk.wm1"

/* A member, and where it was parsed its layout. */
struct tar_entry {
	struct tar_member m;
	size_t layout; /* index into l->members; SIZE_MAX: opaque */
};

/* A member whose format compares what all bytes tell. */
struct tar_checked {
	const struct layout *inner;
	uint64_t off, size;
	const char *name;
};

/* What a layout of a tar file has for itself: l->own. */
struct tar_own {
	size_t n_entries, kept;
	bool taken;		/* the name of slots is some member's, or a folder's */
	struct inflate *stream; /* of a compressed one, */
	int stream_fd;		/* of this file; -1: of none any more */
	size_t n_first;		/* pieces before the last member's */
	struct tar_checked *checked; /* members with something to check, n_checked of them */
	size_t n_checked;
};

/* All members while they are read. */
struct tar_archive {
	struct tar t;
	struct tar_own *own;
	struct tar_entry *entries; /* in the order of the file, own->n_entries of them */
	const uint8_t *value;	   /* of the member with the name of slots, or NULL */
	size_t value_len;
	size_t value_entry;
	unsigned n_apart; /* members that a child process reads */
};

/* Reads all members; t.at is then where the zero blocks begin. */
MUST_USE enum wm_code tar_read_members(struct tar_archive *a, struct wm_error *err);

/* Makes the tensors of l->members those of the layout, with segments or with sources. */
MUST_USE enum wm_code tar_place(struct tar_archive *a, bool segments, struct wm_error *err);

/* format.h, `gather`, of both formats. */
MUST_USE enum wm_code tar_gather(const struct layout *l, const struct tensor *t,
				 const struct window *w, const struct sink *sink,
				 struct wm_error *err);

/* format.h, `check`, of what is not compressed. */
MUST_USE enum wm_code tar_check(const struct layout *l, const struct window *w,
				struct wm_error *err);

void tar_archive_release(struct tar_archive *a);
#define cleanup_tar_archive __attribute__((cleanup(tar_archive_release)))

#endif
