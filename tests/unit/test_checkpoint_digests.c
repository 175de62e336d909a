/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/checkpoint/digests.c: against a naive computation, a second implementation
 * (testdata/golden/digests.tsv, by tests/interop/digests) and the vectors of docs/format.md.
 */
#include "harness.h"

#include <stdio.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/digests.h"
#include "made.h"
#include "util/file.h"
#include "util/hex.h"

static const struct checkpoint_open_options plainly = { NULL };

/* Records as the documentation writes them: `bytes` cut at `ends`. */
struct leaves {
	struct buf bytes;
	size_t n, ends[4096];
};

static void put(struct leaves *l, uint64_t value, int n_bytes)
{
	struct wm_error err = { 0 };

	while (n_bytes-- > 0)
		assert_ok(buf_append_byte(&l->bytes, (uint8_t)(value >> 8 * n_bytes), &err), &err);
}

static void put_bytes(struct leaves *l, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(&l->bytes, data, len, &err), &err);
}

static void end(struct leaves *l)
{
	l->ends[l->n++] = l->bytes.len;
}

static void naive_digest(uint8_t out[SHA256_BYTES], uint8_t prefix, const void *data, size_t len)
{
	cleanup_buf struct buf message = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	assert_ok(buf_append_byte(&message, prefix, &err), &err);
	assert_ok(buf_append(&message, data, len, &err), &err);
	assert_ok(sha256_of(out, message.data, message.len, &err), &err);
}

/* RFC 6962 section 2.1 to the letter, over leaves [first, first + n), n > 0. */
static void naive_root(uint8_t out[SHA256_BYTES], const struct leaves *l, size_t first, size_t n)
{
	uint8_t pair[2 * SHA256_BYTES];
	size_t k = 1, start = first ? l->ends[first - 1] : 0;

	if (n == 1) {
		naive_digest(out, 0, l->bytes.data + start, l->ends[first] - start);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	naive_root(pair, l, first, k);
	naive_root(pair + SHA256_BYTES, l, first + k, n - k);
	naive_digest(out, 1, pair, sizeof(pair));
}

static struct leaves *leaves_new(const char *domain, uint64_t number)
{
	struct leaves *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->bytes = (struct buf)BUF_INIT(1 << 22);
	put_bytes(l, domain, strlen(domain) + 1);
	put(l, number, 8);
	return l;
}

static void finish(uint8_t out[SHA256_BYTES], struct leaves *l)
{
	naive_root(out, l, 0, l->n);
	buf_release(&l->bytes);
	free(l);
}

static void put_content(struct leaves *out, const struct layout *l, const struct tensor *t)
{
	const char *dtype = dtype_info(t->dtype)->name;
	uint8_t empty[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(sha256_of(empty, "", 0, &err), &err);
	put(out, strlen(dtype), 1);
	put_bytes(out, dtype, strlen(dtype));
	put(out, t->rank, 4);
	for (unsigned i = 0; i < t->rank; i++)
		put(out, t->dims[i], 8);
	put(out, t->len, 8);
	put_bytes(out, t->len ? l->segments[t->segment].digest : empty, SHA256_BYTES);
}

static void naive_file(uint8_t out[SHA256_BYTES], const struct layout *l)
{
	struct leaves *leaves = leaves_new("wmFileV1", l->size);

	put(leaves, l->n_segments, 8);
	end(leaves);
	for (size_t i = 0; i < l->n_segments; i++) {
		put(leaves, l->segments[i].tensor, 1);
		put(leaves, l->segments[i].off, 8);
		put(leaves, l->segments[i].len, 8);
		put_bytes(leaves, l->segments[i].digest, SHA256_BYTES);
		end(leaves);
	}
	finish(out, leaves);
}

/* Looks for the next name in order each time: quadratic, and plainly right. */
static void naive_weights(uint8_t out[SHA256_BYTES], const struct layout *l)
{
	struct leaves *leaves = leaves_new("wmWeightsV1", l->n_tensors);
	const struct tensor *last = NULL;

	end(leaves);
	for (size_t n = 0; n < l->n_tensors; n++) {
		const struct tensor *least = NULL;

		for (const struct tensor *t = l->tensors; t < l->tensors + l->n_tensors; t++)
			if ((!last || strcmp(t->name, last->name) > 0) &&
			    (!least || strcmp(t->name, least->name) < 0))
				least = t;
		assert_non_null(least);
		put(leaves, least->name_len, 4);
		put_bytes(leaves, least->name, least->name_len);
		put_content(leaves, l, least);
		end(leaves);
		last = least;
	}
	finish(out, leaves);
}

struct record {
	uint8_t *bytes;
	size_t len;
};

static int compare_records(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void naive_set(uint8_t out[SHA256_BYTES], const struct layout *l)
{
	struct record *records = calloc(l->n_tensors + 1, sizeof(*records));
	struct leaves *all = leaves_new("", 0), *leaves;
	size_t n = 0;

	assert_non_null(records);
	assert_true(l->n_tensors < sizeof(all->ends) / sizeof(all->ends[0]));
	end(all);
	for (size_t i = 0; i < l->n_tensors; i++) {
		put_content(all, l, &l->tensors[i]);
		end(all);
	}
	for (size_t i = 0; i < l->n_tensors; i++)
		records[i] = (struct record){ all->bytes.data + all->ends[i],
					      all->ends[i + 1] - all->ends[i] };
	qsort(records, l->n_tensors, sizeof(*records), compare_records);
	for (size_t i = 0; i < l->n_tensors; i++)
		if (i == 0 || compare_records(&records[i - 1], &records[i]) != 0)
			n++;
	leaves = leaves_new("wmTensorSetV1", n);
	end(leaves);
	for (size_t i = 0; i < l->n_tensors; i++) {
		if (i > 0 && compare_records(&records[i - 1], &records[i]) == 0)
			continue;
		put_bytes(leaves, records[i].bytes, records[i].len);
		end(leaves);
	}
	finish(out, leaves);
	buf_release(&all->bytes);
	free(all);
	free(records);
}

static void check_naive(const struct layout *l)
{
	uint8_t got[SHA256_BYTES], expected[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(digest_file(got, l, &err), &err);
	naive_file(expected, l);
	assert_memory_equal(got, expected, SHA256_BYTES);
	assert_ok(digest_weights(got, &l, 1, "m", &err), &err);
	naive_weights(expected, l);
	assert_memory_equal(got, expected, SHA256_BYTES);
	assert_ok(digest_tensor_set(got, &l, 1, &err), &err);
	naive_set(expected, l);
	assert_memory_equal(got, expected, SHA256_BYTES);
}

/* Segment digests need not be of the bytes here; a few of them are equal. */
static void invent_digests(struct layout *l)
{
	for (size_t i = 0; i < l->n_segments; i++)
		memset(l->segments[i].digest, (int)(i * 31 % 251), SHA256_BYTES);
}

static void agree_with_a_naive_computation(void **state)
{
	/* With the head leaf: around one batch of 1024 leaves, and several. */
	static const size_t counts[] = { 1, 2, 3, 7, 1021, 1022, 1023, 1024, 2047, 3000 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_many(&bytes, counts[i]);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), &err);
		invent_digests(&l);
		check_naive(&l);
	}
}

#define ENTRY(name, dtype, shape, begin, end)                                             \
	"\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin \
	"," end "]}"

