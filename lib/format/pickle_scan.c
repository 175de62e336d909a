/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of globals in pickles of any protocol, 0 to 5 (Lib/pickletools.py).
 *
 * The stack is followed, but of values only text matters, since protocol 4 takes the name of a
 * global from there. A name that is not plainly text in the pickle is "(computed)", which is
 * nothing that anybody allows.
 */
#include "format/pickle_scan.h"

#include <string.h>

#include "util/buf.h"
#include "util/limits.h"
#include "util/utf8.h"

enum {
	PROTOCOL_MAX = 5,
	NAME_MAX_BYTES = 512, /* module and what is in it */
};

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

static enum wm_code tell(struct scan *s, const struct value *module, const struct value *name,
			 struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(NAME_MAX_BYTES + 2);
	static const char computed[] = "(computed)";
	const uint8_t *data = s->c.data;

	s->named = true;
	if (!s->names)
		return WM_OK;
	if (module->kind != VALUE_TEXT || name->kind != VALUE_TEXT ||
	    (uint64_t)module->len + name->len > NAME_MAX_BYTES ||
	    !is_plain(data + module->off, module->len) || !is_plain(data + name->off, name->len))
		return s->names->take(s->names->context, computed, strlen(computed), err);
	TRY(buf_append(&text, data + module->off, module->len, err));
	TRY(buf_append_byte(&text, '.', err));
	TRY(buf_append(&text, data + name->off, name->len, err));
	return s->names->take(s->names->context, buf_str(&text), text.len, err);
}

static enum wm_code tell_lines(struct scan *s, struct wm_error *err)
{
	struct value module = { 0 }, name = { 0 };

	if (!s->names) {
		TRY(scan_pass_name(s, true, err));
		TRY(scan_pass_name(s, false, err));
	} else {
		TRY(scan_take_line(&module, s, VALUE_TEXT, err));
		TRY(scan_take_line(&name, s, VALUE_TEXT, err));
	}
	return tell(s, &module, &name, err);
}

/* Text may begin with these two lines, but not where a protocol stands before them. */
static enum wm_code read_global(struct scan *s, struct wm_error *err)
{
	TRY(tell_lines(s, err));
	s->called |= s->marked;
	return scan_push(s, (struct value){ .kind = VALUE_UNKNOWN }, err);
}

static enum wm_code read_stack_global(struct scan *s, struct wm_error *err)
{
	const struct value *v;

	if (s->n < 2)
		return scan_alien(s, "a value is missing", err);
	v = &s->stack[s->n - 2];
	if (!s->names && (v[0].kind >= VALUE_OTHER || v[1].kind >= VALUE_OTHER))
		return scan_alien(s, "a name that is no text", err);
	TRY(tell(s, &v[0], &v[1], err));
	return called(s, scan_replace(s, 2, VALUE_UNKNOWN, err));
}

static enum wm_code read_inst(struct scan *s, struct wm_error *err)
{
	TRY(tell_lines(s, err));
	return called(s, scan_replace_marked(s, VALUE_UNKNOWN, err));
}

/* A number of copyreg's registry of extensions. */
static enum wm_code read_extension(struct scan *s, unsigned bytes, struct wm_error *err)
{
	static const char extension[] = "(extension)";
	uint64_t number = 0;

	s->named = true;
	TRY(scan_take_number(&number, s, bytes, err));
	if (s->names)
		TRY(s->names->take(s->names->context, extension, strlen(extension), err));
	return scan_push(s, (struct value){ .kind = VALUE_UNKNOWN }, err);
}

/* --- opcodes -------------------------------------------------------------------------- */

/* A value that is no text, in so many bytes. */
static enum wm_code skip(struct scan *s, unsigned bytes, struct wm_error *err)
{
	const uint8_t *p;

	TRY(scan_take(&p, s, bytes, err));
	if (!p)
		return scan_malformed(s, "ends in an argument", err);
	return scan_push(s, (struct value){ .kind = VALUE_OTHER }, err);
}

static enum wm_code read_protocol(struct scan *s, struct wm_error *err)
{
	const uint8_t *p;

	TRY(scan_take(&p, s, 1, err));
	s->marked = true;
	return p && *p <= PROTOCOL_MAX ?
		       WM_OK : scan_alien(s, "a protocol that is not known", err);
}

