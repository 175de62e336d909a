/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that the command prints. Answers go to standard output through one buffer that
 * is flushed and checked at the end: an answer that could not be written is exit
 * status 3, never 0. Messages go to standard error. Every %s is escaped
 * (util/escape.h), so that no name can move the cursor or forge a line; text that we
 * wrote ourselves goes through print_text().
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "text/node.h"
#include "util/error.h"

/*
 * To be called first in main(): ignores SIGPIPE and SIGXFSZ, so that such writes fail
 * instead, and makes sure that descriptors 0, 1 and 2 are open, so that no data file gets
 * such a number. A missing standard output is replaced by one that refuses every write.
 */
void output_start(void);

/* Failures also give an object on standard output from now on (--json). */
void output_set_json(bool json);
bool output_is_json(void);

/* Names the verb in messages from now on. Static or NULL. */
void output_set_verb(const char *verb);

/*
 * Flushes and checks standard output, and returns the exit status: `status`, or 3 where
 * an answer was lost, unless `status` is 2 or 1 and takes precedence.
 */
int output_finish(int status);

/*
 * Prints an answer. Conversions: %s (escaped; NULL is "-"), %c, %d %u %x with h, l, ll,
 * j, z, and %%; flags, width and precision as in printf, the width of %s in characters.
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints text of our own as it is. */
void print_text(const char *text);

/* Prints `root` as indented JSON. */
void print_json(const struct node *root);

enum colour { COLOUR_GOOD, COLOUR_BAD, COLOUR_DOUBT };

/* Prints a word of our own, coloured where standard output is a terminal that wants it. */
void print_word(enum colour colour, const char *word);

/* Prints one line to standard error: "weightmark: VERB: ...". %s is escaped. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints `err`: "weightmark: VERB: MESSAGE [REASON]", then "fix: REMEDY"; with --json
 * also {"error": {"reason", "message", "fix"}, "exit"}, in place of any answer still in
 * the buffer. Returns its exit status.
 */
int report_error(const struct wm_error *err);

/*
 * Prints `why`, that something is refused, in the same way beside a JSON answer that says more: its
 * map, the root of `t`, gets "error" and "exit", and is printed.
 */
MUST_USE enum wm_code print_json_refused(struct tree *t, const struct wm_error *why,
					 struct wm_error *err);

/* Of two exit statuses the one that counts: the first of 2, 1, 3, 4, 0. */
int worst_status(int a, int b);

/*
 * Shows `text` as the last line of the terminal that standard error is, in place of the
 * one shown before; "" removes it. Messages remove it too.
 */
void status_line(const char *text);

/* "1.4 GB" of `bytes`, powers of ten. `out` holds at least 16 bytes; returns it. */
const char *format_bytes(char out[16], uint64_t bytes);

#endif
