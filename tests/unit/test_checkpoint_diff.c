/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/diff.c and diff_records.c: what two checkpoints have in common. */
#include "harness.h"

#include "checkpoint/diff.h"
#include "tree.h"

enum { FILES_MAX = 6 };

struct row {
	struct tree_file before[FILES_MAX], after[FILES_MAX];
	const char *tensors, *files, *parts; /* "=name ~name +name -name", sorted by name */
};

static void opened(struct checkpoint **out, const char *folder)
{
	const struct checkpoint_open_options options = { NULL };
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	struct wm_error err = { 0 };

	assert_ok(checkpoint_open(out, folder, &options, &err), &err);
	assert_ok(checkpoint_find_parts(*out, &err), &err);
	assert_ok(checkpoint_measure(*out, &measuring, &err), &err);
}

static char sign_of(enum difference difference)
{
	return "=~+-"[difference];
}

static void assert_rows(const struct record_list *l, const char *expected)
{
	cleanup_buf struct buf text = BUF_INIT(1 << 16);
	struct wm_error err = { 0 };
	size_t count[N_DIFFERENCES] = { 0 };
	uint64_t bytes[N_DIFFERENCES] = { 0 };

	for (size_t i = 0; i < l->n_rows; i++) {
		const struct record_row *r = &l->rows[i];

		assert_ok(buf_printf(&text, &err, "%s%c%s%s", i ? " " : "", sign_of(r->difference),
				     r->name, r->same_set ? "!" : ""), &err);
		count[r->difference]++;
		bytes[r->difference] += r->bytes;
	}
	assert_string_equal(buf_str(&text), expected);
	assert_memory_equal(count, l->count, sizeof(count));
	assert_memory_equal(bytes, l->bytes, sizeof(bytes));
}

static void assert_tensors(const struct diff *d, const char *expected)
{
	cleanup_buf struct buf text = BUF_INIT(1 << 16);
	struct wm_error err = { 0 };

	for (size_t i = 0; i < d->n_rows; i++)
		assert_ok(buf_printf(&text, &err, "%s%c%s%s%s", i ? " " : "",
				     sign_of(d->rows[i].difference), d->rows[i].part,
				     *d->rows[i].part ? ":" : "", diff_tensor(&d->rows[i])->name),
			  &err);
	assert_string_equal(buf_str(&text), expected);
}

static void check_row(const struct row *row)
{
	cleanup_checkpoint struct checkpoint *before = NULL, *after = NULL;
	cleanup_record_diff struct record_diff r = { 0 };
	cleanup_diff struct diff d = { 0 };
	char *first = scratch_new(), *second = scratch_new();
	struct diff_side a = { 0 }, b = { 0 };
	struct wm_error err = { 0 };

	tree_write_all(first, row->before);
	tree_write_all(second, row->after);
	opened(&before, first);
	opened(&after, second);
	a.measured = before;
	b.measured = after;
	assert_ok(diff_records(&r, &a, &b, &err), &err);
	assert_rows(&r.files, row->files);
	assert_rows(&r.parts, row->parts);
	if (row->tensors) {
		assert_ok(diff_checkpoints(&d, before, after, &err), &err);
		assert_tensors(&d, row->tensors);
	} else {
		assert_reason(diff_checkpoints(&d, before, after, &err), &err, NO_TENSORS);
	}
	scratch_remove(first);
	scratch_remove(second);
}

#define ONE "m-00001-of-00002.safetensors"
#define TWO "m-00002-of-00002.safetensors"
#define INDEX "{\"weight_map\":{\"a\":\"s.safetensors\",\"b\":\"s.safetensors\"}}"

