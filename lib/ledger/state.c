/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing a writer's state. */
#include "ledger/state.h"

#include <stdlib.h>
#include <string.h>

#include "log/document.h"
#include "text/json.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"

enum { STATE_BYTES = 64 * LIMIT_BATCH };

static const char kind[] = "weightmark-writer/1";

void writer_state_release(struct writer_state *s)
{
	free(s->entries);
	s->entries = NULL;
}

static enum wm_code malformed(const char *path, struct wm_error *err)
{
	return fail(err, REASON_WRITER_MALFORMED, "%s: is not a writer's state", path);
}

static bool read_id(struct object_id *out, const struct node *n)
{
	return n && n->kind == NODE_TEXT && object_id_parse(out, n->text, n->len);
}

static enum wm_code read_entries(struct writer_state *out, const struct node *list,
				 const char *path, struct wm_error *err)
{
	if (!list || list->kind != NODE_LIST || list->len > LIMIT_BATCH)
		return malformed(path, err);
	out->entries = calloc(list->len + 1, sizeof(*out->entries));
	if (!out->entries)
		return fail_nomem(err);
	for (const struct node *n = list->first; n; n = n->next)
		if (!read_id(&out->entries[out->n_entries++], n))
			return malformed(path, err);
	return WM_OK;
}

static enum wm_code read_state(struct writer_state *out, const struct node *root, const char *path,
			       struct wm_error *err)
{
	const struct node *k = root->kind == NODE_MAP ? node_find(root, "kind") : NULL, *digest,
			  *size;

	if (!k || k->kind != NODE_TEXT || strcmp(k->text, kind) != 0)
		return malformed(path, err);
	digest = node_find(root, "root");
	size = node_find(root, "size");
	out->has_from = node_find(root, "from") != NULL;
	if (!digest || digest->kind != NODE_TEXT || digest->len != 2 * SHA256_BYTES ||
	    !hex_decode(out->root, digest->text, digest->len) || !size ||
	    size->kind != NODE_INTEGER || size->integer < 0 ||
	    (out->has_from && !read_id(&out->from, node_find(root, "from"))))
		return malformed(path, err);
	out->size = (uint64_t)size->integer;
	TRY(read_entries(out, node_find(root, "entries"), path, err));
	return out->n_entries > out->size ? malformed(path, err) : WM_OK;
}

enum wm_code writer_state_load(struct writer_state *out, const char *path, struct wm_error *err)
{
	cleanup_writer_state struct writer_state s = { .entries = NULL };
	cleanup_buf struct buf text = BUF_INIT(STATE_BYTES);
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error why = { 0 };

	TRY(file_read_input(&text, path, REASON_WRITER_MALFORMED, err));
	if (json_read(&t, text.data, text.len, path, &why) != WM_OK)
		return fail_as(err, REASON_WRITER_MALFORMED, &why);
	TRY(read_state(&s, t.root, path, err));
	*out = s;
	s.entries = NULL;
	return WM_OK;
}

static enum wm_code set_id(struct node *map, struct tree *t, const char *key,
			   const struct object_id *id, struct wm_error *err)
{
	return node_set_hex(map, t, key, id->bytes, OBJECT_ID_BYTES, err);
}

enum wm_code writer_state_store(const struct writer_state *s, const char *path,
				struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(STATE_BYTES);
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list, *id;
	char hex[OBJECT_ID_HEX + 1];

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "kind", kind, err));
	TRY(node_set_hex(t.root, &t, "root", s->root, SHA256_BYTES, err));
	TRY(node_set_integer(t.root, &t, "size", s->size, err));
	if (s->has_from)
		TRY(set_id(t.root, &t, "from", &s->from, err));
	TRY(node_set_new(&list, t.root, &t, "entries", NODE_LIST, err));
	for (size_t i = 0; i < s->n_entries; i++) {
		object_id_text(hex, &s->entries[i]);
		TRY(node_text(&id, &t, hex, OBJECT_ID_HEX, err));
		node_append(list, id);
	}
	TRY(json_write_canonical(&text, t.root, err));
	TRY(buf_append_byte(&text, '\n', err));
	return file_write(path, text.data, text.len, 0600, FILE_REPLACE, err);
}
