/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/embed.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/recover.h"
#include "format/slot.h"
#include "made.h"
#include "publisher.h"
#include "rewriting.h"
#include "util/file.h"

static const struct checkpoint_open_options opening = { NULL };
static const struct embed_options replacing = { .opening = &opening };
static const struct embed_options in_place = { .opening = &opening, .in_place = true };

/* --- checkpoints ----------------------------------------------------------------------- */

static const char shard_a[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}";
static const char shard_b[] = "{ \"__metadata__\" : {\"format\":\"pt\"}, \"b\":{\"dtype\":\"U8\","
			      "\"shape\":[5000],\"data_offsets\":[0,5000]}}";
static const char taken[] = "{\"__metadata__\":{\"weightmark\":\"mine\"},\"b\":{\"dtype\":\"U8\","
			    "\"shape\":[5000],\"data_offsets\":[0,5000]}}";
static char *const shards[] = { (char[]){ "m-1.safetensors" }, (char[]){ "m-2.safetensors" } };
static char *const rest[] = { (char[]){ "vocabulary.bin" } };

static char *joined(const char *dir, const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static void write_in(const char *dir, const char *name, const void *data, size_t len)
{
	cleanup_free char *path = joined(dir, name);

	write_bytes(path, data, len);
}

static void write_shard(const char *dir, const char *name, const char *header, uint64_t buffer)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);

	made_append(&bytes, &(struct made){ header, strlen(header), buffer, 0 });
	write_in(dir, name, bytes.data, bytes.len);
}

/* With the part of the shards, where they are there. */
static void measure_again(struct publisher *p, bool has_shards)
{
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	struct wm_error err = { 0 };

	checkpoint_free(take_ptr(&p->measured));
	assert_ok(checkpoint_open(&p->measured, p->path, &opening, &err), &err);
	if (has_shards)
		assert_ok(checkpoint_add_part(p->measured, "m", shards, 2, &err), &err);
	assert_ok(checkpoint_add_part(p->measured, "v", rest, 1, &err), &err);
	assert_ok(checkpoint_measure(p->measured, &measuring, &err), &err);
}

/* digits-mlp, signed. */
static void lone_open(struct publisher *p)
{
	publisher_open(p);
	publisher_make(p, NULL);
	publisher_write(p);
}

/* Two shards, a part of no known format, a configuration and a document; signed. */
static void directory_open(struct publisher *p)
{
	publisher_open(p);
	free(p->path);
	free(p->sidecar);
	p->path = joined(p->dir, "checkpoint");
	p->sidecar = joined(p->path, "weightmark.wmk");
	assert_int_equal(mkdir(p->path, 0755), 0);
	write_shard(p->path, shards[0], shard_a, 9);
	write_shard(p->path, shards[1], shard_b, 5000);
	write_in(p->path, rest[0], "words", 5);
	write_in(p->path, "config.json", "{}", 2);
	write_in(p->path, "README.md", "# M", 3);
	measure_again(p, true);
	publisher_make(p, NULL);
	publisher_write(p);
}

static void (*const fixtures[])(struct publisher *p) = { lone_open, directory_open };

/* The bytes of all files of a checkpoint, to see what changed. */
struct original {
	char *places[8];
	struct buf bytes[8];
	size_t n;
};

/* Closes the files: a descriptor of ours would be in the way of changing them in place. */
static void kept_take(struct original *k, const struct checkpoint *c)
{
	k->n = c->n_files;
	assert_true(k->n <= 8);
	for (size_t i = 0; i < k->n; i++) {
		k->places[i] = strdup(c->files[i].place);
		k->bytes[i] = (struct buf)BUF_INIT(LIMIT_HEADER);
		read_file(&k->bytes[i], k->places[i]);
		if (c->files[i].fd >= 0)
			close(take_fd(&c->files[i].fd));
	}
}

static void original_release(struct original *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->places[i]);
		buf_release(&k->bytes[i]);
	}
}

