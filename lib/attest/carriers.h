/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The carriers of a checkpoint: where its statements are found and put (docs/design.md,
 * "Carriers").
 *
 * The sidecar stands beside a lone file as PATH.wmk and in a directory as
 * DIR/weightmark.wmk; slots are in the weights files themselves (format/slot.h). Whatever
 * the carrier, the same code verifies the same bytes.
 */
#ifndef ATTEST_CARRIERS_H
#define ATTEST_CARRIERS_H

#include "checkpoint/checkpoint.h"
#include "statement/sidecar.h"
#include "weightmark/v1/manifest.pb-c.h"

enum carrier_kind {
	CARRIER_SIDECAR,
	CARRIER_SLOT,
	CARRIER_DISPLACED, /* a value like a slot's elsewhere in a file: it speaks of ancestors */
};

/* Of files with one and the same slot so many are asked whether it speaks of them. */
enum { CARRIER_FILES = 64 };

struct carrier {
	enum carrier_kind kind;
	char *place; /* the sidecar's path, or that of the file with the slot */
	/* That have this slot, the first of them; none for the sidecar. Borrowed. */
	const struct checkpoint_file *files[CARRIER_FILES];
	size_t n_files;
	struct sidecar sidecar;
	struct wm_error err; /* why it could not be read; then `sidecar` is empty */
};

struct carriers {
	struct carrier *list; /* the sidecar first, then the slots by the paths of their files */
	size_t n;
};

void carriers_release(struct carriers *c);
#define cleanup_carriers __attribute__((cleanup(carriers_release)))

/* "sidecar", "slot", "displaced". Static. */
const char *carrier_kind_name(enum carrier_kind kind);

/* Stores the sidecar's path of the checkpoint `path`, a file or a directory; free() it. */
MUST_USE enum wm_code carrier_sidecar_path(char **out, const char *path, struct wm_error *err);

/* Whether `path` has the name of a sidecar. */
bool carrier_is_sidecar(const char *path);

/* Fails with `usage` where it has, for verbs that want the checkpoint itself. */
MUST_USE enum wm_code carrier_refuse_sidecar(const char *path, struct wm_error *err);

/*
 * Reads and decodes the sidecar file `path`. Fails with `sidecar-missing` where there is
 * none, else as file_read() and sidecar_decode() do.
 */
MUST_USE enum wm_code carrier_load(struct sidecar *out, const char *path, struct wm_error *err);

/*
 * Whether what the carrier holds about the bytes `record` is meant for the checkpoint that
 * it was found with: so for a sidecar; for a slot where the record lists a file of the size
 * and grammar of the one that has the slot, and once that was measured, of its digest; never
 * for a displaced one. A slot that a converter or a trainer copied into another model is
 * inherited: it speaks of an ancestor.
 */
bool carrier_speaks_of(const struct carrier *c, const Weightmark__V1__Checkpoint *record);

/*
 * Finds all carriers of the opened checkpoint `c` (NULL: the sidecar alone), whose sidecar is
 * looked for at `sidecar_path` (NULL: it has none). A carrier that cannot be read is in the list
 * with the reason; a sidecar that is not there is not. Slots of documents are not looked at;
 * neighbouring slots that carry the same are one. Fails with `limit`, else only where nothing could
 * be told. `c` must outlive `out`.
 */
MUST_USE enum wm_code carriers_gather(struct carriers *out, const struct checkpoint *c,
				      const char *sidecar_path, struct wm_error *err);

#endif
