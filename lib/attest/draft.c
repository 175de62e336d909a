/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a manifest to fill in. */
#include "attest/draft.h"

#include <stdio.h>
#include <string.h>

#include "attest/compose.h"
#include "attest/draft_sources.h"
#include "attest/inherited.h"
#include "text/yaml.h"
#include "util/escape.h"
#include "util/limits.h"

enum { METADATA_SHOWN = 32, PARTS_SHOWN = 64 };

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

/* A dataset's name as a local id; nothing where it has no letter of one. */
static enum wm_code local_id(struct buf *out, const char *name, struct wm_error *err)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	return strpbrk(name, letters) ? append_local_id(out, name, LIMIT_ID, err) : WM_OK;
}

/* The file's own text, which is anybody's: cut, and not all of it where there is much. */
static enum wm_code write_metadata(struct buf *out, const struct node *map, struct wm_error *err)
{
	cleanup_buf struct buf line = BUF_INIT(LIMIT_CARD);
	size_t shown = 0;

	for (const struct node *n = map->first; n && shown < METADATA_SHOWN; n = n->next, shown++) {
		buf_truncate(&line, 0);
		TRY(buf_printf(&line, err, "metadata of the file: %.200s = %.200s", n->key,
			       n->text));
		TRY(comment(out, buf_str(&line), err));
	}
	if (shown == map->len)
		return WM_OK;
	return buf_printf(out, err, "# metadata of the file: %zu entries more\n",
			  map->len - shown);
}

/* What the tensors of some files come to. */
struct sum {
	uint64_t bytes, tensors, parameters;
	bool has_tensors;
};

static enum wm_code sum_add(struct sum *sum, const struct checkpoint_file *f,
			    struct wm_error *err)
{
	uint64_t n = 0;

	TRY(layout_count_elements(&n, &f->layout, f->place, err));
	if (__builtin_add_overflow(sum->parameters, n, &sum->parameters))
		return fail(err, REASON_LIMIT, "%s: more parameters than 64 bits count", f->place);
	sum->bytes += f->is_pointer ? f->pointer.size : f->layout.size;
	sum->tensors += f->layout.n_tensors;
	sum->has_tensors |= f->layout.has_tensors;
	return WM_OK;
}

static enum wm_code write_sum(struct buf *out, const char *what, const char *name,
			      const struct sum *sum, const char *rest, struct wm_error *err)
{
	cleanup_buf struct buf line = BUF_INIT(2 * LIMIT_PATH + LIMIT_MESSAGE);

	TRY(buf_printf(&line, err, "%s%.4000s: %llu bytes%s", what, name,
		       (unsigned long long)sum->bytes, rest));
	if (sum->has_tensors)
		TRY(buf_printf(&line, err, ", %llu tensor%s, %llu parameters",
			       (unsigned long long)sum->tensors, sum->tensors == 1 ? "" : "s",
			       (unsigned long long)sum->parameters));
	return comment(out, buf_str(&line), err);
}

/* One line a part. `parameters`: those of the only part with tensors, or none. */
static enum wm_code write_parts(struct buf *out, const struct checkpoint *c,
				struct sum *parameters, struct wm_error *err)
{
	size_t n_told = 0;

	for (size_t i = 0; i < c->n_parts; i++) {
		const struct checkpoint_part *p = &c->parts[i];
		char rest[64];
		struct sum sum = { 0 };

		for (size_t j = 0; j < p->n_files; j++)
			TRY(sum_add(&sum, &c->files[p->files[j]], err));
		snprintf(rest, sizeof(rest), " in %zu file%s", p->n_files,
			 p->n_files == 1 ? "" : "s");
		if (i < PARTS_SHOWN)
			TRY(write_sum(out, "part ", p->name, &sum, rest, err));
		n_told += sum.has_tensors;
		if (sum.has_tensors)
			*parameters = sum;
	}
	if (c->n_parts > PARTS_SHOWN)
		TRY(buf_printf(out, err, "# %zu parts more\n", c->n_parts - PARTS_SHOWN));
	parameters->has_tensors = n_told == 1;
	return WM_OK;
}

static enum wm_code write_files(struct buf *out, const struct checkpoint *c,
				struct sum *parameters, struct wm_error *err)
{
	const struct checkpoint_file *f = &c->files[0];
	cleanup_buf struct buf rest = BUF_INIT(LIMIT_MESSAGE);
	struct sum all = { 0 };