#define cleanup_original __attribute__((cleanup(original_release)))

static void assert_kept(const struct original *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (!holds_bytes(k->places[i], k->bytes[i].data, k->bytes[i].len))
			test_failed(__FILE__, __LINE__, "%s changed", k->places[i]);
}

/* --- in and out ------------------------------------------------------------------------ */

/* Asserts that the checkpoint has the digests that were signed, and its slots these bytes. */
static void assert_embedded(const struct publisher *p, size_t n_slots, const struct buf *carried)
{
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct wm_error err = { 0 };
	size_t n = 0;

	assert_ok(checkpoint_open(&c, p->path, &opening, &err), &err);
	assert_ok(checkpoint_measure(c, &measuring, &err), &err);
	assert_int_equal(c->n_files, p->measured->n_files);
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i], *was = &p->measured->files[i];

		assert_memory_equal(f->file_digest, was->file_digest, SHA256_BYTES);
		assert_memory_equal(f->sha256, was->sha256, SHA256_BYTES);
		assert_false(f->layout.displaced);
		if (f->layout.slot_len == 0)
			continue;
		n++;
		assert_int_equal(f->layout.slot_len % SLOT_UNIT, 0);
		assert_int_equal(f->layout.carried.len, carried->len);
		assert_memory_equal(f->layout.carried.data, carried->data, carried->len);
	}
	assert_int_equal(n, n_slots);
}

static void embeds_and_strips(void **state)
{
	const struct embed_options *const ways[] = { &replacing, &in_place };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bool directory = i & 1;
		cleanup_embedding struct embedding in = { 0 }, again = { 0 }, out = { 0 };
		cleanup_buf struct buf carried = BUF_INIT(LIMIT_SIDECAR);
		cleanup_original struct original before = { 0 }, after = { 0 };
		struct wm_error err = { 0 };
		struct publisher p;
		enum wm_code code;

		fixtures[directory](&p);
		publisher_encode(&carried, &p);
		kept_take(&before, p.measured);
		code = checkpoint_embed(&in, p.path, ways[i / 2], &err);
		if (code == WM_OK || error_reason(&err) != REASON_IN_PLACE_UNSUPPORTED) {
			assert_ok(code, &err);
			assert_int_equal(in.n_files, 1 + directory);
			assert_int_equal(in.n_wanted, in.n_files);
			assert_int_equal(in.n_without, directory);
			assert_int_equal(in.n_statements, N_MADE);
			assert_int_equal(in.n_dropped, 0);
			assert_false(in.files[0].unchanged || in.files[0].header_warning);
			assert_int_equal(in.files[0].way == REWRITE_IN_PLACE, i / 2);
			assert_embedded(&p, in.n_files, &carried);
			kept_take(&after, p.measured);
			assert_ok(checkpoint_embed(&again, p.path, ways[i / 2], &err), &err);
			assert_true(again.files[0].unchanged);
			assert_int_equal(again.files[0].slot_len, in.files[0].slot_len);
			assert_kept(&after);
			assert_ok(checkpoint_strip(&out, p.path, ways[i / 2], false, &err), &err);
			assert_int_equal(out.n_files, 1 + directory);
			assert_int_equal(out.files[0].slot_len, 0);
		} else {
			print_message("# in place is not supported in %s\n", p.dir);
		}
		assert_kept(&before);
		publisher_close(&p);
	}
}

static void tells_paths(void **state)
{
	cleanup_embedding struct embedding in = { 0 };
	struct wm_error err = { 0 };
	struct publisher p;

	(void)state;
	directory_open(&p);
	assert_ok(checkpoint_embed(&in, p.path, &replacing, &err), &err);
	assert_string_equal(in.files[0].path, shards[0]);
	assert_string_equal(in.files[1].path, shards[1]);
	assert_string_equal(in.without[0], rest[0]);
	publisher_close(&p);
}

