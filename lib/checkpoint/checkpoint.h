/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint at hand: opened once, parsed once, measured from the same descriptor.
 *
 *	cleanup_checkpoint struct checkpoint *c = NULL;
 *	TRY(checkpoint_open(&c, path, err));
 *	TRY(checkpoint_measure(c, &options, err));
 *
 * From open to the hand-over of the descriptor a read lease keeps writers out where
 * the file system and the owner allow it (checkpoint->writers_excluded).
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include <sys/stat.h>

#include "format/format.h"

struct checkpoint {
	char *path;
	const char *name; /* last component of path */
	int fd;
	uint64_t size; /* bytes */
	struct stat opened; /* what fstat() said then */
	struct layout layout;
	bool writers_excluded; /* a read lease was held from open until now */
	/* Filled by checkpoint_measure(): */
	bool measured;
	bool has_sha256, has_weights; /* without weights: no weights, no tensor set digest */
	uint8_t file_digest[SHA256_BYTES];
	uint8_t sha256[SHA256_BYTES];
	uint8_t weights_digest[SHA256_BYTES];
	uint8_t tensor_set_digest[SHA256_BYTES];
	uint64_t n_parameters; /* elements over all tensors */
	uint64_t n_tensor_bytes;
};

struct checkpoint_measure_options {
	bool sha256; /* the plain SHA-256 too */
	unsigned workers;
	struct progress *progress; /* started by the caller; the total is set here. Or NULL */
};

/* Opens and parses. Fails as file_open() and format_parse() do. */
MUST_USE enum wm_code checkpoint_open(struct checkpoint **out, const char *path,
				      struct wm_error *err);
void checkpoint_free(struct checkpoint *c);
DEFINE_CLEANUP(checkpoint, struct checkpoint, checkpoint_free)
#define cleanup_checkpoint __attribute__((cleanup(checkpoint_cleanup_)))

/*
 * Measures all segments and computes the digests. Fails with `file-changed` where size,
 * mtime or ctime changed meanwhile or the lease was broken.
 */
MUST_USE enum wm_code checkpoint_measure(struct checkpoint *c,
					 const struct checkpoint_measure_options *options,
					 struct wm_error *err);

#endif
