/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending interrupted changes: of one file in place, or below a directory of every file that
 * has a journal beside it; half written files that a kill left there are removed.
 */
#ifndef ATTEST_RECOVER_H
#define ATTEST_RECOVER_H

#include "checkpoint/rewrite.h"

struct recovered_file {
	char *path;
	enum recovery recovery; /* never NONE */
};

struct recovered {
	struct recovered_file *files; /* that are ended, by path */
	size_t n_files;
};

void recovered_release(struct recovered *r);
#define cleanup_recovered __attribute__((cleanup(recovered_release)))

/*
 * Ends what was begun with `path`: a file, the journal of one, a half written file, or a
 * directory. Links to directories are not followed; a file that is linked to is dealt with
 * where it lies, as checkpoint_open() would read it. After a failure the other files are dealt
 * with all the same, and the first failure is handed on. Fails with `not-found` and as
 * rewrite_recover() does. `out` is zeroed memory, to be released also after a failure.
 */
MUST_USE enum wm_code checkpoint_recover(struct recovered *out, const char *path,
					 struct wm_error *err);

#endif
