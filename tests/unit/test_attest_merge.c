/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/merge.h"

#include <stdio.h>
#include <unistd.h>

#include "attest/embed.h"
#include "publisher.h"

static const struct checkpoint_open_options opening = { NULL };
static const struct embed_options replacing = { .opening = &opening };

enum { PAYLOAD_MAX = 65536 };

/* A publisher whose checkpoint has a slot with his first three statements. */
struct shop {
	struct publisher p;
	struct envelope first[N_MADE];
	char manifest[STATEMENT_ID_TEXT + 1]; /* the id of the first one */
};

static void shop_open(struct shop *s)
{
	cleanup_embedding struct embedding in = { 0 };
	struct wm_error err = { 0 };

	publisher_open(&s->p);
	publisher_make(&s->p, NULL);
	publisher_write(&s->p);
	memcpy(s->first, s->p.envelopes, sizeof(s->first));
	statement_id_text(s->manifest, s->first[MANIFEST].statement);
	assert_ok(checkpoint_embed(&in, s->p.path, &replacing, &err), &err);
}

static void add(struct shop *s, const struct envelope *e)
{
	s->p.envelopes[s->p.n_envelopes++] = *e;
}

/* --- what the sidecar then says ---------------------------------------------------------- */

/* Three more statements, whose manifest has `to` in place of `from`. */
static void make(struct shop *s, const char *from, const char *to)
{
	const struct edit edits[] = { { MANIFEST, from, to }, { 0, NULL, NULL } };

	publisher_make(&s->p, edits);
}

static void says_the_same(struct shop *s)
{
	(void)s;
}

static void says_another(struct shop *s)
{
	publisher_make(&s->p, NULL);
}

static void shares_a_dataset(struct shop *s)
{
	publisher_make(&s->p, NULL);
	add(s, &s->first[DATASET]);
}

static void corrects(struct shop *s)
{
	char to[200];

	snprintf(to, sizeof(to), "\"previous\":\"%s\",\"schema_minor\":0,\"sequence\":2",
		 s->manifest);
	make(s, "\"schema_minor\":0,\"sequence\":1", to);
}

static void has_it_as_parent(struct shop *s)
{
	char to[300];

	snprintf(to, sizeof(to), "\"derivation\":[{\"id\":\"d\",\"kind\":\"finetune\",\"parent\":["
		 "{\"statement\":\"%s\"}]}],\"header\":{\"as_of\"", s->manifest);
	make(s, "\"header\":{\"as_of\"", to);
}

static void countersigned(struct shop *s)
{
	publisher_sign(&s->p, s->p.stranger, s->p.payloads[MANIFEST].data,
		       s->p.payloads[MANIFEST].len);
}

static void has_the_unreadable(struct shop *s)
{
	publisher_sign(&s->p, s->p.stranger, "{}", 2);
}

/* A release of the first manifest. */
static void released(struct shop *s)
{
	cleanup_buf struct buf payload = BUF_INIT(PAYLOAD_MAX);
	cleanup_statement struct statement *about = NULL;
	Weightmark__V1__Release release = WEIGHTMARK__V1__RELEASE__INIT;
	Weightmark__V1__Reference reference = WEIGHTMARK__V1__REFERENCE__INIT;
	Weightmark__V1__ReleasedFile file = WEIGHTMARK__V1__RELEASED_FILE__INIT;
	Weightmark__V1__ReleasedFile *files[] = { &file };
	Weightmark__V1__StatementId id = WEIGHTMARK__V1__STATEMENT_ID__INIT;
	Weightmark__V1__Digest digest = WEIGHTMARK__V1__DIGEST__INIT;
	struct wm_error err = { 0 };

	assert_ok(statement_decode(&about, s->first[MANIFEST].payload,
				   s->first[MANIFEST].payload_len, "first", &err), &err);
	id.sha256 = digest.sha256 = (ProtobufCBinaryData){ SHA256_BYTES, about->id };
	reference.statement = &id;
	file.path = (char[]){ "model.safetensors" };
	file.size = 1;
	file.has_size = 1;
	file.sha256 = &digest;
	release.header = statement_header(about->message);
	release.checkpoint = &reference;
	release.file = files;
	release.n_file = 1;
	assert_ok(statement_encode(&payload, kind_find("release"), &release.base, &err), &err);
	publisher_sign(&s->p, s->p.signer, payload.data, payload.len);
}

static void opened(struct shop *s)
{
	static const uint8_t salt[OPENING_SALT] = { 1 };

	publisher_add_opening(&s->p, s->first[DATASET].statement, "/title", salt, "\"x\"");
}

