/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PyTorch's files since 1.6: a zip archive of records (caffe2/serialize/inline_container.h).
 *
 *	file     = zip archive (format/zip.c) of stored members, all below one directory
 *	PREFIX/data.pkl	 the pickle of what was saved (format/torch.c), one, and nothing behind it
 *	PREFIX/data/KEY	 the bytes of the storage KEY, as many as its numel times its type
 *	PREFIX/byteorder "little", where it is there
 *	PREFIX/version	 or PREFIX/.data/version: a decimal number from 1 to 10
 *	others	 skeleton: .data/..., and of TorchScript code/, constants.pkl, extra/
 *	storage id = ("storage", type, KEY, location, numel); of one KEY always the same type
 *
 * Loaders look for records without regard to upper and lower case. So no record has one of
 * the names above but for the case of letters, and no two records have such names.
 *
 * The first entry of the directory names PREFIX, as for PyTorch's reader. TorchScript's code
 * is no Python, but runs: each of its files is a name of code, and so is constants.pkl, by
 * which torch.load() tells it. The slot is the member
 * PREFIX/extra/weightmark.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/torch.h"
#include "format/zip.h"
#include "util/file.h"

enum { SMALL_MAX = 16, TAIL_MAX = 64, VERSION_MAX = 10, LOCAL_BYTES = 30 };

static const char slot_name[] = "/extra/weightmark";

struct archive {
	struct zip zip;
	struct layout *layout;
	const struct window *file;
	char prefix[LIMIT_PATH];
	uint8_t *types; /* of each member that is a storage, its dtype plus one */
};

static void archive_release(struct archive *a)
{
	free(a->types);
	zip_release(&a->zip);
}

#define cleanup_archive __attribute__((cleanup(archive_release)))

static enum wm_code malformed(const struct archive *a, const char *what, struct wm_error *err)
{
	return fail(err, REASON_TORCH_MALFORMED, "%s: %s", a->file->name, what);
}

/* The member PREFIX/name, or NULL. */
static const struct zip_member *find(const struct archive *a, const char *name)
{
	char path[LIMIT_PATH + LIMIT_MESSAGE];

	snprintf(path, sizeof(path), "%s%s", a->prefix, name);
	return zip_find(&a->zip, path);
}

/* Takes the directory of the first entry, in which all others must be. */
static enum wm_code find_prefix(struct archive *a, struct wm_error *err)
{
	const struct zip *z = &a->zip;
	const char *slash = z->n_members ? strchr(z->members[0].name, '/') : NULL;
	size_t len;

	if (!slash || slash - z->members[0].name >= LIMIT_PATH - TAIL_MAX)
		return malformed(a, "its first record is in no directory", err);
	len = (size_t)(slash - z->members[0].name);
	memcpy(a->prefix, z->members[0].name, len);
	a->prefix[len] = '\0';
	for (size_t i = 0; i < z->n_members; i++)
		if (strncmp(z->members[i].name, z->members[0].name, len + 1) != 0)
			return malformed(a, "its records are not in one directory", err);
	return WM_OK;
}

/* The storage whose id is ("storage", type, key, location, numel). */
static enum wm_code find_storage(struct torch_storage *out, void *context, const struct pickle *p,
				 const struct pickle_node *id, struct wm_error *err)
{
	struct archive *a = context;
	char name[sizeof("/data/") + TAIL_MAX];
	const struct pickle_node *key, *numel, *global;
	const struct zip_member *m;
	uint64_t len;
	uint8_t *type;

	if (id->n != 5 || !pickle_text_is(p, pickle_node(p, pickle_item(p, id, 0)), "storage"))
		return malformed(a, "a persistent id is none of a storage", err);
	key = pickle_node(p, pickle_item(p, id, 2));
	numel = pickle_node(p, pickle_item(p, id, 4));
	global = pickle_node(p, pickle_item(p, id, 1));
	if (!torch_storage_type(&out->dtype, &out->untyped, p, global))
		return torch_fail_storage(p, key, global, a->file->name, err);
	if (key->kind != PICKLE_TEXT || key->n > TAIL_MAX || numel->kind != PICKLE_INTEGER ||
	    numel->integer < 0)
		return malformed(a, "a storage has no key or number of elements", err);
	if (memchr(p->data + key->off, '\0', key->n))
		return malformed(a, "a key of a storage holds a NUL", err);
	snprintf(name, sizeof(name), "/data/%.*s", (int)key->n, (const char *)p->data + key->off);
	m = find(a, name);
	if (!m || m->deflated)
		return malformed(a, "a storage has no stored record", err);
	if (!dtype_len(&len, out->dtype, (uint64_t)numel->integer) || len != m->len)
		return fail(err, REASON_TORCH_MALFORMED,
			    "%s: record '%.80s' has %llu bytes, its storage needs %lld elements",
			    a->file->name, m->name, (unsigned long long)m->len,
			    (long long)numel->integer);
	type = &a->types[m - a->zip.members];
	if (*type != 0 && *type != out->dtype + 1)
		return fail(err, REASON_TORCH_MALFORMED, "%s: record '%.80s' has two types",
			    a->file->name, m->name);
	*type = (uint8_t)(out->dtype + 1);
	out->off = m->off;
	out->len = m->len;
	return WM_OK;
}

static enum wm_code check_byteorder(struct archive *a, struct wm_error *err)
{
	const struct zip_member *m = find(a, "/byteorder");
	const uint8_t *bytes = NULL;

	if (!m)
		return WM_OK;
	TRY(zip_load(&bytes, a->layout, m, SMALL_MAX, a->file, err));
	if (m->len != strlen("little") || memcmp(bytes, "little", strlen("little")) != 0)
		return malformed(a, "its byte order is not little", err);
	return WM_OK;
}

