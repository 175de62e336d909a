/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/{verify,checks_files}.c: directories, parts, sets and pointers against a manifest. */
#include "publisher.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/hex.h"
#include "util/limits.h"

#define EDIT(which, from, to) (struct edit[]){ { which, from, to }, { 0, NULL, NULL } }
#define A "model-00001-of-00002.safetensors"
#define Z "model-00002-of-00002.safetensors"
#define VAE "vae/v.safetensors"
#define UNET "unet/v.safetensors"

enum { MANY = 60000, SECONDS_MAX = 20 };

static struct publisher p;

static const struct tree_file files[] = {
	{ "README.md", "# Model" },
	{ "config.json", "{}" },
	{ A, "tensors: a" },
	{ Z, "tensors: z" },
	{ "tokenizer/t.json", "[]" },
	{ UNET, "tensors: u" },
	{ "vae/config.json", "{}" },
	{ VAE, "tensors: v" },
	{ NULL, NULL },
};

static void sign_again(const struct edit *edits)
{
	publisher_make(&p, edits);
	publisher_write(&p);
}

static int open_directory(void **state)
{
	(void)state;
	publisher_open(&p);
	publisher_use_tree(&p, files);
	sign_again(NULL);
	return 0;
}

static int close_directory(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

static void put(const char *path, const char *what)
{
	tree_write(p.path, &(struct tree_file){ path, what });
}

static void take_away(const char *path)
{
	cleanup_free char *place = NULL;

	assert_true(asprintf(&place, "%s/%s", p.path, path) > 0);
	assert_int_equal(remove(place), 0);
}

static void assert_note(const char *code, bool there)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);

	if (has_note(v, code) != there)
		test_failed(__FILE__, __LINE__, "note %s is %s", code, there ? "missing" : "there");
}

/* --- which files ---------------------------------------------------------------------- */

static void what_was_signed(void **state)
{
	static const char *const codes[] = { "document-added", "document-changed", "file-absent",
					     "part-absent", "inherited", "renamed" };

	(void)state;
	assert_accepted(&p);
	assert_accepted_full(&p);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_note(codes[i], false);
}

/* Attack 42. */
static void unlisted(void **state)
{
	static const char *const names[] = {
		"evil.bin", "vae/modeling.py", ".hidden", "a/b/c/d.json", "LICENSE.json",
		"README.safetensors",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put(names[i], strstr(names[i], "safetensors") ? "tensors: e" : "x");
		assert_refused(&p, "files-listed", FILE_UNLISTED);
		take_away(names[i]);
		assert_accepted(&p);
	}
	put("evil.bin", "pointer");
	assert_refused(&p, "files-listed", FILE_UNLISTED);
	/* What is no sidecar is a file to load, whatever its name. */
	take_away("evil.bin");
	put("other.wmk", "x");
	assert_refused(&p, "files-listed", FILE_UNLISTED);
}

static void passed_over_is_noted(void **state)
{
	(void)state;
	assert_accepted(&p);
	assert_note("passed-over", false);
	put(".gitignore", "x");
	assert_accepted(&p);
	assert_note("passed-over", true);
	take_away(".gitignore");
	/* By any other name they would be weights that nobody signed. */
	put(".gitx.bin", "x");
	assert_refused(&p, "files-listed", FILE_UNLISTED);
}

static void documents_are_noted(void **state)
{
	(void)state;
	put("README.md", "# Other");
	assert_accepted(&p);
	assert_note("document-changed", true);
	put("README.md", "# Model, longer");
	assert_accepted(&p);
	assert_note("document-changed", true);
	put("README.md", "# Model");
	put("LICENSE", "do what you like");
	assert_accepted(&p);
	assert_note("document-changed", false);
	assert_note("document-added", true);
	take_away("LICENSE");
	take_away("README.md");
	assert_accepted(&p);
	assert_note("file-absent", true);
}

/* A manifest that calls what loaders read a document, so that nobody looks at it. */
static void roles_are_the_verifiers(void **state)
{
	(void)state;
	sign_again(EDIT(MANIFEST, "\"path\":\"config.json\",\"role\":\"load\"",
			"\"path\":\"config.json\",\"role\":\"document\""));
	assert_refused(&p, "files-listed", FILE_ROLE);
	sign_again(EDIT(MANIFEST, "\"path\":\"" VAE "\",\"role\":\"load\"",
			"\"path\":\"" VAE "\",\"role\":\"document\""));
	assert_refused(&p, "statements-strict", STATEMENT_INVALID);
	sign_again(NULL);
	assert_accepted(&p);
}

