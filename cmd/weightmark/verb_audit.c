/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark audit`: reads logs from end to end; checks evidence of a fork. */
#include "attest/audit.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "ledgers.h"
#include "log/evidence.h"
#include "net/publication.h"
#include "output.h"
#include "progress_view.h"
#include "util/file.h"
#include "util/limits.h"

enum { SIDECARS_MAX = 64 };

/* --- ledgers ----------------------------------------------------------------------------- */

/* What JSON says of ledgers and publications alike. */
static enum wm_code set_findings(struct node *map, struct tree *t, const struct audit *a,
				 struct wm_error *err)
{
	TRY(node_set_integer(map, t, "signatures_verified", a->n_verified, err));
	TRY(node_set_integer(map, t, "signatures_not_verified", a->n_unverified, err));
	TRY(node_set_integer(map, t, "proofs", a->n_proofs, err));
	TRY(node_set_integer(map, t, "proofs_of_other_logs", a->n_foreign, err));
	return a->remembered ? node_set_text(map, t, "linkage", linkage_name(a->linkage), err) :
			       WM_OK;
}

static enum wm_code audit_tree(struct node *list, struct tree *t, const struct audit *a,
			       struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	struct node *map;

	TRY(log_key_encode(&key, a->key, err));
	TRY(node_append_new(&map, list, t, NODE_MAP, err));
	TRY(node_set_text(map, t, "origin", a->origin, err));
	TRY(node_set_text(map, t, "log_key", buf_str(&key), err));
	TRY(node_set_bool(map, t, "pinned", a->pinned, err));
	TRY(node_set_integer(map, t, "size", a->note.head.size, err));
	TRY(node_set_hex(map, t, "root", a->note.head.root, SHA256_BYTES, err));
	TRY(node_set_integer(map, t, "commits", a->n_commits, err));
	return set_findings(map, t, a, err);
}

/* What text says of both. */
static void audit_findings(const struct audit *a)
{
	print("  signed   %llu statements by pinned keys verified, %llu not verified\n",
	      (unsigned long long)a->n_verified, (unsigned long long)a->n_unverified);
	if (a->n_proofs > 0)
		print("  proofs   %llu in the sidecars given lead into this history\n",
		      (unsigned long long)a->n_proofs);
	if (a->n_foreign > 0)
		print("  note     %llu proofs in them are of other logs, and were not judged\n",
		      (unsigned long long)a->n_foreign);
	if (!a->pinned)
		print("  note     the log's key is not pinned: this shows one history, not "
		      "whose\n");
	else
		print("  history  %s\n",
		      a->remembered ? linkage_name(a->linkage) : "not remembered");
}

static void audit_text(const struct audit *a)
{
	print("log        %s\n", a->origin);
	print("  entries  %llu in %llu commit%s, every root and signature of the log as it should "
	      "be\n", (unsigned long long)a->note.head.size, (unsigned long long)a->n_commits,
	      a->n_commits == 1 ? "" : "s");
	audit_findings(a);
}

/* What a call audits, and what came of it. */
struct auditing {
	struct audit_options options;
	const char *sidecars[SIDECARS_MAX];
	struct log_keys log_keys;
	struct keyring *keys;
	struct buf state;
	struct progress progress;
	struct tree tree; /* the answer as JSON */
	struct node *list;
	struct ledgers ledgers;
	struct audit_trees trees;
	const struct call *call;
	uint64_t n_proofs;
	size_t n_logs;
};

static void auditing_release(struct auditing *a)
{
	log_keys_release(&a->log_keys);
	keyring_free(a->keys);
	buf_release(&a->state);
	tree_release(&a->tree);
	audit_trees_release(&a->trees);
	ledgers_release(&a->ledgers);
}

#define cleanup_auditing __attribute__((cleanup(auditing_release)))

static enum wm_code auditing_init(struct auditing *a, struct call *call, struct wm_error *err)
{
	struct audit_options *o = &a->options;

	*a = (struct auditing){ .log_keys = LOG_KEYS_INIT, .state = BUF_INIT(LIMIT_PATH),
				.tree = TREE_INIT, .call = call };
	o->sidecars = a->sidecars;
	TRY(load_log_keys(&a->log_keys, call, err));
	TRY(load_keyring(&a->keys, call, err));
	TRY(state_directory(&a->state, err));
	for (const char *s; (s = options_nth(&call->options, "sidecar", o->n_sidecars));) {
		if (o->n_sidecars == SIDECARS_MAX)
			return fail(err, REASON_USAGE, "more than %d times --sidecar",
				    SIDECARS_MAX);
		a->sidecars[o->n_sidecars++] = s;
	}
	o->log_keys = &a->log_keys;
	o->keys = a->keys;
	o->log_state = a->state.len > 0 ? buf_str(&a->state) : NULL;
	o->trees = &a->trees;
	o->progress = &a->progress;
	return WM_OK;
}

static enum wm_code audit_ledger(struct auditing *x, size_t i, struct wm_error *err)
{
	struct ledger *l = x->ledgers.list[i];
	cleanup_origins char **origins = NULL;

	TRY(ledger_origins(&origins, l, err));
	for (char **origin = origins; *origin; origin++) {
		cleanup_audit struct audit a = { .key = NULL };

		if (!origin_wanted(x->call, *origin))
			continue;
		TRY(audit_log(&a, l, x->ledgers.indexes[i], *origin, &x->options, err));
		x->n_logs++;
		x->n_proofs += a.n_proofs;
		if (output_is_json())
			TRY(audit_tree(x->list, &x->tree, &a, err));
		else
			audit_text(&a);
	}
	return WM_OK;
}

/* Whether a pinned log is there, or was not asked for. */
static bool is_accounted_for(const void *context, const char *origin)
{
	const struct auditing *a = context;

	return !origin_wanted(a->call, origin) || is_in_ledgers(&a->ledgers, origin);
}

/* That a log is gone shows in nothing that is there. */
static enum wm_code check_nothing_missing(const struct auditing *a, struct wm_error *err)
{
	TRY(check_origins(&a->ledgers, a->call, err));
	TRY(audit_missing(&a->options, is_accounted_for, a, err));
	if (a->n_logs == 0)
		return fail(err, REASON_ORIGIN_UNKNOWN, "%s: has no log",
			    ledger_path(a->ledgers.list[0]));
	if (a->options.n_sidecars > 0 && a->n_proofs == 0)
		return fail(err, REASON_ORIGIN_UNKNOWN,
			    "the sidecars given carry no proof of a log that was audited");
	return WM_OK;
}

static enum wm_code run_ledgers(struct call *call, struct wm_error *err)
{
	cleanup_auditing struct auditing a = { .n_logs = 0 };
	enum wm_code code = WM_OK;

	TRY(auditing_init(&a, call, err));
	TRY(open_ledgers(&a.ledgers, call, err));
	TRY(node_new(&a.tree.root, &a.tree, NODE_MAP, err));
	TRY(node_set_new(&a.list, a.tree.root, &a.tree, "logs", NODE_LIST, err));
	progress_view_start(&a.progress);
	for (size_t i = 0; i < a.ledgers.n && code == WM_OK; i++)
		code = audit_ledger(&a, i, err);
	progress_view_end();
	TRY(code);
	TRY(check_nothing_missing(&a, err));
	if (output_is_json())
		print_json(a.tree.root);
	return WM_OK;
}

/* --- evidence ---------------------------------------------------------------------------- */

static const char *pinned_as(const struct log_keys *keys, const struct log_key *key)
{
	if (log_keys_find(keys, log_key_origin(key), log_key_raw(key)))
		return "yes";
	return log_keys_know(keys, log_key_origin(key)) ? "no; another key is, for this origin" :
							  "no";
}

static enum wm_code run_evidence(struct call *call, const char *path, struct wm_error *err)
{
	cleanup_evidence struct evidence e = { .key = NULL };
	cleanup_log_keys struct log_keys keys = LOG_KEYS_INIT;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_tree struct tree t = TREE_INIT;

	if (options_has(&call->options, "ledger") || options_has(&call->options, "sidecar") ||
	    call->options.n_operands > 0)
		return fail(err, REASON_USAGE, "evidence stands by itself: give --evidence without "
					       "--ledger, --sidecar, DIR and URL");
	TRY(load_log_keys(&keys, call, err));
	TRY(file_read(&text, path, err));
	TRY(evidence_check(&e, text.data, text.len, path, err));
	TRY(log_key_encode(&key, e.key, err));
	if (!output_is_json()) {
		print("fork       %s signed two histories\n", log_key_origin(e.key));
		print("  log key  %s\n  pinned   %s\n  sizes    %llu and %llu\n", buf_str(&key),
		      pinned_as(&keys, e.key), (unsigned long long)e.first.head.size,
		      (unsigned long long)e.second.head.size);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "fork", true, err));
	TRY(node_set_text(t.root, &t, "log_key", buf_str(&key), err));
	TRY(node_set_bool(t.root, &t, "pinned",
			  log_keys_find(&keys, log_key_origin(e.key), log_key_raw(e.key)) != NULL,
			  err));
	TRY(node_set_text(t.root, &t, "first", e.first.text, err));
	TRY(node_set_text(t.root, &t, "second", e.second.text, err));
	print_json(t.root);
	return WM_OK;
}

/* --- publications ------------------------------------------------------------------------ */

static enum wm_code print_site(const struct audit *a, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print("log        %s\n  entries  %llu, every tile and root as it should be\n",
		      a->origin, (unsigned long long)a->note.head.size);
		if (a->n_withheld > 0)
			print("  withheld %llu entries\n", (unsigned long long)a->n_withheld);
		audit_findings(a);
		return WM_OK;
	}
	TRY(log_key_encode(&key, a->key, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "origin", a->origin, err));
	TRY(node_set_text(t.root, &t, "log_key", buf_str(&key), err));
	TRY(node_set_bool(t.root, &t, "pinned", a->pinned, err));
	TRY(node_set_integer(t.root, &t, "size", a->note.head.size, err));
	TRY(node_set_hex(t.root, &t, "root", a->note.head.root, SHA256_BYTES, err));
	TRY(node_set_integer(t.root, &t, "withheld", a->n_withheld, err));
	TRY(set_findings(t.root, &t, a, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code run_publication(struct call *call, const char *base, struct wm_error *err)
{
	cleanup_published struct published p = { .http = NULL };
	cleanup_auditing struct auditing x = { .n_logs = 0 };
	cleanup_audit struct audit a = { .key = NULL };
	enum wm_code code;

	if (options_get(&call->options, "ledger") || options_nth(&call->options, "origin", 1))
		return fail(err, REASON_USAGE,
			    "a published log is audited by itself: without --ledger, and with one "
			    "--origin at most");
	TRY(auditing_init(&x, call, err));
	TRY(published_open(&p, base, err));
	progress_view_start(&x.progress);
	code = audit_site(&a, &p.site, options_nth(&call->options, "origin", 0), &x.options, err);
	progress_view_end();
	TRY(code);
	if (x.options.n_sidecars > 0 && a.n_proofs == 0)
		return fail(err, REASON_ORIGIN_UNKNOWN,
			    "the sidecars given carry no proof of the log %s", a.origin);
	return print_site(&a, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const char *evidence = options_get(&call->options, "evidence");

	if (evidence)
		return run_evidence(call, evidence, err);
	if (call->options.n_operands > 0)
		return run_publication(call, call->options.operands[0], err);
	return run_ledgers(call, err);
}

static const struct option_spec options[] = {
	LEDGERS_OPTIONS,
	LOG_KEY_OPTION,
	KEYRING_OPTION,
	{ .name = "sidecar", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "hold the proofs that this sidecar carries against the log" },
	{ .name = "evidence", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "check evidence that a log signed two histories" },
};

const struct verb verb_audit = {
	.name = "audit",
	.summary = "read logs from end to end and find out rewriting",
	.operands = "[DIR|URL]",
	.description =
		"Recomputes every root of the logs given, verifies every tree head and commit "
		"under the log's key, and every statement by a key that --key pins. Then the log "
		"is "
		"held against what was seen of it before: the heads that are remembered below "
		"$XDG_STATE_HOME/weightmark where its key is pinned, and the proofs in sidecars; "
		"where several ledgers have a log of one key, also against one another. "
		"DIR or URL is a published log ('weightmark publish'): every record, tile and root "
		"of it is recomputed; https, and http from this machine alone. A log that --origin "
		"names, or whose key is pinned and whose heads are remembered, must be there.\n\n"
		"Where the log's own key signed two histories, evidence of that is kept in a file "
		"that anybody can check with --evidence: it is 0 where the fork is proved, "
		"and says whether the key that forked is pinned.",
	.examples = "weightmark audit --ledger ledger.git --log-key acme.vkey\n"
		    "weightmark audit --ledger ledger.git --log-key acme.vkey --sidecar old.wmk\n"
		    "weightmark audit https://log.acme.example/models --log-key acme.vkey\n"
		    "weightmark audit --evidence acme-12-0badcafe.fork.json",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 0,
	.max = 1,
};
