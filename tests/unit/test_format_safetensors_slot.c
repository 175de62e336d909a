/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/safetensors_slot.c: what is embedded comes out again and leaves the file as
 * it was, whatever its header looks like.
 */
#include "harness.h"

#include <stdio.h>

#include "checkpoint/digests.h"
#include "format/slot.h"
#include "made.h"
#include "util/file.h"

enum { FILE_MAX = LIMIT_HEADER + (1 << 22), N_HEADERS = 1000 };

#define NAME MADE_NAME

static uint64_t seed = 1;

static size_t below(size_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(seed >> 33) % n;
}

static void text(struct buf *out, const char *s)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(out, s, &err), &err);
}

static void spaces(struct buf *out)
{
	static const char *const some[] = { "", "", "", " ", "\n", "\t\r", "     \n" };

	text(out, some[below(sizeof(some) / sizeof(some[0]))]);
}

/* A key or value, some of its characters escaped. */
static void quoted(struct buf *out, const char *s)
{
	struct wm_error err = { 0 };
	const bool plain = below(2);

	text(out, "\"");
	for (; *s; s++) {
		if (*s != '"' && (plain || below(5)))
			assert_ok(buf_append_byte(out, (uint8_t)*s, &err), &err);
		else
			assert_ok(buf_printf(out, &err, below(2) ? "\\u%04x" : "\\u%04X",
					     (unsigned)*s), &err);
	}
	text(out, "\"");
}

static void member(struct buf *out, size_t i, const char *key)
{
	spaces(out);
	if (i) {
		text(out, ",");
		spaces(out);
	}
	quoted(out, key);
	spaces(out);
	text(out, ":");
	spaces(out);
}

static void metadata(struct buf *out)
{
	static const char *const keys[] = { "format", "", "weightmarks", "{\x7f", "k" };
	const size_t n = below(4) ? below(5) : 0;

	text(out, "{");
	for (size_t i = 0; i < n; i++) {
		member(out, i, keys[i]);
		quoted(out, i ? "wm1.c.1.AAAA" : "pt");
	}
	spaces(out);
	text(out, "}");
}

/* A file of a header as people might write it; each tensor has one byte. */
static void generate(struct buf *out)
{
	static const char *const keys[] = { "0", "weightmark", "{\"", "__metadata" };
	cleanup_buf struct buf h = BUF_INIT(1 << 16);
	struct wm_error err = { 0 };
	const size_t n = below(5), metadata_at = below(6);
	size_t n_members = 0;

	if (below(4) == 0)
		spaces(&h);
	text(&h, "{");
	for (size_t i = 0; i <= n; i++) {
		if (i == metadata_at) {
			member(&h, n_members++, "__metadata__");
			metadata(&h);
		}
		if (i == n)
			break;
		member(&h, n_members++, keys[i]);
		assert_ok(buf_printf(&h, &err, "{\"shape\":[],\"dtype\":\"U8\","
				     "\"data_offsets\":[%zu,%zu]}", i, i + 1), &err);
	}
	spaces(&h);
	text(&h, "}");
	if (below(2))
		spaces(&h);
	made_append(out, &(struct made){ buf_str(&h), h.len, n, 0 });
}

static void assert_same_metadata(const struct node *a, const struct node *b)
{
	assert_int_equal(!a, !b);
	if (!a || !b)
		return;
	assert_int_equal(a->len, b->len);
	for (a = a->first, b = b->first; a && b; a = a->next, b = b->next) {
		assert_string_equal(a->key, b->key);
		assert_string_equal(a->text, b->text);
	}
}

/* Everything that digests and readers take from a layout, but for the slot. */
static void assert_same_view(const struct layout *a, const struct layout *b)
{
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->head.len, b->head.len);
	assert_memory_equal(a->head.data, b->head.data, a->head.len);
	assert_int_equal(a->n_segments, b->n_segments);
	assert_memory_equal(a->segments, b->segments, a->n_segments * sizeof(*a->segments));
	assert_int_equal(a->n_tensors, b->n_tensors);
	for (size_t i = 0; i < a->n_tensors; i++) {
		const struct tensor *x = &a->tensors[i], *y = &b->tensors[i];

		assert_string_equal(x->name, y->name);
		assert_int_equal(x->dtype, y->dtype);
		assert_int_equal(x->rank, y->rank);
		assert_int_equal(x->len, y->len);
		assert_int_equal(x->segment, y->segment);
		assert_int_equal(a->by_name[i], b->by_name[i]);
	}
	assert_int_equal(a->loose_spaces, b->loose_spaces);
	assert_same_metadata(a->metadata.root, b->metadata.root);
}

