/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GGUF, versions 2 and 3: typed metadata and a list of tensors, then their bytes.
 *
 *	file     = head kv* info* [pad data], and nothing else; integers are little-endian
 *	head     = "GGUF" version n_tensors n_kv
 *	version  = u32, 2 or 3
 *	n_...    = u64, how many info and kv follow; at most LIMIT_TENSORS, LIMIT_METADATA
 *	kv       = string value: a key, not empty, UTF-8 without control characters and not
 *	           beginning with a byte order mark, each once
 *	string   = u64 length, bytes
 *	value    = u32 type, and of type
 *	           0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32, 10 u64, 11 i64, 12 f64;
 *	           7 bool: one byte, 0 or 1; 8 string: UTF-8 without NUL;
 *	           9 array: u32 type other than 9, u64 count, elements; strings of any bytes
 *	info     = string n_dims ne* type offset
 *	           string: a name, 1 to 63 bytes as a key is, each once
 *	n_dims   = u32, 0 to 4
 *	ne       = i64, 0 or more; innermost first; the first fills whole blocks of type
 *	type     = u32, a row of `types`
 *	offset   = u64, into data: the sum of all lengths before it, each padded
 *	pad      = zero bytes up to a multiple of the alignment: general.alignment, a u32 that
 *	           is a power of two up to 2^20, else 32; without tensors it may be left out
 *	data     = the tensors in the order of info, a pad behind each; the last may be left out
 *
 * A slot (format/slot.h, form "g") is the first kv: the key "weightmark.sidecar" and a string,
 * as long as a multiple of both SLOT_UNIT and the alignment, so that all pads stay as they are.
 */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

#include "format/gguf_read.h"
#include "format/slot.h"
#include "util/cleanup.h"
#include "util/utf8.h"

enum {
	NAME_MAX_BYTES = 63,
	RANK_MAX = 4,
	METADATA_MEMORY = 2 * LIMIT_HEADER,
	PAD_BYTES = 4096, /* of padding compared at a time */
};

static const char slot_key[] = SLOT_KEY ".sidecar";

enum {
	SLOT_FORM = 'g',
	SLOT_KEY_BYTES = sizeof(slot_key) - 1,
	SLOT_AROUND = 8 + SLOT_KEY_BYTES + 4 + 8, /* key, type and length */
};

/* The types by their numbers; what has no name was removed, or is of the future. */
#define TYPE(dtype) { true, DTYPE_##dtype }
static const struct {
	bool known;
	enum dtype dtype;
} types[] = {
	[0] = TYPE(F32),	    [1] = TYPE(F16),		[2] = TYPE(GGUF_Q4_0),
	[3] = TYPE(GGUF_Q4_1),	    [6] = TYPE(GGUF_Q5_0),	[7] = TYPE(GGUF_Q5_1),
	[8] = TYPE(GGUF_Q8_0),	    [9] = TYPE(GGUF_Q8_1),	[10] = TYPE(GGUF_Q2_K),
	[11] = TYPE(GGUF_Q3_K),	    [12] = TYPE(GGUF_Q4_K),	[13] = TYPE(GGUF_Q5_K),
	[14] = TYPE(GGUF_Q6_K),	    [15] = TYPE(GGUF_Q8_K),	[16] = TYPE(GGUF_IQ2_XXS),
	[17] = TYPE(GGUF_IQ2_XS),   [18] = TYPE(GGUF_IQ3_XXS),	[19] = TYPE(GGUF_IQ1_S),
	[20] = TYPE(GGUF_IQ4_NL),   [21] = TYPE(GGUF_IQ3_S),	[22] = TYPE(GGUF_IQ2_S),
	[23] = TYPE(GGUF_IQ4_XS),   [24] = TYPE(I8),		[25] = TYPE(I16),
	[26] = TYPE(I32),	    [27] = TYPE(I64),		[28] = TYPE(F64),
	[29] = TYPE(GGUF_IQ1_M),    [30] = TYPE(BF16),		[34] = TYPE(GGUF_TQ1_0),
	[35] = TYPE(GGUF_TQ2_0),    [39] = TYPE(GGUF_MXFP4),	[40] = TYPE(GGUF_NVFP4),
	[41] = TYPE(GGUF_Q1_0),	    [42] = TYPE(GGUF_Q2_0),
};
#undef TYPE

