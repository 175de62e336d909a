/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's settings: by option, then by environment, then from the user's file
 * ($XDG_CONFIG_HOME/weightmark/config, ~/.config/weightmark/config), then from
 * /etc/weightmark/config. Never from the current or a checkpoint's directory.
 *
 * A file is one flat YAML map, read when first needed. It must belong to the user or
 * root and not be writable by everybody (`config-writable`); names that are no
 * settings are refused (`config-malformed`). A path in it that does not begin with a
 * slash is taken from the directory of the file.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "text/node.h"
#include "util/buf.h"
#include "util/error.h"

enum setting_kind { SETTING_TEXT, SETTING_PATH, SETTING_PATHS, SETTING_NUMBER };

struct setting_info {
	const char *name;
	const char *environment;
	const char *meaning;
	enum setting_kind kind;
};

/* The table of settings; ends with a row whose name is NULL. Static. */
extern const struct setting_info setting_table[];

const struct setting_info *setting_find(const char *name);

/* Fails with `usage`: there is no such setting; names the nearest. */
enum wm_code setting_unknown(const char *name, struct wm_error *err);

enum { SETTING_FILES = 2, SETTING_VALUES_MAX = 64 };

struct settings {
	bool loaded;
	struct tree files[SETTING_FILES]; /* root is a MAP, or NULL where there is no file */
	char *paths[SETTING_FILES];	  /* of the user's file (NULL: no home), of /etc's */
	struct arena arena;		  /* holds values */
};

void settings_init(struct settings *s);
void settings_release(struct settings *s);

/* Where a value came from. */
enum setting_source { FROM_NOWHERE, FROM_OPTION, FROM_ENVIRONMENT, FROM_USER, FROM_SYSTEM };

struct setting_value {
	const char *values[SETTING_VALUES_MAX]; /* borrowed from settings and argv */
	size_t n;				/* 0 where unset */
	enum setting_source source;
};

/* Looks `name` up; `o` may be NULL. Fails where a file is malformed or unsafe. */
MUST_USE enum wm_code settings_find(struct setting_value *out, struct settings *s,
				    const struct options *o, const char *name,
				    struct wm_error *err);

/* The one value of `name`, or NULL where unset. Borrowed from `s` and argv. */
MUST_USE enum wm_code settings_get(const char **out, struct settings *s, const struct options *o,
				   const char *name, struct wm_error *err);

/* The value of `jobs` for measuring: 0 (one a processor) where unset. */
MUST_USE enum wm_code settings_jobs(unsigned *out, struct settings *s, const struct options *o,
				    struct wm_error *err);

/*
 * Appends the path of the directory below which the user's own files live:
 * $XDG_CONFIG_HOME/weightmark where that is absolute, else $HOME/.config/weightmark.
 * Fails with `usage` where neither is set.
 */
MUST_USE enum wm_code config_directory(struct buf *out, struct wm_error *err);

/*
 * Appends the directory of what is remembered of logs: $XDG_STATE_HOME/weightmark/logs where that
 * is absolute, else $HOME/.local/state/weightmark/logs; nothing where neither is set.
 */
MUST_USE enum wm_code state_directory(struct buf *out, struct wm_error *err);

/* Appends the path of the user's file of settings. Fails as config_directory() does. */
MUST_USE enum wm_code config_file(struct buf *out, struct wm_error *err);

/*
 * Changes the user's file: `name` gets the `n` values, or leaves it where n is 0. The
 * other settings stay; comments do not.
 */
MUST_USE enum wm_code settings_store(struct settings *s, const struct setting_info *info,
				     const char *const *values, size_t n, struct wm_error *err);

#endif
