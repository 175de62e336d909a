/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the child: that chunks unpack to what a chunk is, before libhdf5 reads them.
 *
 * libhdf5 copies a whole chunk out of what a stored one became, however short that is; the rest
 * is memory of whatever else, and no two readings are equal. It does the same with a fill value.
 */
#include "format/hdf5_dataset.h"

#include "format/inflate.h"

enum {
	/* The library finds the nth chunk by counting, n * n / 2 steps: many must hold much. */
	CHUNKS_MAX = 1 << 14,
	CHUNKS_FREE = 512,
	CHUNK_LEAST = 4096, /* bytes of the data set for each further chunk */
	CHECKSUM_BYTES = 4,
	STORED_SPARE = 1 << 16, /* by which a stored chunk may be longer than an unpacked one */
	INFLATE_BYTES = 1 << 14,
	SCRATCH = 1 << 19,
};

static enum wm_code refuse(const struct hdf5_place *p, const char *what, struct wm_error *err)
{
	return fail(err, REASON_HDF5_STORAGE, "%s: '%.120s' %s", p->name, p->path, what);
}

/* How the chunks of one data set are looked at. */
struct checking {
	const struct hdf5_dataset *d;
	const struct hdf5_place *p;
	hid_t dataset, space;
	struct arena scratch;
	struct inflate *inflate; /* NULL: begun with the first chunk that is deflated */
};

static void checking_release(struct checking *c)
{
	arena_release(&c->scratch);
}

/* Stores how many bytes a part of the file inflates to, or more than `most` where it is more. */
static enum wm_code count_inflated(uint64_t *out, struct checking *c, const struct window *part,
				   uint64_t most, struct wm_error *err)
{
	uint8_t bytes[INFLATE_BYTES];
	size_t n = 0;

	if (!c->inflate)
		TRY(inflate_open(&c->inflate, &c->scratch, part, INFLATE_ZLIB, err));
	else
		TRY(inflate_restart(c->inflate, part, err));
	*out = 0;
	do {
		TRY(inflate_read(c->inflate, bytes, sizeof(bytes), &n, err));
		*out += n;
	} while (n > 0 && *out <= most);
	return WM_OK;
}

static enum wm_code check_deflated(struct checking *c, uint64_t at, uint64_t len,
				   struct wm_error *err)
{
	const uint64_t expected = c->d->chunk_len;
	struct window part;
	uint64_t unpacked = 0;
	enum wm_code code;

	if (!hdf5_library_part(&part, at, len))
		return refuse(c->p, "has a chunk that does not lie within the file", err);
	code = count_inflated(&unpacked, c, &part, expected, err);
	if (code != WM_OK && code != WM_FORMAT)
		return code;
	if (code != WM_OK || unpacked != expected)
		return refuse(c->p, "has a chunk that unpacks to another length", err);
	return WM_OK;
}

static enum wm_code check_chunk(struct checking *c, uint64_t nth, struct wm_error *err)
{
	const struct hdf5_dataset *d = c->d;
	const struct hdf5_place *p = c->p;
	const uint64_t checksum = d->has_checksum ? CHECKSUM_BYTES : 0;
	hsize_t offsets[HDF5_RANK_MAX + 1], len = 0;
	unsigned skipped = 0;
	haddr_t at = 0;

	if (p->h->H5Dget_chunk_info(c->dataset, c->space, nth, offsets, &skipped, &at,
				    &len) < 0)
		return hdf5_failed(p, "chunks", err);
	if (skipped != 0)
		return fail(err, REASON_HDF5_FILTER, "%s: '%.120s' has a chunk without its filters",
			    p->name, p->path);
	if (len > d->chunk_len + STORED_SPARE || len < checksum)
		return refuse(p, "has a chunk that is too long or too short", err);
	if (d->is_deflated)
		return check_deflated(c, at, len - checksum, err);
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
	__attribute__((cleanup(checking_release))) struct checking c = {
		.d = d, .p = p, .dataset = dataset, .space = space,
		.scratch = ARENA_INIT(SCRATCH),
	};
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
		TRY(check_chunk(&c, i, err));
	return WM_OK;
}
