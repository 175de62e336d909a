/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of globals in pickles of any protocol, 0 to 5 (Lib/pickletools.py).
 *
 * The stack is followed, but of values only text matters, since protocol 4 takes the name of a
 * global from there. A name that is not plainly text in the pickle is "(computed)", which is
 * nothing that anybody allows.
 */
#include <stdlib.h>
#include <string.h>

#include "format/pickle.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/cursor.h"
#include "util/limits.h"
#include "util/utf8.h"

enum {
	STACK_MAX = 1 << 20,
	MEMO_MAX = 1 << 20,
	PROTOCOL_MAX = 5,
	NAME_MAX_BYTES = 65536,
	ROOM = 65536, /* that a window is read by */
};

/* A value: where its text stands. */
struct value {
	uint32_t off, len;
	uint8_t kind;
};

enum { UNKNOWN, TEXT, MARK };

struct scan {
	struct cursor c;
	const char *name;
	const struct pickle_names *names;
	struct value *stack, *memo;
	size_t n, cap, memo_cap;
	size_t n_memoized;
	const struct window *w; /* where the bytes are read from in turn; NULL: all are there */
	uint8_t *room;		/* that they are read into */
	uint64_t off;		/* in the window, of the first of them */
	struct value last[2];	/* module and name that were told last */
	bool far;    /* what was put is not all kept: nothing is known of what is got */
	bool named;  /* a global, */
	bool called; /* and then something, which may be it */
	bool alien;  /* no unpickler goes on from here */
};

static void scan_release(struct scan *s)
{
	free(s->stack);
	free(s->memo);
	free(s->room);
}

#define cleanup_scan __attribute__((cleanup(scan_release)))

static enum wm_code malformed(const struct scan *s, const char *what, struct wm_error *err)
{
	return fail(err, REASON_PICKLE_MALFORMED, "%s: pickle byte %zu: %s", s->name, s->c.off,
		    what);
}

static enum wm_code alien(struct scan *s, const char *what, struct wm_error *err)
{
	s->alien = true;
	return malformed(s, what, err);
}

/* --- the bytes ------------------------------------------------------------------------ */

/* Bytes that are not taken yet. */
static uint64_t left(const struct scan *s)
{
	return s->w ? s->w->size - s->off - s->c.off : cursor_left(&s->c);
}

/* Goes to `off` in the window, and reads from there. */
static enum wm_code go_to(struct scan *s, uint64_t off, struct wm_error *err)
{
	const uint64_t rest = s->w->size - off;
	const size_t len = rest < ROOM ? (size_t)rest : ROOM;

	if (!s->room)
		s->room = malloc(ROOM);
	if (!s->room)
		return fail_nomem(err);
	TRY(window_read(s->w, s->room, len, off, err));
	s->off = off;
	s->c = cursor_of(s->room, len);
	return WM_OK;
}

/* The next `n` bytes, at most some tens; NULL where there are not so many. */
static enum wm_code take(const uint8_t **out, struct scan *s, size_t n, struct wm_error *err)
{
	if (s->w && n > cursor_left(&s->c) && n <= left(s))
		TRY(go_to(s, s->off + s->c.off, err));
	*out = cursor_take(&s->c, n);
	return WM_OK;
}

/* Passes over `len` bytes that are there. */
static enum wm_code pass(struct scan *s, uint64_t len, struct wm_error *err)
{
	if (len <= cursor_left(&s->c)) {
		(void)cursor_take(&s->c, (size_t)len);
		return WM_OK;
	}
	return go_to(s, s->off + s->c.off + len, err);
}

/* --- the stack ------------------------------------------------------------------------ */

static enum wm_code push(struct scan *s, struct value v, struct wm_error *err)
{
	if (s->n == STACK_MAX)
		return fail(err, REASON_LIMIT, "%s: a pickle of too many values on its stack",
			    s->name);
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct value *grown = reallocarray(s->stack, cap, sizeof(*grown));

		if (!grown)
			return fail_nomem(err);
		s->stack = grown;
		s->cap = cap;
	}
	s->stack[s->n++] = v;
	return WM_OK;
}

/* Takes `n` values, none of them a mark. */
static enum wm_code drop(struct scan *s, size_t n, struct wm_error *err)
{
	for (; n > 0; n--, s->n--)
		if (s->n == 0 || s->stack[s->n - 1].kind == MARK)
			return alien(s, "a value is missing", err);
	return WM_OK;
}

