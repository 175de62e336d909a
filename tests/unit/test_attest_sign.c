/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/sign.c, compose.c: what an author writes, and what becomes of it. */
#include "publisher.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/sign.h"
#include "util/limits.h"
#include "util/progress.h"

static struct publisher p;
static struct keyring *stewards; /* the stranger's key */

static int open_publisher(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	publisher_open(&p);
	assert_ok(keyring_new(&stewards, &err), &err);
	assert_ok(keyring_add(stewards, test_public_key("p256.pub"), &err), &err);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	keyring_free(take_ptr(&stewards));
	publisher_close(&p);
	return 0;
}

/* Signs the checkpoint with the YAML text, and what `more` asks for. */
static enum wm_code sign_with(struct signing *out, const char *yaml, struct sign_options more,
			      struct wm_error *err)
{
	more.yaml = yaml;
	more.yaml_len = strlen(yaml);
	more.yaml_name = "m.yaml";
	more.signer = more.signer ? more.signer : p.signer;
	more.workers = 1;
	more.no_cache = true;
	return checkpoint_sign(out, p.path, &more, err);
}

static enum wm_code sign_yaml(const char *yaml, struct wm_error *err)
{
	cleanup_signing struct signing done = { 0 };

	return sign_with(&done, yaml, (struct sign_options){ 0 }, err);
}

/* The same; counts the bytes of the checkpoint that were measured for it. */
static enum wm_code sign_counted(uint64_t *measured, const char *yaml, struct signer *signer,
				 struct wm_error *err)
{
	cleanup_signing struct signing done = { 0 };
	struct progress progress;
	enum wm_code code;

	progress_start(&progress, 0);
	progress.show = NULL;
	code = sign_with(&done, yaml,
			 (struct sign_options){ .signer = signer, .progress = &progress }, err);
	*measured = progress.done;
	return code;
}

#define MODEL "kind: manifest\nmodel: {name: m, version: 1.0.0, licence: MIT}\n"
#define RUNS  "training_run:\n  - id: r\n    uses: [{dataset_id: d, role: pretrain}]\n"
#define DATA  "---\nkind: dataset\ndataset_id: d\nlicence: MIT\n"

