/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors: an index of tensors in JSON, then their bytes.
 *
 *	file     = length header buffer, and nothing else
 *	length   = u64, little-endian: the bytes of header; at most LIMIT_HEADER
 *	header   = one JSON map (RFC 8259: object) in UTF-8, spaces around it allowed:
 *	           { name: entry, ..., "__metadata__": metadata } in any order
 *	name     = text without control characters (so without NUL), each once
 *	entry    = { "dtype": text, "shape": [u64, ...], "data_offsets": [begin, end] },
 *	           exactly these keys, each once, in any order
 *	metadata = { text: text, ... }, at most once, each key once
 *	begin,   = u64, offsets into buffer; sorted by them the tensors follow one another
 *	end        from 0 to the end of buffer without hole or overlap; begin == end where
 *	           shape holds a 0
 *	buffer   = row-major, little-endian; end - begin == elements * bits of dtype / 8
 *
 * Keys are compared after their escapes are resolved. The reference reader lets the
 * last of two equal names win, others the first: hence duplicates are refused. One entry
 * of metadata may be a slot (safetensors_slot.c).
 */
#include "format/safetensors_internal.h"

#include <stdlib.h>
#include <string.h>

#include "text/json.h"
#include "util/cleanup.h"

enum {
	LENGTH_BYTES = SAFETENSORS_LENGTH_BYTES,
	HEADER_LEAST = 2,	     /* {} */
	HEADER_CLAIMED = 100000000, /* the reference reader's own limit */
	METADATA_MEMORY = 2 * LIMIT_HEADER,
};

/* The types that this format knows, in the specification's spelling. */
static const enum dtype dtypes[] = {
	DTYPE_F32, DTYPE_BF16, DTYPE_F16, DTYPE_U8, DTYPE_I8, DTYPE_I32, DTYPE_I64, DTYPE_BOOL,
	DTYPE_F8_E4M3, DTYPE_F8_E5M2, DTYPE_F8_E8M0, DTYPE_F8_E4M3FNUZ, DTYPE_F8_E5M2FNUZ,
	DTYPE_F4, DTYPE_F6_E2M3, DTYPE_F6_E3M2, DTYPE_I16, DTYPE_U16, DTYPE_U32, DTYPE_C64,
	DTYPE_F64, DTYPE_U64,
};

struct entry {
	struct tensor tensor;
	uint64_t begin, end; /* offsets into the buffer; begin <= end */
};

struct reader {
	struct layout *layout; /* until place(), `segment` of its tensors is where they begin */
	struct json json;
	const char *name; /* of the file, for messages */
	bool has_metadata;
};

static void reader_release(struct reader *r)
{
	json_release(&r->json);
}

#define cleanup_reader __attribute__((cleanup(reader_release)))

static enum wm_code malformed(const struct reader *r, const char *what, struct wm_error *err)
{
	return fail(err, REASON_SAFETENSORS_MALFORMED, "%s: header byte %zu: %s", r->name,
		    r->json.at, what);
}

/* Moves to the next event, which must be `wanted`. */
static enum wm_code expect(struct reader *r, enum json_event wanted, const char *what,
			   struct wm_error *err)
{
	enum json_event event;

	TRY(json_next(&r->json, &event, err));
	return event == wanted ? WM_OK : malformed(r, what, err);
}

static bool text_is(const struct reader *r, const char *text)
{
	return r->json.len == strlen(text) && memcmp(r->json.text, text, r->json.len) == 0;
}

static enum wm_code read_dtype(struct reader *r, struct tensor *t, struct wm_error *err)
{
	TRY(expect(r, JSON_TEXT, "a dtype must be text", err));
	for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
		if (text_is(r, dtype_info(dtypes[i])->name)) {
			t->dtype = dtypes[i];
			return WM_OK;
		}
	}
	return fail(err, REASON_SAFETENSORS_DTYPE, "%s: tensor '%.80s': unknown dtype '%.*s'",
		    r->name, t->name, (int)(r->json.len < 40 ? r->json.len : 40), r->json.text);
}

static enum wm_code read_shape(struct reader *r, struct tensor *t, struct wm_error *err)
{
	uint64_t dims[LIMIT_RANK];
	enum json_event event;
	void *copy = NULL;
	unsigned rank = 0;

