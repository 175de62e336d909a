/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of forks that was kept (log/memory.h), found again. */
#ifndef LOG_KEPT_H
#define LOG_KEPT_H

#include "log/evidence.h"

/*
 * Looks below `directory`/evidence for evidence against the log of `key`; stores its path, free()
 * it, and what it says, or NULL where there is none. What is no evidence by this key, or cannot be
 * read, says nothing and is passed over. Fails with `nomem` alone.
 */
MUST_USE enum wm_code evidence_find(char **path, struct evidence *out, const char *directory,
				    const struct log_key *key, struct wm_error *err);

#endif
