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
	TRY(node_set_integer(map, t, "signatures_verified", a->n_verified, err));
	TRY(node_set_integer(map, t, "signatures_not_verified", a->n_unverified, err));
	TRY(node_set_integer(map, t, "proofs", a->n_proofs, err));
	if (a->remembered)
		TRY(node_set_text(map, t, "linkage", linkage_name(a->linkage), err));
	return WM_OK;
}

static void audit_text(const struct audit *a)
{
	print("log        %s\n", a->origin);
	print("  entries  %llu in %llu commits, every root and signature of the log as it should "
	      "be\n",
	      (unsigned long long)a->note.head.size, (unsigned long long)a->n_commits);
	print("  signed   %llu statements by pinned keys verified, %llu not verified\n",
	      (unsigned long long)a->n_verified, (unsigned long long)a->n_unverified);
	if (a->n_proofs > 0)
		print("  proofs   %llu in the sidecars given lead into this history\n",
		      (unsigned long long)a->n_proofs);
	if (!a->pinned)
		print("  note     the log's key is not pinned: this shows one history, not "
		      "whose\n");
	else
		print("  history  %s\n",
		      a->remembered ? linkage_name(a->linkage) : "not remembered");
}

static enum wm_code audit_ledger(struct node *list, struct tree *t, struct ledgers *l, size_t i,
				 const struct call *call, const struct audit_options *o,
				 struct wm_error *err)
{
	cleanup_origins char **origins = NULL;

	TRY(ledger_origins(&origins, l->list[i], err));
	for (char **origin = origins; *origin; origin++) {
		cleanup_audit struct audit a = { .key = NULL };

		if (!origin_wanted(call, *origin))
			continue;
		TRY(audit_log(&a, l->list[i], l->indexes[i], *origin, o, err));
		if (output_is_json())
			TRY(audit_tree(list, t, &a, err));
		else
			audit_text(&a);
	}
	return WM_OK;
}

static enum wm_code run_ledgers(struct call *call, struct wm_error *err)
{
	cleanup_log_keys struct log_keys log_keys = LOG_KEYS_INIT;
	cleanup_keyring struct keyring *keys = NULL;
	cleanup_ledgers struct ledgers ledgers = { .n = 0 };
	cleanup_buf struct buf state = BUF_INIT(LIMIT_PATH);
	cleanup_tree struct tree t = TREE_INIT;
	struct progress progress = { 0 };
	const char *sidecars[SIDECARS_MAX];
	struct audit_options options = { .sidecars = sidecars, .progress = &progress };
	struct node *list = NULL;
	enum wm_code code = WM_OK;

	TRY(load_log_keys(&log_keys, call, err));
	TRY(load_keyring(&keys, call, err));
	TRY(state_directory(&state, err));
	for (const char *s; (s = options_nth(&call->options, "sidecar", options.n_sidecars));) {
		if (options.n_sidecars == SIDECARS_MAX)
			return fail(err, REASON_USAGE, "more than %d times --sidecar",
				    SIDECARS_MAX);
		sidecars[options.n_sidecars++] = s;
	}
	options.log_keys = &log_keys;
	options.keys = keys;
	options.log_state = state.len > 0 ? buf_str(&state) : NULL;
	TRY(open_ledgers(&ledgers, call, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&list, t.root, &t, "logs", NODE_LIST, err));
	progress_view_start(&progress);
	for (size_t i = 0; i < ledgers.n && code == WM_OK; i++)
		code = audit_ledger(list, &t, &ledgers, i, call, &options, err);
	progress_view_end();
	TRY(code);
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

/* --- evidence ---------------------------------------------------------------------------- */

static enum wm_code run_evidence(const char *path, struct wm_error *err)
{
	cleanup_evidence struct evidence e = { .key = NULL };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_tree struct tree t = TREE_INIT;

	TRY(file_read(&text, path, err));
	TRY(evidence_check(&e, text.data, text.len, path, err));
	TRY(log_key_encode(&key, e.key, err));
	if (!output_is_json()) {
		print("fork       %s signed two histories\n", log_key_origin(e.key));
		print("  log key  %s\n  sizes    %llu and %llu\n", buf_str(&key),
		      (unsigned long long)e.first.head.size,
		      (unsigned long long)e.second.head.size);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "fork", true, err));
	TRY(node_set_text(t.root, &t, "log_key", buf_str(&key), err));
	TRY(node_set_text(t.root, &t, "first", e.first.text, err));
	TRY(node_set_text(t.root, &t, "second", e.second.text, err));
	print_json(t.root);
	return WM_OK;
}