	TRY(expect(r, JSON_LIST, "a shape must be a list", err));
	for (;;) {
		TRY(json_next(&r->json, &event, err));
		if (event == JSON_LIST_END)
			break;
		if (event != JSON_NUMBER)
			return malformed(r, "a shape must hold numbers only", err);
		if (rank == LIMIT_RANK)
			return fail(err, REASON_LIMIT, "%s: tensor '%.80s': rank over %d",
				    r->name, t->name, LIMIT_RANK);
		TRY(json_u64(&r->json, &dims[rank++], err));
	}
	t->rank = rank;
	if (rank == 0)
		return WM_OK;
	TRY(arena_alloc(&copy, &r->layout->arena, rank * sizeof(*dims), err));
	memcpy(copy, dims, rank * sizeof(*dims));
	t->dims = copy;
	return WM_OK;
}

static enum wm_code read_offsets(struct reader *r, struct entry *e, struct wm_error *err)
{
	static const char what[] = "data_offsets must be a list of two numbers";

	TRY(expect(r, JSON_LIST, what, err));
	TRY(expect(r, JSON_NUMBER, what, err));
	TRY(json_u64(&r->json, &e->begin, err));
	TRY(expect(r, JSON_NUMBER, what, err));
	TRY(json_u64(&r->json, &e->end, err));
	if (e->end < e->begin)
		return malformed(r, "data_offsets run backwards", err);
	return expect(r, JSON_LIST_END, what, err);
}

/* Reads the value of the key that was just read. `seen` has a bit a key so far. */
static enum wm_code read_field(struct reader *r, struct entry *e, unsigned *seen,
			       struct wm_error *err)
{
	static const char *const keys[] = { "dtype", "shape", "data_offsets" };
	const size_t n_keys = sizeof(keys) / sizeof(keys[0]);
	size_t i = 0;

	while (i < n_keys && !text_is(r, keys[i]))
		i++;
	if (i == n_keys)
		return malformed(r, "a key other than dtype, shape, data_offsets", err);
	if (*seen & 1u << i)
		return fail(err, REASON_SAFETENSORS_DUPLICATE, "%s: tensor '%.80s' has two %s",
			    r->name, e->tensor.name, keys[i]);
	*seen |= 1u << i;
	if (i == 0)
		return read_dtype(r, &e->tensor, err);
	return i == 1 ? read_shape(r, &e->tensor, err) : read_offsets(r, e, err);
}

static enum wm_code check_shape(const struct reader *r, struct entry *e, struct wm_error *err)
{
	struct tensor *t = &e->tensor;
	uint64_t n, len;

	t->len = e->end - e->begin;
	if (!tensor_elements(t, &n))
		return fail(err, REASON_SAFETENSORS_SHAPE,
			    "%s: tensor '%.80s': its shape has more elements than 64 bits count",
			    r->name, t->name);
	if (!dtype_len(&len, t->dtype, n))
		return fail(err, REASON_SAFETENSORS_SHAPE,
			    "%s: tensor '%.80s': %llu elements of %s do not fill whole bytes that "
			    "64 bits count", r->name, t->name, (unsigned long long)n,
			    dtype_info(t->dtype)->name);
	if (len != t->len)
		return fail(err, REASON_SAFETENSORS_SHAPE,
			    "%s: tensor '%.80s': shape and dtype need %llu bytes, data_offsets "
			    "give %llu", r->name, t->name, (unsigned long long)len,
			    (unsigned long long)t->len);
	return WM_OK;
}

static enum wm_code read_name(struct reader *r, struct tensor *t, struct wm_error *err)
{
	char *copy = NULL;

	if (r->json.len > LIMIT_NAME)
		return fail(err, REASON_LIMIT, "%s: header byte %zu: a name over %d bytes", r->name,
			    r->json.at, LIMIT_NAME);
	if (tensor_name_has_controls(r->json.text, r->json.len))
		return fail(err, REASON_SAFETENSORS_NAME,
			    "%s: header byte %zu: a tensor's name holds a control character",
			    r->name, r->json.at);
	TRY(arena_copy(&copy, &r->layout->arena, r->json.text, r->json.len, err));
	t->name = copy;
	t->name_len = r->json.len;
	return WM_OK;
}

/* The key that was just read names a tensor. */
static enum wm_code read_tensor(struct reader *r, struct wm_error *err)
{
	struct entry e = { 0 };
	enum json_event event;
	unsigned seen = 0;

	TRY(read_name(r, &e.tensor, err));
	TRY(expect(r, JSON_MAP, "a tensor's entry must be a map", err));
	for (;;) {
		TRY(json_next(&r->json, &event, err));
		if (event == JSON_MAP_END)
			break;
		TRY(read_field(r, &e, &seen, err));
	}
	if (seen != 7)
		return fail(err, REASON_SAFETENSORS_MALFORMED,
			    "%s: tensor '%.80s' lacks dtype, shape or data_offsets", r->name,
			    e.tensor.name);
	TRY(check_shape(r, &e, err));
	e.tensor.segment = e.begin;
	return layout_add_tensor(r->layout, &e.tensor, r->name, err);
}

