/* SPDX-License-Identifier: Apache-2.0 */
/* Signing whatever a test wants signed; see publisher.h. */
#include "publisher.h"

#include <stdio.h>
#include <unistd.h>

#include "attest/chain.h"
#include "attest/checks.h"
#include "made.h"
#include "report/verdict_report.h"
#include "util/file.h"
#include "util/limits.h"

enum { YAML_MAX = 65536, PAYLOAD_MAX = 65536, NOW = 1790000000 };

static const char good[] = "testdata/good/digits-mlp/model.safetensors";

static void join(char **out, const char *dir, const char *name)
{
	assert_true(asprintf(out, "%s/%s", dir, name) > 0);
}

void write_bytes(const char *path, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(file_write(path, data, len, 0644, FILE_REPLACE, &err), &err);
}

static struct signer *signer_of(const char *name)
{
	struct signer *s = NULL;
	struct wm_error err = { 0 };

	assert_ok(signer_take_key(&s, test_private_key(name), &err), &err);
	return s;
}

static void pin(struct publisher *p, const char *name)
{
	struct wm_error err = { 0 };

	assert_ok(keyring_add(p->pinned, test_public_key(name), &err), &err);
}

void publisher_pin_stranger(struct publisher *p)
{
	pin(p, "p256.pub");
}

void publisher_measure(struct publisher *p)
{
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	const struct checkpoint_open_options opening = { p->options.links_within };
	struct wm_error err = { 0 };

	checkpoint_free(take_ptr(&p->measured));
	assert_ok(checkpoint_open(&p->measured, p->path, &opening, &err), &err);
	assert_ok(checkpoint_find_parts(p->measured, &err), &err);
	assert_ok(checkpoint_measure(p->measured, &measuring, &err), &err);
}

void publisher_use_tree(struct publisher *p, const struct tree_file *files)
{
	free(p->path);
	free(p->sidecar);
	join(&p->path, p->dir, "checkpoint");
	join(&p->sidecar, p->path, "weightmark.wmk");
	tree_write_all(p->path, files);
	publisher_measure(p);
}

void publisher_swap(struct publisher *p)
{
	struct signer *signer = p->signer;

	p->signer = p->stranger;
	p->stranger = signer;
}

void publisher_open(struct publisher *p)
{
	cleanup_buf struct buf bytes = BUF_INIT(YAML_MAX);
	struct wm_error err = { 0 };

	*p = (struct publisher){
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.openings = BUF_INIT(YAML_MAX),
		.yaml_text = BUF_INIT(YAML_MAX),
		.dir = scratch_new(),
		.signer = signer_of("ed25519.pem"),
		.stranger = signer_of("p256.pem"),
	};
	for (int i = 0; i < N_MADE; i++)
		p->payloads[i] = (struct buf)BUF_INIT(PAYLOAD_MAX);
	join(&p->path, p->dir, "model.safetensors");
	join(&p->sidecar, p->dir, "model.safetensors.wmk");
	read_file(&bytes, good);
	write_bytes(p->path, bytes.data, bytes.len);
	read_file(&p->yaml_text, "testdata/good/digits-mlp.yaml");
	p->yaml = buf_str(&p->yaml_text);
	assert_ok(keyring_new(&p->pinned, &err), &err);
	pin(p, "ed25519.pub");
	publisher_measure(p);
}

void publisher_close(struct publisher *p)
{
	for (int i = 0; i < N_MADE; i++)
		buf_release(&p->payloads[i]);
	buf_release(&p->openings);
	buf_release(&p->yaml_text);
	arena_release(&p->arena);
	checkpoint_free(p->measured);
	keyring_free(p->pinned);
	signer_free(p->signer);
	signer_free(p->stranger);
	scratch_remove(p->dir);
	free(p->path);
	free(p->sidecar);
}

void replace_all(struct buf *b, const char *from, const char *to)
{
	cleanup_buf struct buf old = BUF_INIT(b->max);
	struct wm_error err = { 0 };
	const char *rest, *at;

	assert_ok(buf_append(&old, b->data, b->len, &err), &err);
	if (!strstr(buf_str(&old), from))
		test_failed(__FILE__, __LINE__, "'%s' is not in: %s", from, buf_str(&old));
	b->len = 0;
	for (rest = buf_str(&old); (at = strstr(rest, from)); rest = at + strlen(from)) {
		assert_ok(buf_append(b, rest, (size_t)(at - rest), &err), &err);
		assert_ok(buf_append_str(b, to, &err), &err);
	}
	assert_ok(buf_append_str(b, rest, &err), &err);
}

