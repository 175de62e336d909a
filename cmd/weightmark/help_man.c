/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page weightmark(1), in man(7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "help.h"
#include "output.h"

/* Prints text[0..len) so that roff takes every character as it is. */
static void roff(const char *text, size_t len)
{
	bool line_start = true;

	for (size_t i = 0; i < len; i++) {
		char one[2] = { text[i], 0 };

		if (line_start && (*one == '.' || *one == '\''))
			print_text("\\&");
		if (*one == '\\')
			print_text("\\e");
		else if (*one == '-')
			print_text("\\-");
		else
			print_text(one);
		line_start = *one == '\n';
	}
}

static void words(const char *text)
{
	roff(text, strlen(text));
}

static void bold(const char *text)
{
	print_text("\\fB");
	words(text);
	print_text("\\fR");
}

static void paragraphs(const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		roff(text, len);
		print_text("\n");
		text += len;
		text += strspn(text, "\n");
		if (*text)
			print_text(".PP\n");
	}
}

/* "weightmark VERB [OPTIONS] OPERANDS" as one paragraph. */
static void synopsis(const struct verb *verb, const struct subverb *sub)
{
	const char *operands = sub ? sub->operands : verb->operands;

	bold("weightmark");
	print_text(" ");
	bold(verb->name);
	print_text(sub ? " " : "");
	if (sub)
		bold(sub->name);
	print_text(" [\\fIOPTIONS\\fR]");
	if (*operands) {
		print_text(" \\fI");
		words(operands);
		print_text("\\fR");
	}
	print_text("\n");
}

static void option(const struct option_spec *o)
{
	char letter[4] = { '-', o->letter, 0 };

	print_text(".TP\n");
	if (o->letter) {
		bold(letter);
		print_text(", ");
	}
	print_text("\\fB\\-\\-");
	words(o->name);
	print_text("\\fR");
	if (o->argument) {
		print_text(" \\fI");
		words(o->argument);
		print_text("\\fR");
	}
	print_text("\n");
	if (o->only) {
		words("Of ");
		bold(o->only);
		print_text(": ");
	}
	words(o->help);
	if (o->kind == VALUE_CHOICE && o->argument) {
		print_text("; one of ");
		words(o->choices);
	}
	print_text(o->repeatable ? "; may be repeated" : "");
	if (o->setting) {
		print_text("; setting ");
		bold(o->setting);
	}
	print_text(".\n");
}

static void examples(const char *line)
{
	print_text(".PP\n.nf\n");
	while (*line) {
		size_t len = strcspn(line, "\n");

		print_text(".RS 4\n");
		roff(line, len);
		print_text("\n.RE\n");
		line += len + (line[len] == '\n');
	}
	print_text(".fi\n");
}

static void verb_section(const struct verb *verb)
{
	const struct option_spec *o;

	print_text(".SS ");
	print("%s\n", verb->name);
	for (const struct subverb *s = verb->subverbs; s && s->name; s++) {
		print_text(s == verb->subverbs ? "" : ".br\n");
		synopsis(verb, s);
	}
	if (!verb->subverbs)
		synopsis(verb, NULL);
	print_text(".PP\n");
	paragraphs(verb->description);
	for (const struct subverb *s = verb->subverbs; s && s->name; s++) {
		print_text(".TP\n");
		bold(s->name);
		print_text("\n");
		words(s->summary);
		print_text(".\n");
	}
	for (size_t i = 0; i < verb->n_options; i++)
		if (!verb->options[i].hidden)
			option(&verb->options[i]);
	for (size_t i = verb->n_options; verb->measures && (o = verb_option(verb, i)); i++)
		if (strcmp(o->name, "jobs") == 0)
			option(o);
	if (verb->examples)
		examples(verb->examples);
	if (verb->exits) {
		print_text(".PP\n");
		paragraphs(verb->exits);
	}
}

static void item(const char *name, const char *text)
{
	print_text(".TP\n");
	bold(name);
	print_text("\n");
	words(text);
	print_text(".\n");
}

static void settings_section(void)
{
	print_text(".SH SETTINGS\n");
	paragraphs("A setting is taken from the option, else from the environment variable, else "
		   "from the user's file, else from the system's; never from the current directory "
		   "or that of a checkpoint. The files hold lines 'name: value'.");
	for (const struct setting_info *s = setting_table; s->name; s++) {
		char text[256];

		snprintf(text, sizeof(text), "(%s) %s", s->environment, s->meaning);
		item(s->name, text);
	}
	print_text(".SH ENVIRONMENT\nBesides the variables of the settings:\n");
	item("NO_COLOR", "If not empty, verdicts are printed without colour");
	item("XDG_CONFIG_HOME", "Where the user's files live, if absolute; else $HOME/.config");
	item("XDG_CACHE_HOME", "Where caches live, if absolute; else $HOME/.cache");
	item("XDG_STATE_HOME", "Where what was seen of logs lives, if absolute; else "
			       "$HOME/.local/state");
	print_text(".SH FILES\n");
	item("$XDG_CONFIG_HOME/weightmark/config", "The user's settings");
	item("$XDG_CONFIG_HOME/weightmark/keys/", "Keys that were created without a path");
	item("$XDG_CACHE_HOME/weightmark/", "What was measured, and the index of ledgers; a cache");
	item("$XDG_STATE_HOME/weightmark/logs/", "Tree heads that were seen, evidence of forks");
	item("/etc/weightmark/config", "The system's settings");
}

/* The day of writing; SOURCE_DATE_EPOCH sets it, for builds that must come out equal. */
static void page_date(char out[16])
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	struct tm day = { 0 };

	if (!gmtime_r(&now, &day) || strftime(out, 16, "%Y-%m-%d", &day) == 0)
		snprintf(out, 16, "1970-01-01");
}

void help_print_man(void)
{
	const struct option_spec *o;
	char day[16];
	size_t i = 0;

	page_date(day);
	print(".\\\" Written by 'weightmark help --man'.\n");
	print(".TH WEIGHTMARK 1 %s \"weightmark %s\" \"\"\n", day, wm_version());
	print_text(".SH NAME\nweightmark \\- signed provenance for model checkpoints\n");
	print_text(".SH SYNOPSIS\n\\fBweightmark\\fR \\fIVERB\\fR [\\fIOPTIONS\\fR] ...\n");
	print_text(".SH DESCRIPTION\n");
	paragraphs(help_about);
	print_text(".PP\n");
	paragraphs("Answers go to standard output; messages and progress go to standard error, "
		   "progress only to a terminal and for work of over a second. Whatever is shown "
		   "of files is escaped. Every refusal names a reason code in brackets, which "
		   "'weightmark explain' explains, and ends with what to do.");
	print_text(".SH \"COMMON OPTIONS\"\n");
	while (verb_option(verbs[0], i) && i < verbs[0]->n_options)
		i++;
	for (; (o = verb_option(verbs[0], i)); i++)
		if (strcmp(o->name, "jobs") != 0)
			option(o);
	print_text(".SH VERBS\n");
	for (i = 0; verbs[i]; i++)
		verb_section(verbs[i]);
	settings_section();
	print_text(".SH \"EXIT STATUS\"\n");
	for (const struct exit_text *e = exit_texts; e->status; e++)
		item(e->status, e->meaning);
	print_text(".PP\nWhere several hold, the first of 2, 1, 3, 4, 0 counts.\n");
}