static enum wm_code check_metadata(const struct reader *r, const struct node *map,
				   struct wm_error *err)
{
	const struct node *duplicate = NULL;

	TRY(node_find_duplicate(&duplicate, map, err));
	if (duplicate)
		return fail(err, REASON_SAFETENSORS_DUPLICATE,
			    "%s: __metadata__ has the key '%.80s' twice", r->name, duplicate->key);
	return WM_OK;
}

static enum wm_code too_many(const struct reader *r, struct wm_error *err)
{
	return fail(err, REASON_LIMIT, "%s: __metadata__ has more than %d entries", r->name,
		    LIMIT_METADATA);
}

static enum wm_code read_metadata_entry(struct reader *r, struct node *map, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_HEADER);
	struct tree *tree = &r->layout->metadata;
	struct node *value = NULL;
	enum json_event event;

	/* One more than the limit, which may be a slot. */
	if (map->len > LIMIT_METADATA)
		return too_many(r, err);
	TRY(buf_append(&key, r->json.text, r->json.len, err));
	TRY(json_next(&r->json, &event, err));
	if (event != JSON_TEXT)
		return fail(err, REASON_SAFETENSORS_METADATA,
			    "%s: __metadata__: '%.80s' is not text", r->name, buf_str(&key));
	if (memchr(key.data, 0, key.len) || memchr(r->json.text, 0, r->json.len))
		return fail(err, REASON_SAFETENSORS_METADATA, "%s: __metadata__: '%.80s' has NUL",
			    r->name, buf_str(&key));
	TRY(node_text(&value, tree, r->json.text, r->json.len, err));
	return node_set(map, tree, buf_str(&key), value, err);
}

static enum wm_code read_metadata(struct reader *r, struct wm_error *err)
{
	struct tree *tree = &r->layout->metadata;
	enum json_event event;

	if (r->has_metadata)
		return fail(err, REASON_SAFETENSORS_DUPLICATE, "%s: has __metadata__ twice",
			    r->name);
	r->has_metadata = true;
	tree->arena.max = METADATA_MEMORY;
	TRY(node_new(&tree->root, tree, NODE_MAP, err));
	TRY(json_next(&r->json, &event, err));
	if (event != JSON_MAP)
		return fail(err, REASON_SAFETENSORS_METADATA, "%s: __metadata__ is not a map",
			    r->name);
	for (;;) {
		TRY(json_next(&r->json, &event, err));
		if (event == JSON_MAP_END)
			break;
		TRY(read_metadata_entry(r, tree->root, err));
	}
	return check_metadata(r, tree->root, err);
}

static enum wm_code read_members(struct reader *r, struct wm_error *err)
{
	enum json_event event;

	TRY(expect(r, JSON_MAP, "the header must be a map", err));
	for (;;) {
		TRY(json_next(&r->json, &event, err));
		if (event == JSON_MAP_END)
			break;
		if (text_is(r, "__metadata__"))
			TRY(read_metadata(r, err));
		else
			TRY(read_tensor(r, err));
	}
	return expect(r, JSON_END, "something follows the header's map", err);
}

/* By offsets, so that empty tensors come before the one that begins where they lie. */
static int compare_places(const void *a, const void *b)
{
	const struct tensor *x = a, *y = b;

	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return tensor_compare_names(x, y);
}

/* Checks that the sorted tensors tile the buffer of `buffer` bytes; counts the non-empty. */
static enum wm_code check_tiling(const struct reader *r, uint64_t buffer, size_t *n_stored,
				 struct wm_error *err)
{
	const struct layout *l = r->layout;
	uint64_t at = 0;

	*n_stored = 0;
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];

		if (t->segment != at)
			return fail(err, t->segment < at ? REASON_SAFETENSORS_OVERLAP :
							   REASON_SAFETENSORS_HOLE,
				    "%s: tensor '%.80s' begins at %llu, not at %llu", r->name,
				    t->name, (unsigned long long)t->segment,
				    (unsigned long long)at);
		at += t->len;
		*n_stored += t->len > 0;
	}
	if (at != buffer)
		return fail(err, at > buffer ? REASON_SAFETENSORS_TRUNCATED :
					       REASON_SAFETENSORS_TRAILING,
			    "%s: the tensors take %llu bytes, the file has %llu behind its header",
			    r->name, (unsigned long long)at, (unsigned long long)buffer);
	return WM_OK;
}

