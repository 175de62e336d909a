/* SPDX-License-Identifier: Apache-2.0 */
/* Opening repositories, and their objects. */
#include "git/libgit2.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cursor.h"
#include "util/hex.h"
#include "util/limits.h"

enum { OBJECTS = 256, PACKS, DIRECTORIES };

/* Kept free of LIMIT_PATH for what lies in a repository: refs, objects, packs. */
enum { DIRECTORY_ROOM = 256 };

/* More than any ledger needs: a file of settings or one ref; the refs that were packed. */
enum { SMALL_BYTES = 1 << 20, PACKED_REFS_BYTES = 1 << 28 };

bool object_id_equal(const struct object_id *a, const struct object_id *b)
{
	return memcmp(a->bytes, b->bytes, OBJECT_ID_BYTES) == 0;
}

void object_id_text(char out[OBJECT_ID_HEX + 1], const struct object_id *id)
{
	hex_encode(out, id->bytes, OBJECT_ID_BYTES);
}

bool object_id_parse(struct object_id *out, const char *hex, size_t len)
{
	return len == OBJECT_ID_HEX && hex_decode(out->bytes, hex, len);
}

/* --- repositories ------------------------------------------------------------------------ */

void repository_close(struct repository *r)
{
	if (!r)
		return;
	git_odb_free(r->odb);
	git_repository_free(r->git);
	free(r->directory);
	free(r);
}

static enum wm_code take_repository(struct repository **out, git_repository *git, const char *path,
				    struct wm_error *err)
{
	cleanup_repository struct repository *r = calloc(1, sizeof(*r));

	if (!r) {
		git_repository_free(git);
		return fail_nomem(err);
	}
	r->git = git;
	/* A process that was killed may have left names here without syncing them. */
	r->unsynced[OBJECTS] = r->unsynced[PACKS] = true;
	if (git_repository_odb(&r->odb, git) < 0)
		return fail_libgit2(err, REASON_LEDGER_MALFORMED, "%s: has no objects", path);
	r->directory = strdup(git_repository_commondir(git));
	if (!r->directory)
		return fail_nomem(err);
	if (strlen(r->directory) > LIMIT_PATH - DIRECTORY_ROOM)
		return fail(err, REASON_LIMIT, "%s: the path is too long", path);
	*out = take_ptr(&r);
	return WM_OK;
}

/*
 * Fails unless `directory`/`name` is a regular file of at most `max` bytes, or not there: git
 * would wait for a writer of a FIFO, and read a file of any length into memory.
 */
static enum wm_code check_plain(const char *directory, const char *name, uint64_t max,
				struct wm_error *err)
{
	char path[3 * LIMIT_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (stat(path, &st) < 0)
		return WM_OK; /* git says what it misses */
	if (!S_ISREG(st.st_mode))
		return fail(err, REASON_LEDGER_MALFORMED, "%s: is not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return fail(err, REASON_LEDGER_MALFORMED, "%s: has %lld bytes", path,
			    (long long)st.st_size);
	return WM_OK;
}

static void close_packs(DIR **packs)
{
	if (*packs)
		closedir(*packs);
}

/* The files that git reads when it opens the repository whose directory this is. */
static enum wm_code check_files(const char *directory, struct wm_error *err)
{
	static const char *const names[] = { "HEAD", "config", "commondir", "gitdir",
					     "objects/info/alternates" };
	__attribute__((cleanup(close_packs))) DIR *packs = NULL;
	char path[2 * LIMIT_PATH];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		TRY(check_plain(directory, names[i], SMALL_BYTES, err));
	TRY(check_plain(directory, "packed-refs", PACKED_REFS_BYTES, err));
	snprintf(path, sizeof(path), "%s/objects/pack", directory);
	packs = opendir(path);
	for (const struct dirent *e; packs && (e = readdir(packs));)
		if (e->d_type != DT_DIR)
			TRY(check_plain(path, e->d_name, INT64_MAX, err));
	return WM_OK;
}

/* Of a bare repository, or of the ".git" beside the files of one that is not. */
static enum wm_code check_repository(const char *path, struct wm_error *err)
{
	char inner[LIMIT_PATH];
	struct stat st;

