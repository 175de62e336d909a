/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from options, environment and two files. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/yaml.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/limits.h"
#include "verb.h"

enum { USER_FILE, SYSTEM_FILE };

#define SYSTEM_CONFIG "/etc/weightmark/config"

const struct setting_info setting_table[] = {
	{ "issuer", "WEIGHTMARK_ISSUER", "who signs, as statements name it: a domain or URI",
	  SETTING_TEXT },
	{ "jobs", "WEIGHTMARK_JOBS", "threads that measure; default one a processor",
	  SETTING_NUMBER },
	{ "key", "WEIGHTMARK_KEY", "private key file that sign uses", SETTING_PATH },
	{ "ledger", "WEIGHTMARK_LEDGER",
	  "git repositories that hold logs, a list; the first is written to", SETTING_PATHS },
	{ "log-key", "WEIGHTMARK_LOG_KEY",
	  "verifier key files of logs that verify and audit pin, a list", SETTING_PATHS },
	{ "origin", "WEIGHTMARK_ORIGIN", "log that sign, admit and append write to",
	  SETTING_TEXT },
	{ "private-ledger", "WEIGHTMARK_PRIVATE_LEDGER",
	  "git repository where orders are recorded; default "
	  "$XDG_DATA_HOME/weightmark/private.git", SETTING_PATH },
	{ "public-key", "WEIGHTMARK_PUBLIC_KEY",
	  "public key files that verify trusts, a list; separated by colons in the environment",
	  SETTING_PATHS },
	{ "signer", "WEIGHTMARK_SIGNER",
	  "command that signs in place of a private key file: message in, signature out",
	  SETTING_TEXT },
	{ 0 },
};

const struct setting_info *setting_find(const char *name)
{
	for (const struct setting_info *i = setting_table; i->name; i++)
		if (strcmp(i->name, name) == 0)
			return i;
	return NULL;
}

enum { N_SETTINGS = sizeof(setting_table) / sizeof(setting_table[0]) - 1 };

static void setting_names(const char *names[N_SETTINGS])
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		names[i] = setting_table[i].name;
}

enum wm_code setting_unknown(const char *name, struct wm_error *err)
{
	const char *names[N_SETTINGS];

	setting_names(names);
	return fail_unknown(REASON_USAGE, "there is no setting", name, names, N_SETTINGS, err);
}

void settings_init(struct settings *s)
{
	*s = (struct settings){ .arena = ARENA_INIT(LIMIT_CONFIG * 64) };
	for (size_t i = 0; i < SETTING_FILES; i++)
		s->files[i] = (struct tree)TREE_INIT;
}

void settings_release(struct settings *s)
{
	for (size_t i = 0; i < SETTING_FILES; i++) {
		tree_release(&s->files[i]);
		free(s->paths[i]);
		s->paths[i] = NULL;
	}
	arena_release(&s->arena);
	s->loaded = false;
}

enum wm_code config_directory(struct buf *out, struct wm_error *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	/* A relative path there is invalid and to be ignored: XDG Base Directory, "Basics". */
	if (xdg && *xdg == '/')
		return buf_printf(out, err, "%s/weightmark", xdg);
	if (home && *home == '/')
		return buf_printf(out, err, "%s/.config/weightmark", home);
	return fail(err, REASON_USAGE, "neither XDG_CONFIG_HOME nor HOME is an absolute path");
}

enum wm_code state_directory(struct buf *out, struct wm_error *err)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return buf_printf(out, err, "%s/weightmark/logs", xdg);
	return home && *home == '/' ? buf_printf(out, err, "%s/.local/state/weightmark/logs", home)
				    : WM_OK;
}

enum wm_code config_file(struct buf *out, struct wm_error *err)
{
	TRY(config_directory(out, err));
	return buf_append_str(out, "/config", err);
}

