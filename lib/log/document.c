/* SPDX-License-Identifier: Apache-2.0 */
/* Reading canonical JSON objects of a known kind. */
#include "log/document.h"

#include <string.h>

#include "text/json.h"
#include "util/buf.h"

enum wm_code fail_as(struct wm_error *err, enum reason wrong, const struct wm_error *from)
{
	if (error_is_untold(from->code))
		return fail_again(err, from);
	return fail(err, wrong, "%s", from->message);
}

const struct node *document_text(const struct node *map, const char *key)
{
	const struct node *n = node_find(map, key);

	return n && n->kind == NODE_TEXT ? n : NULL;
}

static enum wm_code check_canonical(const struct node *n, const void *text, size_t len,
				    enum reason wrong, const char *name, struct wm_error *err)
{
	/* The canonical form is the shortest. */
	cleanup_buf struct buf again = BUF_INIT(len);
	struct wm_error why = { 0 };

	if (json_write_canonical(&again, n, &why) != WM_OK)
		return fail_as(err, wrong, &why);
	if (again.len != len || memcmp(again.data, text, len) != 0)
		return fail(err, wrong, "%s: not in canonical form (RFC 8785)", name);
	return WM_OK;
}

enum wm_code document_read(struct tree *t, const void *text, size_t len, size_t max,
			   const char *kind, size_t n, enum reason wrong, const char *name,
			   struct wm_error *err)
{
	struct wm_error why = { 0 };
	const struct node *is;

	if (len > max)
		return fail(err, wrong, "%s: %zu bytes, more than %zu", name, len, max);
	if (json_read(t, text, len, name, &why) != WM_OK)
		return fail_as(err, wrong, &why);
	if (t->root->kind != NODE_MAP)
		return fail(err, wrong, "%s: not an object", name);
	is = document_text(t->root, "kind");
	if (!is || strcmp(is->text, kind) != 0)
		return fail(err, wrong, "%s: its kind is not '%s'", name, kind);
	if (t->root->len != n)
		return fail(err, wrong, "%s: %zu members, not %zu", name, t->root->len, n);
	return check_canonical(t->root, text, len, wrong, name, err);
}
