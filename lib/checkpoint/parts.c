/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a directory load together. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/external.h"
#include "checkpoint/index.h"
#include "checkpoint/names.h"

/* The part of all files to load, where none of them has the name or the form of weights. */
static const char no_weights[] = "files";

/* A file of a part, there or not. */
struct member {
	const char *part;
	const char *path;
	const char *index;	/* the place of the index that lists it, or NULL */
	unsigned number, count; /* of a shard by its name alone, else 0 */
};

struct members {
	struct arena arena;
	struct member *list;
	size_t n, cap;
	bool *indexed;	    /* of each file of the checkpoint, whether its part is known */
	const char *hollow; /* the place of an index without any of its shards, or NULL */
};

static void members_release(struct members *m)
{
	arena_release(&m->arena);
	free(m->list);
	free(m->indexed);
}

static enum wm_code add_member(struct members *m, const struct member *member,
			       struct wm_error *err)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;
		struct member *grown = reallocarray(m->list, cap, sizeof(*grown));

		if (!grown)
			return fail_nomem(err);
		m->list = grown;
		m->cap = cap;
	}
	m->list[m->n++] = *member;
	return WM_OK;
}

/* --- indexes ------------------------------------------------------------------------- */

static enum wm_code add_indexed(struct members *m, const struct checkpoint *c,
				const struct shard_index *x, struct wm_error *err)
{
	struct member member = { .index = x->place };
	size_t n_there = 0;
	char *copy = NULL;

	for (size_t i = 0; i < x->n_shards; i++)
		n_there += checkpoint_find_file(c, x->shards[i].path) != NULL;
	if (n_there == 0) {
		m->hollow = x->place;
		return WM_OK;
	}
	TRY(arena_copy(&copy, &m->arena, x->part, strlen(x->part), err));
	member.part = copy;
	for (size_t i = 0; i < x->n_shards; i++) {
		const char *path = x->shards[i].path;
		const struct checkpoint_file *f = checkpoint_find_file(c, path);

		if (f)
			m->indexed[f - c->files] = true;
		TRY(arena_copy(&copy, &m->arena, path, strlen(path), err));
		member.path = copy;
		TRY(add_member(m, &member, err));
	}
	return WM_OK;
}

/* Reads and checks every index; adds what it lists to `m` unless that is NULL. */
static enum wm_code go_through_indexes(struct checkpoint *c, struct members *m,
				       struct wm_error *err)
{
	uint64_t size = 0;

	for (size_t i = 0; c->is_directory && i < c->n_files; i++) {
		cleanup_shard_index struct shard_index x = SHARD_INDEX_INIT;
		struct checkpoint_file *f = &c->files[i];

		if (f->role != ROLE_LOAD || f->is_pointer || !name_is_index(f->path))
			continue;
		size += f->layout.size; /* below 2^63, and what was before is within the limit */
		if (size > LIMIT_INDEXES)
			return fail(err, REASON_LIMIT, "%s: indexes of more than %d bytes",
				    f->place, LIMIT_INDEXES);
		TRY(index_read(&x, f, err));
		TRY(index_check(&x, c, err));
		if (m)
			TRY(add_indexed(m, c, &x, err));
	}
	return WM_OK;
}

enum wm_code checkpoint_check_indexes(struct checkpoint *c, struct wm_error *err)
{
	return go_through_indexes(c, NULL, err);
}

/* --- files whose tensors others hold ------------------------------------------------- */

static enum wm_code add_one_of(struct members *m, const struct checkpoint *c, const char *part,
			       const struct checkpoint_file *f, struct wm_error *err)
{
	bool *known = &m->indexed[f - c->files];

	if (*known)
		return fail(err, REASON_INDEX_MISMATCH,
			    "%s: is of the part '%.80s', and an index lists it", f->place, part);
	*known = true;
	return add_member(m, &(struct member){ .part = part, .path = f->path }, err);
}

/* A file and those that hold its tensors are one part, of its name. */
static enum wm_code add_externals(struct members *m, const struct checkpoint *c,
				  struct wm_error *err)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];
		const struct layout *l = &f->layout;

		if (l->n_externals == 0 || f->role != ROLE_LOAD)
			continue;
		TRY(add_one_of(m, c, f->path, f, err));
		for (size_t at = 0; at < l->n_externals; at = external_run_end(l, at)) {
			cleanup_buf struct buf path = BUF_INIT(2 * LIMIT_PATH);

			TRY(external_path(&path, f, &l->externals[at], err));
			TRY(add_one_of(m, c, f->path, checkpoint_find_file(c, buf_str(&path)),
				       err));
		}
	}
	return WM_OK;
}

/* --- files by themselves, and by their names ----------------------------------------- */

static enum wm_code add_weights(struct members *m, const struct checkpoint *c,
				struct wm_error *err)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];
		struct member member = { .part = f->path, .path = f->path };
		struct shard_name shard = { NULL, 0, 0 };
		bool is_shard;

		if (f->role != ROLE_LOAD || m->indexed[i] ||
		    (!f->layout.has_tensors && !name_weights_suffix(f->path)))
			continue;
		TRY(name_read_shard(&is_shard, &shard, &m->arena, f->path, err));
		if (is_shard) {
			member.part = shard.part;
			member.number = shard.number;
			member.count = shard.count;
		}
		TRY(add_member(m, &member, err));
	}
	return WM_OK;
}