/* That byte i of the view is where the layout says. */
static void assert_view_of(const struct layout *l, const struct buf *embedded,
			   const struct buf *original)
{
	assert_int_equal(l->size, original->len);
	assert_int_equal(l->size + l->slot_len, embedded->len);
	for (size_t i = 0; i < original->len; i++)
		assert_int_equal(original->data[i], i < l->head.len ?
				 l->head.data[i] : embedded->data[i + l->slot_len]);
}

static void assert_carries(const struct layout *l, const void *carried, size_t len)
{
	assert_true(l->slot_len > 0 && l->slot_len % SLOT_UNIT == 0);
	assert_false(l->displaced);
	assert_int_equal(l->carried.len, len);
	assert_memory_equal(l->carried.data, carried, len);
}

/* Embeds `len` bytes, reads them back, puts others in their place, and takes both out. */
static void check_round_trip(const struct buf *file, size_t len)
{
	static uint8_t carried[LIMIT_SLOT];
	cleanup_buf struct buf once = BUF_INIT(FILE_MAX), twice = BUF_INIT(FILE_MAX);
	cleanup_buf struct buf direct = BUF_INIT(FILE_MAX);
	cleanup_layout struct layout l = LAYOUT_INIT, first = LAYOUT_INIT, second = LAYOUT_INIT;
	struct wm_error err = { 0 };
	const size_t other = (len * 7 + 5000) % 9000;

	for (size_t i = 0; i < len || i < other; i++)
		carried[i] = (uint8_t)below(256);
	assert_ok(made_parse(&l, file->data, file->len, NAME, &err), &err);
	assert_int_equal(l.slot_len, 0);
	assert_false(l.displaced);
	assert_ok(made_embed(&once, &l, file, carried, len, &err), &err);
	assert_ok(made_parse(&first, once.data, once.len, NAME, &err), &err);
	assert_carries(&first, carried, len);
	assert_same_view(&first, &l);
	assert_view_of(&first, &once, file);
	assert_ok(made_embed(&twice, &first, &once, carried, other, &err), &err);
	assert_ok(made_parse(&second, twice.data, twice.len, NAME, &err), &err);
	assert_carries(&second, carried, other);
	assert_same_view(&second, &l);
	assert_ok(made_embed(&direct, &l, file, carried, other, &err), &err);
	assert_int_equal(direct.len, twice.len);
	assert_memory_equal(direct.data, twice.data, direct.len);
}

static void leaves_generated_files_as_they_were(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_HEADERS; i++) {
		cleanup_buf struct buf file = BUF_INIT(1 << 16);

		generate(&file);
		check_round_trip(&file, i % 5 == 0 ? i : below(12000));
	}
}

static void leaves_real_files_as_they_were(void **state)
{
	static const char *const paths[] = {
		"testdata/good/digits-mlp/model.safetensors",
		"testdata/good/digits-transformer/model.safetensors",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		cleanup_buf struct buf file = BUF_INIT(1 << 20);

		read_file(&file, paths[i]);
		check_round_trip(&file, 1);
		check_round_trip(&file, 20000);
		check_round_trip(&file, LIMIT_SLOT);
	}
}

static const char *const originals[] = { MADE_EACH_FORM };