struct envelope *publisher_sign(struct publisher *p, struct signer *signer, const void *payload,
				size_t len)
{
	struct envelope *e = &p->envelopes[p->n_envelopes++];
	struct wm_error err = { 0 };

	assert_true(p->n_envelopes <= ENVELOPES_MAX);
	assert_ok(envelope_sign(e, &p->arena, signer, payload, len, &err), &err);
	return e;
}

void publisher_resign(struct publisher *p, size_t i, struct signer *signer, const char *text)
{
	struct wm_error err = { 0 };

	assert_ok(envelope_sign(&p->envelopes[i], &p->arena, signer, text, strlen(text), &err), &err);
}

void publisher_make(struct publisher *p, const struct edit *edits)
{
	cleanup_composition struct composition c = { 0 };
	struct wm_error err = { 0 };
	char key[5 + KEYID_HEX];

	snprintf(key, sizeof(key), "key:%s", public_key_id(signer_public(p->signer)));
	assert_ok(compose(&c, p->yaml, strlen(p->yaml), "m.yaml", p->issuer ? p->issuer : key, NOW,
			  &err), &err);
	assert_ok(compose_measured(&c.manifest->checkpoint, &c, p->measured, NULL, &err), &err);
	assert_int_equal(c.n_statements, N_MADE);
	p->n_envelopes = 0;
	for (int i = 0; i < N_MADE; i++) {
		struct buf *b = &p->payloads[i];

		b->len = 0;
		assert_ok(compose_references(&c, (size_t)i, NULL, 0, &err), &err);
		assert_ok(statement_encode(b, c.statements[i].kind, c.statements[i].message, &err),
			  &err);
		for (const struct edit *e = edits; e && e->from; e++)
			if (e->which == i)
				replace_all(b, e->from, e->to);
		assert_ok(statement_id(c.statements[i].id, b->data, b->len, &err), &err);
		publisher_sign(p, p->signer, b->data, b->len);
	}
}

static void edit_payload(struct buf *b, const struct edit *edits)
{
	for (const struct edit *e = edits; e && e->from; e++)
		replace_all(b, e->from, e->to);
}

struct envelope *publisher_correct(struct publisher *p, int which, unsigned sequence,
				   const uint8_t previous[SHA256_BYTES], const struct edit *edits)
{
	cleanup_buf struct buf b = BUF_INIT(PAYLOAD_MAX);
	char id[STATEMENT_ID_TEXT + 1], text[160];
	struct wm_error err = { 0 };

	assert_ok(buf_append(&b, p->payloads[which].data, p->payloads[which].len, &err), &err);
	statement_id_text(id, previous);
	snprintf(text, sizeof(text), "\"previous\":\"%s\",\"schema_minor\":0,\"sequence\":%u", id,
		 sequence);
	replace_all(&b, "\"schema_minor\":0,\"sequence\":1", text);
	edit_payload(&b, edits);
	return publisher_sign(p, p->signer, b.data, b.len);
}

/* Begins a statement of type `d` that is not of the YAML. */
static void compose_other(ProtobufCMessage **m, struct composition *c,
			  const ProtobufCMessageDescriptor *d, const char *issuer)
{
	struct wm_error err = { 0 };

	*c = (struct composition){ .arena = ARENA_INIT(LIMIT_DECODE_MEMORY), .now = NOW,
				   .name = "test", .reason = REASON_USAGE, .issuer = issuer };
	assert_ok(compose_one(m, c, d, &err), &err);
}

static struct envelope *sign_other(struct publisher *p, struct composition *c,
				   struct signer *signer, const char *local,
				   const struct edit *edits)
{
	cleanup_buf struct buf b = BUF_INIT(PAYLOAD_MAX);
	struct wm_error err = { 0 };

	assert_ok(compose_header(c, &c->statements[0], local, &err), &err);
	assert_ok(statement_encode(&b, c->statements[0].kind, c->statements[0].message, &err),
		  &err);
	edit_payload(&b, edits);
	return publisher_sign(p, signer, b.data, b.len);
}

static void issuer_of(char issuer[static 5 + KEYID_HEX], struct signer *signer)
{
	snprintf(issuer, 5 + KEYID_HEX, "key:%s", public_key_id(signer_public(signer)));
}

