/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a history says, as it adds up: readers fill it (import_csv.c, import_events.c), then
 * statements are made of it (import.c). Everything is in the arena of the composition, but the list
 * of runs and the nodes of the trees.
 */
#ifndef ATTEST_IMPORT_INTERNAL_H
#define ATTEST_IMPORT_INTERNAL_H

#include "attest/import.h"
#include "text/table.h"
#include "weightmark/v1/run.pb-c.h"

#define NO_STEP UINT64_MAX
#define NO_TIME INT64_MIN

/* A text that names a thing, once. */
struct import_word {
	const char *text;
	Weightmark__V1__Reference *reference; /* by object, else SHA-256, else URI */
};

struct import_use {
	struct import_use *next;
	const struct import_word *dataset;
	int role; /* 0: not said */
	uint64_t from, to;
};

struct import_parent {
	struct import_parent *next;
	const struct import_word *model;
};

/* A row that says something of an output. */
struct import_output {
	struct import_output *next;
	const struct import_word *model; /* or NULL */
	bool has_sha256, has_weights;
	uint8_t sha256[SHA256_BYTES], weights[SHA256_BYTES];
	uint64_t step, line;
};

struct import_run {
	const char *id;
	uint64_t line; /* where it is named first */
	const char *activity;
	int64_t started, ended;
	int64_t planned, planned_end; /* in their place where neither is said */
	struct import_use *uses;
	struct import_parent *parents;
	struct import_output *outputs;
	size_t n_uses, n_parents, n_outputs;
};

struct history {
	struct composition *c;
	struct imported *counts;
	int64_t now;
	struct table t;
	struct import_run **runs; /* in the order in which they are named; owned */
	size_t n_runs;
	void *by_id, *words; /* of struct import_run, struct import_word (tsearch) */
};

/* The readers: from the open table to its end. */
MUST_USE enum wm_code import_csv(struct history *h, struct wm_error *err);
MUST_USE enum wm_code import_events(struct history *h, struct wm_error *err);

/* Makes the statements of all runs. */
MUST_USE enum wm_code import_make_runs(struct history *h, struct wm_error *err);

/* --- for readers; `column` from 0 is where the text stands, for messages ------------------ */

/* Counts a row. */
MUST_USE enum wm_code import_count(struct history *h, struct wm_error *err);

/* The run of this id, made where it is new. */
MUST_USE enum wm_code import_find_run(struct import_run **out, struct history *h, const char *id,
				      size_t column, struct wm_error *err);

/* The thing that `text` names; `strict` refuses what is neither object id, SHA-256 nor URI. */
MUST_USE enum wm_code import_find_word(const struct import_word **out, struct history *h,
				       const char *text, bool strict, size_t column,
				       struct wm_error *err);

/* A time of the past, NO_TIME for ""; of a day its first second, or its `last`. */
MUST_USE enum wm_code import_time(int64_t *out, const struct history *h, const char *text,
				  bool last, size_t column, struct wm_error *err);

/* Says what the run did; it can be one thing alone. */
MUST_USE enum wm_code import_activity(struct history *h, struct import_run *run, const char *text,
				      size_t column, struct wm_error *err);

MUST_USE enum wm_code import_add_use(struct history *h, struct import_run *run,
				     const struct import_use *use, struct wm_error *err);
MUST_USE enum wm_code import_add_parent(struct history *h, struct import_run *run,
					const struct import_word *model, struct wm_error *err);
MUST_USE enum wm_code import_add_output(struct history *h, struct import_run *run,
					const struct import_output *output, struct wm_error *err);

/* When it began and ended, NO_TIME where it is not said. */
void import_span(int64_t *from, int64_t *to, const struct import_run *run);

/* Whether it ends before it begins, as far as it is said. */
bool import_is_backward(const struct import_run *run);

#endif
