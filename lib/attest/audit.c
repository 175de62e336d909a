/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a log from end to end, and holding it against what was seen before. */
#include "attest/audit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/carriers.h"
#include "digest/workers.h"
#include "log/kept.h"
#include "util/limits.h"

void audit_release(struct audit *a)
{
	log_key_free(a->key);
	note_release(&a->note);
	free(a->evidence);
	*a = (struct audit){ .key = NULL };
}

/* --- the log itself ---------------------------------------------------------------------- */

/* An entry whose signature is to be verified. */
struct pending {
	struct envelope envelope; /* in the arena of the batch */
	const struct public_key *key;
	uint64_t position;
};

/* So many signatures, or so many bytes of payload, are verified at once, by all processors. */
enum { PENDING = 2048, PENDING_BYTES = 32 << 20 };

struct reading {
	struct audit *out;
	const struct audit_options *options;
	struct pending *list; /* PENDING of them */
	size_t n;
	struct arena arena;
	_Atomic size_t next; /* in the list, of those that are verified now */
	pthread_mutex_t lock; /* over what follows */
	uint64_t failed_at; /* the lowest position that failed */
	struct wm_error err;
};

static void *verify_some(void *job)
{
	struct reading *r = job;

	for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->n;) {
		const struct pending *p = &r->list[i];
		struct wm_error why = { 0 };

		if (envelope_verify(&p->envelope, p->key, &why) == WM_OK)
			continue;
		pthread_mutex_lock(&r->lock);
		if (r->err.code == WM_OK || p->position < r->failed_at) {
			r->err = why;
			r->failed_at = p->position;
		}
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* Verifies what is pending. */
static enum wm_code verify_pending(struct reading *r, struct wm_error *err)
{
	const unsigned n = workers_default();

	atomic_store(&r->next, 0);
	workers_run(n < MEASURE_WORKERS_MAX ? n : MEASURE_WORKERS_MAX, verify_some, r);
	if (r->err.code != WM_OK)
		return fail_context(fail_again(err, &r->err), err, "%s: entry %llu",
				    r->out->origin, (unsigned long long)r->failed_at);
	r->out->n_verified += r->n;
	r->n = 0;
	arena_release(&r->arena);
	r->arena = (struct arena)ARENA_INIT(LIMIT_DECODE_MEMORY);
	return WM_OK;
}

static enum wm_code copy_envelope(struct envelope *out, struct arena *a, const struct envelope *e,
				  struct wm_error *err)
{
	char *payload, *sig, *keyid;

	TRY(arena_copy(&payload, a, e->payload, e->payload_len, err));
	TRY(arena_copy(&sig, a, e->sig, e->sig_len, err));
	TRY(arena_copy(&keyid, a, e->keyid, strlen(e->keyid), err));
	*out = *e;
	out->payload = (const uint8_t *)payload;
	out->sig = (const uint8_t *)sig;
	out->keyid = keyid;
	return WM_OK;
}

static enum wm_code add_pending(struct reading *r, const struct envelope *e, uint64_t position,
				struct wm_error *err)
{
	const struct public_key *key =
		r->options->keys ? keyring_find(r->options->keys, e->keyid) : NULL;

	if (!key) {
		r->out->n_unverified++;
		return WM_OK;
	}
	TRY(copy_envelope(&r->list[r->n].envelope, &r->arena, e, err));
	r->list[r->n].key = key;
	r->list[r->n].position = position;
	if (++r->n < PENDING && r->arena.used < PENDING_BYTES)
		return WM_OK;
	return verify_pending(r, err);
}

static enum wm_code read_entry(void *context, const struct ledger_entry *e, struct wm_error *err)
{
	return add_pending(context, &e->envelope, e->position, err);
}

static enum wm_code read_published(void *context, const struct envelope *e, uint64_t position,
				   struct wm_error *err)
{
	return add_pending(context, e, position, err);
}

static enum wm_code reading_init(struct reading *r, struct audit *out,
				 const struct audit_options *o, struct wm_error *err)
{
	*r = (struct reading){
		.out = out,
		.options = o,
		.list = calloc(PENDING, sizeof(*r->list)),
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	return r->list ? WM_OK : fail_nomem(err);
}

static void reading_release(struct reading *r)
{
	free(r->list);
	arena_release(&r->arena);
	pthread_mutex_destroy(&r->lock);
}

#define cleanup_reading __attribute__((cleanup(reading_release)))

static enum wm_code count_commit(void *context, const struct ledger_commit *c, struct wm_error *err)
{
	struct reading *r = context;

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
	cleanup_reading struct reading reading = { .n = 0 };
	struct ledger_visitor visitor = { read_entry, count_commit, &reading, NULL, o->progress };

	TRY(reading_init(&reading, out, o, err));
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
	TRY(verify_pending(&reading, err));
	out->note = head.note;
	head.note = (struct note){ .text = NULL };
	return WM_OK;
}

/* --- what other ledgers have ------------------------------------------------------------- */

void audit_trees_release(struct audit_trees *t)
{
	for (size_t i = 0; i < t->n; i++) {
		log_key_free(t->list[i].key);
		note_release(&t->list[i].note);
	}
	free(t->list);
	*t = (struct audit_trees){ .list = NULL };
}

static enum wm_code add_tree(struct audit_trees *t, const struct audit *a, struct index *x,
			     struct wm_error *err)
{
	void *more = reallocarray(t->list, t->n + 1, sizeof(*t->list));
	struct audit_tree *tree;

	if (!more)
		return fail_nomem(err);
	t->list = more;
	tree = &t->list[t->n++];
	*tree = (struct audit_tree){ .index = x };
	TRY(copy_key(&tree->key, a->key, err));
	return note_parse(&tree->note, a->note.text, a->note.len, a->origin, err);
}

static enum wm_code forked(const struct audit *out, const struct evidence *e, struct wm_error *err)
{
	return fail(err, REASON_LOG_FORK,
		    "%s: its key signed two histories, of %llu and %llu entries; evidence: %s",
		    out->origin, (unsigned long long)e->first.head.size,
		    (unsigned long long)e->second.head.size,
		    out->evidence ? out->evidence : "not kept");
}

static enum wm_code fork_found(struct audit *out, const struct buf *evidence,
			       const struct audit_options *o, struct wm_error *err)
{
	cleanup_evidence struct evidence e = { .key = NULL };
	char what[LIMIT_MESSAGE];

	TRY(evidence_check(&e, evidence->data, evidence->len, "evidence", err));
	snprintf(what, sizeof(what), "%s: its key signed two histories, of %llu and %llu entries",
		 out->origin, (unsigned long long)e.first.head.size,
		 (unsigned long long)e.second.head.size);
	return fail_forked(&out->evidence, o->log_state, evidence, what, err);
}

/* Fails with `log-fork` unless the smaller of two trees of one key is how the larger begins. */
static enum wm_code compare_tree(struct audit *out, const struct audit_tree *other,
				 struct index *x, const struct audit_options *o,
				 struct wm_error *err)
{
	const struct tree_head *ours = &out->note.head, *theirs = &other->note.head;
	const struct tree_head *smaller = ours->size < theirs->size ? ours : theirs;
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_tiles struct tiles *tiles = NULL;
	uint8_t root[SHA256_BYTES];

	TRY(index_tiles(&tiles, smaller == ours ? other->index : x, out->origin, err));
	TRY(tiles_root(root, tiles, smaller->size, err));
	if (memcmp(root, smaller->root, SHA256_BYTES) == 0)
		return WM_OK;
	TRY(evidence_encode(&evidence, out->key, &other->note, &out->note, tiles, err));
	return fork_found(out, &evidence, o, err);
}

static enum wm_code compare_trees(struct audit *out, struct index *x,
				  const struct audit_options *o, struct wm_error *err)
{
	if (!o->trees)
		return WM_OK;
	for (size_t i = 0; i < o->trees->n; i++)
		if (log_key_same(o->trees->list[i].key, out->key))
			TRY(compare_tree(out, &o->trees->list[i], x, o, err));
	return add_tree(o->trees, out, x, err);
}

/* --- what was seen before ---------------------------------------------------------------- */

static bool same_head(const struct tree_head *a, const struct tree_head *b)
{
	return a->size == b->size && memcmp(a->root, b->root, SHA256_BYTES) == 0;
}

/*
 * Whether the head is only an older one: it was seen itself, or what was seen since is here too,
 * in a ledger that it was compared with.
 */
static bool is_older(const struct audit *out, const struct log_memory *m,
		     const struct audit_trees *trees)
{
	const struct note *seen;

	for (size_t i = 0; (seen = log_memory_at(m, i)) != NULL; i++)
		if (same_head(&seen->head, &out->note.head))
			return true;
	for (size_t i = 0; trees && i < trees->n; i++)
		if (log_key_same(trees->list[i].key, out->key) &&
		    same_head(&trees->list[i].note.head, &log_memory_head(m)->head))
			return true;
	return false;
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
		return fork_found(out, &evidence, o, err);
	if (out->linkage == LINK_BEHIND && is_older(out, m, o->trees))
		return fail(err, REASON_LOG_BEHIND,
			    "%s: has %llu entries, and had %llu when it was seen: older, and "
			    "consistent with what was seen: pull", out->origin,
			    (unsigned long long)out->note.head.size,
			    (unsigned long long)head->head.size);
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
	return fork_found(out, &evidence, o, err);
}

/* One proof in a sidecar: of this log, of another one, or of what is neither. */
static enum wm_code judge_proof(struct audit *out, const struct proof *proof,
				const struct envelope *e, struct tiles *tiles,
				const struct audit_options *o, const char *path,
				struct wm_error *err)
{
	const bool by_ours = memcmp(proof->log_key, log_key_raw(out->key), LOG_KEY_BYTES) == 0;
	cleanup_log_proof struct log_proof p = { .note = { .text = NULL } };
	uint8_t leaf[SHA256_BYTES];

	TRY(log_proof_parse(&p, proof->text, proof->text_len, path, err));
	if (!by_ours && strcmp(p.note.head.origin, out->origin) != 0) {
		out->n_foreign++;
		return WM_OK;
	}
	if (!by_ours || strcmp(p.note.head.origin, out->origin) != 0)
		return fail(err, REASON_PROOF_MISMATCH,
			    "%s: a proof has the name of the log %s or its key, not both", path,
			    out->origin);
	TRY(entry_leaf(leaf, e, err));
	TRY(log_proof_verify(&p, out->key, leaf, err));
	return compare_proof(out, &p, tiles, o, err);
}

static enum wm_code compare_sidecar(struct audit *out, const char *path, struct tiles *tiles,
				    const struct audit_options *o, struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { .n_envelopes = 0 };

	TRY(carrier_load(&s, path, err));
	for (size_t i = 0; i < s.n_envelopes; i++) {
		size_t n;
		const struct proof *list = sidecar_proofs(&n, &s, &s.envelopes[i]);

		for (size_t j = 0; j < n; j++)
			TRY(judge_proof(out, &list[j], &s.envelopes[i], tiles, o, path, err));
	}
	return WM_OK;
}

/* A log that forked once is found out whichever of its histories is here. */
static enum wm_code check_kept(struct audit *out, const struct audit_options *o,
			       struct wm_error *err)
{
	cleanup_evidence struct evidence e = { .key = NULL };

	if (!o->log_state)
		return WM_OK;
	TRY(evidence_find(&out->evidence, &e, o->log_state, out->key, err));
	return out->evidence ? forked(out, &e, err) : WM_OK;
}

/* Holds a history, read whole, against what was seen before. */
static enum wm_code compare_history(struct audit *out, struct tiles *tiles,
				    const struct audit_options *o, struct wm_error *err)
{
	TRY(check_kept(out, o, err));
	for (size_t i = 0; i < o->n_sidecars; i++)
		TRY(compare_sidecar(out, o->sidecars[i], tiles, o, err));
	return compare_memory(out, tiles, o, err);
}

enum wm_code audit_site(struct audit *out, const struct site *site, const char *origin,
			const struct audit_options *options, struct wm_error *err)
{
	cleanup_site_audit struct site_audit a = { .key = NULL };
	cleanup_reading struct reading reading = { .n = 0 };
	const struct site_visitor visitor = { read_published, &reading };
	cleanup_tiles struct tiles *tiles = NULL;
	struct site_tiles source = { .site = site };

	TRY(reading_init(&reading, out, options, err));
	TRY(site_audit(&a, site, options->log_keys, &visitor, options->progress, err));
	TRY(verify_pending(&reading, err));
	if (origin && strcmp(origin, a.note.head.origin) != 0)
		return fail(err, REASON_ORIGIN_UNKNOWN, "%s: is the log %s", site->name,
			    a.note.head.origin);
	snprintf(out->origin, sizeof(out->origin), "%s", a.note.head.origin);
	out->key = take_ptr(&a.key);
	out->pinned = a.pinned;
	out->note = a.note;
	a.note = (struct note){ .text = NULL };
	out->n_withheld = a.n_withheld;
	source.size = out->note.head.size;
	TRY(tiles_new(&tiles, site_tile, &source, err));
	return compare_history(out, tiles, options, err);
}

enum wm_code audit_missing(const struct audit_options *o,
			   bool (*present)(const void *context, const char *origin),
			   const void *context, struct wm_error *err)
{
	for (size_t i = 0; o->log_state && o->log_keys && i < o->log_keys->n; i++) {
		const struct log_key *key = o->log_keys->list[i];
		cleanup_log_memory struct log_memory *m = NULL;
		const struct note *head;

		if (present(context, log_key_origin(key)))
			continue;
		TRY(log_memory_load(&m, o->log_state, key, err));
		head = log_memory_head(m);
		if (head)
			return fail(err, REASON_LOG_BEHIND,
				    "%s: is in none of these ledgers, and had %llu entries when it "
				    "was seen; --origin NAME audits others alone",
				    log_key_origin(key), (unsigned long long)head->head.size);
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
	TRY(compare_trees(out, x, options, err));
	return compare_history(out, tiles, options, err);
}
