/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are a bare pickle, of whatever (.pkl, .pickle, .joblib, and files under the names
 * of PyTorch's that are neither an archive nor its older form):
 *
 *	file = one pickle of protocol 0 to 5, of at most LIMIT_HEADER bytes, and nothing behind
 *
 * Only the names of its globals are listed. What it would build is never told: no tensors.
 */
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "format/pickle.h"
#include "util/file.h"

static enum wm_code add_name(void *context, const char *name, size_t len, struct wm_error *err)
{
	static const char ordered[] = "collections.OrderedDict";

	return layout_add_import(context, name, len,
				 len == strlen(ordered) && memcmp(name, ordered, len) == 0, err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	const struct pickle_names names = { add_name, l };
	size_t used = 0;

	if (w->size > LIMIT_HEADER)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: a pickle of %llu bytes, over %d",
			    w->name, (unsigned long long)w->size, LIMIT_HEADER);
	TRY(buf_reserve(&l->head, (size_t)w->size, err));
	TRY(window_read(w, l->head.data, (size_t)w->size, 0, err));
	l->head.len = (size_t)w->size;
	l->head.data[l->head.len] = 0;
	TRY(pickle_scan(&used, l->head.data, l->head.len, &names, w->name, err));
	if (used != w->size)
		return fail(err, REASON_PICKLE_MALFORMED,
			    "%s: %llu bytes follow its pickle, which may be another one", w->name,
			    (unsigned long long)w->size - used);
	l->segments = calloc(1, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	l->segments[l->n_segments++] = (struct segment){ .len = w->size };
	l->size = w->size;
	return layout_close_head(l, err);
}

/* Under a name of PyTorch's or Python's anything may be one; under others what runs as one. */
static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	static const char *const names[] = { ".pkl", ".pickle", ".joblib", ".pt", ".pth", NULL };

	(void)size, (void)start, (void)len;
	return file_ends_with_any(name, names);
}

const struct format format_pickle = { .grammar = "pickle/1", .claims = claims, .parse = parse };
