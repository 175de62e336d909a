/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python pickles of protocol 2 (PEP 307; the opcodes are documented in Lib/pickletools.py), as
 * far as torch/_weights_only_unpickler.py reads them.
 *
 *	pickle = "\x80\2" { opcode argument } "."
 *
 * Values stand on a stack, marks among them. Memo numbers are below the number of bytes read
 * so far, since each put takes a byte at least. Where an opcode needs a value that is not
 * there, or of another kind, the pickle is malformed.
 */
#include "format/pickle.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/cursor.h"
#include "util/limits.h"
#include "util/utf8.h"

enum {
	NODES_MAX = 1 << 20, /* 16 MiB of nodes, 8 of cells */
	STACK_MAX = 1 << 20,
	MARK = UINT32_MAX, /* on the stack */
	FIRST = 256,
};

struct machine {
	struct pickle *p;
	struct cursor c;
	const char *name;
	uint32_t *stack; /* nodes and marks */
	size_t n_stack, stack_cap;
	uint32_t *memo; /* nodes plus one; 0: nothing */
	size_t memo_cap;
};

static void machine_release(struct machine *m)
{
	free(m->stack);
	free(m->memo);
}

#define cleanup_machine __attribute__((cleanup(machine_release)))

void pickle_release(struct pickle *p)
{
	free(p->nodes);
	free(p->cells);
	*p = (struct pickle)PICKLE_INIT;
}

static enum wm_code malformed(const struct machine *m, const char *what, struct wm_error *err)
{
	return fail(err, REASON_PICKLE_MALFORMED, "%s: pickle byte %zu: %s", m->name, m->c.off,
		    what);
}

static enum wm_code too_many(const struct machine *m, const char *what, struct wm_error *err)
{
	return fail(err, REASON_LIMIT, "%s: a pickle of too many %s", m->name, what);
}

/* Makes room for one more of `size` bytes. */
static enum wm_code grow(void **list, size_t *cap, size_t n, size_t size, struct wm_error *err)
{
	size_t more = *cap ? *cap * 2 : FIRST;
	void *grown;

	if (n < *cap)
		return WM_OK;
	grown = reallocarray(*list, more, size);
	if (!grown)
		return fail_nomem(err);
	*list = grown;
	*cap = more;
	return WM_OK;
}

/* --- nodes ---------------------------------------------------------------------------- */

static enum wm_code push(struct machine *m, uint32_t number, struct wm_error *err)
{
	void *list = m->stack;

	if (m->n_stack == STACK_MAX)
		return too_many(m, "values on the stack", err);
	TRY(grow(&list, &m->stack_cap, m->n_stack, sizeof(*m->stack), err));
	m->stack = list;
	m->stack[m->n_stack++] = number;
	return WM_OK;
}

static enum wm_code new_node(uint32_t *out, struct machine *m, enum pickle_kind kind,
			     struct wm_error *err)
{
	struct pickle *p = m->p;
	size_t cap = p->nodes_cap;
	void *list = p->nodes;

	if (p->n_nodes == NODES_MAX)
		return too_many(m, "values", err);
	TRY(grow(&list, &cap, p->n_nodes, sizeof(*p->nodes), err));
	p->nodes = list;
	p->nodes_cap = (uint32_t)cap;
	p->nodes[p->n_nodes] = (struct pickle_node){ .kind = (uint8_t)kind };
	*out = p->n_nodes++;
	return WM_OK;
}

static enum wm_code append(struct machine *m, uint32_t to, uint32_t item, struct wm_error *err)
{
	struct pickle *p = m->p;
	struct pickle_node *n;
	size_t cap = p->cells_cap;
	void *list = p->cells;

	if (p->n_cells == NODES_MAX)
		return too_many(m, "items", err);
	if (p->n_cells == 0)
		p->n_cells = 1;
	TRY(grow(&list, &cap, p->n_cells, sizeof(*p->cells), err));
	p->cells = list;
	p->cells_cap = (uint32_t)cap;
	n = &p->nodes[to];
	if (n->n == 0)
		n->items.first = p->n_cells;
	else
		p->cells[n->items.last].next = p->n_cells;
	n->items.last = p->n_cells;
	n->n++;
	p->cells[p->n_cells++] = (struct pickle_cell){ item, 0 };
	return WM_OK;
}