struct envelope *publisher_admit(struct publisher *p, struct signer *signer, const char *local,
				 int64_t expires, const struct edit *edits)
{
	cleanup_composition struct composition c = { 0 };
	Weightmark__V1__Admission *a;
	ProtobufCMessage *m = NULL;
	char issuer[5 + KEYID_HEX];
	struct wm_error err = { 0 };

	issuer_of(issuer, signer);
	compose_other(&m, &c, &weightmark__v1__admission__descriptor, issuer);
	a = (Weightmark__V1__Admission *)m;
	assert_ok(arena_copy(&a->source, &c.arena, "x", 1, &err), &err);
	assert_ok(arena_copy(&a->reason, &c.arena, "y", 1, &err), &err);
	assert_ok(compose_time(&a->expires, &c, expires, &err), &err);
	assert_ok(compose_measured(&a->checkpoint, &c, p->measured, NULL, &err), &err);
	return sign_other(p, &c, signer, local, edits);
}

struct envelope *publisher_release(struct publisher *p, const uint8_t id[SHA256_BYTES],
				   const char *path, uint64_t size,
				   const uint8_t sha256[SHA256_BYTES])
{
	Weightmark__V1__ReleasedFile f = WEIGHTMARK__V1__RELEASED_FILE__INIT, *list[] = { &f };
	cleanup_composition struct composition c = { 0 };
	Weightmark__V1__Release *r;
	ProtobufCMessage *m = NULL;
	char issuer[5 + KEYID_HEX], object[64 + KEYID_HEX];
	struct wm_error err = { 0 };

	issuer_of(issuer, p->signer);
	snprintf(object, sizeof(object), "%s/digits-mlp@1.0.0", issuer);
	compose_other(&m, &c, &weightmark__v1__release__descriptor, issuer);
	r = (Weightmark__V1__Release *)m;
	assert_ok(compose_reference(&r->checkpoint, &c, object, id, &err), &err);
	assert_ok(arena_copy(&f.path, &c.arena, path, strlen(path), &err), &err);
	f.has_size = true;
	f.size = size;
	assert_ok(compose_digest(&f.sha256, &c, sha256, &err), &err);
	r->file = list;
	r->n_file = 1;
	return sign_other(p, &c, p->signer, "release:1", NULL);
}

void put_slot(const char *path, const void *carried, size_t len)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 24), out = BUF_INIT(1 << 24);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	read_file(&bytes, path);
	assert_ok(made_parse(&l, bytes.data, bytes.len, path, &err), &err);
	if (len > 0) {
		assert_ok(made_embed(&out, &l, &bytes, carried, len, &err), &err);
	} else {
		const size_t behind = l.head.len + l.slot_len;

		assert_ok(buf_append(&out, l.head.data, l.head.len, &err), &err);
		assert_ok(buf_append(&out, bytes.data + behind, bytes.len - behind, &err), &err);
	}
	write_bytes(path, out.data, out.len);
}

static void encode_envelopes(struct buf *out, const struct envelope *list, size_t n)
{
	struct envelope sorted[ENVELOPES_MAX];
	struct wm_error err = { 0 };

	assert_true(n <= ENVELOPES_MAX);
	memcpy(sorted, list, n * sizeof(*list));
	assert_ok(sidecar_encode(out, sorted, n, &err), &err);
}

void put_envelopes(const char *path, const struct envelope *list, size_t n)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);

	if (n > 0)
		encode_envelopes(&bytes, list, n);
	put_slot(path, bytes.data, bytes.len);
}

void write_sidecar(const struct publisher *p, const struct envelope *list, size_t n)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);

	(void)unlink(p->sidecar);
	if (n == 0)
		return;
	encode_envelopes(&bytes, list, n);
	write_bytes(p->sidecar, bytes.data, bytes.len);
}

static void append_field(struct buf *out, unsigned field, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append_byte(out, (uint8_t)(field << 3 | 2), &err), &err);
	assert_true(len < 16384);
	if (len >= 128)
		assert_ok(buf_append_byte(out, (uint8_t)(len | 128), &err), &err);
	assert_ok(buf_append_byte(out, (uint8_t)(len >= 128 ? len >> 7 : len), &err), &err);
	assert_ok(buf_append(out, data, len, &err), &err);
}

