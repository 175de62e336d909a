/* SPDX-License-Identifier: Apache-2.0 */
/* The command weightmark: finds the verb, reads its options, runs it, reports. */
#include <string.h>
#include <sys/resource.h>

#include "help.h"
#include "output.h"
#include "verb.h"

static enum wm_code check_count(const char *what, const char *operands, size_t n, size_t min,
				size_t max, struct wm_error *err)
{
	if (n < min)
		return fail(err, REASON_USAGE, "%s needs %s", what, operands);
	if (n > max && !*operands)
		return fail(err, REASON_USAGE, "%s takes no operands", what);
	if (n > max)
		return fail(err, REASON_USAGE, "%s takes %s and no more", what, operands);
	return WM_OK;
}

static enum wm_code unknown_subverb(const struct verb *verb, const char *name,
				    struct wm_error *err)
{
	const char *names[32];
	size_t n = 0;

	for (; n < sizeof(names) / sizeof(names[0]) && verb->subverbs[n].name; n++)
		names[n] = verb->subverbs[n].name;
	return fail_unknown(REASON_USAGE, "there is no verb of that kind:", name, names, n, err);
}

/* Whether `name` is one of the words in `list`, which commas separate. */
static bool has_word(const char *list, const char *name)
{
	const size_t len = strlen(name);

	for (; *list; list += strspn(list, ", ")) {
		const size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, name, len) == 0)
			return true;
		list += n;
	}
	return false;
}

/* Takes the first operand as the name of a subverb. */
static enum wm_code choose_subverb(struct call *call, struct wm_error *err)
{
	struct options *o = &call->options;

	if (o->n_operands == 0)
		return fail(err, REASON_USAGE, "%s needs one of its verbs", call->verb->name);
	for (call->sub = call->verb->subverbs; call->sub->name; call->sub++)
		if (strcmp(call->sub->name, o->operands[0]) == 0)
			break;
	if (!call->sub->name)
		return unknown_subverb(call->verb, o->operands[0], err);
	for (size_t i = 0; i < o->n_given; i++)
		if (o->given[i].spec->only && !has_word(o->given[i].spec->only, call->sub->name))
			return fail(err, REASON_USAGE, "option '--%s' is for '%s %s'",
				    o->given[i].spec->name, call->verb->name,
				    o->given[i].spec->only);
	o->operands++;
	o->n_operands--;
	return check_count(call->sub->name, call->sub->operands, o->n_operands, call->sub->min,
			   call->sub->max, err);
}

static enum wm_code run_verb(struct call *call, int argc, char **argv, struct wm_error *err)
{
	const struct verb *verb = call->verb;

	TRY(options_parse(&call->options, verb, argc, argv, err));
	if (options_has(&call->options, "help")) {
		help_print_verb(verb);
		return WM_OK;
	}
	if (verb->subverbs) {
		TRY(choose_subverb(call, err));
		return call->sub->run(call, err);
	}
	TRY(check_count(verb->name, verb->operands, call->options.n_operands, verb->min, verb->max,
			err));
	return verb->run(call, err);
}

static int run_named(const char *name, int argc, char **argv)
{
	struct call call = { .verb = verb_named(name) };
	struct wm_error err = { 0 };

	if (!call.verb) {
		verb_unknown(name, &err);
		return report_error(&err);
	}
	output_set_verb(call.verb->name);
	settings_init(&call.settings);
	if (run_verb(&call, argc, argv, &err) != WM_OK)
		call.status = report_error(&err);
	settings_release(&call.settings);
	options_release(&call.options);
	return call.status;
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	struct wm_error err = { 0 };

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			output_set_json(true);
	if (!name) {
		fail(&err, REASON_USAGE, "no verb given");
		return report_error(&err);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0)
		name = "version";
	if (*name == '-') {
		fail(&err, REASON_USAGE, "a verb comes first, not '%s'", name);
		return report_error(&err);
	}
	return run_named(name, argc - 1, argv + 1);
}

/* Every file of a checkpoint stays open from parsing to the verdict. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	raise_open_files();
	output_start();
	return output_finish(run(argc, argv));
}