static enum wm_code push_new(struct machine *m, enum pickle_kind kind, struct wm_error *err)
{
	uint32_t number = 0;

	TRY(new_node(&number, m, kind, err));
	return push(m, number, err);
}

static enum wm_code push_integer(struct machine *m, enum pickle_kind kind, int64_t value,
				 struct wm_error *err)
{
	TRY(push_new(m, kind, err));
	m->p->nodes[m->p->n_nodes - 1].integer = value;
	return WM_OK;
}

static struct pickle_node *node_at(struct machine *m, uint32_t number)
{
	return &m->p->nodes[number];
}

/* The value on top, taken. */
static enum wm_code pop(uint32_t *out, struct machine *m, struct wm_error *err)
{
	if (m->n_stack == 0 || m->stack[m->n_stack - 1] == MARK)
		return malformed(m, "a value is missing", err);
	*out = m->stack[--m->n_stack];
	return WM_OK;
}

/* Where the values above the topmost mark begin; the mark is one before. */
static enum wm_code find_mark(size_t *out, const struct machine *m, struct wm_error *err)
{
	size_t at = m->n_stack;

	while (at > 0 && m->stack[at - 1] != MARK)
		at--;
	if (at == 0)
		return malformed(m, "a mark is missing", err);
	*out = at;
	return WM_OK;
}

/* --- arguments ------------------------------------------------------------------------ */

static enum wm_code take_number(uint64_t *out, struct machine *m, unsigned bytes,
				struct wm_error *err)
{
	const uint8_t *p = cursor_take(&m->c, bytes);

	if (!p)
		return malformed(m, "ends in an argument", err);
	*out = 0;
	for (unsigned i = bytes; i-- > 0;)
		*out = *out << 8 | p[i];
	return WM_OK;
}

static enum wm_code push_text(struct machine *m, size_t off, size_t len, struct wm_error *err)
{
	struct pickle_node *n;

	TRY(push_new(m, PICKLE_TEXT, err));
	n = &m->p->nodes[m->p->n_nodes - 1];
	n->off = off;
	n->n = (uint32_t)len;
	return WM_OK;
}

static enum wm_code read_text(struct machine *m, unsigned bytes, bool utf8, struct wm_error *err)
{
	const uint8_t *p;
	uint64_t len = 0;

	TRY(take_number(&len, m, bytes, err));
	p = cursor_take(&m->c, (size_t)len);
	if (!p || (utf8 && !utf8_valid(p, (size_t)len)))
		return malformed(m, "ends in text, or text is no UTF-8", err);
	return push_text(m, (size_t)(p - m->c.data), (size_t)len, err);
}

static enum wm_code take_line(size_t *off, size_t *len, struct machine *m, struct wm_error *err)
{
	const uint8_t *start = m->c.data + m->c.off;
	const uint8_t *end = memchr(start, '\n', cursor_left(&m->c));

	if (!end || !utf8_valid(start, (size_t)(end - start)))
		return malformed(m, "a name does not end, or is no UTF-8", err);
	*off = m->c.off;
	*len = (size_t)(end - start);
	cursor_take(&m->c, *len + 1);
	return WM_OK;
}

/* GLOBAL: two lines. */
static enum wm_code read_global(struct machine *m, struct wm_error *err)
{
	uint32_t parts[2] = { 0 }, global = 0;

	for (size_t i = 0; i < 2; i++) {
		size_t off = 0, len = 0;

		TRY(take_line(&off, &len, m, err));
		TRY(push_text(m, off, len, err));
		TRY(pop(&parts[i], m, err));
	}
	TRY(new_node(&global, m, PICKLE_GLOBAL, err));
	TRY(append(m, global, parts[0], err));
	TRY(append(m, global, parts[1], err));
	return push(m, global, err);
}

/* LONG1: two's complement. */
static enum wm_code read_long(struct machine *m, struct wm_error *err)
{
	uint64_t len = 0, value = 0;
	const uint8_t *p;

