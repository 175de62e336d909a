/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark dataset prove` and `check`: that a record is in a dataset, or is not. */
#include <string.h>
#include <unistd.h>

#include "data/membership.h"
#include "data/records_read.h"
#include "dataset.h"
#include "keys.h"
#include "output.h"
#include "util/hex.h"

/* --- prove ------------------------------------------------------------------------------- */

/* The digest of the one record that the call names. */
static enum wm_code named_record(uint8_t out[SHA256_BYTES], const struct options *o,
				 struct wm_error *err)
{
	const char *path = options_nth(o, "record", 0);

	if (!path || options_nth(o, "record", 1))
		return fail(err, REASON_USAGE, "name one record with --record FILE");
	return record_digest(out, path, err);
}

static enum wm_code print_proof(const struct membership *m, const char *path,
				const struct buf *proof, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	if (!path) {
		print_text(buf_str(proof));
		return WM_OK;
	}
	if (!output_is_json()) {
		print(m->absent ? "%s: says that the record is not among the %llu of %s; an "
				  "auditor who holds the key can check it\n" :
				  "%s: proves that the record is among the %llu of %s\n",
		      path, (unsigned long long)m->size, m->dataset);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "proof", path, err));
	TRY(node_set_bool(t.root, &t, "member", !m->absent, err));
	TRY(node_set_text(t.root, &t, "dataset", m->dataset, err));
	TRY(node_set_integer(t.root, &t, "index", m->at[0].path.index, err));
	TRY(node_set_integer(t.root, &t, "bytes", proof->len, err));
	print_json(t.root);
	return WM_OK;
}

enum wm_code dataset_prove_run(struct call *call, struct wm_error *err)
{
	cleanup_buf struct buf proof = BUF_INIT(LIMIT_RECORD_PROOF);
	const char *path = options_get(&call->options, "out");
	cleanup_opened struct opened o = { .commitments = NULL };
	uint8_t digest[SHA256_BYTES];
	struct membership m;

	TRY(named_record(digest, &call->options, err));
	TRY(open_dataset(&o, call, err));
	TRY(opened_prove(&m, &o, digest, options_has(&call->options, "absent"), err));
	TRY(membership_encode(&proof, &m, err));
	if (path)
		TRY(file_write_kind(path, proof.data, proof.len, 0644,
				    "{\"_type\":\"urn:weightmark:record-", err));
	return print_proof(&m, path, &proof, err);
}

/* --- check ------------------------------------------------------------------------------- */

/* What a proof is checked against, and who signed that. */
struct against {
	struct dataset dataset;
	struct public_key *key;
	uint8_t root[SHA256_BYTES];
	uint64_t size; /* 0: not known */
};

static void against_release(struct against *a)
{
	public_key_free(a->key);
	dataset_release(&a->dataset);
}
#define cleanup_against __attribute__((cleanup(against_release)))

static enum wm_code load_public(struct public_key **out, struct call *call, struct wm_error *err)
{
	struct setting_value keys;
	const char *path = options_get(&call->options, "key");

	TRY(settings_find(&keys, &call->settings, NULL, "public-key", err));
	if (!path && keys.n != 1)
		return fail(err, REASON_NO_KEY, "give the steward's public key with --key FILE");
	return public_key_load(out, path ? path : keys.values[0], err);
}

static enum wm_code find_root(struct against *a, const struct membership *m, struct call *call,
			      struct wm_error *err)
{
	const char *root = options_get(&call->options, "root"), *path = NULL;
	const Weightmark__V1__Dataset *d;

	if (!root == !options_has(&call->options, "dataset"))
		return fail(err, REASON_USAGE,
			    "check against one of --dataset NAME.wmk with --key FILE, and "
			    "--root HEX");
	if (root) {
		if (strlen(root) != (size_t)2 * SHA256_BYTES ||
		    !hex_decode(a->root, root, strlen(root)))
			return fail(err, REASON_USAGE, "--root is %d hexadecimal digits",
				    2 * SHA256_BYTES);
		return WM_OK;
	}
	TRY(need_dataset(&path, call, err));
	TRY(load_public(&a->key, call, err));
	TRY(dataset_load(&a->dataset, path, m->statement, a->key, err));
	d = a->dataset.message;
	memcpy(a->root, d->record_commitment_root->sha256.data, SHA256_BYTES);
	a->size = d->distinct_count;
	if (strcmp(m->dataset, a->dataset.statement->header->object->text) != 0)
		return fail(err, REASON_RECORD_PROOF_MISMATCH,
			    "the proof names %.128s, and its statement %.128s", m->dataset,
			    a->dataset.statement->header->object->text);
	return WM_OK;
}

/* The key for a record that is absent: it must be the one that the statement names. */
static enum wm_code find_commitment_key(struct record_key *out, const struct against *a,
					struct call *call, struct wm_error *err)
{
	const char *path = options_get(&call->options, "commitment-key");

	if (!path || !a->dataset.message)
		return fail(err, REASON_USAGE,
			    "that a record is absent is checked with --dataset, --key and "
			    "--commitment-key");
	TRY(protect_secrets(err));
	TRY(record_key_load(out, path, err));
	if (memcmp(out->id, a->dataset.message->commitment_key_id->sha256.data, SHA256_BYTES) != 0)
		return fail(err, REASON_COMMITMENT_KEY_MISMATCH,
			    "%s: is not the key that the statement names", path);
	return WM_OK;
}

static bool is_superseded(const struct against *a)
{
	return a->dataset.statement &&
	       a->dataset.statement->header->sequence < a->dataset.newest;
}

static enum wm_code print_checked(const struct membership *m, const struct against *a,
				  bool compared, struct wm_error *err)
{
	const char *issuer = a->dataset.statement ? a->dataset.statement->header->issuer : NULL;
	cleanup_tree struct tree t = TREE_INIT;
	char id[STATEMENT_ID_TEXT + 1];

	statement_id_text(id, m->statement);
	if (is_superseded(a))
		warning("a newer statement corrects the one that the proof names: ask for a proof "
			"against that one");
	if (!output_is_json()) {
		print("the %s is %s the %llu of root ", compared ? "record" : "proof's record",
		      m->absent ? "not among" : "among", (unsigned long long)m->size);
		for (size_t i = 0; i < SHA256_BYTES; i++)
			print("%02x", a->root[i]);
		print("\n  dataset   %s  %s\n", m->dataset, id);
		if (issuer)
			print("  asserted  by %s, key %s\n", issuer, public_key_id(a->key));
		else
			print("  asserted  by nobody here: the root was given\n");
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "member", !m->absent, err));
	TRY(node_set_bool(t.root, &t, "record_compared", compared, err));
	TRY(node_set_shown(t.root, &t, "dataset", m->dataset, err));
	TRY(node_set_text(t.root, &t, "statement", id, err));
	TRY(node_set_hex(t.root, &t, "root", a->root, SHA256_BYTES, err));
	TRY(node_set_integer(t.root, &t, "size", m->size, err));
	TRY(node_set_bool(t.root, &t, "superseded", is_superseded(a), err));
	if (issuer) {
		TRY(node_set_shown(t.root, &t, "issuer", issuer, err));
		TRY(node_set_text(t.root, &t, "keyid", public_key_id(a->key), err));
	}
	print_json(t.root);
	return WM_OK;
}

enum wm_code dataset_check_run(struct call *call, struct wm_error *err)
{
	const char *path = call->options.operands[0];
	bool compare = options_has(&call->options, "record");
	cleanup_record_key struct record_key key = { .id = { 0 } };
	cleanup_against struct against a = { .size = 0 };
	cleanup_buf struct buf proof = BUF_INIT(LIMIT_RECORD_PROOF + 1);
	uint8_t digest[SHA256_BYTES];
	struct membership m;

	TRY(file_read_input(&proof, path, REASON_RECORD_PROOF_MALFORMED, err));
	TRY(membership_parse(&m, proof.data, proof.len, path, err));
	TRY(find_root(&a, &m, call, err));
	if (m.absent)
		TRY(find_commitment_key(&key, &a, call, err));
	TRY(membership_verify(&m, a.root, a.size, m.absent ? &key : NULL, err));
	if (compare) {
		TRY(named_record(digest, &call->options, err));
		if (memcmp(digest, m.digest, SHA256_BYTES) != 0)
			return fail(err, REASON_RECORD_MISMATCH,
				    "%s: is another record than the proof is about",
				    options_nth(&call->options, "record", 0));
	}
	return print_checked(&m, &a, compare, err);
}
