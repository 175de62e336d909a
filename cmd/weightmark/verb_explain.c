/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark explain`: what a reason code means and what to do, the limits, the fields. */
#include "help.h"
#include "output.h"
#include "statement/fields.h"
#include "text/node.h"
#include "util/limits.h"

static enum wm_code unknown_reason(const char *id, struct wm_error *err)
{
	const char *ids[N_REASONS];

	for (int i = 1; i < N_REASONS; i++)
		ids[i - 1] = reason_info((enum reason)i)->id;
	return fail_unknown(REASON_USAGE, "there is no reason code", id, ids, N_REASONS - 1, err);
}

static enum wm_code reason_object(struct node *map, struct tree *t, enum reason reason,
				  struct wm_error *err)
{
	const struct reason_info *info = reason_info(reason);

	TRY(node_set_text(map, t, "reason", info->id, err));
	TRY(node_set_integer(map, t, "exit", (uint64_t)exit_status(info->code), err));
	TRY(node_set_text(map, t, "sentence", info->sentence, err));
	return node_set_text(map, t, "fix", info->remedy, err);
}

static enum wm_code explain_one(const char *id, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	enum reason reason = reason_find(id);
	const struct reason_info *info = reason_info(reason);

	if (reason == REASON_NONE)
		return unknown_reason(id, err);
	if (!output_is_json()) {
		print("%s (exit status %d)\n", info->id, exit_status(info->code));
		help_print_paragraphs(info->sentence, 2);
		print("  fix: %s\n", info->remedy);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(reason_object(t.root, &t, reason, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code list_reasons(struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *map = NULL;

	if (!output_is_json()) {
		for (int i = 1; i < N_REASONS; i++) {
			const struct reason_info *info = reason_info((enum reason)i);

			print("%d  %-26s %s\n", exit_status(info->code), info->id, info->sentence);
		}
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&list, t.root, &t, "reasons", NODE_LIST, err));
	for (int i = 1; i < N_REASONS; i++) {
		TRY(node_new(&map, &t, NODE_MAP, err));
		TRY(reason_object(map, &t, (enum reason)i, err));
		node_append(list, map);
	}
	print_json(t.root);
	return WM_OK;
}

static enum wm_code list_limits(struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *map = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&list, t.root, &t, "limits", NODE_LIST, err));
	for (const struct limit *l = limit_table; l->name; l++) {
		if (!output_is_json()) {
			print("%-18s %12llu %-11s %s\n", l->name, (unsigned long long)l->value,
			      l->unit, l->what);
			continue;
		}
		TRY(node_new(&map, &t, NODE_MAP, err));
		TRY(node_set_text(map, &t, "name", l->name, err));
		TRY(node_set_integer(map, &t, "value", l->value, err));
		TRY(node_set_text(map, &t, "unit", l->unit, err));
		TRY(node_set_text(map, &t, "what", l->what, err));
		node_append(list, map);
	}
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

static enum wm_code list_fields(struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *map = NULL, *fields = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&list, t.root, &t, "kinds", NODE_LIST, err));
	for (const struct kind *k = kinds; k->name; k++) {
		if (!k->local_id_field)
			continue;
		TRY(node_append_new(&map, list, &t, NODE_MAP, err));
		TRY(node_set_text(map, &t, "kind", k->name, err));
		TRY(node_set_new(&fields, map, &t, "fields", NODE_LIST, err));
		TRY(fields_list(fields, &t, k, err));
		for (const struct node *n = fields->first; n && !output_is_json(); n = n->next)
			print("%-44s %s\n", n->first->text, n->last->text);
		if (!output_is_json())
			print("\n");
	}
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	bool limits = options_has(o, "limits"), fields = options_has(o, "fields");

	if (limits + fields + options_has(o, "reasons") + (o->n_operands > 0) > 1)
		return fail(err, REASON_USAGE,
			    "give one of REASON, --reasons, --limits and --fields");
	if (o->n_operands)
		return explain_one(o->operands[0], err);
	if (fields)
		return list_fields(err);
	return limits ? list_limits(err) : list_reasons(err);
}

static const struct option_spec options[] = {
	{ .name = "reasons",
	  .help = "list all reason codes with their exit statuses; the default" },
	{ .name = "limits", .help = "list the limits on what weightmark reads" },
	{ .name = "fields",
	  .help = "list every field that a manifest, dataset or run may have in YAML" },
};

const struct verb verb_explain = {
	.name = "explain",
	.summary = "say what a reason code means and what to do",
	.operands = "[REASON]",
	.description = "Every refusal and every failure names a reason code, in brackets after its "
		       "message. This verb says what the code means, what to do, and with which "
		       "exit status it ends.",
	.examples = "weightmark explain file-changed\n"
		    "weightmark explain --limits\n"
		    "weightmark explain --fields",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.max = 1,
};