/* --- publications ------------------------------------------------------------------------ */

/* Holds the newest head against those that are remembered; stores what it is then. */
static enum wm_code remember(enum linkage *out, const struct site_audit *a,
			     const struct site *site, const char *state, struct wm_error *err)
{
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_log_memory struct log_memory *m = NULL;
	cleanup_tiles struct tiles *tiles = NULL;
	cleanup_free char *kept = NULL;
	struct site_tiles source = { site, a->note.head.size };

	TRY(log_memory_load(&m, state, a->key, err));
	TRY(tiles_new(&tiles, site_tile, &source, err));
	TRY(log_memory_compare(out, m, &a->note, tiles, source.size, &evidence, err));
	if (*out == LINK_FORK) {
		TRY(evidence_store(&kept, state, &evidence, err));
		return fail(err, REASON_LOG_FORK, "%s: signed two histories; evidence: %s",
			    log_key_origin(a->key), kept);
	}
	if (*out == LINK_BEHIND)
		return fail(err, REASON_LOG_BEHIND, "%s: has %llu entries, fewer than were seen",
			    log_key_origin(a->key), (unsigned long long)source.size);
	TRY(log_memory_add(m, &a->note, *out != LINK_UNLINKED, err));
	return log_memory_store(m, err);
}

static enum wm_code print_site(const struct site_audit *a, const char *linkage,
			       struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print("log        %s\n  entries  %llu, every tile and root as it should be\n",
		      log_key_origin(a->key), (unsigned long long)a->note.head.size);
		if (a->n_withheld > 0)
			print("  withheld %llu entries\n", (unsigned long long)a->n_withheld);
		print("  history  %s\n",
		      a->pinned ? linkage : "of a log whose key is not pinned");
		return WM_OK;
	}
	TRY(log_key_encode(&key, a->key, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "origin", log_key_origin(a->key), err));
	TRY(node_set_text(t.root, &t, "log_key", buf_str(&key), err));
	TRY(node_set_bool(t.root, &t, "pinned", a->pinned, err));
	TRY(node_set_integer(t.root, &t, "size", a->note.head.size, err));
	TRY(node_set_hex(t.root, &t, "root", a->note.head.root, SHA256_BYTES, err));
	TRY(node_set_integer(t.root, &t, "withheld", a->n_withheld, err));
	if (a->pinned)
		TRY(node_set_text(t.root, &t, "linkage", linkage, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code run_publication(struct call *call, const char *base, struct wm_error *err)
{
	cleanup_log_keys struct log_keys log_keys = LOG_KEYS_INIT;
	cleanup_site_audit struct site_audit a = { .key = NULL };
	cleanup_published struct published p = { .http = NULL };
	cleanup_buf struct buf state = BUF_INIT(LIMIT_PATH);
	enum linkage linkage = LINK_UNLINKED;
	struct progress progress = { 0 };
	enum wm_code code;

	TRY(load_log_keys(&log_keys, call, err));
	TRY(state_directory(&state, err));
	TRY(published_open(&p, base, err));
	progress_view_start(&progress);
	code = site_audit(&a, &p.site, &log_keys, &progress, err);
	if (code == WM_OK && a.pinned && state.len > 0)
		code = remember(&linkage, &a, &p.site, buf_str(&state), err);
	progress_view_end();
	TRY(code);
	return print_site(&a, linkage_name(linkage), err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const char *evidence = options_get(&call->options, "evidence");

	if (evidence)
		return run_evidence(evidence, err);
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
		"$XDG_STATE_HOME/weightmark where its key is pinned, and the proofs in sidecars. "
		"DIR or URL is a published log ('weightmark publish'): every record, tile and root "
		"of it "
		"is recomputed; https, and http from this machine alone.\n\n"
		"Where the log's own key signed two histories, evidence of that is kept in a file "
		"that anybody can check with --evidence.",
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
