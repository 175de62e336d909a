/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and picking one. */
#include "format/format.h"

#include "format/inflate.h"
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

enum wm_code format_pick_window(const struct format **out, const struct window *w,
				struct wm_error *err)
{
	uint8_t start[FORMAT_START];
	size_t len = w->size < sizeof(start) ? (size_t)w->size : sizeof(start);

	TRY(window_read(w, start, len, 0, err));
	*out = format_pick(w->name, w->size, start, len);
	return WM_OK;
}

enum wm_code format_parse(struct layout *out, int fd, uint64_t size, const char *name,
			  struct wm_error *err)
{
	const struct window w = { .fd = fd, .size = size, .name = name };
	cleanup_layout struct layout l = LAYOUT_INIT;

	if (size == 0)
		return fail(err, REASON_EMPTY_FILE, "%s: has no bytes", name);
	TRY(format_pick_window(&l.format, &w, err));
	TRY(l.format->parse(&l, &w, err));
	*out = l;
	l = (struct layout)LAYOUT_INIT;
	return WM_OK;
}
