/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a checkpoint to sign it, and what must not be in it then. */
#ifndef ATTEST_SIGNABLE_H
#define ATTEST_SIGNABLE_H

#include "checkpoint/checkpoint.h"

struct signable_options {
	const char *links_within; /* as struct checkpoint_open_options has it */
	const char *key_file;	  /* of the private key that signs, or NULL */
	bool pointers;		  /* git-lfs pointers may stand in place of files */
};

/*
 * Opens the checkpoint `path`; its parts are still to be found. Fails as checkpoint_open()
 * does, and with `shard-alone` (a lone file of a set), `file-name` (one that cannot stand in
 * a statement), `key-in-checkpoint`, `pointer-only`.
 */
MUST_USE enum wm_code signable_open(struct checkpoint **out, const char *path,
				    const struct signable_options *options, struct wm_error *err);

/* Whether a git-lfs pointer stands in the place of any file. */
bool has_pointers(const struct checkpoint *c);

#endif
