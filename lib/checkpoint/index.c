/* SPDX-License-Identifier: Apache-2.0 */
/* Reading indexes of shards, and holding shards against them. */
#include "checkpoint/index.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/names.h"
#include "text/json.h"
#include "util/file.h"
#include "util/relpath.h"

void shard_index_release(struct shard_index *x)
{
	arena_release(&x->arena);
	buf_release(&x->text);
	free(x->entries);
	free(x->shards);
}

static enum wm_code malformed(const struct json *j, struct wm_error *err, const char *what)
{
	return fail(err, REASON_INDEX_MALFORMED, "%s: byte %zu: %s", j->name, j->at, what);
}

/* --- reading ------------------------------------------------------------------------- */

/* Room for all text was reserved: nothing moves. */
static enum wm_code keep(const char **out, struct shard_index *x, const struct json *j,
			 struct wm_error *err)
{
	size_t at = x->text.len;

	TRY(buf_append(&x->text, j->text, j->len, err));
	TRY(buf_append_byte(&x->text, 0, err));
	*out = buf_str(&x->text) + at;
	return WM_OK;
}

static enum wm_code add_entry(struct shard_index *x, const struct index_entry *e,
			      struct wm_error *err)
{
	if (x->n_entries == LIMIT_INDEXED)
		return fail(err, REASON_LIMIT, "%s: maps more than %d tensors", x->place,
			    LIMIT_INDEXED);
	if (x->n_entries == x->cap_entries) {
		size_t cap = x->cap_entries ? 2 * x->cap_entries : 64;
		struct index_entry *grown = reallocarray(x->entries, cap, sizeof(*grown));

		if (!grown)
			return fail_nomem(err);
		x->entries = grown;
		x->cap_entries = cap;
	}
	x->entries[x->n_entries++] = *e;
	return WM_OK;
}

static enum wm_code read_map(struct shard_index *x, struct json *j, struct wm_error *err)
{
	enum json_event event;

	TRY(json_next(j, &event, err));
	if (event != JSON_MAP)
		return malformed(j, err, "weight_map is not a map");
	for (;;) {
		struct index_entry e = { 0 };

		TRY(json_next(j, &event, err));
		if (event == JSON_MAP_END)
			return WM_OK;
		e.tensor_len = j->len;
		TRY(keep(&e.tensor, x, j, err));
		TRY(json_next(j, &event, err));
		if (event != JSON_TEXT)
			return malformed(j, err, "a tensor is not mapped to a name");
		TRY(keep(&e.file, x, j, err));
		if (strlen(e.file) != j->len || strchr(e.file, '/') || !relpath_valid(e.file))
			return malformed(j, err,
					 "a shard is not the name of a file beside the index");
		TRY(add_entry(x, &e, err));
	}
}

static bool is_key(const struct json *j, const char *key)
{
	return j->len == strlen(key) && memcmp(j->text, key, j->len) == 0;
}

static enum wm_code read_document(struct shard_index *x, struct json *j, struct wm_error *err)
{
	bool metadata = false, map = false;
	enum json_event event;

	TRY(json_next(j, &event, err));
	if (event != JSON_MAP)
		return malformed(j, err, "an index is a map");
	for (;;) {
		bool is_metadata, is_map;

		TRY(json_next(j, &event, err));
		if (event == JSON_MAP_END)
			break;
		is_metadata = is_key(j, "metadata");
		is_map = is_key(j, "weight_map");
		if ((is_metadata && metadata) || (is_map && map))
			return malformed(j, err, "a member stands twice");
		metadata |= is_metadata;
		map |= is_map;
		if (is_map) {
			TRY(read_map(x, j, err));
			continue;
		}
		TRY(json_next(j, &event, err));
		if (is_metadata && event != JSON_MAP)
			return malformed(j, err, "metadata is not a map");
		TRY(json_skip(j, event, err));
	}
	TRY(json_next(j, &event, err));
	if (x->n_entries == 0)
		return fail(err, REASON_INDEX_MALFORMED, "%s: maps no tensor", x->place);
	return WM_OK;
}

/* --- putting in order ---------------------------------------------------------------- */

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_tensors(const void *a, const void *b)
{
	const struct index_entry *x = a, *y = b;

	return compare_names(x->tensor, x->tensor_len, y->tensor, y->tensor_len);
}

static int compare_entries(const void *a, const void *b)
{
	const struct index_entry *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	return order ? order : compare_tensors(a, b);
}

static enum wm_code add_shard(struct shard_index *x, const char *folder, size_t folder_len,
			      size_t first, struct wm_error *err)
{
	const char *file = x->entries[first].file;
	void *room = NULL;

	if (x->n_shards == LIMIT_FILES)
		return fail(err, REASON_LIMIT, "%s: names more than %d shards", x->place,
			    LIMIT_FILES);
	TRY(arena_alloc(&room, &x->arena, folder_len + strlen(file) + 1, err));
	memcpy(room, folder, folder_len);
	memcpy((char *)room + folder_len, file, strlen(file));
	x->shards[x->n_shards++] = (struct index_shard){ room, first, 0 };
	return WM_OK;
}