/* Types, ranks, dims and lengths that the order of records must tell apart. */
static void order_records_bytewise(void **state)
{
	static const struct made made = { HEADER("{"
		ENTRY("a", "F8_E5M2", "[4]", "0", "4") ","
		ENTRY("b", "F8_E4M3", "[4]", "4", "8") ","
		ENTRY("ab", "U8", "[1,4]", "8", "12") ","
		ENTRY("\xc3\xa8", "U8", "[4]", "12", "16") ","
		ENTRY("", "U8", "[4,1]", "16", "20") ","
		ENTRY("d", "U8", "[256]", "20", "276") ","
		ENTRY("e", "F64", "[0,7]", "276", "276") ","
		ENTRY("f", "F64", "[0,7]", "0", "0") ","
		ENTRY("g", "I8", "[]", "276", "277") "}"), 277, 0 };
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_append(&bytes, &made);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), &err);
	invent_digests(&l);
	check_naive(&l);
}

/* Writes the bytes as a file in `folder` and measures it. */
static void measured(struct checkpoint **out, const char *folder, const char *name,
		     const void *data, size_t len)
{
	const struct checkpoint_measure_options options = { .sha256 = true, .workers = 1 };
	cleanup_buf struct buf path = BUF_INIT(4096);
	struct wm_error err = { 0 };

	assert_ok(buf_printf(&path, &err, "%s/%s", folder, name), &err);
	assert_ok(file_write(buf_str(&path), data, len, 0600, FILE_REPLACE, &err), &err);
	assert_ok(checkpoint_open(out, buf_str(&path), &plainly, &err), &err);
	assert_ok(checkpoint_find_parts(*out, &err), &err);
	assert_ok(checkpoint_measure(*out, &options, &err), &err);
}

