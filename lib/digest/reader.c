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

/* Reads from the file, without waiting where it is warm. */
static enum wm_code read_file(struct reader *r, uint8_t *out, size_t len, uint64_t off,
			      struct wm_error *err)
{
	struct iovec rest = { out, len };
	ssize_t n;

	if (off < atomic_load(&r->cold_until))
		request_ahead(r, off + len);
	n = preadv2(r->view->fd, &rest, 1, (off_t)off, RWF_NOWAIT);
	if (n == (ssize_t)len)
		return WM_OK;
	if (n < 0)
		n = 0;
	atomic_store(&r->cold_until, off + COLD_SPAN);
	request_ahead(r, off + (size_t)n);
	return file_read_at(r->view->fd, out + n, len - (size_t)n, off + (size_t)n, r->view->name,
			    err);
}

/* The first piece that ends behind `off`; n_pieces where there is none. */
static size_t find_piece(const struct view *v, uint64_t off)
{
	size_t low = 0, high = v->n_pieces;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->pieces[middle].off + v->pieces[middle].len <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Lays the pieces over [off, end) of the view, which is at `out`. */
static void lay_pieces(const struct view *v, uint8_t *out, uint64_t off, uint64_t end)
{
	for (size_t i = find_piece(v, off); i < v->n_pieces && v->pieces[i].off < end; i++) {
		const struct piece *p = &v->pieces[i];
		uint64_t from = p->off > off ? p->off : off;
		uint64_t to = p->off + p->len < end ? p->off + p->len : end;

		memcpy(out + (from - off), p->data + (from - p->off), (size_t)(to - from));
	}
}

/* What of [*from, *end) no piece covers at either end; empty where pieces cover it all. */
static void trim(const struct view *v, uint64_t *from, uint64_t *end)
{
	size_t i = find_piece(v, *from);

	for (; i < v->n_pieces && v->pieces[i].off <= *from; i++)
		*from = v->pieces[i].off + v->pieces[i].len;
	if (*from >= *end) {
		*from = *end;
		return;
	}
	i = find_piece(v, *end - 1);
	if (i < v->n_pieces && v->pieces[i].off < *end)
		*end = v->pieces[i].off;
}

enum wm_code reader_read(struct reader *r, uint8_t *out, size_t len, uint64_t off,
			 struct wm_error *err)
{
	const struct view *v = r->view;
	uint64_t from = off, end = off + len, middle;

	trim(v, &from, &end);
	middle = from < v->shift_from ? v->shift_from : from;
	if (middle > end)
		middle = end;
	if (from < middle)
		TRY(read_file(r, out + (from - off), (size_t)(middle - from), from, err));
	if (middle < end)
		TRY(read_file(r, out + (middle - off), (size_t)(end - middle), middle + v->shift,
			      err));
	lay_pieces(v, out, off, off + len);
	return WM_OK;
}

bool reader_missed(const struct reader *r)
{
	return atomic_load(&r->cold_until) > 0;
}

void reader_prefetch(const struct view *view)
{
	uint64_t from = 0, end = view->size;

	trim(view, &from, &end);
	if (from >= view->shift_from) {
		from += view->shift;
		end += view->shift;
	}
	if (from < end)
		readahead(view->fd, (off_t)from,
			  end - from < WINDOW_STEP ? (size_t)(end - from) : WINDOW_STEP);
}
