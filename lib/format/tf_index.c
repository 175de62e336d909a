/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow checkpoints ("tensor bundles"): PREFIX.index, which says what is where in
 * PREFIX.data-00000-of-00001 and so on. In SavedModels PREFIX is variables/variables.
 *
 *	file   = table (format/tf_table.h) of at most INDEX_MAX bytes: first the key "" with a
 *	         header, then entries under the names of tensors, UTF-8 without control characters
 *	header = message (format/tf_proto.h) of 1 varint number of shards, from 1 to LIMIT_FILES;
 *	         2 varint endianness: 0, little; 3 message version
 *	version = 1 varint producer, 2 varint least consumer: 0 or 1
 *	entry  = message of 1 varint type, a row of `types`; 2 message shape; 3 varint shard,
 *	         from 0; 4 varint offset; 5 varint length, that of type and shape;
 *	         6 four bytes: masked CRC-32C of the tensor's bytes, which is not checked here
 *	shape  = ( 2 message of 1 varint size )*, at most LIMIT_RANK, outermost first
 *
 * Fields ascend and stand once, but sizes; others do not occur. Varints that are not there
 * are 0; none is over 2^63 - 1. All tensors are externals (format.h). Text, resources and
 * variants are no tensors: their bytes are skeleton of the data file, of any length.
 */
#include "format/format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/tf_proto.h"
#include "format/tf_table.h"
#include "util/file.h"
#include "util/utf8.h"

enum {
	INDEX_MAX = LIMIT_HEADER / 2,
	NAMES_MAX = LIMIT_HEADER / 2, /* memory for names and shapes, which share prefixes */
	VERSION = 1,
	ENTRY_CRC = 6,
	ENTRY_SLICES = 7,
};

static const char suffix[] = ".index";

/* What is done with a type. */
enum use { UNKNOWN, TENSOR, OPAQUE };

#define TYPE(dtype) { TENSOR, DTYPE_##dtype }
static const struct {
	enum use use;
	enum dtype dtype;
} types[] = {
	[1] = TYPE(F32), [2] = TYPE(F64), [3] = TYPE(I32), [4] = TYPE(U8), [5] = TYPE(I16),
	[6] = TYPE(I8), [8] = TYPE(C64), [9] = TYPE(I64), [10] = TYPE(BOOL),
	[14] = TYPE(BF16), [17] = TYPE(U16), [18] = TYPE(C128), [19] = TYPE(F16), [22] = TYPE(U32),
	[23] = TYPE(U64), [24] = TYPE(F8_E5M2), [25] = TYPE(F8_E4M3),
	[26] = TYPE(F8_E4M3FNUZ), [28] = TYPE(F8_E5M2FNUZ),
	[7] = { OPAQUE, 0 }, [20] = { OPAQUE, 0 }, [21] = { OPAQUE, 0 },
};
#undef TYPE

/* A file while it is read. */
struct bundle {
	struct layout *layout;
	const char *name;     /* for messages */
	uint64_t n_shards;
	const char **shards; /* the names of the data files, as they are needed */
};

/* An entry as its message has it. */
struct entry {
	uint64_t type, shard, off, len;
	struct cursor shape;
};

static enum wm_code malformed(const struct bundle *b, const struct buf *key, const char *what,
			      struct wm_error *err)
{
	return fail(err, REASON_TF_MALFORMED, "%s: the entry '%.80s': %s", b->name, buf_str(key),
		    what);
}

/* --- messages ------------------------------------------------------------------------ */

/*
 * Reads the next field into `f`, whose number must be above that in `*last` and whose type
 * must be the one in `kinds`, one character a number from 1: v varint, m message, w four bytes.
 */
static bool next_field(struct cursor *c, struct proto_field *f, uint32_t *last, const char *kinds)
{
	unsigned type;

	if (!proto_next(c, f) || f->number <= *last || f->number > strlen(kinds))
		return false;
	*last = f->number;
	type = kinds[f->number - 1] == 'v' ? PROTO_VARINT :
	       kinds[f->number - 1] == 'm' ? PROTO_BYTES : PROTO_FIXED32;
	return f->type == type && f->value <= INT64_MAX;
}

