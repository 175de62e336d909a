/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for bash, zsh and fish. */
#include <string.h>

#include "help.h"
#include "output.h"

static bool shown(const struct option_spec *o)
{
	return !o->hidden;
}

/* All that an option may be written as: "--json --help -h". */
static void option_words(const struct verb *verb)
{
	const struct option_spec *o;

	for (size_t i = 0; (o = verb_option(verb, i)); i++) {
		if (shown(o))
			print(" --%s", o->name);
		if (shown(o) && o->letter)
			print(" -%c", o->letter);
	}
}

static void verb_words(void)
{
	for (size_t i = 0; verbs[i]; i++)
		print("%s%s", i ? " " : "", verbs[i]->name);
}

static bool has_operand_words(const struct verb *verb)
{
	return verb->subverbs || verb == &verb_help || verb == &verb_explain;
}

/* What the operands may be, where that is a closed list. */
static void operand_words(const struct verb *verb)
{
	for (const struct subverb *s = verb->subverbs; s && s->name; s++)
		print(" %s", s->name);
	if (verb == &verb_help)
		print(" ");
	if (verb == &verb_help)
		verb_words();
	for (int i = 1; verb == &verb_explain && i < N_REASONS; i++)
		print(" %s", reason_info((enum reason)i)->id);
}

static void bash_option(const struct verb *verb, const struct option_spec *o)
{
	print("\t%s:--%s", verb->name, o->name);
	if (o->letter)
		print("|%s:-%c", verb->name, o->letter);
	print(") ");
	if (o->kind == VALUE_CHOICE)
		print("mapfile -t COMPREPLY < <(compgen -W \"%s\" -- \"$cur\")", o->choices);
	else if (o->kind == VALUE_FILE)
		print("mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames");
	print("%sreturn ;;\n", o->kind == VALUE_TEXT ? "" : "; ");
}

static void print_bash(void)
{
	const struct option_spec *o;

	print("# bash completion for weightmark\n"
	      "_weightmark()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal verb=${COMP_WORDS[1]}\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"");
	verb_words();
	print(" --help --version\" -- \"$cur\")\n\t\treturn\n\tfi\n"
	      "\tcase $verb:$prev in\n");
	for (size_t i = 0; verbs[i]; i++)
		for (size_t k = 0; (o = verb_option(verbs[i], k)); k++)
			if (shown(o) && o->argument)
				bash_option(verbs[i], o);
	print("\tesac\n\tlocal options= operands=\n\tcase $verb in\n");
	for (size_t i = 0; verbs[i]; i++) {
		print("\t%s) options=\"", verbs[i]->name);
		option_words(verbs[i]);
		print("\" operands=\"");
		operand_words(verbs[i]);
		print("\" ;;\n");
	}
	print("\tesac\n"
	      "\tif [[ $cur == -* ]]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	      "\telif [ -n \"$operands\" ] && [ \"$COMP_CWORD\" = 2 ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$operands\" -- \"$cur\")\n"
	      "\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\t\tcompopt -o filenames\n"
	      "\tfi\n}\n"
	      "complete -F _weightmark weightmark\n");
}

/* Prints `text` for use between single quotes; `special` characters get a backslash. */
static void quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		char one[2] = { *text, 0 };

		if (*one == '\'')
			print_text("'\\''");
		else if (strchr(special, *one))
			print_text("\\");
		if (*one != '\'')
			print_text(one);
	}
}

static void zsh_option(const struct option_spec *o)
{
	print(" \\\n\t\t'%s--%s[", o->repeatable ? "*" : "", o->name);
	quoted(o->help, "[]:\\");
	print("]");
	if (o->argument) {
		print(":");
		quoted(o->argument, ":\\");
		if (o->kind == VALUE_CHOICE)
			print(":(%s)", o->choices);
		else
			print(":%s", o->kind == VALUE_FILE ? "_files" : " ");
	}
	print("'");
}

static void print_zsh(void)
{
	const struct option_spec *o;

	print("#compdef weightmark\n_weightmark() {\n\tlocal -a all=(\n");
	for (size_t i = 0; verbs[i]; i++) {
		print("\t\t'%s:", verbs[i]->name);
		quoted(verbs[i]->summary, ":\\");
		print("'\n");
	}
	print("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe verb all\n\t\treturn\n\tfi\n"
	      "\tlocal verb=$words[2]\n\tshift words; (( CURRENT-- ))\n\tcase $verb in\n");
	for (size_t i = 0; verbs[i]; i++) {
		print("\t%s) _arguments", verbs[i]->name);
		for (size_t k = 0; (o = verb_option(verbs[i], k)); k++)
			if (shown(o))
				zsh_option(o);
		if (has_operand_words(verbs[i])) {
			print(" \\\n\t\t'1:what:(");
			operand_words(verbs[i]);
			print(" )'");
		}
		print(" \\\n\t\t'*:path:_files' ;;\n");
	}
	print("\tesac\n}\n_weightmark \"$@\"\n");
}

static void fish_option(const struct verb *verb, const struct option_spec *o)
{
	print("complete -c weightmark -n '__fish_seen_subcommand_from %s' -l %s", verb->name,
	      o->name);
	if (o->letter)
		print(" -s %c", o->letter);
	if (o->argument && o->kind == VALUE_CHOICE)
		print(" -x -a '%s'", o->choices);
	else if (o->argument)
		print(o->kind == VALUE_TEXT ? " -x" : " -r -F");
	print_text(" -d '");
	quoted(o->help, "\\");
	print_text("'\n");
}

static void print_fish(void)
{
	const struct option_spec *o;

	for (size_t i = 0; verbs[i]; i++) {
		const struct verb *v = verbs[i];

		print("complete -c weightmark -n __fish_use_subcommand -f -a %s -d '", v->name);
		quoted(v->summary, "\\");
		print("'\n");
		if (has_operand_words(v)) {
			print("complete -c weightmark -n '__fish_seen_subcommand_from %s' -f -a '",
			      v->name);
			operand_words(v);
			print("'\n");
		}
		for (size_t k = 0; (o = verb_option(v, k)); k++)
			if (shown(o))
				fish_option(v, o);
	}
}

void help_print_completion(const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else
		print_fish();
}
