/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark find`: looks statements up in ledgers. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "measured.h"
#include "output.h"
#include "util/hex.h"
#include "util/limits.h"

enum { FOUND = 100, FOUND_MAX = 10000 };

/* The options that ask, and what they ask for. */
static const struct {
	const char *option;
	enum query_kind kind;
} asked[] = {
	{ "statement", QUERY_STATEMENT }, { "sha256", QUERY_SHA256 },
	{ "file", QUERY_FILE },		  { "weights", QUERY_WEIGHTS },
	{ "tensor-set", QUERY_TENSOR_SET }, { "tensor", QUERY_TENSOR },
	{ "object", QUERY_OBJECT },	  { "dataset", QUERY_DATASET },
	{ "party", QUERY_PARTY },	  { "name", QUERY_NAME },
	{ "text", QUERY_TEXT },
};

enum { N_ASKED = sizeof(asked) / sizeof(asked[0]) };

static enum wm_code ask(struct ledgers *l, struct entry_output *out, const struct call *call,
			enum query_kind kind, const char *value, struct wm_error *err)
{
	cleanup_free const char **origins = NULL;

	TRY(wanted_origins(&origins, call, err));
	for (size_t i = 0; i < l->n; i++) {
		out->index = l->indexes[i];
		TRY(index_query(l->indexes[i], kind, value, origins, out->max + 1, show_entry, out,
				err));
	}
	return WM_OK;
}

static enum wm_code ask_digest(struct ledgers *l, struct entry_output *out,
			       const struct call *call, enum query_kind kind,
			       const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(hex, digest, SHA256_BYTES);
	return ask(l, out, call, kind, hex, err);
}

/* By what the bytes of a checkpoint are: weights, whatever contains them; else its files. */
static enum wm_code ask_checkpoint(struct ledgers *l, struct entry_output *out, struct call *call,
				   struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;

	TRY(measure_operand(&c, call, 0, false, err));
	for (size_t i = 0; i < c->n_parts; i++)
		if (c->parts[i].measured && c->parts[i].has_weights)
			TRY(ask_digest(l, out, call, QUERY_WEIGHTS, c->parts[i].weights_digest,
				       err));
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].role == ROLE_LOAD && c->files[i].measured)
			TRY(ask_digest(l, out, call, QUERY_FILE, c->files[i].file_digest, err));
	return WM_OK;
}

static enum wm_code check_asked(const struct call *call, struct wm_error *err)
{
	size_t n = call->options.n_operands;

	for (size_t i = 0; i < N_ASKED; i++)
		n += options_has(&call->options, asked[i].option);
	if (n > 1)
		return fail(err, REASON_USAGE,
			    "give only one: a checkpoint PATH, or one of --object, --name, "
			    "--party, --dataset, --text, --weights, --file and their like");
	if (n == 0)
		return fail(err, REASON_USAGE,
			    "say what to look for: a checkpoint PATH, or one of --object, --name, "
			    "--party, --dataset, --text, --weights, --file and their like");
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_ledgers struct ledgers ledgers = { .n = 0 };
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free struct indexed *seen = NULL;
	struct entry_output out = { .t = &t };
	uint64_t max = FOUND;

	TRY(check_asked(call, err));
	TRY(options_number(&call->options, "number", 1, FOUND_MAX, &max, err));
	TRY(open_ledgers(&ledgers, call, err));
	seen = calloc(max + 1, sizeof(*seen));
	if (!seen)
		return fail_nomem(err);
	out.seen = seen;
	out.max = max;
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&out.list, t.root, &t, "entries", NODE_LIST, err));
	if (call->options.n_operands > 0)
		TRY(ask_checkpoint(&ledgers, &out, call, err));
	for (size_t i = 0; i < N_ASKED; i++)
		if (options_has(&call->options, asked[i].option))
			TRY(ask(&ledgers, &out, call, asked[i].kind,
				options_get(&call->options, asked[i].option), err));
	if (output_is_json())
		print_json(t.root);
	if (out.n == 0) {
		message("nothing found");
		call->status = 1;
	}
	return WM_OK;
}

static const struct option_spec options[] = {
	LEDGERS_OPTIONS,
	{ .name = "statement",
	  .argument = "ID",
	  .help = "a statement by its id, or 8 digits of it" },
	{ .name = "object", .argument = "ID", .help = "statements about this object" },
	{ .name = "name", .argument = "NAME", .help = "a model, dataset or run by its name or id" },
	{ .name = "party",
	  .argument = "NAME",
	  .help = "by issuer, by a party's id or name, or by a keyid or 8 digits of it" },
	{ .name = "dataset",
	  .argument = "NAME",
	  .help = "a dataset, the runs that use it, and the manifests of those runs" },
	{ .name = "text",
	  .argument = "WORDS",
	  .help = "statements in whose texts all words occur" },
	{ .name = "weights", .argument = "DIGEST", .help = "by weights digest" },
	{ .name = "tensor-set", .argument = "DIGEST", .help = "by tensor set digest" },
	{ .name = "tensor",
	  .argument = "DIGEST",
	  .help = "by the digest of one tensor of 64 KiB or more" },
	{ .name = "file", .argument = "DIGEST", .help = "by file digest" },
	{ .name = "sha256", .argument = "DIGEST", .help = "by the plain SHA-256 of a file" },
	{ .name = "number",
	  .letter = 'n',
	  .argument = "N",
	  .help = "at most N entries, 1 to 10000; default 100" },
	LINKS_OPTION,
};

const struct verb verb_find = {
	.name = "find",
	.summary = "look statements up in ledgers",
	.operands = "[PATH]",
	.description =
		"Looks for entries in the ledgers given, by what a checkpoint PATH is measured to "
		"be, or by what one option asks. Entries are read from git and compared with "
		"their place in the log; no signature is verified. An index in "
		"$XDG_CACHE_HOME/weightmark answers; it is made and caught up as needed, and may "
		"be removed at any time.",
	.examples = "weightmark find model.safetensors --ledger ledger.git\n"
		    "weightmark find --dataset faces-2019 --ledger a.git --ledger b.git --json",
	.exits = "0 found; 1 nothing found, or there is no such ledger; 2 usage; 3 could not tell.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 0,
	.max = 1,
	.measures = true,
};
