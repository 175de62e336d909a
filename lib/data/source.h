/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records are cut out of: one file or folder at a time, a batch of records at a time, so that
 * threads which digest them need little memory and no list of them. Private to lib/data.
 */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "data/records_read.h"
#include "util/buf.h"

enum { BATCH_ITEMS = 1024, BATCH_BYTES = 1 << 20, BATCH_NAMES = 1 << 18 };

/* Where the bytes of an item are. */
enum item_place {
	PLACE_BATCH, /* in the batch's own bytes, from `off` on */
	PLACE_FILE,  /* in the file `fd` of the batch, from `off` on */
	PLACE_PATH,  /* all of the file that the item names, beneath the folder `fd`, or anywhere */
};

struct record_item {
	uint64_t off, len; /* bytes; not known of PLACE_PATH */
	uint64_t number;   /* of a line or row, from 1; 0: it has a name */
	size_t name;	   /* where it begins in the batch's names, with a zero at its end */
};

struct record_batch {
	enum item_place place;
	struct record_item items[BATCH_ITEMS];
	size_t n;
	struct buf names; /* at most BATCH_NAMES, and one more name */
	struct buf bytes; /* at most LIMIT_RECORD_LINE */
	int fd;		  /* borrowed from the source; -1: paths stand for themselves */
	bool beneath;	  /* names are looked up beneath `fd`, and no link is followed */
	const char *path; /* of `fd`, for messages; borrowed */
};

/* One open file or folder. Several threads may ask for batches, one at a time. */
struct record_source;
struct source_ops {
	/* Fills the batch, which is empty; n is 0 at the end. */
	enum wm_code (*next)(struct record_source *s, struct record_batch *b,
			     struct wm_error *err);
	/* Whether nothing changed since it was opened; called once, when all was read. */
	enum wm_code (*finish)(struct record_source *s, struct wm_error *err);
	void (*free)(struct record_source *s);
};
struct record_source {
	const struct source_ops *ops;
	uint64_t size; /* bytes to be read, or 0 where that is not known */
};

static inline void source_free(struct record_source *s)
{
	if (s)
		s->ops->free(s);
}
DEFINE_CLEANUP(source, struct record_source, source_free)
#define cleanup_source __attribute__((cleanup(source_cleanup_)))

enum lines_form {
	LINES_JSONL,
	LINES_ROWS, /* of CSV */
	LINES_DATA, /* rows of CSV behind the first, which names the columns and is not counted */
};

/* Records of this form; `*number` counts those of files before, and goes on. */
MUST_USE enum wm_code source_open_lines(struct record_source **out, const char *path,
					enum lines_form form, uint64_t *number,
					struct wm_error *err);
MUST_USE enum wm_code source_open_tar(struct record_source **out, const char *path,
				      struct wm_error *err);
/* `seen` (or NULL) enters it. */
MUST_USE enum wm_code source_open_folder(struct record_source **out, const char *path,
					 struct seen *seen, struct wm_error *err);
/* Each of the `n` files as a whole. */
MUST_USE enum wm_code source_open_list(struct record_source **out, const char *const *paths,
				       size_t n, struct wm_error *err);

/* Appends a name to those of the batch, and makes an item with it. */
MUST_USE enum wm_code batch_add_named(struct record_batch *b, const char *name, uint64_t off,
				      uint64_t len, struct wm_error *err);

/* Whether the file at `fd` is as it was; `file-changed` where not. */
MUST_USE enum wm_code source_unchanged(int fd, const struct stat *opened, const char *path,
				       struct wm_error *err);

/*
 * How many bytes the first row of CSV takes, with its line end, and without it in `*row_len`; 0
 * where there is no whole row yet. `last`: the file ends with these bytes. Fails with
 * `csv-malformed`.
 */
MUST_USE enum wm_code csv_row(size_t *taken, size_t *row_len, const uint8_t *data, size_t len,
			      bool last, const char *name, struct wm_error *err);

#endif
