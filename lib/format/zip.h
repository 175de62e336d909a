/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives (PKWARE APPNOTE 6.3.10), as a checkpoint may be one: strictly, so that no two
 * readers see different members in one file. The grammar stands in format/zip.c.
 *
 *	cleanup_zip struct zip z = { 0 };
 *	TRY(zip_read(&z, l, w, err));	      the archive's own bytes become pieces of l
 *	TRY(zip_take_slot(&z, l, w, SLOT, err));
 *	...
 *	TRY(zip_close(&z, l, err));	      zone and pieces are final
 */
#ifndef FORMAT_ZIP_H
#define FORMAT_ZIP_H

#include "format/format.h"

/* One member. Names live in the layout's arena. */
struct zip_member {
	const char *name; /* relative, plain; zero-terminated. A directory ends with '/' */
	size_t name_len;
	uint16_t flags;	     /* general purpose bits, APPNOTE 4.4.4 */
	bool deflated;	     /* method 8; else stored */
	uint32_t crc32;	     /* of its bytes, as the archive says: zip_check_sums() compares */
	uint64_t header_off; /* of the local header, in the window */
	uint64_t off;	     /* of its bytes as stored */
	uint64_t stored_len; /* of those; `len` where it is not deflated */
	uint64_t len;	     /* of its bytes */
};

struct zip {
	const char *name; /* of the file, for messages */
	struct zip_member *members; /* as the central directory lists them */
	size_t n_members;
	uint32_t *by_name;	    /* n_members indices, by the names without regard to case */
	uint64_t directory_off;	    /* of the central directory */
	uint8_t *tail;		    /* the view's bytes from there to its end, in its arena */
	size_t tail_len;
};

void zip_release(struct zip *z);
#define cleanup_zip __attribute__((cleanup(zip_release)))

/* Whether a file begins with a local header, or with the end record of an empty archive. */
bool zip_claims(const uint8_t *start, size_t len);

/*
 * Reads and checks all records. Fails with `zip-malformed`, `zip-duplicate` (also of names that
 * differ in case alone), `zip-name`, `zip-method` (encrypted, or neither stored nor deflated),
 * `zip-bomb` (members would take more than LIMIT_RATIO times the file), `header-too-large`,
 * `limit`.
 */
MUST_USE enum wm_code zip_read(struct zip *z, struct layout *l, const struct window *w,
			       struct wm_error *err);

/*
 * Finds the slot, which is the member `slot`: takes it out of members and tail and sets
 * l->slot_len and l->carried; or l->displaced where its value stands another way.
 */
MUST_USE enum wm_code zip_take_slot(struct zip *z, struct layout *l, const struct window *w,
				    const char *slot, struct wm_error *err);

/* Hands pieces, tail and zone to the layout, whose size it sets. */
MUST_USE enum wm_code zip_close(struct zip *z, struct layout *l, struct wm_error *err);

/*
 * Appends what stands in place of the zone in a file with the slot `slot`: for `embed` of
 * formats that are archives. Fails as struct format says (also with `header-too-large`), and
 * with `no-slot` where that would need the records of large archives.
 */
MUST_USE enum wm_code zip_embed(struct buf *zone, const struct layout *l, const char *slot,
				const void *carried, size_t len, const char *name,
				struct wm_error *err);

/*
 * For `embed`: the first component of the name of the first member, zero-terminated, at most
 * `size` bytes with its zero. Fails with `internal` where there is none.
 */
MUST_USE enum wm_code zip_first_directory(char *out, size_t size, const struct layout *l,
					  const char *name, struct wm_error *err);

/* Whether names differ in the case of ASCII letters at most. No two members have such. */
bool zip_same_name(const char *a, const char *b);

/* The member of exactly this name, or NULL. Borrowed. */
const struct zip_member *zip_find(const struct zip *z, const char *name);

/* Its bytes as stored, as a window. `name` is used in messages and tells the suffix. */
struct window zip_window(const struct zip_member *m, const struct window *w, const char *name);

/*
 * Reads a stored member of at most `max` bytes into the layout's arena, and makes it a piece.
 * Fails with `limit`, and `zip-method` where it is deflated.
 */
MUST_USE enum wm_code zip_load(const uint8_t **out, struct layout *l, const struct zip_member *m,
			       size_t max, const struct window *w, struct wm_error *err);

/*
 * Keeps in l->own what the archive, which begins at `base` of the layout's window, says of the
 * bytes of its stored members; beside what was kept before.
 */
MUST_USE enum wm_code zip_keep_sums(struct layout *l, const struct zip *z, uint64_t base,
				    struct wm_error *err);

/* struct format.check: fails with `zip-checksum` where a member that was kept has other bytes. */
MUST_USE enum wm_code zip_check_sums(const struct layout *l, const struct window *w,
				     struct wm_error *err);

#endif