static void measured_header(struct checkpoint **out, const char *folder, const struct made *m)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	made_append(&bytes, m);
	measured(out, folder, "m.safetensors", bytes.data, bytes.len);
}

#define A(dtype, shape, begin, end) ENTRY("a", dtype, shape, begin, end)
#define B(size, begin, end) ENTRY("b", "U8", "[" size "]", begin, end)

static bool differ(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SHA256_BYTES) != 0;
}

static void tell_what_changed(void **state)
{
	static const struct {
		const char *header;
		bool file, weights, set; /* whether it differs from that of the first row */
	} rows[] = {
		{ "{" A("U8", "[4]", "0", "4") "," B("1", "4", "5") "}", false, false, false },
		{ "{" B("1", "4", "5") "," A("U8", "[4]", "0", "4") "}", true, false, false },
		{ "{" A("U8", "[4]", "0", "4") "," B("1", "4", "5") "} ", true, false, false },
		{ "{\"__metadata__\":{\"format\":\"pt\"},"
		  A("U8", "[4]", "0", "4") "," B("1", "4", "5") "}", true, false, false },
		{ "{" ENTRY("\\u0061", "U8", "[4]", "0", "4") "," B("1", "4", "5") "}",
		  true, false, false },
		{ "{" ENTRY("c", "U8", "[4]", "0", "4") "," B("1", "4", "5") "}", true, true,
		  false },
		{ "{" A("I8", "[4]", "0", "4") "," B("1", "4", "5") "}", true, true, true },
		{ "{" A("U8", "[2,2]", "0", "4") "," B("1", "4", "5") "}", true, true, true },
		{ "{" A("U8", "[4]", "1", "5") "," B("1", "0", "1") "}", true, true, true },
	};
	char *folder = scratch_new();
	struct checkpoint *first = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct made made = { rows[i].header, strlen(rows[i].header), 5, 0 };
		const struct checkpoint_part *p;
		struct checkpoint *c = NULL;

		measured_header(&c, folder, &made);
		if (!first)
			first = c;
		p = &c->parts[0];
		assert_int_equal(differ(c->files[0].file_digest, first->files[0].file_digest),
				 rows[i].file);
		assert_int_equal(differ(p->weights_digest, first->parts[0].weights_digest),
				 rows[i].weights);
		assert_int_equal(differ(p->tensor_set_digest, first->parts[0].tensor_set_digest),
				 rows[i].set);
		if (c != first)
			checkpoint_free(c);
	}
	checkpoint_free(first);
	scratch_remove(folder);
}

/* The same bytes in another order in the file: equal tensors count once in the set. */
static void count_equal_tensors_once(void **state)
{
	static const uint8_t twice[] = { 7, 7 }, once[] = { 7 };
	static const char two[] = "{" A("U8", "[1]", "0", "1") "," B("1", "1", "2") "}";
	static const char one[] = "{" A("U8", "[1]", "0", "1") "}";
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_checkpoint struct checkpoint *c = NULL, *d = NULL;
	struct wm_error err = { 0 };
	char *folder = scratch_new();

	(void)state;
	made_append(&bytes, &(struct made){ HEADER(two), 0, 0 });
	assert_ok(buf_append(&bytes, twice, 2, &err), &err);
	measured(&c, folder, "two.safetensors", bytes.data, bytes.len);
	bytes.len = 0;
	made_append(&bytes, &(struct made){ HEADER(one), 0, 0 });
	assert_ok(buf_append(&bytes, once, 1, &err), &err);
	measured(&d, folder, "one.safetensors", bytes.data, bytes.len);
	assert_memory_equal(c->parts[0].tensor_set_digest, d->parts[0].tensor_set_digest,
			    SHA256_BYTES);
	assert_memory_not_equal(c->parts[0].weights_digest, d->parts[0].weights_digest,
				SHA256_BYTES);
	assert_int_equal(c->parts[0].n_parameters, 2);
	scratch_remove(folder);
}

static void assert_documented(const struct buf *page, const char *label, const uint8_t *digest)
{
	char line[32 + 2 * SHA256_BYTES + 1];

	snprintf(line, sizeof(line), "\t%-12s", label);
	hex_encode(line + strlen(line), digest, SHA256_BYTES);
	if (!strstr(buf_str(page), line))
		test_failed(__FILE__, __LINE__, "docs/format.md lacks:%s", line);
}