	TRY(take_number(&len, m, 1, err));
	p = cursor_take(&m->c, (size_t)len);
	if (!p)
		return malformed(m, "ends in a number", err);
	if (len > 8)
		return push_new(m, PICKLE_OTHER, err);
	if (len > 0 && p[len - 1] & 0x80)
		value = UINT64_MAX;
	for (size_t i = (size_t)len; i-- > 0;)
		value = value << 8 | p[i];
	return push_integer(m, PICKLE_INTEGER, (int64_t)value, err);
}

/* --- the memo ------------------------------------------------------------------------- */

static enum wm_code put(struct machine *m, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_number(&number, m, bytes, err));
	if (m->n_stack == 0 || m->stack[m->n_stack - 1] == MARK)
		return malformed(m, "nothing to remember", err);
	if (number >= m->c.off)
		return malformed(m, "a memo number beyond what was put", err);
	if (number >= m->memo_cap) {
		size_t cap = m->memo_cap ? m->memo_cap : FIRST;
		uint32_t *grown;

		while (cap <= number)
			cap *= 2;
		grown = reallocarray(m->memo, cap, sizeof(*grown));
		if (!grown)
			return fail_nomem(err);
		memset(grown + m->memo_cap, 0, (cap - m->memo_cap) * sizeof(*grown));
		m->memo = grown;
		m->memo_cap = cap;
	}
	m->memo[number] = m->stack[m->n_stack - 1] + 1;
	return WM_OK;
}

static enum wm_code get(struct machine *m, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_number(&number, m, bytes, err));
	if (number >= m->memo_cap || m->memo[number] == 0)
		return malformed(m, "a memo number that was not put", err);
	return push(m, m->memo[number] - 1, err);
}

/* --- containers ----------------------------------------------------------------------- */

/* The topmost `n` values become a tuple. */
static enum wm_code make_tuple(struct machine *m, size_t from, struct wm_error *err)
{
	uint32_t tuple = 0;

	if (from > m->n_stack)
		return malformed(m, "a value is missing", err);
	TRY(new_node(&tuple, m, PICKLE_TUPLE, err));
	for (size_t i = from; i < m->n_stack; i++) {
		if (m->stack[i] == MARK)
			return malformed(m, "a mark among the values of a tuple", err);
		TRY(append(m, tuple, m->stack[i], err));
	}
	m->n_stack = from;
	return push(m, tuple, err);
}

static enum wm_code make_short_tuple(struct machine *m, size_t n, struct wm_error *err)
{
	return make_tuple(m, m->n_stack < n ? SIZE_MAX : m->n_stack - n, err);
}

static enum wm_code make_marked_tuple(struct machine *m, struct wm_error *err)
{
	size_t at = 0;

	TRY(find_mark(&at, m, err));
	TRY(make_tuple(m, at, err));
	m->stack[at - 1] = m->stack[at];
	m->n_stack = at;
	return WM_OK;
}

/* What items are added to: a node of `kind`, or one within a call, after its arguments. */
static enum wm_code find_container(uint32_t *out, struct machine *m, uint32_t to,
				   enum pickle_kind kind, struct wm_error *err)
{
	uint32_t inner = 0;

	if (node_at(m, to)->kind == kind) {
		*out = to;
		return WM_OK;
	}
	if (node_at(m, to)->kind != PICKLE_CALL)
		return malformed(m, "items for what holds none of their kind", err);
	TRY(new_node(&inner, m, kind, err));
	TRY(append(m, to, inner, err));
	*out = inner;
	return WM_OK;
}

/* APPEND(S), SETITEM(S): the values from `from` on go into the one before it. */
static enum wm_code add_items(struct machine *m, size_t from, size_t holder, enum pickle_kind kind,
			      struct wm_error *err)
{
	uint32_t to = 0;