static void keeps_what_is_connected(void **state)
{
	static const struct {
		void (*says)(struct shop *s);
		size_t n_kept, n_dropped;
	} cases[] = {
		{ says_the_same, 3, 0 },	{ says_another, 3, 3 },
		{ shares_a_dataset, 4, 2 },	{ corrects, 6, 0 },
		{ has_it_as_parent, 6, 0 },	{ countersigned, 4, 0 },
		{ has_the_unreadable, 4, 0 },	{ released, 3, 0 },
		{ opened, 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_embedding struct embedding in = { 0 };
		cleanup_checkpoint struct checkpoint *c = NULL;
		cleanup_sidecar struct sidecar found = { 0 };
		cleanup_merge struct merge m = { 0 };
		struct wm_error err = { 0 };
		const struct buf *carried;
		struct shop s;

		shop_open(&s);
		cases[i].says(&s);
		publisher_write(&s.p);
		assert_ok(checkpoint_embed(&in, s.p.path, &replacing, &err), &err);
		assert_int_equal(in.n_statements, cases[i].n_kept);
		assert_int_equal(in.n_dropped, cases[i].n_dropped);
		assert_ok(checkpoint_open(&c, s.p.path, &opening, &err), &err);
		carried = &c->files[0].layout.carried;
		assert_ok(sidecar_decode(&found, carried->data, carried->len, "slot", &err), &err);
		assert_int_equal(found.n_envelopes, cases[i].n_kept);
		assert_int_equal(found.n_openings, 0);
		assert_int_equal(in.files[0].unchanged, i == 0 || cases[i].says == released ||
							cases[i].says == opened);
		/* A rerun finds nothing to drop. */
		assert_ok(merge_gather(&m, c, s.p.sidecar, &err), &err);
		for (size_t k = 0; k < m.n; k++)
			assert_true(m.list[k].kept || m.list[k].from_sidecar);
		publisher_close(&s.p);
	}
}

/* A slot that is newer than the sidecar: what corrects is kept as well as what it corrects. */
static void keeps_what_corrects(void **state)
{
	cleanup_embedding struct embedding in = { 0 }, again = { 0 };
	struct wm_error err = { 0 };
	struct shop s;

	(void)state;
	shop_open(&s);
	corrects(&s);
	countersigned(&s);
	publisher_write(&s.p);
	assert_ok(checkpoint_embed(&in, s.p.path, &replacing, &err), &err);
	assert_int_equal(in.n_statements, 7);
	memcpy(s.p.envelopes, s.first, sizeof(s.first));
	s.p.n_envelopes = N_MADE;
	publisher_write(&s.p);
	assert_ok(checkpoint_embed(&again, s.p.path, &replacing, &err), &err);
	assert_int_equal(again.n_statements, 7);
	assert_int_equal(again.n_dropped, 0);
	assert_true(again.files[0].unchanged);
	publisher_close(&s.p);
}

static void names_what_is_dropped(void **state)
{
	cleanup_embedding struct embedding in = { 0 };
	struct wm_error err = { 0 };
	size_t n = 0;
	struct shop s;

	(void)state;
	shop_open(&s);
	says_another(&s);
	publisher_write(&s.p);
	assert_ok(checkpoint_embed(&in, s.p.path, &replacing, &err), &err);
	for (size_t i = 0; i < in.n_dropped; i++)
		n += strcmp(in.dropped[i], s.manifest) == 0;
	assert_int_equal(n, 1);
	publisher_close(&s.p);
}

/* The manifest that was corrected no longer speaks for the files. */
static void finds_the_manifest(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	const Weightmark__V1__Manifest *manifest = NULL;
	struct wm_error err = { 0 };
	struct shop s;

	(void)state;
	shop_open(&s);
	corrects(&s);
	publisher_write(&s.p);
	assert_ok(checkpoint_open(&c, s.p.path, &opening, &err), &err);
	{
		cleanup_merge struct merge m = { 0 };

		assert_ok(merge_gather(&m, c, s.p.sidecar, &err), &err);
		assert_ok(merge_find_manifest(&manifest, &m, c, &err), &err);
		assert_int_equal(manifest->header->sequence, 2);
	}
	/* The same correction, of a file of another length. */
	for (size_t i = 0; i < N_MADE; i++)
		s.p.envelopes[i] = s.first[i];
	s.p.n_envelopes = N_MADE;
	replace_all(&s.p.payloads[MANIFEST], "\"size\":10008", "\"size\":10009");
	publisher_sign(&s.p, s.p.signer, s.p.payloads[MANIFEST].data, s.p.payloads[MANIFEST].len);
	publisher_write(&s.p);
	{
		cleanup_merge struct merge m = { 0 };

		assert_ok(merge_gather(&m, c, s.p.sidecar, &err), &err);
		assert_reason(merge_find_manifest(&manifest, &m, c, &err), &err, FILE_MISMATCH);
	}
	publisher_close(&s.p);
}

/* --- proofs ------------------------------------------------------------------------------ */

/* Embeds once more and decodes what the slot then carries. */
static void embed_again(struct sidecar *found, const struct shop *s)
{
	cleanup_embedding struct embedding in = { 0 };
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct wm_error err = { 0 };

	assert_ok(checkpoint_embed(&in, s->p.path, &replacing, &err), &err);
	assert_ok(checkpoint_open(&c, s->p.path, &opening, &err), &err);
	assert_ok(sidecar_decode(found, c->files[0].layout.carried.data,
				 c->files[0].layout.carried.len, "slot", &err), &err);
}

/* Proofs stay with what is kept; of two by one log the sidecar's. */
static void keeps_proofs(void **state)
{
	cleanup_sidecar struct sidecar first = { 0 }, second = { 0 };
	const struct envelope *e;
	struct shop s;

	(void)state;
	shop_open(&s);
	e = s.first;
	add_proof(s.p.sidecar, &e[MANIFEST], 1, "first");
	add_proof(s.p.sidecar, &e[MANIFEST], 2, "second");
	add_proof(s.p.sidecar, &e[RUN], 1, "run");
	embed_again(&first, &s);
	assert_int_equal(first.n_proofs, 3);
	assert_proof(&first, &e[MANIFEST], 1, "first");
	assert_proof(&first, &e[RUN], 1, "run");
	/* The sidecar is written anew, knows less and has one that is fresher. */
	publisher_write(&s.p);
	add_proof(s.p.sidecar, &e[MANIFEST], 1, "fresh");
	add_proof(s.p.sidecar, &e[DATASET], 1, "dataset");
	embed_again(&second, &s);
	assert_int_equal(second.n_proofs, 4);
	assert_proof(&second, &e[MANIFEST], 1, "fresh");
	assert_proof(&second, &e[MANIFEST], 2, "second");
	assert_proof(&second, &e[RUN], 1, "run");
	assert_proof(&second, &e[DATASET], 1, "dataset");
	publisher_close(&s.p);
}

/* What is dropped, releases and other signatures have no proofs in a slot. */
static void keeps_no_other_proofs(void **state)
{
	static void (*const says[])(struct shop *s) = { released, says_another, shares_a_dataset };
	static const size_t n_kept[] = { 2, 0, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		cleanup_sidecar struct sidecar first = { 0 }, found = { 0 };
		struct shop s;

		shop_open(&s);
		add_proof(s.p.sidecar, &s.first[MANIFEST], 1, "manifest");
		add_proof(s.p.sidecar, &s.first[DATASET], 1, "dataset");
		embed_again(&first, &s);
		assert_int_equal(first.n_proofs, 2);
		says[i](&s);
		publisher_write(&s.p);
		if (says[i] == released)
			add_proof(s.p.sidecar, &s.p.envelopes[s.p.n_envelopes - 1], 1, "release");
		embed_again(&found, &s);
		assert_int_equal(found.n_proofs, n_kept[i]);
		assert_proof(&found, &s.first[DATASET], 1, n_kept[i] > 0 ? "dataset" : NULL);
		publisher_close(&s.p);
	}
}

/* A log has an entry with one signature: under another one its proof would be false. */
static void proofs_stay_with_their_signature(void **state)
{
	static const uint8_t other[64] = { 1 };
	cleanup_sidecar struct sidecar first = { 0 }, found = { 0 };
	struct shop s;

	(void)state;
	shop_open(&s);
	add_proof(s.p.sidecar, &s.first[MANIFEST], 1, "manifest");
	add_proof(s.p.sidecar, &s.first[DATASET], 1, "dataset");
	embed_again(&first, &s);
	s.p.envelopes[MANIFEST].sig = other;
	publisher_write(&s.p);
	embed_again(&found, &s);
	assert_int_equal(found.n_envelopes, N_MADE);
	assert_int_equal(found.n_proofs, 1);
	assert_proof(&found, &s.first[DATASET], 1, "dataset");
	publisher_close(&s.p);
}

static enum wm_code gathering(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(LIMIT_SIDECAR);
	const Weightmark__V1__Manifest *manifest = NULL;
	cleanup_merge struct merge m = { 0 };
	struct shop *s = context;

	TRY(merge_gather(&m, s->p.measured, s->p.sidecar, err));
	TRY(merge_find_manifest(&manifest, &m, s->p.measured, err));
	return merge_encode(&out, &m, err);
}

static void survives_failing_allocations(void **state)
{
	struct wm_error err = { 0 };
	struct shop s;

	(void)state;
	shop_open(&s);
	corrects(&s);
	publisher_write(&s.p);
	add_proof(s.p.sidecar, &s.p.envelopes[MANIFEST], 1, "a proof");
	checkpoint_free(take_ptr(&s.p.measured));
	assert_ok(checkpoint_open(&s.p.measured, s.p.path, &opening, &err), &err);
	with_every_allocation_failing(gathering, &s);
	publisher_close(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_connected),
		cmocka_unit_test(keeps_what_corrects),
		cmocka_unit_test(names_what_is_dropped),
		cmocka_unit_test(finds_the_manifest),
		cmocka_unit_test(keeps_proofs),
		cmocka_unit_test(keeps_no_other_proofs),
		cmocka_unit_test(proofs_stay_with_their_signature),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
