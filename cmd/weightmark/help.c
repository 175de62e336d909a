/* SPDX-License-Identifier: Apache-2.0 */
/* The text that --help prints. */
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "output.h"

enum { COLUMNS = 80, OPTION_COLUMN = 26 };

const char help_about[] =
	"weightmark gives a model checkpoint a pedigree that cannot be quietly changed: it signs "
	"which data fed the weights, under which licence and consent, from which parents; makes "
	"that travel with the checkpoint; and refuses whatever was altered since.";

const struct exit_text exit_texts[] = {
	{ "0", "accepted, or done" },
	{ "1", "refused: a definite no; the reason code says why" },
	{ "2", "usage: malformed options, key, YAML, settings" },
	{ "3", "could not tell: input or output failed, no memory, internal error" },
	{ "4", "needs review by a person" },
	{ NULL, NULL },
};

/* Prints the words of text[0..len) within the columns; the first line starts at `column`. */
static void fill(const char *text, size_t len, int indent, int column)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		int n = (int)strcspn(p, " \n");

		if (p + n > end)
			n = (int)(end - p);
		if (column > indent && column + 1 + n > COLUMNS) {
			print("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			print(" ");
			column++;
		}
		print("%.*s", n, p);
		column += n;
		p += n;
		while (p < end && (*p == ' ' || *p == '\n'))
			p++;
	}
	print("\n");
}

void help_print_paragraphs(const char *text, int indent)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		print("%*s", indent, "");
		fill(text, len, indent, indent);
		text += len;
		text += strspn(text, "\n");
		if (*text)
			print("\n");
	}
}

/* Prints "  LEFT", then `text` filled in the right column. */
static void row(const char *left, const char *text, int at)
{
	int len = (int)strlen(left) + 2;

	print("  %s", left);
	if (len + 2 > at) {
		print("\n");
		len = 0;
	}
	print("%*s", at - len, "");
	fill(text, strlen(text), at, at);
}

void help_print_all(void)
{
	print("usage: weightmark VERB [OPTIONS] ...\n\n");
	help_print_paragraphs(help_about, 0);
	print("\nverbs:\n");
	for (size_t i = 0; verbs[i]; i++)
		row(verbs[i]->name, verbs[i]->summary, 14);
	print("\nexit status:\n");
	for (const struct exit_text *e = exit_texts; e->status; e++)
		row(e->status, e->meaning, 6);
	print("\n");
	help_print_paragraphs("'weightmark VERB --help' tells more of a verb, 'weightmark explain "
			      "REASON' of a refusal.", 0);
}

static void print_option(const struct option_spec *o)
{
	char left[80], text[1024];
	const struct setting_info *setting = o->setting ? setting_find(o->setting) : NULL;

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
		 o->argument ? " " : "", o->argument ? o->argument : "");
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", o->only ? o->only : "", o->only ? ": " : "",
		 o->help, o->repeatable ? "; may be repeated" : "", setting ? " (setting: " : "",
		 setting ? setting->name : "", setting ? ")" : "");
	row(left, text, OPTION_COLUMN);
}

void help_print_verb(const struct verb *verb)
{
	const struct option_spec *o;

	if (!verb->subverbs)
		print("usage: weightmark %s [OPTIONS]%s%s\n", verb->name,
		      *verb->operands ? " " : "", verb->operands);
	for (const struct subverb *s = verb->subverbs; s && s->name; s++)
		print("%s weightmark %s %s [OPTIONS]%s%s\n",
		      s == verb->subverbs ? "usage:" : "      ", verb->name, s->name,
		      *s->operands ? " " : "", s->operands);
	print("\n");
	help_print_paragraphs(verb->description, 0);
	if (verb->subverbs)
		print("\nverbs of %s:\n", verb->name);
	for (const struct subverb *s = verb->subverbs; s && s->name; s++)
		row(s->name, s->summary, 14);
	print("\noptions:\n");
	for (size_t i = 0; (o = verb_option(verb, i)); i++)
		if (!o->hidden)
			print_option(o);
	if (verb->examples)
		print("\nexamples:\n");
	for (const char *line = verb->examples; line && *line;) {
		int len = (int)strcspn(line, "\n");

		print("  %.*s\n", len, line);
		line += len + (line[len] == '\n');
	}
	if (verb->exits) {
		print("\nexit status:\n");
		help_print_paragraphs(verb->exits, 2);
	}
}
