/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a manifest to fill in. */
#include "attest/draft.h"

#include <string.h>

#include "attest/draft_sources.h"
#include "text/yaml.h"
#include "util/escape.h"
#include "util/limits.h"

enum { METADATA_SHOWN = 32 };

static const char fill_in[] = "fill in";

/* "INDENTkey: value  # comment": a value of ours or of a source, quoted where YAML needs it. */
static enum wm_code field(struct buf *out, const char *key, const char *value, const char *comment,
			  struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *text = NULL;

	TRY(buf_printf(out, err, "%s:", key));
	if (value) {
		TRY(node_text(&text, &t, value, strlen(value), err));
		TRY(buf_append_byte(out, ' ', err));
		TRY(yaml_write(out, text, err));
		while (out->len > 0 && out->data[out->len - 1] == '\n')
			out->data[--out->len] = '\0';
	}
	if (comment) {
		TRY(buf_append_str(out, "  # ", err));
		TRY(escape_append(out, comment, strlen(comment), err));
	}
	return buf_append_byte(out, '\n', err);
}

static enum wm_code comment(struct buf *out, const char *text, struct wm_error *err)
{
	TRY(buf_append_str(out, "# ", err));
	TRY(escape_append(out, text, strlen(text), err));
	return buf_append_byte(out, '\n', err);
}

static const char *card_text(const struct draft_sources *s, const char *key)
{
	const struct node *n = s->card.root ? node_find(s->card.root, key) : NULL;

	if (n && n->kind == NODE_LIST && n->len == 1)
		n = n->first;
	return n && n->kind == NODE_TEXT ? n->text : NULL;
}

/* A dataset's name as a local id: what an id may not hold becomes '-', but not in front. */
static enum wm_code local_id(struct buf *out, const char *name, struct wm_error *err)
{
	static const char allowed[] =
		"._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *letters = allowed + strlen("._-");
	size_t len;

	name += strcspn(name, letters);
	len = strnlen(name, LIMIT_ID);
	for (size_t i = 0; i < len; i++)
		TRY(buf_append_byte(out, strchr(allowed, name[i]) ? (uint8_t)name[i] : '-', err));
	return WM_OK;
}

/* The file's own text, which is anybody's: cut, and not all of it where there is much. */
static enum wm_code write_metadata(struct buf *out, const struct node *map, struct wm_error *err)
{
	cleanup_buf struct buf line = BUF_INIT(LIMIT_CARD);
	size_t shown = 0;

	for (const struct node *n = map->first; n && shown < METADATA_SHOWN; n = n->next, shown++) {
		line.len = 0;
		TRY(buf_printf(&line, err, "metadata of the file: %.200s = %.200s", n->key,
			       n->text));
		TRY(comment(out, buf_str(&line), err));
	}
	if (shown == map->len)
		return WM_OK;
	return buf_printf(out, err, "# metadata of the file: %zu entries more\n",
			  map->len - shown);
}

static enum wm_code write_head(struct buf *out, const struct checkpoint *c,
			       const struct draft_sources *s, uint64_t parameters,
			       struct wm_error *err)
{
	cleanup_buf struct buf line = BUF_INIT(LIMIT_PATH + LIMIT_MESSAGE);

	TRY(buf_printf(&line, err, "%s: %llu bytes, %s", c->files[0].path,
		       (unsigned long long)c->files[0].layout.size,
		       c->files[0].layout.format->grammar));
	if (c->files[0].layout.has_tensors)
		TRY(buf_printf(&line, err, ", %zu tensors, %llu parameters",
			       c->files[0].layout.n_tensors, (unsigned long long)parameters));
	TRY(comment(out, buf_str(&line), err));
	TRY(comment(out, "Fill in every line without a value, or remove it: sign refuses the rest.",
		    err));
	TRY(comment(out, "Comments name the source of what is filled in. Check it: you sign it.",
		    err));
	if (*s->config_note)
		TRY(comment(out, s->config_note, err));
	if (*s->card_note)
		TRY(comment(out, s->card_note, err));
	return c->files[0].layout.metadata.root ?
		       write_metadata(out, c->files[0].layout.metadata.root, err) :
		       WM_OK;
}

static enum wm_code write_model(struct buf *out, const struct checkpoint *c,
				const struct draft_sources *s, uint64_t parameters,
				struct wm_error *err)
{
	const char *licence = card_text(s, "license"), *name = card_text(s, "model_name");
	const char *spdx = licence ? spdx_of_tag(licence) : NULL;
	cleanup_buf struct buf source = BUF_INIT(LIMIT_CARD);
	cleanup_buf struct buf number = BUF_INIT(LIMIT_ID);

