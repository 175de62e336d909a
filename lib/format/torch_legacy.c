/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PyTorch's files before 1.6 (torch/serialization.py, _legacy_save):
 *
 *	file       = magic version system object keys storage... , and nothing behind
 *	magic      = pickle of 0x1950a86a20f9469cfc6c
 *	version    = pickle of 1001
 *	system     = pickle of a dict; "little_endian" is True
 *	object     = pickle of what was saved (format/torch.c)
 *	keys       = pickle of a list of the keys of storages, each once
 *	storage    = i64 number of elements, their bytes; one a key, in the order of `keys`
 *	storage id = ("storage", type, key, location, numel, None); in place of None PyTorch
 *	             before 0.4 had views, which it looks up by a key of their own: refused
 *
 * PyTorch ignores what follows the last storage. There is no place for a slot.
 */
#include <stdlib.h>
#include <string.h>

#include "format/tar.h"
#include "format/torch.h"
#include "util/cursor.h"

static const uint8_t magic[] = { 0x80, 2,    0x8a, 10,	 0x6c, 0xfc, 0x9c, 0x46,
				 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.' };
static const uint8_t version[] = { 0x80, 2, 'M', 0xe9, 3, '.' };

enum { HEAD_FIRST = 1 << 20, NUMEL_BYTES = 8, ID_ITEMS = 6 };

/* One storage: what the object says of it, and where it lies. */
struct storage {
	const uint8_t *key; /* in the pickle of the object */
	uint32_t key_len;
	enum dtype dtype;
	bool untyped;
	int64_t numel;
	uint64_t off; /* of its bytes; 0: not placed yet */
};

struct reader {
	struct layout *layout;
	const struct window *file;
	struct pickle object, keys;
	struct storage *storages; /* by key */
	size_t n;
	size_t pickles_len; /* of all five */
};

static void reader_release(struct reader *r)
{
	pickle_release(&r->object);
	pickle_release(&r->keys);
	free(r->storages);
}

#define cleanup_reader __attribute__((cleanup(reader_release)))

static enum wm_code malformed(const struct reader *r, const char *what, struct wm_error *err)
{
	return fail(err, REASON_TORCH_MALFORMED, "%s: %s", r->file->name, what);
}

/* --- the pickles ---------------------------------------------------------------------- */

static bool says_little(const struct pickle *p)
{
	const struct pickle_node *dict = pickle_node(p, p->root);
	uint32_t cell = dict->kind == PICKLE_DICT && dict->n ? dict->items.first : 0;

	while (cell) {
		const struct pickle_node *key = pickle_node(p, p->cells[cell].node);
		const struct pickle_node *value;

		cell = p->cells[cell].next;
		value = pickle_node(p, p->cells[cell].node);
		if (pickle_text_is(p, key, "little_endian"))
			return value->kind == PICKLE_BOOL && value->integer == 1;
		cell = p->cells[cell].next;
	}
	return false;
}

/* Only the object may name code, because its names alone are listed. */
static bool is_plain(const struct pickle *p)
{
	for (uint32_t i = 0; i < p->n_nodes; i++)
		if (pickle_node(p, i)->kind >= PICKLE_GLOBAL)
			return false;
	return true;
}

/* Reads the pickles of l->head, as far as that goes. */
static enum wm_code read_pickles(struct reader *r, struct wm_error *err)
{
	const struct buf *head = &r->layout->head;
	cleanup_pickle struct pickle system = PICKLE_INIT;
	size_t at = sizeof(magic) + sizeof(version);

	if (head->len < at || memcmp(head->data + sizeof(magic), version, sizeof(version)) != 0)
		return malformed(r, "is of another version than 1001", err);
	TRY(pickle_read(&system, head->data + at, head->len - at, r->file->name, err));
	at += system.len;
	TRY(pickle_read(&r->object, head->data + at, head->len - at, r->file->name, err));
	at += r->object.len;
	TRY(pickle_read(&r->keys, head->data + at, head->len - at, r->file->name, err));
	r->pickles_len = at + r->keys.len;
	if (!is_plain(&system) || !is_plain(&r->keys))
		return malformed(r, "names code beside its object", err);
	return says_little(&system) ? WM_OK
				    : malformed(r, "is not of a little-endian machine", err);
}

/* Reads the beginning, first what most files need, then as much as is allowed. */
static enum wm_code read_head(struct reader *r, struct wm_error *err)
{
	struct buf *head = &r->layout->head;
	uint64_t size = r->file->size;
	enum wm_code code;

	for (size_t len = HEAD_FIRST;; len = LIMIT_PICKLE) {
		size_t want = size < len ? (size_t)size : len;
		struct wm_error why = { 0 };

		TRY(buf_reserve(head, want - head->len, err));
		TRY(window_read(r->file, head->data + head->len, want - head->len, head->len, err));
		head->len = want;
		head->data[want] = 0;
		code = read_pickles(r, &why);
		if (code == WM_OK || want == size || len == LIMIT_PICKLE)
			return code == WM_OK ? WM_OK : fail_again(err, &why);
		pickle_release(&r->object);
		pickle_release(&r->keys);
	}
}

/* --- the storages --------------------------------------------------------------------- */

static int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_storages(const void *a, const void *b)
{
	const struct storage *x = a, *y = b;

	return compare_keys(x->key, x->key_len, y->key, y->key_len);
}

static struct storage *find(const struct reader *r, const struct pickle *p,
			    const struct pickle_node *key)
{
	const struct storage wanted = { .key = p->data + key->off, .key_len = key->n };

	if (key->kind != PICKLE_TEXT || r->n == 0)
		return NULL;
	return bsearch(&wanted, r->storages, r->n, sizeof(*r->storages), compare_storages);
}

/* What a persistent id says. */
static enum wm_code read_id(struct storage *out, const struct reader *r,
			    const struct pickle_node *id, struct wm_error *err)
{
	const struct pickle *p = &r->object;
	const struct pickle_node *key, *numel, *global;

	if (id->kind != PICKLE_TUPLE || id->n != ID_ITEMS ||
	    !pickle_text_is(p, pickle_node(p, pickle_item(p, id, 0)), "storage"))
		return malformed(r, "a persistent id is none of a storage", err);
	key = pickle_node(p, pickle_item(p, id, 2));
	numel = pickle_node(p, pickle_item(p, id, 4));
	if (key->kind != PICKLE_TEXT || numel->kind != PICKLE_INTEGER || numel->integer < 0)
		return malformed(r, "a storage has no key or number of elements", err);
	global = pickle_node(p, pickle_item(p, id, 1));
	if (!torch_storage_type(&out->dtype, &out->untyped, p, global))
		return torch_fail_storage(p, key, global, r->file->name, err);
	out->key = p->data + key->off;
	out->key_len = key->n;
	out->numel = numel->integer;
	return WM_OK;
}

/* Gathers what the object says of each storage; ids of one key must agree. */
static enum wm_code list_storages(struct reader *r, struct wm_error *err)
{
	const struct pickle *p = &r->object;
	size_t n = 0, kept = 0;

	for (uint32_t i = 0; i < p->n_nodes; i++)
		n += pickle_node(p, i)->kind == PICKLE_PERSISTENT;
	r->storages = calloc(n + 1, sizeof(*r->storages));
	if (!r->storages)
		return fail_nomem(err);
	n = 0;
	for (uint32_t i = 0; i < p->n_nodes; i++)
		if (pickle_node(p, i)->kind == PICKLE_PERSISTENT)
			TRY(read_id(&r->storages[n++], r,
				    pickle_node(p, pickle_item(p, pickle_node(p, i), 0)), err));
	if (n > 1)
		qsort(r->storages, n, sizeof(*r->storages), compare_storages);
	for (size_t i = 0; i < n; i++) {
		const struct storage *s = &r->storages[i],
				     *last = &r->storages[kept ? kept - 1 : 0];

		if (kept == 0 || compare_storages(last, s) != 0)
			r->storages[kept++] = *s;
		else if (last->dtype != s->dtype || last->numel != s->numel)
			return malformed(r, "two ids of one storage contradict", err);
	}
	r->n = kept;
	return WM_OK;
}

/* Finds the bytes of each storage behind the pickles. */
static enum wm_code place_storages(struct reader *r, struct wm_error *err)
{
	const struct pickle_node *keys = pickle_node(&r->keys, r->keys.root);
	uint64_t at = r->pickles_len, size = r->file->size, len, numel = 0;
	uint32_t cell = keys->kind == PICKLE_LIST && keys->n ? keys->items.first : 0;

	if (keys->kind != PICKLE_LIST || keys->n != r->n)
		return malformed(r, "its list of storages is not that of its object", err);
	for (; cell; cell = r->keys.cells[cell].next) {
		struct storage *s =
			find(r, &r->keys, pickle_node(&r->keys, r->keys.cells[cell].node));
		uint8_t *bytes = NULL;
		void *room = NULL;
		struct cursor c;

		if (!s || s->off)
			return malformed(r, "it lists a storage that nothing needs, or twice", err);
		if (size - at < NUMEL_BYTES)
			return malformed(r, "ends within its storages", err);
		TRY(arena_alloc(&room, &r->layout->arena, NUMEL_BYTES, err));
		bytes = room;
		TRY(window_read(r->file, bytes, NUMEL_BYTES, at, err));
		TRY(layout_add_piece(r->layout, at, bytes, NUMEL_BYTES, err));
		c = cursor_of(bytes, NUMEL_BYTES);
		cursor_u64le(&c, &numel);
		at += NUMEL_BYTES;
		if (numel != (uint64_t)s->numel || !dtype_len(&len, s->dtype, numel) ||
		    len > size - at)
			return malformed(r, "a storage is of another length than its object says",
					 err);
		s->off = at;
		at += len;
	}
	return at == size ? WM_OK : malformed(r, "something follows its last storage", err);
}

/* --- its tensors ---------------------------------------------------------------------- */

static enum wm_code find_storage(struct torch_storage *out, void *context, const struct pickle *p,
				 const struct pickle_node *id, struct wm_error *err)
{
	const struct reader *r = context;
	const struct storage *s = find(r, p, pickle_node(p, pickle_item(p, id, 2)));
	const struct pickle_node *view = pickle_node(p, pickle_item(p, id, 5));

	if (!s)
		return malformed(r, "a storage is gone", err);
	out->off = s->off;
	out->dtype = s->dtype;
	out->untyped = s->untyped;
	out->len = (uint64_t)s->numel * dtype_info(s->dtype)->bytes; /* it fits: it was placed */
	return view->kind == PICKLE_NONE ? WM_OK : malformed(r, "a view of a storage", err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_reader struct reader r = { .layout = l, .file = w };
	cleanup_torch_reader struct torch_reader t = {
		.layout = l, .name = w->name, .pickle = &r.object, .storage = find_storage,
		.context = &r,
	};

	TRY(read_head(&r, err));
	if (tar_is_first_block(l->head.data, l->head.len))
		return malformed(&r, "is a tar too, which PyTorch tries first", err);
	TRY(torch_add_imports(l, &r.object, err));
	TRY(list_storages(&r, err));
	l->size = w->size;
	TRY(layout_add_piece(l, 0, l->head.data, r.pickles_len, err));
	TRY(place_storages(&r, err));
	layout_sort_pieces(l);
	TRY(torch_add_tensors(&t, err));
	return torch_finish(&t, err);
}

static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)name, (void)size;
	return len >= sizeof(magic) && memcmp(start, magic, sizeof(magic)) == 0;
}

const struct format format_torch_legacy = {
	.grammar = "torch-legacy/1", .claims = claims, .parse = parse, .gather = torch_gather,
};