void publisher_add_opening(struct publisher *p, const uint8_t id[SHA256_BYTES],
			   const char *pointer, const uint8_t salt[OPENING_SALT], const char *value)
{
	cleanup_buf struct buf statement = BUF_INIT(64);
	cleanup_buf struct buf opening = BUF_INIT(YAML_MAX);

	append_field(&statement, 1, id, SHA256_BYTES);
	append_field(&opening, 1, statement.data, statement.len);
	append_field(&opening, 2, pointer, strlen(pointer));
	append_field(&opening, 3, salt, OPENING_SALT);
	append_field(&opening, 4, value, strlen(value));
	append_field(&p->openings, 3, opening.data, opening.len);
}

void add_proof(const char *path, const struct envelope *e, uint8_t log, const char *text)
{
	const uint8_t log_key[KEY_ED25519_BYTES] = { log };
	struct proof proof = { .keyid = e->keyid, .log_key = log_key,
			       .text = (const uint8_t *)text, .text_len = strlen(text) };
	cleanup_sidecar struct sidecar present = { 0 };
	struct wm_error err = { 0 };

	memcpy(proof.statement, e->statement, SHA256_BYTES);
	assert_ok(carrier_load(&present, path, &err), &err);
	assert_ok(sidecar_extend(path, &present,
				 &(struct sidecar){ .proofs = &proof, .n_proofs = 1 }, &err),
		  &err);
}

void assert_proof_(const struct sidecar *s, const struct envelope *e, uint8_t log,
		   const char *text, const char *file, int line)
{
	size_t n = 0, n_found = 0;
	const struct proof *list = sidecar_proofs(&n, s, e);

	for (size_t i = 0; i < n; i++) {
		if (list[i].log_key[0] != log)
			continue;
		n_found++;
		if (!text || list[i].text_len != strlen(text) ||
		    memcmp(list[i].text, text, list[i].text_len) != 0)
			test_failed(file, line, "another proof");
	}
	if (n_found != (text != NULL))
		test_failed(file, line, "%zu proofs", n_found);
}

void publisher_encode(struct buf *out, struct publisher *p)
{
	struct wm_error err = { 0 };

	encode_envelopes(out, p->envelopes, p->n_envelopes);
	assert_ok(buf_append(out, p->openings.data, p->openings.len, &err), &err);
}

void publisher_write(struct publisher *p)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);

	publisher_encode(&bytes, p);
	write_bytes(p->sidecar, bytes.data, bytes.len);
}

struct wm_verdict *publisher_verify(const struct publisher *p, bool full)
{
	struct verify_options options = p->options;
	struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	options.keys = p->pinned;
	options.full = full;
	options.workers = 1;
	assert_ok(verdict_reach(&v, p->path, &options, &err), &err);
	return v;
}

/* Those that run where lineage is not asked for. */
static size_t n_checks_run(bool full)
{
	size_t n = 0;

	for (size_t i = 0; i < n_checks; i++)
		n += checks[i].when == CHECK_ALWAYS || (full && checks[i].when == CHECK_FULL);
	return n;
}

void assert_accepted_(const struct publisher *p, bool full, const char *file, int line)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(p, full);
	const struct check_result *decider = verdict_decider(v);

	if (v->decision != WM_ACCEPT)
		test_failed(file, line, "not accepted: %s [%s] %s", decider->name, decider->err.reason,
			    decider->err.message);
	assert_null(decider);
	assert_int_equal(verdict_exit_status(v), 0);
	assert_int_equal(verdict_count(v, OUTCOME_PASSED), n_checks_run(full));
}

void assert_decided_(const struct publisher *p, bool full, enum wm_decision decision,
		     const char *check, const char *reason, const char *file, int line)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(p, full);
	const struct check_result *decider = verdict_decider(v);

	if (!decider)
		test_failed(file, line, "accepted, not refused by %s [%s]", check, reason);
	if (strcmp(decider->name, check) != 0 || strcmp(decider->err.reason, reason) != 0)
		test_failed(file, line, "decided by %s [%s] %s, not by %s [%s]", decider->name,
			    decider->err.reason, decider->err.message, check, reason);
	assert_int_equal(v->decision, decision);
	assert_int_equal(verdict_exit_status(v), decision == WM_REVIEW ? 4 : 1);
}

bool has_note(const struct wm_verdict *v, const char *code)
{
	for (size_t i = 0; i < v->n_notes; i++)
		if (strcmp(v->notes[i].code, code) == 0)
			return true;
	return false;
}