static enum wm_code read_name(struct gguf *g, struct layout *l, struct tensor *t,
			      struct wm_error *err)
{
	char *copy = NULL;
	struct cursor c;
	uint64_t len = 0;

	TRY(gguf_u64(g, &len, err));
	if (len == 0 || len > NAME_MAX_BYTES)
		return fail(err, REASON_GGUF_NAME,
			    "%s: byte %zu: a tensor's name of %llu bytes, not 1 to %d",
			    g->file.name, g->at, (unsigned long long)len, NAME_MAX_BYTES);
	TRY(gguf_take(&c, g, len, err));
	if (!utf8_valid(c.data, c.len) || tensor_name_has_controls((const char *)c.data, c.len))
		return fail(err, REASON_GGUF_NAME,
			    "%s: byte %zu: a tensor's name that is not UTF-8, or has a control "
			    "character", g->file.name, g->at);
	if (gguf_has_mark(c.data, c.len))
		return fail(err, REASON_GGUF_NAME,
			    "%s: byte %zu: a tensor's name that begins with a byte order mark",
			    g->file.name, g->at);
	TRY(arena_copy(&copy, &l->arena, c.data, c.len, err));
	t->name = copy;
	t->name_len = c.len;
	return WM_OK;
}

/* Reads the sizes, which stand innermost first. */
static enum wm_code read_dims(struct gguf *g, struct layout *l, struct tensor *t,
			      struct wm_error *err)
{
	void *memory = NULL;
	uint64_t *dims;
	uint32_t rank = 0;

	TRY(gguf_u32(g, &rank, err));
	if (rank > RANK_MAX)
		return fail(err, REASON_GGUF_SHAPE, "%s: tensor '%s' has %u dimensions, over %d",
			    g->file.name, t->name, rank, RANK_MAX);
	t->rank = rank;
	if (rank == 0)
		return WM_OK;
	TRY(arena_alloc(&memory, &l->arena, rank * sizeof(*dims), err));
	dims = memory;
	for (uint32_t i = rank; i-- > 0;) {
		TRY(gguf_u64(g, &dims[i], err));
		if (dims[i] > INT64_MAX)
			return fail(err, REASON_GGUF_SHAPE,
				    "%s: tensor '%s': a dimension is below 0", g->file.name,
				    t->name);
	}
	t->dims = dims;
	return WM_OK;
}

static enum wm_code read_type(struct gguf *g, struct tensor *t, struct wm_error *err)
{
	uint32_t type = 0;

	TRY(gguf_u32(g, &type, err));
	if (type >= sizeof(types) / sizeof(types[0]) || !types[type].known)
		return fail(err, REASON_GGUF_TYPE, "%s: tensor '%s': unknown type %u", g->file.name,
			    t->name, type);
	t->dtype = types[type].dtype;
	return WM_OK;
}

static enum wm_code check_shape(const struct gguf *g, struct tensor *t, struct wm_error *err)
{
	const struct dtype_info *info = dtype_info(t->dtype);
	uint64_t row = t->rank ? t->dims[t->rank - 1] : 1, n;

	if (row % info->elements != 0)
		return fail(err, REASON_GGUF_SHAPE,
			    "%s: tensor '%s': rows of %llu elements do not fill blocks of %u",
			    g->file.name, t->name, (unsigned long long)row, info->elements);
	if (!tensor_elements(t, &n) || !dtype_len(&t->len, t->dtype, n))
		return fail(err, REASON_GGUF_SHAPE,
			    "%s: tensor '%s': has more bytes than 64 bits count", g->file.name,
			    t->name);
	return WM_OK;
}

/* Adds `len` and the pad behind it to `*end`; false where 64 bits do not count that. */
static bool add_padded(uint64_t *end, uint64_t len, uint32_t alignment)
{
	const uint64_t mask = (uint64_t)alignment - 1;

	return !__builtin_add_overflow(*end, len, end) &&
	       !__builtin_add_overflow(*end, -*end & mask, end);
}

/* Reads one info, whose tensor must begin at `*end` of the data; moves `*end` behind it. */
static enum wm_code read_info(struct gguf *g, struct layout *l, uint64_t *end,
			      struct wm_error *err)
{
	struct tensor *t = &l->tensors[l->n_tensors];
	uint64_t off = 0;

