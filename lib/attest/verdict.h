/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verdict: the counted list of named checks that ran, what each said, and who
 * asserted what. It starts at refuse; only checks that ran and passed make it accept.
 */
#ifndef ATTEST_VERDICT_H
#define ATTEST_VERDICT_H

#include "attest/verify.h"

enum outcome { OUTCOME_NOT_RUN, OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_REVIEW };

/* What one row of the table of checks said. */
struct check_result {
	const char *name; /* "file-digest"; static */
	const char *what; /* the sentence that holds where it passed; static */
	enum outcome outcome;
	const char *why_not; /* NOT_RUN: why; static */
	struct wm_error err; /* FAILED, REVIEW: reason and detail */
};

/* Something worth knowing that decides nothing. */
struct verdict_note {
	const char *code; /* "writers-not-excluded"; static */
	char text[256];
};

enum { NOTES_MAX = 64 };

struct wm_verdict {
	enum wm_decision decision;
	struct check_result *checks; /* one a row of the table, in its order */
	size_t n_checks;
	struct verdict_note notes[NOTES_MAX];
	size_t n_notes, n_notes_dropped; /* the last one counts those that were dropped */
	struct verification facts; /* what was gathered; statements for showing */
};

/* The first check that failed, else the first that asks for review, else NULL. */
const struct check_result *verdict_decider(const struct wm_verdict *v);

/* The exit status that the verdict stands for. */
int verdict_exit_status(const struct wm_verdict *v);

/* "passed", "failed", "review", "not-run". Static. */
const char *outcome_name(enum outcome outcome);

/* How many checks had this outcome. */
size_t verdict_count(const struct wm_verdict *v, enum outcome outcome);

/* What became of the signature: "verified", "invalid", "key-not-pinned". Static. */
const char *carried_state(const struct carried *c);

/*
 * Gathers the facts about the checkpoint `path`, runs the whole table over them and
 * decides. Fails only where nothing could be told; `no-key` where no key is pinned.
 */
MUST_USE enum wm_code verdict_reach(struct wm_verdict **out, const char *path,
				    const struct verify_options *options, struct wm_error *err);
void verdict_free(struct wm_verdict *v);
DEFINE_CLEANUP(verdict, struct wm_verdict, verdict_free)
#define cleanup_verdict __attribute__((cleanup(verdict_cleanup_)))

#endif