/* The reverse: what was signed as one to load is judged, though its name is a document's. */
static void signed_as_load_is_judged(void **state)
{
	static const struct edit edits[] = {
		{ MANIFEST, "\"path\":\"README.md\",\"role\":\"document\"",
		  "\"path\":\"README.md\",\"role\":\"load\"" },
		{ 0, NULL, NULL }
	};

	(void)state;
	sign_again(edits);
	assert_accepted_full(&p);
	put("README.md", "# mODEL");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	put("README.md", "# Model, longer");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	put("README.md", "pointer");
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	take_away("README.md");
	assert_refused(&p, "files-present", FILE_MISSING);
}

/* Attack 43. */
static void missing(void **state)
{
	(void)state;
	take_away("config.json");
	assert_refused(&p, "files-present", FILE_MISSING);
	put("config.json", "");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	put("config.json", "{}");
	take_away("vae/config.json");
	assert_refused(&p, "files-present", FILE_MISSING);
	p.options.part = VAE; /* who asks for one part has only that one looked at */
	assert_accepted(&p);
	p.options.part = NULL;
	put("vae/config.json", "{}");
	take_away("tokenizer/t.json"); /* with its folder */
	assert_accepted(&p);
	assert_note("file-absent", true);
	put("tokenizer/other.md", "x");
	assert_refused(&p, "files-present", FILE_MISSING);
}

static void folders_are_whole_names(void **state)
{
	(void)state;
	take_away("tokenizer/t.json");
	put("tokenizers/NOTICE", "x");
	put("token/NOTICE", "x");
	assert_accepted(&p);
}

static void parts_may_be_absent(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;

	(void)state;
	take_away(VAE);
	take_away("vae/config.json");
	assert_accepted(&p);
	v = publisher_verify(&p, false);
	assert_true(has_note(v, "part-absent"));
	take_away(UNET);
	assert_accepted(&p);
	/* By halves is not absent, for loaders take what they find. */
	take_away(Z);
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
	put(VAE, "tensors: v");
	put("vae/config.json", "{}");
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
	p.options.part = VAE;
	assert_accepted(&p);
	p.options.part = NULL;
	take_away(A);
	assert_accepted(&p);
}

static void no_part_at_all(void **state)
{
	(void)state;
	take_away(VAE);
	take_away(UNET);
	take_away(A);
	take_away(Z);
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
	put(UNET, "tensors: u");
	assert_accepted(&p);
}

static void named_parts(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;

	(void)state;
	p.options.part = "model.safetensors";
	assert_accepted(&p);
	take_away(VAE);
	assert_accepted(&p);
	take_away(Z);
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
	p.options.part = VAE;
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
	p.options.part = "model";
	v = publisher_verify(&p, false);
	assert_string_equal(verdict_decider(v)->err.reason, "part-unknown");
	assert_int_equal(verdict_exit_status(v), 1);
}

/* --- what is in them ------------------------------------------------------------------- */

