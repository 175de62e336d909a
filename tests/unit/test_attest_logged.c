/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/logged.c: proofs of inclusion that carriers hold, and heads that are remembered. */
#include "publisher.h"

#include <stdio.h>
#include <unistd.h>

#include "attest/chain.h"
#include "attest/logged.h"
#include "log/entry.h"
#include "log/evidence.h"
#include "logs.h"
#include "made.h"
#include "report/verdict_report.h"
#include "util/file.h"
#include "util/limits.h"
#include "weightmark.h"

#define ORIGIN "log.example/a"

enum { SIZE = 7, LARGER = 12, AT = 3, FORK = 2 };

static struct publisher p;
static struct made_log own;	 /* pinned */
static struct made_tree tree, other_tree; /* two histories, both with the statements */
static struct log_keys pinned;
static char *state_path;

static void record(struct made_tree *t, uint64_t index, const struct envelope *e)
{
	struct wm_error err = { 0 };

	assert_ok(entry_leaf(t->hashes[0][index], e, &err), &err);
}

static void pin_log(const struct made_log *log)
{
	struct log_key *key = NULL;
	struct wm_error err = { 0 };

	assert_ok(log_key_new(&key, log->origin, log_key_raw(log->key), &err), &err);
	assert_ok(log_keys_add(&pinned, key, &err), &err);
}

static int open_logs(void **state)
{
	(void)state;
	publisher_open(&p);
	publisher_make(&p, NULL);
	publisher_write(&p);
	made_log_init(&own, ORIGIN);
	made_tree_init(&tree, LARGER, LARGER);
	made_tree_init(&other_tree, LARGER, FORK);
	for (int i = 0; i < N_MADE; i++) {
		record(&tree, AT + (uint64_t)i, &p.envelopes[i]);
		record(&other_tree, AT + (uint64_t)i, &p.envelopes[i]);
	}
	pinned = (struct log_keys)LOG_KEYS_INIT;
	pin_log(&own);
	assert_true(asprintf(&state_path, "%s/state/logs", p.dir) > 0);
	p.options.log_keys = &pinned;
	p.options.log_state = state_path;
	return 0;
}

static int close_logs(void **state)
{
	(void)state;
	free(state_path);
	log_keys_release(&pinned);
	made_tree_release(&tree);
	made_tree_release(&other_tree);
	made_log_release(&own);
	publisher_close(&p);
	return 0;
}

/* --- making proofs --------------------------------------------------------------------- */

/* The proof that entry `index` is in the first `size` of `t`. */
static void make_proof(struct buf *out, const struct made_log *log, const struct made_tree *t,
		       uint64_t index, uint64_t size)
{
	cleanup_note struct note note = { 0 };
	struct inclusion inclusion = { 0 };
	struct wm_error err = { 0 };

	made_note(&note, log, t, size);
	naive_inclusion(&inclusion, made_leaves(t), index, size);
	assert_ok(log_proof_encode(out, &inclusion, note.text, note.len, &err), &err);
}

/* Carries the text as the proof of `e` by the log whose key has these bytes. */
static void carry(const struct envelope *e, const uint8_t raw[LOG_KEY_BYTES],
		  const struct buf *text)
{
	struct proof proof = { .keyid = e->keyid, .log_key = raw, .text = text->data,
			       .text_len = text->len };
	cleanup_sidecar struct sidecar present = { 0 };
	struct wm_error err = { 0 };

	memcpy(proof.statement, e->statement, SHA256_BYTES);
	assert_ok(carrier_load(&present, p.sidecar, &err), &err);
	assert_ok(sidecar_extend(p.sidecar, &present,
				 &(struct sidecar){ .proofs = &proof, .n_proofs = 1 }, &err),
		  &err);
}

static void prove(const struct made_log *log, const struct made_tree *t, int which, uint64_t size)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PROOF);

	make_proof(&text, log, t, AT + (uint64_t)which, size);
	carry(&p.envelopes[which], log_key_raw(log->key), &text);
}

