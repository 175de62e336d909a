/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/amend.c, chain.c, release.c, admit.c: what is said after the first time. */
#include "publisher.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attest/admit.h"
#include "attest/chain.h"
#include "attest/release.h"
#include "attest/sign.h"
#include "attest/signable.h"
#include "crypto/sha256.h"
#include "util/file.h"
#include "util/limits.h"

#define MODEL "kind: manifest\nmodel: {name: m, version: 1.0.0, licence: MIT}\n"
#define RUNS  "training_run:\n  - id: r\n    uses: [{dataset_id: d, role: pretrain}]\n"
#define DATA  "---\nkind: dataset\ndataset_id: d\nlicence: MIT\n"

static struct publisher p;
static char *directory, *model, *readme, *sidecar;

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	assert_true(asprintf(&directory, "%s/m", p.dir) > 0);
	assert_true(asprintf(&model, "%s/model.safetensors", directory) > 0);
	assert_true(asprintf(&readme, "%s/README.md", directory) > 0);
	assert_true(asprintf(&sidecar, "%s/weightmark.wmk", directory) > 0);
	assert_int_equal(mkdir(directory, 0755), 0);
	assert_int_equal(rename(p.path, model), 0);
	write_bytes(readme, "# m\n", 4);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	free(directory);
	free(model);
	free(readme);
	free(sidecar);
	publisher_close(&p);
	return 0;
}

static enum wm_code sign_with(struct signing *out, const char *yaml, struct sign_options more,
			      struct wm_error *err)
{
	more.yaml = yaml;
	more.yaml_len = yaml ? strlen(yaml) : 0;
	more.yaml_name = "m.yaml";
	more.signer = more.signer ? more.signer : p.signer;
	more.workers = 1;
	more.no_cache = true;
	return checkpoint_sign(out, directory, &more, err);
}

static enum wm_code sign(const char *yaml, struct sign_options more, struct wm_error *err)
{
	cleanup_signing struct signing done = { 0 };

	return sign_with(&done, yaml, more, err);
}

static void assert_verifies(void)
{
	const struct verify_options options = { .keys = p.pinned, .full = true, .workers = 1 };
	cleanup_verdict struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	assert_ok(verdict_reach(&v, directory, &options, &err), &err);
	if (v->decision != WM_ACCEPT)
		test_failed(__FILE__, __LINE__, "not accepted: %s [%s]",
			    verdict_decider(v)->err.message, verdict_decider(v)->err.reason);
}

/* Puts a git-lfs pointer to the file's own bytes in its place; keeps those in `bytes`. */
static void make_pointer(struct buf *bytes, const char *path)
{
	cleanup_buf struct buf text = BUF_INIT(1024);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	read_file(bytes, path);
	assert_ok(sha256_of(digest, bytes->data, bytes->len, &err), &err);
	assert_ok(buf_append_str(&text, "version https://git-lfs.github.com/spec/v1\noid sha256:",
				 &err), &err);
	assert_ok(buf_append_hex(&text, digest, sizeof(digest), &err), &err);
	assert_ok(buf_printf(&text, &err, "\nsize %zu\n", bytes->len), &err);
	write_bytes(path, text.data, text.len);
}

/* --- chains -------------------------------------------------------------------------- */

static const Weightmark__V1__Header *header_at(const struct signing *s, size_t i)
{
	return statement_header(s->composition.statements[i].message);
}

