/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what was done to slots. */
#include "slots.h"

#include "output.h"

enum wm_code slot_options(struct embed_options *out, struct checkpoint_open_options *opening,
			  const struct call *call, struct wm_error *err)
{
	*opening = checkpoint_opening(call);
	out->opening = opening;
	out->out = options_get(&call->options, "out");
	out->in_place = options_has(&call->options, "in-place");
	if (out->out && out->in_place)
		return fail(err, REASON_USAGE, "give --out or --in-place, not both");
	return WM_OK;
}

static const char *way_of(const struct embedded_file *f)
{
	return f->unchanged ? "unchanged" : rewrite_way_name(f->way);
}

static enum wm_code set_texts(struct node *map, struct tree *t, const char *key,
			      char *const *texts, size_t n, struct wm_error *err)
{
	struct node *list = NULL, *text = NULL;

	TRY(node_set_new(&list, map, t, key, NODE_LIST, err));
	for (size_t i = 0; i < n; i++) {
		TRY(node_shown(&text, t, texts[i], err));
		node_append(list, text);
	}
	return WM_OK;
}

enum wm_code slots_tree(struct node *map, struct tree *t, const struct embedding *e,
			struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_integer(map, t, "statements", e->n_statements, err));
	TRY(node_set_new(&list, map, t, "files", NODE_LIST, err));
	for (size_t i = 0; i < e->n_files; i++) {
		const struct embedded_file *f = &e->files[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "path", f->path, err));
		TRY(node_set_text(row, t, "way", way_of(f), err));
		TRY(node_set_integer(row, t, "slot_bytes", f->slot_len, err));
		TRY(node_set_bool(row, t, "unchanged", f->unchanged, err));
		TRY(node_set_bool(row, t, "header_warning", f->header_warning, err));
	}
	TRY(set_texts(map, t, "without", e->without, e->n_without, err));
	return set_texts(map, t, "dropped", e->dropped, e->n_dropped, err);
}

static enum wm_code print_tree(const struct embedding *e, const char *path,
			       const struct embed_options *o, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", path, err));
	if (o->out)
		TRY(node_set_shown(t.root, &t, "out", o->out, err));
	TRY(slots_tree(t.root, &t, e, err));
	print_json(t.root);
	return WM_OK;
}

void slots_warn(const struct embedding *e)
{
	for (size_t i = 0; i < e->n_files; i++)
		if (e->files[i].header_warning)
			warning("%s: its header is over 25,000,000 bytes by now, and some tools "
				"read no longer ones", e->files[i].path);
	for (size_t i = 0; i < e->n_without; i++)
		message("%s: has no place for a slot; its statements stay in the sidecar",
			e->without[i]);
	for (size_t i = 0; i < e->n_dropped; i++)
		message("%s was in a slot and is not any more: nothing in the sidecar is "
			"connected with it", e->dropped[i]);
}

static void print_files(const struct embedding *e, const char *path, const char *verb,
			const struct embed_options *o)
{
	if (e->n_files == 0)
		print("nothing to do: %s has no slot\n", path);
	else
		print("%s %s\n", verb, o->out ? o->out : path);
	if (e->n_statements > 0)
		print("  %-12s%zu\n", "statements", e->n_statements);
	for (size_t i = 0; i < e->n_files; i++) {
		const struct embedded_file *f = &e->files[i];

		print("  %-12s%s", way_of(f), f->path);
		if (f->slot_len > 0)
			print("  %llu bytes", (unsigned long long)f->slot_len);
		print("\n");
	}
}

enum wm_code slots_report(const struct embedding *e, const char *path, const char *verb,
			  const struct embed_options *options, enum wm_code code,
			  struct wm_error *err)
{
	if (code != WM_OK) {
		if (e->n_wanted > 1)
			message("%zu of %zu files were done; the same command goes on from there",
				e->n_files, e->n_wanted);
		return code;
	}
	slots_warn(e);
	if (output_is_json())
		return print_tree(e, path, options, err);
	print_files(e, path, verb, options);
	return WM_OK;
}
