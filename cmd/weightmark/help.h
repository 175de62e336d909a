/* SPDX-License-Identifier: Apache-2.0 */
/* Help, manual page and completions, all written from the table of verbs. */
#ifndef HELP_H
#define HELP_H

#include "verb.h"

/* Prints `weightmark --help` and `weightmark VERB --help`. */
void help_print_all(void);
void help_print_verb(const struct verb *verb);

/* Prints the manual page, man(7). */
void help_print_man(void);

/* Prints the completions of `shell`: "bash", "zsh" or "fish". */
void help_print_completion(const char *shell);

/* Prints `text` (paragraphs) filled to the terminal's 80 columns, `indent` spaces in front. */
void help_print_paragraphs(const char *text, int indent);

/* The exit statuses, one a row of {"0", "done ..."}; ends with NULL. Static. */
struct exit_text {
	const char *status, *meaning;
};
extern const struct exit_text exit_texts[];

/* What the command is for, in paragraphs. Static. */
extern const char help_about[];

#endif