static void bytes_differ(void **state)
{
	static const struct tree_file others[] = {
		{ "config.json", "[]" }, { A, "tensors: a=2" }, { VAE, "tensors: v=2" },
		{ VAE, "tensors: v w" }, { "tokenizer/t.json", "{}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		tree_write(p.path, &others[i]);
		assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
		tree_write_all(p.path, files);
		assert_accepted(&p);
	}
	/* Two shards in each other's place. */
	put(A, "tensors: z");
	put(Z, "tensors: a");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
}

static void grammar_of_one(void **state)
{
	(void)state;
	sign_again(EDIT(MANIFEST, "\"grammar\":\"safetensors/1\",\"path\":\"" VAE "\"",
			"\"grammar\":\"raw/1\",\"path\":\"" VAE "\""));
	assert_refused(&p, "grammars-equal", GRAMMAR_MISMATCH);
	take_away(VAE);
	assert_accepted(&p);
}

/* Signs with the last digit of this digest changed, wherever it stands. */
static void sign_other_digest(const uint8_t digest[SHA256_BYTES])
{
	char from[2 * SHA256_BYTES + 1], to[2 * SHA256_BYTES + 1];

	hex_encode(from, digest, SHA256_BYTES);
	memcpy(to, from, sizeof(to));
	to[2 * SHA256_BYTES - 1] = from[2 * SHA256_BYTES - 1] == '0' ? '1' : '0';
	sign_again(EDIT(MANIFEST, from, to));
}

/* What a publisher signed wrongly, field by field, is found whichever part it is of. */
static void every_field_of_parts(void **state)
{
	static const char *const numbers[][2] = {
		{ "\"tensor_count\":1,", "\"tensor_count\":2," },
		{ "\"tensor_count\":2,", "\"tensor_count\":1," },
		{ "\"parameter_count\":1,", "\"parameter_count\":2," },
		{ "\"parameter_count\":2,", "\"parameter_count\":3," },
		{ "\"tensor_bytes\":1,", "\"tensor_bytes\":2," },
		{ "\"tensor_bytes\":2,", "\"tensor_bytes\":1," },
		{ "\"tensor_bytes\":1,", "" },
	};

	(void)state;
	for (size_t i = 0; i < p.measured->n_parts; i++) {
		sign_other_digest(p.measured->parts[i].weights_digest);
		assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
		sign_other_digest(p.measured->parts[i].tensor_set_digest);
		assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sign_again(EDIT(MANIFEST, numbers[i][0], numbers[i][1]));
		assert_refused(&p, "weights-equal", WEIGHTS_MISMATCH);
	}
	/* Of a part that is absent nothing can be told. */
	sign_other_digest(p.measured->parts[2].weights_digest);
	take_away(VAE);
	take_away("vae/config.json");
	assert_accepted(&p);
}

static void every_file_in_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < p.measured->n_files; i++) {
		sign_other_digest(p.measured->files[i].sha256);
		assert_accepted(&p);
		if (p.measured->files[i].role == ROLE_DOCUMENT)
			assert_accepted_full(&p);
		else
			assert_refused_full(&p, "sha256-equal", SHA256_MISMATCH);
		sign_other_digest(p.measured->files[i].file_digest);
		if (p.measured->files[i].role == ROLE_DOCUMENT)
			assert_note("document-changed", true);
		else
			assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	}
}

static void tensors_stand_once(void **state)
{
	(void)state;
	put(Z, "tensors: a");
	assert_refused(&p, "checkpoint-parsed", TENSOR_TWICE);
	/* In parts that are loaded apart it is no matter. */
	put(Z, "tensors: z");
	put(VAE, "tensors: u");
	publisher_measure(&p);
	sign_again(NULL);
	assert_accepted(&p);
}

/* --- records ---------------------------------------------------------------------------- */

