/* SPDX-License-Identifier: Apache-2.0 */
/* In the child: walking the groups of a file and listing its data sets. */
#include "format/hdf5_internal.h"

#include <stdlib.h>
#include <string.h>

#include "format/hdf5_dataset.h"
#include "format/hdf5_library.h"
#include "util/cleanup.h"

enum {
	TABLE_FIRST = 1024,	   /* places, a power of two */
	LINKS_MAX = 2 * LIMIT_TENSORS,
	RECORD_MAX = 16 + 8 * HDF5_RANK_MAX + LIMIT_NAME,
};

/* An object that was met, by its address in the file. */
struct object {
	haddr_t at;
	uint8_t *record; /* of a data set: all but the name of its record; NULL: text, a group */
	size_t len;
	bool is_group, is_used;
};

struct walk {
	struct hdf5_place place; /* what is being looked at */
	const struct sink *out;
	struct arena arena; /* records */
	struct object *table;
	size_t n_objects, n_places;
	struct buf groups; /* to walk: the address, the path and a zero byte; "" is the root */
	size_t group;	   /* where the path of the present one is */
	struct buf path;   /* of what a link leads to */
	unsigned n_links, n_datasets;
	size_t listed; /* bytes */
	struct wm_error *err;
	enum wm_code code; /* why the walk ended */
};

static void walk_release(struct walk *w)
{
	arena_release(&w->arena);
	free(w->table);
	buf_release(&w->groups);
	buf_release(&w->path);
}

/* --- objects that were met --------------------------------------------------------------- */

/* The place of an address in the table, which has a free one. */
static struct object *look_up(struct object *table, size_t n_places, haddr_t at)
{
	size_t i = (size_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (n_places - 1);

	while (table[i].is_used && table[i].at != at)
		i = (i + 1) & (n_places - 1);
	return &table[i];
}

static enum wm_code grow(struct walk *w, struct wm_error *err)
{
	const size_t n = w->n_places ? 2 * w->n_places : TABLE_FIRST;
	struct object *table;

	if (2 * w->n_objects < w->n_places)
		return WM_OK;
	table = calloc(n, sizeof(*table));
	if (!table)
		return fail_nomem(err);
	for (size_t i = 0; i < w->n_places; i++)
		if (w->table[i].is_used)
			*look_up(table, n, w->table[i].at) = w->table[i];
	free(w->table);
	w->table = table;
	w->n_places = n;
	return WM_OK;
}

/* --- records ----------------------------------------------------------------------------- */

static enum wm_code append_le(struct buf *out, uint64_t value, unsigned n_bytes,
			      struct wm_error *err)
{
	for (unsigned i = 0; i < n_bytes; i++)
		TRY(buf_append_byte(out, (uint8_t)(value >> 8 * i), err));
	return WM_OK;
}

static enum wm_code give(struct walk *w, const void *data, size_t len, struct wm_error *err)
{
	w->listed += len;
	if (w->listed > HDF5_LIST_MAX)
		return fail(err, REASON_LIMIT, "%s: a list of more than %d bytes", w->place.name,
			    HDF5_LIST_MAX);
	return w->out->take(w->out->context, data, len, err);
}

/* Keeps the record of a data set without length of name, offset, dims and name apart. */
static enum wm_code keep_record(struct walk *w, struct object *o, const struct hdf5_dataset *d,
				struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(RECORD_MAX);
	char *copy = NULL;

	TRY(append_le(&b, d->is_run ? d->off : 0, 8, err));
	for (unsigned i = 0; i < d->rank; i++)
		TRY(append_le(&b, d->dims[i], 8, err));
	TRY(append_le(&b, HDF5_DATASET, 1, err));
	TRY(append_le(&b, d->dtype, 1, err));
	TRY(append_le(&b, d->rank, 1, err));
	TRY(append_le(&b, d->is_run, 1, err));
	TRY(arena_copy(&copy, &w->arena, b.data, b.len, err));
	o->record = (uint8_t *)copy;
	o->len = b.len;
	return WM_OK;
}

/* Gives the record of the data set at w->path. */
static enum wm_code give_record(struct walk *w, const struct object *o, struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(RECORD_MAX);
	const size_t head = 4, name_len = w->path.len;

	if (!o->record)
		return WM_OK;
	if (++w->n_datasets > LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: more than %d data sets", w->place.name,
			    LIMIT_TENSORS);
	TRY(buf_append(&b, o->record + o->len - head, head, err));
	TRY(append_le(&b, name_len, 4, err));
	TRY(buf_append(&b, o->record, o->len - head, err));
	TRY(buf_append(&b, w->path.data, name_len, err));
	return give(w, b.data, b.len, err);
}

/* --- walking ----------------------------------------------------------------------------- */

/* Makes w->path that of the link `link` of the present group. */
static enum wm_code join(struct walk *w, const char *link, struct wm_error *err)
{
	const char *group = buf_str(&w->groups) + w->group;
	const size_t len = strlen(group), more = strlen(link);

