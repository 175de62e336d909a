/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence that a log has two histories: two tree heads, both signed by its key, of which the
 * smaller is not the beginning of the larger. It convinces whoever has the log's key, anywhere.
 *
 * A canonical JSON object:
 *
 *	{"first": NOTE, "kind": "weightmark-fork-evidence/1", "log_key": VKEY,
 *	 "path": [base64 ...], "prefix_root": base64, "second": NOTE}
 *
 * `first` is the note with the smaller size. `path` is a consistency proof (RFC 6962 section 2.1.2)
 * from a tree of that size with the root `prefix_root` to the tree of `second`: so the tree of
 * `second` begins with another one than `first` says. Of equal sizes the path is empty,
 * prefix_root is the root of `second`, and `first` is the note with the smaller root.
 */
#ifndef LOG_EVIDENCE_H
#define LOG_EVIDENCE_H

#include "log/tiles.h"

/*
 * Appends the evidence that `a` and `b`, notes by `key`, contradict each other. `tiles` has the
 * tree of the one with the larger size, and may be NULL where sizes are equal. Fails with
 * `evidence-void` where they do not, or the tiles lead to another root.
 */
MUST_USE enum wm_code evidence_encode(struct buf *out, const struct log_key *key,
				      const struct note *a, const struct note *b,
				      struct tiles *tiles, struct wm_error *err);

struct evidence {
	struct log_key *key;
	struct note first, second;
};

void evidence_release(struct evidence *e);
#define cleanup_evidence __attribute__((cleanup(evidence_release)))

/*
 * Reads and checks evidence: WM_OK means that the log of `out->key` has two histories. Fails with
 * `evidence-malformed`, and with `evidence-void` where a signature does not verify, the path does
 * not lead to the root of `second`, or the notes agree after all.
 */
MUST_USE enum wm_code evidence_check(struct evidence *out, const void *text, size_t len,
				     const char *name, struct wm_error *err);

#endif
