/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and picking one. */
#include "format/format.h"

#include "util/file.h"

enum { START_BYTES = 4096 };

const struct format *const formats[] = {
	&format_safetensors,
	&format_gguf,
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

enum wm_code format_parse(struct layout *out, int fd, uint64_t size, const char *name,
			  struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	uint8_t start[START_BYTES];
	size_t len = size < sizeof(start) ? (size_t)size : sizeof(start);

	if (size == 0)
		return fail(err, REASON_EMPTY_FILE, "%s: has no bytes", name);
	TRY(file_read_at(fd, start, len, 0, name, err));
	l.format = format_pick(name, size, start, len);
	TRY(l.format->parse(&l, fd, size, name, err));
	*out = l;
	l = (struct layout)LAYOUT_INIT;
	return WM_OK;
}
