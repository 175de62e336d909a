/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verb is. One row per verb tells parser, help, manual and completion alike
 * what it takes, so that none of them can disagree.
 *
 * A verb lives in verb_NAME.c, which defines `const struct verb verb_NAME`. To add one:
 * write that file, declare it below, name it in verbs.c.
 */
#ifndef VERB_H
#define VERB_H

#include "options.h"
#include "settings.h"
#include "util/error.h"

/* One invocation, as a verb sees it. */
struct call {
	const struct verb *verb;
	const struct subverb *sub; /* or NULL */
	struct options options;
	struct settings settings;
	int status; /* exit status if the verb succeeds: 0, or 1 or 4 by its verdict */
};

/*
 * Does the work. Prints its answer with output.h, sets call->status where success is
 * not 0, or fails: the caller prints `err` with its remedy and exits accordingly.
 */
typedef enum wm_code verb_fn(struct call *call, struct wm_error *err);

/* "new" of `key new NAME|PATH`; the verb's first operand chooses it. */
struct subverb {
	const char *name;
	const char *operands; /* what follows the name: "NAME|PATH", or "" */
	const char *summary;
	verb_fn *run;
	size_t min, max; /* operands after the name */
};

/*
 * All text is plain ASCII; paragraphs are separated by one empty line. Lines within
 * a paragraph may be broken anywhere: they are filled again where shown.
 */
struct verb {
	const char *name;
	const char *summary;	 /* one line, no full stop: "sign a checkpoint" */
	const char *operands;	 /* "PATH"; "" where it takes none */
	const char *description; /* paragraphs */
	const char *examples;	 /* one a line, command lines only; or NULL */
	const char *exits;	 /* where the common exit statuses do not say it all; or NULL */
	const struct option_spec *options;
	size_t n_options;
	verb_fn *run;			/* NULL where it has subverbs */
	const struct subverb *subverbs; /* ends with a row whose name is NULL; or NULL */
	size_t min, max;		/* operands */
	bool measures;			/* takes --jobs */
};

/* All verbs in the order of the manual; ends with NULL. Static. */
extern const struct verb *const verbs[];

/* The verb `name`, or NULL. */
const struct verb *verb_named(const char *name);

/* Option `i` of `verb`: its own, then those common to all; NULL after the last. */
const struct option_spec *verb_option(const struct verb *verb, size_t i);

/* Fails with `usage`: there is no WHAT of this name; names the nearest verb if any. */
enum wm_code verb_unknown(const char *name, struct wm_error *err);

extern const struct verb verb_admit;
extern const struct verb verb_audit;
extern const struct verb verb_log;
extern const struct verb verb_init;
extern const struct verb verb_find;
extern const struct verb verb_append;
extern const struct verb verb_push;
extern const struct verb verb_pull;
extern const struct verb verb_certify;
extern const struct verb verb_clone;
extern const struct verb verb_config;
extern const struct verb verb_dataset;
extern const struct verb verb_diff;
extern const struct verb verb_digest;
extern const struct verb verb_draft;
extern const struct verb verb_embed;
extern const struct verb verb_explain;
extern const struct verb verb_extract;
extern const struct verb verb_help;
extern const struct verb verb_import;
extern const struct verb verb_key;
extern const struct verb verb_order;
extern const struct verb verb_publish;
extern const struct verb verb_recover;
extern const struct verb verb_retire;
extern const struct verb verb_scan;
extern const struct verb verb_show;
extern const struct verb verb_sign;
extern const struct verb verb_strip;
extern const struct verb verb_transfer;
extern const struct verb verb_trace;
extern const struct verb verb_verify;
extern const struct verb verb_version;

#endif