static void records_are_in_order(void **state)
{
	static const struct {
		const char *from, *to;
		enum reason reason;
	} cases[] = {
		{ "\"path\":[\"" VAE "\"]", "\"path\":[\"" VAE "\",\"" VAE "\"]",
		  REASON_STATEMENT_INVALID },
		{ "\"path\":[\"" VAE "\"]", "\"path\":[\"README.md\",\"" VAE "\"]",
		  REASON_STATEMENT_INVALID },
		{ "\"path\":[\"" VAE "\"]", "\"path\":[\"" UNET "\",\"vae/x.safetensors\"]",
		  REASON_STATEMENT_INVALID },
		{ "\"path\":[\"" VAE "\"]", "\"path\":[]", REASON_STATEMENT_INVALID },
		{ ",\"path\":[\"" VAE "\"]", "", REASON_STATEMENT_INVALID },
		{ "\"name\":\"" VAE "\"", "\"name\":\"" UNET "\"", REASON_STATEMENT_INVALID },
		{ "\"path\":\"config.json\"", "\"path\":\"README.md\"", REASON_STATEMENT_INVALID },
		{ "\"path\":\"config.json\"", "\"path\":\"./config.json\"",
		  REASON_STATEMENT_INVALID },
		{ "\"path\":\"tokenizer/t.json\"", "\"path\":\"tokenizer//t.json\"",
		  REASON_STATEMENT_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sign_again(EDIT(MANIFEST, cases[i].from, cases[i].to));
		assert_decided_(&p, false, WM_REFUSE, "statements-strict",
				reason_info(cases[i].reason)->id, cases[i].to, (int)i);
	}
}

static char *const parts[][2] = {
	{ (char[]){ A }, (char[]){ Z } },
	{ (char[]){ UNET }, NULL },
	{ (char[]){ UNET }, (char[]){ VAE } },
};

/* One file in two parts: each is measured with all that it lists. */
static void overlapping_parts(void **state)
{
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	const struct checkpoint_open_options opening = { NULL };
	char name[] = "a";
	struct wm_error err = { 0 };

	(void)state;
	checkpoint_free(take_ptr(&p.measured));
	assert_ok(checkpoint_open(&p.measured, p.path, &opening, &err), &err);
	for (size_t i = 0; i < 3; i++, name[0]++)
		assert_ok(checkpoint_add_part(p.measured, name, parts[i], 1 + !!parts[i][1],
					      &err), &err);
	assert_ok(checkpoint_measure(p.measured, &measuring, &err), &err);
	sign_again(NULL);
	assert_accepted(&p);
	/* It is not there by halves where what there is of it belongs to a whole one. */
	take_away(VAE);
	take_away("vae/config.json");
	assert_accepted(&p);
	assert_note("part-absent", true);
	take_away(UNET);
	assert_accepted(&p);
	put(VAE, "tensors: v");
	put("vae/config.json", "{}");
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
}

/* Appends this many files to load, in a folder, to the record of the manifest. */
static void sign_many(size_t n)
{
	static const char zeros[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	cleanup_buf struct buf b = BUF_INIT(LIMIT_STATEMENT), sidecar = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };
	const char *text, *at;

	publisher_make(&p, NULL);
	text = buf_str(&p.payloads[MANIFEST]);
	at = strstr(text, "}],\"part\":[");
	assert_non_null(at);
	assert_ok(buf_append(&b, text, (size_t)(at - text) + 1, &err), &err);
	for (size_t i = 0; i < n; i++)
		assert_ok(buf_printf(&b, &err, ",{\"file_digest\":\"%s\",\"grammar\":\"raw/1\","
				     "\"path\":\"z/%05zu\",\"role\":\"load\",\"sha256\":\"%s\","
				     "\"size\":1}", zeros, i, zeros), &err);
	assert_ok(buf_append_str(&b, at + 1, &err), &err);
	assert_ok(envelope_sign(&p.envelopes[MANIFEST], &p.arena, p.signer, b.data, b.len, &err),
		  &err);
	assert_ok(sidecar_encode(&sidecar, p.envelopes, N_MADE, &err), &err);
	write_bytes(p.sidecar, sidecar.data, sidecar.len);
}

/* As many files as a record has room for take time in proportion. */
static void many_files(void **state)
{
	const time_t start = time(NULL);

	(void)state;
	sign_many(MANY);
	assert_accepted(&p);
	put("z/59999", "x");
	assert_refused(&p, "files-present", FILE_MISSING);
	assert_true(time(NULL) - start < SECONDS_MAX);
}

/* --- git-lfs pointers -------------------------------------------------------------------- */

/* Puts a pointer in the place of a file. */
static void put_pointer(const char *path, const char *extension, const uint8_t sha256[SHA256_BYTES],
			uint64_t size)
{
	char hex[2 * SHA256_BYTES + 1], text[1024];

	hex_encode(hex, sha256, SHA256_BYTES);
	snprintf(text, sizeof(text), "version https://git-lfs.github.com/spec/v1\n%soid sha256:%s\n"
		 "size %llu\n", extension, hex, (unsigned long long)size);
	put(path, text);
}

static const struct checkpoint_file *file_at(const char *path)
{
	return checkpoint_find_file(p.measured, path);
}

static void pointers(void **state)
{
	static const char extension[] =
		"ext-0-x sha256:0000000000000000000000000000000000000000000000000000000000000000\n";
	const struct checkpoint_file *f = file_at(A), *other = file_at(Z);

	(void)state;
	put_pointer(A, "", f->sha256, f->layout.size);
	assert_review(&p, "bytes-fetched", POINTER_ONLY);
	put_pointer(A, "", f->sha256, f->layout.size + 1);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	put_pointer(A, "", other->sha256, f->layout.size);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	put_pointer(A, "", f->file_digest, f->layout.size);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	put_pointer(A, extension, f->sha256, f->layout.size);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	/* What is there as bytes is judged all the same. */
	put_pointer(A, "", f->sha256, f->layout.size);
	put(VAE, "tensors: v=9");
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	put(VAE, "tensors: v");
	take_away(Z);
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
}

static void pointers_to_releases(void **state)
{
	static const uint8_t sha256[SHA256_BYTES] = "as distributed, with a slot in";
	uint8_t first[SHA256_BYTES];

	(void)state;
	memcpy(first, p.envelopes[MANIFEST].statement, SHA256_BYTES);
	put_pointer(A, "", sha256, 5000);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	publisher_release(&p, first, A, 5000, sha256);
	publisher_write(&p);
	assert_review(&p, "bytes-fetched", POINTER_ONLY);
	put_pointer(A, "", sha256, 5001);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	put_pointer(Z, "", sha256, 5000);
	put(A, "tensors: a");
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	put(Z, "tensors: z");
	put_pointer(A, "", sha256, 5000);
	/* Of a manifest that was corrected since, it distributes nothing of what holds now. */
	publisher_correct(&p, MANIFEST, 2, first, NULL);
	publisher_write(&p);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
	/* A release by a key that nobody pinned is none. */
	p.n_envelopes = N_MADE;
	publisher_swap(&p);
	publisher_release(&p, first, A, 5000, sha256);
	publisher_swap(&p);
	publisher_write(&p);
	assert_refused(&p, "pointers-agree", POINTER_MISMATCH);
}

static void pointers_to_documents(void **state)
{
	const struct checkpoint_file *f = file_at("README.md");

	(void)state;
	put_pointer("README.md", "", f->sha256, f->layout.size);
	assert_accepted(&p);
	assert_note("document-changed", false);
	put_pointer("README.md", "", f->file_digest, f->layout.size);
	assert_accepted(&p);
	assert_note("document-changed", true);
	put_pointer("README.md", "", f->sha256, f->layout.size + 1);
	assert_accepted(&p);
	assert_note("document-changed", true);
	put("README.md", "pointer");
	assert_accepted(&p);
	assert_note("document-changed", true);
	take_away("README.md");
	put("other.md", "pointer");
	assert_accepted(&p);
	assert_note("document-added", true);
}

/* --- one file of a set --------------------------------------------------------------------- */

/* Verifies the file `path` beneath the checkpoint in place of the directory. */
static void name_file(const char *path)
{
	char *place = NULL;

	assert_true(asprintf(&place, "%s/checkpoint/%s", p.dir, path) > 0);
	free(p.path);
	p.path = place;
}

static void name_directory(void)
{
	free(p.path);
	assert_true(asprintf(&p.path, "%s/checkpoint", p.dir) > 0);
}

static void assert_judged_as_set(const char *part)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);

	assert_true(v->facts.checkpoint->is_directory);
	assert_string_equal(v->facts.part, part);
	assert_int_equal(v->decision, WM_ACCEPT);
}