static void corrections_continue_the_chain(void **state)
{
	cleanup_signing struct signing first = { 0 }, second = { 0 }, third = { 0 };
	const struct sign_options amend = { .amend = true, .reason = "a reason" };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_with(&first, MODEL RUNS DATA, (struct sign_options){ 0 }, &err), &err);
	assert_reason(sign(MODEL RUNS DATA "title: D\n", (struct sign_options){ 0 }, &err), &err,
		      ALREADY_SIGNED);
	assert_ok(sign_with(&second, MODEL RUNS DATA "title: D\n", amend, &err), &err);
	for (size_t i = 0; i < 3; i++) {
		const Weightmark__V1__Header *h = header_at(&second, i);

		assert_int_equal(h->sequence, 2);
		assert_string_equal(h->reason, "a reason");
		assert_memory_equal(h->previous->sha256.data,
				    first.composition.statements[i].id, SHA256_BYTES);
	}
	assert_verifies();
	write_bytes(readme, "# n\n", 4);
	assert_ok(sign_with(&third, NULL, (struct sign_options){ .amend = true }, &err), &err);
	assert_int_equal(third.composition.n_statements, 1);
	assert_int_equal(header_at(&third, 0)->sequence, 3);
	assert_null(header_at(&third, 0)->reason);
	assert_memory_equal(header_at(&third, 0)->previous->sha256.data,
			    second.composition.statements[2].id, SHA256_BYTES);
	assert_verifies();
}

/* What the author said as of another day stays said as of that day. */
static void what_is_taken_over_stays_as_it_was(void **state)
{
	cleanup_signing struct signing second = { 0 };
	const Weightmark__V1__Manifest *m;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign(MODEL "header: {as_of: '2020-01-01T00:00:00Z'}\n" RUNS DATA,
		       (struct sign_options){ .issuer = "acme.example" }, &err), &err);
	write_bytes(readme, "# n\n", 4);
	assert_ok(sign_with(&second, NULL, (struct sign_options){ .amend = true }, &err), &err);
	m = second.composition.manifest;
	assert_int_equal(m->header->as_of->seconds, 1577836800);
	assert_string_equal(m->header->object->text, "acme.example/m@1.0.0");
	assert_string_equal(m->model->licence->text, "MIT");
	assert_int_equal(m->n_run, 1);
	assert_non_null(m->checkpoint_of->run->statement);
	assert_verifies();
}

/* Openings of sealed values stay in the sidecar, and what is sealed stays sealed. */
static void openings_stay(void **state)
{
	static const uint8_t salt[OPENING_SALT] = { 7 };
	static const char value[] = "\"acme\"";
	cleanup_buf struct buf yaml = BUF_INIT(4096), digest = BUF_INIT(128);
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	cleanup_sidecar struct sidecar before = { 0 }, after = { 0 };
	struct opening opening = { .pointer = "/model/architecture", .salt = salt,
				   .value = (const uint8_t *)value, .value_len = strlen(value) };
	uint8_t sealed[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(opening_digest(sealed, &opening, &err), &err);
	assert_ok(buf_append_hex(&digest, sealed, sizeof(sealed), &err), &err);
	assert_ok(buf_printf(&yaml, &err, "kind: manifest\nmodel: {name: m, version: 1.0.0, "
			     "architecture: {sealed: %s}}\n", buf_str(&digest)), &err);
	assert_ok(sign(buf_str(&yaml), (struct sign_options){ 0 }, &err), &err);
	assert_ok(carrier_load(&before, sidecar, &err), &err);
	memcpy(opening.statement, before.envelopes[0].statement, SHA256_BYTES);
	before.openings = &opening;
	before.n_openings = 1;
	assert_ok(sidecar_encode_all(&bytes, &before, &err), &err);
	write_bytes(sidecar, bytes.data, bytes.len);
	assert_verifies();
	write_bytes(readme, "# n\n", 4);
	assert_ok(sign(NULL, (struct sign_options){ .amend = true }, &err), &err);
	assert_ok(carrier_load(&after, sidecar, &err), &err);
	assert_int_equal(after.n_envelopes, 2);
	assert_int_equal(after.n_openings, 1);
	assert_string_equal(after.openings[0].pointer, opening.pointer);
	assert_verifies();
}

/* Somebody wrote the sidecar after we read it: nothing of his is lost. */
static void a_sidecar_written_meanwhile_stays(void **state)
{
	cleanup_sidecar struct sidecar read = { 0 };
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR), now = BUF_INIT(LIMIT_SIDECAR);
	struct sidecar second, third;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign(MODEL RUNS DATA, (struct sign_options){ 0 }, &err), &err);
	assert_ok(carrier_load(&read, sidecar, &err), &err);
	assert_int_equal(read.n_envelopes, 3);
	assert_ok(sidecar_encode(&bytes, read.envelopes, 2, &err), &err);
	write_bytes(sidecar, bytes.data, bytes.len);
	second = (struct sidecar){ .envelopes = &read.envelopes[1], .n_envelopes = 1 };
	third = (struct sidecar){ .envelopes = &read.envelopes[2], .n_envelopes = 1 };
	assert_ok(sidecar_extend(sidecar, &read, &second, &err), &err);
	read.n_envelopes = 2;
	assert_ok(sidecar_extend(sidecar, &read, &second, &err), &err);
	read.n_envelopes = 1;
	assert_reason(sidecar_extend(sidecar, &read, &third, &err), &err, FILE_CHANGED);
	assert_reason(sidecar_extend(sidecar, NULL, &third, &err), &err, EXISTS);
	read_file(&now, sidecar);
	assert_int_equal(now.len, bytes.len);
	assert_memory_equal(now.data, bytes.data, now.len);
}

