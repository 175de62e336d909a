/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the command line by a verb's table of options.
 *
 * Option names must be written out; an option that is not repeatable may stand once;
 * operands and options may be mixed, and all after `--` are operands.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct verb;

/* What a value is, which decides how a shell completes it. */
enum value_kind { VALUE_TEXT, VALUE_FILE, VALUE_CHOICE };

struct option_spec {
	const char *name;     /* without dashes */
	char letter;	      /* one-letter form, or 0 */
	const char *argument; /* "FILE", or NULL for a switch */
	const char *help;     /* a sentence without full stop */
	enum value_kind kind;
	const char *choices; /* VALUE_CHOICE: the values, separated by spaces */
	const char *setting; /* the setting (settings.h) that it overrides, or NULL */
	bool repeatable;
	const char *only; /* the subverbs that take it, commas between; NULL: all */
	bool hidden;	  /* left out of help, manual and completion */
};

struct given {
	const struct option_spec *spec;
	const char *value; /* NULL for a switch */
};

struct options {
	const struct verb *verb;
	struct given *given; /* owned; in the order of the command line */
	size_t n_given;
	const char *const *operands; /* borrowed from argv; after a subverb's name */
	size_t n_operands;
};

void options_release(struct options *o);

/*
 * Reads argv[1..argc) for `verb`. Fails with `usage` for an unknown option (naming the
 * nearest), a missing or superfluous value, a value that is no choice, a repetition.
 * Counting operands is left to the caller. argv is permuted.
 */
MUST_USE enum wm_code options_parse(struct options *o, const struct verb *verb, int argc,
				    char **argv, struct wm_error *err);

/* Whether the option was given. `name` must be one of the verb's. */
bool options_has(const struct options *o, const char *name);

/* Its value, the last one where it is repeatable; NULL where absent. Borrowed from argv. */
const char *options_get(const struct options *o, const char *name);

/* The `i`th value of a repeatable option; NULL after the last. */
const char *options_nth(const struct options *o, const char *name, size_t i);

/* Its value as a decimal number within [min, max]; `*out` is untouched where absent. */
MUST_USE enum wm_code options_number(const struct options *o, const char *name, uint64_t min,
				     uint64_t max, uint64_t *out, struct wm_error *err);

/* Reads a decimal number within [min, max]; `what` names it in the message (`usage`). */
MUST_USE enum wm_code parse_number(const char *text, const char *what, uint64_t min, uint64_t max,
				   uint64_t *out, struct wm_error *err);

/* Whether `word` is one of `choices`, which are separated by spaces. */
bool choices_hold(const char *choices, const char *word);

/*
 * Fails with `reason`: "MESSAGE 'WORD'; did you mean 'CANDIDATE'?", the latter only
 * where one of `candidates` is near.
 */
enum wm_code fail_unknown(enum reason reason, const char *message, const char *word,
			  const char *const *candidates, size_t n, struct wm_error *err);

#endif