static enum wm_code check_owner(int fd, const char *path, struct wm_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(err, REASON_READ_FAILED, "%s: cannot be examined", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail(err, REASON_CONFIG_WRITABLE, "%s: belongs to another user", path);
	if (st.st_mode & S_IWOTH)
		return fail(err, REASON_CONFIG_WRITABLE, "%s: everybody may write to it", path);
	return WM_OK;
}

static enum wm_code malformed(const char *path, const struct node *n, const char *what,
			      struct wm_error *err)
{
	return fail(err, REASON_CONFIG_MALFORMED, "%s:%u: %s", path, n->line, what);
}

static enum wm_code check_value(const struct setting_info *info, const struct node *n,
				const char *path, struct wm_error *err)
{
	uint64_t number;

	if (n->kind == NODE_LIST && info->kind == SETTING_PATHS) {
		if (n->len > SETTING_VALUES_MAX)
			return malformed(path, n, "too many values", err);
		for (const struct node *c = n->first; c; c = c->next)
			if (c->kind != NODE_TEXT || c->len == 0)
				return malformed(path, c, "a list of paths was expected", err);
		return WM_OK;
	}
	if (n->kind != NODE_TEXT || n->len == 0)
		return malformed(path, n, "one line of text was expected", err);
	if (info->kind == SETTING_NUMBER &&
	    parse_number(n->text, info->name, 0, UINT32_MAX, &number, NULL) != WM_OK)
		return malformed(path, n, "a number was expected", err);
	return WM_OK;
}

static enum wm_code check_map(const struct node *root, const char *path, struct wm_error *err)
{
	const char *names[N_SETTINGS];
	char what[LIMIT_PATH + 64];

	setting_names(names);
	if (root->kind != NODE_MAP)
		return malformed(path, root, "lines of the form 'name: value' were expected", err);
	for (const struct node *n = root->first; n; n = n->next) {
		const struct setting_info *info = setting_find(n->key);

		if (!info) {
			snprintf(what, sizeof(what), "%s:%u: there is no setting", path, n->line);
			return fail_unknown(REASON_CONFIG_MALFORMED, what, n->key, names,
					    N_SETTINGS, err);
		}
		TRY(check_value(info, n, path, err));
	}
	return WM_OK;
}

/* Reads the file `path` into `t`; no file, or an empty one, leaves the root NULL. */
static enum wm_code load_file(struct tree *t, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_CONFIG);
	cleanup_fd int fd = -1;
	struct wm_error why = { 0 };
	struct node *root;
	uint64_t size;

	if (file_open(&fd, &size, path, &why) != WM_OK)
		return error_reason(&why) == REASON_NOT_FOUND ?
			WM_OK : fail_input(err, &why, REASON_CONFIG_MALFORMED);
	TRY(check_owner(fd, path, err));
	if (file_read_fd(&text, fd, path, &why) != WM_OK)
		return fail_input(err, &why, REASON_CONFIG_MALFORMED);
	TRY(yaml_read(t, text.data, text.len, path, err));
	root = t->root->first;
	t->root = NULL;
	if (!root || root->kind == NODE_NULL)
		return WM_OK;
	if (root->next)
		return malformed(path, root->next, "a second document", err);
	TRY(check_map(root, path, err));
	t->root = root;
	return WM_OK;
}

static enum wm_code load(struct settings *s, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);
	struct wm_error why = { 0 };

	if (s->loaded)
		return WM_OK;
	if (config_file(&path, &why) == WM_OK) {
		s->paths[USER_FILE] = strdup(buf_str(&path));
		if (!s->paths[USER_FILE])
			return fail_nomem(err);
	} else if (error_reason(&why) != REASON_USAGE) {
		return fail_input(err, &why, REASON_USAGE);
	}
	s->paths[SYSTEM_FILE] = strdup(SYSTEM_CONFIG);
	if (!s->paths[SYSTEM_FILE])
		return fail_nomem(err);
	for (size_t i = 0; i < SETTING_FILES; i++)
		if (s->paths[i])
			TRY(load_file(&s->files[i], s->paths[i], err));
	s->loaded = true;
	return WM_OK;
}

static enum wm_code too_many(const char *name, struct wm_error *err)
{
	return fail(err, REASON_USAGE, "more than %d values for '%s'", SETTING_VALUES_MAX, name);
}

/* Adds text[0..len), as a path from the directory of `file` where it is relative. */
static enum wm_code add_value(struct setting_value *out, struct settings *s, const char *text,
			      size_t len, const char *file, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(2 * LIMIT_PATH);
	char *copy = NULL;

	if (out->n == SETTING_VALUES_MAX)
		return too_many("public-key", err);
	if (file && *text != '/')
		TRY(buf_append(&path, file, (size_t)(file_name(file) - file), err));
	TRY(buf_append(&path, text, len, err));
	TRY(arena_copy(&copy, &s->arena, path.data, path.len, err));
	out->values[out->n++] = copy;
	return WM_OK;
}

static enum wm_code from_environment(struct setting_value *out, struct settings *s,
				     const struct setting_info *info, const char *text,
				     struct wm_error *err)
{
	out->source = FROM_ENVIRONMENT;
	if (info->kind != SETTING_PATHS)
		return add_value(out, s, text, strlen(text), NULL, err);
	while (*text) {
		size_t len = strcspn(text, ":");

		if (len)
			TRY(add_value(out, s, text, len, NULL, err));
		text += len + (text[len] == ':');
	}
	return WM_OK;
}

static enum wm_code from_file(struct setting_value *out, struct settings *s, size_t which,
			      const struct setting_info *info, const struct node *n,
			      struct wm_error *err)
{
	bool is_path = info->kind == SETTING_PATH || info->kind == SETTING_PATHS;
	const char *file = is_path ? s->paths[which] : NULL;