	if (snprintf(inner, sizeof(inner), "%s/.git", path) > LIMIT_PATH - DIRECTORY_ROOM)
		return fail(err, REASON_LIMIT, "%s: the path is too long", path);
	return check_files(stat(inner, &st) == 0 ? inner : path, err);
}

enum wm_code repository_check_ref(const struct repository *r, const char *name,
				  struct wm_error *err)
{
	struct stat st;
	char path[LIMIT_PATH];

	snprintf(path, sizeof(path), "%s%s", r->directory, name);
	/* A directory there holds refs of longer names. */
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ?
		       WM_OK : check_plain(r->directory, name, SMALL_BYTES, err);
}

enum wm_code repository_open(struct repository **out, const char *path, struct wm_error *err)
{
	git_repository *git = NULL;
	struct stat st;
	int said;

	TRY(libgit2_start(err));
	if (stat(path, &st) < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail(err, REASON_READ_FAILED, "%s: cannot be examined", path);
	TRY(check_repository(path, err));
	said = git_repository_open_ext(&git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (said == GIT_ENOTFOUND)
		return fail(err, REASON_LEDGER_MISSING, "%s: is no git repository", path);
	if (said < 0)
		return fail_libgit2(err, REASON_LEDGER_MALFORMED, "%s: cannot be opened", path);
	return take_repository(out, git, path, err);
}

const char *repository_directory(const struct repository *r)
{
	return r->directory;
}

/* --- objects ----------------------------------------------------------------------------- */

enum wm_code object_read(struct buf *out, const struct repository *r, const struct object_id *id,
			 enum object_type type, struct wm_error *err)
{
	cleanup_git_odb_object git_odb_object *o = NULL;
	const git_oid oid = to_oid(id);
	char hex[OBJECT_ID_HEX + 1], loose[OBJECT_ID_HEX + sizeof("objects//")];
	git_object_t found;
	size_t len;
	int said;

	object_id_text(hex, id);
	snprintf(loose, sizeof(loose), "objects/%.2s/%s", hex, hex + 2);
	TRY(check_plain(r->directory, loose, INT64_MAX, err));
	said = git_odb_read_header(&len, &found, r->odb, &oid);
	if (said < 0)
		return fail_lookup(err, said, REASON_OBJECT_MISSING, "object %s", hex);
	if (found != type_of(type))
		return fail(err, REASON_LEDGER_MALFORMED, "object %s: is not of its type", hex);
	TRY(buf_reserve(out, len, err));
	said = git_odb_read(&o, r->odb, &oid);
	if (said < 0)
		return fail_lookup(err, said, REASON_OBJECT_MISSING, "object %s", hex);
	return buf_append(out, git_odb_object_data(o), git_odb_object_size(o), err);
}

/* Whether the directory "objects/XX" is there. */
static bool has_directory(const struct repository *r, uint8_t first)
{
	char path[LIMIT_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%sobjects/%02x", r->directory, first);
	return stat(path, &st) == 0;
}

enum wm_code object_write(struct object_id *out, struct repository *r, enum object_type type,
			  const void *data, size_t len, struct wm_error *err)
{
	git_oid oid;

	if (git_odb_hash(&oid, data, len, type_of(type)) < 0)
		return fail_libgit2(err, REASON_WRITE_FAILED, "an object");
	/* What is there may have been named by a process that was killed before it synced. */
	if (git_odb_exists(r->odb, &oid))
		r->unsynced[oid.id[0]] = r->unsynced[OBJECTS] = true;
	else if (!has_directory(r, oid.id[0]))
		r->unsynced[OBJECTS] = true;
	if (git_odb_write(&oid, r->odb, data, len, type_of(type)) < 0)
		return fail_libgit2(err, REASON_WRITE_FAILED, "an object");
	*out = from_oid(&oid);
	return WM_OK;
}

enum wm_code object_name(struct object_id *out, enum object_type type, const void *data, size_t len,
			 struct wm_error *err)
{
	git_oid oid;

	if (git_odb_hash(&oid, data, len, type_of(type)) < 0)
		return fail_libgit2(err, REASON_INTERNAL, "an object");
	*out = from_oid(&oid);
	return WM_OK;
}

/* Makes the names in the directory `path` durable; one that is not there has none. */
static enum wm_code sync_directory(const char *path, struct wm_error *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return WM_OK;
	if (fd < 0 || fsync(fd) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be synced", path);
	return WM_OK;
}

static void object_directory(char path[LIMIT_PATH], const struct repository *r, unsigned i)
{
	if (i < OBJECTS)
		snprintf(path, LIMIT_PATH, "%sobjects/%02x", r->directory, i);
	else
		snprintf(path, LIMIT_PATH, "%sobjects%s", r->directory, i == PACKS ? "/pack" : "");
}

enum wm_code repository_sync(struct repository *r, struct wm_error *err)
{
	char path[LIMIT_PATH];

	for (unsigned i = 0; i < DIRECTORIES; i++) {
		if (!r->unsynced[i])
			continue;
		object_directory(path, r, i);
		TRY(sync_directory(path, err));
		r->unsynced[i] = false;
	}
	return WM_OK;
}

enum wm_code repository_settle(const struct repository *r, struct wm_error *err)
{
	cleanup_fd int fd = open(r->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be synced", r->directory);
	return WM_OK;
}

/* --- trees ------------------------------------------------------------------------------- */

static const char file_mode[] = "100644 ";

enum wm_code tree_encode(struct buf *out, const struct tree_entry *files, size_t n,
			 struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		TRY(buf_append_str(out, file_mode, err));
		TRY(buf_append(out, files[i].name, files[i].name_len, err));
		TRY(buf_append_byte(out, 0, err));
		TRY(buf_append(out, files[i].blob.bytes, OBJECT_ID_BYTES, err));
	}
	return WM_OK;
}

/* Names of regular files sort by their bytes, one that begins another first. */
static bool in_order(const struct tree_entry *a, const struct tree_entry *b)
{
	const size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
	const int order = memcmp(a->name, b->name, len);

	return order < 0 || (order == 0 && a->name_len < b->name_len);
}

static enum wm_code malformed_tree(struct wm_error *err)
{
	return fail(err, REASON_LEDGER_MALFORMED, "a tree holds something else than plain files");
}

enum wm_code tree_parse(const void *data, size_t len, tree_visitor *visit, void *context,
			struct wm_error *err)
{
	struct cursor c = cursor_of(data, len);
	struct tree_entry before = { .name_len = 0 }, f;

	while (cursor_left(&c) > 0) {
		const uint8_t *mode = cursor_take(&c, sizeof(file_mode) - 1), *end, *id;

		if (!mode || memcmp(mode, file_mode, sizeof(file_mode) - 1) != 0)
			return malformed_tree(err);
		end = memchr(c.data + c.off, 0, cursor_left(&c));
		if (!end)
			return malformed_tree(err);
		f.name_len = (size_t)(end - (c.data + c.off));
		f.name = (const char *)cursor_take(&c, f.name_len + 1);
		id = cursor_take(&c, OBJECT_ID_BYTES);
		if (!id || f.name_len == 0 || memchr(f.name, '/', f.name_len) ||
		    (before.name_len > 0 && !in_order(&before, &f)))
			return malformed_tree(err);
		memcpy(f.blob.bytes, id, OBJECT_ID_BYTES);
		TRY(visit(context, &f, err));
		before = f;
	}
	return WM_OK;
}
