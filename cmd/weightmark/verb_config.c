/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark config`: shows and changes the user's settings. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/utf8.h"
#include "verb.h"

static const char *source_text(const struct call *call, const struct setting_info *info,
			       enum setting_source source)
{
	switch (source) {
	case FROM_ENVIRONMENT:
		return info->environment;
	case FROM_USER:
	case FROM_SYSTEM:
		return call->settings.paths[source == FROM_USER ? 0 : 1];
	case FROM_NOWHERE:
	case FROM_OPTION:
		break;
	}
	return NULL;
}

static enum wm_code setting_object(struct node *map, struct tree *t, const struct call *call,
				   const struct setting_info *info,
				   const struct setting_value *value, struct wm_error *err)
{
	const char *source = source_text(call, info, value->source);
	struct node *values = NULL, *null = NULL, *text = NULL;

	TRY(node_set_text(map, t, "name", info->name, err));
	TRY(node_set_new(&values, map, t, "values", NODE_LIST, err));
	for (size_t i = 0; i < value->n; i++) {
		TRY(node_shown(&text, t, value->values[i], err));
		node_append(values, text);
	}
	if (source)
		return node_set_shown(map, t, "source", source, err);
	return node_set_new(&null, map, t, "source", NODE_NULL, err);
}

static enum wm_code run_list(struct call *call, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *map = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&list, t.root, &t, "settings", NODE_LIST, err));
	for (const struct setting_info *i = setting_table; i->name; i++) {
		struct setting_value value;

		TRY(settings_find(&value, &call->settings, NULL, i->name, err));
		TRY(node_new(&map, &t, NODE_MAP, err));
		TRY(setting_object(map, &t, call, i, &value, err));
		node_append(list, map);
		for (size_t k = 0; k < value.n && !output_is_json(); k++)
			print("%-12s %-40s (%s)\n", i->name, value.values[k],
			      source_text(call, i, value.source));
		if (value.n == 0 && !output_is_json())
			print("%-12s -\n", i->name);
	}
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

static enum wm_code run_get(struct call *call, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	const char *name = call->options.operands[0];
	struct setting_value value;

	TRY(settings_find(&value, &call->settings, NULL, name, err));
	call->status = value.n ? 0 : 1;
	for (size_t i = 0; i < value.n && !output_is_json(); i++)
		print("%s\n", value.values[i]);
	if (!output_is_json())
		return WM_OK;
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(setting_object(t.root, &t, call, setting_find(name), &value, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code check_text(const char *text, struct wm_error *err)
{
	if (!*text || strpbrk(text, "\r\n") || strlen(text) > LIMIT_PATH ||
	    !utf8_valid((const uint8_t *)text, strlen(text)))
		return fail(err, REASON_USAGE, "a value is one line of at most %d bytes of UTF-8",
			    LIMIT_PATH);
	return WM_OK;
}

/* Appends `path`, from the current directory if relative: the file outlives that. */
static enum wm_code absolute(struct buf *out, const char *path, struct wm_error *err)
{
	cleanup_free char *here = NULL;

	if (!file_exists(path))
		warning("%s: does not exist", path);
	if (*path == '/')
		return buf_append_str(out, path, err);
	here = getcwd(NULL, 0);
	if (!here)
		return fail(err, REASON_READ_FAILED, "the current directory: %s", strerror(errno));
	return buf_printf(out, err, "%s/%s", here, path);
}

/* Makes `text` the value to store; `storage` holds what is made anew. */
static enum wm_code check_value(const char **out, struct arena *storage,
				const struct setting_info *info, const char *text,
				struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(3 * LIMIT_PATH);
	char *copy = NULL;
	uint64_t number;

	TRY(check_text(text, err));
	*out = text;
	if (info->kind == SETTING_NUMBER)
		return parse_number(text, info->name, 0, UINT32_MAX, &number, err);
	if (info->kind == SETTING_TEXT)
		return WM_OK;
	TRY(absolute(&path, text, err));
	TRY(arena_copy(&copy, storage, path.data, path.len, err));
	*out = copy;
	return WM_OK;
}

static enum wm_code run_set(struct call *call, struct wm_error *err)
{
	cleanup_arena struct arena storage = ARENA_INIT(SETTING_VALUES_MAX * 4 * LIMIT_PATH);
	const struct options *o = &call->options;
	const struct setting_info *info = setting_find(o->operands[0]);
	const char *values[SETTING_VALUES_MAX];

	if (!info)
		return setting_unknown(o->operands[0], err);
	if (o->n_operands > 2 && info->kind != SETTING_PATHS)
		return fail(err, REASON_USAGE, "'%s' has one value", info->name);
	for (size_t i = 1; i < o->n_operands; i++)
		TRY(check_value(&values[i - 1], &storage, info, o->operands[i], err));
	TRY(settings_store(&call->settings, info, values, o->n_operands - 1, err));
	return output_is_json() ? run_get(call, err) : WM_OK;
}

static enum wm_code run_unset(struct call *call, struct wm_error *err)
{
	const struct setting_info *info = setting_find(call->options.operands[0]);
	enum wm_code code;

	if (!info)
		return setting_unknown(call->options.operands[0], err);
	TRY(settings_store(&call->settings, info, NULL, 0, err));
	code = output_is_json() ? run_get(call, err) : WM_OK;
	call->status = 0;
	return code;
}

static enum wm_code run_path(struct call *call, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);
	cleanup_tree struct tree t = TREE_INIT;

	(void)call;
	TRY(config_file(&path, err));
	if (!output_is_json()) {
		print("%s\n", buf_str(&path));
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", buf_str(&path), err));
	print_json(t.root);
	return WM_OK;
}

static const struct subverb subverbs[] = {
	{ "list", "", "print all settings with their values and where they come from", run_list,
	  0, 0 },
	{ "get", "NAME", "print the value of one setting", run_get, 1, 1 },
	{ "set", "NAME VALUE...", "set one in the user's file", run_set, 2,
	  SETTING_VALUES_MAX + 1 },
	{ "unset", "NAME", "remove one from the user's file", run_unset, 1, 1 },
	{ "path", "", "print the path of the user's file", run_path, 0, 0 },
	{ 0 },
};

const struct verb verb_config = {
	.name = "config",
	.summary = "show and change settings",
	.operands = "list, get NAME, set NAME VALUE..., unset NAME, path",
	.description =
		"Settings stand in for options that you would give every time. They are taken from "
		"the option, else from the environment, else from the user's file, else from "
		"/etc/weightmark/config; never from the current directory. 'set' and 'unset' write "
		"the user's file anew: comments in it are lost. A path is stored absolute.\n\n"
		"A file that belongs to somebody else, or that everybody may write to, is refused.",
	.examples = "weightmark config set key ~/.config/weightmark/keys/release.key\n"
		    "weightmark config set public-key vendor.pub auditor.pub\n"
		    "weightmark config list",
	.exits = "'get' ends with 1 where the setting has no value.",
	.subverbs = subverbs,
};
