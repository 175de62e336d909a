/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanging logs, and saying what came of it. */
#include "exchanges.h"

#include <stdlib.h>

#include "ledgers.h"
#include "output.h"
#include "progress_view.h"
#include "util/limits.h"

static enum wm_code add_log(struct node *list, struct tree *t, const struct exchanged *e,
			    struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	const struct reason_info *why;
	struct node *map;

	TRY(node_append_new(&map, list, t, NODE_MAP, err));
	TRY(node_set_shown(map, t, "origin", e->origin, err));
	TRY(node_set_text(map, t, "result", exchanged_name(e->state), err));
	if (e->key) {
		TRY(log_key_encode(&key, e->key, err));
		TRY(node_set_text(map, t, "log_key", buf_str(&key), err));
		TRY(node_set_integer(map, t, "from", e->before, err));
		TRY(node_set_integer(map, t, "to", e->after, err));
	}
	if (e->evidence)
		TRY(node_set_shown(map, t, "evidence", e->evidence, err));
	if (e->state != EXCHANGED_REFUSED)
		return WM_OK;
	why = reason_info(error_reason(&e->why));
	TRY(node_set_text(map, t, "reason", why->id, err));
	TRY(node_set_shown(map, t, "message", e->why.message, err));
	return node_set_text(map, t, "fix", why->remedy, err);
}

static enum wm_code show_json(const struct exchange *x, const char *url, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "remote", url, err));
	TRY(node_set_new(&list, t.root, &t, "logs", NODE_LIST, err));
	for (size_t i = 0; i < x->n; i++)
		TRY(add_log(list, &t, &x->list[i], err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code show_log(const struct exchanged *e, bool keys, struct wm_error *err)
{
	const unsigned long long before = e->before, after = e->after;
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);

	print("%-11s%s", exchanged_name(e->state), e->origin);
	if (e->state == EXCHANGED_NEW)
		print(", %llu entries\n", after);
	else if (e->state == EXCHANGED_FORWARD)
		print(", from %llu to %llu entries\n", before, after);
	else if (e->state == EXCHANGED_OLDER)
		print(", sent are %llu entries, and the receiver has %llu\n", after, before);
	else
		print("\n");
	if (e->evidence)
		print("  evidence %s\n", e->evidence);
	if (!keys || e->state == EXCHANGED_REFUSED)
		return WM_OK;
	TRY(log_key_encode(&key, e->key, err));
	print("  log key  %s\n", buf_str(&key));
	return WM_OK;
}

static enum wm_code show_text(const struct exchange *x, bool keys, struct wm_error *err)
{
	for (size_t i = 0; i < x->n; i++) {
		TRY(show_log(&x->list[i], keys, err));
		if (x->list[i].state == EXCHANGED_REFUSED)
			report_error(&x->list[i].why);
	}
	if (x->n == 0)
		print("no logs\n");
	else if (keys)
		print("note       no key is pinned by this: compare each with what its log's maker "
		      "publishes, then give it to --log-key\n");
	return WM_OK;
}

enum wm_code exchange_with(struct call *call, struct ledger *l, const char *url, exchange_fn *how,
			   bool keys, struct wm_error *err)
{
	cleanup_exchange struct exchange x = { .n = 0 };
	cleanup_buf struct buf state = BUF_INIT(LIMIT_PATH);
	cleanup_free const char **origins = NULL;
	struct progress progress = { 0 };
	struct exchange_options o = { .url = url, .limits = REMOTE_LIMITS, .progress = &progress };
	enum wm_code code;

	TRY(wanted_origins(&origins, call, err));
	TRY(state_directory(&state, err));
	o.origins = origins;
	o.state = state.len > 0 ? buf_str(&state) : NULL;
	progress_view_start(&progress);
	code = how(&x, l, &o, err);
	progress_view_end();
	TRY(code);
	for (size_t i = 0; i < x.n; i++)
		if (x.list[i].state == EXCHANGED_REFUSED)
			call->status = worst_status(call->status, exit_status(x.list[i].why.code));
	return output_is_json() ? show_json(&x, url, err) : show_text(&x, keys, err);
}
