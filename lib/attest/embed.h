/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a checkpoint's statements into its weights files, and taking them out again.
 *
 * Embedding needs no key: what the sidecar carries (but for releases, which speak of bytes
 * with slots) and what present slots carry of it goes into the slot of every file of tensors
 * whose format has one. Every file is replaced whole or changed in place with a journal
 * (checkpoint/rewrite.h), one after another: after a crash between two of them all verify,
 * since a slot changes no digest.
 */
#ifndef ATTEST_EMBED_H
#define ATTEST_EMBED_H

#include "attest/carriers.h"
#include "checkpoint/rewrite.h"

struct embed_options {
	const char *sidecar; /* its path; NULL: beside the checkpoint */
	const char *out;     /* write to this file instead (a lone file only); NULL: replace */
	bool in_place;	     /* change files where they lie */
	const struct checkpoint_open_options *opening;
	struct progress *progress;
};

/* What was done to one file. */
struct embedded_file {
	char *path; /* within the checkpoint */
	enum rewrite_way way;
	uint64_t slot_len; /* of the file as it is now; 0: none */
	bool unchanged;	   /* it had this slot already */
	bool header_warning; /* its header is longer than some tools read */
};

struct embedding {
	struct embedded_file *files; /* that have a place for a slot, by path */
	size_t n_files;
	char **without; /* files of parts whose format has no slot */
	size_t n_without;
};

void embedding_release(struct embedding *e);
#define cleanup_embedding __attribute__((cleanup(embedding_release)))

/*
 * Embeds. Fails with `sidecar-missing`, `slot-too-large`, `slot-key-taken`, `slot-displaced`,
 * `no-slot` (no file has a place), and as checkpoint_open() and rewrite_*() do. `out` is zeroed
 * memory, and holds what was done before a failure too.
 */
MUST_USE enum wm_code checkpoint_embed(struct embedding *out, const char *path,
				       const struct embed_options *options, struct wm_error *err);

/*
 * Takes all slots out; the files are then what they were before embedding, byte for byte.
 * `displaced`: copies of slots that a converter left elsewhere are taken out as well, into
 * a new file only. Fails with `slot-missing` where no file has one.
 */
MUST_USE enum wm_code checkpoint_strip(struct embedding *out, const char *path,
				       const struct embed_options *options, bool displaced,
				       struct wm_error *err);

/* Appends the sidecar with all that the slots carry. Fails with `slot-missing`. */
MUST_USE enum wm_code checkpoint_extract(struct buf *sidecar, const char *path,
					 const struct checkpoint_open_options *opening,
					 struct wm_error *err);

#endif