/* The only proof that the sidecar carries from now on. */
static void prove_alone(const struct made_log *log, const struct made_tree *t, uint64_t size)
{
	publisher_write(&p);
	prove(log, t, MANIFEST, size);
}

/* --- what is said of logs -------------------------------------------------------------- */

static const struct logged *log_of(const struct wm_verdict *v, const struct made_log *log)
{
	for (size_t i = 0; i < v->facts.logs.n; i++)
		if (log_key_same(v->facts.logs.list[i].key, log->key))
			return &v->facts.logs.list[i];
	return NULL;
}

/* Asserts that the verdict is accept, with this linkage of the pinned log and these notes of it. */
#define assert_linkage(linkage, codes) assert_linkage_(linkage, codes, __FILE__, __LINE__)

static void assert_linkage_(enum linkage linkage, const char *note, const char *file, int line)
{
	static const char *const notes[] = { "log-first-seen", "log-unlinked",
					     "log-not-remembered", "log-not-pinned" };
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);
	const struct logged *l = log_of(v, &own);

	if (v->decision != WM_ACCEPT)
		test_failed(file, line, "%s", verdict_decider(v)->err.message);
	if (!l || !l->pinned || l->linkage != linkage)
		test_failed(file, line, "is %s, not %s", l ? linkage_name(l->linkage) : "no log",
			    linkage_name(linkage));
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		const bool wanted = note && strstr(note, notes[i]);

		if (has_note(v, notes[i]) != wanted)
			test_failed(file, line, "note %s", notes[i]);
	}
}

/* How many statements are in the log; of one that is not pinned none count. */
static size_t count_in(const struct made_log *log)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);
	const struct logged *l = log_of(v, log);

	assert_int_equal(v->decision, WM_ACCEPT);
	return l ? l->n_statements : 0;
}

static void counts_statements(void **state)
{
	(void)state;
	assert_accepted(&p);
	assert_int_equal(count_in(&own), 0);
	for (int i = 0; i < N_MADE; i++) {
		prove(&own, &tree, i, SIZE);
		assert_int_equal(count_in(&own), i + 1);
	}
	assert_accepted_full(&p);
}

static void assert_newest(const struct made_log *log, uint64_t size)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);
	const struct logged *l = log_of(v, log);

	assert_true(l->n_notes > 0);
	assert_int_equal(l->notes[l->n_notes - 1].head.size, size);
}

/* A valid proof by a log that nobody pinned, or by another key of the same origin. */
static void unpinned_counts_nothing(void **state)
{
	cleanup_made_log struct made_log stranger = { 0 }, same_name = { 0 };
	struct log_keys none = LOG_KEYS_INIT;
	cleanup_verdict struct wm_verdict *v = NULL;

	(void)state;
	made_log_init(&stranger, "log.example/b");
	made_log_init(&same_name, ORIGIN);
	prove(&stranger, &tree, MANIFEST, SIZE);
	prove(&same_name, &other_tree, MANIFEST, SIZE);
	v = publisher_verify(&p, false);
	assert_int_equal(v->decision, WM_ACCEPT);
	assert_true(has_note(v, "log-not-pinned"));
	assert_false(has_note(v, "logged"));
	assert_false(log_of(v, &stranger)->pinned);
	assert_false(log_of(v, &same_name)->pinned);
	assert_int_equal(count_in(&stranger), 0);
	assert_int_equal(count_in(&same_name), 0);
	assert_newest(&stranger, SIZE);
	prove(&stranger, &tree, RUN, LARGER);
	assert_newest(&stranger, LARGER);
	prove(&stranger, &tree, RUN, SIZE);
	prove(&stranger, &tree, DATASET, LARGER);
	assert_newest(&stranger, LARGER);
	assert_false(file_exists(state_path));
	/* The twin: the same proof where it is pinned; and where nobody pins anything. */
	pin_log(&stranger);
	assert_int_equal(count_in(&stranger), N_MADE);
	p.options.log_keys = &none;
	assert_int_equal(count_in(&stranger), 0);
	p.options.log_keys = NULL;
	assert_int_equal(count_in(&stranger), 0);
}

