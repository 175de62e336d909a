/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine by which pickles are looked through: bytes, stack, memo. pickle_scan.c has the
 * opcodes.
 */
#ifndef FORMAT_PICKLE_SCAN_H
#define FORMAT_PICKLE_SCAN_H

#include "format/pickle.h"
#include "util/cursor.h"

/* A value: where its text stands, where all bytes are at hand. */
struct value {
	uint32_t off, len;
	uint8_t kind;
};

/* What may be text; what is; what is not; and a mark. */
enum { VALUE_UNKNOWN, VALUE_TEXT, VALUE_OTHER, VALUE_MARK };

struct scan {
	struct cursor c;
	const char *name;
	const struct pickle_names *names; /* NULL: nobody asks, and unpicklers are followed */
	struct value *stack, *memo;
	size_t n, cap, memo_cap;
	size_t n_memoized;
	const struct window *w; /* where the bytes are read from in turn; NULL: all are there */
	uint8_t *room;		/* that they are read into */
	uint64_t off;		/* in the window, of the first of them */
	uint64_t n_opcodes;
	bool far;    /* what was put is not all kept: nothing is known of what is got */
	bool marked; /* with a protocol */
	bool named;  /* a global, */
	bool called; /* and then something, which may be it; or it is no text, and imports it */
	bool alien;  /* no unpickler goes on from here */
	bool unread; /* the window could not be read, or memory was short for it */
};

void scan_release(struct scan *s);
#define cleanup_scan __attribute__((cleanup(scan_release)))

/* Fail for what a pickle cannot be; alien: no unpickler goes on either. */
MUST_USE enum wm_code scan_malformed(const struct scan *s, const char *what,
				struct wm_error *err);
MUST_USE enum wm_code scan_alien(struct scan *s, const char *what, struct wm_error *err);

/*
 * Bytes that are not taken yet; going to another place in the window; taking the next `n` of them,
 * at most some tens, NULL where there are not so many.
 */
uint64_t scan_left(const struct scan *s);
MUST_USE enum wm_code scan_go_to(struct scan *s, uint64_t off, struct wm_error *err);
MUST_USE enum wm_code scan_take(const uint8_t **out, struct scan *s, size_t n,
				struct wm_error *err);

/*
 * The stack. `replace` puts one value of a kind in the place of `n`, or of those down to the
 * mark; `apply` takes them away from the value below, which must be there.
 */
MUST_USE enum wm_code scan_push(struct scan *s, struct value v, struct wm_error *err);
MUST_USE enum wm_code scan_drop_marked(struct scan *s, struct wm_error *err);
MUST_USE enum wm_code scan_apply(struct scan *s, size_t n, struct wm_error *err);
MUST_USE enum wm_code scan_apply_marked(struct scan *s, struct wm_error *err);
MUST_USE enum wm_code scan_replace(struct scan *s, size_t n, uint8_t kind,
				    struct wm_error *err);
MUST_USE enum wm_code scan_replace_marked(struct scan *s, uint8_t kind, struct wm_error *err);

/*
 * Arguments: little-endian numbers; counted bytes and lines, as a value of a kind. A line that
 * may name a module, or what is in one, has letters, digits, `_`, `.` and what is not ASCII; a
 * module is looked for as a file, whose name may have `-` and `/` besides. On others unpicklers
 * fail, and text is full of them.
 */
MUST_USE enum wm_code scan_take_number(uint64_t *out, struct scan *s, unsigned bytes,
				       struct wm_error *err);
MUST_USE enum wm_code scan_push_counted(struct scan *s, unsigned bytes, uint8_t kind,
					struct wm_error *err);
MUST_USE enum wm_code scan_take_line(struct value *out, struct scan *s, uint8_t kind,
				     struct wm_error *err);
MUST_USE enum wm_code scan_push_line(struct scan *s, uint8_t kind, struct wm_error *err);
MUST_USE enum wm_code scan_pass_name(struct scan *s, bool module, struct wm_error *err);

/* The memo. What is put far beyond all else is not kept: nothing is known of what is got then. */
MUST_USE enum wm_code scan_put(struct scan *s, uint64_t number, struct wm_error *err);
MUST_USE enum wm_code scan_put_numbered(struct scan *s, unsigned bytes, struct wm_error *err);
MUST_USE enum wm_code scan_get_numbered(struct scan *s, unsigned bytes, struct wm_error *err);
MUST_USE enum wm_code scan_put_decimal(struct scan *s, struct wm_error *err);
MUST_USE enum wm_code scan_get_decimal(struct scan *s, struct wm_error *err);

#endif