static enum wm_code add_all(struct members *m, const struct checkpoint *c, struct wm_error *err)
{
	if (m->hollow)
		return fail(err, REASON_PART_INCOMPLETE, "%s: none of its shards is there",
			    m->hollow);
	for (size_t i = 0; i < c->n_files; i++) {
		const struct member member = { .part = no_weights, .path = c->files[i].path };

		if (c->files[i].role == ROLE_LOAD)
			TRY(add_member(m, &member, err));
	}
	return WM_OK;
}

/* --- parts of them ------------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->part, y->part);

	return order ? order : strcmp(x->path, y->path);
}

/* All files of a part come from one index, from names with one count, or are a part alone. */
static enum wm_code check_sources(const struct checkpoint *c, const struct member *list, size_t n,
				  struct wm_error *err)
{
	for (size_t i = 1; i < n; i++)
		if (list[i].index != list[0].index || list[i].count != list[0].count)
			return fail(err, REASON_INDEX_MISMATCH,
				    "%s: both %s and %s would be of the part '%s'", c->path,
				    list[0].path, list[i].path, list[0].part);
	return WM_OK;
}

/* The numbers of shards ascend with their paths, since their names differ in nothing else. */
static enum wm_code check_complete(const struct checkpoint *c, const struct member *list, size_t n,
				   struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].count && list[i].number != i + 1)
			return fail(err, REASON_PART_INCOMPLETE,
				    "%s: shard %zu of %u of the part '%s' is missing", c->path,
				    i + 1, list[i].count, list[i].part);
		if (!checkpoint_find_file(c, list[i].path))
			return fail(err, REASON_PART_INCOMPLETE, "%s: the shard %s is missing",
				    list[i].index, list[i].path);
	}
	if (list[0].count > n)
		return fail(err, REASON_PART_INCOMPLETE,
			    "%s: shard %zu of %u of the part '%s' is missing", c->path, n + 1,
			    list[0].count, list[0].part);
	return WM_OK;
}

/* What shards say themselves of their set is what their names say. */
static enum wm_code check_splits(const struct checkpoint *c, const struct member *list, size_t n,
				 struct wm_error *err)
{
	uint64_t n_tensors = 0, wanted = 0;

	for (size_t i = 0; i < n; i++) {
		const struct checkpoint_file *f = checkpoint_find_file(c, list[i].path);
		const struct split *s = &f->layout.split;

		if (f->is_pointer)
			return WM_OK;
		if (s->count > 0 && (s->count != n || s->no != i))
			return fail(err, s->count > n ? REASON_PART_INCOMPLETE :
							REASON_INDEX_MISMATCH,
				    "%s: says that it is shard %llu of %llu, not %zu of %zu",
				    f->place, (unsigned long long)s->no + 1,
				    (unsigned long long)s->count, i + 1, n);
		wanted = s->n_tensors > wanted ? s->n_tensors : wanted;
		n_tensors += f->layout.n_tensors;
	}
	if (wanted > 0 && n_tensors != wanted)
		return fail(err, REASON_INDEX_MISMATCH,
			    "%s: the part '%s' has %llu tensors, its shards say %llu", c->path,
			    list[0].part, (unsigned long long)n_tensors,
			    (unsigned long long)wanted);
	return WM_OK;
}

static enum wm_code add_parts(struct checkpoint *c, const struct members *m, struct wm_error *err)
{
	cleanup_free char **paths = calloc(m->n + 1, sizeof(*paths));
	size_t n;

	if (!paths)
		return fail_nomem(err);
	for (size_t at = 0; at < m->n; at += n) {
		const struct member *list = m->list + at;

		for (n = 1; at + n < m->n && strcmp(list[n].part, list[0].part) == 0;)
			n++;
		TRY(check_sources(c, list, n, err));
		TRY(check_complete(c, list, n, err));
		TRY(check_splits(c, list, n, err));
		for (size_t i = 0; i < n; i++)
			paths[i] = checkpoint_find_file(c, list[i].path)->path;
		TRY(checkpoint_add_part(c, list[0].part, paths, n, err));
	}
	return WM_OK;
}

static enum wm_code find(struct checkpoint *c, struct members *m, struct wm_error *err)
{
	m->indexed = calloc(c->n_files, sizeof(*m->indexed));
	if (!m->indexed)
		return fail_nomem(err);
	TRY(go_through_indexes(c, m, err));
	TRY(add_externals(m, c, err));
	TRY(add_weights(m, c, err));
	if (m->n == 0)
		TRY(add_all(m, c, err));
	if (m->n > 1)
		qsort(m->list, m->n, sizeof(*m->list), compare_members);
	return add_parts(c, m, err);
}

enum wm_code checkpoint_find_parts(struct checkpoint *c, struct wm_error *err)
{
	struct members m = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY) };
	enum wm_code code;

	if (!c->is_directory)
		return checkpoint_add_part(c, c->files[0].path, &c->files[0].path, 1, err);
	code = find(c, &m, err);
	members_release(&m);
	return code;
}