/* --- releases ------------------------------------------------------------------------ */

static void releases_speak_of_the_bytes(void **state)
{
	cleanup_signing struct signing done = { 0 };
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	const Weightmark__V1__Release *r;
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_with(&done, MODEL, (struct sign_options){ .embed = true,
								 .uri = "https://example.org" },
			    &err), &err);
	r = (const Weightmark__V1__Release *)done.release.statements[0].message;
	assert_int_equal(r->n_file, 2);
	assert_string_equal(r->file[1]->path, "model.safetensors");
	read_file(&bytes, model);
	assert_ok(sha256_of(digest, bytes.data, bytes.len, &err), &err);
	assert_int_equal(r->file[1]->size, bytes.len);
	assert_true(bytes.len > done.record->file[1]->size);
	assert_memory_equal(r->file[1]->sha256->sha256.data, digest, SHA256_BYTES);
	assert_memory_equal(r->checkpoint->statement->sha256.data,
			    done.composition.statements[0].id, SHA256_BYTES);
	assert_string_equal(r->uri, "https://example.org");
	assert_non_null(r->date);
	assert_verifies();
}

/* A release of bytes that are not those of the manifest is not made. */
static void releases_of_other_bytes_are_refused(void **state)
{
	const struct checkpoint_open_options opening = { NULL };
	cleanup_signing struct signing done = { 0 };
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_with(&done, MODEL, (struct sign_options){ .embed = true }, &err), &err);
	read_file(&bytes, model);
	for (int i = 0; i < 2; i++) {
		cleanup_composition struct composition c = {
			.arena = ARENA_INIT(LIMIT_DECODE_MEMORY), .issuer = done.issuer,
			.name = "release", .reason = REASON_USAGE,
		};
		const struct release_options options = {
			.manifest = &done.composition.statements[0], .record = done.record,
			.before = done.checkpoint, .priors = done.priors, .workers = 1,
		};
		cleanup_checkpoint struct checkpoint *now = NULL;

		if (i == 1)
			bytes.data[bytes.len - 1] ^= 1;
		write_bytes(model, bytes.data, bytes.len);
		assert_ok(checkpoint_open(&now, directory, &opening, &err), &err);
		if (i == 0)
			assert_ok(release_compose(&c, now, &options, &err), &err);
		else
			assert_reason(release_compose(&c, now, &options, &err), &err,
				      FILE_MISMATCH);
	}
}

/* --- admissions ---------------------------------------------------------------------- */

static enum wm_code admit(struct signing *out, struct admit_options more, struct wm_error *err)
{
	more.source = more.source ? more.source : "https://example.org";
	more.reason = more.reason ? more.reason : "pilot";
	more.signer = more.signer ? more.signer : p.stranger;
	more.workers = 1;
	return checkpoint_admit(out, directory, &more, err);
}

