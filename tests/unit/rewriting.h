/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose beginning is to change, and file systems to change them on. */
#ifndef REWRITING_H
#define REWRITING_H

#include "harness.h"

#include "checkpoint/rewrite.h"

/* A file of known bytes, and what is to become of it. */
struct subject {
	char path[4096], journal[4096];
	size_t size, from, to, len, new_size; /* [from, to) is replaced by `len` bytes */
	uint8_t *old, *new; /* the whole file before and after */
	int fd;		    /* of the file, for reading; -1: subject_change() opens it */
};

/*
 * Says what the file `directory`/model is to be; subject_make() writes it too. Its bytes differ
 * everywhere from those it is to have.
 */
void subject_plan(struct subject *s, const char *directory, size_t size, size_t to, size_t len);
void subject_make(struct subject *s, const char *directory, size_t size, size_t to, size_t len);
/* The same for an end, from `from` on. */
void subject_plan_end(struct subject *s, const char *directory, size_t size, size_t from,
		      size_t len);
void subject_make_end(struct subject *s, const char *directory, size_t size, size_t from,
		      size_t len);
void subject_release(struct subject *s); /* the file stays */
#define cleanup_subject __attribute__((cleanup(subject_release)))

struct rewrite subject_rewrite(const struct subject *s);
enum wm_code subject_change(struct subject *s, struct wm_error *err); /* in place */

/* Whether the file `path` has exactly these bytes. */
bool holds_bytes(const char *path, const uint8_t *bytes, size_t len);
void assert_old(const struct subject *s); /* old bytes, no journal */
void assert_new(const struct subject *s); /* new bytes, no journal */

size_t count_names(const char *directory);

/*
 * A new file system of `mib` MiB in an image, mounted for this process and its children on
 * a new directory; NULL with a message where that is not permitted or `mkfs` is missing.
 */
char *disk_new(const char *mkfs, unsigned mib);
void disk_remove(char *directory);

#endif
