/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: many objects as one file, written and synced once. */
#include "git/libgit2.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include "util/limits.h"

/* Objects wait in memory, in a repository of their own that has no other place. */
struct pack {
	struct repository *into; /* borrowed */
	git_odb *odb;
	git_repository *git;
	git_packbuilder *builder;
};

void pack_free(struct pack *p)
{
	if (!p)
		return;
	git_packbuilder_free(p->builder);
	git_repository_free(p->git);
	git_odb_free(p->odb);
	free(p);
}

enum wm_code pack_new(struct pack **out, struct repository *r, struct wm_error *err)
{
	cleanup_pack struct pack *p = calloc(1, sizeof(*p));
	git_odb_backend *memory = NULL;

	if (!p)
		return fail_nomem(err);
	p->into = r;
	if (git_odb_new(&p->odb) < 0 || git_mempack_new(&memory) < 0)
		return fail_libgit2(err, REASON_NO_MEMORY, "a pack");
	if (git_odb_add_backend(p->odb, memory, 1) < 0) {
		memory->free(memory);
		return fail_libgit2(err, REASON_NO_MEMORY, "a pack");
	}
	if (git_repository_wrap_odb(&p->git, p->odb) < 0 ||
	    git_packbuilder_new(&p->builder, p->git) < 0)
		return fail_libgit2(err, REASON_NO_MEMORY, "a pack");
	git_packbuilder_set_threads(p->builder, 0);
	*out = take_ptr(&p);
	return WM_OK;
}

enum wm_code pack_add(struct object_id *out, struct pack *p, enum object_type type,
		      const void *data, size_t len, struct wm_error *err)
{
	git_oid oid;

	if (git_odb_write(&oid, p->odb, data, len, type_of(type)) < 0 ||
	    git_packbuilder_insert(p->builder, &oid, NULL) < 0)
		return fail_libgit2(err, REASON_NO_MEMORY, "an object of a pack");
	*out = from_oid(&oid);
	return WM_OK;
}

static enum wm_code write_pack(git_packbuilder *builder, struct repository *r, struct wm_error *err)
{
	char path[LIMIT_PATH];

	snprintf(path, sizeof(path), "%sobjects/pack", r->directory);
	if (git_packbuilder_write(builder, path, 0, NULL, NULL) < 0)
		return fail_libgit2(err, REASON_WRITE_FAILED, "%s: a pack", path);
	if (git_odb_refresh(r->odb) < 0)
		return fail_libgit2(err, REASON_READ_FAILED, "%s: cannot be read again", path);
	return WM_OK;
}

enum wm_code pack_finish(struct pack *p, struct wm_error *err)
{
	return write_pack(p->builder, p->into, err);
}

/* Whether the object lies loose; its path. */
static bool is_loose(char path[LIMIT_PATH], const struct repository *r, const struct object_id *id)
{
	char hex[OBJECT_ID_HEX + 1];
	struct stat st;

	object_id_text(hex, id);
	snprintf(path, LIMIT_PATH, "%sobjects/%.2s/%s", r->directory, hex, hex + 2);
	return stat(path, &st) == 0;
}

enum wm_code repository_pack(struct repository *r, const struct object_id *ids, size_t n,
			     struct wm_error *err)
{
	cleanup_git_builder git_packbuilder *builder = NULL;
	char path[LIMIT_PATH];
	size_t n_loose = 0;

	if (git_packbuilder_new(&builder, r->git) < 0)
		return fail_libgit2(err, REASON_NO_MEMORY, "a pack");
	git_packbuilder_set_threads(builder, 0);
	for (size_t i = 0; i < n; i++) {
		const git_oid oid = to_oid(&ids[i]);

		if (!is_loose(path, r, &ids[i]))
			continue;
		if (git_packbuilder_insert(builder, &oid, NULL) < 0)
			return fail_libgit2(err, REASON_OBJECT_MISSING, "%s", path);
		n_loose++;
	}
	if (n_loose == 0)
		return WM_OK;
	TRY(write_pack(builder, r, err));
	/* The pack is durable now. Whoever looks for a loose one looks into packs next. */
	for (size_t i = 0; i < n; i++)
		if (is_loose(path, r, &ids[i]) && unlink(path) < 0 && errno != ENOENT)
			return fail(err, REASON_WRITE_FAILED, "%s: cannot be removed", path);
	return WM_OK;
}