	TRY(buf_append_str(out, "kind: manifest\nmodel:\n", err));
	TRY(field(out, "  name", name, name ? "README.md" : fill_in, err));
	TRY(field(out, "  version", NULL, fill_in, err));
	if (!*s->config_note && s->architecture.len > 0)
		TRY(field(out, "  architecture", buf_str(&s->architecture), "config.json", err));
	TRY(buf_printf(&number, err, "%llu", (unsigned long long)parameters));
	if (c->files[0].layout.has_tensors)
		TRY(buf_printf(out, err, "  parameter_count: %s  # counted over all tensors\n",
			       buf_str(&number)));
	if (licence)
		TRY(buf_printf(&source, err, "README.md: %.200s%s", licence,
			       spdx ? "" : "; fill in its SPDX expression"));
	return field(out, "  licence", spdx,
		     licence ? buf_str(&source) : "fill in: SPDX expression", err);
}

static enum wm_code write_parent(struct buf *out, const struct draft_sources *s,
				 struct wm_error *err)
{
	const struct node *base = s->card.root ? node_find(s->card.root, "base_model") : NULL;
	const struct node *first = base && base->kind == NODE_LIST ? base->first : base;

	if (!first || first->kind != NODE_TEXT)
		return WM_OK;
	TRY(buf_append_str(out, "derivation:\n", err));
	TRY(field(out, "  - kind", NULL, "fill in: finetune, adapter, merge, distil, quantise ...",
		  err));
	TRY(buf_append_str(out, "    parent:\n", err));
	for (const struct node *n = first; n; n = base->kind == NODE_LIST ? n->next : NULL)
		if (n->kind == NODE_TEXT)
			TRY(field(out, "      - uri", n->text, "README.md", err));
	return WM_OK;
}

/* The datasets that the card names, or one that a person has to name. */
static const struct node *card_datasets(const struct draft_sources *s)
{
	const struct node *n = s->card.root ? node_find(s->card.root, "datasets") : NULL;

	return n && n->kind == NODE_LIST && n->len > 0 ? n->first : NULL;
}

static enum wm_code write_runs(struct buf *out, const struct draft_sources *s, struct wm_error *err)
{
	static const char roles[] = "fill in: pretrain, finetune, alignment, validation, test ...";
	const struct node *n = card_datasets(s);

	TRY(buf_append_str(out, "training_run:\n", err));
	TRY(field(out, "  - id", NULL, fill_in, err));
	TRY(buf_append_str(out, "    uses:\n", err));
	do {
		cleanup_buf struct buf id = BUF_INIT(LIMIT_ID);

		if (n && n->kind == NODE_TEXT)
			TRY(local_id(&id, n->text, err));
		TRY(field(out, "      - dataset_id", id.len ? buf_str(&id) : NULL,
			  id.len ? "README.md" : fill_in, err));
		TRY(field(out, "        role", NULL, roles, err));
		n = n ? n->next : NULL;
	} while (n);
	return WM_OK;
}

static enum wm_code write_datasets(struct buf *out, const struct draft_sources *s,
				   struct wm_error *err)
{
	static const char tri[] = "fill in: yes, no or no_assertion";
	const struct node *n = card_datasets(s);

	do {
		cleanup_buf struct buf id = BUF_INIT(LIMIT_ID);

		cleanup_buf struct buf source = BUF_INIT(LIMIT_CARD + LIMIT_ID);

		if (n && n->kind == NODE_TEXT)
			TRY(local_id(&id, n->text, err));
		if (id.len)
			TRY(buf_printf(&source, err, "README.md: %s", n->text));
		TRY(buf_append_str(out, "---\nkind: dataset\n", err));
		TRY(field(out, "dataset_id", id.len ? buf_str(&id) : NULL,
			  id.len ? buf_str(&source) : fill_in, err));
		TRY(field(out, "title", NULL, fill_in, err));
		TRY(field(out, "licence", NULL, "fill in: SPDX expression", err));
		TRY(field(out, "record_count", NULL, fill_in, err));
		TRY(field(out, "has_personal_info", NULL, tri, err));
		n = n ? n->next : NULL;
	} while (n);
	return WM_OK;
}

enum wm_code draft_write(struct buf *out, const struct checkpoint *c, struct wm_error *err)
{
	cleanup_draft_sources struct draft_sources s = { 0 };
	uint64_t parameters = 0;

	TRY(draft_sources_read(&s, c->path, err));
	TRY(layout_count_elements(&parameters, &c->files[0].layout, c->path, err));
	TRY(write_head(out, c, &s, parameters, err));
	TRY(write_model(out, c, &s, parameters, err));
	TRY(write_parent(out, &s, err));
	TRY(write_runs(out, &s, err));
	return write_datasets(out, &s, err);
}