/* An entry is an envelope with its signature; who signed it must be pinned. */
static void strangers_count_nothing(void **state)
{
	struct envelope *e;

	(void)state;
	p.issuer = "acme.example";
	publisher_make(&p, NULL);
	e = publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	record(&tree, AT + N_MADE, e);
	publisher_write(&p);
	prove(&own, &tree, N_MADE, SIZE);
	assert_int_equal(count_in(&own), 0);
	publisher_pin_stranger(&p);
	assert_int_equal(count_in(&own), 1);
}

/* Slots carry proofs as sidecars do; the same proof in both counts once. */
static void slots_carry_proofs(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);

	(void)state;
	prove(&own, &tree, MANIFEST, SIZE);
	read_file(&bytes, p.sidecar);
	put_slot(p.path, bytes.data, bytes.len);
	assert_int_equal(count_in(&own), 1);
	assert_int_equal(unlink(p.sidecar), 0);
	assert_int_equal(count_in(&own), 1);
	publisher_write(&p);
	assert_int_equal(count_in(&own), 1);
	/* One that leads elsewhere is no better for being in a slot. */
	prove(&own, &other_tree, MANIFEST, SIZE);
	prove(&own, &tree, DATASET, SIZE);
	assert_refused(&p, "logs-unforked", LOG_FORK);
}

/* Makes the checkpoint one whose metadata has what the sidecar says, where no slot would be. */
static void displace_sidecar(void)
{
	static const char start[] = "\"weightmark\":\"";
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR), header = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };
	const char *value;

	read_file(&bytes, p.sidecar);
	put_slot(p.path, bytes.data, bytes.len);
	buf_truncate(&bytes, 0);
	read_file(&bytes, p.path);
	value = memmem(bytes.data, bytes.len, start, strlen(start));
	assert_non_null(value);
	assert_ok(buf_append_str(&header, "{" MADE_TENSOR ",\"__metadata__\":{\"k\":\"v\",", &err),
		  &err);
	assert_ok(buf_append(&header, value, strlen(start) + strcspn(value + strlen(start), "\""),
			     &err), &err);
	assert_ok(buf_append_str(&header, "\"}}", &err), &err);
	buf_truncate(&bytes, 0);
	made_append(&bytes, &(struct made){ buf_str(&header), header.len, 4, 0 });
	write_bytes(p.path, bytes.data, bytes.len);
	publisher_measure(&p);
	assert_true(p.measured->files[0].layout.displaced);
}

/* What stands in metadata like a slot is anybody's: its proofs neither count nor refuse. */
static void displaced_proofs_are_passed_over(void **state)
{
	(void)state;
	publisher_swap(&p);
	publisher_make(&p, NULL);
	publisher_write(&p);
	prove(&own, &tree, MANIFEST, SIZE);
	assert_refused(&p, "proofs-consistent", PROOF_MISMATCH);
	displace_sidecar();
	publisher_swap(&p);
	publisher_make(&p, NULL);
	publisher_write(&p);
	assert_int_equal(count_in(&own), 0);
	assert_false(file_exists(state_path));
}

/* --- proofs that do not lead where they say --------------------------------------------- */

#define assert_proof_refused(name) assert_refused(&p, "proofs-consistent", name)

static void proofs_of_something_else(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PROOF);

	(void)state;
	/* Another entry's, also where another carrier would have it right. */
	make_proof(&text, &own, &tree, AT + RUN, SIZE);
	carry(&p.envelopes[MANIFEST], log_key_raw(own.key), &text);
	assert_proof_refused(PROOF_MISMATCH);
	publisher_write(&p);
	carry(&p.envelopes[RUN], log_key_raw(own.key), &text);
	assert_accepted(&p);
}