static void admissions_expire_within_ten_years(void **state)
{
	const int64_t now = time(NULL), year = (int64_t)366 * 86400;
	static const bool good[] = { false, false, true, true, false };
	const int64_t ends[] = { 0, now - 1, now + 100, now + 10 * year - 100,
				 now + 10 * year + 100 };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cleanup_signing struct signing done = { 0 };

		if (good[i])
			assert_ok(admit(&done, (struct admit_options){ .expires = ends[i] }, &err),
				  &err);
		else
			assert_reason(admit(&done, (struct admit_options){ .expires = ends[i] },
					    &err), &err, USAGE);
	}
}

static void admissions_and_manifests_stand_together(void **state)
{
	cleanup_signing struct signing admitted = { 0 }, own = { 0 };
	cleanup_sidecar struct sidecar s = { 0 };
	const struct admit_options options = { .expires = time(NULL) + 1000 };
	struct admit_options mine = options;
	const Weightmark__V1__Admission *a;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign(MODEL, (struct sign_options){ 0 }, &err), &err);
	mine.signer = p.signer;
	assert_reason(admit(&own, mine, &err), &err, ALREADY_SIGNED);
	assert_ok(admit(&admitted, options, &err), &err);
	a = (const Weightmark__V1__Admission *)admitted.composition.statements[0].message;
	assert_int_equal(a->checkpoint->n_file, 2);
	assert_int_equal(a->expires->seconds, options.expires);
	assert_ok(carrier_load(&s, sidecar, &err), &err);
	assert_int_equal(s.n_envelopes, 2);
	publisher_pin_stranger(&p); /* a stranger's statement that none of ours names is refused */
	assert_verifies();
}

/* --- proofs -------------------------------------------------------------------------- */

static void load_sidecar(struct sidecar *out)
{
	struct wm_error err = { 0 };

	sidecar_release(out);
	assert_ok(carrier_load(out, sidecar, &err), &err);
}

static enum wm_code amend_with_proofs(void *context, struct wm_error *err)
{
	const struct buf *before = context;

	unlink(sidecar);
	write_bytes(model, before->data, before->len);
	return sign(NULL, (struct sign_options){ .amend = true }, err);
}

/* Whatever writes a sidecar keeps its proofs, and where there is none those of the slot. */
static void proofs_stay(void **state)
{
	const struct sign_options amend = { .amend = true };
	cleanup_sidecar struct sidecar first = { 0 }, now = { 0 };
	cleanup_buf struct buf slotted = BUF_INIT(LIMIT_SIDECAR);
	cleanup_signing struct signing admitted = { 0 };
	cleanup_embedding struct embedding in = { 0 };
	const struct checkpoint_open_options opening = { NULL };
	const struct embed_options embedding = { .opening = &opening };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign(MODEL, (struct sign_options){ .release = true }, &err), &err);
	load_sidecar(&first);
	assert_int_equal(first.n_envelopes, 2);
	add_proof(sidecar, &first.envelopes[0], 1, "first");
	add_proof(sidecar, &first.envelopes[1], 1, "second");
	write_bytes(readme, "# n\n", 4);
	assert_ok(sign(NULL, (struct sign_options){ .amend = true, .release = true }, &err), &err);
	load_sidecar(&now);
	assert_int_equal(now.n_envelopes, 4);
	assert_int_equal(now.n_proofs, 2);
	assert_proof(&now, &first.envelopes[0], 1, "first");
	assert_proof(&now, &first.envelopes[1], 1, "second");
	assert_ok(checkpoint_embed(&in, directory, &embedding, &err), &err);
	read_file(&slotted, model);
	unlink(sidecar);
	write_bytes(readme, "# o\n", 4);
	assert_ok(sign(NULL, amend, &err), &err);
	load_sidecar(&now);
	assert_int_equal(now.n_envelopes, 3);
	assert_int_equal(now.n_proofs, 1); /* the release was in no slot */
	assert_proof(&now, &first.envelopes[0], 1,
		     sidecar_find(&now, &first.envelopes[0]) ? "first" : NULL);
	assert_proof(&now, &first.envelopes[1], 1,
		     sidecar_find(&now, &first.envelopes[1]) ? "second" : NULL);
	assert_ok(admit(&admitted, (struct admit_options){ .expires = time(NULL) + 1000 }, &err),
		  &err);
	load_sidecar(&now);
	assert_int_equal(now.n_envelopes, 4);
	assert_int_equal(now.n_proofs, 1);
	with_every_allocation_failing(amend_with_proofs, &slotted);
}