	if (c->is_directory) {
		for (size_t i = 0; i < c->n_files; i++)
			TRY(sum_add(&all, &c->files[i], err));
		TRY(buf_printf(&rest, err, " in %zu files", c->n_files));
		all.has_tensors = false;
		TRY(write_sum(out, "", c->path, &all, buf_str(&rest), err));
		return write_parts(out, c, parameters, err);
	}
	TRY(sum_add(parameters, f, err));
	TRY(buf_printf(&rest, err, ", %s", f->layout.format->grammar));
	return write_sum(out, "", f->path, parameters, buf_str(&rest), err);
}

static enum wm_code write_head(struct buf *out, const struct checkpoint *c,
			       const struct draft_sources *s, struct sum *parameters,
			       struct wm_error *err)
{
	const struct node *metadata =
		c->is_directory ? NULL : c->files[0].layout.metadata.root;

	TRY(write_files(out, c, parameters, err));
	TRY(comment(out, "Fill in every line without a value, or remove it: sign refuses the rest.",
		    err));
	TRY(comment(out, "Comments name the source of what is filled in. Check it: you sign it.",
		    err));
	if (*s->config_note)
		TRY(comment(out, s->config_note, err));
	if (*s->card_note)
		TRY(comment(out, s->card_note, err));
	return metadata ? write_metadata(out, metadata, err) : WM_OK;
}

static enum wm_code write_model(struct buf *out, const struct draft_sources *s,
				const struct sum *parameters, struct wm_error *err)
{
	const char *licence = card_text(s, "license"), *name = card_text(s, "model_name");
	const char *spdx = licence ? spdx_of_tag(licence) : NULL;
	cleanup_buf struct buf source = BUF_INIT(LIMIT_CARD);

	TRY(buf_append_str(out, "kind: manifest\nmodel:\n", err));
	TRY(field(out, "  name", name, name ? "README.md" : fill_in, err));
	TRY(field(out, "  version", NULL, fill_in, err));
	if (!*s->config_note && s->architecture.len > 0)
		TRY(field(out, "  architecture", buf_str(&s->architecture), "config.json", err));
	if (parameters->has_tensors)
		TRY(buf_printf(out, err, "  parameter_count: %llu  # counted over all tensors\n",
			       (unsigned long long)parameters->parameters));
	if (licence)
		TRY(buf_printf(&source, err, "README.md: %.200s%s", licence,
			       spdx ? "" : "; fill in its SPDX expression"));
	return field(out, "  licence", spdx,
		     licence ? buf_str(&source) : "fill in: SPDX expression", err);
}

static enum wm_code write_ancestor(struct buf *out, const struct ancestor *a,
				   struct wm_error *err)
{
	cleanup_buf struct buf source = BUF_INIT(LIMIT_PATH + LIMIT_MESSAGE);
	cleanup_buf struct buf digest = BUF_INIT(2 * SHA256_BYTES);
	char id[STATEMENT_ID_TEXT + 1];

	TRY(buf_printf(&source, err, "slot of %s; its signature was not verified", a->path));
	TRY(field(out, "      - object", a->statement->header->object->text, buf_str(&source),
		  err));
	statement_id_text(id, a->statement->id);
	TRY(field(out, "        statement", id, NULL, err));
	if (!a->weights_digest)
		return WM_OK;
	TRY(buf_append_hex(&digest, a->weights_digest, SHA256_BYTES, err));
	return field(out, "        weights_digest", buf_str(&digest), NULL, err);
}

/* The parents that slots from elsewhere tell of, and those that the card names. */
static enum wm_code write_parents(struct buf *out, const struct checkpoint *c,
				  const struct draft_sources *s, struct wm_error *err)
{
	const struct node *base = s->card.root ? node_find(s->card.root, "base_model") : NULL;
	const struct node *first = base && base->kind == NODE_LIST ? base->first : base;
	cleanup_inherited struct inherited inherited = { 0 };

	if (first && first->kind != NODE_TEXT)
		first = NULL;
	TRY(inherited_find(&inherited, c, err));
	if (!first && inherited.n == 0)
		return WM_OK;
	TRY(buf_append_str(out, "derivation:\n", err));
	TRY(field(out, "  - kind", NULL, "fill in: finetune, adapter, merge, distil, quantise ...",
		  err));
	TRY(buf_append_str(out, "    parent:\n", err));
	for (size_t i = 0; i < inherited.n; i++)
		TRY(write_ancestor(out, &inherited.list[i], err));
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
	struct sum parameters = { 0 };

	TRY(draft_sources_read(&s, c, err));
	TRY(write_head(out, c, &s, &parameters, err));
	TRY(write_model(out, &s, &parameters, err));
	TRY(write_parents(out, c, &s, err));
	TRY(write_runs(out, &s, err));
	return write_datasets(out, &s, err);
}
