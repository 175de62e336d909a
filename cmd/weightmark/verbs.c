/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of verbs, and the options that all of them take. */
#include "verb.h"

#include <string.h>

const struct verb *const verbs[] = {
	&verb_key,
	&verb_draft,
	&verb_sign,
	&verb_admit,
	&verb_dataset,
	&verb_verify,
	&verb_show,
	&verb_digest,
	&verb_diff,
	&verb_embed,
	&verb_extract,
	&verb_strip,
	&verb_recover,
	&verb_init,
	&verb_append,
	&verb_log,
	&verb_find,
	&verb_trace,
	&verb_transfer,
	&verb_order,
	&verb_scan,
	&verb_retire,
	&verb_import,
	&verb_certify,
	&verb_publish,
	&verb_audit,
	&verb_clone,
	&verb_pull,
	&verb_push,
	&verb_config,
	&verb_explain,
	&verb_version,
	&verb_help,
	NULL,
};

static const struct option_spec common[] = {
	{ .name = "json", .help = "print one JSON object instead of text" },
	{ .name = "help", .letter = 'h', .help = "print this help" },
};

static const struct option_spec jobs = {
	.name = "jobs", .letter = 'j', .argument = "N", .setting = "jobs",
	.help = "measure with N threads; default: one a processor",
};

enum { N_COMMON = sizeof(common) / sizeof(common[0]) };

const struct option_spec *verb_option(const struct verb *verb, size_t i)
{
	if (i < verb->n_options)
		return &verb->options[i];
	i -= verb->n_options;
	if (verb->measures && i-- == 0)
		return &jobs;
	return i < N_COMMON ? &common[i] : NULL;
}

const struct verb *verb_named(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

enum wm_code verb_unknown(const char *name, struct wm_error *err)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])];
	size_t n = 0;

	for (; verbs[n]; n++)
		names[n] = verbs[n]->name;
	return fail_unknown(REASON_USAGE, "there is no verb", name, names, n, err);
}