static enum wm_code drop_marked(struct scan *s, struct wm_error *err)
{
	while (s->n > 0 && s->stack[s->n - 1].kind != MARK)
		s->n--;
	if (s->n == 0)
		return alien(s, "a mark is missing", err);
	s->n--;
	return WM_OK;
}

/* An opcode that changes the value below `n`: there is one. */
static enum wm_code apply(struct scan *s, size_t n, struct wm_error *err)
{
	TRY(drop(s, n, err));
	if (s->n == 0 || s->stack[s->n - 1].kind == MARK)
		return alien(s, "a value is missing", err);
	return WM_OK;
}

static enum wm_code apply_marked(struct scan *s, struct wm_error *err)
{
	TRY(drop_marked(s, err));
	return apply(s, 0, err);
}

/* What follows puts one value in the place of `n`. */
static enum wm_code replace(struct scan *s, size_t n, struct wm_error *err)
{
	TRY(drop(s, n, err));
	return push(s, (struct value){ .kind = UNKNOWN }, err);
}

static enum wm_code replace_marked(struct scan *s, struct wm_error *err)
{
	TRY(drop_marked(s, err));
	return push(s, (struct value){ .kind = UNKNOWN }, err);
}

/* --- arguments ------------------------------------------------------------------------ */

static enum wm_code take_number(uint64_t *out, struct scan *s, unsigned bytes,
				struct wm_error *err)
{
	const uint8_t *p;

	TRY(take(&p, s, bytes, err));
	if (!p)
		return malformed(s, "ends in an argument", err);
	*out = 0;
	for (unsigned i = bytes; i-- > 0;)
		*out = *out << 8 | p[i];
	return WM_OK;
}

/* Skips a counted argument; as text it is kept. */
static enum wm_code push_counted(struct scan *s, unsigned bytes, uint8_t kind,
				 struct wm_error *err)
{
	uint64_t len = 0;
	struct value v;

	TRY(take_number(&len, s, bytes, err));
	if (len > left(s))
		return alien(s, "an argument beyond its end", err);
	v = (struct value){ (uint32_t)s->c.off, (uint32_t)len, s->w ? UNKNOWN : kind };
	TRY(pass(s, len, err));
	return push(s, v, err);
}

/* Passes over a line, however long. */
static enum wm_code take_line(struct value *out, struct scan *s, struct wm_error *err)
{
	const size_t from = s->c.off;

	for (;;) {
		const uint8_t *start = s->c.data + s->c.off;
		const uint8_t *end = memchr(start, '\n', cursor_left(&s->c));

		if (end) {
			(void)cursor_take(&s->c, (size_t)(end - start) + 1);
			*out = (struct value){ (uint32_t)from, (uint32_t)(s->c.off - 1 - from),
					       s->w ? UNKNOWN : TEXT };
			return WM_OK;
		}
		if (left(s) <= cursor_left(&s->c))
			return malformed(s, "a line does not end", err);
		TRY(go_to(s, s->off + s->c.len, err));
	}
}

static enum wm_code push_line(struct scan *s, struct wm_error *err)
{
	struct value line;

	TRY(take_line(&line, s, err));
	return push(s, (struct value){ .kind = UNKNOWN }, err);
}

/*
 * A number in decimal, as PUT and GET have it and Python's int() takes it: with a sign, spaces
 * around it, underscores in it. What is beyond 64 bits is the largest.
 */
static enum wm_code take_decimal(uint64_t *out, struct scan *s, struct wm_error *err)
{
	const char *const spaces = " \t\v\f\r";
	bool digit = false;
	const uint8_t *p;

	*out = 0;
	do {
		TRY(take(&p, s, 1, err));
	} while (p && *p && strchr(spaces, *p));
	if (p && *p == '+')
		TRY(take(&p, s, 1, err));
	for (; p && ((*p >= '0' && *p <= '9') || (*p == '_' && digit));) {
		digit = *p != '_';
		if (digit && __builtin_mul_overflow(*out, (uint64_t)10, out))
			*out = UINT64_MAX / 10;
		*out += digit ? (uint64_t)(*p - '0') : 0;
		TRY(take(&p, s, 1, err));
	}
	while (digit && p && *p && strchr(spaces, *p))
		TRY(take(&p, s, 1, err));
	if (!p)
		return malformed(s, "a line does not end", err);
	return digit && *p == '\n' ? WM_OK : alien(s, "a memo number is none", err);
}