static const struct mistake {
	const char *yaml;
	enum reason reason;
	const char *says; /* in the message, besides the file's name */
} mistakes[] = {
	{ "", REASON_YAML_FIELD, "manifest" },
	{ "kind: dataset\ndataset_id: d\n", REASON_YAML_FIELD, "no document of 'kind: manifest'" },
	{ MODEL "---\n" MODEL, REASON_YAML_FIELD, "line 4: a second manifest" },
	{ MODEL "---\nkind: manifets\n", REASON_YAML_FIELD, "line 4: kind 'manifets'" },
	{ MODEL "---\nkind: order\n", REASON_YAML_FIELD, "line 4: kind 'order'" },
	{ MODEL "---\nkind: release\n", REASON_YAML_FIELD, "line 4: kind 'release'" },
	{ MODEL "---\nkind: [a]\n", REASON_YAML_FIELD, "line 4: kind" },
	{ MODEL "---\nmodel: {name: x}\n", REASON_YAML_FIELD, "does not say its kind" },
	{ MODEL "---\njust text\n", REASON_YAML_FIELD, "not a map" },
	{ MODEL "header: {sequence: 2}\n", REASON_YAML_FIELD, "only as_of" },
	{ MODEL "header: {issuer: acme}\n", REASON_YAML_FIELD, "only as_of" },
	{ MODEL "header: {nonce: 00112233445566778899aabbccddeeff}\n", REASON_YAML_FIELD,
	  "only as_of" },
	{ MODEL "checkpoint: {}\n", REASON_YAML_FIELD, "checkpoint is measured" },
	{ MODEL "run: [{object: acme/r}]\n", REASON_YAML_FIELD, "run is measured or made" },
	{ MODEL "modle: {}\n", REASON_YAML_FIELD, "line 3" },
	{ MODEL "modle: {}\n", REASON_YAML_FIELD, "model" },
	{ MODEL "derivation: [{kind: finetuned}]\n", REASON_YAML_FIELD, "line 3" },
	{ "kind: manifest\nmodel: {version: 1}\n", REASON_YAML_FIELD, "model.name" },
	{ "kind: manifest\nmodel: {name: a/b}\n", REASON_YAML_FIELD, "model.model_id" },
	{ "kind: manifest\nmodel: {name: a b}\n", REASON_YAML_FIELD, "model.model_id" },
	{ "kind: manifest\nmodel: {name: \"a\\nb\"}\n", REASON_YAML_FIELD, "model.model_id" },
	{ "kind: manifest\nmodel: {name: m, supplier: acme}\n", REASON_YAML_FIELD, "'acme'" },
	{ MODEL "party: [{legal_name: x}]\n", REASON_YAML_FIELD, "a party has no id" },
	{ MODEL "derivation: [{parent: [{}]}]\n", REASON_YAML_FIELD, "refers to nothing" },
	{ "kind: manifest\nmodel: {name: m, name: n}\n", REASON_YAML_MALFORMED, "name" },
	{ "kind: manifest\nmodel: {name: m\n", REASON_YAML_MALFORMED, "line" },
	{ "kind: manifest\nmodel: &a {name: *a}\n", REASON_YAML_MALFORMED, "line 2" },
	{ MODEL DATA, REASON_DATASET_UNUSED, "'d'" },
	{ MODEL RUNS, REASON_DATASET_UNKNOWN, "'d'" },
	{ MODEL RUNS DATA DATA, REASON_YAML_FIELD, "two statements are about 'd'" },
	{ MODEL RUNS "  - id: r\n" DATA, REASON_YAML_FIELD, "two statements are about 'r'" },
	{ MODEL "training_run:\n  - uses: [{dataset_id: d}]\n" DATA, REASON_YAML_FIELD,
	  "the run has no id" },
	{ MODEL "training_run:\n  - id: r\n    uses: [{role: test}]\n", REASON_YAML_FIELD,
	  "one of dataset_id and dataset" },
	{ MODEL "training_run:\n  - id: r\n    uses: [{dataset_id: d, dataset: {uri: x}}]\n" DATA,
	  REASON_YAML_FIELD, "one of dataset_id and dataset" },
	{ MODEL RUNS "---\nkind: dataset\nlicence: MIT\n", REASON_YAML_FIELD, "no dataset_id" },
	{ MODEL "checkpoint_of: {run_id: s}\n" RUNS DATA, REASON_YAML_FIELD,
	  "no training run has the id 's'" },
	{ MODEL "checkpoint_of: {run: {statement: 'wm:"
		"0000000000000000000000000000000000000000000000000000000000000000'}}\n" RUNS DATA,
	  REASON_YAML_FIELD, "run_id" },
	{ MODEL "training_run:\n  - id: r\n    uses: [{dataset: {statement: 'wm:"
		"0000000000000000000000000000000000000000000000000000000000000000'}}]\n",
	  REASON_DATASET_UNKNOWN, "wm:0000" },
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct wm_error err = { 0 };
		uint64_t measured;

		if (sign_counted(&measured, mistakes[i].yaml, NULL, &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "signed: %s", mistakes[i].yaml);
		if (strcmp(err.reason, reason_info(mistakes[i].reason)->id) != 0 ||
		    !strstr(err.message, mistakes[i].says) || !strstr(err.message, "m.yaml"))
			test_failed(__FILE__, __LINE__, "%s [%s] for: %s", err.message, err.reason,
				    mistakes[i].yaml);
		assert_int_equal(measured, 0);
		assert_int_equal(access(p.sidecar, F_OK), -1);
	}
}

static void what_is_right_is_signed(void **state)
{
	static const char *const texts[] = {
		MODEL,
		"kind: manifest\nmodel: {name: acme/a b, model_id: a-b}\n",
		"party: [{id: acme}]\n" "kind: manifest\nmodel: {name: m, supplier: acme}\n",
		MODEL RUNS DATA,
		DATA "---\n" MODEL RUNS,
		MODEL "checkpoint_of: {run_id: r, step: 7}\n" RUNS DATA,
		MODEL "training_run: [{id: r}, {id: s}]\n",
		MODEL "training_run: [{id: r, uses: [{dataset: {uri: 'https://example.org/d'}}]}]\n",
		MODEL "header: {as_of: '2020-01-01T00:00:00Z'}\n",
		MODEL "---\nkind: run\nid: r\nuses: [{dataset_id: d}]\n" DATA,
	};
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (sign_yaml(texts[i], &err) != WM_OK)
			test_failed(__FILE__, __LINE__, "%s [%s] for: %s", err.message, err.reason,
				    texts[i]);
		assert_accepted_full(&p);
		assert_int_equal(unlink(p.sidecar), 0);
	}
}

