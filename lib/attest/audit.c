/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a log from end to end, and holding it against what was seen before. */
#include "attest/audit.h"

#include <stdio.h>
#include <string.h>

#include "attest/carriers.h"
#include "log/evidence.h"
#include "util/limits.h"

void audit_release(struct audit *a)
{
	log_key_free(a->key);
	note_release(&a->note);
	free(a->evidence);
	*a = (struct audit){ .key = NULL };
}

/* --- the log itself ---------------------------------------------------------------------- */

struct reading {
	struct audit *out;
	const struct audit_options *options;
};

static enum wm_code read_entry(void *context, const struct ledger_entry *e, struct wm_error *err)
{
	const struct reading *r = context;
	const struct public_key *key =
		r->options->keys ? keyring_find(r->options->keys, e->envelope.keyid) : NULL;
	enum wm_code code;

	if (!key) {
		r->out->n_unverified++;
		return WM_OK;
	}
	code = envelope_verify(&e->envelope, key, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s: entry %llu", r->out->origin,
				    (unsigned long long)e->position);
	r->out->n_verified++;
	return WM_OK;
}

static enum wm_code count_commit(void *context, const struct ledger_commit *c, struct wm_error *err)
{
	const struct reading *r = context;

	(void)c;
	(void)err;
	r->out->n_commits++;
	return WM_OK;
}

static enum wm_code copy_key(struct log_key **out, const struct log_key *key, struct wm_error *err)
{
	return log_key_new(out, log_key_origin(key), log_key_raw(key), err);
}

static enum wm_code read_log(struct audit *out, const struct ledger *l,
			     const struct audit_options *o, struct wm_error *err)
{
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	const struct log_key *pinned = NULL;
	struct reading reading = { out, o };
	struct ledger_visitor visitor = { read_entry, count_commit, &reading, NULL, o->progress };

	TRY(ledger_head(&head, l, out->origin, err));
	if (o->log_keys)
		pinned = log_keys_find(o->log_keys, out->origin, log_key_raw(head.key));
	if (!pinned && o->log_keys && log_keys_know(o->log_keys, out->origin))
		return fail(err, REASON_NOTE_SIGNATURE,
			    "%s: is signed by another key than the one that is pinned for it",
			    out->origin);
	out->pinned = pinned != NULL;
	TRY(copy_key(&out->key, head.key, err));
	visitor.key = out->key;
	TRY(ledger_walk(l, out->origin, &head, NULL, &visitor, err));
	out->note = head.note;
	head.note = (struct note){ .text = NULL };
	return WM_OK;
}

/* --- what was seen before ---------------------------------------------------------------- */

static enum wm_code fork_found(struct audit *out, const struct buf *evidence,
			       const struct audit_options *o, uint64_t size, struct wm_error *err)
{
	if (o->log_state)
		TRY(evidence_store(&out->evidence, o->log_state, evidence, err));
	return fail(err, REASON_LOG_FORK,
		    "%s: signed two histories, seen at size %llu and here at %llu; evidence: %s",
		    out->origin, (unsigned long long)size, (unsigned long long)out->note.head.size,
		    out->evidence ? out->evidence : "none");
}

static enum wm_code behind(const struct audit *out, uint64_t size, struct wm_error *err)
{
	return fail(err, REASON_LOG_BEHIND, "%s: has %llu entries, and had %llu when it was seen",
		    out->origin, (unsigned long long)out->note.head.size, (unsigned long long)size);
}

static enum wm_code compare_memory(struct audit *out, struct tiles *tiles,
				   const struct audit_options *o, struct wm_error *err)
{
	cleanup_log_memory struct log_memory *m = NULL;
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	const struct note *head;

	if (!o->log_state || !out->pinned)
		return WM_OK;
	TRY(log_memory_load(&m, o->log_state, out->key, err));
	TRY(log_memory_compare(&out->linkage, m, &out->note, tiles, out->note.head.size, &evidence,
			       err));
	head = log_memory_head(m);
	if (out->linkage == LINK_FORK)
		return fork_found(out, &evidence, o, head ? head->head.size : 0, err);
	if (out->linkage == LINK_BEHIND)
		return behind(out, head->head.size, err);
	TRY(log_memory_add(m, &out->note, out->linkage != LINK_UNLINKED, err));
	TRY(log_memory_store(m, err));
	out->remembered = true;
	return WM_OK;
}

/* Whether the head that a proof leads to is one of this history. */
static enum wm_code compare_proof(struct audit *out, const struct log_proof *p, struct tiles *tiles,
				  const struct audit_options *o, struct wm_error *err)
{
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	const struct tree_head *head = &p->note.head;
	uint8_t root[SHA256_BYTES];

	if (head->size > out->note.head.size)
		return behind(out, head->size, err);
	TRY(tiles_root(root, tiles, head->size, err));
	if (memcmp(root, head->root, SHA256_BYTES) == 0) {
		out->n_proofs++;
		return WM_OK;
	}
	TRY(evidence_encode(&evidence, out->key, &p->note, &out->note, tiles, err));
	return fork_found(out, &evidence, o, head->size, err);
}

static enum wm_code compare_sidecar(struct audit *out, const char *path, struct tiles *tiles,
				    const struct audit_options *o, struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { .n_envelopes = 0 };

	TRY(carrier_load(&s, path, err));
	for (size_t i = 0; i < s.n_envelopes; i++) {
		size_t n;
		const struct proof *list = sidecar_proofs(&n, &s, &s.envelopes[i]);

		for (size_t j = 0; j < n; j++) {
			cleanup_log_proof struct log_proof p = { .note = { .text = NULL } };
			uint8_t leaf[SHA256_BYTES];

			if (memcmp(list[j].log_key, log_key_raw(out->key), LOG_KEY_BYTES) != 0)
				continue;
			TRY(log_proof_parse(&p, list[j].text, list[j].text_len, path, err));
			if (strcmp(p.note.head.origin, out->origin) != 0)
				continue;
			TRY(entry_leaf(leaf, &s.envelopes[i], err));
			TRY(log_proof_verify(&p, out->key, leaf, err));
			TRY(compare_proof(out, &p, tiles, o, err));
		}
	}
	return WM_OK;
}

enum wm_code audit_log(struct audit *out, struct ledger *l, struct index *x, const char *origin,
		       const struct audit_options *options, struct wm_error *err)
{
	cleanup_tiles struct tiles *tiles = NULL;
	uint8_t root[SHA256_BYTES];

	snprintf(out->origin, sizeof(out->origin), "%s", origin);
	TRY(read_log(out, l, options, err));
	TRY(index_sync(x, origin, NULL, NULL, err));
	TRY(index_tiles(&tiles, x, origin, err));
	TRY(tiles_root(root, tiles, out->note.head.size, err));
	if (memcmp(root, out->note.head.root, SHA256_BYTES) != 0)
		return fail(err, REASON_INDEX_STALE,
			    "the index of %s does not give the root that the log signed", origin);
	for (size_t i = 0; i < options->n_sidecars; i++)
		TRY(compare_sidecar(out, options->sidecars[i], tiles, options, err));
	return compare_memory(out, tiles, options, err);
}
