/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering what a verdict rests on: carriers, signatures, statements, measurements.
 *
 * Gathering judges nothing: it keeps what each step said, and the table of checks
 * (checks.c) reads it. Only what could not be told at all (I/O, memory) is an error.
 * A payload is parsed only after a pinned key's signature over it verified.
 */
#ifndef ATTEST_VERIFY_H
#define ATTEST_VERIFY_H

#include "attest/carriers.h"
#include "attest/logged.h"
#include "checkpoint/checkpoint.h"
#include "statement/statement.h"
#include "trust/keyring.h"
#include "weightmark/v1/manifest.pb-c.h"

/* One envelope that carriers held; equal ones in several carriers are one. */
struct carried {
	const struct envelope *envelope;
	const struct carrier *carrier; /* the first that held it */
	const struct public_key *key; /* the pinned key that it names, or NULL */
	struct wm_error signature;    /* WM_OK: verified under `key` */
	bool keyid_wrong;	      /* verified under another pinned key than it names */
	struct statement *statement;  /* NULL unless verified and decoded */
	struct wm_error decoded;      /* why it is not, where it was verified */
	bool is_parent; /* a manifest that another one that speaks was derived from */
	bool speaks; /* a manifest or admission about the bytes at hand, not about an ancestor */
};

struct ancestry;
struct lineage_options;

struct verification {
	bool full;	/* the plain SHA-256 was to be recomputed too */
	bool part_only; /* one file of a set was to be judged alone; never of a directory */
	const char *part; /* that must be whole; NULL: any. Borrowed from options or `record` */
	bool part_named;  /* by the user: the rest may be absent */
	size_t n_permitted; /* names of code that are allowed because the verifier said so */
	int64_t now;	/* seconds */
	char *path;	/* of the checkpoint that was judged: the set of the file that was named */
	char *sidecar_path;
	struct carriers carriers;
	struct wm_error carriers_err; /* why their envelopes were not looked at */
	struct carried *carried; /* by statement id, keyid, signature */
	size_t n_carried;
	struct logs logs; /* that they are in */
	/*
	 * The newest manifest about these bytes, else the newest admission; NULL where there is
	 * neither. `record` is what it says was measured.
	 */
	const struct carried *head;
	const Weightmark__V1__Manifest *manifest;
	const Weightmark__V1__Admission *admission;
	const Weightmark__V1__Checkpoint *record;
	size_t n_objects; /* distinct objects among the manifests that could be the head; or 1 */
	struct checkpoint *checkpoint; /* NULL where it could not be parsed */
	struct wm_error checkpoint_err;
	const Weightmark__V1__File **listed; /* one a file at hand: its record, or NULL */
	struct ancestry *ancestry; /* NULL: lineage was not asked for, or nothing speaks of it */
};

struct verify_options {
	const struct keyring *keys;
	const char *sidecar; /* its path, or NULL: beside the checkpoint */
	const char *part;    /* the part that must be whole; NULL: any one */
	bool part_only;	     /* judge the one file alone, though it be of a set; not a directory */
	const char *links_within; /* as in struct checkpoint_open_options */
	const char *const *code; /* names that are allowed too; "NAME*": all that begin so */
	size_t n_code;
	const struct lineage_options *lineage; /* ask where it comes from too; NULL: do not */
	const struct log_keys *log_keys; /* of logs that are pinned; NULL: none */
	const char *log_state; /* folder of remembered heads (log/memory.h), or NULL */
	bool full;
	int64_t now;	  /* seconds; 0: the clock's */
	unsigned workers; /* 0: one a processor */
	struct progress *progress;
};

/*
 * Gathers everything about the checkpoint `path`. A file whose manifest lists several is
 * taken for one of a set that stands beside it, unless `part_only`. `out` is zeroed memory
 * and to be released also after a failure.
 */
MUST_USE enum wm_code verification_gather(struct verification *out, const char *path,
					  const struct verify_options *options,
					  struct wm_error *err);
void verification_release(struct verification *v);

/* Whether a verified statement corrects `s`. */
bool statement_superseded(const struct verification *v, const struct statement *s);

/* Whether a pinned key's signature over the statement of `c` verified in any envelope. */
bool statement_verified(const struct verification *v, const struct carried *c);

#endif