static void signing_again_changes_nothing(void **state)
{
	cleanup_buf struct buf first = BUF_INIT(LIMIT_SIDECAR), second = BUF_INIT(LIMIT_SIDECAR);
	cleanup_signing struct signing done = { 0 };
	uint64_t measured;
	struct stat before, after;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_yaml(p.yaml, &err), &err);
	read_file(&first, p.sidecar);
	assert_int_equal(stat(p.sidecar, &before), 0);
	assert_ok(sign_with(&done, p.yaml, (struct sign_options){ 0 }, &err), &err);
	assert_true(done.unchanged);
	for (size_t i = 0; i < done.composition.n_statements; i++)
		assert_true(done.composition.statements[i].reused);
	assert_int_equal(stat(p.sidecar, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	read_file(&second, p.sidecar);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	/* Something else, or somebody else, is never written over it. */
	assert_reason(sign_yaml(MODEL, &err), &err, ALREADY_SIGNED);
	assert_reason(sign_counted(&measured, p.yaml, p.stranger, &err), &err, ALREADY_SIGNED);
	assert_int_equal(measured, 0);
	assert_ok(sign_counted(&measured, p.yaml, p.signer, &err), &err);
	assert_int_equal(measured, checkpoint_size(done.checkpoint));
	second.len = 0;
	read_file(&second, p.sidecar);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
}

/* A sidecar that cannot be read is in the way; it is not signed over. */
static void a_broken_sidecar_stays(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(64);
	struct wm_error err = { 0 };

	(void)state;
	write_bytes(p.sidecar, "broken", 6);
	assert_reason(sign_yaml(MODEL, &err), &err, SIDECAR_MALFORMED);
	read_file(&bytes, p.sidecar);
	assert_string_equal(buf_str(&bytes), "broken");
}

/* What signing hands out is whole also where it was taken from the sidecar that was there. */
static void what_was_reused_outlives_it(void **state)
{
	cleanup_signing struct signing done = { 0 };
	const struct composition *c = &done.composition;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_yaml(p.yaml, &err), &err);
	assert_ok(sign_with(&done, p.yaml, (struct sign_options){ 0 }, &err), &err);
	for (size_t i = 0; i < c->n_statements; i++) {
		cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
		const struct envelope *e = &c->statements[i].envelope;

		assert_ok(statement_encode(&again, c->statements[i].kind,
					   c->statements[i].message, &err), &err);
		assert_int_equal(again.len, e->payload_len);
		assert_memory_equal(again.data, e->payload, again.len);
		assert_ok(envelope_verify(e, signer_public(p.signer), &err), &err);
	}
}

static void dry_run_writes_nothing(void **state)
{
	cleanup_signing struct signing done = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_with(&done, p.yaml, (struct sign_options){ .dry_run = true }, &err), &err);
	assert_int_equal(done.n_payloads, 3);
	assert_non_null(strstr(buf_str(&done.payloads[0]), "urn:weightmark:dataset:v1"));
	assert_int_equal(access(p.sidecar, F_OK), -1);
}

static void as_of_and_issuer_are_the_authors(void **state)
{
	cleanup_signing struct signing done = { 0 };
	cleanup_verdict struct wm_verdict *v = NULL;
	const Weightmark__V1__Header *h;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_with(&done, MODEL "header: {as_of: '2020-01-01T00:00:00Z'}\n",
			    (struct sign_options){ .issuer = "acme.example" }, &err), &err);
	v = publisher_verify(&p, false);
	h = v->facts.head->statement->header;
	assert_int_equal(h->as_of->seconds, 1577836800);
	assert_true(h->issued_at->seconds > h->as_of->seconds);
	assert_string_equal(h->issuer, "acme.example");
	assert_string_equal(h->object->text, "acme.example/m@1.0.0");
}

static void issuers_have_a_form(void **state)
{
	static const char *const bad[] = { "", "a b", "a\nb", "\x1b[2J", "\xc3\xa4" };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_signing struct signing done = { 0 };

		assert_int_not_equal(sign_with(&done, MODEL,
					       (struct sign_options){ .issuer = bad[i] }, &err), WM_OK);
		assert_int_equal(exit_status(err.code), 2);
		assert_int_equal(access(p.sidecar, F_OK), -1);
	}
}

/* --- statements of others ------------------------------------------------------------ */

/* A steward's dataset statement, signed with the stranger's key, in a sidecar of its own. */
static char *steward_sidecar(void)
{
	char *path = NULL;
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);

	assert_true(asprintf(&path, "%s/steward.wmk", p.dir) > 0);
	p.issuer = "steward.example";
	publisher_make(&p, NULL);
	publisher_resign(&p, DATASET, p.stranger, buf_str(&p.payloads[DATASET]));
	p.n_envelopes = 1;
	publisher_encode(&bytes, &p);
	write_bytes(path, bytes.data, bytes.len);
	return path;
}