/* Makes the segments of the checked tensors. */
static enum wm_code place(struct layout *l, size_t n_stored, struct wm_error *err)
{
	l->segments = calloc(n_stored + 1, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	l->segments[l->n_segments++].len = l->size = l->head.len;
	for (size_t i = 0; i < l->n_tensors; i++) {
		struct tensor *t = &l->tensors[i];

		t->segment = SIZE_MAX;
		if (t->len == 0)
			continue;
		t->segment = l->n_segments++;
		l->segments[t->segment] =
			(struct segment){ .off = l->size, .len = t->len, .tensor = true };
		l->size += t->len;
	}
	l->has_tensors = true;
	return WM_OK;
}

/* The specification wants '{' first and nothing but 0x20 behind '}'. */
static bool has_loose_spaces(const uint8_t *header, size_t len)
{
	while (len > 0 && header[len - 1] == ' ')
		len--;
	return len == 0 || header[0] != '{' || header[len - 1] != '}';
}

/* Reads length and header into l->head. */
static enum wm_code read_head(struct layout *l, const struct window *w, struct wm_error *err)
{
	uint8_t bytes[LENGTH_BYTES];
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	uint64_t n = 0;

	if (w->size < LENGTH_BYTES)
		return fail(err, REASON_SAFETENSORS_TRUNCATED, "%s: has only %llu bytes", w->name,
			    (unsigned long long)w->size);
	TRY(window_read(w, bytes, sizeof(bytes), 0, err));
	cursor_u64le(&c, &n);
	if (n > LIMIT_HEADER)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: a header of %llu bytes, over %d",
			    w->name, (unsigned long long)n, LIMIT_HEADER);
	if (n > w->size - LENGTH_BYTES)
		return fail(err, REASON_SAFETENSORS_TRUNCATED,
			    "%s: a header of %llu bytes in a file of %llu", w->name,
			    (unsigned long long)n, (unsigned long long)w->size);
	TRY(buf_append(&l->head, bytes, sizeof(bytes), err));
	TRY(buf_reserve(&l->head, (size_t)n, err));
	TRY(window_read(w, l->head.data + LENGTH_BYTES, (size_t)n, LENGTH_BYTES, err));
	l->head.len += (size_t)n;
	l->head.data[l->head.len] = 0;
	return WM_OK;
}

/* Takes the slot out; from here on the layout is that of the view. */
static enum wm_code finish_head(struct reader *r, struct wm_error *err)
{
	struct layout *l = r->layout;

	TRY(safetensors_take_slot(l, r->name, err));
	if (l->metadata.root && l->metadata.root->len > LIMIT_METADATA)
		return too_many(r, err);
	l->loose_spaces = has_loose_spaces(l->head.data + LENGTH_BYTES, l->head.len - LENGTH_BYTES);
	return WM_OK;
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_reader struct reader r = { .layout = l, .name = w->name };
	size_t n_stored;

	TRY(read_head(l, w, err));
	r.json = json_parser(l->head.data + LENGTH_BYTES, l->head.len - LENGTH_BYTES, w->name);
	r.json.reason = REASON_SAFETENSORS_MALFORMED;
	TRY(read_members(&r, err));
	TRY(finish_head(&r, err));
	if (l->n_tensors > 1)
		qsort(l->tensors, l->n_tensors, sizeof(*l->tensors), compare_places);
	TRY(check_tiling(&r, w->size - l->slot_len - l->head.len, &n_stored, err));
	TRY(place(l, n_stored, err));
	TRY(layout_close_head(l, err));
	return layout_sort_names(l, REASON_SAFETENSORS_DUPLICATE, w->name, err);
}

/*
 * Whether bytes begin as a header does. Spaces up to the end of what was read still
 * claim: no number of them lets a file that loaders read pass as something else.
 */
static bool looks_like_header(const uint8_t *start, size_t len)
{
	size_t at = safetensors_skip_spaces(start, len, LENGTH_BYTES);

	if (at < len && start[at] != '{')
		return false;
	at = safetensors_skip_spaces(start, len, at + 1);
	return at >= len || start[at] == '"' || start[at] == '}';
}

static const char *const suffixes[] = { ".safetensors", NULL };

static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	struct cursor c = cursor_of(start, len);
	uint64_t n;

	(void)name;
	return cursor_u64le(&c, &n) && n >= HEADER_LEAST && n <= HEADER_CLAIMED &&
	       n <= size - LENGTH_BYTES && looks_like_header(start, len);
}

const struct format format_safetensors = {
	.grammar = "safetensors/1", .suffixes = suffixes, .claims = claims, .parse = parse,
	.embed = safetensors_embed, .take_displaced = safetensors_take_displaced,
};
