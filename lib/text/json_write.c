/* SPDX-License-Identifier: Apache-2.0 */
/* Writing trees as JSON: canonical for signing, pretty for people. */
#include "text/json.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

struct writer {
	struct buf *out;
	bool pretty;
};

static enum wm_code write_unit(struct buf *out, uint32_t unit, struct wm_error *err)
{
	const uint8_t bytes[2] = { (uint8_t)(unit >> 8), (uint8_t)unit };

	TRY(buf_append_str(out, "\\u", err));
	return buf_append_hex(out, bytes, sizeof(bytes), err);
}

static enum wm_code write_escape(struct buf *out, uint32_t scalar, struct wm_error *err)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const char *simple = scalar && scalar < 0x80 ? strchr(from, (int)scalar) : NULL;

	if (simple) {
		TRY(buf_append_byte(out, '\\', err));
		return buf_append_byte(out, (uint8_t)to[simple - from], err);
	}
	if (scalar < 0x10000)
		return write_unit(out, scalar, err);
	TRY(write_unit(out, 0xD800 + ((scalar - 0x10000) >> 10), err));
	return write_unit(out, 0xDC00 + ((scalar - 0x10000) & 0x3FF), err);
}

static enum wm_code write_text(const struct writer *w, const char *text, size_t len,
			       struct wm_error *err)
{
	const uint8_t *data = (const uint8_t *)text;
	size_t start = 0, n;
	uint32_t scalar;

	TRY(buf_append_byte(w->out, '"', err));
	for (size_t off = 0; off < len; off += n) {
		n = utf8_decode(&scalar, data + off, len - off);
		if (n == 0)
			return fail(err, REASON_INTERNAL, "text to be written is not UTF-8");
		if (scalar >= 0x20 && scalar != '"' && scalar != '\\' &&
		    (!w->pretty || !utf8_unsafe(scalar)))
			continue;
		TRY(buf_append(w->out, data + start, off - start, err));
		TRY(write_escape(w->out, scalar, err));
		start = off + n;
	}
	TRY(buf_append(w->out, data + start, len - start, err));
	return buf_append_byte(w->out, '"', err);
}

static enum wm_code new_line(const struct writer *w, unsigned depth, struct wm_error *err)
{
	if (!w->pretty)
		return WM_OK;
	return buf_printf(w->out, err, "\n%*s", (int)(2 * depth), "");
}

static enum wm_code write_node(const struct writer *w, const struct node *n, unsigned depth,
			       struct wm_error *err);

static enum wm_code write_child(const struct writer *w, const struct node *child, bool first,
				unsigned depth, struct wm_error *err)
{
	if (!first)
		TRY(buf_append_byte(w->out, ',', err));
	TRY(new_line(w, depth, err));
	if (child->key) {
		TRY(write_text(w, child->key, strlen(child->key), err));
		TRY(buf_append_str(w->out, w->pretty ? ": " : ":", err));
	}
	return write_node(w, child, depth, err);
}

static enum wm_code write_sorted(const struct writer *w, const struct node *map, unsigned depth,
				 struct wm_error *err)
{
	cleanup_free const struct node **sorted = NULL;

	TRY(node_sorted(&sorted, map, err));
	for (size_t i = 0; i < map->len; i++) {
		if (i && strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return fail(err, REASON_INTERNAL, "a map to be written has a key twice");
		TRY(write_child(w, sorted[i], i == 0, depth, err));
	}
	return WM_OK;
}

static enum wm_code write_children(const struct writer *w, const struct node *n, unsigned depth,
				   struct wm_error *err)
{
	const bool map = n->kind == NODE_MAP;

	/* What is written can be read again: the same depth holds for both. */
	if (depth >= LIMIT_JSON_DEPTH)
		return fail(err, REASON_LIMIT, "nesting deeper than %d levels", LIMIT_JSON_DEPTH);
	TRY(buf_append_byte(w->out, map ? '{' : '[', err));
	if (map && !w->pretty)
		TRY(write_sorted(w, n, depth + 1, err));
	else
		for (const struct node *child = n->first; child; child = child->next)
			TRY(write_child(w, child, child == n->first, depth + 1, err));
	if (n->len)
		TRY(new_line(w, depth, err));
	return buf_append_byte(w->out, map ? '}' : ']', err);
}

static enum wm_code write_node(const struct writer *w, const struct node *n, unsigned depth,
			       struct wm_error *err)
{
	switch (n->kind) {
	case NODE_NULL:
		return buf_append_str(w->out, "null", err);
	case NODE_BOOL:
		return buf_append_str(w->out, n->plain ? "true" : "false", err);
	case NODE_INTEGER:
		if (n->integer > NODE_INTEGER_MAX || n->integer < -NODE_INTEGER_MAX)
			break;
		return buf_printf(w->out, err, "%" PRId64, n->integer);
	case NODE_TEXT:
		return write_text(w, n->text, n->len, err);
	case NODE_LIST:
	case NODE_MAP:
		return write_children(w, n, depth, err);
	}
	return fail(err, REASON_INTERNAL, "a number to be written is beyond 2^53-1");
}

enum wm_code json_write_canonical(struct buf *out, const struct node *n, struct wm_error *err)
{
	const struct writer w = { out, false };

	return write_node(&w, n, 0, err);
}

enum wm_code json_write_pretty(struct buf *out, const struct node *n, struct wm_error *err)
{
	const struct writer w = { out, true };

	TRY(write_node(&w, n, 0, err));
	return buf_append_byte(out, '\n', err);
}
