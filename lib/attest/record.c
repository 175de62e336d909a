/* SPDX-License-Identifier: Apache-2.0 */
/* From sidecars to entries, and from entries to proofs in sidecars. */
#include "attest/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attest/carriers.h"
#include "attest/chain.h"
#include "index/index.h"
#include "ledger/append.h"
#include "log/origin.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"

void recording_release(struct recording *r)
{
	log_key_free(r->key);
	r->key = NULL;
}

/* Everything that is open while recording. */
struct session {
	const struct record_options *options;
	struct sidecar *sidecars;
	size_t n;
	struct envelope *fresh; /* borrowed envelopes that are to be appended */
	size_t n_fresh;
	struct ledger *ledger;
	struct ledger_writer *writer;
	struct index *index;
};

static void session_release(struct session *s)
{
	for (size_t i = 0; i < s->n; i++)
		sidecar_release(&s->sidecars[i]);
	free(s->sidecars);
	free(s->fresh);
	ledger_writer_close(s->writer);
	index_close(s->index);
	ledger_close(s->ledger);
}

/* --- reading ----------------------------------------------------------------------------- */

static enum wm_code check_envelope(const struct envelope *e, const struct keyring *keys,
				   const char *path, struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	const struct public_key *key;

	if (keys) {
		key = keyring_find(keys, e->keyid);
		if (!key)
			return fail(err, REASON_KEY_UNTRUSTED, "%s: signed by key %s", path,
				    e->keyid);
		TRY(envelope_verify(e, key, err));
	}
	return statement_decode(&s, e->payload, e->payload_len, path, err);
}

static enum wm_code load(struct session *s, const char *const *paths, size_t n,
			 struct wm_error *err)
{
	size_t n_envelopes = 0;

	s->sidecars = calloc(n + 1, sizeof(*s->sidecars));
	if (!s->sidecars)
		return fail_nomem(err);
	for (; s->n < n; s->n++) {
		const struct sidecar *read = &s->sidecars[s->n];

		TRY(carrier_load(&s->sidecars[s->n], paths[s->n], err));
		for (size_t i = 0; i < read->n_envelopes; i++)
			TRY(check_envelope(&read->envelopes[i], s->options->keys, paths[s->n],
					   err));
		n_envelopes += read->n_envelopes;
	}
	s->fresh = calloc(n_envelopes + 1, sizeof(*s->fresh));
	return s->fresh ? WM_OK : fail_nomem(err);
}

/* --- choosing the log -------------------------------------------------------------------- */

enum wm_code record_choose_origin(char out[LIMIT_ORIGIN + 1], const struct ledger *l,
				  const char *wanted, struct wm_error *err)
{
	cleanup_origins char **list = NULL;
	const char *only = NULL;

	if (wanted) {
		TRY(origin_check(wanted, err));
		snprintf(out, LIMIT_ORIGIN + 1, "%s", wanted);
		return WM_OK;
	}
	TRY(ledger_origins(&list, l, err));
	for (char **o = list; *o; o++) {
		if (!ledger_is_writer(l, *o))
			continue;
		if (only)
			return fail(err, REASON_USAGE,
				    "%s: has the logs %s and %s, and more may be: name one with "
				    "--origin",
				    ledger_path(l), only, *o);
		only = *o;
	}
	if (!only && *list)
		return fail(err, REASON_NOT_WRITER, "%s: this copy has key and state of no log",
			    ledger_path(l));
	if (!only)
		return fail(err, REASON_ORIGIN_UNKNOWN, "%s: has no log", ledger_path(l));
	snprintf(out, LIMIT_ORIGIN + 1, "%s", only);
	return WM_OK;
}

static enum wm_code check_writable(const struct ledger *l, struct wm_error *err)
{
	static const char *const names[] = { "objects", "refs/heads" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);

		TRY(buf_printf(&path, err, "%s%s", ledger_directory(l), names[i]));
		if (access(buf_str(&path), W_OK) != 0 && errno != ENOENT)
			return fail(err, REASON_WRITE_FAILED, "%s: %s", buf_str(&path),
				    strerror(errno));
	}
	return WM_OK;
}

enum wm_code record_check(struct recording *out, const struct record_options *options,
			  bool complete, struct wm_error *err)
{
	cleanup_ledger struct ledger *l = NULL;
	cleanup_ledger_writer struct ledger_writer *w = NULL;
	cleanup_ledger_head struct ledger_head head = { .key = NULL };

	TRY(ledger_open(&l, options->ledger, err));
	out->ledger = options->ledger;
	TRY(record_choose_origin(out->origin, l, options->origin, err));
	/* Whoever is no writer hears so from it, and it changes nothing then. */
	if (complete || !ledger_is_writer(l, out->origin)) {
		TRY(ledger_writer_open(&w, l, out->origin, err));
		out->size = ledger_writer_head(w)->note.head.size;
	} else {
		TRY(ledger_head(&head, l, out->origin, err));
		out->size = head.note.head.size;
	}
	return check_writable(l, err);
}

