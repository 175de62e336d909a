/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ranges of one file, warm or cold. */
#include "digest/reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

#include "util/file.h"

enum {
	WINDOW = 32 << 20,	/* bytes requested ahead */
	WINDOW_STEP = 4 << 20,	/* and by how many at a time */
	COLD_SPAN = 256 << 20,	/* how far one miss makes the file cold */
};

void reader_init(struct reader *r, const struct view *view)
{
	memset(r, 0, sizeof(*r));
	r->view = view;
}

/* Keeps the window ahead of `off` requested. Advice: its failure changes nothing. */
static void request_ahead(struct reader *r, uint64_t off)
{
	uint64_t end = r->view->size + r->view->shift;
	uint64_t from = atomic_load(&r->requested);
	uint64_t to = off + WINDOW < end ? off + WINDOW : end;

	if (from < off)
		atomic_compare_exchange_strong(&r->requested, &from, off);
	for (;;) {
		from = atomic_load(&r->requested);
		if (from >= to || (to - from < WINDOW_STEP && to < end))
			return;
		if (to - from > WINDOW_STEP)
			to = from + WINDOW_STEP;
		if (!atomic_compare_exchange_strong(&r->requested, &from, to))
			return;
		readahead(r->view->fd, (off_t)from, (size_t)(to - from));
		to = off + WINDOW < end ? off + WINDOW : end;
	}
}

enum wm_code reader_read(struct reader *r, uint8_t *out, size_t len, uint64_t off,
			 struct wm_error *err)
{
	const struct view *v = r->view;
	struct iovec rest;
	ssize_t n;

	if (off < v->head_len) {
		size_t from_head =
			v->head_len - (size_t)off < len ? v->head_len - (size_t)off : len;

		memcpy(out, v->head + off, from_head);
		out += from_head;
		len -= from_head;
		off += from_head;
	}
	if (len == 0)
		return WM_OK;
	off += v->shift;
	if (off < atomic_load(&r->cold_until))
		request_ahead(r, off + len);
	rest = (struct iovec){ out, len };
	n = preadv2(v->fd, &rest, 1, (off_t)off, RWF_NOWAIT);
	if (n == (ssize_t)len)
		return WM_OK;
	if (n < 0)
		n = 0;
	atomic_store(&r->cold_until, off + COLD_SPAN);
	request_ahead(r, off + (size_t)n);
	return file_read_at(v->fd, out + n, len - (size_t)n, off + (size_t)n, v->name, err);
}

bool reader_missed(const struct reader *r)
{
	return atomic_load(&r->cold_until) > 0;
}

void reader_prefetch(const struct view *view)
{
	uint64_t len = view->size > view->head_len ? view->size - view->head_len : 0;

	if (len > 0)
		readahead(view->fd, (off_t)(view->head_len + view->shift),
			  len < WINDOW_STEP ? (size_t)len : WINDOW_STEP);
}