	TRY(read_name(g, l, t, err));
	TRY(read_dims(g, l, t, err));
	TRY(read_type(g, t, err));
	TRY(gguf_u64(g, &off, err));
	TRY(check_shape(g, t, err));
	if (off != *end)
		return fail(err, REASON_GGUF_OFFSET, "%s: tensor '%s' begins at %llu, not at %llu",
			    g->file.name, t->name, (unsigned long long)off,
			    (unsigned long long)*end);
	if (!add_padded(end, t->len, g->alignment))
		return fail(err, REASON_GGUF_SHAPE,
			    "%s: up to tensor '%s' there are more bytes than 64 bits count",
			    g->file.name, t->name);
	t->segment = SIZE_MAX;
	l->n_tensors++;
	return WM_OK;
}

/*
 * Reads what lies between the metadata and the data; `*padded` is where the file ends if its
 * last pad is there, `*end` if not.
 */
static enum wm_code read_infos(struct gguf *g, struct layout *l, uint64_t *end, uint64_t *padded,
			       struct wm_error *err)
{
	uint64_t data_len = 0;
	const struct tensor *last;

	l->has_tensors = true;
	l->tensors = calloc((size_t)g->n_tensors + 1, sizeof(*l->tensors));
	if (!l->tensors)
		return fail_nomem(err);
	while (l->n_tensors < g->n_tensors)
		TRY(read_info(g, l, &data_len, err));
	*end = *padded = g->at;
	if (l->n_tensors == 0) {
		add_padded(padded, 0, g->alignment);
		return g->file.size > *end ? gguf_take_padding(g, err) : WM_OK;
	}
	TRY(gguf_take_padding(g, err));
	last = &l->tensors[l->n_tensors - 1];
	if (__builtin_add_overflow(data_len, g->at, padded))
		return fail(err, REASON_GGUF_TRUNCATED, "%s: lacks %llu bytes of tensors",
			    g->file.name, (unsigned long long)data_len);
	*end = *padded - (-last->len & (g->alignment - 1));
	return WM_OK;
}

static enum wm_code check_size(const struct gguf *g, uint64_t end, uint64_t padded,
			       struct wm_error *err)
{
	if (g->file.size == end || g->file.size == padded)
		return WM_OK;
	return fail(err, g->file.size < padded ? REASON_GGUF_TRUNCATED : REASON_GGUF_TRAILING,
		    "%s: header and tensors take %llu bytes, the file has %llu", g->file.name,
		    (unsigned long long)padded, (unsigned long long)g->file.size);
}

/* Checks that the `len` bytes of the file at `off` are 0. */
static enum wm_code check_pad(const struct gguf *g, uint64_t off, uint64_t len,
			      struct wm_error *err)
{
	static const uint8_t zeros[PAD_BYTES];
	uint8_t bytes[PAD_BYTES];

	while (len > 0) {
		const size_t n = len < PAD_BYTES ? (size_t)len : PAD_BYTES;

		TRY(window_read(&g->file, bytes, n, off, err));
		if (memcmp(bytes, zeros, n) != 0)
			return fail(err, REASON_GGUF_PADDING,
				    "%s: padding at byte %llu is not 0", g->file.name,
				    (unsigned long long)off);
		off += n;
		len -= n;
	}
	return WM_OK;
}

static void add_segment(struct layout *l, uint64_t len, bool tensor)
{
	l->segments[l->n_segments++] = (struct segment){ .off = l->size, .len = len,
							 .tensor = tensor };
	l->size += len;
}

/*
 * Makes the segments: the head, then each tensor that is not empty and the pad behind it.
 * The file's data begins at `data`, the view's where its head ends.
 */
static enum wm_code place(struct layout *l, const struct gguf *g, uint64_t data,
			  struct wm_error *err)
{
	l->segments = calloc(2 * l->n_tensors + 1, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	add_segment(l, l->head.len, false);
	for (size_t i = 0; i < l->n_tensors; i++) {
		struct tensor *t = &l->tensors[i];
		uint64_t pad = -t->len & (g->alignment - 1);

		if (t->len == 0)
			continue;
		t->segment = l->n_segments;
		add_segment(l, t->len, true);
		data += t->len;
		if (data == g->file.size) /* the last pad is left out */
			pad = 0;
		TRY(check_pad(g, data, pad, err));
		if (pad > 0)
			add_segment(l, pad, false);
		data += pad;
	}
	return WM_OK;
}

/* Keeps what the file says of itself in text, for drafts. */
static enum wm_code keep_metadata(struct layout *l, const struct gguf *g, struct wm_error *err)
{
	static const char prefix[] = "general.";
	const size_t prefix_len = sizeof(prefix) - 1;
	struct tree *tree = &l->metadata;

