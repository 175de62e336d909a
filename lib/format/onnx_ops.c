/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that an ONNX file needs and that are not of a known set; grammar in onnx.c. */
#include <stdlib.h>
#include <string.h>

#include "format/onnx_parse.h"
#include "util/cleanup.h"

enum { OPS_LEAST = 64 };

static const char *const known_domains[] = {
	"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training",
	"com.microsoft",
};

/* Of these: operators that run code, or read files, that the model names. */
static const char *const known_dangers[] = {
	"ATen", "EPContext", "PythonOp", "PythonOpGrad", "Snpe", "TritonOp",
};

static bool text_is(const struct onnx_parser *p, struct onnx_text text, const char *s)
{
	return strlen(s) == text.len && memcmp(onnx_text(p, text), s, text.len) == 0;
}

static bool among(const struct onnx_parser *p, struct onnx_text text, const char *const *list,
		  size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_is(p, text, list[i]))
			return true;
	return false;
}
#define AMONG(p, text, list) among(p, text, list, sizeof(list) / sizeof((list)[0]))

static int compare_ops(const void *a, const void *b, void *head)
{
	const struct onnx_op *x = a, *y = b;
	const uint8_t *bytes = head;

	for (unsigned i = 0; i < ONNX_TEXTS; i++) {
		const struct onnx_text s = x->text[i], t = y->text[i];
		const int order = s.len == t.len ? memcmp(bytes + s.off, bytes + t.off, s.len) :
						   s.len < t.len ? -1 : 1;

		if (order != 0)
			return order;
	}
	return 0;
}

/* Sorts, and leaves each out that is there already. Returns how many are left out. */
static size_t sort_ops(struct onnx_ops *o, void *head)
{
	size_t kept = 0, n = o->n;

	if (n == 0)
		return 0;
	qsort_r(o->list, n, sizeof(*o->list), compare_ops, head);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_ops(&o->list[kept - 1], &o->list[i], head) != 0)
			o->list[kept++] = o->list[i];
	o->n = kept;
	return n - kept;
}

/* Adds it; where it may be there before, looks seldom, so that many cost little. */
static enum wm_code add_op(struct onnx_parser *p, struct onnx_ops *o, bool once,
			   struct wm_error *err)
{
	if (o->n == o->cap) {
		const size_t cap = o->cap ? o->cap * 2 : OPS_LEAST;
		struct onnx_op *grown;

		if (!once)
			sort_ops(o, p->l->head.data);
		if (o->n > LIMIT_IMPORTS)
			return fail(err, REASON_LIMIT, "%s: more than %d operators or functions",
				    p->bytes.file.name, LIMIT_IMPORTS);
		if (once || o->n >= o->cap / 2) {
			grown = reallocarray(o->list, cap, sizeof(*grown));
			if (!grown)
				return fail_nomem(err);
			o->list = grown;
			o->cap = cap;
		}
	}
	memcpy(o->list[o->n++].text, onnx_top(p)->text, sizeof(o->list[0].text));
	return WM_OK;
}

static int compare_texts(const void *a, const void *b, void *head)
{
	const struct onnx_text *s = a, *t = b;
	const uint8_t *bytes = head;

	if (s->len != t->len)
		return s->len < t->len ? -1 : 1;
	return memcmp(bytes + s->off, bytes + t->off, s->len);
}

enum wm_code onnx_add_name(struct onnx_parser *p, struct wm_error *err)
{
	struct onnx_names *names = &p->names;

	if (names->n == names->cap) {
		const size_t cap = names->cap ? names->cap * 2 : OPS_LEAST;
		struct onnx_text *grown = reallocarray(names->list, cap, sizeof(*grown));

		if (!grown)
			return fail_nomem(err);
		names->list = grown;
		names->cap = cap;
	}
	names->list[names->n++] = onnx_top(p)->text[0];
	return WM_OK;
}

/* Forgets the names of the message's attributes, which must be different. */
static enum wm_code end_names(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);
	const size_t n = p->names.n - f->names_at;
	struct onnx_text *list = n > 0 ? &p->names.list[f->names_at] : NULL;

	p->names.n = f->names_at;
	if (n > 1)
		qsort_r(list, n, sizeof(*list), compare_texts, p->l->head.data);
	for (size_t i = 1; i < n; i++)
		if (compare_texts(&list[i - 1], &list[i], p->l->head.data) == 0)
			return fail(err, REASON_ONNX_DUPLICATE,
				    "%s: byte %llu: two attributes '%.*s'", p->bytes.file.name,
				    (unsigned long long)f->from,
				    list[i].len < 80 ? (int)list[i].len : 80,
				    onnx_text(p, list[i]));
	return WM_OK;
}

enum wm_code onnx_end_node(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);

	if (f->text[1].len == 0)
		return fail(err, REASON_ONNX_MALFORMED, "%s: byte %llu: a node without op_type",
			    p->bytes.file.name, (unsigned long long)f->from);
	TRY(end_names(p, err));
	if (AMONG(p, f->text[0], known_domains) && !AMONG(p, f->text[1], known_dangers))
		return WM_OK;
	return add_op(p, &p->used, false, err);
}

enum wm_code onnx_end_function(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);

	if (f->text[1].len == 0)
		return fail(err, REASON_ONNX_MALFORMED, "%s: byte %llu: a function without name",
			    p->bytes.file.name, (unsigned long long)f->from);
	TRY(end_names(p, err));
	return add_op(p, &p->defined, true, err);
}

/* A function of the model stands for the operator; what is dangerous stays so. */
static bool is_defined(const struct onnx_parser *p, const struct onnx_op *op)
{
	if (AMONG(p, op->text[0], known_domains) || p->defined.n == 0)
		return false;
	for (size_t low = 0, high = p->defined.n; low < high;) {
		const size_t middle = low + (high - low) / 2;
		const int order = compare_ops(op, &p->defined.list[middle], p->l->head.data);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

enum wm_code onnx_list_imports(struct onnx_parser *p, struct wm_error *err)
{
	if (sort_ops(&p->defined, p->l->head.data) > 0)
		return fail(err, REASON_ONNX_DUPLICATE, "%s: two functions of one name",
			    p->bytes.file.name);
	sort_ops(&p->used, p->l->head.data);
	for (size_t i = 0; i < p->used.n; i++) {
		cleanup_buf struct buf name = BUF_INIT(2 * LIMIT_HEADER);
		const struct onnx_op *op = &p->used.list[i];

		if (is_defined(p, op))
			continue;
		TRY(buf_append_str(&name, "onnx:", err));
		TRY(buf_append(&name, onnx_text(p, op->text[0]), op->text[0].len, err));
		TRY(buf_append_byte(&name, '.', err));
		TRY(buf_append(&name, onnx_text(p, op->text[1]), op->text[1].len, err));
		TRY(layout_add_import(p->l, buf_str(&name), name.len, false, err));
	}
	return WM_OK;
}