static void match_the_documented_vectors(void **state)
{
	static const struct made tensors = { HEADER("{"
		A("U8", "[4]", "0", "4") ","
		ENTRY("b", "F16", "[2]", "4", "8") ","
		ENTRY("c", "F32", "[0,3]", "8", "8") "}"), 8, 0 };
	static const struct made empty = { HEADER("{}"), 0, 0 };
	const struct made *const files[] = { &empty, &tensors };
	cleanup_buf struct buf page = BUF_INIT(1 << 20);
	cleanup_checkpoint struct checkpoint *raw = NULL;
	char *folder = scratch_new();

	(void)state;
	read_file(&page, "docs/format.md");
	measured(&raw, folder, "abc", "abc", 3);
	assert_documented(&page, "file", raw->files[0].file_digest);
	assert_false(raw->parts[0].has_weights);
	for (size_t i = 0; i < 2; i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;

		measured_header(&c, folder, files[i]);
		assert_documented(&page, "file", c->files[0].file_digest);
		assert_documented(&page, "weights", c->parts[0].weights_digest);
		assert_documented(&page, "tensor set", c->parts[0].tensor_set_digest);
		if (i == 1)
			assert_documented(&page, "sha256", c->files[0].sha256);
	}
	scratch_remove(folder);
}

static void agree_with_a_second_implementation(void **state)
{
	const struct checkpoint_measure_options options = { .workers = 1 };
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	size_t n = 0;

	(void)state;
	read_file(&table, "testdata/golden/digests.tsv");
	for (char *line = (char *)table.data, *next; *line; line = next, n++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		char path[201], file[65], weights[65], set[65], hex[65];
		struct wm_error err = { 0 };

		next = strchr(line, '\n') + 1;
		assert_int_equal(sscanf(line, "%200s %64s %64s %64s", path, file, weights, set), 4);
		assert_ok(checkpoint_open(&c, path, &plainly, &err), &err);
		assert_ok(checkpoint_find_parts(c, &err), &err);
		assert_ok(checkpoint_measure(c, &options, &err), &err);
		hex_encode(hex, c->files[0].file_digest, SHA256_BYTES);
		assert_string_equal(hex, file);
		hex_encode(hex, c->parts[0].weights_digest, SHA256_BYTES);
		assert_string_equal(hex, weights);
		hex_encode(hex, c->parts[0].tensor_set_digest, SHA256_BYTES);
		assert_string_equal(hex, set);
	}
	assert_true(n >= 50);
}

static void stay_fast_with_many_tensors(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct layout *only = &l;
	uint8_t out[SHA256_BYTES];
	struct wm_error err = { 0 };
	double start, file, weights, set;

	(void)state;
	made_many(&bytes, 100000);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), &err);
	invent_digests(&l);
	for (size_t i = 0; i < l.n_segments; i++)
		memcpy(l.segments[i].digest, &(uint64_t){ i * UINT64_C(0x9E3779B97F4A7C15) }, 8);
	start = seconds();
	assert_ok(digest_file(out, &l, &err), &err);
	file = seconds();
	assert_ok(digest_weights(out, &only, 1, "m", &err), &err);
	weights = seconds();
	assert_ok(digest_tensor_set(out, &only, 1, &err), &err);
	set = seconds();
	print_message("# 100000 tensors: file %.3f s, weights %.3f s, tensor set %.3f s (%s)\n",
		      file - start, weights - file, set - weights, digest_kernel_name());
}

/* A kernel may allocate; where it cannot, single messages go on without it. */
static void survive_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct layout *only = &l;
	uint8_t expected[SHA256_BYTES], out[SHA256_BYTES];
	struct wm_error err = { 0 };
	size_t n_failed = 0, n = 0;
	enum wm_code code;

	(void)state;
	made_many(&bytes, 1500);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), &err);
	assert_ok(digest_tensor_set(expected, &only, 1, &err), &err);
	do {
		fail_allocation(++n);
		code = digest_tensor_set(out, &only, 1, &err);
		fail_allocation(0);
		n_failed += code != WM_OK;
		if (code != WM_OK)
			assert_int_equal(code, WM_NOMEM);
		else
			assert_memory_equal(out, expected, SHA256_BYTES);
	} while (n < 100);
	assert_true(n_failed >= 3 && n_failed < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agree_with_a_naive_computation),
		cmocka_unit_test(order_records_bytewise),
		cmocka_unit_test(tell_what_changed),
		cmocka_unit_test(count_equal_tensors_once),
		cmocka_unit_test(match_the_documented_vectors),
		cmocka_unit_test(agree_with_a_second_implementation),
		cmocka_unit_test(stay_fast_with_many_tensors),
		cmocka_unit_test(survive_failing_allocations),
	};

	return run_tests(tests);
}
