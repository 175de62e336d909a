/* SPDX-License-Identifier: Apache-2.0 */
/* Reading YAML through libyaml's events. */
#include "text/yaml.h"

#include <string.h>
#include <yaml.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/utf8.h"

struct reader {
	yaml_parser_t parser;
	struct tree *t;
	const char *name;
	const uint8_t *data;
	struct node *root;
	struct node *open[LIMIT_JSON_DEPTH + 1]; /* the stream, and what is open around us */
	unsigned depth;
	const char *key; /* of the value that comes next in a map */
	yaml_mark_t key_mark;
};

static void release(struct reader *r)
{
	yaml_parser_delete(&r->parser);
}

#define cleanup_event __attribute__((cleanup(yaml_event_delete)))

static enum wm_code refuse(const struct reader *r, yaml_mark_t mark, const char *what,
			   struct wm_error *err)
{
	return fail(err, REASON_YAML_MALFORMED, "%s: line %zu, column %zu: %s", r->name,
		    mark.line + 1, mark.column + 1, what);
}

static yaml_mark_t mark_of(const struct reader *r, size_t off)
{
	yaml_mark_t mark = { off, 0, 0 };

	for (size_t i = 0; i < off; i++) {
		mark.column++;
		if (r->data[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

/*
 * libyaml compares each %TAG directive with all before it. Tags are refused anyway, so
 * a line that begins with one is refused before the parser sees it; behind a break of
 * YAML (LF, CR, NEL, LS, PS) or a byte order mark, that is behind one of these bytes.
 */
static enum wm_code refuse_directives(const struct reader *r, size_t len, struct wm_error *err)
{
	const uint8_t *const data = r->data;
	const uint8_t *at;
	size_t off = 0;

	while (off < len && (at = memmem(data + off, len - off, "%TAG", 4)) != NULL) {
		off = (size_t)(at - data);
		if (off == 0 || memchr("\n\r\x85\xA8\xA9\xBF", data[off - 1], 6))
			return refuse(r, mark_of(r, off),
				      "tags are not supported; leave the directive out", err);
		off += 4;
	}
	return WM_OK;
}

static enum wm_code check_bytes(const struct reader *r, size_t len, struct wm_error *err)
{
	uint32_t scalar;
	size_t n;

	if (len > LIMIT_YAML)
		return fail(err, REASON_LIMIT, "%s: larger than %d bytes", r->name, LIMIT_YAML);
	for (size_t off = 0; off < len; off += n) {
		n = utf8_decode(&scalar, r->data + off, len - off);
		if (n == 0)
			return refuse(r, mark_of(r, off), "expected UTF-8", err);
	}
	return refuse_directives(r, len, err);
}

static enum wm_code parser_failed(const struct reader *r, struct wm_error *err)
{
	const yaml_parser_t *p = &r->parser;
	char what[160];

	if (p->error == YAML_MEMORY_ERROR)
		return fail_nomem(err);
	snprintf(what, sizeof(what), "%s%s%s", p->problem ? p->problem : "not YAML",
		 p->context ? " " : "", p->context ? p->context : "");
	/* What the reader of characters refuses has an offset, but no mark of its own. */
	return refuse(r, p->error == YAML_READER_ERROR ? mark_of(r, p->problem_offset) :
		      p->problem_mark, what, err);
}

/* Hangs `n` under what is open around it. */
static void attach(struct reader *r, struct node *n, yaml_mark_t mark)
{
	if (r->key)
		mark = r->key_mark;
	n->line = (unsigned)mark.line + 1;
	n->column = (unsigned)mark.column + 1;
	n->key = r->key;
	r->key = NULL;
	node_append(r->open[r->depth], n);
}

static bool key_expected(const struct reader *r)
{
	return r->open[r->depth]->kind == NODE_MAP && !r->key;
}

static enum wm_code check_properties(const struct reader *r, const yaml_event_t *e,
				     const yaml_char_t *anchor, const yaml_char_t *tag,
				     struct wm_error *err)
{
	if (anchor)
		return refuse(r, e->start_mark, "anchors are not supported; "
			      "write the value out wherever it is needed", err);
	if (tag)
		return refuse(r, e->start_mark, "tags are not supported; write the value without, "
			      "in quotes if it is text", err);
	return WM_OK;
}

static enum wm_code on_open(struct reader *r, const yaml_event_t *e, enum node_kind kind,
			    struct wm_error *err)
{
	struct node *n = NULL;

	if (kind == NODE_MAP)
		TRY(check_properties(r, e, e->data.mapping_start.anchor,
				     e->data.mapping_start.tag, err));
	else
		TRY(check_properties(r, e, e->data.sequence_start.anchor,
				     e->data.sequence_start.tag, err));
	if (key_expected(r))
		return refuse(r, e->start_mark, "expected text as a key, not a map or list", err);
	if (r->depth >= LIMIT_JSON_DEPTH)
		return fail(err, REASON_LIMIT,
			    "%s: line %zu, column %zu: nesting deeper than %d levels", r->name,
			    e->start_mark.line + 1, e->start_mark.column + 1, LIMIT_JSON_DEPTH);
	TRY(node_new(&n, r->t, kind, err));
	attach(r, n, e->start_mark);
	r->open[++r->depth] = n;
	return WM_OK;
}

static enum wm_code on_close(struct reader *r, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_MESSAGE);
	const struct node *twice = NULL;

	if (r->open[r->depth]->kind == NODE_MAP)
		TRY(node_find_duplicate(&twice, r->open[r->depth], err));
	r->depth--;
	if (!twice)
		return WM_OK;
	TRY(escape_quoted(&key, twice->key, strnlen(twice->key, 32), err));
	return fail(err, REASON_YAML_MALFORMED,
		    "%s: line %u, column %u: the key %s is there already; give it once", r->name,
		    twice->line, twice->column, buf_str(&key));
}

static enum wm_code on_key(struct reader *r, const yaml_event_t *e, bool plain,
			   struct wm_error *err)
{
	const char *text = (const char *)e->data.scalar.value;
	const size_t len = e->data.scalar.length;
	char *key = NULL;

	if (plain && len == 0)
		return refuse(r, e->start_mark, "expected a key before ':'", err);
	if (plain && strcmp(text, "<<") == 0)
		return refuse(r, e->start_mark, "merge keys are not supported; "
			      "write the keys out", err);
	TRY(arena_copy(&key, &r->t->arena, text, len, err));
	r->key = key;
	r->key_mark = e->start_mark;
	return WM_OK;
}

static enum wm_code on_scalar(struct reader *r, const yaml_event_t *e, struct wm_error *err)
{
	const char *text = (const char *)e->data.scalar.value;
	const size_t len = e->data.scalar.length;
	const bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct node *n = NULL;

	TRY(check_properties(r, e, e->data.scalar.anchor, e->data.scalar.tag, err));
	if (memchr(text, '\0', len))
		return refuse(r, e->start_mark, "expected text without NUL (\\0)", err);
	if (key_expected(r))
		return on_key(r, e, plain, err);
	if (plain && len == 0) {
		TRY(node_new(&n, r->t, NODE_NULL, err));
	} else {
		TRY(node_text(&n, r->t, text, len, err));
		n->plain = plain;
	}
	attach(r, n, e->start_mark);
	return WM_OK;
}

static enum wm_code step(struct reader *r, bool *more, struct wm_error *err)
{
	cleanup_event yaml_event_t e = { 0 };

	if (!yaml_parser_parse(&r->parser, &e))
		return parser_failed(r, err);
	switch (e.type) {
	case YAML_ALIAS_EVENT:
		return refuse(r, e.start_mark, "aliases are not supported; write the value out, "
			      "or quote text that begins with '*'", err);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, &e, err);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, &e, NODE_LIST, err);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, &e, NODE_MAP, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(r, err);
	case YAML_STREAM_END_EVENT:
		*more = false;
		return WM_OK;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return WM_OK;
}

enum wm_code yaml_read(struct tree *t, const void *data, size_t len, const char *name,
		       struct wm_error *err)
{
	__attribute__((cleanup(release))) struct reader r = {
		.t = t, .name = name, .data = len ? data : (const uint8_t *)"",
	};
	bool more = true;

	/* libyaml counts a byte order mark as a column, which spoils the indentation. */
	if (len >= 3 && memcmp(r.data, "\xEF\xBB\xBF", 3) == 0) {
		r.data += 3;
		len -= 3;
	}
	TRY(check_bytes(&r, len, err));
	if (!yaml_parser_initialize(&r.parser))
		return fail_nomem(err);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, r.data, len);
	TRY(node_new(&r.root, t, NODE_LIST, err));
	r.root->line = r.root->column = 1;
	r.open[0] = r.root;
	while (more)
		TRY(step(&r, &more, err));
	t->root = r.root;
	return WM_OK;
}