	tree->arena.max = METADATA_MEMORY;
	for (size_t i = 0; i < g->n_kvs; i++) {
		cleanup_buf struct buf key = BUF_INIT(LIMIT_NAME);
		const struct gguf_kv *kv = &g->kvs[i];
		struct node *value = NULL;

		if (kv->type != GGUF_STRING || kv->key_len < prefix_len ||
		    memcmp(gguf_bytes(g, kv->key), prefix, prefix_len) != 0)
			continue;
		if (!tree->root)
			TRY(node_new(&tree->root, tree, NODE_MAP, err));
		TRY(buf_append(&key, gguf_bytes(g, kv->key), kv->key_len, err));
		TRY(node_text(&value, tree, (const char *)gguf_bytes(g, kv->value), kv->value_len,
			      err));
		TRY(node_set(tree->root, tree, buf_str(&key), value, err));
	}
	return WM_OK;
}

/* What the length of a slot is a multiple of, so that it moves the data by whole pads. */
static size_t slot_unit(const struct gguf *g)
{
	return g->alignment > SLOT_UNIT ? g->alignment : SLOT_UNIT;
}

/* Looks for embedded statements: sets carried, and slot_len or displaced. */
static enum wm_code find_slot(struct layout *l, const struct gguf *g, struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_HEADER);
	const struct gguf_kv *kv = gguf_find(g, slot_key);
	bool is_slot = false;
	char form;

	if (!kv || kv->type != GGUF_STRING)
		return WM_OK;
	TRY(slot_read_value(&is_slot, &form, &l->carried,
			    (const char *)gguf_bytes(g, kv->value), kv->value_len, err));
	if (!is_slot)
		return WM_OK;
	TRY(slot_write_value(&again, SLOT_FORM, SLOT_AROUND, slot_unit(g), l->carried.data,
			     l->carried.len, err));
	l->displaced = kv != g->kvs || again.len != kv->value_len ||
		       memcmp(again.data, gguf_bytes(g, kv->value), again.len) != 0;
	if (!l->displaced)
		l->slot_len = SLOT_AROUND + kv->value_len;
	return WM_OK;
}

