/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python pickles of protocol 2 (PEP 307; the opcodes are documented in Lib/pickletools.py), as
 * far as torch/_weights_only_unpickler.py reads them.
 *
 *	pickle = "\x80\2" { opcode argument } "."
 *
 * Values stand on a stack, marks among them. Memo numbers are below the number of bytes read
 * so far, since each put takes a byte at least, and of values. Where an opcode needs a value
 * that is not there, or of another kind, the pickle is malformed; so is text that is no UTF-8,
 * also of SHORT_BINSTRING, which PyTorch decodes so.
 */
#include "format/pickle_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/utf8.h"

enum {
	NODES_MAX = 1 << 20, /* 16 MiB of nodes, 8 of cells */
	STACK_MAX = 1 << 20,
	FIRST = 256,
};

static void machine_release(struct pickle_machine *m)
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

enum wm_code pickle_malformed(const struct pickle_machine *m, const char *what,
			      struct wm_error *err)
{
	return fail(err, REASON_PICKLE_MALFORMED, "%s: pickle byte %zu: %s", m->name, m->c.off,
		    what);
}

static enum wm_code too_many(const struct pickle_machine *m, const char *what, struct wm_error *err)
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

enum wm_code pickle_push(struct pickle_machine *m, uint32_t number, struct wm_error *err)
{
	void *list = m->stack;

	if (m->n_stack == STACK_MAX)
		return too_many(m, "values on the stack", err);
	TRY(grow(&list, &m->stack_cap, m->n_stack, sizeof(*m->stack), err));
	m->stack = list;
	m->stack[m->n_stack++] = number;
	return WM_OK;
}

enum wm_code pickle_new(uint32_t *out, struct pickle_machine *m, enum pickle_kind kind,
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

enum wm_code pickle_append(struct pickle_machine *m, uint32_t to, uint32_t item,
			   struct wm_error *err)
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

static enum wm_code push_new(struct pickle_machine *m, enum pickle_kind kind, struct wm_error *err)
{
	uint32_t number = 0;

	TRY(pickle_new(&number, m, kind, err));
	return pickle_push(m, number, err);
}

static enum wm_code push_integer(struct pickle_machine *m, enum pickle_kind kind, int64_t value,
				 struct wm_error *err)
{
	TRY(push_new(m, kind, err));
	m->p->nodes[m->p->n_nodes - 1].integer = value;
	return WM_OK;
}

/* The value on top, taken. */
enum wm_code pickle_pop(uint32_t *out, struct pickle_machine *m, struct wm_error *err)
{
	if (m->n_stack == 0 || m->stack[m->n_stack - 1] == PICKLE_MARK)
		return pickle_malformed(m, "a value is missing", err);
	*out = m->stack[--m->n_stack];
	return WM_OK;
}

/* --- arguments ------------------------------------------------------------------------ */

static enum wm_code take_number(uint64_t *out, struct pickle_machine *m, unsigned bytes,
				struct wm_error *err)
{
	const uint8_t *p = cursor_take(&m->c, bytes);

	if (!p)
		return pickle_malformed(m, "ends in an argument", err);
	*out = 0;
	for (unsigned i = bytes; i-- > 0;)
		*out = *out << 8 | p[i];
	return WM_OK;
}

static enum wm_code push_text(struct pickle_machine *m, size_t off, size_t len,
			      struct wm_error *err)
{
	struct pickle_node *n;

	TRY(push_new(m, PICKLE_TEXT, err));
	n = &m->p->nodes[m->p->n_nodes - 1];
	n->off = off;
	n->n = (uint32_t)len;
	return WM_OK;
}

static enum wm_code read_text(struct pickle_machine *m, unsigned bytes, struct wm_error *err)
{
	const uint8_t *p;
	uint64_t len = 0;

	TRY(take_number(&len, m, bytes, err));
	p = cursor_take(&m->c, (size_t)len);
	if (!p || !utf8_valid(p, (size_t)len))
		return pickle_malformed(m, "ends in text, or text is no UTF-8", err);
	return push_text(m, (size_t)(p - m->c.data), (size_t)len, err);
}

static enum wm_code take_line(size_t *off, size_t *len, struct pickle_machine *m,
			      struct wm_error *err)
{
	const uint8_t *start = m->c.data + m->c.off;
	const uint8_t *end = memchr(start, '\n', cursor_left(&m->c));

	if (!end || !utf8_valid(start, (size_t)(end - start)) ||
	    memchr(start, 0, (size_t)(end - start)))
		return pickle_malformed(m, "a name does not end, or is no UTF-8", err);
	*off = m->c.off;
	*len = (size_t)(end - start);
	cursor_take(&m->c, *len + 1);
	return WM_OK;
}

/* GLOBAL: two lines. */
static enum wm_code read_global(struct pickle_machine *m, struct wm_error *err)
{
	uint32_t parts[2] = { 0 }, global = 0;

	for (size_t i = 0; i < 2; i++) {
		size_t off = 0, len = 0;

		TRY(take_line(&off, &len, m, err));
		TRY(push_text(m, off, len, err));
		TRY(pickle_pop(&parts[i], m, err));
	}
	TRY(pickle_new(&global, m, PICKLE_GLOBAL, err));
	TRY(pickle_append(m, global, parts[0], err));
	TRY(pickle_append(m, global, parts[1], err));
	return pickle_push(m, global, err);
}

/* LONG1: two's complement. */
static enum wm_code read_long(struct pickle_machine *m, struct wm_error *err)
{
	uint64_t len = 0, value = 0;
	const uint8_t *p;

	TRY(take_number(&len, m, 1, err));
	p = cursor_take(&m->c, (size_t)len);
	if (!p)
		return pickle_malformed(m, "ends in a number", err);
	if (len > 8)
		return push_new(m, PICKLE_OTHER, err);
	if (len > 0 && p[len - 1] & 0x80)
		value = UINT64_MAX;
	for (size_t i = (size_t)len; i-- > 0;)
		value = value << 8 | p[i];
	return push_integer(m, PICKLE_INTEGER, (int64_t)value, err);
}

/* --- the memo ------------------------------------------------------------------------- */

static enum wm_code put(struct pickle_machine *m, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_number(&number, m, bytes, err));
	if (m->n_stack == 0 || m->stack[m->n_stack - 1] == PICKLE_MARK)
		return pickle_malformed(m, "nothing to remember", err);
	if (number >= m->c.off)
		return pickle_malformed(m, "a memo number beyond what was put", err);
	if (number >= NODES_MAX)
		return too_many(m, "memo numbers", err);
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

static enum wm_code get(struct pickle_machine *m, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_number(&number, m, bytes, err));
	if (number >= m->memo_cap || m->memo[number] == 0)
		return pickle_malformed(m, "a memo number that was not put", err);
	return pickle_push(m, m->memo[number] - 1, err);
}