static bool read_version(struct cursor c, uint64_t version[2])
{
	struct proto_field f;
	uint32_t last = 0;

	while (cursor_left(&c) > 0) {
		if (!next_field(&c, &f, &last, "vv"))
			return false;
		version[f.number - 1] = f.value;
	}
	return true;
}

static enum wm_code read_header(struct bundle *b, struct cursor c, const struct buf *key,
				struct wm_error *err)
{
	uint64_t endianness = 0, version[2] = { 0 };
	struct proto_field f;
	uint32_t last = 0;
	void *list = NULL;

	if (key->len > 0)
		return fail(err, REASON_TF_MALFORMED, "%s: has no header", b->name);
	while (cursor_left(&c) > 0) {
		if (!next_field(&c, &f, &last, "vvm") ||
		    (f.number == 3 && !read_version(f.bytes, version)))
			return malformed(b, key, "is no header", err);
		if (f.number == 1)
			b->n_shards = f.value;
		else if (f.number == 2)
			endianness = f.value;
	}
	if (endianness != 0 || version[1] > VERSION)
		return fail(err, REASON_TF_VERSION,
			    "%s: endianness %" PRIu64 ", for readers of version %" PRIu64, b->name,
			    endianness, version[1]);
	if (b->n_shards == 0 || b->n_shards > LIMIT_FILES)
		return malformed(b, key, "a number of shards that is 0 or too large", err);
	TRY(arena_alloc(&list, &b->layout->arena, (size_t)b->n_shards * sizeof(*b->shards), err));
	b->shards = list;
	return WM_OK;
}

static enum wm_code read_entry(struct entry *e, const struct bundle *b, struct cursor c,
			       const struct buf *key, struct wm_error *err)
{
	struct proto_field f;
	uint32_t last = 0;

	while (cursor_left(&c) > 0) {
		if (!next_field(&c, &f, &last, "vmvvvwm"))
			return malformed(b, key, "is no entry", err);
		if (f.number == ENTRY_SLICES)
			return fail(err, REASON_TF_SLICES, "%s: the tensor '%.80s'", b->name,
				    buf_str(key));
		switch (f.number) {
		case 1: e->type = f.value; break;
		case 2: e->shape = f.bytes; break;
		case 3: e->shard = f.value; break;
		case 4: e->off = f.value; break;
		case 5: e->len = f.value; break;
		default: break; /* ENTRY_CRC */
		}
	}
	if (e->type >= sizeof(types) / sizeof(types[0]) || types[e->type].use == UNKNOWN)
		return fail(err, REASON_TF_TYPE, "%s: '%.80s' is of type %" PRIu64, b->name,
			    buf_str(key), e->type);
	if (e->shard >= b->n_shards)
		return malformed(b, key, "is of a shard that there is not", err);
	return WM_OK;
}

/* --- tensors ------------------------------------------------------------------------- */

/* Reads one size of a shape; false where it is no such message. */
static bool read_dim(struct cursor *c, uint64_t *out)
{
	struct proto_field f, size;
	uint32_t last = 0;

	*out = 0;
	if (!proto_next(c, &f) || f.number != 2 || f.type != PROTO_BYTES)
		return false;
	if (cursor_left(&f.bytes) == 0)
		return true;
	if (!next_field(&f.bytes, &size, &last, "v") || cursor_left(&f.bytes) > 0)
		return false;
	*out = size.value;
	return true;
}

static enum wm_code read_shape(struct tensor *t, const struct bundle *b, struct cursor c,
			       const struct buf *key, struct wm_error *err)
{
	uint64_t dims[LIMIT_RANK];
	char *copy = NULL;

	while (cursor_left(&c) > 0) {
		if (t->rank == LIMIT_RANK)
			return fail(err, REASON_TF_SHAPE, "%s: '%.80s' has more than %d dimensions",
				    b->name, buf_str(key), LIMIT_RANK);
		if (!read_dim(&c, &dims[t->rank]))
			return malformed(b, key, "its shape is none", err);
		t->rank++;
	}
	if (t->rank == 0)
		return WM_OK;
	TRY(arena_copy(&copy, &b->layout->arena, dims, t->rank * sizeof(*dims), err));
	t->dims = (const void *)copy;
	return WM_OK;
}