	out->source = which == USER_FILE ? FROM_USER : FROM_SYSTEM;
	if (n->kind == NODE_TEXT)
		return add_value(out, s, n->text, n->len, file, err);
	for (const struct node *c = n->first; c; c = c->next)
		TRY(add_value(out, s, c->text, c->len, file, err));
	return WM_OK;
}

static enum wm_code from_options(struct setting_value *out, const struct options *o,
				 const char *name, struct wm_error *err)
{
	for (size_t i = 0; i < o->n_given; i++) {
		const struct given *g = &o->given[i];

		if (!g->spec->setting || strcmp(g->spec->setting, name) != 0)
			continue;
		if (out->n == SETTING_VALUES_MAX)
			return too_many(name, err);
		out->values[out->n++] = g->value;
		out->source = FROM_OPTION;
	}
	return WM_OK;
}

enum wm_code settings_find(struct setting_value *out, struct settings *s, const struct options *o,
			   const char *name, struct wm_error *err)
{
	const struct setting_info *info = setting_find(name);
	const char *environment;

	*out = (struct setting_value){ 0 };
	if (!info)
		return setting_unknown(name, err);
	if (o)
		TRY(from_options(out, o, name, err));
	if (out->n)
		return WM_OK;
	environment = getenv(info->environment);
	if (environment && *environment)
		return from_environment(out, s, info, environment, err);
	TRY(load(s, err));
	for (size_t i = 0; i < SETTING_FILES && out->n == 0; i++) {
		const struct node *n = s->files[i].root ? node_find(s->files[i].root, name) : NULL;

		if (n)
			TRY(from_file(out, s, i, info, n, err));
	}
	return WM_OK;
}

enum wm_code settings_get(const char **out, struct settings *s, const struct options *o,
			  const char *name, struct wm_error *err)
{
	struct setting_value value;

	TRY(settings_find(&value, s, o, name, err));
	*out = value.n ? value.values[value.n - 1] : NULL;
	return WM_OK;
}

enum wm_code settings_jobs(unsigned *out, struct settings *s, const struct options *o,
			   struct wm_error *err)
{
	const char *text = NULL;
	uint64_t jobs = 0;

	TRY(settings_get(&text, s, o, "jobs", err));
	if (text)
		TRY(parse_number(text, "'jobs'", 0, UINT32_MAX, &jobs, err));
	*out = (unsigned)jobs;
	return WM_OK;
}

static enum wm_code set_values(struct node *map, struct tree *t, const struct setting_info *info,
			       const char *const *values, size_t n, struct wm_error *err)
{
	struct node *list = NULL, *text = NULL;

	if (n == 1)
		return node_set_text(map, t, info->name, values[0], err);
	if (n > 1)
		TRY(node_set_new(&list, map, t, info->name, NODE_LIST, err));
	for (size_t i = 0; i < n; i++) {
		TRY(node_text(&text, t, values[i], strlen(values[i]), err));
		node_append(list, text);
	}
	return WM_OK;
}

/* Copies the settings of `from` other than `name` to `map`. */
static enum wm_code copy_others(struct node *map, struct tree *t, const struct node *from,
				const char *name, struct wm_error *err)
{
	for (const struct node *n = from ? from->first : NULL; n; n = n->next) {
		const char *values[SETTING_VALUES_MAX];
		size_t count = 0;

		if (strcmp(n->key, name) == 0)
			continue;
		if (n->kind == NODE_TEXT)
			values[count++] = n->text;
		for (const struct node *c = n->first; c && n->kind == NODE_LIST; c = c->next)
			values[count++] = c->text;
		TRY(set_values(map, t, setting_find(n->key), values, count, err));
	}
	return WM_OK;
}

enum wm_code settings_store(struct settings *s, const struct setting_info *info,
			    const char *const *values, size_t n, struct wm_error *err)
{
	cleanup_buf struct buf directory = BUF_INIT(LIMIT_PATH);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_CONFIG);
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free char *target = NULL;

	TRY(config_directory(&directory, err));
	TRY(load(s, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(copy_others(t.root, &t, s->files[USER_FILE].root, info->name, err));
	TRY(set_values(t.root, &t, info, values, n, err));
	if (t.root->first)
		TRY(yaml_write(&text, t.root, err));
	TRY(file_mkdirs(buf_str(&directory), 0700, err));
	/* Some keep the file elsewhere and link to it: their link stays. */
	target = realpath(s->paths[USER_FILE], NULL);
	TRY(file_write(target ? target : s->paths[USER_FILE], text.data, text.len, 0600,
		       FILE_REPLACE, err));
	/* What is looked up from now on is read anew. */
	settings_release(s);
	settings_init(s);
	return WM_OK;
}
