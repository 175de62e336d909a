/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/checks.c, what is measured: for each check a file or manifest that only it refuses. */
#include "publisher.h"

#include <stdio.h>

#include "made.h"

static struct publisher p;

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

/* The three statements with one text of one payload replaced. */
static void make(int which, const char *from, const char *to)
{
	publisher_make(&p, (struct edit[]){ { which, from, to }, { 0, NULL, NULL } });
	publisher_write(&p);
}

static void make_honest(void)
{
	publisher_make(&p, NULL);
	publisher_write(&p);
}

/* Writes the checkpoint anew with byte `at` changed by `mask`, and `more` appended. */
static void spoil(size_t at, uint8_t mask, const char *more)
{
	cleanup_buf struct buf bytes = BUF_INIT(65536);
	struct wm_error err = { 0 };

	read_file(&bytes, "testdata/good/digits-mlp/model.safetensors");
	bytes.data[at] ^= mask;
	assert_ok(buf_append_str(&bytes, more, &err), &err);
	write_bytes(p.path, bytes.data, bytes.len);
}

static void checkpoint_parsed(void **state)
{
	(void)state;
	make_honest();
	spoil(0, 1, "");
	assert_refused(&p, "checkpoint-parsed", SAFETENSORS_MALFORMED);
	spoil(0, 0, "x");
	assert_refused(&p, "checkpoint-parsed", SAFETENSORS_TRAILING);
	spoil(0, 0, "");
	assert_accepted(&p);
}