static void proofs_by_another_key(void **state)
{
	cleanup_made_log struct made_log same_name = { 0 };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PROOF);
	const uint8_t identity[LOG_KEY_BYTES] = { 1 };

	(void)state;
	made_log_init(&same_name, ORIGIN);
	make_proof(&text, &same_name, &tree, AT + MANIFEST, SIZE);
	carry(&p.envelopes[MANIFEST], log_key_raw(own.key), &text);
	assert_proof_refused(NOTE_SIGNATURE);
	/* Refused though nobody pins the log, and by nobody's fault but the carrier's. */
	p.options.log_keys = NULL;
	assert_proof_refused(NOTE_SIGNATURE);
	publisher_write(&p);
	carry(&p.envelopes[MANIFEST], identity, &text);
	assert_proof_refused(PROOF_MALFORMED);
	publisher_write(&p);
	carry(&p.envelopes[MANIFEST], log_key_raw(same_name.key), &text);
	assert_accepted(&p);
}

static void one_signature_each(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PROOF);
	struct wm_error err = { 0 };
	size_t len;

	(void)state;
	make_proof(&text, &own, &tree, AT + MANIFEST, SIZE);
	len = text.len;
	assert_ok(buf_append_str(&text, "\xe2\x80\x94 witness.example AAAAAAA=\n", &err), &err);
	carry(&p.envelopes[MANIFEST], log_key_raw(own.key), &text);
	assert_proof_refused(PROOF_MALFORMED);
	text.len = len;
	carry(&p.envelopes[MANIFEST], log_key_raw(own.key), &text);
	assert_accepted(&p);
}

static void proofs_malformed(void **state)
{
	static const char *const texts[] = { "", "\n", "c2sp.org/tlog-proof@v1\n", "x" };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PROOF);
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 1; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_truncate(&text, 0);
		assert_ok(buf_append_str(&text, texts[i], &err), &err);
		publisher_write(&p);
		carry(&p.envelopes[MANIFEST], log_key_raw(own.key), &text);
		assert_proof_refused(PROOF_MALFORMED);
	}
	buf_truncate(&text, 0);
	make_proof(&text, &own, &tree, AT + MANIFEST, SIZE);
	carry(&p.envelopes[MANIFEST], log_key_raw(own.key), &text);
	assert_accepted(&p);
}

/* Whether the sidecar is refused with status 1, and whoever's log it is. */
static bool refused(void)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);

	return v->decision == WM_REFUSE && verdict_exit_status(v) == 1;
}

/* From the log's key to the end of the sidecar, whether the log is pinned or not. */
static void no_bit_of_a_proof_is_free(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	const uint8_t *start;

	(void)state;
	prove(&own, &tree, MANIFEST, SIZE);
	p.options.log_state = NULL;
	read_file(&bytes, p.sidecar);
	start = memmem(bytes.data, bytes.len, log_key_raw(own.key), LOG_KEY_BYTES);
	assert_non_null(start);
	assert_true((size_t)(bytes.data + bytes.len - start) > 300);
	for (size_t i = (size_t)(start - bytes.data); i < bytes.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes.data[i] ^= (uint8_t)(1u << bit);
			write_bytes(p.sidecar, bytes.data, bytes.len);
			p.options.log_keys = bit % 2 ? &pinned : NULL;
			if (!refused())
				test_failed(__FILE__, __LINE__, "bit %u of byte %zu", bit, i);
			bytes.data[i] ^= (uint8_t)(1u << bit);
		}
	}
	write_bytes(p.sidecar, bytes.data, bytes.len);
	assert_false(refused());
}

/* --- what is remembered ----------------------------------------------------------------- */

static void first_seen_then_linked(void **state)
{
	(void)state;
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_FIRST, "log-first-seen");
	assert_linkage(LINK_LINKED, NULL);
	assert_linkage(LINK_LINKED, NULL);
}

static void larger_is_unlinked(void **state)
{
	(void)state;
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_FIRST, "log-first-seen");
	prove_alone(&own, &tree, LARGER);
	assert_linkage(LINK_UNLINKED, "log-unlinked");
	assert_linkage(LINK_UNLINKED, "log-unlinked");
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_LINKED, NULL);
}