static void write_u64le(uint8_t out[8], uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

/* Makes the head that of the file without its slot. */
static void cut_slot(struct layout *l, const struct gguf *g)
{
	const size_t slot_len = (size_t)l->slot_len, end = GGUF_HEAD_BYTES + slot_len;
	uint8_t n_kvs[8];

	if (slot_len == 0)
		return;
	write_u64le(n_kvs, g->n_kvs - 1);
	memcpy(l->head.data + GGUF_N_KV_OFF, n_kvs, sizeof(n_kvs));
	memmove(l->head.data + GGUF_HEAD_BYTES, l->head.data + end, l->head.len - end);
	buf_truncate(&l->head, l->head.len - slot_len);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_gguf struct gguf g = { .head = &l->head, .file = *w };
	uint64_t end = 0, padded = 0;

	TRY(gguf_read_metadata(&g, err));
	TRY(read_infos(&g, l, &end, &padded, err));
	TRY(check_size(&g, end, padded, err));
	buf_truncate(&l->head, g.at);
	TRY(keep_metadata(l, &g, err));
	l->split = (struct split){ gguf_count(&g, "split.count"), gguf_count(&g, "split.no"),
				   gguf_count(&g, "split.tensors.count") };
	TRY(find_slot(l, &g, err));
	cut_slot(l, &g);
	TRY(place(l, &g, g.at, err));
	TRY(layout_close_head(l, err));
	return layout_sort_names(l, REASON_GGUF_DUPLICATE, w->name, err);
}

/* Appends `n_kvs`, the pair that is the slot with this value, and the rest of the head. */
static enum wm_code write_embedded(struct buf *head, const struct layout *l, uint64_t n_kvs,
				   const struct buf *value, struct wm_error *err)
{
	uint8_t integer[8];

	TRY(buf_append(head, l->head.data, GGUF_N_KV_OFF, err));
	write_u64le(integer, n_kvs);
	TRY(buf_append(head, integer, 8, err));
	write_u64le(integer, SLOT_KEY_BYTES);
	TRY(buf_append(head, integer, 8, err));
	TRY(buf_append(head, slot_key, SLOT_KEY_BYTES, err));
	write_u64le(integer, GGUF_STRING);
	TRY(buf_append(head, integer, 4, err));
	write_u64le(integer, value->len);
	TRY(buf_append(head, integer, 8, err));
	TRY(buf_append(head, value->data, value->len, err));
	return buf_append(head, l->head.data + GGUF_HEAD_BYTES, l->head.len - GGUF_HEAD_BYTES, err);
}

static enum wm_code embed(struct buf *head, const struct layout *l, const void *carried, size_t len,
			  const char *name, struct wm_error *err)
{
	struct buf bytes = l->head; /* all there is of this file: never grown */
	cleanup_gguf struct gguf g = { .head = &bytes,
				       .file = { .fd = -1, .size = l->head.len, .name = name } };
	cleanup_buf struct buf value = BUF_INIT(LIMIT_HEADER);
	enum wm_code code;

	if (l->displaced)
		return fail(err, REASON_SLOT_DISPLACED, "%s: statements under '%s' elsewhere", name,
			    slot_key);
	TRY(gguf_read_metadata(&g, err));
	if (gguf_find(&g, slot_key))
		return fail(err, REASON_SLOT_KEY_TAKEN, "%s: has a key '%s' already", name,
			    slot_key);
	code = slot_write_value(&value, SLOT_FORM, SLOT_AROUND, slot_unit(&g), carried, len, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	if (SLOT_AROUND + value.len > LIMIT_HEADER - l->head.len || g.n_kvs == LIMIT_METADATA)
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: a slot of %zu bytes would make the header too large", name,
			    SLOT_AROUND + value.len);
	return write_embedded(head, l, g.n_kvs + 1, &value, err);
}

/* Where the infos end, before the pad, in a head whose metadata ends at `at`. */
static size_t infos_end(const struct layout *l, size_t at)
{
	enum { LENGTH = 8, N_DIMS = 4, DIM = 8, TYPE = 4, OFFSET = 8 };

	for (size_t i = 0; i < l->n_tensors; i++)
		at += LENGTH + l->tensors[i].name_len + N_DIMS + DIM * l->tensors[i].rank + TYPE +
		      OFFSET;
	return at;
}

static enum wm_code take_displaced(struct buf *head, const struct layout *l, const char *name,
				   struct wm_error *err)
{
	struct buf bytes = l->head; /* all there is of this file: never grown */
	cleanup_gguf struct gguf g = { .head = &bytes,
				       .file = { .fd = -1, .size = l->head.len, .name = name } };
	const struct gguf_kv *kv;
	size_t from, to, end;
	uint8_t integer[8];

	TRY(gguf_read_metadata(&g, err));
	kv = gguf_find(&g, slot_key);
	if (!kv)
		return fail(err, REASON_INTERNAL, "%s: its '%s' is gone", name, slot_key);
	from = kv->key - 8;
	to = kv->value + kv->value_len;
	end = infos_end(l, g.at);
	TRY(buf_append(head, l->head.data, GGUF_N_KV_OFF, err));
	write_u64le(integer, g.n_kvs - 1);
	TRY(buf_append(head, integer, 8, err));
	TRY(buf_append(head, &l->head.data[GGUF_HEAD_BYTES], from - GGUF_HEAD_BYTES, err));
	TRY(buf_append(head, &l->head.data[to], end - to, err));
	while (l->head.len > end && head->len % g.alignment != 0)
		TRY(buf_append_byte(head, 0, err));
	return WM_OK;
}

static const char *const suffixes[] = { ".gguf", NULL };

static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)name, (void)size;
	return len >= 4 && memcmp(start, "GGUF", 4) == 0;
}

const struct format format_gguf = {
	.grammar = "gguf/1", .suffixes = suffixes, .claims = claims, .parse = parse,
	.embed = embed, .take_displaced = take_displaced,
};