/* --- the machine ---------------------------------------------------------------------- */

static enum wm_code push_unsigned(struct pickle_machine *m, unsigned bytes, struct wm_error *err)
{
	uint64_t value = 0;

	TRY(take_number(&value, m, bytes, err));
	if (bytes == 4 && value > INT32_MAX) /* BININT is signed */
		value |= ~(uint64_t)UINT32_MAX;
	return push_integer(m, PICKLE_INTEGER, (int64_t)value, err);
}

static enum wm_code push_float(struct pickle_machine *m, struct wm_error *err)
{
	if (!cursor_take(&m->c, 8))
		return pickle_malformed(m, "ends in a number", err);
	return push_new(m, PICKLE_OTHER, err);
}

/* One opcode; sets `*stopped` at STOP. Names are those of Lib/pickletools.py. */
static enum wm_code step(struct pickle_machine *m, uint8_t opcode, bool *stopped,
			 struct wm_error *err)
{
	switch (opcode) {
	case '(': return pickle_push(m, PICKLE_MARK, err);		/* MARK */
	case '}': return push_new(m, PICKLE_DICT, err);			/* EMPTY_DICT */
	case ']': return push_new(m, PICKLE_LIST, err);			/* EMPTY_LIST */
	case ')': return push_new(m, PICKLE_TUPLE, err);		/* EMPTY_TUPLE */
	case 0x8f: return push_new(m, PICKLE_SET, err);			/* EMPTY_SET */
	case 't': return pickle_marked_tuple(m, err);			/* TUPLE */
	case 0x85: return pickle_short_tuple(m, 1, err);			/* TUPLE1 */
	case 0x86: return pickle_short_tuple(m, 2, err);			/* TUPLE2 */
	case 0x87: return pickle_short_tuple(m, 3, err);			/* TUPLE3 */
	case 'N': return push_new(m, PICKLE_NONE, err);			/* NONE */
	case 0x88: return push_integer(m, PICKLE_BOOL, 1, err);		/* NEWTRUE */
	case 0x89: return push_integer(m, PICKLE_BOOL, 0, err);		/* NEWFALSE */
	case 'J': return push_unsigned(m, 4, err);			/* BININT */
	case 'K': return push_unsigned(m, 1, err);			/* BININT1 */
	case 'M': return push_unsigned(m, 2, err);			/* BININT2 */
	case 0x8a: return read_long(m, err);				/* LONG1 */
	case 'G': return push_float(m, err);				/* BINFLOAT */
	case 'X': return read_text(m, 4, err);			/* BINUNICODE */
	case 'U': return read_text(m, 1, err);			/* SHORT_BINSTRING */
	case 'h': return get(m, 1, err);				/* BINGET */
	case 'j': return get(m, 4, err);				/* LONG_BINGET */
	case 'q': return put(m, 1, err);				/* BINPUT */
	case 'r': return put(m, 4, err);				/* LONG_BINPUT */
	case 'a': return pickle_add_few(m, 1, PICKLE_LIST, err);		/* APPEND */
	case 'e': return pickle_add_marked(m, PICKLE_LIST, err);		/* APPENDS */
	case 's': return pickle_add_few(m, 2, PICKLE_DICT, err);		/* SETITEM */
	case 'u': return pickle_add_marked(m, PICKLE_DICT, err);		/* SETITEMS */
	case 'c': return read_global(m, err);				/* GLOBAL */
	case 'R': return pickle_call(m, false, err);			/* REDUCE */
	case 0x81: return pickle_call(m, true, err);			/* NEWOBJ */
	case 'b': return pickle_build(m, err);					/* BUILD */
	case 'Q': return pickle_persistent(m, err);			/* BINPERSID */
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
	cleanup_machine struct pickle_machine m = { .p = p, .c = cursor_of(data, len),
						   .name = name };
	const uint8_t *protocol = cursor_take(&m.c, 2);
	bool stopped = false;

	p->data = data;
	if (!protocol || protocol[0] != 0x80 || protocol[1] != 2)
		return pickle_malformed(&m, "does not begin with protocol 2", err);
	while (!stopped) {
		const uint8_t *opcode = cursor_take(&m.c, 1);

		if (!opcode)
			return pickle_malformed(&m, "does not end with STOP", err);
		TRY(step(&m, *opcode, &stopped, err));
	}
	TRY(pickle_pop(&p->root, &m, err));
	if (m.n_stack > 0)
		return pickle_malformed(&m, "leaves values behind", err);
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