static enum wm_code open_log(struct recording *out, struct session *s, struct wm_error *err)
{
	TRY(ledger_open(&s->ledger, s->options->ledger, err));
	out->ledger = s->options->ledger;
	TRY(record_choose_origin(out->origin, s->ledger, s->options->origin, err));
	TRY(ledger_writer_open(&s->writer, s->ledger, out->origin, err));
	TRY(index_open(&s->index, s->ledger, s->options->index, err));
	return index_sync(s->index, out->origin, &out->rewritten, s->options->progress, err);
}

/* --- appending --------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return envelope_compare(a, b);
}

static enum wm_code find_entry(struct indexed *out, bool *found, struct session *s,
			       const char *origin, const struct envelope *e, struct wm_error *err)
{
	uint8_t keyid[KEYID_BYTES];

	if (!hex_decode(keyid, e->keyid, KEYID_HEX))
		return fail(err, REASON_INTERNAL, "a keyid that was checked is none");
	return index_find_entry(out, found, s->index, origin, e->statement, keyid, err);
}

/*
 * Lists what is no entry yet, each once: of one sidecar in its order, of several in that of
 * envelope_compare().
 */
static enum wm_code list_fresh(struct recording *out, struct session *s, struct wm_error *err)
{
	cleanup_free struct envelope *seen = NULL;
	size_t n_seen = 0, n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->sidecars[i].n_envelopes;
	seen = calloc(n + 1, sizeof(*seen));
	if (!seen)
		return fail_nomem(err);
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < s->sidecars[i].n_envelopes; j++)
			seen[n_seen++] = s->sidecars[i].envelopes[j];
	/* One sidecar has each envelope once; of several, sorting brings equal ones together. */
	if (s->n > 1)
		qsort(seen, n_seen, sizeof(*seen), compare);
	for (size_t i = 0; i < n_seen; i++) {
		struct indexed at;
		bool found;

		if (i > 0 && envelope_compare(&seen[i - 1], &seen[i]) == 0)
			continue;
		TRY(find_entry(&at, &found, s, out->origin, &seen[i], err));
		if (found)
			out->n_present++;
		else
			s->fresh[s->n_fresh++] = seen[i];
	}
	return WM_OK;
}

/* What is appended, and what decides on its place. */
struct ordered {
	struct envelope envelope;
	uint8_t object[SHA256_BYTES]; /* digest of its id */
	uint64_t sequence;
	size_t place;
};

static int by_place(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	const int order = memcmp(x->object, y->object, SHA256_BYTES);

	return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int by_sequence(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	const int order = memcmp(x->object, y->object, SHA256_BYTES);

	if (order || x->sequence == y->sequence)
		return order ? order : by_place(a, b);
	return x->sequence < y->sequence ? -1 : 1;
}

static enum wm_code read_order(struct ordered *out, const struct envelope *e, size_t place,
			       struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	const char *object;

	TRY(statement_decode(&s, e->payload, e->payload_len, "payload", err));
	object = s->header->object->text;
	*out = (struct ordered){ .envelope = *e, .sequence = s->header->sequence, .place = place };
	return sha256_of(out->object, object, strlen(object), err);
}

/* A correction comes after what it corrects; all else stays in its place. */
static enum wm_code put_in_order(struct session *s, struct wm_error *err)
{
	cleanup_free struct ordered *wanted = calloc(s->n_fresh + 1, sizeof(*wanted));
	cleanup_free struct ordered *places = calloc(s->n_fresh + 1, sizeof(*places));

	if (!wanted || !places)
		return fail_nomem(err);
	for (size_t i = 0; i < s->n_fresh; i++)
		TRY(read_order(&wanted[i], &s->fresh[i], i, err));
	memcpy(places, wanted, s->n_fresh * sizeof(*places));
	qsort(wanted, s->n_fresh, sizeof(*wanted), by_sequence);
	qsort(places, s->n_fresh, sizeof(*places), by_place);
	for (size_t i = 0; i < s->n_fresh; i++)
		s->fresh[places[i].place] = wanted[i].envelope;
	return WM_OK;
}

static enum wm_code append_fresh(struct recording *out, struct session *s, struct wm_error *err)
{
	const struct ledger_head *head;
	uint8_t raw[LOG_KEY_BYTES];
	bool rewritten = false;
	enum wm_code code;

	TRY(list_fresh(out, s, err));
	if (s->n_fresh > 1)
		TRY(put_in_order(s, err));
	if (s->n_fresh > 0)
		TRY(ledger_append(s->writer, s->fresh, s->n_fresh, err));
	out->n_appended = s->n_fresh;
	head = ledger_writer_head(s->writer);
	memcpy(raw, log_key_raw(head->key), LOG_KEY_BYTES);
	TRY(log_key_new(&out->key, out->origin, raw, err));
	out->size = head->note.head.size;
	memcpy(out->root, head->note.head.root, SHA256_BYTES);
	code = index_sync(s->index, out->origin, &rewritten, NULL, err);
	out->rewritten |= rewritten;
	return code;
}

/* --- proofs ------------------------------------------------------------------------------ */

/* What all proofs of one recording lead to. */
struct proving {
	struct session *session;
	const struct recording *recording;
	const struct note *note;
	struct tiles *tiles;
	struct arena *arena;
};

/* An entry of the same statement and key may have another signature: then there is no proof of `e`.
 */
static enum wm_code make_proof(struct proof *out, bool *made, struct proving *p,
			       const struct envelope *e, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PROOF);
	uint8_t root[SHA256_BYTES], leaf[SHA256_BYTES];
	struct inclusion inclusion;
	struct indexed at;
	char *copy;
	bool found;

	TRY(find_entry(&at, &found, p->session, p->recording->origin, e, err));
	if (!found)
		return fail(err, REASON_INTERNAL, "what was appended is not in the index");
	TRY(entry_leaf(leaf, e, err));
	*made = memcmp(leaf, at.leaf, SHA256_BYTES) == 0;
	if (!*made)
		return WM_OK;
	TRY(tiles_inclusion(&inclusion, p->tiles, at.position, p->recording->size, err));
	if (!inclusion_root(root, &inclusion, at.leaf, p->recording->size) ||
	    memcmp(root, p->recording->root, SHA256_BYTES) != 0)
		return fail(err, REASON_INDEX_STALE,
			    "the index of %s does not lead to the root that the log signed",
			    p->recording->origin);
	TRY(log_proof_encode(&text, &inclusion, p->note->text, p->note->len, err));
	TRY(arena_copy(&copy, p->arena, text.data, text.len, err));
	memcpy(out->statement, e->statement, SHA256_BYTES);
	out->keyid = e->keyid;
	out->log_key = log_key_raw(p->recording->key);
	out->text = (const uint8_t *)copy;
	out->text_len = text.len;
	return WM_OK;
}