static void files_listed(void **state)
{
	static const char zeros[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	char second[512];

	(void)state;
	snprintf(second, sizeof(second),
		 "\"size\":10008},{\"file_digest\":\"%s\",\"grammar\":\"raw/1\",\"path\":\"z.bin\","
		 "\"role\":\"load\",\"sha256\":\"%s\",\"size\":1}]", zeros, zeros);
	/* All of its part, it may be judged alone; what it is not told of is another's affair. */
	make(MANIFEST, "\"size\":10008}]", second);
	assert_accepted(&p);
	make(MANIFEST, "\"path\":\"model.safetensors\",\"role\"", "\"path\":\"n\",\"role\"");
	assert_refused(&p, "statements-strict", STATEMENT_INVALID);
	make(MANIFEST, "\"licence\":\"Apache-2.0\"", "\"licence\":\"MIT\"");
	assert_accepted(&p);
}

/* A known format signed as raw escapes every strict check: the verifier chooses. */
static void grammar_equal(void **state)
{
	(void)state;
	make(MANIFEST, "\"grammar\":\"safetensors/1\"", "\"grammar\":\"raw/1\"");
	assert_refused(&p, "grammars-equal", GRAMMAR_MISMATCH);
	make_honest();
	assert_accepted(&p);
}

/* Where the file has the first digit of its accuracy, 0.9833. */
static size_t metadata_value(void)
{
	cleanup_buf struct buf bytes = BUF_INIT(65536);
	const uint8_t *at;

	read_file(&bytes, p.path);
	at = memmem(bytes.data, bytes.len, "0.9833", 6);
	assert_non_null(at);
	return (size_t)(at - bytes.data);
}

static void file_digest_equal(void **state)
{
	(void)state;
	make_honest();
	spoil(10007, 0x80, "");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	/* A value in __metadata__: tensors and grammar are as before. */
	spoil(metadata_value(), 1, "");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	spoil(0, 0, "");
	assert_accepted(&p);
	make(MANIFEST, "\"file_digest\":\"c5d3", "\"file_digest\":\"c5d4");
	assert_refused(&p, "statements-strict", SUBJECT_MISMATCH);
	make(MANIFEST, "\"c5d35f5d", "\"c5d35f5e");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	make(MANIFEST, "\"size\":10008", "\"size\":10007");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
}

static void weights_equal(void **state)
{
	static const char *const changes[][2] = {
		{ "\"40fe166d", "\"40fe166c" },
		{ "\"fb75c4f4", "\"fb75c4f5" },
		{ "\"tensor_count\":4", "\"tensor_count\":5" },
		{ "\"parameter_count\":2410", "\"parameter_count\":2411" },
		{ "\"tensor_bytes\":9640", "\"tensor_bytes\":9641" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		make(MANIFEST, changes[i][0], changes[i][1]);
		assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	}
	make_honest();
	assert_accepted(&p);
}

/* Makes a file with these bytes the checkpoint. */
static void use_file(const char *name, const void *data, size_t len)
{
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	struct wm_error err = { 0 };

	free(p.path);
	free(p.sidecar);
	checkpoint_free(take_ptr(&p.measured));
	assert_true(asprintf(&p.path, "%s/%s", p.dir, name) > 0);
	assert_true(asprintf(&p.sidecar, "%s/%s.wmk", p.dir, name) > 0);
	write_bytes(p.path, data, len);
	assert_ok(checkpoint_open(&p.measured, p.path, &(struct checkpoint_open_options){ NULL }, &err), &err);
	assert_ok(checkpoint_find_parts(p.measured, &err), &err);
	assert_ok(checkpoint_measure(p.measured, &measuring, &err), &err);
}

/* Tensors of 65,536 bytes, twice the same ones, of one less and of more. */
static void use_large_tensors(void)
{
	static const char header[] =
		"{\"a\":{\"dtype\":\"U8\",\"shape\":[65536],\"data_offsets\":[0,65536]},"
		"\"b\":{\"dtype\":\"I8\",\"shape\":[2,32768],\"data_offsets\":[65536,131072]},"
		"\"c\":{\"dtype\":\"U8\",\"shape\":[65535],\"data_offsets\":[131072,196607]},"
		"\"d\":{\"dtype\":\"U8\",\"shape\":[70000],\"data_offsets\":[196607,266607]}}";
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	made_append(&bytes, &(struct made){ HEADER(header), 266607, 0 });
	use_file("large.safetensors", bytes.data, bytes.len);
}

/* Appends the record of the `i`th listed tensor, as it is signed. */
static void append_listed(struct buf *out, size_t i)
{
	const struct listed_tensor *t = &p.measured->parts[0].listed[i];
	struct wm_error err = { 0 };

	assert_ok(buf_printf(out, &err, "{\"bytes\":%llu,\"digest\":\"",
			     (unsigned long long)t->len), &err);
	assert_ok(buf_append_hex(out, t->digest, SHA256_BYTES, &err), &err);
	assert_ok(buf_append_str(out, "\"}", &err), &err);
}

static void listed_tensors_equal(void **state)
{
	cleanup_buf struct buf first = BUF_INIT(4096), second = BUF_INIT(4096);
	cleanup_buf struct buf both = BUF_INIT(4096), changed = BUF_INIT(4096);
	const char *lists[4];
	struct wm_error err = { 0 };

	(void)state;
	use_large_tensors();
	assert_int_equal(p.measured->parts[0].n_listed, 2);
	append_listed(&first, 0);
	append_listed(&second, 1);
	assert_ok(buf_printf(&both, &err, "\"tensor\":[%s,%s],", buf_str(&first),
			     buf_str(&second)), &err);
	make_honest();
	assert_non_null(strstr(buf_str(&p.payloads[MANIFEST]), buf_str(&both)));
	assert_accepted(&p);
	/* One that is left out at either end, of another size, of another digest. */
	assert_ok(buf_printf(&changed, &err, "\"tensor\":[%s],", buf_str(&first)), &err);
	make(MANIFEST, buf_str(&both), buf_str(&changed));
	assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	buf_truncate(&changed, 0);
	assert_ok(buf_printf(&changed, &err, "\"tensor\":[%s],", buf_str(&second)), &err);
	make(MANIFEST, buf_str(&both), buf_str(&changed));
	assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	lists[0] = "\"bytes\":65536,";
	lists[1] = "\"bytes\":65537,";
	lists[2] = "\"bytes\":70000,";
	lists[3] = "\"bytes\":69999,";
	for (size_t i = 0; i < 4; i += 2) {
		make(MANIFEST, lists[i], lists[i + 1]);
		assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	}
	buf_truncate(&changed, 0);
	assert_ok(buf_append(&changed, second.data, second.len, &err), &err);
	changed.data[changed.len - 3] ^= 1; /* the last digit: 0 and 1, a and b ... */
	if (changed.data[changed.len - 3] == '`' || changed.data[changed.len - 3] == 'g')
		changed.data[changed.len - 3] = '0';
	make(MANIFEST, buf_str(&second), buf_str(&changed));
	assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	/* A manifest of before there were lists. */
	make(MANIFEST, buf_str(&both), "");
	assert_accepted(&p);
}

/* Of a file without tensors nothing may be claimed that nobody can count. */
static void no_weights_claimed(void **state)
{
	static const char *const changes[][2] = {
		{ "\"name\":\"raw.bin\",", "\"name\":\"raw.bin\",\"parameter_count\":2410," },
		{ "\"path\":[\"raw.bin\"]}", "\"path\":[\"raw.bin\"],\"tensor_bytes\":9640}" },
		{ "\"path\":[\"raw.bin\"]}", "\"path\":[\"raw.bin\"],\"tensor_count\":0}" },
	};

	(void)state;
	use_file("raw.bin", "no tensors", 10);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		make(MANIFEST, changes[i][0], changes[i][1]);
		assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	}
	make_honest();
	assert_accepted(&p);
}

/* White space that the reference reader takes, and its specification does not, is told. */
static void loose_spaces_are_noted(void **state)
{
	static const char strict[] = "\x02\0\0\0\0\0\0\0{}", loose[] = "\x03\0\0\0\0\0\0\0 {}";
	cleanup_verdict struct wm_verdict *before = NULL, *after = NULL;

	(void)state;
	use_file("a.safetensors", strict, sizeof(strict) - 1);
	make_honest();
	before = publisher_verify(&p, false);
	assert_int_equal(before->decision, WM_ACCEPT);
	assert_false(has_note(before, "loose-spaces"));
	use_file("b.safetensors", loose, sizeof(loose) - 1);
	make_honest();
	after = publisher_verify(&p, false);
	assert_int_equal(after->decision, WM_ACCEPT);
	assert_true(has_note(after, "loose-spaces"));
}

static void sha256_equal(void **state)
{
	(void)state;
	make(MANIFEST, "\"dd9a34da", "\"dd9a34db");
	assert_refused_full(&p, "sha256-equal", SHA256_MISMATCH);
	assert_accepted(&p);
	make_honest();
	assert_accepted_full(&p);
}

static void schema_known(void **state)
{
	(void)state;
	make(MANIFEST, "\"schema_minor\":0,\"sequence\":1", "\"schema_minor\":1,\"sequence\":1");
	assert_review(&p, "schema-known", NEWER_SCHEMA);
	make(DATASET, "\"schema_minor\":0,\"sequence\":1",
	     "\"schema_minor\":1,\"sequence\":1,\"zeal\":1");
	assert_review(&p, "schema-known", NEWER_SCHEMA);
	/* What is refused stays refused under a newer schema. */
	spoil(10007, 1, "");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	spoil(0, 0, "");
	make_honest();
	assert_accepted(&p);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(checkpoint_parsed),
		CASE(files_listed),
		CASE(grammar_equal),
		CASE(file_digest_equal),
		CASE(weights_equal),
		CASE(listed_tensors_equal),
		CASE(no_weights_claimed),
		CASE(loose_spaces_are_noted),
		CASE(sha256_equal),
		CASE(schema_known),
	};

	return run_tests(tests);
}