static enum wm_code sort(struct shard_index *x, const char *path, struct wm_error *err)
{
	size_t folder_len = (size_t)(file_name(path) - path), n = 1;

	qsort(x->entries, x->n_entries, sizeof(*x->entries), compare_tensors);
	for (size_t i = 1; i < x->n_entries; i++)
		if (compare_tensors(&x->entries[i - 1], &x->entries[i]) == 0)
			return fail(err, REASON_INDEX_MALFORMED,
				    "%s: maps the tensor '%.80s' twice", x->place,
				    x->entries[i].tensor);
	qsort(x->entries, x->n_entries, sizeof(*x->entries), compare_entries);
	for (size_t i = 1; i < x->n_entries; i++)
		n += strcmp(x->entries[i - 1].file, x->entries[i].file) != 0;
	x->shards = calloc(n, sizeof(*x->shards));
	if (!x->shards)
		return fail_nomem(err);
	for (size_t i = 0; i < x->n_entries; i++) {
		if (i == 0 || strcmp(x->entries[i - 1].file, x->entries[i].file) != 0)
			TRY(add_shard(x, path, folder_len, i, err));
		x->shards[x->n_shards - 1].n++;
	}
	return WM_OK;
}

/* Whether the shards of this part are of a format that always tells tensors. */
static bool lists_tensors(const char *part)
{
	static const char *const suffixes[] = { ".safetensors", ".gguf", NULL };

	return file_ends_with_any(part, suffixes);
}

enum wm_code index_read(struct shard_index *out, struct checkpoint_file *f, struct wm_error *err)
{
	struct buf *head = &f->layout.head;
	cleanup_json struct json j = json_parser("", 0, f->place);

	if (f->layout.size > head->max)
		return fail(err, REASON_LIMIT, "%s: has %llu bytes, more than an index may",
			    f->place, (unsigned long long)f->layout.size);
	if (head->len == 0) {
		size_t len = (size_t)f->layout.size;

		TRY(buf_reserve(head, len, err));
		TRY(file_read_at(f->fd, head->data, len, 0, f->place, err));
		head->len = len;
		head->data[len] = 0;
		TRY(layout_close_head(&f->layout, err));
	}
	out->place = f->place;
	TRY(name_of_indexed(&out->part, &out->arena, f->path, err));
	out->lists_tensors = lists_tensors(out->part);
	j = json_parser(head->data, head->len, f->place);
	j.reason = REASON_INDEX_MALFORMED;
	/* A text and its zero take no more room than between quotes. */
	TRY(buf_reserve(&out->text, head->len, err));
	TRY(read_document(out, &j, err));
	return sort(out, f->path, err);
}

/* --- checking ------------------------------------------------------------------------ */

static enum wm_code mismatch(const struct shard_index *x, const char *shard, const char *what,
			     const char *tensor, size_t len, struct wm_error *err)
{
	return fail(err, REASON_INDEX_MISMATCH, "%s: %s %s the tensor '%.*s'", x->place, shard,
		    what, (int)(len > 80 ? 80 : len), tensor);
}

/* Both lists ascend, and names are unique in each. */
static enum wm_code check_shard(const struct shard_index *x, const struct index_shard *s,
				const struct layout *l, struct wm_error *err)
{
	const struct index_entry *e = x->entries + s->first, *end = e + s->n;

	for (size_t i = 0; i < l->n_tensors || e < end;) {
		const struct tensor *t = i < l->n_tensors ? &l->tensors[l->by_name[i]] : NULL;
		int order = !t ? 1 : e == end ? -1 :
			compare_names(t->name, t->name_len, e->tensor, e->tensor_len);

		if (order < 0)
			return mismatch(x, s->path, "holds unlisted", t->name, t->name_len, err);
		if (order > 0)
			return mismatch(x, s->path, "lacks", e->tensor, e->tensor_len, err);
		i++;
		e++;
	}
	return WM_OK;
}

enum wm_code index_check(const struct shard_index *x, const struct checkpoint *c,
			 struct wm_error *err)
{
	for (size_t i = 0; i < x->n_shards; i++) {
		const struct index_shard *s = &x->shards[i];
		const struct checkpoint_file *f = checkpoint_find_file(c, s->path);

		if (!f)
			continue;
		if (f->role != ROLE_LOAD)
			return fail(err, REASON_INDEX_MISMATCH, "%s: %s is a document, not a shard",
				    x->place, s->path);
		if (f->is_pointer || (!f->layout.has_tensors && !x->lists_tensors))
			continue;
		if (!f->layout.has_tensors)
			return fail(err, REASON_INDEX_MISMATCH, "%s: %s (%s) has no tensors",
				    x->place, s->path, f->layout.format->grammar);
		TRY(check_shard(x, s, &f->layout, err));
	}
	return WM_OK;
}