/* The version of the format; the reader of PyTorch takes no archive without one. */
static enum wm_code check_version(struct archive *a, struct wm_error *err)
{
	const struct zip_member *m = find(a, "/.data/version");
	const uint8_t *bytes = NULL;
	unsigned version = 0;

	m = m ? m : find(a, "/version");
	if (!m)
		return malformed(a, "has no version", err);
	TRY(zip_load(&bytes, a->layout, m, SMALL_MAX, a->file, err));
	for (uint64_t i = 0; i < m->len && version <= VERSION_MAX; i++) {
		if (bytes[i] == '\n' && i > 0 && i + 1 == m->len)
			break;
		if (bytes[i] < '0' || bytes[i] > '9')
			return malformed(a, "its version is no number", err);
		version = version * 10 + (bytes[i] - '0');
	}
	return version >= 1 && version <= VERSION_MAX ?
		       WM_OK :
		       malformed(a, "its version is none that is known", err);
}

/* No record is one that loaders look for, but for upper and lower case. */
static enum wm_code check_cases(const struct archive *a, struct wm_error *err)
{
	static const char *const names[] = { "/data.pkl",      "/byteorder", "/version",
					     "/.data/version", "/constants.pkl" };
	size_t prefix_len = strlen(a->prefix);

	for (size_t i = 0; i < a->zip.n_members; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			const char *name = a->zip.members[i].name + prefix_len;

			if (zip_same_name(name, names[k]) && strcmp(name, names[k]) != 0)
				return malformed(a, "a record's name is in the wrong case", err);
		}
	return WM_OK;
}

/* TorchScript's modules. */
static enum wm_code add_code(struct archive *a, struct wm_error *err)
{
	size_t prefix_len = strlen(a->prefix);

	for (size_t i = 0; i < a->zip.n_members; i++) {
		const char *name = a->zip.members[i].name + prefix_len;
		cleanup_buf struct buf text = BUF_INIT(2 * LIMIT_PATH);

		if (strncmp(name, "/code/", strlen("/code/")) != 0 &&
		    strcmp(name, "/constants.pkl") != 0)
			continue;
		TRY(buf_printf(&text, err, "torchscript:%s", name + 1));
		TRY(layout_add_import(a->layout, buf_str(&text), text.len, false, err));
	}
	return WM_OK;
}

static enum wm_code read_pickle(struct archive *a, struct pickle *p, struct wm_error *err)
{
	const struct zip_member *m = find(a, "/data.pkl");
	const uint8_t *bytes = NULL;

	if (!m)
		return malformed(a, "has no data.pkl", err);
	TRY(zip_load(&bytes, a->layout, m, LIMIT_PICKLE, a->file, err));
	TRY(pickle_read(p, bytes, (size_t)m->len, a->file->name, err));
	if (p->len != m->len)
		return fail(err, REASON_PICKLE_MALFORMED,
			    "%s: something follows the pickle in '%s'",
			    a->file->name, m->name);
	return torch_add_imports(a->layout, p, err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_archive struct archive a = { .layout = l, .file = w };
	cleanup_pickle struct pickle p = PICKLE_INIT;
	cleanup_torch_reader struct torch_reader r = {
		.layout = l, .name = w->name, .pickle = &p, .storage = find_storage, .context = &a,
	};
	char slot[LIMIT_PATH];

	TRY(zip_read(&a.zip, l, w, err));
	TRY(find_prefix(&a, err));
	snprintf(slot, sizeof(slot), "%.*s%s", LIMIT_PATH - TAIL_MAX, a.prefix, slot_name);
	TRY(zip_take_slot(&a.zip, l, w, slot, err));
	a.types = calloc(a.zip.n_members + 1, sizeof(*a.types));
	if (!a.types)
		return fail_nomem(err);
	TRY(check_cases(&a, err));
	TRY(check_version(&a, err));
	TRY(check_byteorder(&a, err));
	TRY(read_pickle(&a, &p, err));
	TRY(add_code(&a, err));
	TRY(zip_close(&a.zip, l, err));
	TRY(torch_add_tensors(&r, err));
	pickle_release(&p);
	return torch_finish(&r, err);
}

static enum wm_code embed(struct buf *zone, const struct layout *l, const void *carried,
			  size_t len, const char *name, struct wm_error *err)
{
	char slot[LIMIT_PATH];

	TRY(zip_first_directory(slot, sizeof(slot) - sizeof(slot_name), l, name, err));
	memcpy(slot + strlen(slot), slot_name, sizeof(slot_name));
	return zip_embed(zone, l, slot, carried, len, name, err);
}

/* An archive under a name of weights; under any other, one whose first record PyTorch wrote. */
static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	static const char *const names[] = { ".pt", ".pth", ".bin", ".ckpt", ".ptl", ".dat",
					     ".model", NULL };
	static const char *const records[] = { "/data.pkl", "/version", "/byteorder",
					       "/.format_version", "/.data/version" };
	size_t name_len;

	(void)size;
	if (!zip_claims(start, len))
		return false;
	if (file_ends_with_any(name, names))
		return true;
	if (len < LOCAL_BYTES)
		return false;
	name_len = (size_t)start[26] | (size_t)start[27] << 8;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		size_t n = strlen(records[i]);

		if (name_len >= n && name_len <= len - LOCAL_BYTES &&
		    memcmp(start + LOCAL_BYTES + name_len - n, records[i], n) == 0)
			return true;
	}
	return false;
}

const struct format format_torch_zip = {
	.grammar = "torch-zip/1", .claims = claims, .parse = parse, .embed = embed,
	.gather = torch_gather,
};
