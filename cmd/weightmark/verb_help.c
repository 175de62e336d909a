/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark help`: the general help or that of one verb; the manual and completions. */
#include "help.h"
#include "output.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *shell = options_get(o, "completion");
	const struct verb *verb;

	if (options_has(o, "man") || shell) {
		if (options_has(o, "man"))
			help_print_man();
		else
			help_print_completion(shell);
		return WM_OK;
	}
	if (o->n_operands == 0) {
		help_print_all();
		return WM_OK;
	}
	verb = verb_named(o->operands[0]);
	if (!verb)
		return verb_unknown(o->operands[0], err);
	help_print_verb(verb);
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "man", .help = "print the manual page", .hidden = true },
	{ .name = "completion", .argument = "SHELL", .kind = VALUE_CHOICE, .hidden = true,
	  .choices = "bash zsh fish", .help = "print the completions of a shell" },
};

const struct verb verb_help = {
	.name = "help",
	.summary = "say what weightmark or one verb does",
	.operands = "[VERB]",
	.description = "Prints the list of verbs, or the help of one.",
	.examples = "weightmark help verify",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.max = 1,
};