static void a_stewards_statement_travels_along(void **state)
{
	static const char *const ids[] = { "digits", "steward.example/digits" };
	cleanup_free char *path = steward_sidecar();
	cleanup_free char *yaml = NULL;
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_signing struct signing done = { 0 };
		cleanup_verdict struct wm_verdict *v = NULL;
		const struct sign_options options = { .statements = (const char *const[]){ path },
						      .n_statements = 1,
						      .stewards = stewards };

		free(yaml);
		assert_true(asprintf(&yaml, MODEL "training_run:\n  - id: r\n    uses: "
				     "[{dataset_id: %s, role: pretrain}]\n", ids[i]) > 0);
		assert_ok(sign_with(&done, yaml, options, &err), &err);
		v = publisher_verify(&p, false);
		assert_int_equal(v->decision, WM_ACCEPT);
		assert_int_equal(v->facts.n_carried, 3);
		assert_true(has_note(v, "key-not-pinned"));
		/* Signing again with it changes nothing. */
		signing_release(&done);
		assert_ok(sign_with(&done, yaml, options, &err), &err);
		assert_true(done.unchanged);
		assert_int_equal(unlink(p.sidecar), 0);
	}
}

static void a_stewards_proof_travels_along(void **state)
{
	cleanup_free char *path = steward_sidecar();
	cleanup_signing struct signing done = { 0 };
	cleanup_sidecar struct sidecar s = { 0 };
	const struct sign_options options = { .statements = (const char *const[]){ path },
					      .n_statements = 1,
					      .stewards = stewards };
	struct wm_error err = { 0 };

	(void)state;
	add_proof(path, &p.envelopes[DATASET], 1, "a proof");
	assert_ok(sign_with(&done, MODEL "training_run: [{id: r, uses: [{dataset_id: digits}]}]\n",
			    options, &err), &err);
	assert_ok(carrier_load(&s, p.sidecar, &err), &err);
	assert_int_equal(s.n_envelopes, 3);
	assert_int_equal(s.n_proofs, 1);
	assert_proof(&s, &p.envelopes[DATASET], 1, "a proof");
}

static void a_stewards_statement_verifies_when_pinned(void **state)
{
	cleanup_free char *path = steward_sidecar();
	cleanup_signing struct signing done = { 0 };
	cleanup_verdict struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sign_with(&done, MODEL "training_run: [{id: r, uses: [{dataset_id: digits}]}]\n",
			    (struct sign_options){ .statements = (const char *const[]){ path },
						   .n_statements = 1,
						   .stewards = stewards }, &err), &err);
	publisher_pin_stranger(&p);
	assert_accepted(&p);
	v = publisher_verify(&p, false);
	assert_false(has_note(v, "key-not-pinned"));
	for (size_t i = 0; i < v->facts.n_carried; i++)
		assert_non_null(v->facts.carried[i].statement);
}

/* Given, but used by no run: it stays at home. Given, but no sidecar: an error. */
static void statements_not_referred_to_stay(void **state)
{
	cleanup_free char *path = steward_sidecar();
	const struct sign_options options = { .statements = (const char *const[]){ path },
					      .n_statements = 1,
					      .stewards = stewards };
	struct sign_options unknown = options;
	cleanup_signing struct signing done = { 0 }, failed = { 0 }, refused = { 0 };
	cleanup_verdict struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	(void)state;
	unknown.stewards = NULL;
	assert_reason(sign_with(&refused, MODEL, unknown, &err), &err, STEWARD_UNTRUSTED);
	assert_int_equal(access(p.sidecar, F_OK), -1);
	assert_ok(sign_with(&done, MODEL, options, &err), &err);
	v = publisher_verify(&p, false);
	assert_int_equal(v->decision, WM_ACCEPT);
	assert_int_equal(v->facts.n_carried, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(p.sidecar), 0);
	assert_reason(sign_with(&failed, MODEL, options, &err), &err, SIDECAR_MISSING);
	assert_int_equal(access(p.sidecar, F_OK), -1);
}

/* --- failing allocations ------------------------------------------------------------- */

static enum wm_code sign_and_verify(void *context, struct wm_error *err)
{
	const struct verify_options options = { .keys = p.pinned, .full = true, .workers = 1 };
	cleanup_verdict struct wm_verdict *v = NULL;

	(void)context;
	unlink(p.sidecar);
	TRY(sign_yaml(p.yaml, err));
	TRY(verdict_reach(&v, p.path, &options, err));
	if (v->decision == WM_ACCEPT)
		return WM_OK;
	/* A check that could not be carried out: no verdict but "could not tell". */
	*err = verdict_decider(v)->err;
	assert_int_equal(exit_status(err->code), 3);
	return err->code;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(sign_and_verify, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(mistakes_are_named),
		CASE(what_is_right_is_signed),
		CASE(signing_again_changes_nothing),
		CASE(a_broken_sidecar_stays),
		CASE(what_was_reused_outlives_it),
		CASE(dry_run_writes_nothing),
		CASE(as_of_and_issuer_are_the_authors),
		CASE(issuers_have_a_form),
		CASE(a_stewards_statement_travels_along),
		CASE(a_stewards_proof_travels_along),
		CASE(a_stewards_statement_verifies_when_pinned),
		CASE(statements_not_referred_to_stay),
		CASE(survives_failing_allocations),
	};

	return run_tests(tests);
}