/* A proof may be older than what was seen since: that is unlinked, and the head stays. */
static void smaller_is_unlinked(void **state)
{
	(void)state;
	prove_alone(&own, &tree, LARGER);
	assert_linkage(LINK_FIRST, "log-first-seen");
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_UNLINKED, "log-unlinked");
	prove_alone(&own, &tree, LARGER);
	assert_linkage(LINK_LINKED, NULL);
}

/* Of heads that are carried together the newest is what is remembered as the log's. */
static void the_newest_is_remembered(void **state)
{
	(void)state;
	prove(&own, &tree, DATASET, SIZE);
	prove(&own, &tree, RUN, LARGER);
	prove(&own, &tree, MANIFEST, SIZE + 1);
	assert_linkage(LINK_FIRST, "log-first-seen");
	assert_linkage(LINK_LINKED, NULL);
}

/* Asserts a refusal for a fork, and that what was kept convinces anybody. */
static void assert_fork(bool kept)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_evidence struct evidence e = { 0 };
	struct wm_error err = { 0 };
	const struct logged *l = log_of(v, &own);

	assert_string_equal(verdict_decider(v)->name, "logs-unforked");
	assert_string_equal(verdict_decider(v)->err.reason, "log-fork");
	assert_int_equal(verdict_exit_status(v), 1);
	assert_non_null(strstr(verdict_decider(v)->err.message, ORIGIN));
	assert_int_equal(l->linkage, LINK_FORK);
	assert_int_equal(l->evidence != NULL, kept);
	if (!kept)
		return;
	assert_non_null(strstr(l->evidence, state_path));
	read_file(&text, l->evidence);
	assert_ok(evidence_check(&e, text.data, text.len, "evidence", &err), &err);
	assert_true(log_key_same(e.key, own.key));
	assert_int_equal(e.first.head.size, SIZE);
}

/* Removes the evidence that is kept. */
static void remove_evidence(void)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);

	assert_int_equal(unlink(log_of(v, &own)->evidence), 0);
}

static void forks(void **state)
{
	(void)state;
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_FIRST, "log-first-seen");
	prove_alone(&own, &other_tree, SIZE);
	assert_fork(true);
	assert_fork(true);
	/* The evidence counts whichever history is carried. */
	prove_alone(&own, &tree, SIZE);
	assert_fork(true);
	/* The head that contradicts is not remembered: the other one stays. */
	remove_evidence();
	assert_linkage(LINK_LINKED, NULL);
}

/* What was only seen is held against later heads too. */
static void forks_of_unlinked_heads(void **state)
{
	(void)state;
	prove_alone(&own, &tree, LARGER);
	assert_linkage(LINK_FIRST, "log-first-seen");
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_UNLINKED, "log-unlinked");
	prove_alone(&own, &other_tree, SIZE);
	assert_fork(true);
}

/* Both histories in one sidecar, though nothing is remembered anywhere. */
static void forks_carried_together(void **state)
{
	(void)state;
	prove(&own, &tree, DATASET, SIZE);
	prove(&own, &other_tree, MANIFEST, SIZE);
	assert_fork(true);
	p.options.log_state = NULL;
	assert_fork(false);
	/* A log that is not pinned can refuse nobody's checkpoint. */
	p.options.log_keys = NULL;
	assert_accepted(&p);
}

static void a_fork_whose_evidence_cannot_be_kept(void **state)
{
	cleanup_free char *evidence = NULL;

	(void)state;
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_FIRST, "log-first-seen");
	assert_true(asprintf(&evidence, "%s/evidence", state_path) > 0);
	write_bytes(evidence, "", 0);
	prove_alone(&own, &other_tree, SIZE);
	assert_fork(false);
}

/* That nothing can be remembered is told, and no reason to refuse. */
static void state_unwritable(void **state)
{
	cleanup_free char *link = NULL;

	(void)state;
	prove_alone(&own, &tree, SIZE);
	assert_true(asprintf(&link, "%s/dangling", p.dir) > 0);
	assert_int_equal(symlink("nowhere", link), 0);
	p.options.log_state = link;
	assert_linkage(LINK_FIRST, "log-first-seen log-not-remembered");
	p.options.log_state = state_path;
	assert_linkage(LINK_FIRST, "log-first-seen");
}