/* The same digests, though they come from another file. */
static void has_the_digests_of_the_view(void **state)
{
	cleanup_buf struct buf file = BUF_INIT(1 << 16), embedded = BUF_INIT(1 << 16);
	cleanup_layout struct layout a = LAYOUT_INIT, b = LAYOUT_INIT;
	uint8_t digests[2][SHA256_BYTES], sha256[2][SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	made_append_header(&file, "{" MADE_TENSOR "}");
	assert_ok(made_parse(&a, file.data, file.len, NAME, &err), &err);
	assert_ok(made_embed(&embedded, &a, &file, "sidecar", 7, &err), &err);
	assert_ok(made_parse(&b, embedded.data, embedded.len, NAME, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		const struct buf *bytes = i ? &embedded : &file;
		struct layout *l = i ? &b : &a;
		cleanup_fd int fd = made_file(bytes->data, bytes->len);
		struct measure_file f = {
			.view = { fd, NAME, l->pieces, l->n_pieces, l->zone.to, l->slot_len,
				  l->size },
			.segments = l->segments, .n_segments = l->n_segments, .sha256 = sha256[i],
		};

		assert_ok(measure(&(struct measure){ &f, 1, 1, NULL }, &err), &err);
		assert_ok(digest_file(digests[i], l, &err), &err);
	}
	assert_memory_equal(digests[0], digests[1], SHA256_BYTES);
	assert_memory_equal(sha256[0], sha256[1], SHA256_BYTES);
}

static void puts_each_form_in_its_place(void **state)
{
	static const char *const starts[] = {
		"{\"__metadata__\":{\"format\":\"pt\",\"weightmark\":\"wm1.a.1.dg==..",
		"{\"__metadata__\":{\"format\":\"pt\",\"weightmark\":\"wm1.b.1.dg==..",
		"{" MADE_TENSOR ",\"__metadata__\":{\"weightmark\":\"wm1.c.1.dg==..",
		" {\"__m\\u0065tadata__\" : {\"weightmark\":\"wm1.d.1.dg==..",
	};
	static const char *const ends[] = {
		"...\"}," MADE_TENSOR "}", "...\"}}", "...\",\"k\":\"v\"}}",
		"...\" }," MADE_TENSOR "}",
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		cleanup_buf struct buf file = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		const size_t len = strlen(ends[i]);

		made_append_header(&file, originals[i]);
		assert_ok(made_parse(&l, file.data, file.len, NAME, &err), &err);
		assert_ok(l.format->embed(&out, &l, "v", 1, NAME, &err), &err);
		assert_int_equal(out.len, l.head.len + SLOT_UNIT);
		assert_memory_equal(out.data + 8, starts[i], strlen(starts[i]));
		assert_memory_equal(out.data + out.len - len, ends[i], len);
	}
}

/* A header of `len` bytes: an empty map, or entries of metadata, and spaces. */
static void made_header(struct buf *out, size_t len, size_t n_entries)
{
	cleanup_buf struct buf header = BUF_INIT(LIMIT_HEADER);
	struct wm_error err = { 0 };

	text(&header, n_entries ? "{\"__metadata__\":{" : "{");
	for (size_t i = 0; i < n_entries; i++)
		assert_ok(buf_printf(&header, &err, "%s\"%zu\":\"\"", i ? "," : "", i), &err);
	text(&header, n_entries ? "}}" : "}");
	if (len) {
		assert_ok(buf_reserve(&header, len - header.len, &err), &err);
		memset(header.data + header.len, ' ', len - header.len);
		header.len = len;
	}
	made_append(out, &(struct made){ buf_str(&header), header.len, 0, 0 });
}

static void bounds_header_and_carried(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf file = BUF_INIT(FILE_MAX), out = BUF_INIT(FILE_MAX);
		cleanup_layout struct layout l = LAYOUT_INIT, again = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		made_header(&file, LIMIT_HEADER - SLOT_UNIT + over, 0);
		assert_ok(made_parse(&l, file.data, file.len, NAME, &err), &err);
		code = made_embed(&out, &l, &file, "v", 1, &err);
		if (over) {
			assert_reason(code, &err, HEADER_TOO_LARGE);
			assert_int_equal(out.len, 0);
			continue;
		}
		assert_ok(code, &err);
		assert_ok(made_parse(&again, out.data, out.len, NAME, &err), &err);
		assert_carries(&again, "v", 1);
		assert_reason(made_embed(&out, &again, &file, out.data, LIMIT_SLOT + 1, &err), &err,
			      SLOT_TOO_LARGE);
		assert_non_null(strstr(err.message, NAME));
	}
}

/* A file that may be read may be embedded into, and then be read again. */
static void counts_metadata_without_the_slot(void **state)
{
	cleanup_buf struct buf file = BUF_INIT(1 << 22), more = BUF_INIT(1 << 22);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_header(&file, 0, LIMIT_METADATA);
	check_round_trip(&file, 100);
	for (size_t n = LIMIT_METADATA + 1; n <= LIMIT_METADATA + 2; n++) {
		buf_truncate(&more, 0);
		made_header(&more, 0, n);
		assert_reason(made_parse(&l, more.data, more.len, NAME, &err), &err, LIMIT);
	}
}

static enum wm_code embed_and_parse(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT, again = LAYOUT_INIT;
	cleanup_buf struct buf out = BUF_INIT(1 << 16);
	const struct buf *file = context;
	cleanup_fd int fd = made_file(file->data, file->len), fd_out = -1;

	TRY(format_parse(&l, fd, file->len, NAME, err));
	TRY(made_embed(&out, &l, file, "some bytes", 10, err));
	fd_out = made_file(out.data, out.len);
	return format_parse(&again, fd_out, out.len, NAME, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		cleanup_buf struct buf file = BUF_INIT(1 << 16);

		made_append_header(&file, originals[i]);
		with_every_allocation_failing(embed_and_parse, &file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_generated_files_as_they_were),
		cmocka_unit_test(leaves_real_files_as_they_were),
		cmocka_unit_test(has_the_digests_of_the_view),
		cmocka_unit_test(puts_each_form_in_its_place),
		cmocka_unit_test(bounds_header_and_carried),
		cmocka_unit_test(counts_metadata_without_the_slot),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