	buf_truncate(&w->path, 0);
	if (len + 1 + more > LIMIT_NAME)
		return fail(err, REASON_HDF5_NAME, "%s: a path of more than %d bytes",
			    w->place.name, LIMIT_NAME);
	TRY(buf_append(&w->path, group, len, err));
	if (len > 0)
		TRY(buf_append_byte(&w->path, '/', err));
	TRY(buf_append(&w->path, link, more, err));
	w->place.path = buf_str(&w->path);
	return WM_OK;
}

/* Puts the group at w->path on the list of those to walk. */
static enum wm_code add_group(struct walk *w, struct object *o, haddr_t at, struct wm_error *err)
{
	unsigned depth = w->path.len > 0;

	if (o->is_used)
		return fail(err, REASON_HDF5_LINK, "%s: two links lead to the group '%.120s'",
			    w->place.name, w->place.path);
	for (size_t i = 0; i < w->path.len; i++)
		depth += w->path.data[i] == '/';
	if (depth > LIMIT_DEPTH)
		return fail(err, REASON_LIMIT, "%s: groups within groups, over %d levels",
			    w->place.name, LIMIT_DEPTH);
	o->is_group = true;
	TRY(buf_append(&w->groups, &at, sizeof(at), err));
	TRY(buf_append(&w->groups, w->path.data, w->path.len, err));
	return buf_append_byte(&w->groups, 0, err);
}

/* Looks at an object that was opened by a link, at w->path. */
static enum wm_code meet(struct walk *w, hid_t object, bool is_soft, struct wm_error *err)
{
	struct hdf5_dataset d;
	struct object *o;
	H5O_info_t info;

	if (w->place.h->H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0)
		return hdf5_failed(&w->place, "head", err);
	TRY(grow(w, err));
	o = look_up(w->table, w->n_places, info.addr);
	if (info.type == H5O_TYPE_GROUP && is_soft)
		return fail(err, REASON_HDF5_LINK, "%s: the soft link '%.120s' leads to a group",
			    w->place.name, w->place.path);
	if (info.type == H5O_TYPE_GROUP) {
		TRY(add_group(w, o, info.addr, err));
	} else if (info.type != H5O_TYPE_DATASET) {
		return fail(err, REASON_HDF5_TYPE, "%s: '%.120s' is neither a group nor a data set",
			    w->place.name, w->place.path);
	} else if (!o->is_used) {
		TRY(hdf5_describe(&d, &w->place, object, err));
		if (!d.is_text)
			TRY(keep_record(w, o, &d, err));
	}
	w->n_objects += !o->is_used;
	o->is_used = true;
	o->at = info.addr;
	return o->is_group ? WM_OK : give_record(w, o, err);
}

static bool is_plain(const char *link)
{
	return link[0] != '\0' && !strchr(link, '/') && strcmp(link, ".") != 0;
}

static enum wm_code follow(struct walk *w, hid_t group, const char *link, const H5L_info_t *info,
			   struct wm_error *err)
{
	enum wm_code code;
	hid_t object;

