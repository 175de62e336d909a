/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the child: that chunks unpack to what a chunk is, before libhdf5 reads them.
 *
 * libhdf5 copies a whole chunk out of what a stored one became, however short that is; the rest
 * is memory of whatever else, and no two readings are equal. It does the same with a fill value.
 */
#include "format/hdf5_dataset.h"

#include <stdlib.h>
#include <zlib.h>

#include "util/cleanup.h"

enum {
	/* The library finds the nth chunk by counting, n * n / 2 steps: many must hold much. */
	CHUNKS_MAX = 1 << 14,
	CHUNKS_FREE = 512,
	CHUNK_LEAST = 4096, /* bytes of the data set for each further chunk */
	CHECKSUM_BYTES = 4,
	STORED_SPARE = 1 << 16, /* by which a stored chunk may be longer than an unpacked one */
	INFLATE_BYTES = 1 << 16,
};

static enum wm_code refuse(const struct hdf5_place *p, const char *what, struct wm_error *err)
{
	return fail(err, REASON_HDF5_STORAGE, "%s: '%.120s' %s", p->name, p->path, what);
}

/* Stores how many bytes `len` bytes inflate to, or more than `most` where it is more. */
static enum wm_code count_inflated(uint64_t *out, uint8_t *data, size_t len, uint64_t most,
				   struct wm_error *err)
{
	cleanup_free uint8_t *into = malloc(INFLATE_BYTES);
	z_stream z = { .next_in = data, .avail_in = (uInt)len };
	int status = Z_OK;

	*out = 0;
	if (!into || inflateInit(&z) != Z_OK)
		return fail_nomem(err);
	while (status == Z_OK && *out <= most) {
		z.next_out = into;
		z.avail_out = INFLATE_BYTES;
		status = inflate(&z, Z_NO_FLUSH);
		*out += INFLATE_BYTES - z.avail_out;
	}
	inflateEnd(&z);
	if (status != Z_STREAM_END)
		*out = UINT64_MAX;
	return WM_OK;
}

static enum wm_code check_deflated(const struct hdf5_dataset *d, const struct hdf5_place *p,
				   uint64_t at, size_t len, struct wm_error *err)
{
	cleanup_free uint8_t *stored = malloc(len + 1);
	uint64_t unpacked = 0;

	if (!stored)
		return fail_nomem(err);
	if (!hdf5_library_read(at, len, stored))
		return hdf5_failed(p, "chunks", err);
	TRY(count_inflated(&unpacked, stored, len, d->chunk_len, err));
	if (unpacked != d->chunk_len)
		return refuse(p, "has a chunk that unpacks to another length", err);
	return WM_OK;
}

static enum wm_code check_chunk(const struct hdf5_dataset *d, const struct hdf5_place *p,
				hid_t dataset, hid_t space, uint64_t nth, struct wm_error *err)
{
	const uint64_t checksum = d->has_checksum ? CHECKSUM_BYTES : 0;
	hsize_t offsets[HDF5_RANK_MAX + 1], len = 0;
	unsigned skipped = 0;
	haddr_t at = 0;

	if (p->h->H5Dget_chunk_info(dataset, space, nth, offsets, &skipped, &at, &len) < 0)
		return hdf5_failed(p, "chunks", err);
	if (skipped != 0)
		return fail(err, REASON_HDF5_FILTER, "%s: '%.120s' has a chunk without its filters",
			    p->name, p->path);
	if (len > d->chunk_len + STORED_SPARE || len < checksum)
		return refuse(p, "has a chunk that is too long or too short", err);
	if (d->is_deflated)
		return check_deflated(d, p, at, (size_t)(len - checksum), err);
	return len == d->chunk_len + checksum ? WM_OK :
						refuse(p, "has a chunk of another length", err);
}

/* Whether `n` chunks can be all that the data set has. */
static bool is_whole(const struct hdf5_dataset *d, uint64_t n)
{
	uint64_t all = 1;

	for (unsigned i = 0; i < d->rank; i++)
		if (__builtin_mul_overflow(all, (d->dims[i] - 1) / d->chunk[i] + 1, &all))
			return false;
	return n == all;
}

enum wm_code hdf5_check_chunks(const struct hdf5_dataset *d, const struct hdf5_place *p,
			       hid_t dataset, hid_t space, struct wm_error *err)
{
	hsize_t n = 0;

	if (d->is_chunked && p->h->H5Dget_num_chunks(dataset, space, &n) < 0)
		return hdf5_failed(p, "chunks", err);
	if (n > CHUNKS_MAX || (n > CHUNKS_FREE && n - CHUNKS_FREE > d->len / CHUNK_LEAST))
		return fail(err, REASON_LIMIT,
			    "%s: '%.120s' has too many chunks for its bytes: %llu", p->name,
			    p->path, (unsigned long long)n);
	if (d->is_filled && !d->is_compact && !d->is_run && (!d->is_chunked || !is_whole(d, n)))
		return refuse(p, "has values that nobody wrote, and a value of its own for them",
			      err);
	for (uint64_t i = 0; i < n; i++)
		TRY(check_chunk(d, p, dataset, space, i, err));
	return WM_OK;
}
