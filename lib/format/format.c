/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and picking one. */
#include "format/format.h"

#include <string.h>

#include "format/inflate.h"
#include "format/pickle.h"
#include "format/tar.h"
#include "util/file.h"

/* In the order in which they are asked what a file of a name that says nothing is. */
static const struct format *const formats[] = {
	&format_tf_graph,
	&format_safetensors,
	&format_gguf,
	&format_keras_zip,
	&format_torch_zip,
	&format_npz, /* all archives that are not PyTorch's */
	&format_torch_legacy,
	&format_tar_gz,
	&format_tar,
	&format_hdf5,
	&format_onnx,
	&format_npy,
	&format_pickle, /* under names of PyTorch's, whatever the others leave */
	&format_tf_index, /* of what it begins with nothing tells it */
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

const struct format *format_pick(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	for (size_t i = 0; i < N_FORMATS; i++)
		if (formats[i]->suffixes && file_ends_with_any(name, formats[i]->suffixes))
			return formats[i];
	for (size_t i = 0; i < N_FORMATS; i++)
		if (formats[i]->claims && formats[i]->claims(name, size, start, len))
			return formats[i];
	return &format_raw;
}

void kept_release(struct kept *k)
{
	if (k->state)
		k->free(k->state);
	*k = (struct kept){ 0 };
}

enum wm_code window_read(const struct window *w, void *out, size_t len, uint64_t off,
			 struct wm_error *err)
{
	if (off > w->size || len > w->size - off)
		return fail(err, REASON_INTERNAL, "%s: a read beyond the window", w->name);
	if (w->stream)
		return inflate_read_at(w->stream, out, len, w->off + off, err);
	return file_read_at(w->fd, out, len, w->off + off, w->name, err);
}

/* Loaders that unpickle look at no name: what runs as a pickle must not pass for something else. */
static enum wm_code look_for_pickle(const struct format **f, const struct window *w,
				    struct wm_error *err)
{
	enum pickle_look look;

	TRY(pickle_runs(&look, w, err));
	if (look != PICKLE_IS_NONE && *f == &format_raw)
		*f = &format_pickle;
	if (look != PICKLE_CALLS || *f == &format_pickle || *f == &format_torch_legacy)
		return WM_OK;
	return fail(err, REASON_FORMAT_POLYGLOT,
		    "%s: is %s, and a pickle as well, which calls what it names", w->name,
		    (*f)->grammar);
}

enum wm_code format_pick_window(const struct format **out, const struct window *w,
				struct wm_error *err)
{
	uint8_t start[FORMAT_START];
	size_t len = w->size < sizeof(start) ? (size_t)w->size : sizeof(start);
	const struct format *f;

	TRY(window_read(w, start, len, 0, err));
	f = format_pick(w->name, w->size, start, len);
	TRY(look_for_pickle(&f, w, err));
	if (f != &format_tar && f != &format_tar_gz && f != &format_torch_legacy &&
	    tar_is_first_block(start, len))
		return fail(err, REASON_FORMAT_POLYGLOT, "%s: is %s, and a tar archive as well",
			    w->name, f->grammar);
	*out = f;
	return WM_OK;
}

static bool is_zip(const struct format *f)
{
	return f == &format_torch_zip || f == &format_npz || f == &format_keras_zip;
}

/* Says so where a file that is refused begins as one of another format than its name says. */
static enum wm_code tell_misnamed(const struct format *f, const struct window *w,
				  const struct wm_error *said, struct wm_error *err)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b, 8 };
	uint8_t start[FORMAT_START];
	size_t len = w->size < sizeof(start) ? (size_t)w->size : sizeof(start);
	const struct format *begins;

	TRY(window_read(w, start, len, 0, err));
	begins = format_pick("", w->size, start, len);
	/* No name but .tar.gz claims gzip, for what is packed is hidden by it. */
	if (begins == &format_raw && len >= sizeof(gzip) && memcmp(start, gzip, sizeof(gzip)) == 0)
		begins = &format_tar_gz;
	if (begins == &format_raw || begins == f || (is_zip(begins) && is_zip(f)))
		return fail_again(err, said);
	return fail(err, REASON_FORMAT_MISNAMED, "%s: its name says %s, and it begins as %s",
		    w->name, f->grammar, begins->grammar);
}

enum wm_code format_parse(struct layout *out, int fd, uint64_t size, const char *name,
			  struct wm_error *err)
{
	const struct window w = { .fd = fd, .size = size, .name = name };
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error said = { 0 };
	enum wm_code code;

	if (size == 0)
		return fail(err, REASON_EMPTY_FILE, "%s: has no bytes", name);
	TRY(format_pick_window(&l.format, &w, err));
	code = l.format->parse(&l, &w, &said);
	if (code != WM_OK)
		return error_is_untold(code) ? fail_again(err, &said) :
					       tell_misnamed(l.format, &w, &said, err);
	*out = l;
	l = (struct layout)LAYOUT_INIT;
	return WM_OK;
}
