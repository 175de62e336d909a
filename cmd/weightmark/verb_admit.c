/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark admit`: answers for a checkpoint whose publisher signed nothing. */
#include <string.h>

#include "attest/admit.h"
#include "progress_view.h"
#include "signed.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "weightmark/v1/scalar.pb-c.h"

enum { WAIVED_MAX = 64 };

/* A time, or a date: its beginning, so that nothing holds longer than was meant. */
static enum wm_code read_expiry(int64_t *out, const char *text, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(4096);
	ProtobufCMessage *m = NULL;

	TRY(scalar_read(&m, scalar_find(&weightmark__v1__date__descriptor), text, strlen(text), &a,
			err));
	if (m) {
		*out = (int64_t)((const Weightmark__V1__Date *)m)->days * SECONDS_A_DAY;
		return WM_OK;
	}
	TRY(scalar_read(&m, scalar_find(&weightmark__v1__time__descriptor), text, strlen(text), &a,
			err));
	if (!m)
		return fail(err, REASON_USAGE,
			    "--expires '%.64s' is not a date like 2026-11-20 or a time like "
			    "2026-11-20T18:00:00Z", text);
	*out = ((const Weightmark__V1__Time *)m)->seconds;
	return WM_OK;
}

static enum wm_code read_options(struct admit_options *out, const char *waived[WAIVED_MAX],
				 const struct options *o, struct wm_error *err)
{
	static const char *const needed[] = { "source", "reason", "expires" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!options_has(o, needed[i]))
			return fail(err, REASON_USAGE, "give --%s", needed[i]);
	for (const char *rule; (rule = options_nth(o, "waive", out->n_waived));) {
		if (out->n_waived == WAIVED_MAX)
			return fail(err, REASON_USAGE, "more than %d times --waive", WAIVED_MAX);
		waived[out->n_waived++] = rule;
	}
	out->waived = waived;
	out->source = options_get(o, "source");
	out->revision = options_get(o, "revision");
	out->reason = options_get(o, "reason");
	return read_expiry(&out->expires, options_get(o, "expires"), err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_signer struct signer *signer = NULL;
	cleanup_signing struct signing done = { 0 };
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct record_options record = { .ledger = NULL };
	struct progress progress = { 0 };
	const char *waived[WAIVED_MAX];
	struct admit_options options = {
		.sidecar = options_get(o, "out"),
		.links_within = options_get(o, "links-within"),
		.dry_run = options_has(o, "dry-run"),
		.progress = &progress,
	};
	enum wm_code code;

	TRY(read_options(&options, waived, o, err));
	TRY(settings_get(&options.issuer, &call->settings, o, "issuer", err));
	TRY(settings_jobs(&options.workers, &call->settings, o, err));
	TRY(load_signer(&signer, &options.key_file, call, err));
	options.signer = signer;
	TRY(record_options(&options.record, &record, &index, call, err));
	progress_view_start(&progress);
	code = checkpoint_admit(&done, o->operands[0], &options, err);
	progress_view_end();
	TRY(code);
	return signed_report(&done, options.dry_run, err);
}

static const struct option_spec options[] = {
	{ .name = "source", .argument = "URI", .help = "where the checkpoint came from" },
	{ .name = "revision", .argument = "REV", .help = "which revision of it: a commit, a tag" },
	{ .name = "reason", .argument = "TEXT", .help = "why it is admitted" },
	{ .name = "expires", .argument = "DATE",
	  .help = "until when: the beginning of a day, or a time in UTC; at most ten years ahead" },
	{ .name = "waive", .argument = "RULE", .repeatable = true,
	  .help = "a rule of a policy that need not hold" },
	SIGNING_OPTIONS,
	SIGNED_OPTIONS,
	RECORD_OPTIONS,
	LINKS_OPTION,
};

const struct verb verb_admit = {
	.name = "admit",
	.summary = "answer for a checkpoint that its publisher did not sign",
	.operands = "PATH",
	.description =
		"Measures every byte of the checkpoint PATH, a weights file or a directory, "
		"and signs an admission of it: an operator's or a buyer's word that it may be "
		"used, where it came from, why, and until when. Whoever verifies has to trust "
		"the key for that; nothing is said about who made the checkpoint or from "
		"what.\n\n"
		"The admission goes into the sidecar, where statements that are there already "
		"stay. Admitting again with another reason or day corrects the admission "
		"before. Who signed a manifest for the checkpoint need not admit it, and is "
		"refused.",
	.examples = "weightmark admit llm/ --source https://huggingface.co/acme/llm "
		    "--revision 4f1c2a9 --reason 'pilot, internal data only' "
		    "--expires 2027-06-30 --key operator.key",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
	.measures = true,
};