static void state_malformed(void **state)
{
	cleanup_buf struct buf vkey = BUF_INIT(LIMIT_NOTE), path = BUF_INIT(LIMIT_PATH);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	prove_alone(&own, &tree, SIZE);
	assert_linkage(LINK_FIRST, "log-first-seen");
	assert_ok(log_key_encode(&vkey, own.key, &err), &err);
	assert_ok(sha256_of(digest, vkey.data, vkey.len, &err), &err);
	assert_ok(buf_printf(&path, &err, "%s/", state_path), &err);
	assert_ok(buf_append_hex(&path, digest, sizeof(digest), &err), &err);
	assert_ok(buf_append_str(&path, ".json", &err), &err);
	assert_true(file_exists(buf_str(&path)));
	write_bytes(buf_str(&path), "{", 1);
	assert_linkage(LINK_UNLINKED, "log-not-remembered");
	assert_int_equal(unlink(buf_str(&path)), 0);
	assert_linkage(LINK_FIRST, "log-first-seen");
}

/* Judging a file of a set gathers twice, and has seen the log once. */
static void sets_are_seen_once(void **state)
{
	static const struct tree_file files[] = {
		{ "model-00001-of-00002.safetensors", "tensors: a" },
		{ "model-00002-of-00002.safetensors", "tensors: z" },
		{ NULL, NULL },
	};
	char *shard = NULL, *whole;

	(void)state;
	publisher_use_tree(&p, files);
	publisher_make(&p, NULL);
	record(&tree, AT + MANIFEST, &p.envelopes[MANIFEST]);
	prove_alone(&own, &tree, SIZE);
	assert_true(asprintf(&shard, "%s/%s", p.path, files[0].path) > 0);
	whole = p.path;
	p.path = shard;
	assert_linkage(LINK_FIRST, "log-first-seen");
	assert_linkage(LINK_LINKED, NULL);
	p.path = whole;
	free(shard);
}

/* --- what is reported -------------------------------------------------------------------- */

static void is_reported(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_SIDECAR), key = BUF_INIT(LIMIT_NOTE);
	cleanup_verdict struct wm_verdict *v = NULL;
	cleanup_tree struct tree t = TREE_INIT;
	const struct node *list, *row;
	struct wm_error err = { 0 };

	(void)state;
	prove(&own, &tree, DATASET, SIZE);
	prove(&own, &tree, MANIFEST, SIZE);
	v = publisher_verify(&p, false);
	assert_ok(verdict_text(&text, v, false, &err), &err);
	assert_non_null(strstr(buf_str(&text), "2 of 3 statements"));
	assert_non_null(strstr(buf_str(&text), ORIGIN ", 7 entries, first-seen\n"));
	assert_ok(verdict_tree(&t.root, &t, v, false, &err), &err);
	list = node_find(t.root, "logs");
	assert_int_equal(list->len, 1);
	row = list->first;
	assert_ok(log_key_encode(&key, own.key, &err), &err);
	assert_string_equal(node_find(row, "origin")->text, ORIGIN);
	assert_string_equal(node_find(row, "log_key")->text, buf_str(&key));
	assert_string_equal(node_find(row, "linkage")->text, "first-seen");
	assert_true(node_find(row, "pinned")->plain);
	assert_int_equal(node_find(row, "statements")->integer, 2);
	assert_int_equal(node_find(row, "size")->integer, SIZE);
	assert_null(node_find(row, "evidence"));
}

/* --- the public functions ---------------------------------------------------------------- */

static void write_vkey(const char *path)
{
	cleanup_buf struct buf vkey = BUF_INIT(LIMIT_NOTE);
	struct wm_error err = { 0 };

	assert_ok(log_key_encode(&vkey, own.key, &err), &err);
	assert_ok(buf_append_byte(&vkey, '\n', &err), &err);
	write_bytes(path, vkey.data, vkey.len);
}