/* A fresh proof takes the place of one of the same length. */
static void a_fresh_proof_is_written(void **state)
{
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	struct proof stray = { .keyid = "", .log_key = (const uint8_t[KEY_ED25519_BYTES]){ 0 } };

	(void)state;
	assert_ok(sign(MODEL, (struct sign_options){ 0 }, &err), &err);
	load_sidecar(&s);
	add_proof(sidecar, &s.envelopes[0], 1, "a");
	load_sidecar(&s);
	assert_proof(&s, &s.envelopes[0], 1, "a");
	add_proof(sidecar, &s.envelopes[0], 1, "b");
	load_sidecar(&s);
	assert_proof(&s, &s.envelopes[0], 1, "b");
	assert_int_equal(s.n_proofs, 1);
	assert_reason(sidecar_extend(sidecar, &s,
				     &(struct sidecar){ .proofs = &stray, .n_proofs = 1 }, &err),
		      &err, SIDECAR_MALFORMED);
}

/* --- failing allocations ------------------------------------------------------------- */

static enum wm_code everything(void *context, struct wm_error *err)
{
	const struct buf *pristine = context;

	unlink(sidecar);
	write_bytes(model, pristine->data, pristine->len);
	write_bytes(readme, "# m\n", 4);
	return sign(MODEL RUNS DATA, (struct sign_options){ .embed = true }, err);
}

static void embedding_survives_failing_allocations(void **state)
{
	cleanup_buf struct buf pristine = BUF_INIT(LIMIT_SIDECAR);

	(void)state;
	read_file(&pristine, model);
	with_every_allocation_failing(everything, &pristine);
	assert_verifies();
}

/* Amends README over a pointer to the embedded file, from the sidecar `context`. */
static enum wm_code amend_once(void *context, struct wm_error *err)
{
	const struct buf *before = context;

	write_bytes(sidecar, before->data, before->len);
	return sign(NULL, (struct sign_options){ .amend = true, .release = true, .reason = "typo" },
		    err);
}

static void amending_survives_failing_allocations(void **state)
{
	cleanup_buf struct buf before = BUF_INIT(LIMIT_SIDECAR), bytes = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign(MODEL RUNS DATA, (struct sign_options){ .embed = true }, &err), &err);
	read_file(&before, sidecar);
	make_pointer(&bytes, model);
	write_bytes(readme, "# n\n", 4);
	with_every_allocation_failing(amend_once, &before);
	write_bytes(model, bytes.data, bytes.len);
	assert_verifies();
}

static enum wm_code admit_once(void *context, struct wm_error *err)
{
	cleanup_signing struct signing done = { 0 };

	(void)context;
	unlink(sidecar);
	return admit(&done, (struct admit_options){ .expires = time(NULL) + 1000,
						    .revision = "1", .n_waived = 1,
						    .waived = (const char *const[]){ "a" } }, err);
}

static void admitting_survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(admit_once, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(corrections_continue_the_chain),
		CASE(what_is_taken_over_stays_as_it_was),
		CASE(openings_stay),
		CASE(a_sidecar_written_meanwhile_stays),
		CASE(releases_speak_of_the_bytes),
		CASE(releases_of_other_bytes_are_refused),
		CASE(admissions_expire_within_ten_years),
		CASE(admissions_and_manifests_stand_together),
		CASE(proofs_stay),
		CASE(a_fresh_proof_is_written),
		CASE(embedding_survives_failing_allocations),
		CASE(amending_survives_failing_allocations),
		CASE(admitting_survives_failing_allocations),
	};

	return run_tests(tests);
}