	if (holder >= m->n_stack || m->stack[holder] == MARK)
		return malformed(m, "nothing to add items to", err);
	if (kind == PICKLE_DICT && (m->n_stack - from) % 2 != 0)
		return malformed(m, "a key without a value", err);
	TRY(find_container(&to, m, m->stack[holder], kind, err));
	for (size_t i = from; i < m->n_stack; i++) {
		if (m->stack[i] == MARK)
			return malformed(m, "a mark among items", err);
		TRY(append(m, to, m->stack[i], err));
	}
	m->n_stack = holder + 1;
	return WM_OK;
}

static enum wm_code add_marked(struct machine *m, enum pickle_kind kind, struct wm_error *err)
{
	size_t at = 0;

	TRY(find_mark(&at, m, err));
	if (at < 2)
		return malformed(m, "nothing to add items to", err);
	return add_items(m, at, at - 2, kind, err);
}

static enum wm_code add_few(struct machine *m, size_t n, enum pickle_kind kind,
			    struct wm_error *err)
{
	if (m->n_stack < n + 1)
		return malformed(m, "a value is missing", err);
	return add_items(m, m->n_stack - n, m->n_stack - n - 1, kind, err);
}

/* --- calls ---------------------------------------------------------------------------- */

/* REDUCE and NEWOBJ: what is called, then its arguments. */
static enum wm_code make_call(struct machine *m, struct wm_error *err)
{
	uint32_t callee = 0, arguments = 0, call = 0;

	TRY(pop(&arguments, m, err));
	TRY(pop(&callee, m, err));
	if (node_at(m, arguments)->kind != PICKLE_TUPLE || node_at(m, callee)->kind != PICKLE_GLOBAL)
		return malformed(m, "a call of something else than a global by a tuple", err);
	TRY(new_node(&call, m, PICKLE_CALL, err));
	TRY(append(m, call, callee, err));
	TRY(append(m, call, arguments, err));
	return push(m, call, err);
}

static enum wm_code build(struct machine *m, struct wm_error *err)
{
	uint32_t state = 0;

	TRY(pop(&state, m, err));
	if (m->n_stack == 0 || m->stack[m->n_stack - 1] == MARK ||
	    node_at(m, m->stack[m->n_stack - 1])->kind != PICKLE_CALL)
		return malformed(m, "a state for what is no object", err);
	return append(m, m->stack[m->n_stack - 1], state, err);
}

static enum wm_code make_persistent(struct machine *m, struct wm_error *err)
{
	uint32_t id = 0, persistent = 0;

	TRY(pop(&id, m, err));
	TRY(new_node(&persistent, m, PICKLE_PERSISTENT, err));
	TRY(append(m, persistent, id, err));
	return push(m, persistent, err);
}

/* --- the machine ---------------------------------------------------------------------- */

static enum wm_code push_unsigned(struct machine *m, unsigned bytes, struct wm_error *err)
{
	uint64_t value = 0;

	TRY(take_number(&value, m, bytes, err));
	if (bytes == 4 && value > INT32_MAX) /* BININT is signed */
		value |= ~(uint64_t)UINT32_MAX;
	return push_integer(m, PICKLE_INTEGER, (int64_t)value, err);
}

static enum wm_code push_float(struct machine *m, struct wm_error *err)
{
	if (!cursor_take(&m->c, 8))
		return malformed(m, "ends in a number", err);
	return push_new(m, PICKLE_OTHER, err);
}

