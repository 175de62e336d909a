/* SPDX-License-Identifier: Apache-2.0 */
/* Ledgers that can be looked into; see shelf.h. */
#include "shelf.h"

#include <stdio.h>
#include <unistd.h>

#include "keys.h"
#include "ledger/append.h"
#include "statement/mapping.h"
#include "text/json.h"
#include "util/hex.h"

enum { PAYLOAD_MAX = 65536, DUMP_MAX = 1 << 26 };

void shelf_digest(uint8_t out[SHA256_BYTES], const char *what, unsigned model)
{
	struct wm_error err = { 0 };
	char text[64];
	int len = snprintf(text, sizeof(text), "%s %u", what, model);

	assert_ok(sha256_of(out, text, (size_t)len, &err), &err);
}

void shelf_hex(char out[2 * SHA256_BYTES + 1], const char *what, unsigned model)
{
	uint8_t digest[SHA256_BYTES];

	shelf_digest(digest, what, model);
	hex_encode(out, digest, sizeof(digest));
}

/* --- payloads ------------------------------------------------------------------------- */

/* Appends text in which "#" stands for the number and "$WHAT$" for the digest of that name. */
static void expand(struct buf *out, const char *text, unsigned model)
{
	struct wm_error err = { 0 };

	for (; *text; text++) {
		const char *end = *text == '$' ? strchr(text + 1, '$') : NULL;
		char hex[2 * SHA256_BYTES + 1], what[32];

		if (end) {
			snprintf(what, sizeof(what), "%.*s", (int)(end - text - 1), text + 1);
			shelf_hex(hex, what, model);
			assert_ok(buf_append_str(out, hex, &err), &err);
			text = end;
		} else if (*text == '#') {
			assert_ok(buf_printf(out, &err, "%u", model), &err);
		} else {
			assert_ok(buf_append_byte(out, (uint8_t)*text, &err), &err);
		}
	}
}

#define HEADER(local)                                                                          \
	"\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":\"2026-01-02T03:04:06Z\"," \
	"\"issuer\":\"" SHELF_ISSUER "\",\"nonce\":\"00112233445566778899aabbccddeeff\","        \
	"\"object\":\"" SHELF_ISSUER "/" local "\",\"schema_minor\":0,\"sequence\":1}"
#define OBJECT(local) "{\"object\":\"" SHELF_ISSUER "/" local "\"}"

static const char *const predicates[SHELF_KINDS][2] = {
	{ "dataset",
	  "{" HEADER("faces-#") ",\"party\":[{\"id\":\"Steward-#\",\"legal_name\":\"Town of #\","
	  "\"identifier\":[\"LEI-#\"]}],\"dataset_id\":\"faces-#\",\"title\":\"Faces of #\","
	  "\"version\":\"2\",\"description\":"
	  "\"Gesichter \xe2\x80\x94 aus \xc3\x96sterreich\xe2\x80\xa6Nummer#\","
	  "\"content_root\":\"$content$\",\"record_commitment_root\":\"$records$\"}" },
	{ "run", "{" HEADER("run-#") ",\"id\":\"run-#\",\"uses\":[{\"dataset\":" OBJECT("faces-#")
		 ",\"role\":\"pretrain\",\"subset_root\":\"$subset$\"}]}" },
	{ "manifest",
	  "{" HEADER("llm-#@1.0") ",\"checkpoint\":{\"file\":[{\"path\":\"m.st\",\"size\":7,"
	  "\"role\":\"load\",\"grammar\":\"safetensors/1\",\"file_digest\":\"$file$\","
	  "\"sha256\":\"$sha256$\"}],\"part\":[{\"name\":\"m.st\",\"path\":[\"m.st\"],"
	  "\"weights_digest\":\"$weights$\",\"tensor_set_digest\":\"$set$\","
	  "\"tensor\":[{\"digest\":\"$tensor$\",\"bytes\":65536}]}]},"
	  "\"model\":{\"name\":\"LLM-#\",\"version\":\"1.0\",\"model_id\":\"llm-#@1.0\"},"
	  "\"checkpoint_of\":{\"run\":" OBJECT("run-#") ",\"step\":5},"
	  "\"derivation\":[{\"kind\":\"finetune\",\"parent\":[{\"weights_digest\":\"$parent$\"}]}],"
	  "\"run\":[" OBJECT("run-#") "]}" },
	{ "release", "{" HEADER("release-#") ",\"checkpoint\":" OBJECT("llm-#@1.0")
		     ",\"file\":[{\"path\":\"m.st\",\"size\":8,\"sha256\":\"$released$\"}]}" },
};

void shelf_encode(struct buf *out, const char *kind, const struct buf *json)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	const struct mapping m = { .name = "test", .reason = REASON_STATEMENT_MALFORMED,
				   .arena = &a };
	const struct kind *k = kind_find(kind);
	cleanup_tree struct tree t = TREE_INIT;
	ProtobufCMessage *message = NULL;
	struct wm_error err = { 0 };

	assert_ok(json_read(&t, json->data, json->len, "test", &err), &err);
	assert_ok(mapping_read(&message, k->descriptor, t.root, &m, &err), &err);
	assert_ok(statement_encode(out, k, message, &err), &err);
}

