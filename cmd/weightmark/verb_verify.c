/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark verify`: says whether a checkpoint is what a pinned key signed. */
#include <sys/stat.h>

#include "attest/ancestry.h"
#include "attest/carriers.h"
#include "attest/verdict.h"
#include "keys.h"
#include "measured.h"
#include "output.h"
#include "print_statement.h"
#include "private_ledger.h"
#include "progress_view.h"
#include "report/verdict_report.h"
#include "util/limits.h"
#include "verb.h"

static enum colour colour_of(enum wm_decision decision)
{
	if (decision == WM_ACCEPT)
		return COLOUR_GOOD;
	return decision == WM_REVIEW ? COLOUR_DOUBT : COLOUR_BAD;
}

static enum wm_code print_verdict(const struct wm_verdict *v, const struct ledgers *ledgers,
				  const struct call *call, struct wm_error *err)
{
	const bool statements = options_has(&call->options, "statements");
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_SIDECAR), headline = BUF_INIT(LIMIT_MESSAGE);

	if (output_is_json()) {
		TRY(verdict_tree(&t.root, &t, v, statements, err));
		if (ledgers->n > 0)
			TRY(ledgers_tree(t.root, &t, ledgers, NULL, err));
		print_json(t.root);
		return WM_OK;
	}
	TRY(verdict_headline(&headline, v, err));
	TRY(verdict_text(&text, v, options_has(&call->options, "checks"), err));
	print_word(colour_of(v->decision), decision_name(v->decision));
	print(" (%s)\n", buf_str(&headline));
	print_text(buf_str(&text));
	return WM_OK;
}

/* What verified statements say, in the order of kinds: who asserted it stands above it. */
static enum wm_code print_statements(const struct wm_verdict *v, struct wm_error *err)
{
	for (const struct kind *k = kinds; k->name; k++)
		for (size_t i = 0; i < v->facts.n_carried; i++) {
			const struct carried *c = &v->facts.carried[i];

			if (c->statement && c->statement->kind == k)
				TRY(print_statement(c->statement, c->envelope->keyid, "verified",
						    err));
		}
	return WM_OK;
}

enum { CODE_MAX = 64 }; /* times --allow-code */

/* Where lineage is looked for; nothing of it is borrowed from elsewhere than the call. */
struct lineage {
	struct ledgers ledgers;
	const char *statements[LIMIT_STATEMENT_FILES];
	struct lineage_options options;
};

static void lineage_release(struct lineage *l)
{
	ledgers_release(&l->ledgers);
}

#define cleanup_lineage __attribute__((cleanup(lineage_release)))

/* All values of the option `name`, at most `max`. */
static enum wm_code list_values(const char **list, size_t *n, size_t max, const struct call *call,
				const char *name, struct wm_error *err)
{
	for (const char *s; (s = options_nth(&call->options, name, *n));) {
		if (*n == max)
			return fail(err, REASON_USAGE, "more than %zu times --%s", max, name);
		list[(*n)++] = s;
	}
	return WM_OK;
}

/*
 * Those of --ledger, else those of the settings. That what a setting names cannot be read leaves
 * open what stands against the checkpoint: it is no reason to go on without.
 */
static enum wm_code open_ledgers_of(struct lineage *l, struct call *call, struct wm_error *err)
{
	const bool named = options_has(&call->options, "ledger");
	const bool none = options_has(&call->options, "no-ledger");
	enum wm_code code;

	if (named && none)
		return fail(err, REASON_USAGE, "--ledger and --no-ledger exclude each other");
	if (none)
		return WM_OK;
	code = open_order_ledgers(&l->ledgers, call, err);
	return named ? code :
		       fail_context(code, err, "the ledgers of the settings (or --no-ledger)");
}

/* Stores NULL where there is nowhere to look for lineage. */
static enum wm_code open_lineage(const struct lineage_options **out, struct lineage *l,
				 struct call *call, struct wm_error *err)
{
	*out = NULL;
	TRY(list_values(l->statements, &l->options.n_statements, LIMIT_STATEMENT_FILES, call,
			"lineage", err));
	TRY(open_ledgers_of(l, call, err));
	if (l->ledgers.n + l->options.n_statements == 0)
		return WM_OK;
	TRY(tell_ledgers(&l->ledgers, NULL, err));
	l->options.indexes = l->ledgers.indexes;
	l->options.n_indexes = l->ledgers.n;
	l->options.statements = l->statements;
	*out = &l->options;
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_log_keys struct log_keys log_keys = LOG_KEYS_INIT;
	cleanup_buf struct buf state = BUF_INIT(LIMIT_PATH);
	cleanup_keyring struct keyring *keys = NULL;
	cleanup_verdict struct wm_verdict *v = NULL;
	cleanup_lineage struct lineage lineage = { .options = { .n_indexes = 0 } };
	const char *code_allowed[CODE_MAX];
	struct progress progress = { 0 };
	struct stat st;
	struct verify_options options = {
		.sidecar = options_get(&call->options, "sidecar"),
		.part = options_get(&call->options, "part"),
		.part_only = options_has(&call->options, "part-only"),
		.links_within = options_get(&call->options, "links-within"),
		.full = options_has(&call->options, "full"),
		.code = code_allowed,
		.progress = &progress,
	};
	enum wm_code code;

	TRY(carrier_refuse_sidecar(call->options.operands[0], err));
	if (options.part_only && stat(call->options.operands[0], &st) == 0 && S_ISDIR(st.st_mode))
		return fail(err, REASON_USAGE, "%s: is a directory; with --part-only give one file",
			    call->options.operands[0]);
	TRY(list_values(code_allowed, &options.n_code, CODE_MAX, call, "allow-code", err));
	TRY(settings_jobs(&options.workers, &call->settings, &call->options, err));
	TRY(load_keyring(&keys, call, err));
	TRY(load_log_keys(&log_keys, call, err));
	TRY(state_directory(&state, err));
	TRY(open_lineage(&options.lineage, &lineage, call, err));
	options.keys = keys;
	options.log_keys = &log_keys;
	options.log_state = state.len > 0 ? buf_str(&state) : NULL;
	progress_view_start(&progress);
	code = verdict_reach(&v, call->options.operands[0], &options, err);
	progress_view_end();
	TRY(code);
	call->status = verdict_exit_status(v);
	TRY(print_verdict(v, &lineage.ledgers, call, err));
	if (options_has(&call->options, "statements") && !output_is_json())
		return print_statements(v, err);
	return WM_OK;
}

static const struct option_spec options[] = {
	KEYRING_OPTION,
	LOG_KEY_OPTION,
	{ .name = "sidecar", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the sidecar; default: PATH.wmk, or weightmark.wmk in a directory" },
	{ .name = "part", .argument = "NAME",
	  .help = "the part that must be whole; default: at least one" },
	{ .name = "part-only",
	  .help = "judge one file of a set alone: at best review, exit status 4" },
	LINKS_OPTION,
	{ .name = "full",
	  .help = "recompute the plain SHA-256 too, not the file digest alone, and the digests "
		  "of tensors that are not stored as they are" },
	{ .name = "allow-code", .argument = "NAME", .repeatable = true,
	  .help = "allow this name of code that loading would use (NAME* all that begin so); "
		  "'weightmark show PATH' lists them" },
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .repeatable = true,
	  .help = "ask this git repository where the checkpoint comes from, and what stands "
		  "against it; default: those of the setting ledger and the private one, where "
		  "there are such" },
	{ .name = "no-ledger", .help = "ask none" },
	{ .name = "lineage", .argument = "FILE.wmk", .kind = VALUE_FILE, .repeatable = true,
	  .help = "the same of the statements in this sidecar, all by trusted keys" },
	{ .name = "checks", .help = "list every check" },
	{ .name = "statements", .help = "print what the verified statements say" },
};

const struct verb verb_verify = {
	.name = "verify",
	.summary = "decide whether a checkpoint is what a trusted key signed",
	.operands = "PATH",
	.description =
		"Reads what the checkpoint PATH, a file or a directory, carries (its sidecar, and "
		"slots in its files), verifies the signatures with the keys that were pinned, "
		"measures the files and compares. Works offline. The verdict starts at refuse and "
		"becomes accept only by a counted list of checks that each ran and passed.\n\n"
		"Of a directory, every file that a loader may read must have been signed, and one "
		"part (the files that load together) must be whole. One shard of a set is judged "
		"with the set that stands beside it.\n\n"
		"Where statements were recorded in a log, the proofs of that are verified; they "
		"count "
		"where --log-key pins the log. Its tree heads are remembered below "
		"$XDG_STATE_HOME/weightmark, and one that contradicts them refuses.\n\n"
		"The ledgers at hand are asked, offline, where the checkpoint comes from: an order "
		"that reaches it or data withdrawn before a run that used it refuse; an ancestor "
		"of which nothing is known, declarations that conflict and later withdrawals ask "
		"for review. Without any ledger these checks do not run, and are counted so.\n\n"
		"Accept means: these bytes are those that the key's holder signed, and these are "
		"the statements that he made about them. Whether a statement is true nobody can "
		"compute; the verdict says who asserted it.",
	.examples = "weightmark verify model.safetensors --key publisher.pub\n"
		    "weightmark verify sdxl --key publisher.pub --part unet/model.safetensors\n"
		    "weightmark verify model.safetensors --key publisher.pub --json",
	.exits = "0 accepted; 1 refused; 2 usage; 3 could not tell; 4 needs human review.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
	.measures = true,
};