	if (++w->n_links > LINKS_MAX)
		return fail(err, REASON_LIMIT, "%s: more than %d links", w->place.name, LINKS_MAX);
	if (!is_plain(link))
		return fail(err, REASON_HDF5_NAME, "%s: a link with the name '%.120s'",
			    w->place.name, link);
	TRY(join(w, link, err));
	if (info->type != H5L_TYPE_HARD && info->type != H5L_TYPE_SOFT)
		return fail(err, REASON_HDF5_EXTERNAL, "%s: '%.120s' is a link to another file",
			    w->place.name, w->place.path);
	/* By its name, as loaders do: a damaged group may list what they do not find. */
	object = w->place.h->H5Oopen(group, link, H5P_DEFAULT);
	if (object < 0 && info->type == H5L_TYPE_SOFT)
		return fail(err, REASON_HDF5_LINK, "%s: the soft link '%.120s' leads nowhere",
			    w->place.name, w->place.path);
	if (object < 0)
		return hdf5_failed(&w->place, "head", err);
	code = meet(w, object, info->type == H5L_TYPE_SOFT, err);
	w->place.h->H5Oclose(object);
	return code;
}

static herr_t visit(hid_t group, const char *link, const H5L_info_t *info, void *context)
{
	struct walk *w = context;

	w->code = follow(w, group, link, info, w->err);
	return w->code == WM_OK ? 0 : -1;
}

/* The path of the present group for messages; moved by whoever adds one. */
static const char *name_group(const struct walk *w)
{
	return w->groups.data[w->group] ? buf_str(&w->groups) + w->group : "/";
}

/* Walks the next group of the list. */
static enum wm_code walk_group(struct walk *w, hid_t file, struct wm_error *err)
{
	haddr_t at;
	hid_t group;
	herr_t done;

	memcpy(&at, w->groups.data + w->group, sizeof(at));
	w->group += sizeof(at);
	w->place.path = name_group(w);
	group = w->place.h->H5Oopen_by_addr(file, at);
	if (group < 0)
		return hdf5_failed(&w->place, "links", err);
	done = w->place.h->H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, w);
	w->place.h->H5Oclose(group);
	TRY(w->code);
	w->place.path = name_group(w);
	if (done < 0)
		return hdf5_failed(&w->place, "links", err);
	w->group += strlen(buf_str(&w->groups) + w->group) + 1;
	return WM_OK;
}

static enum wm_code walk(struct walk *w, hid_t file, struct wm_error *err)
{
	const hid_t root = w->place.h->H5Oopen(file, "/", H5P_DEFAULT);

	if (root < 0)
		return hdf5_failed(&w->place, "head", err);
	TRY(meet(w, root, false, err));
	w->place.h->H5Oclose(root);
	while (w->group < w->groups.len)
		TRY(walk_group(w, file, err));
	return WM_OK;
}

/* --- what Keras is told ------------------------------------------------------------------ */

/* Gives the attributes of the root of which Keras builds a model. */
static enum wm_code give_configs(struct walk *w, hid_t file, struct wm_error *err)
{
	static const char *const names[] = { "model_config", "training_config" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_buf struct buf text = BUF_INIT(HDF5_CONFIG_MAX);
		cleanup_buf struct buf head = BUF_INIT(8);
		bool is_there = false;

		w->place.path = names[i];
		TRY(hdf5_read_text(&is_there, &text, &w->place, file, err));
		if (!is_there)
			continue;
		TRY(append_le(&head, HDF5_CONFIG, 1, err));
		TRY(append_le(&head, text.len, 4, err));
		TRY(give(w, head.data, head.len, err));
		TRY(give(w, text.data, text.len, err));
	}
	return WM_OK;
}

enum wm_code hdf5_list(const void *context, const struct sink *out, struct wm_error *err)
{
	__attribute__((cleanup(walk_release))) struct walk w = {
		.out = out,
		.arena = ARENA_INIT(LIMIT_HEADER),
		.groups = BUF_INIT(LIMIT_HEADER),
		.path = BUF_INIT(LIMIT_NAME),
		.err = err,
	};
	hid_t file;

	w.place.name = context;
	w.place.path = "/";
	TRY(hdf5_library_load(&w.place.h, err));
	file = hdf5_library_open_file();
	if (file < 0)
		return hdf5_failed(&w.place, "superblock", err);
	TRY(walk(&w, file, err));
	return give_configs(&w, file, err);
}
