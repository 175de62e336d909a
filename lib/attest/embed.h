/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a checkpoint's statements into its weights files, and taking them out again.
 *
 * Embedding needs no key: what the sidecar carries (but for releases, which speak of bytes
 * with slots) and what present slots carry of it goes into the slot of every file of tensors
 * whose format has one (attest/merge.h). No signature is checked; the manifest must list the
 * files with their sizes and grammars.
 *
 * First all files are opened, parsed and the new beginnings made in memory: what is refused
 * of the last shard leaves the first as it was. Then every file is replaced whole or changed
 * in place with a journal (checkpoint/rewrite.h), one after another by their paths, each
 * durable before the next is touched. An interruption leaves the files before it with their
 * new slot, those behind it as they were, and in place perhaps one with a journal, which
 * rewrite_recover() ends. All parse, and as a slot changes no digest, all verify. Doing it
 * again completes it.
 */
#ifndef ATTEST_EMBED_H
#define ATTEST_EMBED_H

#include "attest/carriers.h"
#include "checkpoint/rewrite.h"

struct embed_options {
	const char *sidecar; /* its path; NULL: beside the checkpoint */
	const char *out;     /* write to this new file (of a lone file only); NULL: replace */
	bool in_place;	     /* change files where they lie; not with `out` */
	const struct checkpoint_open_options *opening;
	struct progress *progress;
};

/* What was done to one file. */
struct embedded_file {
	char *path; /* within the checkpoint */
	enum rewrite_way way; /* where it was written */
	uint64_t slot_len; /* of the file as it is now; 0: none */
	bool unchanged;	   /* it had this slot already */
	bool header_warning; /* its header is longer than some tools read */
};

struct embedding {
	struct embedded_file *files; /* those that were dealt with, by path */
	size_t n_files, n_wanted;    /* and how many were to be: more after a failure */
	char **without; /* files of parts whose format has no slot, and git-lfs pointers */
	size_t n_without;
	char **dropped; /* ids of statements that were in a slot and are in none any more */
	size_t n_dropped;
	size_t n_statements; /* envelopes in each slot; 0 after stripping */
};

void embedding_release(struct embedding *e);
#define cleanup_embedding __attribute__((cleanup(embedding_release)))

/*
 * Embeds. Fails with `sidecar-missing`, `manifest-missing`, `file-mismatch`, `grammar-mismatch`,
 * `slot-too-large`, `slot-key-taken`, `slot-displaced`, `no-slot` (no file has a place),
 * `linked-file` (it is a symbolic link; with `out` that is no matter), `hard-linked` (in place),
 * `usage` (`out` for a directory), and as checkpoint_open() and rewrite_*() do. `out` is zeroed
 * memory, to be released also after a failure, and holds what was done before it.
 */
MUST_USE enum wm_code checkpoint_embed(struct embedding *out, const char *path,
				       const struct embed_options *options, struct wm_error *err);

/*
 * Takes all slots out; the files are then what they were before embedding, byte for byte.
 * `displaced`: copies of slots that a converter left elsewhere are taken out as well, into
 * a new file only (else `usage`). Where no file has one there is nothing to do: `slot-missing`
 * only where a new file was wanted, or where there is a displaced one.
 */
MUST_USE enum wm_code checkpoint_strip(struct embedding *out, const char *path,
				       const struct embed_options *options, bool displaced,
				       struct wm_error *err);

/*
 * Appends the sidecar with all that the slots carry, but for displaced ones. Fails with
 * `slot-missing`, and as sidecar_decode() does.
 */
MUST_USE enum wm_code checkpoint_extract(struct buf *sidecar, const char *path,
					 const struct checkpoint_open_options *opening,
					 struct wm_error *err);

#endif
