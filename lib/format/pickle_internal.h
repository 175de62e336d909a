/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine that reads pickles and what it makes of values share. */
#ifndef FORMAT_PICKLE_INTERNAL_H
#define FORMAT_PICKLE_INTERNAL_H

#include "format/pickle.h"
#include "util/cursor.h"

#define PICKLE_MARK UINT32_MAX /* on the stack */

struct pickle_machine {
	struct pickle *p;
	struct cursor c;
	const char *name;
	uint32_t *stack; /* nodes and marks */
	size_t n_stack, stack_cap;
	uint32_t *memo; /* nodes plus one; 0: nothing */
	size_t memo_cap;
};

/* All fail with `pickle-malformed` where the stack or the pickle has not what they need. */
enum wm_code pickle_malformed(const struct pickle_machine *m, const char *what,
			      struct wm_error *err);
MUST_USE enum wm_code pickle_push(struct pickle_machine *m, uint32_t number,
				  struct wm_error *err);
MUST_USE enum wm_code pickle_pop(uint32_t *out, struct pickle_machine *m, struct wm_error *err);

/* A new node without items, which are appended; fail with `limit`. */
MUST_USE enum wm_code pickle_new(uint32_t *out, struct pickle_machine *m, enum pickle_kind kind,
				 struct wm_error *err);
MUST_USE enum wm_code pickle_append(struct pickle_machine *m, uint32_t to, uint32_t item,
				    struct wm_error *err);

/* TUPLE of the values above the mark, TUPLE1 to TUPLE3. */
MUST_USE enum wm_code pickle_marked_tuple(struct pickle_machine *m, struct wm_error *err);
MUST_USE enum wm_code pickle_short_tuple(struct pickle_machine *m, size_t n,
					 struct wm_error *err);

/* APPENDS or SETITEMS, by the kind of what holds the items; APPEND or SETITEM, of `n` values. */
MUST_USE enum wm_code pickle_add_marked(struct pickle_machine *m, enum pickle_kind kind,
					struct wm_error *err);
MUST_USE enum wm_code pickle_add_few(struct pickle_machine *m, size_t n, enum pickle_kind kind,
				     struct wm_error *err);

/* REDUCE, NEWOBJ, BUILD, BINPERSID. */
MUST_USE enum wm_code pickle_call(struct pickle_machine *m, bool is_new, struct wm_error *err);
MUST_USE enum wm_code pickle_build(struct pickle_machine *m, struct wm_error *err);
MUST_USE enum wm_code pickle_persistent(struct pickle_machine *m, struct wm_error *err);

#endif