/* One opcode; sets `*stopped` at STOP. Names are those of Lib/pickletools.py. */
static enum wm_code step(struct machine *m, uint8_t opcode, bool *stopped, struct wm_error *err)
{
	switch (opcode) {
	case '(': return push(m, MARK, err);				/* MARK */
	case '}': return push_new(m, PICKLE_DICT, err);			/* EMPTY_DICT */
	case ']': return push_new(m, PICKLE_LIST, err);			/* EMPTY_LIST */
	case ')': return push_new(m, PICKLE_TUPLE, err);		/* EMPTY_TUPLE */
	case 0x8f: return push_new(m, PICKLE_SET, err);			/* EMPTY_SET */
	case 't': return make_marked_tuple(m, err);			/* TUPLE */
	case 0x85: return make_short_tuple(m, 1, err);			/* TUPLE1 */
	case 0x86: return make_short_tuple(m, 2, err);			/* TUPLE2 */
	case 0x87: return make_short_tuple(m, 3, err);			/* TUPLE3 */
	case 'N': return push_new(m, PICKLE_NONE, err);			/* NONE */
	case 0x88: return push_integer(m, PICKLE_BOOL, 1, err);		/* NEWTRUE */
	case 0x89: return push_integer(m, PICKLE_BOOL, 0, err);		/* NEWFALSE */
	case 'J': return push_unsigned(m, 4, err);			/* BININT */
	case 'K': return push_unsigned(m, 1, err);			/* BININT1 */
	case 'M': return push_unsigned(m, 2, err);			/* BININT2 */
	case 0x8a: return read_long(m, err);				/* LONG1 */
	case 'G': return push_float(m, err);				/* BINFLOAT */
	case 'X': return read_text(m, 4, true, err);			/* BINUNICODE */
	case 'U': return read_text(m, 1, false, err);			/* SHORT_BINSTRING */
	case 'h': return get(m, 1, err);				/* BINGET */
	case 'j': return get(m, 4, err);				/* LONG_BINGET */
	case 'q': return put(m, 1, err);				/* BINPUT */
	case 'r': return put(m, 4, err);				/* LONG_BINPUT */
	case 'a': return add_few(m, 1, PICKLE_LIST, err);		/* APPEND */
	case 'e': return add_marked(m, PICKLE_LIST, err);		/* APPENDS */
	case 's': return add_few(m, 2, PICKLE_DICT, err);		/* SETITEM */
	case 'u': return add_marked(m, PICKLE_DICT, err);		/* SETITEMS */
	case 'c': return read_global(m, err);				/* GLOBAL */
	case 'R': return make_call(m, err);				/* REDUCE */
	case 0x81: return make_call(m, err);				/* NEWOBJ */
	case 'b': return build(m, err);					/* BUILD */
	case 'Q': return make_persistent(m, err);			/* BINPERSID */
	case '.':							/* STOP */
		*stopped = true;
		return WM_OK;
	default:
		return fail(err, REASON_PICKLE_OPCODE,
			    "%s: pickle byte %zu: opcode 0x%02x is none of those that weights need",
			    m->name, m->c.off - 1, opcode);
	}
}

enum wm_code pickle_read(struct pickle *p, const void *data, size_t len, const char *name,
			 struct wm_error *err)
{
	cleanup_machine struct machine m = { .p = p, .c = cursor_of(data, len), .name = name };
	const uint8_t *protocol = cursor_take(&m.c, 2);
	bool stopped = false;

	p->data = data;
	if (!protocol || protocol[0] != 0x80 || protocol[1] != 2)
		return malformed(&m, "does not begin with protocol 2", err);
	while (!stopped) {
		const uint8_t *opcode = cursor_take(&m.c, 1);

		if (!opcode)
			return malformed(&m, "does not end with STOP", err);
		TRY(step(&m, *opcode, &stopped, err));
	}
	TRY(pop(&p->root, &m, err));
	if (m.n_stack > 0)
		return malformed(&m, "leaves values behind", err);
	p->len = m.c.off;
	return WM_OK;
}

/* --- looking at it -------------------------------------------------------------------- */

uint32_t pickle_item(const struct pickle *p, const struct pickle_node *n, uint32_t i)
{
	uint32_t cell = n->n > 0 && n->kind >= PICKLE_TUPLE ? n->items.first : 0;

	for (; cell && i > 0; i--)
		cell = p->cells[cell].next;
	return cell ? p->cells[cell].node : PICKLE_FAR;
}

bool pickle_text_is(const struct pickle *p, const struct pickle_node *n, const char *text)
{
	return n->kind == PICKLE_TEXT && n->n == strlen(text) &&
	       memcmp(p->data + n->off, text, n->n) == 0;
}

bool pickle_global_is(const struct pickle *p, const struct pickle_node *n, const char *module,
		      const char *name)
{
	return n->kind == PICKLE_GLOBAL &&
	       pickle_text_is(p, pickle_node(p, pickle_item(p, n, 0)), module) &&
	       pickle_text_is(p, pickle_node(p, pickle_item(p, n, 1)), name);
}