/* Python's own unpickler does not mind that a frame is shorter than it says. */
static enum wm_code read_frame(struct scan *s, struct wm_error *err)
{
	uint64_t len = 0;

	TRY(scan_take_number(&len, s, 8, err));
	return len <= (s->names ? scan_left(s) : INT64_MAX) ?
		       WM_OK : scan_alien(s, "a frame beyond its end", err);
}

static enum wm_code duplicate(struct scan *s, struct wm_error *err)
{
	if (s->n == 0 || s->stack[s->n - 1].kind == VALUE_MARK)
		return scan_alien(s, "a value is missing", err);
	return scan_push(s, s->stack[s->n - 1], err);
}

/* Only loaders that know what comes have a meaning for these: the others stop. */
static enum wm_code read_persistent(struct scan *s, bool on_stack, struct wm_error *err)
{
	if (!s->names)
		return scan_alien(s, "a persistent id", err);
	return on_stack ? scan_replace(s, 1, VALUE_UNKNOWN, err) :
			  scan_push_line(s, VALUE_UNKNOWN, err);
}

/* POP takes a mark too. */
static enum wm_code pop(struct scan *s, struct wm_error *err)
{
	if (s->n == 0)
		return scan_alien(s, "a value is missing", err);
	s->n--;
	return WM_OK;
}

/* Opcodes of protocols 0 to 2 with an ASCII letter, but STOP. */
static enum wm_code step_old(struct scan *s, uint8_t opcode, struct wm_error *err)
{
	switch (opcode) {
	case '(': return scan_push(s, (struct value){ .kind = VALUE_MARK }, err);
	case '0': return pop(s, err);
	case '1': return scan_drop_marked(s, err);
	case '2': return duplicate(s, err);
	case 'F': case 'I': case 'L': return scan_push_line(s, VALUE_OTHER, err);
	case 'S': case 'V': return scan_push_line(s, VALUE_UNKNOWN, err);
	case 'P': return read_persistent(s, false, err);
	case 'J': return skip(s, 4, err);
	case 'K': return skip(s, 1, err);
	case 'M': return skip(s, 2, err);
	case 'G': return skip(s, 8, err);
	case 'N': case '}': case ']': case ')': return skip(s, 0, err);
	case 'T': return scan_push_counted(s, 4, VALUE_UNKNOWN, err);
	case 'U': return scan_push_counted(s, 1, VALUE_UNKNOWN, err);
	case 'X': return scan_push_counted(s, 4, VALUE_TEXT, err);
	case 'B': return scan_push_counted(s, 4, VALUE_OTHER, err);
	case 'C': return scan_push_counted(s, 1, VALUE_OTHER, err);
	case 'Q': return read_persistent(s, true, err);
	case 'R': return called(s, scan_replace(s, 2, VALUE_UNKNOWN, err));
	case 'a': case 'b': return called(s, scan_apply(s, 1, err));
	case 's': return called(s, scan_apply(s, 2, err));
	case 'e': case 'u': return called(s, scan_apply_marked(s, err));
	case 'd': case 'l': case 't': return scan_replace_marked(s, VALUE_OTHER, err);
	case 'o': return called(s, scan_replace_marked(s, VALUE_UNKNOWN, err));
	case 'c': return read_global(s, err);
	case 'i': return read_inst(s, err);
	case 'g': return scan_get_decimal(s, err);
	case 'h': return scan_get_numbered(s, 1, err);
	case 'j': return scan_get_numbered(s, 4, err);
	case 'p': return scan_put_decimal(s, err);
	case 'q': return scan_put_numbered(s, 1, err);
	case 'r': return scan_put_numbered(s, 4, err);
	default: return scan_alien(s, "an opcode that is not known", err);
	}
}

