/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a writer keeps beside git's objects: the last tree that it bound itself to. One canonical
 * JSON object {"entries": [blob ...], "from": commit, "kind": "weightmark-writer/1", "root":
 * digest, "size": N}; `from` is absent of the first commit.
 */
#ifndef LEDGER_STATE_H
#define LEDGER_STATE_H

#include "digest/tree.h"
#include "git/repository.h"

struct writer_state {
	uint64_t size; /* entries, with those below */
	uint8_t root[SHA256_BYTES];
	bool has_from;
	struct object_id from; /* the commit that it builds on */
	struct object_id *entries; /* owned */
	size_t n_entries;
};

void writer_state_release(struct writer_state *s);
#define cleanup_writer_state __attribute__((cleanup(writer_state_release)))

/* Reads the file `path`. Fails with `not-found`, `state-malformed`, `read-failed`. */
MUST_USE enum wm_code writer_state_load(struct writer_state *out, const char *path,
					struct wm_error *err);
MUST_USE enum wm_code writer_state_store(const struct writer_state *s, const char *path,
					 struct wm_error *err);

#endif
