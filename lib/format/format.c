/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and picking one. */
#include "format/format.h"

#include "format/inflate.h"
#include "util/file.h"


const struct format *const formats[] = {
	&format_tf_index, /* by their names, whatever they begin with */
	&format_tf_graph,
	&format_safetensors,
	&format_gguf,
	&format_keras_zip,
	&format_npy,
	&format_npz,
	&format_torch_zip,
	&format_torch_legacy,
	&format_tar,
	&format_tar_gz,
	&format_hdf5,
	&format_onnx,
	&format_pickle, /* under names of PyTorch's, whatever the others leave */
	&format_raw,
};
const size_t n_formats = sizeof(formats) / sizeof(formats[0]);

const struct format *format_pick(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	size_t i = 0;

	while (i < n_formats - 1 && !formats[i]->claims(name, size, start, len))
		i++;
	return formats[i];
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

enum wm_code format_parse_window(struct layout *out, const struct window *w, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	uint8_t start[FORMAT_START];
	size_t len = w->size < sizeof(start) ? (size_t)w->size : sizeof(start);

	if (w->size == 0)
		return fail(err, REASON_EMPTY_FILE, "%s: has no bytes", w->name);
	TRY(window_read(w, start, len, 0, err));
	l.format = format_pick(w->name, w->size, start, len);
	TRY(l.format->parse(&l, w, err));
	*out = l;
	l = (struct layout)LAYOUT_INIT;
	return WM_OK;
}

enum wm_code format_parse(struct layout *out, int fd, uint64_t size, const char *name,
			  struct wm_error *err)
{
	const struct window w = { .fd = fd, .size = size, .name = name };

	return format_parse_window(out, &w, err);
}