static void writes_another_file(void **state)
{
	cleanup_embedding struct embedding in = { 0 }, again = { 0 }, out = { 0 }, no = { 0 };
	cleanup_free char *made = NULL, *third = NULL, *back = NULL, *link = NULL;
	cleanup_original struct original before = { 0 };
	struct embed_options options = replacing;
	struct wm_error err = { 0 };
	struct publisher p;

	(void)state;
	lone_open(&p);
	kept_take(&before, p.measured);
	made = joined(p.dir, "made.safetensors");
	third = joined(p.dir, "third.safetensors");
	back = joined(p.dir, "back.safetensors");
	link = joined(p.dir, "link.safetensors");
	options.out = made;
	assert_int_equal(symlink(p.path, link), 0);
	/* Reading through a link changes nothing. */
	options.sidecar = p.sidecar;
	assert_ok(checkpoint_embed(&in, link, &options, &err), &err);
	assert_reason(checkpoint_embed(&no, p.path, &options, &err), &err, EXISTS);
	options.out = p.path;
	assert_reason(checkpoint_embed(&no, p.path, &options, &err), &err, EXISTS);
	assert_kept(&before);
	/* What is embedded already is written all the same. */
	options.out = third;
	assert_ok(checkpoint_embed(&again, made, &options, &err), &err);
	assert_false(again.files[0].unchanged);
	options.out = back;
	assert_ok(checkpoint_strip(&out, third, &options, false, &err), &err);
	assert_true(holds_bytes(back, before.bytes[0].data, before.bytes[0].len));
	options.out = "more";
	assert_reason(checkpoint_strip(&no, p.dir, &options, false, &err), &err, USAGE);
	publisher_close(&p);
}

static void keeps_permissions(void **state)
{
	cleanup_embedding struct embedding in = { 0 };
	struct wm_error err = { 0 };
	struct publisher p;
	struct stat st;

	(void)state;
	lone_open(&p);
	assert_int_equal(chmod(p.path, 0640), 0);
	assert_ok(checkpoint_embed(&in, p.path, &replacing, &err), &err);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	publisher_close(&p);
}

/* --- refusals -------------------------------------------------------------------------- */

static void no_sidecar(struct publisher *p)
{
	assert_int_equal(unlink(p->sidecar), 0);
}

static void no_manifest(struct publisher *p)
{
	p->n_envelopes = MANIFEST;
	publisher_write(p);
}

static void broken_sidecar(struct publisher *p)
{
	write_bytes(p->sidecar, "sidecar", 7);
}

static void other_size(struct publisher *p)
{
	write_shard(p->path, shards[1], shard_a, 9);
}

static void other_grammar(struct publisher *p)
{
	static const struct edit edits[] = {
		{ MANIFEST, "safetensors/1", "safetensors/2" }, { 0, NULL, NULL }
	};

	publisher_make(p, edits);
	publisher_write(p);
}

static void unlisted_file(struct publisher *p)
{
	write_in(p->path, "blob.msgpack", "x", 1);
}

static void key_taken(struct publisher *p)
{
	write_shard(p->path, shards[1], taken, 5000);
	measure_again(p, true);
	publisher_make(p, NULL);
	publisher_write(p);
}

static void linked(struct publisher *p)
{
	cleanup_free char *path = joined(p->path, shards[1]), *other = joined(p->path, "other");

	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink("other", path), 0);
	measure_again(p, true);
	publisher_make(p, NULL);
	publisher_write(p);
}

static void hard_linked(struct publisher *p)
{
	cleanup_free char *path = joined(p->path, shards[1]), *other = joined(p->dir, "other");

	assert_int_equal(link(path, other), 0);
}

static void too_much(struct publisher *p)
{
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	assert_ok(buf_reserve(&payload, LIMIT_SLOT, &err), &err);
	memset(payload.data, 'x', LIMIT_SLOT);
	publisher_sign(p, p->signer, payload.data, LIMIT_SLOT);
	publisher_write(p);
}

