/* SPDX-License-Identifier: Apache-2.0 */
/* A small printf in which every %s is escaped. */
#include "print_format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "util/escape.h"

/* One conversion: what stands between % and its letter. */
struct conversion {
	bool left, zero;
	int width, precision; /* -1: none */
	int longs;	      /* l: 1, ll and j: 2, z: 3, h and hh: 0 */
	char letter;
};

/* va_list may be an array, which cannot be passed on by its address; a struct can. */
struct arguments {
	va_list list;
};

static int number(const char **p, struct arguments *args)
{
	int value = 0;

	if (**p == '*') {
		++*p;
		return va_arg(args->list, int);
	}
	for (; **p >= '0' && **p <= '9'; ++*p)
		value = value * 10 + (**p - '0');
	return value;
}

/* Reads the conversion at `p`, after the %; returns where it ends. */
static const char *read_conversion(struct conversion *c, const char *p, struct arguments *args)
{
	*c = (struct conversion){ .precision = -1 };
	for (; *p == '-' || *p == '0'; p++) {
		c->left |= *p == '-';
		c->zero |= *p == '0';
	}
	c->width = number(&p, args);
	if (c->width < 0) {
		c->left = true;
		c->width = -c->width;
	}
	if (*p == '.') {
		p++;
		c->precision = number(&p, args);
	}
	for (; *p && strchr("hljz", *p); p++)
		c->longs = *p == 'z' ? 3 : *p == 'j' ? 2 : *p == 'l' ? c->longs + 1 : 0;
	c->letter = *p;
	return *p ? p + 1 : p;
}

static intmax_t signed_argument(const struct conversion *c, struct arguments *args)
{
	switch (c->longs) {
	case 0:
		return va_arg(args->list, int);
	case 1:
		return va_arg(args->list, long);
	case 2:
		return va_arg(args->list, long long);
	default:
		return va_arg(args->list, ptrdiff_t);
	}
}

static uintmax_t unsigned_argument(const struct conversion *c, struct arguments *args)
{
	switch (c->longs) {
	case 0:
		return va_arg(args->list, unsigned);
	case 1:
		return va_arg(args->list, unsigned long);
	case 2:
		return va_arg(args->list, unsigned long long);
	default:
		return va_arg(args->list, size_t);
	}
}

static enum wm_code append_number(struct buf *to, const struct conversion *c,
				  struct arguments *args, struct wm_error *err)
{
	int width = c->left ? -c->width : c->width;

	if (c->letter == 'd' || c->letter == 'i')
		return buf_printf(to, err, c->zero ? "%0*jd" : "%*jd", width,
				  signed_argument(c, args));
	if (c->letter == 'x')
		return buf_printf(to, err, c->zero ? "%0*jx" : "%*jx", width,
				  unsigned_argument(c, args));
	return buf_printf(to, err, c->zero ? "%0*ju" : "%*ju", width, unsigned_argument(c, args));
}

static int n_characters(const struct buf *text)
{
	int n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += (text->data[i] & 0xC0) != 0x80;
	return n;
}

static enum wm_code append_string(struct buf *to, const struct conversion *c, const char *s,
				  struct wm_error *err)
{
	cleanup_buf struct buf escaped = BUF_INIT(to->max);
	int pad;

	s = s ? s : "-";
	TRY(escape_append(&escaped, s,
			  c->precision >= 0 ? strnlen(s, (size_t)c->precision) : strlen(s), err));
	pad = c->width - n_characters(&escaped);
	if (!c->left && pad > 0)
		TRY(buf_printf(to, err, "%*s", pad, ""));
	TRY(buf_append(to, escaped.data, escaped.len, err));
	return c->left && pad > 0 ? buf_printf(to, err, "%*s", pad, "") : WM_OK;
}

static enum wm_code append_conversion(struct buf *to, const struct conversion *c,
				      struct arguments *args, struct wm_error *err)
{
	char one[2] = { 0 };

	switch (c->letter) {
	case '%':
		return buf_append_byte(to, '%', err);
	case 's':
		return append_string(to, c, va_arg(args->list, const char *), err);
	case 'c':
		one[0] = (char)va_arg(args->list, int);
		return append_string(to, c, one, err);
	case 'd':
	case 'i':
	case 'u':
	case 'x':
		return append_number(to, c, args, err);
	default:
		return fail(err, REASON_INTERNAL, "no conversion '%c' for showing", c->letter);
	}
}

enum wm_code format_escaped(struct buf *to, const char *format, va_list list, struct wm_error *err)
{
	struct arguments args;
	enum wm_code code = WM_OK;

	va_copy(args.list, list);
	while (*format && code == WM_OK) {
		size_t literal = strcspn(format, "%");
		struct conversion c;

		code = buf_append(to, format, literal, err);
		format += literal;
		if (*format == '%' && code == WM_OK) {
			format = read_conversion(&c, format + 1, &args);
			code = append_conversion(to, &c, &args, err);
		}
	}
	va_end(args.list);
	return code;
}
