/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, by getopt_long over a verb's table. */
#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/nearest.h"
#include "verb.h"

enum { OPTIONS_MAX = 64, LONG_BASE = 256 };

void options_release(struct options *o)
{
	free(o->given);
	*o = (struct options){ 0 };
}

enum wm_code fail_unknown(enum reason reason, const char *message, const char *word,
			  const char *const *candidates, size_t n, struct wm_error *err)
{
	const char *meant = nearest(word, candidates, n);

	if (meant)
		return fail(err, reason, "%s '%s'; did you mean '%s'?", message, word, meant);
	return fail(err, reason, "%s '%s'", message, word);
}

/* What getopt_long wants to know, built from the table. */
struct parser {
	struct option longs[OPTIONS_MAX + 1];
	const struct option_spec *specs[OPTIONS_MAX];
	const char *names[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX + 2];
	size_t n;
};

static void parser_fill(struct parser *p, const struct verb *verb)
{
	const struct option_spec *spec;
	char *s = p->shorts;

	*s++ = ':';
	for (p->n = 0; (spec = verb_option(verb, p->n)); p->n++) {
		assert(p->n < OPTIONS_MAX);
		p->specs[p->n] = spec;
		p->names[p->n] = spec->name;
		p->longs[p->n] = (struct option){ spec->name,
						  spec->argument ? required_argument : no_argument,
						  NULL, LONG_BASE + (int)p->n };
		if (spec->letter)
			*s++ = spec->letter;
		if (spec->letter && spec->argument)
			*s++ = ':';
	}
	p->longs[p->n] = (struct option){ 0 };
	*s = '\0';
}

static enum wm_code unknown_option(const struct parser *p, const char *text, int letter,
				   struct wm_error *err)
{
	char word[64];
	const char *meant;

	if (letter && strncmp(text, "--", 2) != 0)
		return fail(err, REASON_USAGE, "there is no option '-%c'", letter);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text + 2, "="), text + 2);
	meant = nearest(word, p->names, p->n);
	if (meant)
		return fail(err, REASON_USAGE, "there is no option '--%s'; did you mean '--%s'?",
			    word, meant);
	return fail(err, REASON_USAGE, "there is no option '--%s'", word);
}

static const struct option_spec *by_letter(const struct parser *p, int letter)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->specs[i]->letter && p->specs[i]->letter == letter)
			return p->specs[i];
	return NULL;
}

bool choices_hold(const char *choices, const char *word)
{
	size_t len = strlen(word);

	for (const char *c = choices; *c && len; c += strcspn(c, " "), c += strspn(c, " "))
		if (strcspn(c, " ") == len && memcmp(c, word, len) == 0)
			return true;
	return false;
}

static enum wm_code record(struct options *o, const struct option_spec *spec, const char *value,
			   struct wm_error *err)
{
	for (size_t i = 0; i < o->n_given && !spec->repeatable; i++)
		if (o->given[i].spec == spec)
			return fail(err, REASON_USAGE, "option '--%s' is given twice", spec->name);
	if (value && spec->kind == VALUE_CHOICE && !choices_hold(spec->choices, value))
		return fail(err, REASON_USAGE, "option '--%s' takes one of: %s; not '%s'",
			    spec->name, spec->choices, value);
	if (value && !*value)
		return fail(err, REASON_USAGE, "option '--%s' has an empty value", spec->name);
	o->given[o->n_given++] = (struct given){ spec, value };
	return WM_OK;
}

/* Handles what one call of getopt_long returned. */
static enum wm_code take(struct options *o, const struct parser *p, int c, char **argv,
			 struct wm_error *err)
{
	const struct option_spec *spec;
	const char *text = argv[optind - 1];

	if (c == ':' || c == '?') {
		spec = optopt >= LONG_BASE ? p->specs[optopt - LONG_BASE] : by_letter(p, optopt);
		if (!spec)
			return unknown_option(p, text, optopt, err);
		return fail(err, REASON_USAGE, "option '--%s' takes %s", spec->name,
			    spec->argument ? spec->argument : "no value");
	}
	spec = c >= LONG_BASE ? p->specs[c - LONG_BASE] : by_letter(p, c);
	if (!spec)
		return fail(err, REASON_INTERNAL, "getopt returned an option that is not ours");
	if (optarg && optarg == text)
		text = argv[optind - 2];
	/* getopt_long takes any unambiguous beginning; scripts would break at our next option. */
	if (c >= LONG_BASE && strcspn(text + 2, "=") != strlen(spec->name))
		return unknown_option(p, text, 0, err);
	return record(o, spec, optarg, err);
}

enum wm_code options_parse(struct options *o, const struct verb *verb, int argc, char **argv,
			   struct wm_error *err)
{
	struct parser p;
	int c;

	o->verb = verb;
	o->given = calloc((size_t)argc + 1, sizeof(*o->given));
	if (!o->given)
		return fail_nomem(err);
	parser_fill(&p, verb);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		/* "-abc" with several letters cannot outgrow the table: strlen() bounds it. */
		if (o->n_given == (size_t)argc)
			return fail(err, REASON_USAGE, "write one-letter options apart");
		TRY(take(o, &p, c, argv, err));
	}
	o->operands = (const char *const *)argv + optind;
	o->n_operands = (size_t)(argc - optind);
	return WM_OK;
}

static const struct given *find(const struct options *o, const char *name, size_t nth)
{
	for (size_t i = 0; i < o->n_given; i++)
		if (strcmp(o->given[i].spec->name, name) == 0 && nth-- == 0)
			return &o->given[i];
	return NULL;
}

static bool is_ours(const struct options *o, const char *name)
{
	const struct option_spec *spec;

	for (size_t i = 0; (spec = verb_option(o->verb, i)); i++)
		if (strcmp(spec->name, name) == 0)
			return true;
	return false;
}

bool options_has(const struct options *o, const char *name)
{
	assert(is_ours(o, name));
	return find(o, name, 0) != NULL;
}

const char *options_nth(const struct options *o, const char *name, size_t i)
{
	const struct given *g = find(o, name, i);

	assert(is_ours(o, name));
	return g ? g->value : NULL;
}

const char *options_get(const struct options *o, const char *name)
{
	const char *value = NULL, *next;

	for (size_t i = 0; (next = options_nth(o, name, i)); i++)
		value = next;
	return value;
}

enum wm_code parse_number(const char *text, const char *what, uint64_t min, uint64_t max,
			  uint64_t *out, struct wm_error *err)
{
	uint64_t value = 0;
	bool good = *text != '\0';

	for (const char *p = text; *p && good; p++) {
		good = *p >= '0' && *p <= '9' &&
		       !__builtin_mul_overflow(value, (uint64_t)10, &value) &&
		       !__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	}
	if (!good || value < min || value > max)
		return fail(err, REASON_USAGE, "%s takes a number from %llu to %llu, not '%s'",
			    what, (unsigned long long)min, (unsigned long long)max, text);
	*out = value;
	return WM_OK;
}

enum wm_code options_number(const struct options *o, const char *name, uint64_t min, uint64_t max,
			    uint64_t *out, struct wm_error *err)
{
	const char *text = options_get(o, name);
	char what[64];

	if (!text)
		return WM_OK;
	snprintf(what, sizeof(what), "option '--%s'", name);
	return parse_number(text, what, min, max, out, err);
}
