/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which statements go into slots: those of the sidecar, and of present slots those that
 * are connected with them.
 *
 * Nothing is verified and nothing believed here: statements are sorted by what they say of
 * themselves, and carried on as they are. Everything that the sidecar carries is kept; with
 * what is kept goes what it names by a statement id (the one that it corrects, runs and
 * datasets, a parent's manifest), what corrects it, and further signatures under it, over
 * any number of steps. That two models share a dataset does not connect them. Releases
 * speak of bytes with slots and never go into one, nor do their proofs.
 */
#ifndef ATTEST_MERGE_H
#define ATTEST_MERGE_H

#include "checkpoint/checkpoint.h"
#include "statement/sidecar.h"
#include "statement/statement.h"
#include "weightmark/v1/manifest.pb-c.h"

struct merged {
	const struct envelope *envelope;
	struct statement *statement; /* NULL where the payload cannot be read here */
	bool from_sidecar;
	bool kept; /* goes into the slots */
};

struct merge {
	struct sidecar *sidecars; /* what `list` borrows from: the sidecar, different slots */
	size_t n_sidecars;
	struct merged *list; /* by statement id and keyid, each pair once */
	size_t n;
};

void merge_release(struct merge *m);
#define cleanup_merge __attribute__((cleanup(merge_release)))

/*
 * Gathers what the sidecar file `sidecar_path` and the slots of `c` carry, and chooses.
 * NULL: the slots alone, and all that they carry is kept. Fails with `sidecar-missing`, and
 * as sidecar_decode() does where a carrier is malformed. `out` is zeroed memory, to be
 * released also after a failure.
 */
MUST_USE enum wm_code merge_gather(struct merge *out, const struct checkpoint *c,
				   const char *sidecar_path, struct wm_error *err);

/*
 * Appends the sidecar of what is kept, with the proofs that any carrier has of it; of two that
 * one log gave, the sidecar's. A proof is of one signature, and stays with that.
 */
MUST_USE enum wm_code merge_encode(struct buf *out, const struct merge *m, struct wm_error *err);

/*
 * The manifest among those kept, not corrected by another, that speaks of the files of `c`:
 * every file to load is listed with its size and its grammar. A lone file may have another
 * name than a manifest of one file says. Fails with `manifest-missing`, `file-mismatch`,
 * `grammar-mismatch`. Borrowed from `m`.
 */
MUST_USE enum wm_code merge_find_manifest(const Weightmark__V1__Manifest **out,
					  const struct merge *m, const struct checkpoint *c,
					  struct wm_error *err);

/* The file of `c` that `path` of this manifest means, or NULL where it is not there. */
struct checkpoint_file *manifest_file_at(const Weightmark__V1__Manifest *manifest,
					 const struct checkpoint *c, const char *path);

#endif
