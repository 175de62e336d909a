/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark sign`: measures a checkpoint, signs what its author wrote, writes the sidecar. */
#include <string.h>
#include <unistd.h>

#include "progress_view.h"
#include "run_warnings.h"
#include "signed.h"
#include "util/file.h"
#include "util/limits.h"

static enum wm_code read_manifest(struct buf *out, const char *path, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (strcmp(path, "-") != 0)
		return file_read_input(out, path, REASON_YAML_MALFORMED, err);
	if (file_read_fd(out, STDIN_FILENO, "standard input", &why) != WM_OK)
		return fail_input(err, &why, REASON_YAML_MALFORMED);
	return WM_OK;
}

/* The statements that may be referred to, and the keys that must have signed them. */
static enum wm_code read_statements(struct sign_options *out, struct keyring *stewards,
				    const char *list[LIMIT_STATEMENT_FILES],
				    const struct options *o, struct wm_error *err)
{
	for (const char *f; (f = options_nth(o, "statements", out->n_statements));) {
		if (out->n_statements == LIMIT_STATEMENT_FILES)
			return fail(err, REASON_USAGE, "more than %d times --statements",
				    LIMIT_STATEMENT_FILES);
		list[out->n_statements++] = f;
	}
	for (size_t i = 0; options_nth(o, "statements-key", i); i++) {
		struct public_key *key = NULL;

		TRY(public_key_load(&key, options_nth(o, "statements-key", i), err));
		TRY(keyring_add(stewards, key, err));
	}
	out->statements = list;
	out->stewards = stewards;
	return WM_OK;
}

static enum wm_code check_combination(const struct sign_options *s, const struct options *o,
				      struct wm_error *err)
{
	if (!options_has(o, "manifest") && !s->amend && !s->embed && !s->release)
		return fail(err, REASON_USAGE, "give the manifest with --manifest FILE; "
					       "'weightmark draft PATH' writes one to fill in");
	if (s->reason && !s->amend)
		return fail(err, REASON_USAGE, "--reason is that of --amend");
	if (s->in_place && !s->embed)
		return fail(err, REASON_USAGE, "--in-place says how to --embed");
	if (s->uri && !s->embed && !s->release)
		return fail(err, REASON_USAGE, "--uri is that of a release: --release or --embed");
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	cleanup_keyring struct keyring *stewards = NULL;
	cleanup_signer struct signer *signer = NULL;
	cleanup_signing struct signing done = { 0 };
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct record_options record = { .ledger = NULL };
	struct progress progress = { 0 };
	const char *statements[LIMIT_STATEMENT_FILES], *manifest = options_get(o, "manifest");
	struct sign_options options = {
		.sidecar = options_get(o, "out"),
		.links_within = options_get(o, "links-within"),
		.amend = options_has(o, "amend"),
		.reason = options_get(o, "reason"),
		.no_cache = options_has(o, "no-cache"),
		.embed = options_has(o, "embed"),
		.in_place = options_has(o, "in-place"),
		.release = options_has(o, "release"),
		.uri = options_get(o, "uri"),
		.dry_run = options_has(o, "dry-run"),
		.progress = &progress,
	};
	enum wm_code code;

	TRY(check_combination(&options, o, err));
	TRY(keyring_new(&stewards, err));
	TRY(read_statements(&options, stewards, statements, o, err));
	TRY(settings_get(&options.issuer, &call->settings, o, "issuer", err));
	TRY(settings_jobs(&options.workers, &call->settings, o, err));
	if (manifest)
		TRY(read_manifest(&yaml, manifest, err));
	TRY(load_signer(&signer, &options.key_file, call, err));
	options.yaml = manifest ? yaml.data : NULL;
	options.yaml_len = yaml.len;
	options.yaml_name = manifest;
	options.signer = signer;
	TRY(record_options(&options.record, &record, &index, call, err));
	progress_view_start(&progress);
	code = checkpoint_sign(&done, o->operands[0], &options, err);
	progress_view_end();
	TRY(code);
	TRY(warn_runs(&done.composition, record.ledger, err));
	return signed_report(&done, options.dry_run, err);
}

static const struct option_spec options[] = {
	{ .name = "manifest", .letter = 'm', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the YAML file with manifest, datasets and runs; - is standard input" },
	SIGNING_OPTIONS,
	SIGNED_OPTIONS,
	RECORD_OPTIONS,
	{ .name = "amend",
	  .help = "correct what is signed already; without --manifest only the bytes are "
		  "measured anew" },
	{ .name = "reason", .argument = "TEXT", .help = "why it is amended" },
	{ .name = "embed",
	  .help = "put the statements into the weights files too, and sign a release of them" },
	{ .name = "in-place",
	  .help = "embed into the files where they lie, without copying (ext4, XFS)" },
	{ .name = "release",
	  .help = "sign a release: the size and SHA-256 of every file as it lies there" },
	{ .name = "uri", .argument = "URI", .help = "where the release is to be found" },
	{ .name = "statements", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "a sidecar whose dataset statements the runs may use; they travel along" },
	{ .name = "statements-key", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "a public key that must have signed what --statements gives" },
	{ .name = "no-cache",
	  .help = "read every file, also those that are as they were last measured here" },
	LINKS_OPTION,
};

const struct verb verb_sign = {
	.name = "sign",
	.summary = "sign what is known about a checkpoint",
	.operands = "PATH",
	.description =
		"Measures the checkpoint PATH, a weights file or a directory, and signs a "
		"manifest for it: which files, bytes and tensors it has, which datasets fed it "
		"under which licence and consent, from which training runs. The statements go "
		"into the sidecar, PATH.wmk beside a file and weightmark.wmk in a directory, "
		"to be shipped with it.\n\n"
		"The YAML file holds documents of kind manifest (one), dataset and run; field "
		"names are those of the schema. 'weightmark draft' writes one to fill in. What "
		"sign measures is never typed. A directory with a private key in it, with "
		"shards of a set missing, or with git-lfs pointers in place of files is "
		"refused; one shard alone is, too.\n\n"
		"Signing again what is signed already changes nothing. What says something "
		"else is refused unless --amend is given: then each statement that differs "
		"from the newest one about its object corrects it, with the next sequence, and "
		"all earlier ones stay. Without --manifest, what the author wrote is taken "
		"from the carried manifest, and only what is measured is new.\n\n"
		"Files that did not change since they were last measured here are not read "
		"again, where a read lease proves it; what was measured is kept below "
		"$XDG_CACHE_HOME/weightmark. When amending, and when releasing what is signed, "
		"a git-lfs pointer stands for its file where it names the very one that was "
		"signed or released, so that a clone without the weights will do.\n\n"
		"With --embed the statements go into the slots of the weights files too. That "
		"gives the files another SHA-256: the one that git-lfs and downloads show. A "
		"release, signed afterwards and kept in the sidecar alone, lists it for every "
		"file.",
	.examples = "weightmark sign model.safetensors --manifest m.yaml --key publisher.key\n"
		    "weightmark sign checkpoint/ -m m.yaml --key publisher.key --dry-run\n"
		    "weightmark sign checkpoint/ -m m.yaml --embed --uri https://example.org/m\n"
		    "weightmark sign --amend --reason 'typo in README' checkpoint/",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
	.measures = true,
};