/* --- the memo ------------------------------------------------------------------------- */

static enum wm_code put(struct scan *s, uint64_t number, struct wm_error *err)
{
	if (s->n == 0 || s->stack[s->n - 1].kind == MARK)
		return alien(s, "nothing to remember", err);
	if (number >= MEMO_MAX || s->far) {
		s->far = true;
		return WM_OK;
	}
	if (number >= s->memo_cap) {
		size_t cap = s->memo_cap ? s->memo_cap : 256;
		struct value *grown;

		while (cap <= number)
			cap *= 2;
		grown = reallocarray(s->memo, cap, sizeof(*grown));
		if (!grown)
			return fail_nomem(err);
		for (size_t i = s->memo_cap; i < cap; i++)
			grown[i].kind = MARK; /* nothing was put there */
		s->memo = grown;
		s->memo_cap = cap;
	}
	/* MEMOIZE counts what is remembered, not how often something was. */
	if (s->memo[number].kind == MARK)
		s->n_memoized++;
	s->memo[number] = s->stack[s->n - 1];
	return WM_OK;
}

static enum wm_code get(struct scan *s, uint64_t number, struct wm_error *err)
{
	if (s->far)
		return push(s, (struct value){ .kind = UNKNOWN }, err);
	if (number >= s->memo_cap || s->memo[number].kind == MARK)
		return alien(s, "a memo number that was not put", err);
	return push(s, s->memo[number], err);
}

static enum wm_code put_numbered(struct scan *s, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_number(&number, s, bytes, err));
	return put(s, number, err);
}

static enum wm_code get_numbered(struct scan *s, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_number(&number, s, bytes, err));
	return get(s, number, err);
}

static enum wm_code put_decimal(struct scan *s, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_decimal(&number, s, err));
	return put(s, number, err);
}

static enum wm_code get_decimal(struct scan *s, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_decimal(&number, s, err));
	return get(s, number, err);
}

/* What an opcode has done that calls a value, if it could. */
static enum wm_code called(struct scan *s, enum wm_code code)
{
	s->called |= s->named && code == WM_OK;
	return code;
}

/* --- names ---------------------------------------------------------------------------- */

/* UTF-8 without NUL, behind which nobody would see the rest of a name. */
static bool is_plain(const uint8_t *text, size_t len)
{
	return utf8_valid(text, len) && !memchr(text, 0, len);
}

static bool is_told(const struct scan *s, const struct value *module, const struct value *name)
{
	return s->last[0].kind == TEXT && s->last[0].off == module->off &&
	       s->last[1].off == name->off;
}

static enum wm_code tell(struct scan *s, const struct value *module, const struct value *name,
			 struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(2 * (size_t)NAME_MAX_BYTES + 1);
	static const char computed[] = "(computed)";
	const uint8_t *data = s->c.data;

	s->named = true;
	if (s->w || is_told(s, module, name))
		return WM_OK;
	if (module->kind != TEXT || name->kind != TEXT || module->len > NAME_MAX_BYTES ||
	    name->len > NAME_MAX_BYTES || !is_plain(data + module->off, module->len) ||
	    !is_plain(data + name->off, name->len))
		return s->names->take(s->names->context, computed, strlen(computed), err);
	TRY(buf_append(&text, data + module->off, module->len, err));
	TRY(buf_append_byte(&text, '.', err));
	TRY(buf_append(&text, data + name->off, name->len, err));
	s->last[0] = *module;
	s->last[1] = *name;
	return s->names->take(s->names->context, buf_str(&text), text.len, err);
}