/*
 * Whether the sidecar has a proof of `e` by this log, for this very signature. The note is that of
 * an earlier time then, and as good.
 */
static bool has_proof(const struct sidecar *s, const struct envelope *e, const struct log_key *key)
{
	size_t n;
	const struct proof *list = sidecar_proofs(&n, s, e);
	const size_t len = strlen(log_key_origin(key));

	for (size_t i = 0; i < n; i++) {
		cleanup_log_proof struct log_proof read = { .note = { .text = NULL } };
		uint8_t leaf[SHA256_BYTES];

		if (memcmp(list[i].log_key, log_key_raw(key), LOG_KEY_BYTES) == 0 &&
		    log_proof_parse(&read, list[i].text, list[i].text_len, "", NULL) == WM_OK &&
		    strncmp(read.note.head.origin, log_key_origin(key), len + 1) == 0 &&
		    entry_leaf(leaf, e, NULL) == WM_OK &&
		    log_proof_verify(&read, key, leaf, NULL) == WM_OK)
			return true;
	}
	return false;
}

static enum wm_code add_proofs(struct recording *out, struct proving *p, const struct sidecar *s,
			       const char *path, struct wm_error *err)
{
	cleanup_free struct proof *list = calloc(s->n_envelopes + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < s->n_envelopes; i++)
		if (!has_proof(s, &s->envelopes[i], out->key)) {
			bool made;

			TRY(make_proof(&list[n], &made, p, &s->envelopes[i], err));
			n += made;
		}
	if (n == 0)
		return WM_OK;
	TRY(sidecar_extend(path, s, &(struct sidecar){ .proofs = list, .n_proofs = n }, err));
	out->n_updated++;
	return WM_OK;
}

static enum wm_code prove_all(struct recording *out, struct session *s, const char *const *paths,
			      struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_tiles struct tiles *tiles = NULL;
	struct proving p = { s, out, &ledger_writer_head(s->writer)->note, NULL, &a };

	TRY(index_tiles(&tiles, s->index, out->origin, err));
	p.tiles = tiles;
	for (size_t i = 0; i < s->n; i++)
		TRY(add_proofs(out, &p, &s->sidecars[i], paths[i], err));
	return WM_OK;
}

enum wm_code record_sidecars(struct recording *out, const char *const *paths, size_t n,
			     const struct record_options *options, struct wm_error *err)
{
	__attribute__((cleanup(session_release))) struct session s = { .options = options };

	TRY(load(&s, paths, n, err));
	TRY(open_log(out, &s, err));
	TRY(append_fresh(out, &s, err));
	return options->no_proofs ? WM_OK : prove_all(out, &s, paths, err);
}

enum wm_code record_envelopes(struct recording *out, struct envelope *list, size_t n,
			      const struct record_options *options, struct wm_error *err)
{
	__attribute__((cleanup(session_release))) struct session s = { .options = options };

	s.sidecars = calloc(1, sizeof(*s.sidecars));
	s.fresh = calloc(n + 1, sizeof(*s.fresh));
	if (!s.sidecars || !s.fresh)
		return fail_nomem(err);
	s.sidecars[s.n++] = (struct sidecar){ .envelopes = list, .n_envelopes = n };
	TRY(open_log(out, &s, err));
	return append_fresh(out, &s, err);
}
