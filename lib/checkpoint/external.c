/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors that one file names and another one holds: moving them where their bytes are. */
#include "checkpoint/external.h"

#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/relpath.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
	const struct external *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	if (!order)
		order = compare_numbers(x->off, y->off);
	return order ? order : compare_numbers(x->tensor.len, y->tensor.len);
}

size_t external_run_end(const struct layout *l, size_t first)
{
	size_t end = first + 1;

	while (end < l->n_externals &&
	       strcmp(l->externals[end].path, l->externals[first].path) == 0)
		end++;
	return end;
}

enum wm_code external_path(struct buf *out, const struct checkpoint_file *f,
			   const struct external *e, struct wm_error *err)
{
	TRY(buf_append(out, f->path, (size_t)(file_name(f->path) - f->path), err));
	return buf_append_str(out, e->path, err);
}

/* The externals of one file that lie in one other. */
struct run {
	const struct checkpoint_file *from;
	const struct external *list;
	size_t n;
};

/* What to call one in a message; runs of bytes of no tensor have no name. */
static const char *label(const struct external *e)
{
	return e->tensor.name ? e->tensor.name : "(no tensor)";
}

/* All of them end within `size` bytes, and none begins within another. */
static enum wm_code check_ranges(const struct run *r, uint64_t size, struct wm_error *err)
{
	const struct external *last = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct external *e = &r->list[i];

		if (e->off > size || e->tensor.len > size - e->off)
			return fail(err, REASON_EXTERNAL_RANGE,
				    "%s: '%.80s' has %llu bytes from %llu on of %.80s, which has "
				    "%llu", r->from->place, label(e),
				    (unsigned long long)e->tensor.len, (unsigned long long)e->off,
				    e->path, (unsigned long long)size);
		if (e->tensor.len == 0)
			continue;
		if (last && e->off < last->off + last->tensor.len &&
		    (e->off != last->off || e->tensor.len != last->tensor.len))
			return fail(err, REASON_EXTERNAL_OVERLAP,
				    "%s: '%.64s' and '%.64s' overlap in %.64s", r->from->place,
				    label(last), label(e), e->path);
		last = e;
	}
	return WM_OK;
}

static void add_segment(struct layout *l, uint64_t *at, uint64_t end, bool tensor)
{
	if (end > *at)
		l->segments[l->n_segments++] = (struct segment){ .off = *at, .len = end - *at,
								 .tensor = tensor };
	*at = end;
}

static void place(struct layout *l, const struct run *r)
{
	uint64_t at = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct external *e = &r->list[i];
		struct tensor *t;

		if (!e->tensor.name)
			continue;
		t = &l->tensors[l->n_tensors++];
		*t = e->tensor;
		t->segment = SIZE_MAX;
		if (t->len == 0)
			continue;
		if (e->off >= at) {
			add_segment(l, &at, e->off, false);
			add_segment(l, &at, e->off + t->len, true);
		}
		t->segment = l->n_segments - 1; /* its own, or that of the same range before */
	}
	add_segment(l, &at, l->size, false);
}

static enum wm_code move(struct checkpoint_file *to, const struct run *r, struct wm_error *err)
{
	struct layout *l = &to->layout;

	free(l->segments);
	l->n_segments = 0;
	l->segments = calloc(2 * r->n + 1, sizeof(*l->segments));
	l->tensors = calloc(r->n, sizeof(*l->tensors));
	if (!l->segments || !l->tensors)
		return fail_nomem(err);
	place(l, r);
	l->has_tensors = true;
	return layout_sort_names(l, REASON_TENSOR_TWICE, to->place, err);
}

static enum wm_code resolve_run(struct checkpoint *c, const struct run *r, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(2 * LIMIT_PATH);
	struct checkpoint_file *to;

	if (!relpath_valid(r->list->path))
		return fail(err, REASON_EXTERNAL_MISSING,
			    "%s: keeps tensors at %.80s, which is no place below its directory",
			    r->from->place, r->list->path);
	TRY(external_path(&path, r->from, r->list, err));
	to = checkpoint_find_file(c, buf_str(&path));
	if (!to)
		return fail(err, REASON_EXTERNAL_MISSING, "%s: keeps tensors in %.80s",
			    r->from->place, r->list->path);
	if (to->layout.format == &format_external)
		return fail(err, REASON_EXTERNAL_TWICE,
			    "%s: %s and another file keep tensors in it", to->place, r->from->path);
	if (to->role != ROLE_LOAD || to->layout.format != &format_raw)
		return fail(err, REASON_EXTERNAL_NOT_DATA, "%s: keeps tensors in %.80s, a %s",
			    r->from->place, r->list->path,
			    to->role != ROLE_LOAD ? "document" : to->layout.format->grammar);
	TRY(check_ranges(r, to->is_pointer ? to->pointer.size : to->layout.size, err));
	to->layout.format = &format_external;
	return to->is_pointer ? WM_OK : move(to, r, err);
}

enum wm_code external_resolve(struct checkpoint *c, struct wm_error *err)
{
	for (size_t i = 0; i < c->n_files; i++) {
		struct layout *l = &c->files[i].layout;
		size_t end;

		if (l->n_externals == 0)
			continue;
		if (!c->is_directory)
			return fail(err, REASON_EXTERNAL_ALONE, "%s: keeps tensors in %.80s",
				    c->path, l->externals[0].path);
		qsort(l->externals, l->n_externals, sizeof(*l->externals), compare);
		for (size_t at = 0; at < l->n_externals; at = end) {
			struct run run = { &c->files[i], &l->externals[at], 0 };

			end = external_run_end(l, at);
			run.n = end - at;
			TRY(resolve_run(c, &run, err));
		}
	}
	return WM_OK;
}