void shelf_payload(struct buf *out, enum shelf_kind kind, unsigned model)
{
	cleanup_buf struct buf json = BUF_INIT(PAYLOAD_MAX);

	if (kind == SHELF_UNREADABLE) {
		expand(out, "{\"later\":#}", model);
		return;
	}
	expand(&json, predicates[kind][1], model);
	shelf_encode(out, predicates[kind][0], &json);
}

/* --- ledgers -------------------------------------------------------------------------- */

static char *below(const char *folder, const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

void shelf_open(struct shelf *s)
{
	struct wm_error err = { 0 };

	*s = (struct shelf){ .scratch = scratch_new(), .arena = ARENA_INIT(LIMIT_DECODE_MEMORY) };
	s->repository = below(s->scratch, "ledger");
	s->cache = below(s->scratch, "cache/index");
	assert_ok(signer_take_key(&s->signer, test_private_key("ed25519.pem"), &err), &err);
}

void shelf_close(struct shelf *s)
{
	ledger_close(s->ledger);
	signer_free(s->signer);
	arena_release(&s->arena);
	free(s->pending);
	scratch_remove(s->scratch);
	free(s->repository);
	free(s->cache);
}

void shelf_add_payload(struct shelf *s, const struct buf *payload)
{
	struct wm_error err = { 0 };

	if (s->n_pending == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->pending = reallocarray(s->pending, s->room, sizeof(*s->pending));
		assert_non_null(s->pending);
	}
	assert_ok(envelope_sign(&s->pending[s->n_pending++], &s->arena, s->signer, payload->data,
				payload->len, &err), &err);
}

void shelf_add(struct shelf *s, enum shelf_kind kind, unsigned model)
{
	cleanup_buf struct buf payload = BUF_INIT(PAYLOAD_MAX);

	shelf_payload(&payload, kind, model);
	shelf_add_payload(s, &payload);
}

/* Makes the log where it is not there yet; one handle lasts, and sees what others write. */
static void make_log(struct shelf *s, const char *origin)
{
	cleanup_ledger struct ledger *l = NULL;
	struct wm_error err = { 0 };

	if (ledger_create(&l, s->repository, origin, &err) != WM_OK)
		assert_reason(err.code, &err, EXISTS);
	else if (!s->ledger)
		s->ledger = take_ptr(&l);
}

void shelf_append(struct shelf *s, const char *origin, size_t per_commit)
{
	cleanup_ledger_writer struct ledger_writer *w = NULL;
	struct wm_error err = { 0 };
	size_t n;

	make_log(s, origin);
	assert_ok(ledger_writer_open(&w, s->ledger, origin, &err), &err);
	for (size_t i = 0; i < s->n_pending; i += n) {
		n = s->n_pending - i < per_commit ? s->n_pending - i : per_commit;
		assert_ok(ledger_append(w, s->pending + i, n, &err), &err);
	}
	s->n_pending = 0;
}

void shelf_fill(struct shelf *s, const char *origin, unsigned first, unsigned last)
{
	for (unsigned model = first; model <= last; model++)
		for (int kind = 0; kind < SHELF_KINDS; kind++)
			shelf_add(s, (enum shelf_kind)kind, model);
	shelf_append(s, origin, SHELF_KINDS);
}

struct index *shelf_index(struct shelf *s)
{
	struct index *x = NULL;
	struct wm_error err = { 0 };

	assert_ok(index_open(&x, s->ledger, s->cache, &err), &err);
	return x;
}

void shelf_forget_ledger(struct shelf *s)
{
	char *path = strdup(s->repository);

	assert_non_null(path);
	ledger_close(take_ptr(&s->ledger));
	scratch_remove(path);
}

struct commits {
	struct object_id list[1024];
	size_t n;
};

static enum wm_code add_commit(void *context, const struct ledger_commit *c, struct wm_error *err)
{
	struct commits *to = context;

	(void)err;
	assert_true(to->n < sizeof(to->list) / sizeof(to->list[0]));
	to->list[to->n++] = c->id;
	return WM_OK;
}

void shelf_take_back(struct shelf *s, const char *origin, unsigned n)
{
	cleanup_ledger_head struct ledger_head head = { 0 };
	struct commits commits = { .n = 0 };
	const struct ledger_visitor visitor = { .commit = add_commit, .context = &commits };
	char ref[LEDGER_REF];
	struct wm_error err = { 0 };

	ledger_ref(ref, origin);
	assert_ok(ledger_head(&head, s->ledger, origin, &err), &err);
	assert_ok(ledger_walk(s->ledger, origin, &head, NULL, &visitor, &err), &err);
	assert_true(commits.n > n);
	assert_ok(ref_move(ledger_repository(s->ledger), ref, &head.commit,
			   &commits.list[commits.n - 1 - n], &err), &err);
}

void shelf_drop(struct shelf *s, const char *origin)
{
	cleanup_free char *path = NULL;
	char ref[LEDGER_REF];

	ledger_ref(ref, origin);
	path = below(s->repository, ref);
	assert_int_equal(unlink(path), 0);
}

/* --- what is in an index -------------------------------------------------------------- */

static void dump_value(struct buf *out, sqlite3_stmt *q, int i)
{
	const void *data = sqlite3_column_blob(q, i);
	size_t len = (size_t)sqlite3_column_bytes(q, i);
	struct wm_error err = { 0 };

	if (sqlite3_column_type(q, i) == SQLITE_NULL)
		assert_ok(buf_append_str(out, "-", &err), &err);
	else if (sqlite3_column_type(q, i) == SQLITE_BLOB)
		assert_ok(buf_append_hex(out, data, len, &err), &err);
	else
		assert_ok(buf_append_str(out, (const char *)sqlite3_column_text(q, i), &err), &err);
	assert_ok(buf_append_byte(out, ' ', &err), &err);
}

static void dump_rows(struct buf *out, struct index *x, const char *text)
{
	sqlite3_stmt *q = NULL;
	struct wm_error err = { 0 };

	assert_int_equal(sqlite3_prepare_v2(x->db, text, -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(q); i++)
			dump_value(out, q, i);
		assert_ok(buf_append_byte(out, '\n', &err), &err);
	}
	assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
}

/* Numbers of words and logs depend on what came first: texts stand for them. */
void shelf_dump(struct buf *out, struct index *x)
{
#define WHERE_OF(entry) "(SELECT origin FROM log WHERE id=" entry ">>40)," entry "&1099511627775"
#define WORD(id)	"(SELECT text FROM word w WHERE w.id=" id ")"
	static const char *const texts[] = {
		"SELECT origin,size,tip FROM log ORDER BY 1",
		"SELECT (SELECT origin FROM log WHERE id=log),level,n,hashes FROM tile "
		"ORDER BY 1,2,3",
		"SELECT " WHERE_OF("entry.id") ",object_id,commit_id,statement,keyid,leaf,kind,"
		WORD("object") "," WORD("issuer") ",sequence,previous,issued_at FROM entry "
		"ORDER BY 1,2",
		"SELECT digest,role," WHERE_OF("entry") " FROM digest ORDER BY 1,2,3,4",
		"SELECT " WORD("word") ",class," WHERE_OF("entry") " FROM name ORDER BY 1,2,3,4",
		"SELECT " WHERE_OF("entry") ",n,kind,detail,derivation," WORD("object")
		",statement,weights,sha256 FROM edge ORDER BY 1,2,3",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		dump_rows(out, x, texts[i]);
}

/* --- asking it -------------------------------------------------------------------------- */

void shelf_sync(struct index *x)
{
	struct wm_error err = { 0 };

	assert_ok(index_sync(x, NULL, NULL, NULL, &err), &err);
}

bool shelf_was_rewritten(struct index *x)
{
	struct wm_error err = { 0 };
	bool rewritten = false;

	assert_ok(index_sync(x, NULL, &rewritten, NULL, &err), &err);
	return rewritten;
}

static enum wm_code count_one(void *context, const struct indexed *e, struct wm_error *err)
{
	(void)e, (void)err;
	++*(size_t *)context;
	return WM_OK;
}

size_t shelf_count(struct index *x, enum query_kind kind, const char *value)
{
	struct wm_error err = { 0 };
	size_t n = 0;

	assert_ok(index_query(x, kind, value, NULL, 100000, count_one, &n, &err), &err);
	return n;
}

uint64_t shelf_size(struct index *x, const char *origin)
{
	struct wm_error err = { 0 };
	uint64_t size = 0;
	bool found;

	assert_ok(index_size(&size, &found, x, origin, &err), &err);
	assert_true(found == (size > 0));
	return size;
}

void assert_as_new(struct shelf *s, struct index *x)
{
	cleanup_buf struct buf made = BUF_INIT(DUMP_MAX), dumped = BUF_INIT(DUMP_MAX);
	cleanup_index struct index *new = NULL;
	struct wm_error err = { 0 };

	assert_ok(index_open(&new, s->ledger, NULL, &err), &err);
	shelf_sync(new);
	shelf_dump(&made, new);
	shelf_dump(&dumped, x);
	assert_true(made.len > 0);
	assert_true(strcmp(buf_str(&dumped), buf_str(&made)) == 0);
	assert_int_equal(shelf_count(x, QUERY_TEXT, "gesichter"),
			 shelf_count(new, QUERY_TEXT, "gesichter"));
	assert_int_equal(shelf_count(x, QUERY_TEXT, "nummer1"),
			 shelf_count(new, QUERY_TEXT, "nummer1"));
}

char *shelf_path(struct shelf *s)
{
	cleanup_index struct index *x = shelf_index(s);
	char *path;

	assert_non_null(x->path);
	path = strdup(x->path);
	assert_non_null(path);
	return path;
}

char *shelf_filled(struct shelf *s)
{
	struct index *x;

	shelf_open(s);
	shelf_fill(s, SHELF_ORIGIN, 1, 5);
	x = shelf_index(s);
	shelf_sync(x);
	index_close(x);
	return shelf_path(s);
}
