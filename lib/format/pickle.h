/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python pickles as data: what one would build, without building it.
 *
 * A machine reads the opcodes that PyTorch's weights-only loader knows, no others, and makes
 * values of them. Names of globals are values like any other; nothing is looked up, imported
 * or called: what a call would return is a node that says which call.
 *
 *	cleanup_pickle struct pickle p = PICKLE_INIT;
 *	TRY(pickle_read(&p, data, len, name, err));
 *	const struct pickle_node *root = pickle_node(&p, p.root);
 */
#ifndef FORMAT_PICKLE_H
#define FORMAT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/format.h"
#include "util/error.h"

enum pickle_kind {
	PICKLE_NONE,
	PICKLE_BOOL,	/* integer is 0 or 1 */
	PICKLE_INTEGER, /* of 64 bits; larger ones are PICKLE_OTHER */
	PICKLE_OTHER,	/* a number that nothing here needs */
	PICKLE_TEXT,	/* UTF-8, or bytes: `n` of them at `off` of the pickle */
	PICKLE_TUPLE,	/* `n` items; also of LIST, SET, and of DICT key by key with its value */
	PICKLE_LIST,
	PICKLE_SET,
	PICKLE_DICT,
	PICKLE_GLOBAL, /* items: module and name, both TEXT */
	PICKLE_CALL,   /* items: what is called, its arguments (TUPLE), then what was set on it: */
		       /* a STATE by each BUILD, a LIST or DICT by each APPENDS or SETITEMS */
	PICKLE_STATE,  /* items: the state */
	PICKLE_PERSISTENT, /* items: the id */
};

struct pickle_node {
	uint8_t kind;
	bool is_new; /* of a CALL: of a class's __new__, by NEWOBJ */
	uint32_t n;  /* items, or bytes */
	union {
		int64_t integer;
		uint64_t off;
		struct {
			uint32_t first, last; /* cells */
		} items;
	};
};

/* One item of a node. */
struct pickle_cell {
	uint32_t node, next; /* next is 0 at the end */
};

struct pickle {
	const uint8_t *data; /* borrowed */
	size_t len;	     /* of the pickle alone; what follows it is not its own */
	struct pickle_node *nodes;
	struct pickle_cell *cells; /* number 0 is none */
	uint32_t n_nodes, nodes_cap, n_cells, cells_cap;
	uint32_t root;
};

#define PICKLE_INIT { 0 }
#define PICKLE_FAR UINT32_MAX

void pickle_release(struct pickle *p);
#define cleanup_pickle __attribute__((cleanup(pickle_release)))

/*
 * Reads the pickle that begins at `data`; p->len is where it ends. Fails with
 * `pickle-malformed`, `pickle-opcode` (one that is not known) and `limit`. `name` is used in
 * messages only.
 */
MUST_USE enum wm_code pickle_read(struct pickle *p, const void *data, size_t len,
				  const char *name, struct wm_error *err);

static inline const struct pickle_node *pickle_node(const struct pickle *p, uint32_t number)
{
	return &p->nodes[number];
}

/* Item `i` of a node, or PICKLE_FAR. Linear: for nodes of few items. */
uint32_t pickle_item(const struct pickle *p, const struct pickle_node *n, uint32_t i);

/* Whether a node is this text. */
bool pickle_text_is(const struct pickle *p, const struct pickle_node *n, const char *text);

/* Whether a node is the global `module`.`name`. */
bool pickle_global_is(const struct pickle *p, const struct pickle_node *n, const char *module,
		      const char *name);

/*
 * Calls `take` with "module.name" of each global that a pickle of any protocol (0 to 5) names,
 * more than once where it does so; those whose name is computed are "(computed)". No values
 * are made. Opcodes, lengths and arguments are checked; `*used` is where it ends.
 * Fails with `pickle-malformed`, and as `take` does.
 */
struct pickle_names {
	enum wm_code (*take)(void *context, const char *name, size_t len, struct wm_error *err);
	void *context;
};
MUST_USE enum wm_code pickle_scan(size_t *used, const void *data, size_t len,
				  const struct pickle_names *names, const char *name,
				  struct wm_error *err);

/* What unpicklers make of a file from its first byte on. */
enum pickle_look {
	PICKLE_IS_NONE, /* text and numbers are none, but by a chance of one in millions */
	PICKLE_IS_ONE,	/* whole, or after PROTO nothing but pickles is seen */
	PICKLE_CALLS,	/* and it calls something that it names, whatever comes after */
};

/*
 * Looks at all of the window, or so much as unpicklers would read, hopping over arguments; memory
 * is bounded. Fails where that cannot be told.
 */
MUST_USE enum wm_code pickle_runs(enum pickle_look *out, const struct window *w,
				  struct wm_error *err);

#endif
