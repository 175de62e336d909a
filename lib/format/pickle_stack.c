/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes, stack and memo of pickles that are looked through. */
#include "format/pickle_scan.h"

#include <stdlib.h>
#include <string.h>

enum {
	STACK_MAX = 1 << 20,
	MEMO_MAX = 1 << 20,
	ROOM = 32768, /* that a window is read by: streams can go back so far */
};

void scan_release(struct scan *s)
{
	free(s->stack);
	free(s->memo);
	free(s->room);
}

enum wm_code scan_malformed(const struct scan *s, const char *what, struct wm_error *err)
{
	return fail(err, REASON_PICKLE_MALFORMED, "%s: pickle byte %llu: %s", s->name,
		    (unsigned long long)s->off + s->c.off, what);
}

enum wm_code scan_alien(struct scan *s, const char *what, struct wm_error *err)
{
	s->alien = true;
	return scan_malformed(s, what, err);
}

/* --- the bytes ------------------------------------------------------------------------ */

/* Bytes that are not taken yet. */
uint64_t scan_left(const struct scan *s)
{
	return s->w ? s->w->size - s->off - s->c.off : cursor_left(&s->c);
}

/* Goes to `off` in the window, and reads from there. */
enum wm_code scan_go_to(struct scan *s, uint64_t off, struct wm_error *err)
{
	const uint64_t rest = s->w->size - off;
	const size_t len = rest < ROOM ? (size_t)rest : ROOM;

	s->unread = true;
	if (!s->room)
		s->room = malloc(ROOM);
	if (!s->room)
		return fail_nomem(err);
	TRY(window_read(s->w, s->room, len, off, err));
	s->unread = false;
	s->off = off;
	s->c = cursor_of(s->room, len);
	return WM_OK;
}

/* The next `n` bytes, at most some tens; NULL where there are not so many. */
enum wm_code scan_take(const uint8_t **out, struct scan *s, size_t n, struct wm_error *err)
{
	if (s->w && n > cursor_left(&s->c) && n <= scan_left(s))
		TRY(scan_go_to(s, s->off + s->c.off, err));
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
	return scan_go_to(s, s->off + s->c.off + len, err);
}

/* --- the stack ------------------------------------------------------------------------ */

enum wm_code scan_push(struct scan *s, struct value v, struct wm_error *err)
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
		if (s->n == 0 || s->stack[s->n - 1].kind == VALUE_MARK)
			return scan_alien(s, "a value is missing", err);
	return WM_OK;
}

enum wm_code scan_drop_marked(struct scan *s, struct wm_error *err)
{
	while (s->n > 0 && s->stack[s->n - 1].kind != VALUE_MARK)
		s->n--;
	if (s->n == 0)
		return scan_alien(s, "a mark is missing", err);
	s->n--;
	return WM_OK;
}

/* An opcode that changes the value below `n`: there is one. */
enum wm_code scan_apply(struct scan *s, size_t n, struct wm_error *err)
{
	TRY(drop(s, n, err));
	if (s->n == 0 || s->stack[s->n - 1].kind == VALUE_MARK)
		return scan_alien(s, "a value is missing", err);
	return WM_OK;
}

enum wm_code scan_apply_marked(struct scan *s, struct wm_error *err)
{
	TRY(scan_drop_marked(s, err));
	return scan_apply(s, 0, err);
}

enum wm_code scan_replace(struct scan *s, size_t n, uint8_t kind, struct wm_error *err)
{
	TRY(drop(s, n, err));
	return scan_push(s, (struct value){ .kind = kind }, err);
}

enum wm_code scan_replace_marked(struct scan *s, uint8_t kind, struct wm_error *err)
{
	TRY(scan_drop_marked(s, err));
	return scan_push(s, (struct value){ .kind = kind }, err);
}

/* --- arguments ------------------------------------------------------------------------ */

enum wm_code scan_take_number(uint64_t *out, struct scan *s, unsigned bytes,
			      struct wm_error *err)
{
	const uint8_t *p;

	TRY(scan_take(&p, s, bytes, err));
	if (!p)
		return scan_malformed(s, "ends in an argument", err);
	*out = 0;
	for (unsigned i = bytes; i-- > 0;)
		*out = *out << 8 | p[i];
	return WM_OK;
}

enum wm_code scan_push_counted(struct scan *s, unsigned bytes, uint8_t kind,
			       struct wm_error *err)
{
	uint64_t len = 0;
	struct value v;

	TRY(scan_take_number(&len, s, bytes, err));
	if (len > scan_left(s))
		return scan_alien(s, "an argument beyond its end", err);
	v = (struct value){ (uint32_t)s->c.off, (uint32_t)len, kind };
	TRY(pass(s, len, err));
	return scan_push(s, v, err);
}

/* Passes over a line, however long. */
enum wm_code scan_take_line(struct value *out, struct scan *s, uint8_t kind,
			    struct wm_error *err)
{
	const size_t from = s->c.off;

