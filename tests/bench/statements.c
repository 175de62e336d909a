/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes sidecars full of signed statements, all of them different, for tests/bench/ledger: of
 * each four, two are datasets, one is a run and one a manifest of that run; with FIRST, those of a
 * lineage from this number on (families.h). DIRECTORY/000000.wmk and so on hold EACH of them, the
 * last one what is left. Key and nonces are new each time.
 *
 *	statements COUNT EACH DIRECTORY [FIRST]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/families.h"
#include "crypto/signer.h"
#include "statement/mapping.h"
#include "statement/sidecar.h"
#include "statement/statement.h"
#include "text/json.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"

#define HEADER(local)                                                                          \
	"\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":\"2026-01-02T03:04:06Z\"," \
	"\"issuer\":\"bench.example\",\"nonce\":\"@nonce@\",\"object\":\"bench.example/" local   \
	"\",\"schema_minor\":0,\"sequence\":1}"
#define OBJECT(local) "{\"object\":\"bench.example/" local "\"}"
#define DATASET                                                                                \
	"{" HEADER("faces-#") ",\"party\":[{\"id\":\"steward\",\"legal_name\":\"Town #\"}],"       \
	"\"dataset_id\":\"faces-#\",\"title\":\"Faces of town number #\",\"version\":\"2\","     \
	"\"description\":\"Photographs of passers-by, taken with consent in town number #\","    \
	"\"content_root\":\"@content@\",\"issuer\":\"steward\",\"record_count\":1797,"           \
	"\"licence\":\"CC-BY-4.0\",\"has_personal_info\":\"yes\"}"

/* `#` stands for the number of the statement, `%` for that of the four; @what@ for a digest. */
static const char *const predicates[][2] = {
	{ "dataset", DATASET },
	{ "dataset", DATASET },
	{ "run", "{" HEADER("run-%") ",\"id\":\"run-%\",\"uses\":[{\"dataset\":" OBJECT("faces-#")
		 ",\"role\":\"pretrain\",\"subset_root\":\"@subset@\"}]}" },
	{ "manifest",
	  "{" HEADER("llm-%@1.0") ",\"checkpoint\":{\"file\":[{\"path\":\"m.st\",\"size\":7,"
	  "\"role\":\"load\",\"grammar\":\"safetensors/1\",\"file_digest\":\"@file@\","
	  "\"sha256\":\"@sha256@\"}],\"part\":[{\"name\":\"m.st\",\"path\":[\"m.st\"],"
	  "\"weights_digest\":\"@weights@\",\"tensor_set_digest\":\"@set@\","
	  "\"tensor\":[{\"digest\":\"@tensor@\",\"bytes\":65536}]}]},"
	  "\"model\":{\"name\":\"LLM-%\",\"version\":\"1.0\",\"model_id\":\"llm-%@1.0\"},"
	  "\"run\":[" OBJECT("run-%") "]}" },
};

static unsigned long salt; /* of this run */
static bool is_lineage;

enum { CYCLE = sizeof(predicates) / sizeof(predicates[0]), TEXT_MAX = 1 << 16 };

/* A digest, or a nonce, of its own for each statement and word; false where `text` is no word. */
static bool word(char hex[2 * SHA256_BYTES + 1], size_t *len, const char *text,
		 unsigned long number, struct wm_error *err)
{
	const char *end = strchr(text + 1, '@');
	uint8_t digest[SHA256_BYTES];
	char what[64];

	/* An object id has an "@" in it, too: what follows that is no letter. */
	if (!end || text[1] < 'a')
		return false;
	*len = (size_t)(end - text) + 1;
	snprintf(what, sizeof(what), "%lu%.*s%lu", salt, (int)*len, text, number);
	if (sha256_of(digest, what, strlen(what), err) != WM_OK)
		exit(3);
	hex_encode(hex, digest, strncmp(text, "@nonce@", 7) == 0 ? 16 : SHA256_BYTES);
	return true;
}

static enum wm_code expand(struct buf *out, const char *text, unsigned long number,
			   struct wm_error *err)
{
	while (*text) {
		char hex[2 * SHA256_BYTES + 1];
		size_t len = 1;

		if (*text == '#')
			TRY(buf_printf(out, err, "%lu", number));
		else if (*text == '%')
			TRY(buf_printf(out, err, "%lu", number / CYCLE));
		else if (*text == '@' && word(hex, &len, text, number, err))
			TRY(buf_append_str(out, hex, err));
		else
			TRY(buf_append_byte(out, (uint8_t)*text, err));
		text += len;
	}
	return WM_OK;
}

static enum wm_code make_payload(struct buf *out, unsigned long number, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_buf struct buf json = BUF_INIT(TEXT_MAX);
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf family = BUF_INIT(TEXT_MAX);
	const char *name = predicates[number % CYCLE][0], *text = predicates[number % CYCLE][1];
	const struct mapping m = { .name = "statements", .reason = REASON_STATEMENT_MALFORMED,
				   .arena = &a };
	ProtobufCMessage *message;
	const struct kind *kind;

	if (is_lineage) {
		TRY(family_statement(&family, &name, number, err));
		text = buf_str(&family);
	}
	kind = kind_find(name);
	TRY(expand(&json, text, number, err));
	TRY(json_read(&t, json.data, json.len, "statements", err));
	TRY(mapping_read(&message, kind->descriptor, t.root, &m, err));
	return statement_encode(out, kind, message, err);
}

static enum wm_code write_sidecar(const char *path, struct signer *signer, unsigned long first,
				  unsigned long n, struct wm_error *err)
{
	cleanup_free struct envelope *list = calloc(n, sizeof(*list));
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_buf struct buf out = BUF_INIT(LIMIT_SIDECAR);

	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct buf payload = BUF_INIT(TEXT_MAX);

		TRY(make_payload(&payload, first + i, err));
		TRY(envelope_sign(&list[i], &a, signer, payload.data, payload.len, err));
	}
	TRY(sidecar_encode(&out, list, n, err));
	return file_write(path, out.data, out.len, 0644, FILE_REPLACE, err);
}

static enum wm_code run(char **argv, struct wm_error *err)
{
	cleanup_buf struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	cleanup_signer struct signer *signer = NULL;
	struct private_key *key;
	const unsigned long each = strtoul(argv[2], NULL, 10);
	const unsigned long begin = is_lineage ? strtoul(argv[4], NULL, 10) : 0;
	const unsigned long end = begin + strtoul(argv[1], NULL, 10);
	char path[LIMIT_PATH];

	TRY(private_key_new(&key, KEY_ED25519, err));
	TRY(signer_take_key(&signer, key, err));
	TRY(public_key_encode(&pem, signer_public(signer), err));
	snprintf(path, sizeof(path), "%s/key.pub", argv[3]);
	TRY(file_write(path, pem.data, pem.len, 0644, FILE_REPLACE, err));
	for (unsigned long first = begin, i = 0; first < end && each > 0; first += each, i++) {
		const unsigned long left = end - first;

		snprintf(path, sizeof(path), "%s/%06lu%s", argv[3], i, SIDECAR_SUFFIX);
		TRY(write_sidecar(path, signer, first, left < each ? left : each, err));
	}
	return WM_OK;
}

int main(int argc, char **argv)
{
	struct wm_error err = { 0 };

	if (argc != 4 && argc != 5)
		return 2;
	is_lineage = argc == 5;
	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		return 3;
	if (run(argv, &err) == WM_OK)
		return 0;
	fprintf(stderr, "statements: %s\n", err.message);
	return 3;
}