static void only_raw(struct publisher *p)
{
	cleanup_free char *a = joined(p->path, shards[0]), *b = joined(p->path, shards[1]);

	assert_int_equal(unlink(a), 0);
	assert_int_equal(unlink(b), 0);
	measure_again(p, false);
	publisher_make(p, NULL);
	publisher_write(p);
}

/* A slot whose bytes are no sidecar. */
static void strange_slot(struct publisher *p)
{
	cleanup_free char *path = joined(p->path, shards[1]);
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER), file = BUF_INIT(LIMIT_HEADER);
	const struct layout *l = &checkpoint_find_file(p->measured, shards[1])->layout;
	struct wm_error err = { 0 };

	read_file(&file, path);
	assert_ok(format_safetensors.embed(&bytes, l, "strange", 7, "shard", &err), &err);
	assert_ok(buf_append(&bytes, file.data + l->head.len, file.len - l->head.len, &err), &err);
	write_bytes(path, bytes.data, bytes.len);
}

static void refuses(void **state)
{
	static const struct {
		void (*spoil)(struct publisher *p);
		enum reason reason;
		bool in_place;
	} cases[] = {
		{ no_sidecar, REASON_SIDECAR_MISSING, false },
		{ no_manifest, REASON_MANIFEST_MISSING, false },
		{ broken_sidecar, REASON_SIDECAR_MALFORMED, false },
		{ other_size, REASON_FILE_MISMATCH, false },
		{ other_grammar, REASON_GRAMMAR_MISMATCH, false },
		{ unlisted_file, REASON_FILE_MISMATCH, false },
		{ key_taken, REASON_SLOT_KEY_TAKEN, false },
		{ linked, REASON_LINKED_FILE, false },
		{ linked, REASON_LINKED_FILE, true },
		{ hard_linked, REASON_HARD_LINKED, true },
		{ too_much, REASON_SLOT_TOO_LARGE, false },
		{ only_raw, REASON_NO_SLOT, false },
		{ strange_slot, REASON_SIDECAR_MALFORMED, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_embedding struct embedding in = { 0 };
		cleanup_checkpoint struct checkpoint *c = NULL;
		cleanup_original struct original before = { 0 };
		struct wm_error err = { 0 };
		struct publisher p;

		directory_open(&p);
		cases[i].spoil(&p);
		assert_ok(checkpoint_open(&c, p.path, &opening, &err), &err);
		kept_take(&before, c);
		checkpoint_free(take_ptr(&c));
		assert_int_not_equal(
			checkpoint_embed(&in, p.path, cases[i].in_place ? &in_place : &replacing,
					 &err), WM_OK);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
		assert_int_equal(in.n_files, 0);
		/* The shards before the one that is refused are as they were. */
		assert_kept(&before);
		publisher_close(&p);
	}
}

/* The twin of those refusals: what a document says is nobody's business here. */
static void takes_other_documents(void **state)
{
	cleanup_embedding struct embedding in = { 0 };
	struct wm_error err = { 0 };
	struct publisher p;

	(void)state;
	directory_open(&p);
	write_in(p.path, "README.md", "# Another", 9);
	write_in(p.path, "LICENSE", "MIT", 3);
	assert_ok(checkpoint_embed(&in, p.path, &replacing, &err), &err);
	assert_int_equal(in.n_files, 2);
	publisher_close(&p);
}

/* --- taking out ------------------------------------------------------------------------ */

static void extracts(void **state)
{
	cleanup_buf struct buf carried = BUF_INIT(LIMIT_SIDECAR), found = BUF_INIT(LIMIT_SIDECAR);
	cleanup_embedding struct embedding in = { 0 }, no = { 0 };
	struct wm_error err = { 0 };
	struct publisher p;

	(void)state;
	directory_open(&p);
	assert_reason(checkpoint_extract(&found, p.path, &opening, &err), &err, SLOT_MISSING);
	assert_ok(checkpoint_strip(&no, p.path, &replacing, false, &err), &err);
	assert_int_equal(no.n_files, 0);
	add_proof(p.sidecar, &p.envelopes[MANIFEST], 1, "a proof");
	add_proof(p.sidecar, &p.envelopes[DATASET], 2, "another");
	read_file(&carried, p.sidecar);
	assert_ok(checkpoint_embed(&in, p.path, &replacing, &err), &err);
	assert_int_equal(unlink(p.sidecar), 0);
	assert_ok(checkpoint_extract(&found, p.path, &opening, &err), &err);
	assert_int_equal(found.len, carried.len);
	assert_memory_equal(found.data, carried.data, found.len);
	publisher_close(&p);
}

static void removes_half_written_files(void **state)
{
	static const char left[] = ".weightmark-12-0.tmp";
	cleanup_recovered struct recovered r = { 0 };
	cleanup_embedding struct embedding in = { 0 };
	cleanup_free char *path = NULL;
	struct wm_error err = { 0 };
	struct publisher p;

	(void)state;
	directory_open(&p);
	path = joined(p.path, left);
	write_bytes(path, "half", 4);
	assert_reason(checkpoint_embed(&in, p.path, &replacing, &err), &err, UNFINISHED);
	assert_ok(checkpoint_recover(&r, p.path, &err), &err);
	assert_int_equal(r.n_files, 1);
	assert_int_equal(r.files[0].recovery, RECOVERY_REMOVED);
	assert_string_equal(r.files[0].path, path);
	assert_false(file_exists(path));
	assert_ok(checkpoint_embed(&in, p.path, &replacing, &err), &err);
	publisher_close(&p);
}

static void recovers_nothing(void **state)
{
	cleanup_recovered struct recovered r = { 0 };
	cleanup_free char *missing = NULL;
	struct wm_error err = { 0 };
	struct publisher p;

	(void)state;
	directory_open(&p);
	assert_ok(checkpoint_recover(&r, p.path, &err), &err);
	assert_ok(checkpoint_recover(&r, p.sidecar, &err), &err);
	assert_int_equal(r.n_files, 0);
	missing = joined(p.path, "missing");
	assert_reason(checkpoint_recover(&r, missing, &err), &err, NOT_FOUND);
	write_in(p.path, "m-1.safetensors.wmj", "junk", 4);
	assert_reason(checkpoint_recover(&r, p.dir, &err), &err, JOURNAL_MALFORMED);
	publisher_close(&p);
}

/* --- memory ---------------------------------------------------------------------------- */

static enum wm_code all_of_it(void *context, struct wm_error *err)
{
	cleanup_embedding struct embedding in = { 0 }, out = { 0 };
	cleanup_buf struct buf found = BUF_INIT(LIMIT_SIDECAR);
	const struct publisher *p = context;

	TRY(checkpoint_embed(&in, p->path, &replacing, err));
	TRY(checkpoint_extract(&found, p->path, &opening, err));
	return checkpoint_strip(&out, p->path, &replacing, false, err);
}

static enum wm_code recovering(void *context, struct wm_error *err)
{
	cleanup_recovered struct recovered r = { 0 };

	return checkpoint_recover(&r, context, err);
}

static void survives_failing_allocations(void **state)
{
	struct publisher p;

	(void)state;
	directory_open(&p);
	with_every_allocation_failing(all_of_it, &p);
	with_every_allocation_failing(recovering, p.path);
	publisher_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embeds_and_strips),
		cmocka_unit_test(tells_paths),
		cmocka_unit_test(writes_another_file),
		cmocka_unit_test(keeps_permissions),
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes_other_documents),
		cmocka_unit_test(extracts),
		cmocka_unit_test(removes_half_written_files),
		cmocka_unit_test(recovers_nothing),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
