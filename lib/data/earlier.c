/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping commitments of earlier recordings, and finding them again. */
#include "data/earlier.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

enum { ROOT_BYTES = 8, PIECE = 1 << 20 };

static enum wm_code name_one(struct buf *out, const char *path, const uint8_t root[SHA256_BYTES],
			     unsigned nth, struct wm_error *err)
{
	assert(file_has_suffix(path, COMMITMENTS_SUFFIX));
	TRY(buf_append(out, path, strlen(path) - strlen(COMMITMENTS_SUFFIX), err));
	TRY(buf_append_byte(out, '.', err));
	TRY(buf_append_hex(out, root, ROOT_BYTES, err));
	if (nth > 1)
		TRY(buf_printf(out, err, "-%u", nth));
	return buf_append_str(out, COMMITMENTS_SUFFIX, err);
}

enum wm_code earlier_open(struct commitments **out, const char *path,
			  const uint8_t root[SHA256_BYTES], unsigned nth, struct wm_error *err)
{
	cleanup_buf struct buf name = BUF_INIT(LIMIT_PATH);
	cleanup_commitments struct commitments *c = NULL;

	*out = NULL;
	TRY(name_one(&name, path, root, nth, err));
	if (!file_exists(buf_str(&name)))
		return WM_OK;
	TRY(commitments_open(&c, buf_str(&name), err));
	if (memcmp(c->header.root, root, SHA256_BYTES) != 0)
		return fail(err, REASON_COMMITMENTS_DAMAGED, "%s: has another root than its name",
			    c->path);
	*out = take_ptr(&c);
	return WM_OK;
}

/* By their sums. */
static enum wm_code is_same(bool *same, const struct commitments *a, const struct commitments *b,
			    struct wm_error *err)
{
	const uint64_t size = commitments_size(&a->header);
	uint8_t x[SHA256_BYTES], y[SHA256_BYTES];

	*same = size == commitments_size(&b->header);
	if (!*same)
		return WM_OK;
	TRY(file_read_at(a->fd, x, sizeof(x), size - sizeof(x), a->path, err));
	TRY(file_read_at(b->fd, y, sizeof(y), size - sizeof(y), b->path, err));
	*same = memcmp(x, y, sizeof(x)) == 0;
	return WM_OK;
}

static enum wm_code copy(const struct commitments *from, const char *path, struct wm_error *err)
{
	cleanup_new_file struct new_file f = NEW_FILE_INIT;
	cleanup_free uint8_t *piece = malloc(PIECE);
	const uint64_t size = commitments_size(&from->header);

	if (!piece)
		return fail_nomem(err);
	TRY(new_file_open(&f, path, 0600, err));
	for (uint64_t off = 0, n; off < size; off += n) {
		n = size - off < PIECE ? size - off : PIECE;
		TRY(file_read_at(from->fd, piece, (size_t)n, off, from->path, err));
		TRY(file_write_fd(f.fd, piece, (size_t)n, path, err));
	}
	return new_file_finish(&f, FILE_EXCLUSIVE, err);
}

enum wm_code earlier_keep(struct buf *kept, const char *path, const uint8_t root[SHA256_BYTES],
			  struct wm_error *err)
{
	cleanup_commitments struct commitments *now = NULL;
	bool same = false;

	if (!file_exists(path))
		return WM_OK;
	TRY(commitments_open(&now, path, err));
	if (memcmp(now->header.root, root, SHA256_BYTES) == 0)
		return WM_OK;
	for (unsigned nth = 1; !same; nth++) {
		cleanup_commitments struct commitments *had = NULL;

		buf_truncate(kept, 0);
		TRY(name_one(kept, path, now->header.root, nth, err));
		TRY(earlier_open(&had, path, now->header.root, nth, err));
		if (!had)
			return copy(now, buf_str(kept), err);
		TRY(is_same(&same, now, had, err));
	}
	return WM_OK;
}
