/* SPDX-License-Identifier: Apache-2.0 */
/* Signing whatever a test wants signed; see publisher.h. */
#include "publisher.h"

#include <stdio.h>

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

void publisher_open(struct publisher *p)
{
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	const struct checkpoint_open_options opening = { NULL };
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
	assert_ok(checkpoint_open(&p->measured, p->path, &opening, &err), &err);
	assert_ok(checkpoint_find_parts(p->measured, &err), &err);
	assert_ok(checkpoint_measure(p->measured, &measuring, &err), &err);
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
	assert_ok(compose_checkpoint(&c, p->measured, &err), &err);
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

void publisher_encode(struct buf *out, struct publisher *p)
{
	struct envelope sorted[ENVELOPES_MAX];
	struct wm_error err = { 0 };

	memcpy(sorted, p->envelopes, sizeof(sorted));
	assert_ok(sidecar_encode(out, sorted, p->n_envelopes, &err), &err);
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
	const struct verify_options options = { .keys = p->pinned, .full = full, .workers = 1 };
	struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	assert_ok(verdict_reach(&v, p->path, &options, &err), &err);
	return v;
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
	assert_int_equal(verdict_count(v, OUTCOME_PASSED), v->n_checks - !full);
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