/* Opcodes from 0x80 on. */
static enum wm_code step_new(struct scan *s, uint8_t opcode, struct wm_error *err)
{
	switch (opcode) {
	case 0x80: return read_protocol(s, err);
	case 0x81: return called(s, scan_replace(s, 2, VALUE_UNKNOWN, err)); /* NEWOBJ */
	case 0x82: return read_extension(s, 1, err);
	case 0x83: return read_extension(s, 2, err);
	case 0x84: return read_extension(s, 4, err);
	case 0x85: case 0x86: case 0x87: /* TUPLE1 to 3 */
		return scan_replace(s, opcode - 0x84U, VALUE_OTHER, err);
	case 0x88: case 0x89: case 0x8f: case 0x97: return skip(s, 0, err);
	case 0x8a: return scan_push_counted(s, 1, VALUE_OTHER, err); /* LONG1 */
	case 0x8b: return scan_push_counted(s, 4, VALUE_OTHER, err); /* LONG4 */
	case 0x8c: return scan_push_counted(s, 1, VALUE_TEXT, err);    /* SHORT_BINUNICODE */
	case 0x8d: return scan_push_counted(s, 8, VALUE_TEXT, err);    /* BINUNICODE8 */
	case 0x8e: case 0x96: return scan_push_counted(s, 8, VALUE_OTHER, err);
	case 0x90: return called(s, scan_apply_marked(s, err)); /* ADDITEMS */
	case 0x91: return scan_replace_marked(s, VALUE_OTHER, err);    /* FROZENSET */
	case 0x92: return called(s, scan_replace(s, 3, VALUE_UNKNOWN, err)); /* NEWOBJ_EX */
	case 0x93: return read_stack_global(s, err);
	case 0x94: return scan_put(s, s->n_memoized, err);	    /* MEMOIZE */
	case 0x95: return read_frame(s, err);
	case 0x98: return scan_replace(s, 1, VALUE_OTHER, err);	    /* READONLY_BUFFER */
	default: return scan_alien(s, "an opcode that is not known", err);
	}
}

/* To the end of one pickle. */
static enum wm_code scan_one(struct scan *s, struct wm_error *err)
{
	for (;;) {
		const uint8_t *opcode;

		TRY(scan_take(&opcode, s, 1, err));
		if (!opcode)
			return scan_malformed(s, "does not end with STOP", err);
		if (*opcode == '.')
			break;
		if (!s->names && ++s->n_opcodes > LIMIT_PICKLE_OPCODES)
			return fail(err, REASON_LIMIT, "%s: too many opcodes", s->name);
		TRY(*opcode < 0x80 ? step_old(s, *opcode, err) : step_new(s, *opcode, err));
	}
	if (s->n == 0 || s->stack[s->n - 1].kind == VALUE_MARK)
		return scan_alien(s, "ends without a value", err);
	if (s->n != 1)
		return scan_malformed(s, "leaves another number of values than one", err);
	return WM_OK;
}

enum wm_code pickle_scan(size_t *used, const void *data, size_t len,
			 const struct pickle_names *names, const char *name, struct wm_error *err)
{
	cleanup_scan struct scan s = { .c = cursor_of(data, len), .name = name, .names = names };

	if (len > UINT32_MAX)
		return fail(err, REASON_LIMIT, "%s: a pickle of %zu bytes", name, len);
	TRY(scan_one(&s, err));
	*used = s.c.off;
	return WM_OK;
}

enum wm_code pickle_runs(enum pickle_look *out, const struct window *w, struct wm_error *err)
{
	cleanup_scan struct scan s = { .name = w->name, .w = w };
	struct wm_error why = { 0 };
	uint8_t start[2] = { 0 };
	bool begins, whole = false;
	enum wm_code code;

	*out = PICKLE_IS_NONE;
	if (w->size < sizeof(start))
		return WM_OK;
	TRY(window_read(w, start, sizeof(start), 0, err));
	begins = start[0] == 0x80 && start[1] <= PROTOCOL_MAX;
	TRY(scan_go_to(&s, 0, err));
	while ((code = scan_one(&s, &why)) == WM_OK && scan_left(&s) > 0) {
		whole = true;
		s.far = true; /* the next one begins to count anew */
		s.n = 0;
	}
	if (s.unread || error_is_untold(code))
		return fail_again(err, &why);
	whole |= code == WM_OK;
	/* What is too large to be followed may do anything. */
	if (s.called || code == WM_LIMIT)
		*out = PICKLE_CALLS;
	else if ((begins && whole) || ((begins || whole) && !s.alien))
		*out = PICKLE_IS_ONE;
	return WM_OK;
}
