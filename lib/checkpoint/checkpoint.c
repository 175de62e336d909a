/* SPDX-License-Identifier: Apache-2.0 */
/* One checkpoint file: opened, parsed and measured through one descriptor. */
#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/digests.h"
#include "util/file.h"
#include "util/lease.h"

void checkpoint_free(struct checkpoint *c)
{
	if (!c)
		return;
	layout_release(&c->layout);
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	free(c);
}

static enum wm_code get_stat(const struct checkpoint *c, struct stat *out, struct wm_error *err)
{
	if (fstat(c->fd, out) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", c->path, strerror(errno));
	return WM_OK;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Fails where the file, or the lease on it, is not what it was when it was opened. */
static enum wm_code check_unchanged(struct checkpoint *c, struct wm_error *err)
{
	struct stat now;

	TRY(get_stat(c, &now, err));
	if (now.st_size != c->opened.st_size)
		return fail(err, REASON_FILE_CHANGED, "%s: had %lld bytes, has %lld", c->path,
			    (long long)c->opened.st_size, (long long)now.st_size);
	if (!same_time(&now.st_mtim, &c->opened.st_mtim) ||
	    !same_time(&now.st_ctim, &c->opened.st_ctim))
		return fail(err, REASON_FILE_CHANGED, "%s: was modified after it was opened",
			    c->path);
	if (c->writers_excluded && !lease_held(c->fd)) {
		c->writers_excluded = false;
		return fail(err, REASON_FILE_CHANGED, "%s: another process opened it for writing",
			    c->path);
	}
	return WM_OK;
}

enum wm_code checkpoint_open(struct checkpoint **out, const char *path, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = calloc(1, sizeof(*c));

	if (!c)
		return fail_nomem(err);
	c->fd = -1;
	c->layout = (struct layout)LAYOUT_INIT;
	c->path = strdup(path);
	if (!c->path)
		return fail_nomem(err);
	c->name = file_name(c->path);
	TRY(file_open(&c->fd, &c->size, path, err));
	c->writers_excluded = lease_take(c->fd);
	TRY(get_stat(c, &c->opened, err));
	if ((uint64_t)c->opened.st_size != c->size)
		return fail(err, REASON_FILE_CHANGED, "%s: changed while being opened", path);
	TRY(format_parse(&c->layout, c->fd, c->size, c->path, err));
	*out = take_ptr(&c);
	return WM_OK;
}

static enum wm_code count(struct checkpoint *c, struct wm_error *err)
{
	uint64_t n_parameters = 0, n_bytes = 0;

	TRY(layout_count_elements(&n_parameters, &c->layout, c->path, err));
	for (size_t i = 0; i < c->layout.n_tensors; i++)
		n_bytes += c->layout.tensors[i].len; /* they tile the file: no overflow */
	c->n_parameters = n_parameters;
	c->n_tensor_bytes = n_bytes;
	return WM_OK;
}

static enum wm_code compute_digests(struct checkpoint *c, struct wm_error *err)
{
	TRY(digest_file(c->file_digest, &c->layout, c->size, err));
	if (!c->layout.has_tensors)
		return WM_OK;
	TRY(digest_weights(c->weights_digest, &c->layout, err));
	TRY(digest_tensor_set(c->tensor_set_digest, &c->layout, err));
	c->has_weights = true;
	return WM_OK;
}

enum wm_code checkpoint_measure(struct checkpoint *c,
				const struct checkpoint_measure_options *options,
				struct wm_error *err)
{
	struct measure_file file = {
		.view = { c->fd, c->path, c->layout.head.data, c->layout.head.len,
			  c->layout.slot_len, c->layout.size },
		.segments = c->layout.segments,
		.n_segments = c->layout.n_segments,
		.sha256 = options->sha256 ? c->sha256 : NULL,
	};
	const struct measure m = { &file, 1, options->workers, options->progress };

	c->measured = c->has_sha256 = c->has_weights = false;
	if (options->progress)
		options->progress->total = c->size;
	TRY(check_unchanged(c, err));
	TRY(measure(&m, err));
	TRY(check_unchanged(c, err));
	TRY(count(c, err));
	TRY(compute_digests(c, err));
	c->has_sha256 = options->sha256;
	c->measured = true;
	return WM_OK;
}
