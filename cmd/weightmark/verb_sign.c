/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark sign`: measures a checkpoint, signs what its author wrote, writes the sidecar. */
#include <string.h>
#include <unistd.h>

#include "attest/sign.h"
#include "keys.h"
#include "output.h"
#include "progress_view.h"
#include "report/verdict_report.h"
#include "text/json.h"
#include "text/yaml.h"
#include "util/file.h"
#include "util/limits.h"
#include "verb.h"

static enum wm_code read_manifest(struct buf *out, const char *path, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (strcmp(path, "-") != 0)
		return file_read_input(out, path, REASON_YAML_MALFORMED, err);
	if (file_read_fd(out, STDIN_FILENO, "standard input", &why) != WM_OK)
		return fail_input(err, &why, REASON_YAML_MALFORMED);
	return WM_OK;
}

static enum wm_code statement_row(struct node *list, struct tree *t, const struct signing *s,
				  size_t i, bool dry_run, struct wm_error *err)
{
	const struct composed *d = &s->composition.statements[i];
	char id[STATEMENT_ID_TEXT + 1];
	struct node *row = NULL;

	TRY(node_new(&row, t, NODE_MAP, err));
	node_append(list, row);
	statement_id_text(id, d->id);
	TRY(node_set_text(row, t, "kind", d->kind->name, err));
	TRY(node_set_text(row, t, "object", d->object, err));
	TRY(node_set_text(row, t, "statement", id, err));
	TRY(node_set_bool(row, t, "reused", d->reused, err));
	if (!dry_run)
		return WM_OK;
	/* The payload as text: exactly what would be signed. */
	return node_set_text(row, t, "payload", buf_str(&s->payloads[i]), err);
}

static enum wm_code print_tree(const struct signing *s, bool dry_run, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *map = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", s->checkpoint->path, err));
	TRY(node_set_shown(t.root, &t, "sidecar", s->sidecar_path, err));
	TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
	TRY(node_set_bool(t.root, &t, "unchanged", s->unchanged, err));
	TRY(node_set_new(&list, t.root, &t, "statements", NODE_LIST, err));
	for (size_t i = 0; i < s->n_payloads; i++)
		TRY(statement_row(list, &t, s, i, dry_run, err));
	TRY(node_set_new(&map, t.root, &t, "measured", NODE_MAP, err));
	TRY(measured_tree(map, &t, s->checkpoint, err));
	print_json(t.root);
	return WM_OK;
}

/* Every statement as it would be signed, as YAML documents that one can read. */
static enum wm_code print_payloads(const struct signing *s, struct wm_error *err)
{
	for (size_t i = 0; i < s->n_payloads; i++) {
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf text = BUF_INIT(4 * (size_t)LIMIT_STATEMENT);

		TRY(json_read(&t, s->payloads[i].data, s->payloads[i].len, "payload", err));
		TRY(yaml_write(&text, t.root, err));
		print("---\n");
		print_text(buf_str(&text));
	}
	return WM_OK;
}

static void print_summary(const struct signing *s, bool dry_run)
{
	print("%s %s\n", dry_run ? "would sign" : s->unchanged ? "signed already:" : "signed",
	      s->checkpoint->path);
	for (size_t i = 0; i < s->n_payloads; i++) {
		const struct composed *d = &s->composition.statements[i];
		char id[STATEMENT_ID_TEXT + 1];

		statement_id_text(id, d->id);
		print("  %-10s%s  %s\n", d->kind->name, d->object + strlen(s->issuer) + 1, id);
	}
	print("  %-10s%zu file%s, %llu bytes, %zu tensors\n", "measured", s->checkpoint->n_files,
	      s->checkpoint->n_files == 1 ? "" : "s",
	      (unsigned long long)checkpoint_size(s->checkpoint),
	      checkpoint_n_tensors(s->checkpoint));
	print("  %-10s%s\n", "issuer", s->issuer);
	print("  %-10s%s\n", "sidecar", s->sidecar_path);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	cleanup_keyring struct keyring *stewards = NULL;
	cleanup_signer struct signer *signer = NULL;
	cleanup_signing struct signing done = { 0 };
	struct progress progress = { 0 };
	const char *statements[LIMIT_STATEMENT_FILES], *manifest = options_get(o, "manifest");
	struct sign_options options = {
		.sidecar = options_get(o, "out"),
		.statements = statements,
		.dry_run = options_has(o, "dry-run"),
		.progress = &progress,
	};
	enum wm_code code;

	if (!manifest)
		return fail(err, REASON_USAGE, "give the manifest with --manifest FILE; "
					       "'weightmark draft PATH' writes one to fill in");
	for (const char *f; (f = options_nth(o, "statements", options.n_statements));) {
		if (options.n_statements == LIMIT_STATEMENT_FILES)
			return fail(err, REASON_USAGE, "more than %d times --statements",
				    LIMIT_STATEMENT_FILES);
		statements[options.n_statements++] = f;
	}
	TRY(keyring_new(&stewards, err));
	for (size_t i = 0; options_nth(o, "statements-key", i); i++) {
		struct public_key *key = NULL;

		TRY(public_key_load(&key, options_nth(o, "statements-key", i), err));
		TRY(keyring_add(stewards, key, err));
	}
	options.stewards = stewards;
	TRY(settings_get(&options.issuer, &call->settings, o, "issuer", err));
	TRY(settings_jobs(&options.workers, &call->settings, o, err));
	TRY(read_manifest(&yaml, manifest, err));
	TRY(load_signer(&signer, call, err));
	options.yaml = yaml.data;
	options.yaml_len = yaml.len;
	options.yaml_name = manifest;
	options.signer = signer;
	progress_view_start(&progress);
	code = checkpoint_sign(&done, o->operands[0], &options, err);
	progress_view_end();
	TRY(code);
	if (output_is_json())
		return print_tree(&done, options.dry_run, err);
	print_summary(&done, options.dry_run);
	if (!options.dry_run)
		return WM_OK;
	print("  ids will differ: nonce and time are those of signing\n");
	return print_payloads(&done, err);
}

static const struct option_spec options[] = {
	{ .name = "manifest", .letter = 'm', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the YAML file with manifest, datasets and runs; - is standard input" },
	SIGNING_OPTIONS,
	{ .name = "issuer", .argument = "NAME", .setting = "issuer",
	  .help = "who answers for the statements; default: key:KEYID" },
	{ .name = "statements", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "a sidecar whose dataset statements the runs may use; they travel along" },
	{ .name = "statements-key", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "a public key that must have signed what --statements gives" },
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "write the sidecar there; default: PATH.wmk" },
	{ .name = "dry-run", .letter = 'n',
	  .help = "show what would be signed; sign and write nothing" },
};

const struct verb verb_sign = {
	.name = "sign",
	.summary = "sign what is known about a checkpoint",
	.operands = "PATH",
	.description =
		"Measures the checkpoint file PATH and signs a manifest for it: which bytes and "
		"tensors it has, which datasets fed it under which licence and consent, from which "
		"training runs. The statements go into the sidecar PATH.wmk, to be shipped beside "
		"the file.\n\n"
		"The YAML file holds documents of kind manifest (one), dataset and run; field "
		"names are those of the schema. 'weightmark draft' writes one to fill in. What "
		"sign measures is never typed.\n\n"
		"Signing again what is signed already changes nothing. A sidecar that says "
		"something else is never overwritten.",
	.examples = "weightmark sign model.safetensors --manifest m.yaml --key publisher.key\n"
		    "weightmark sign model.safetensors -m m.yaml --key publisher.key --dry-run",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
	.measures = true,
};