/* The verdict of whoever uses the library, as JSON, has this in it. */
static void assert_said(const struct wm_verify_options *options, const char *what)
{
	struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };
	char *json = NULL;

	assert_ok(wm_verify(&v, p.path, options, &err), &err);
	assert_int_equal(wm_verdict_decision(v), WM_ACCEPT);
	assert_ok(wm_verdict_json(&json, v, &err), &err);
	if (!strstr(json, what))
		test_failed(__FILE__, __LINE__, "'%s' is not in: %s", what, json);
	free(json);
	wm_verdict_free(v);
}

static void pinned_through_the_library(void **state)
{
	struct wm_verify_options options = WM_VERIFY_OPTIONS_INIT;
	cleanup_free char *path = NULL;
	struct wm_keys *keys = NULL;
	struct wm_error err = { 0 };

	(void)state;
	prove(&own, &tree, MANIFEST, SIZE);
	assert_true(asprintf(&path, "%s/log.vkey", p.dir) > 0);
	write_vkey(path);
	assert_ok(wm_keys_new(&keys, &err), &err);
	assert_ok(wm_keys_add_file(keys, "testdata/keys/ed25519.pub", &err), &err);
	options.keys = keys;
	options.log_state = state_path;
	assert_said(&options, "\"pinned\": false");
	assert_int_equal(wm_keys_add_log_file(keys, "/nowhere", NULL), WM_IO);
	assert_reason(wm_keys_add_log_file(keys, "testdata/keys/ed25519.pub", &err), &err,
		      LOG_KEY_MALFORMED);
	assert_said(&options, "\"pinned\": false");
	assert_false(file_exists(state_path));
	assert_ok(wm_keys_add_log_file(keys, path, &err), &err);
	assert_ok(wm_keys_add_log_file(keys, path, &err), &err);
	options.log_state = NULL;
	assert_said(&options, "\"remembered\": false");
	options.log_state = state_path;
	assert_said(&options, "\"linkage\": \"first-seen\"");
	assert_said(&options, "\"linkage\": \"linked\"");
	wm_keys_free(keys);
}

/* --- allocations ------------------------------------------------------------------------- */

static enum wm_code reach(void *context, struct wm_error *err)
{
	struct verify_options options = p.options;
	cleanup_verdict struct wm_verdict *v = NULL;
	const struct check_result *decider;

	(void)context;
	options.keys = p.pinned;
	options.workers = 1;
	TRY(verdict_reach(&v, p.path, &options, err));
	/* A check that could not be carried out says so in the verdict. */
	decider = verdict_decider(v);
	return decider && decider->err.code == WM_NOMEM ? fail_again(err, &decider->err) : WM_OK;
}

static void survives_failed_allocations(void **state)
{
	(void)state;
	prove(&own, &tree, DATASET, SIZE);
	prove(&own, &tree, MANIFEST, LARGER);
	with_every_allocation_failing(reach, NULL);
	assert_linkage(LINK_LINKED, NULL);
	prove(&own, &other_tree, MANIFEST, LARGER);
	with_every_allocation_failing(reach, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_logs, close_logs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(counts_statements),
		CASE(unpinned_counts_nothing),
		CASE(strangers_count_nothing),
		CASE(slots_carry_proofs),
		CASE(displaced_proofs_are_passed_over),
		CASE(proofs_of_something_else),
		CASE(proofs_by_another_key),
		CASE(one_signature_each),
		CASE(proofs_malformed),
		CASE(no_bit_of_a_proof_is_free),
		CASE(first_seen_then_linked),
		CASE(larger_is_unlinked),
		CASE(smaller_is_unlinked),
		CASE(the_newest_is_remembered),
		CASE(forks),
		CASE(forks_of_unlinked_heads),
		CASE(forks_carried_together),
		CASE(a_fork_whose_evidence_cannot_be_kept),
		CASE(state_unwritable),
		CASE(state_malformed),
		CASE(sets_are_seen_once),
		CASE(is_reported),
		CASE(pinned_through_the_library),
		CASE(survives_failed_allocations),
	};

	return run_tests(tests);
}