static void one_is_its_set(void **state)
{
	(void)state;
	name_file(A);
	assert_accepted(&p);
	assert_judged_as_set("model.safetensors");
	name_file("vae/../" A);
	assert_judged_as_set("model.safetensors");
	p.options.sidecar = p.sidecar;
	name_file(VAE);
	assert_judged_as_set(VAE);
	name_file(UNET); /* of the same name and size */
	assert_judged_as_set(UNET);
	p.options.sidecar = NULL;
	name_directory();
	put(VAE, "tensors: v=2");
	name_file(Z);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	name_directory();
	put(VAE, "tensors: v");
	take_away("config.json");
	name_file(Z);
	assert_refused(&p, "files-listed", NOT_WHOLE);
	name_file("vae/config.json"); /* it is of no part */
	p.options.sidecar = p.sidecar;
	assert_refused(&p, "files-listed", NOT_WHOLE);
}

/* A changed file of the name and size of one of a set, where walking the set passes over it. */
static void another_beside_a_set(void **state)
{
	static const char *const folders[] = { ".git/", ".cache/huggingface/", "../elsewhere/" };
	char path[128];

	(void)state;
	p.options.sidecar = p.sidecar;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		name_directory();
		snprintf(path, sizeof(path), "%s%s", folders[i], A);
		put(path, "tensors: a=2");
		assert_accepted(&p);
		name_file(path);
		assert_refused(&p, "files-listed", NOT_WHOLE);
	}
}

/* Through a link the file is the one of the set only where the set stands around the link. */
static void linked_one(void **state)
{
	cleanup_free char *link = NULL, *target = NULL;

	(void)state;
	assert_true(asprintf(&link, "%s/" A, p.dir) > 0);
	assert_true(asprintf(&target, "checkpoint/" A) > 0);
	assert_int_equal(symlink(target, link), 0);
	p.options.sidecar = p.sidecar;
	free(p.path);
	p.path = take_ptr(&link);
	assert_refused(&p, "files-listed", NOT_WHOLE);
	p.options.part_only = true;
	assert_review(&p, "set-judged", PART_ONLY);
}