static enum wm_code read_tensor(struct tensor *t, const struct bundle *b, const struct entry *e,
				const struct buf *key, struct wm_error *err)
{
	char *copy = NULL;
	uint64_t n, len;

	t->dtype = types[e->type].dtype;
	TRY(read_shape(t, b, e->shape, key, err));
	t->len = e->len;
	if (types[e->type].use == OPAQUE)
		return WM_OK;
	if (!utf8_valid(key->data, key->len) || tensor_name_has_controls(buf_str(key), key->len))
		return fail(err, REASON_TF_NAME,
			    "%s: a key that is not UTF-8, or has a control character", b->name);
	if (!tensor_elements(t, &n) || !dtype_len(&len, t->dtype, n) || len != e->len)
		return fail(err, REASON_TF_SHAPE, "%s: '%.80s' has %" PRIu64 " bytes, not those of "
			    "its shape", b->name, buf_str(key), e->len);
	TRY(arena_copy(&copy, &b->layout->arena, key->data, key->len, err));
	t->name = copy;
	t->name_len = key->len;
	return WM_OK;
}

/* Stores the name of a data file, which is made once. */
static enum wm_code name_shard(const char **out, struct bundle *b, uint64_t shard,
			       struct wm_error *err)
{
	const char *file = file_name(b->name);
	cleanup_buf struct buf name = BUF_INIT(LIMIT_PATH);
	char *copy = NULL;

	if (!b->shards[shard]) {
		TRY(buf_append(&name, file, strlen(file) - (sizeof(suffix) - 1), err));
		TRY(buf_printf(&name, err, ".data-%05" PRIu64 "-of-%05" PRIu64, shard,
			       b->n_shards));
		TRY(arena_copy(&copy, &b->layout->arena, name.data, name.len, err));
		b->shards[shard] = copy;
	}
	*out = b->shards[shard];
	return WM_OK;
}

static enum wm_code add_entry(struct bundle *b, const struct tf_block *at, struct wm_error *err)
{
	struct external external = { .tensor.segment = SIZE_MAX };
	struct entry e = { .shape = cursor_of("", 0) };

	if (b->layout->n_externals == LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: has more than %d tensors", b->name,
			    LIMIT_TENSORS);
	TRY(read_entry(&e, b, at->value, &at->key, err));
	TRY(read_tensor(&external.tensor, b, &e, &at->key, err));
	TRY(name_shard(&external.path, b, e.shard, err));
	external.off = e.off;
	return layout_add_external(b->layout, &external, err);
}

static enum wm_code read_table(struct layout *l, const char *name, struct wm_error *err)
{
	cleanup_tf_table struct tf_table t = TF_TABLE_INIT;
	struct bundle b = { .layout = l, .name = name };
	bool end = false;

	TRY(tf_table_open(&t, l->head.data, l->head.len, name, err));
	for (;;) {
		TRY(tf_table_next(&t, &end, err));
		if (end)
			break;
		if (b.n_shards == 0)
			TRY(read_header(&b, t.entries.value, &t.entries.key, err));
		else
			TRY(add_entry(&b, &t.entries, err));
	}
	if (b.n_shards == 0)
		return fail(err, REASON_TF_MALFORMED, "%s: has no header", name);
	return WM_OK;
}

/* --- the file ------------------------------------------------------------------------ */

/* Only its end tells an index of this format from others: see parse(). */
static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)start, (void)len;
	return size >= TF_FOOTER_BYTES && file_ends_with(name, strlen(name), suffix);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	uint8_t footer[TF_FOOTER_BYTES];
	size_t len = (size_t)w->size;

	TRY(window_read(w, footer, sizeof(footer), w->size - sizeof(footer), err));
	if (!tf_table_ends(footer)) {
		l->format = &format_raw;
		return format_raw.parse(l, w, err);
	}
	if (w->size > INDEX_MAX)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: an index of more than %d bytes",
			    w->name, INDEX_MAX);
	TRY(buf_reserve(&l->head, len, err));
	TRY(window_read(w, l->head.data, len, 0, err));
	l->head.len = len;
	TRY(layout_close_head(l, err));
	l->arena.max = NAMES_MAX;
	l->has_tensors = true;
	TRY(format_raw.parse(l, w, err));
	return read_table(l, w->name, err);
}

const struct format format_tf_index = {
	.grammar = "tf-index/1", .claims = claims, .parse = parse,
};