static void compares(void **state)
{
	static const struct row rows[] = {
		{ { { "m.safetensors", "tensors: a=1 b=2" } },
		  { { "m.safetensors", "tensors: a=1 b=3 c=4" } },
		  "=a ~b +c", "~m.safetensors", "~m.safetensors" },
		/* Another order and other shards are the same weights. */
		{ { { "m.safetensors", "tensors: a=1 b=2" }, { "x.json", "{}" } },
		  { { ONE, "tensors: b=2" }, { TWO, "tensors: a=1" } },
		  "=a =b", "+" ONE " +" TWO " -m.safetensors -x.json", "=m.safetensors" },
		/* Lone files and lone parts need no common name. */
		{ { { "m.safetensors", "tensors: a=1" } }, { { "n.safetensors", "tensors: a=1" } },
		  "=a", "=n.safetensors", "=n.safetensors" },
		{ { { "m.safetensors", "tensors: a=1" } }, { { "n.safetensors", "tensors: b=1" } },
		  "-a +b", "~n.safetensors", "~n.safetensors!" },
		/* Part by part. */
		{ { { "u/m.safetensors", "tensors: a=1" }, { "v/m.safetensors", "tensors: a=2" } },
		  { { "v/m.safetensors", "tensors: a=1" }, { "w/m.safetensors", "tensors: a=2" } },
		  "-u/m.safetensors:a ~v/m.safetensors:a +w/m.safetensors:a",
		  "-u/m.safetensors ~v/m.safetensors +w/m.safetensors",
		  "-u/m.safetensors ~v/m.safetensors +w/m.safetensors" },
		/* Two indexes may list one file: it is in both parts. */
		{ { { "s.safetensors", "tensors: a=1 b=2" },
		    { "m.safetensors.index.json", INDEX },
		    { "n.safetensors.index.json", INDEX } },
		  { { "s.safetensors", "tensors: a=1 b=3" },
		    { "m.safetensors.index.json", INDEX },
		    { "n.safetensors.index.json", INDEX } },
		  "=m.safetensors:a ~m.safetensors:b =n.safetensors:a ~n.safetensors:b",
		  "=m.safetensors.index.json =n.safetensors.index.json ~s.safetensors",
		  "~m.safetensors ~n.safetensors" },
		/* Without tensors that can be told apart. */
		{ { { "m.safetensors", "tensors: a=1" }, { "p.bin", "x" }, { "q.bin", "x" } },
		  { { "m.safetensors", "tensors: a=1" }, { "p.bin", "y" }, { "q.bin", "x" } },
		  "=m.safetensors:a", "=m.safetensors ~p.bin =q.bin",
		  "=m.safetensors ~p.bin =q.bin" },
		{ { { "p.bin", "x" } }, { { "p.bin", "x" } }, NULL, "=p.bin", "=p.bin" },
		{ { { "p.bin", "x" } }, { { "m.safetensors", "tensors: a" } }, NULL,
		  "~m.safetensors", "~m.safetensors" },
		/* A part that was not fetched is no part without its tensors. */
		{ { { "m.safetensors", "tensors: a" }, { "n.safetensors", "tensors: b" } },
		  { { "m.safetensors", "pointer" }, { "n.safetensors", "tensors: b" } },
		  "=n.safetensors:b", "~m.safetensors =n.safetensors",
		  "~m.safetensors =n.safetensors" },
		/* Two pointers to the same bytes, and documents. */
		{ { { "m.safetensors", "pointer" }, { "LICENSE", "x" } },
		  { { "m.safetensors", "pointer" }, { "LICENSE", "y" } },
		  NULL, "~LICENSE =m.safetensors", "=m.safetensors" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

/* What a statement says, with the digests of `c`. */
struct stated {
	Weightmark__V1__Checkpoint checkpoint;
	Weightmark__V1__File file, *files[1];
	Weightmark__V1__Part part, *parts[1];
	Weightmark__V1__Digest file_digest, sha256, weights_digest, tensor_set_digest;
	char *path, *grammar;
};

static void set_digest(Weightmark__V1__Digest *d, uint8_t *bytes)
{
	weightmark__v1__digest__init(d);
	d->sha256 = (ProtobufCBinaryData){ SHA256_BYTES, bytes };
}

static void state_it(struct stated *s, const struct checkpoint *c)
{
	struct checkpoint_file *f = &c->files[0];
	struct checkpoint_part *p = &c->parts[0];

	weightmark__v1__checkpoint__init(&s->checkpoint);
	weightmark__v1__file__init(&s->file);
	weightmark__v1__part__init(&s->part);
	set_digest(&s->file_digest, f->file_digest);
	set_digest(&s->sha256, f->sha256);
	set_digest(&s->weights_digest, p->weights_digest);
	set_digest(&s->tensor_set_digest, p->tensor_set_digest);
	s->path = f->path;
	s->grammar = strdup(f->layout.format->grammar);
	s->files[0] = &s->file;
	s->parts[0] = &s->part;
	s->file.path = s->path;
	s->file.size = f->layout.size;
	s->file.grammar = s->grammar;
	s->file.file_digest = &s->file_digest;
	s->file.sha256 = &s->sha256;
	s->part.name = s->path;
	s->part.path = &s->path;
	s->part.n_path = 1;
	s->part.weights_digest = &s->weights_digest;
	s->part.tensor_set_digest = &s->tensor_set_digest;
	s->part.tensor_bytes = p->n_tensor_bytes;
	s->checkpoint.file = s->files;
	s->checkpoint.part = s->parts;
	s->checkpoint.n_file = s->checkpoint.n_part = 1;
}

/* One fact of the statement after the other is made another one. */
static void compares_with_statements(void **state)
{
	static const struct tree_file file = { "m.safetensors", "tensors: a=1 b=2" };
	cleanup_checkpoint struct checkpoint *c = NULL, *stater = NULL;
	char *folder = scratch_new();
	struct stated s = { 0 };

	(void)state;
	tree_write(folder, &file);
	opened(&c, folder);
	opened(&stater, folder);
	state_it(&s, stater);
	for (int i = 0; i < 8; i++) {
		cleanup_record_diff struct record_diff r = { 0 };
		const struct diff_side at_hand = { c, NULL }, said = { NULL, &s.checkpoint };
		struct wm_error err = { 0 };

		s.file.size += i == 1;
		s.file_digest.sha256.data[0] ^= i == 2;
		s.grammar[0] = i == 3 || i == 4 ? 'x' : 's'; /* then the SHA-256 decides */
		s.sha256.sha256.data[0] ^= i == 4;
		s.weights_digest.sha256.data[0] ^= i == 5 || i == 6;
		s.tensor_set_digest.sha256.data[0] ^= i == 6;
		s.part.weights_digest = i == 7 ? NULL : &s.weights_digest;
		s.part.tensor_set_digest = i == 7 ? NULL : &s.tensor_set_digest;
		assert_ok(diff_records(&r, &said, &at_hand, &err), &err);
		assert_rows(&r.files, i == 1 || i == 2 || i == 4 ? "~m.safetensors" :
							"=m.safetensors");
		assert_rows(&r.parts, i == 5 ? "~m.safetensors!" : i == 6 ? "~m.safetensors" :
							"=m.safetensors");
		assert_int_equal(r.parts.rows[0].has_weights, i != 7);
		s.file.size -= i == 1;
		s.file_digest.sha256.data[0] ^= i == 2;
		s.sha256.sha256.data[0] ^= i == 4;
		s.weights_digest.sha256.data[0] ^= i == 5 || i == 6;
		s.tensor_set_digest.sha256.data[0] ^= i == 6;
	}
	free(s.grammar);
	scratch_remove(folder);
}

static enum wm_code compare_both_ways(void *context, struct wm_error *err)
{
	struct checkpoint *const *c = context;
	const struct diff_side a = { c[0], NULL }, b = { c[1], NULL };
	cleanup_record_diff struct record_diff r = { 0 };
	cleanup_diff struct diff d = { 0 };

	TRY(diff_records(&r, &a, &b, err));
	return diff_checkpoints(&d, c[0], c[1], err);
}

static void survives_failing_allocations(void **state)
{
	static const struct tree_file files[] = {
		{ "m.safetensors", "tensors: a=1" }, { "p.bin", "x" }, { NULL, NULL },
	};
	char *folder = scratch_new();
	struct checkpoint *c[2];

	(void)state;
	tree_write_all(folder, files);
	opened(&c[0], folder);
	opened(&c[1], folder);
	with_every_allocation_failing(compare_both_ways, c);
	checkpoint_free(c[0]);
	checkpoint_free(c[1]);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),
		cmocka_unit_test(compares_with_statements),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