static void part_only(void **state)
{
	(void)state;
	p.options.part_only = true;
	assert_accepted(&p); /* of the directory as ever */
	name_file(A);
	assert_review(&p, "set-judged", PART_ONLY);
	name_directory();
	put(A, "tensors: a=2");
	name_file(A);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	name_directory();
	put("x.safetensors", "tensors: a");
	name_file("x.safetensors");
	assert_refused(&p, "files-listed", FILE_UNLISTED);
	name_directory();
	take_away("x.safetensors");
	name_file(UNET);
	p.options.sidecar = p.sidecar;
	assert_review(&p, "set-judged", PART_ONLY);
	name_file(VAE);
	assert_review(&p, "set-judged", PART_ONLY);
	name_directory();
	put_pointer(A, "", file_at(A)->sha256, file_at(A)->layout.size);
	name_file(A);
	assert_review(&p, "bytes-fetched", POINTER_ONLY);
	name_directory();
	take_away(Z);
	assert_refused(&p, "parts-whole", PART_INCOMPLETE);
}

static enum wm_code verify_once(void *context, struct wm_error *err)
{
	const struct verify_options options = { .keys = p.pinned, .workers = 1 };
	cleanup_verdict struct wm_verdict *v = NULL;
	const struct check_result *decider;

	(void)context;
	TRY(verdict_reach(&v, p.path, &options, err));
	decider = verdict_decider(v);
	if (!decider)
		return WM_OK;
	assert_int_equal(v->decision, WM_REFUSE);
	return fail_again(err, &decider->err);
}

/* What could not be told for want of memory is neither accepted nor for review. */
static void out_of_memory(void **state)
{
	(void)state;
	name_file(A);
	with_every_allocation_failing(verify_once, NULL);
}

/* --- sidecars of others --------------------------------------------------------------------- */

/* A sidecar replayed beside other bytes; a lone file's beside a directory, and the reverse. */
static void replayed_sidecars(void **state)
{
	(void)state;
	put(A, "tensors: a=3");
	publisher_measure(&p);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	take_away(Z);
	put("more.json", "{}");
	assert_refused(&p, "files-listed", FILE_UNLISTED);
	p.options.sidecar = p.sidecar;
	free(p.path);
	assert_true(asprintf(&p.path, "%s/model.safetensors", p.dir) > 0);
	assert_refused(&p, "files-listed", NOT_WHOLE);
}

static void lone_ones_beside_directories(void **state)
{
	static const struct tree_file lone[] = { { "checkpoint/lone.safetensors", "tensors: a" },
						 { NULL, NULL } };

	(void)state;
	tree_write_all(p.dir, lone);
	name_file("lone.safetensors");
	publisher_measure(&p);
	sign_again(NULL); /* as the directory's sidecar */
	assert_accepted(&p);
	name_directory();
	assert_refused(&p, "files-listed", FILE_UNLISTED);
}

/* A lone file is the one that was signed under any name, and through any link. */
static void lone_ones_under_other_names(void **state)
{
	cleanup_free char *link = NULL;

	(void)state;
	free(p.path);
	assert_true(asprintf(&p.path, "%s/model.safetensors", p.dir) > 0);
	assert_true(asprintf(&link, "%s/checkpoint/link", p.dir) > 0);
	publisher_measure(&p);
	sign_again(NULL);
	assert_int_equal(symlink("../model.safetensors", link), 0);
	p.options.sidecar = p.sidecar;
	assert_accepted(&p);
	assert_note("renamed", false);
	free(p.path);
	p.path = take_ptr(&link);
	assert_accepted(&p);
	assert_note("renamed", true);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_directory, close_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_signed),
		CASE(unlisted),
		CASE(passed_over_is_noted),
		CASE(documents_are_noted),
		CASE(roles_are_the_verifiers),
		CASE(signed_as_load_is_judged),
		CASE(missing),
		CASE(folders_are_whole_names),
		CASE(parts_may_be_absent),
		CASE(no_part_at_all),
		CASE(named_parts),
		CASE(bytes_differ),
		CASE(grammar_of_one),
		CASE(every_field_of_parts),
		CASE(every_file_in_full),
		CASE(tensors_stand_once),
		CASE(records_are_in_order),
		CASE(overlapping_parts),
		CASE(many_files),
		CASE(pointers),
		CASE(pointers_to_releases),
		CASE(pointers_to_documents),
		CASE(one_is_its_set),
		CASE(another_beside_a_set),
		CASE(linked_one),
		CASE(part_only),
		CASE(out_of_memory),
		CASE(replayed_sidecars),
		CASE(lone_ones_beside_directories),
		CASE(lone_ones_under_other_names),
	};

	return run_tests(tests);
}