/* Whether a line can be the name of a module or what is in one: then only it may be imported. */
static bool is_dotted(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x80 && text[i] != '_' && text[i] != '.' &&
		    !(text[i] >= '0' && text[i] <= '9') &&
		    !((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z'))
			return false;
	return len > 0;
}

/* A line that names; of text that is no pickle most are no such thing. */
static enum wm_code take_name(struct value *out, struct scan *s, struct wm_error *err)
{
	const uint64_t before = s->off;

	TRY(take_line(out, s, err));
	if (s->w && s->off == before && !is_dotted(s->c.data + out->off, out->len))
		return alien(s, "a line that names nothing", err);
	return WM_OK;
}

static enum wm_code tell_lines(struct scan *s, struct wm_error *err)
{
	struct value module, name;

	TRY(take_name(&module, s, err));
	TRY(take_name(&name, s, err));
	return tell(s, &module, &name, err);
}

static enum wm_code read_global(struct scan *s, struct wm_error *err)
{
	TRY(tell_lines(s, err));
	return push(s, (struct value){ .kind = UNKNOWN }, err);
}

static enum wm_code read_stack_global(struct scan *s, struct wm_error *err)
{
	if (s->n < 2)
		return alien(s, "a value is missing", err);
	TRY(tell(s, &s->stack[s->n - 2], &s->stack[s->n - 1], err));
	return replace(s, 2, err);
}

static enum wm_code read_inst(struct scan *s, struct wm_error *err)
{
	TRY(tell_lines(s, err));
	return called(s, replace_marked(s, err));
}

/* A number of copyreg's registry of extensions. */
static enum wm_code read_extension(struct scan *s, unsigned bytes, struct wm_error *err)
{
	static const char extension[] = "(extension)";
	uint64_t number = 0;

	s->named = true;
	TRY(take_number(&number, s, bytes, err));
	if (!s->w)
		TRY(s->names->take(s->names->context, extension, strlen(extension), err));
	return push(s, (struct value){ .kind = UNKNOWN }, err);
}

/* --- opcodes -------------------------------------------------------------------------- */

static enum wm_code skip(struct scan *s, unsigned bytes, struct wm_error *err)
{
	const uint8_t *p;

	TRY(take(&p, s, bytes, err));
	if (!p)
		return malformed(s, "ends in an argument", err);
	return push(s, (struct value){ .kind = UNKNOWN }, err);
}

static enum wm_code read_protocol(struct scan *s, struct wm_error *err)
{
	const uint8_t *p;

	TRY(take(&p, s, 1, err));
	return p && *p <= PROTOCOL_MAX ? WM_OK : alien(s, "a protocol that is not known", err);
}

static enum wm_code read_frame(struct scan *s, struct wm_error *err)
{
	uint64_t len = 0;

	TRY(take_number(&len, s, 8, err));
	return len <= left(s) ? WM_OK : alien(s, "a frame beyond its end", err);
}

static enum wm_code duplicate(struct scan *s, struct wm_error *err)
{
	if (s->n == 0 || s->stack[s->n - 1].kind == MARK)
		return alien(s, "a value is missing", err);
	return push(s, s->stack[s->n - 1], err);
}

/* Only loaders that know what comes have a meaning for these: the others stop. */
static enum wm_code read_persistent(struct scan *s, bool on_stack, struct wm_error *err)
{
	if (s->w)
		return alien(s, "a persistent id", err);
	return on_stack ? replace(s, 1, err) : push_line(s, err);
}

/* POP takes a mark too. */
static enum wm_code pop(struct scan *s, struct wm_error *err)
{
	if (s->n == 0)
		return alien(s, "a value is missing", err);
	s->n--;
	return WM_OK;
}

/* Opcodes of protocols 0 to 2 with an ASCII letter, but STOP. */
static enum wm_code step_old(struct scan *s, uint8_t opcode, struct wm_error *err)
{
	switch (opcode) {
	case '(': return push(s, (struct value){ .kind = MARK }, err);
	case '0': return pop(s, err);
	case '1': return drop_marked(s, err);
	case '2': return duplicate(s, err);
	case 'F': case 'I': case 'L': case 'S': case 'V': return push_line(s, err);
	case 'P': return read_persistent(s, false, err);
	case 'J': return skip(s, 4, err);
	case 'K': return skip(s, 1, err);
	case 'M': return skip(s, 2, err);
	case 'G': return skip(s, 8, err);
	case 'N': case '}': case ']': case ')': return skip(s, 0, err);
	case 'T': return push_counted(s, 4, UNKNOWN, err);
	case 'U': return push_counted(s, 1, UNKNOWN, err);
	case 'X': return push_counted(s, 4, TEXT, err);
	case 'B': return push_counted(s, 4, UNKNOWN, err);
	case 'C': return push_counted(s, 1, UNKNOWN, err);
	case 'Q': return read_persistent(s, true, err);
	case 'R': return called(s, replace(s, 2, err));
	case 'a': case 'b': return called(s, apply(s, 1, err));
	case 's': return called(s, apply(s, 2, err));
	case 'e': case 'u': return called(s, apply_marked(s, err));
	case 'd': case 'l': case 't': return replace_marked(s, err);
	case 'o': return called(s, replace_marked(s, err));
	case 'c': return read_global(s, err);
	case 'i': return read_inst(s, err);
	case 'g': return get_decimal(s, err);
	case 'h': return get_numbered(s, 1, err);
	case 'j': return get_numbered(s, 4, err);
	case 'p': return put_decimal(s, err);
	case 'q': return put_numbered(s, 1, err);
	case 'r': return put_numbered(s, 4, err);
	default: return alien(s, "an opcode that is not known", err);
	}
}

/* Opcodes from 0x80 on. */
static enum wm_code step_new(struct scan *s, uint8_t opcode, struct wm_error *err)
{
	switch (opcode) {
	case 0x80: return read_protocol(s, err);
	case 0x81: return called(s, replace(s, 2, err)); /* NEWOBJ */
	case 0x82: return read_extension(s, 1, err);
	case 0x83: return read_extension(s, 2, err);
	case 0x84: return read_extension(s, 4, err);
	case 0x85: case 0x86: case 0x87: return replace(s, opcode - 0x84U, err); /* TUPLE1-3 */
	case 0x88: case 0x89: case 0x8f: case 0x97: return skip(s, 0, err);
	case 0x8a: return push_counted(s, 1, UNKNOWN, err); /* LONG1 */
	case 0x8b: return push_counted(s, 4, UNKNOWN, err); /* LONG4 */
	case 0x8c: return push_counted(s, 1, TEXT, err);    /* SHORT_BINUNICODE */
	case 0x8d: return push_counted(s, 8, TEXT, err);    /* BINUNICODE8 */
	case 0x8e: case 0x96: return push_counted(s, 8, UNKNOWN, err);
	case 0x90: return called(s, apply_marked(s, err)); /* ADDITEMS */
	case 0x91: return replace_marked(s, err);	    /* FROZENSET */
	case 0x92: return called(s, replace(s, 3, err)); /* NEWOBJ_EX */
	case 0x93: return read_stack_global(s, err);
	case 0x94: return put(s, s->n_memoized, err);	    /* MEMOIZE */
	case 0x95: return read_frame(s, err);
	case 0x98: return replace(s, 1, err);		    /* READONLY_BUFFER */
	default: return alien(s, "an opcode that is not known", err);
	}
}

static enum wm_code scan_all(struct scan *s, struct wm_error *err)
{
	if (s->c.len > UINT32_MAX)
		return fail(err, REASON_LIMIT, "%s: a pickle of %zu bytes", s->name, s->c.len);
	for (;;) {
		const uint8_t *opcode;

		TRY(take(&opcode, s, 1, err));
		if (!opcode)
			return malformed(s, "does not end with STOP", err);
		if (*opcode == '.')
			break;
		TRY(*opcode < 0x80 ? step_old(s, *opcode, err) : step_new(s, *opcode, err));
	}
	if (s->n == 0 || s->stack[s->n - 1].kind == MARK)
		return alien(s, "ends without a value", err);
	if (s->n != 1)
		return malformed(s, "leaves another number of values than one", err);
	return WM_OK;
}

enum wm_code pickle_scan(size_t *used, const void *data, size_t len,
			 const struct pickle_names *names, const char *name, struct wm_error *err)
{
	cleanup_scan struct scan s = { .c = cursor_of(data, len), .name = name, .names = names };

	TRY(scan_all(&s, err));
	*used = s.c.off;
	return WM_OK;
}

enum wm_code pickle_runs(enum pickle_look *out, const struct window *w, struct wm_error *err)
{
	cleanup_scan struct scan s = { .name = w->name, .w = w };
	struct wm_error why = { 0 };
	uint8_t start[2] = { 0 };
	bool marked, whole = false;
	enum wm_code code;

	*out = PICKLE_IS_NONE;
	if (w->size < 2)
		return WM_OK;
	TRY(window_read(w, start, sizeof(start), 0, err));
	marked = start[0] == 0x80 && start[1] <= PROTOCOL_MAX;
	TRY(go_to(&s, 0, err));
	while ((code = scan_all(&s, &why)) == WM_OK && left(&s) > 0) {
		whole = true;
		s.n = 0;
	}
	if (error_is_untold(code))
		return fail_again(err, &why);
	whole |= code == WM_OK;
	/* What is too large to be followed may do anything. */
	if (s.called || code == WM_LIMIT)
		*out = PICKLE_CALLS;
	else if ((marked && whole) || ((marked || whole) && !s.alien))
		*out = PICKLE_IS_ONE;
	return WM_OK;
}