	for (;;) {
		const uint8_t *start = s->c.data + s->c.off;
		const uint8_t *end = memchr(start, '\n', cursor_left(&s->c));

		if (end) {
			(void)cursor_take(&s->c, (size_t)(end - start) + 1);
			*out = (struct value){ (uint32_t)from, (uint32_t)(s->c.off - 1 - from),
					       kind };
			return WM_OK;
		}
		if (scan_left(s) <= cursor_left(&s->c))
			return scan_malformed(s, "a line does not end", err);
		TRY(scan_go_to(s, s->off + s->c.len, err));
	}
}

enum wm_code scan_push_line(struct scan *s, uint8_t kind, struct wm_error *err)
{
	struct value line = { 0 };

	TRY(scan_take_line(&line, s, kind, err));
	return scan_push(s, line, err);
}

static bool is_of_name(uint8_t c, bool module)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
	       (module && (c == '-' || c == '/'));
}

enum wm_code scan_pass_name(struct scan *s, bool module, struct wm_error *err)
{
	for (bool empty = true;; empty = false) {
		const uint8_t *p;

		TRY(scan_take(&p, s, 1, err));
		if (!p)
			return scan_malformed(s, "a line does not end", err);
		if (*p == '\n' && !empty)
			return WM_OK;
		if (!is_of_name(*p, module))
			return scan_alien(s, "a name of nothing", err);
	}
}

/* Python's white space but the end of the line; a zero byte is none. */
static bool is_space(const uint8_t *p)
{
	return p && *p && strchr(" \t\v\f\r", *p);
}

static enum wm_code pass_spaces(const uint8_t **p, struct scan *s, struct wm_error *err)
{
	while (is_space(*p))
		TRY(scan_take(p, s, 1, err));
	return WM_OK;
}

/*
 * A number in decimal, as PUT and GET have it and Python takes it: spaces around it, underscores in
 * it, a sign, and for one of its unpicklers anything behind a zero byte. Beyond 64 bits it is some
 * large one.
 */
static enum wm_code take_decimal(uint64_t *out, struct scan *s, struct wm_error *err)
{
	bool digit = false, minus;
	struct value rest;
	const uint8_t *p;

	*out = 0;
	TRY(scan_take(&p, s, 1, err));
	TRY(pass_spaces(&p, s, err));
	minus = p && *p == '-';
	if (p && (*p == '+' || *p == '-'))
		TRY(scan_take(&p, s, 1, err));
	while (p && ((*p >= '0' && *p <= '9') || (*p == '_' && digit))) {
		digit = *p != '_';
		if (digit && __builtin_mul_overflow(*out, (uint64_t)10, out))
			*out = UINT64_MAX / 10;
		*out += digit ? (uint64_t)(*p - '0') : 0;
		TRY(scan_take(&p, s, 1, err));
	}
	if (digit)
		TRY(pass_spaces(&p, s, err));
	if (!p)
		return scan_malformed(s, "a line does not end", err);
	if (!digit || (minus && *out > 0) || (*p != '\n' && *p != 0))
		return scan_alien(s, "a memo number is none", err);
	return *p ? WM_OK : scan_take_line(&rest, s, VALUE_OTHER, err);
}

/* --- the memo ------------------------------------------------------------------------- */

enum wm_code scan_put(struct scan *s, uint64_t number, struct wm_error *err)
{
	if (s->n == 0 || s->stack[s->n - 1].kind == VALUE_MARK)
		return scan_alien(s, "nothing to remember", err);
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
			grown[i].kind = VALUE_MARK; /* nothing was put there */
		s->memo = grown;
		s->memo_cap = cap;
	}
	/* MEMOIZE counts what is remembered, not how often something was. */
	if (s->memo[number].kind == VALUE_MARK)
		s->n_memoized++;
	s->memo[number] = s->stack[s->n - 1];
	return WM_OK;
}

static enum wm_code get(struct scan *s, uint64_t number, struct wm_error *err)
{
	if (s->far)
		return scan_push(s, (struct value){ .kind = VALUE_UNKNOWN }, err);
	if (number >= s->memo_cap || s->memo[number].kind == VALUE_MARK)
		return scan_alien(s, "a memo number that was not put", err);
	return scan_push(s, s->memo[number], err);
}

enum wm_code scan_put_numbered(struct scan *s, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(scan_take_number(&number, s, bytes, err));
	return scan_put(s, number, err);
}

enum wm_code scan_get_numbered(struct scan *s, unsigned bytes, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(scan_take_number(&number, s, bytes, err));
	return get(s, number, err);
}

enum wm_code scan_put_decimal(struct scan *s, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_decimal(&number, s, err));
	return scan_put(s, number, err);
}

enum wm_code scan_get_decimal(struct scan *s, struct wm_error *err)
{
	uint64_t number = 0;

	TRY(take_decimal(&number, s, err));
	return get(s, number, err);
}
