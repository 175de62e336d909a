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
#include <strings.h>

#include "format/format.h"
#include "format/pickle.h"
#include "format/tar.h"

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
	if (tar_is_first_block(l->head.data, l->head.len))
		return fail(err, REASON_PICKLE_MALFORMED,
			    "%s: is a tar too, which PyTorch tries first", w->name);
	TRY(pickle_scan(&used, l->head.data, l->head.len, &names, w->name, err));
	if (used != w->size)
		return fail(err, REASON_PICKLE_MALFORMED,
			    "%s: %llu bytes follow its pickle, which may be another one", w->name,
			    (unsigned long long)w->size - used);
	layout_sort_imports(l);
	l->segments = calloc(1, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	l->segments[l->n_segments++] = (struct segment){ .len = w->size };
	l->size = w->size;
	return layout_close_head(l, err);
}

static bool has_suffix(const char *name, const char *const *suffixes, size_t n)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < n; i++)
		if (strcasecmp(dot, suffixes[i]) == 0)
			return true;
	return false;
}

static enum wm_code stop_at_name(void *found, const char *name, size_t len, struct wm_error *err)
{
	(void)name, (void)len, (void)err;
	*(bool *)found = true;
	return WM_OK;
}

/* Whether the beginning of a file is a pickle that names something, or one that ends there. */
static bool begins_as_pickle(const uint8_t *start, size_t len)
{
	bool found = false;
	const struct pickle_names names = { stop_at_name, &found };
	struct wm_error ignored = { 0 };
	size_t used = 0;

	if (len >= 2 && start[0] == 0x80 && start[1] <= 5)
		return true;
	return pickle_scan(&used, start, len, &names, "", &ignored) == WM_OK || found;
}

/* Under a name of PyTorch's anything may be one; under others what begins so. */
static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	static const char *const always[] = { ".pkl", ".pickle", ".joblib", ".pt", ".pth" };
	static const char *const marked[] = { ".ckpt", ".bin", ".dat", ".model" };

	(void)size;
	return has_suffix(name, always, sizeof(always) / sizeof(always[0])) ||
	       (has_suffix(name, marked, sizeof(marked) / sizeof(marked[0])) &&
		begins_as_pickle(start, len));
}

const struct format format_pickle = { "pickle/1", claims, parse, NULL, NULL, NULL };
