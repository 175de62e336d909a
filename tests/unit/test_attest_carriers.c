/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/{pool,carriers,connected,chained}.c: which of what is carried is about the bytes. */
#include "publisher.h"

#include <stdio.h>
#include <unistd.h>

#include "made.h"
#include "report/verdict_report.h"
#include "util/limits.h"

enum { BYTES_MAX = 1 << 20 };

#define NO_EDITS (struct edit[]){ { 0, NULL, NULL } }
#define EDIT(from, to) (struct edit[]){ { 0, from, to }, { 0, NULL, NULL } }

static struct publisher p;
static struct envelope parents[N_MADE]; /* the stranger's statements, about other bytes */

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

/* The newest manifest is the `sequence`th, and there are `n` envelopes, each once. */
static void assert_head(uint64_t sequence, size_t n)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);

	assert_int_equal(v->decision, WM_ACCEPT);
	assert_int_equal(v->facts.head->statement->header->sequence, sequence);
	assert_int_equal(v->facts.n_carried, n);
}

static void assert_note(const char *code, bool there)
{
	cleanup_verdict struct wm_verdict *v = publisher_verify(&p, false);

	if (has_note(v, code) != there)
		test_failed(__FILE__, __LINE__, "note %s is %s", code, there ? "missing" : "there");
}

/* --- one chain, in several carriers ---------------------------------------------------- */

static void same_in_both(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	publisher_write(&p);
	put_envelopes(p.path, p.envelopes, p.n_envelopes);
	assert_head(1, N_MADE);
	assert_accepted_full(&p);
	write_sidecar(&p, NULL, 0);
	assert_head(1, N_MADE);
	put_slot(p.path, NULL, 0);
	assert_refused(&p, "carrier-found", SIDECAR_MISSING);
}

/* Half in the one, half in the other: what is carried is one pool. */
static void halves(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	write_sidecar(&p, p.envelopes, 2);
	assert_refused(&p, "manifest-present", MANIFEST_MISSING);
	put_envelopes(p.path, &p.envelopes[MANIFEST], 1);
	assert_head(1, N_MADE);
}

static void newest_wins(void **state)
{
	struct envelope first[N_MADE];

	(void)state;
	publisher_make(&p, NULL);
	memcpy(first, p.envelopes, sizeof(first));
	publisher_correct(&p, MANIFEST, 2, first[MANIFEST].statement,
			  EDIT("\"licence\":\"Apache-2.0\"", "\"licence\":\"MIT\""));
	write_sidecar(&p, first, N_MADE);
	put_envelopes(p.path, p.envelopes, p.n_envelopes);
	assert_head(2, N_MADE + 1);
	write_sidecar(&p, p.envelopes, p.n_envelopes);
	put_envelopes(p.path, first, N_MADE);
	assert_head(2, N_MADE + 1);
	assert_note("corrected-by-another-key", false);
	/* What was corrected away stays away, wherever the correction is. */
	p.n_envelopes = N_MADE;
	publisher_correct(&p, MANIFEST, 2, first[MANIFEST].statement,
			  EDIT("\"size\":10008", "\"size\":10009"));
	write_sidecar(&p, p.envelopes, p.n_envelopes);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
	write_sidecar(&p, first, N_MADE);
	put_envelopes(p.path, p.envelopes, p.n_envelopes);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
}

static void two_of_one_sequence(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	write_sidecar(&p, p.envelopes, N_MADE);
	publisher_resign(&p, N_MADE, p.signer, buf_str(&p.payloads[MANIFEST]));
	replace_all(&p.payloads[MANIFEST], "\"licence\":\"Apache-2.0\"", "\"licence\":\"MIT\"");
	publisher_resign(&p, MANIFEST, p.signer, buf_str(&p.payloads[MANIFEST]));
	put_envelopes(p.path, p.envelopes, N_MADE);
	assert_refused(&p, "statements-chained", MANIFEST_CONFLICT);
	put_slot(p.path, NULL, 0);
	assert_accepted(&p);
}

static void chains_hold(void **state)
{
	struct edit twice[] = { { 0, "\"title\":\"Optical", "\"title\":\"Acoustic" },
				{ 0, NULL, NULL } };

	(void)state;
	publisher_make(&p, NULL);
	/* The one before it is another statement. */
	publisher_correct(&p, MANIFEST, 2, p.envelopes[RUN].statement, NO_EDITS);
	publisher_write(&p);
	assert_refused(&p, "statements-chained", CHAIN_BROKEN);
	p.n_envelopes--;
	publisher_correct(&p, MANIFEST, 2, (uint8_t[SHA256_BYTES]){ 7 }, NO_EDITS);
	publisher_write(&p);
	assert_refused(&p, "statements-chained", CHAIN_BROKEN);
	/* The one before it is too far before. */
	p.n_envelopes--;
	publisher_correct(&p, MANIFEST, 3, p.envelopes[MANIFEST].statement, NO_EDITS);
	publisher_write(&p);
	assert_refused(&p, "statements-chained", CHAIN_BROKEN);
	/* A gap may be: not everything needs to be carried. */
	p.n_envelopes--;
	publisher_correct(&p, MANIFEST, 3, (uint8_t[SHA256_BYTES]){ 7 }, NO_EDITS);
	publisher_write(&p);
	assert_head(3, N_MADE + 1);
	/* Chains of datasets too. */
	p.n_envelopes--;
	publisher_correct(&p, DATASET, 2, p.envelopes[DATASET].statement, NO_EDITS);
	publisher_write(&p);
	assert_head(1, N_MADE + 1);
	p.n_envelopes--;
	publisher_correct(&p, DATASET, 2, p.envelopes[DATASET].statement, NO_EDITS);
	publisher_correct(&p, DATASET, 2, p.envelopes[DATASET].statement, twice);
	publisher_write(&p);
	assert_refused(&p, "statements-chained", CHAIN_BROKEN);
}

/* An object is of one kind for all time. */
static void chain_of_two_kinds(void **state)
{
	char edited[256];

	(void)state;
	publisher_make(&p, NULL);
	publisher_write(&p);
	assert_accepted(&p);
	snprintf(edited, sizeof(edited),
		 "\"previous\":\"wm:"
		 "0000000000000000000000000000000000000000000000000000000000000000\","
		 "\"schema_minor\":0,\"sequence\":3");
	publisher_admit(&p, p.signer, "digits-mlp@1.0.0", INT64_C(4000000000),
			EDIT("\"schema_minor\":0,\"sequence\":1", edited));
	publisher_write(&p);
	assert_refused(&p, "statements-chained", CHAIN_BROKEN);
}

/* A free name is anybody's: who goes on with a chain under another key is named. */
static void free_names_are_noted(void **state)
{
	(void)state;
	publisher_pin_stranger(&p);
	p.issuer = "acme";
	publisher_make(&p, NULL);
	publisher_swap(&p);
	publisher_correct(&p, MANIFEST, 2, p.envelopes[MANIFEST].statement, NO_EDITS);
	publisher_swap(&p);
	publisher_write(&p);
	assert_head(2, N_MADE + 1);
	assert_note("corrected-by-another-key", true);
	/* A countersignature corrects nothing. */
	p.n_envelopes = N_MADE;
	publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	publisher_write(&p);
	assert_accepted(&p);
	assert_note("corrected-by-another-key", false);
}

/* --- several chains ---------------------------------------------------------------------- */

/* The stranger's statements about the bytes at hand, in `parents`; then the signer's own. */
static void make_both(const struct edit *of_stranger)
{
	publisher_swap(&p);
	publisher_make(&p, of_stranger);
	memcpy(parents, p.envelopes, sizeof(parents));
	publisher_swap(&p);
	publisher_make(&p, NULL);
}

static void append_parents(void)
{
	memcpy(&p.envelopes[p.n_envelopes], parents, sizeof(parents));
	p.n_envelopes += N_MADE;
}

static void two_publishers(void **state)
{
	(void)state;
	make_both(NULL);
	publisher_write(&p);
	put_envelopes(p.path, parents, N_MADE);
	assert_accepted(&p);
	assert_note("key-not-pinned", true);
	append_parents();
	publisher_write(&p);
	put_slot(p.path, NULL, 0);
	assert_accepted(&p);
	assert_note("key-not-pinned", true);
	write_sidecar(&p, NULL, 0);
	put_envelopes(p.path, parents, N_MADE);
	assert_refused(&p, "signer-pinned", KEY_UNTRUSTED);
	publisher_pin_stranger(&p);
	assert_accepted(&p);
	publisher_write(&p);
	put_slot(p.path, NULL, 0);
	assert_refused(&p, "manifest-single", CARRIERS_DISAGREE);
	write_sidecar(&p, p.envelopes, N_MADE);
	put_envelopes(p.path, parents, N_MADE);
	assert_refused(&p, "manifest-single", CARRIERS_DISAGREE);
}

/* --- slots that came along ----------------------------------------------------------------- */

static const struct tree_file child[] = { { "a.safetensors", "tensors: a b c" }, { NULL, NULL } };

/* The stranger, pinned, signs digits-mlp; then a.safetensors is at hand, unsigned. */
static void become_child(void)
{
	publisher_pin_stranger(&p);
	make_both(NULL);
	tree_write_all(p.dir, child);
	free(p.path);
	free(p.sidecar);
	assert_true(asprintf(&p.path, "%s/a.safetensors", p.dir) > 0);
	assert_true(asprintf(&p.sidecar, "%s/a.safetensors.wmk", p.dir) > 0);
	publisher_measure(&p);
}

static void inherited_slot(void **state)
{
	(void)state;
	become_child();
	put_envelopes(p.path, parents, N_MADE);
	assert_refused(&p, "manifest-present", INHERITED);
	publisher_make(&p, NULL);
	publisher_write(&p);
	assert_accepted(&p);
	assert_note("inherited", true);
	/* An admission that came along says nothing either. */
	p.n_envelopes = 0;
	publisher_admit(&p, p.signer, "admission:1", INT64_C(4000000000),
			EDIT("\"size\":", "\"size\":9"));
	put_envelopes(p.path, p.envelopes, 1);
	write_sidecar(&p, NULL, 0);
	assert_refused(&p, "manifest-present", MANIFEST_MISSING);
}

/* Of the same size, but parsed by another grammar. */
static void inherited_by_grammar(void **state)
{
	const struct edit edits[] = { { MANIFEST, "safetensors/1", "raw/1" }, { 0, NULL, NULL } };

	(void)state;
	publisher_pin_stranger(&p);
	make_both(edits);
	put_envelopes(p.path, parents, N_MADE);
	assert_refused(&p, "manifest-present", INHERITED);
	publisher_write(&p);
	assert_accepted(&p);
	assert_note("inherited", true);
}

/* Of the same size and grammar: about other bytes all the same. */
static void replayed_slot(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(BYTES_MAX);

	(void)state;
	publisher_make(&p, NULL);
	read_file(&bytes, p.path);
	bytes.data[10007] ^= 1;
	write_bytes(p.path, bytes.data, bytes.len);
	put_envelopes(p.path, p.envelopes, N_MADE);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
}

/* Makes the value of a slot that carries these envelopes a later entry of the metadata. */
static void displace(const void *carried, size_t len)
{
	static const char start[] = "\"weightmark\":\"";
	cleanup_buf struct buf header = BUF_INIT(BYTES_MAX), file = BUF_INIT(BYTES_MAX);
	struct wm_error err = { 0 };
	const char *value;

	tree_write_all(p.dir, child);
	put_slot(p.path, carried, len);
	read_file(&file, p.path);
	value = memmem(file.data, file.len, start, strlen(start));
	assert_non_null(value);
	assert_ok(buf_append_str(&header, "{" MADE_TENSOR ",\"__metadata__\":{\"k\":\"v\",", &err),
		  &err);
	assert_ok(buf_append(&header, value, strlen(start) + strcspn(value + strlen(start), "\""),
			     &err), &err);
	assert_ok(buf_append_str(&header, "\"}}", &err), &err);
	buf_truncate(&file, 0);
	made_append(&file, &(struct made){ buf_str(&header), header.len, 4, 0 });
	write_bytes(p.path, file.data, file.len);
	publisher_measure(&p);
	assert_true(p.measured->files[0].layout.displaced);
}

static void displaced_slot(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(BYTES_MAX);
	struct envelope sorted[N_MADE];
	struct wm_error err = { 0 };

	(void)state;
	become_child();
	memcpy(sorted, parents, sizeof(sorted));
	assert_ok(sidecar_encode(&bytes, sorted, N_MADE, &err), &err);
	displace(bytes.data, bytes.len);
	assert_refused(&p, "manifest-present", INHERITED);
	publisher_make(&p, NULL);
	publisher_write(&p);
	assert_accepted(&p);
	assert_note("inherited", true);
	/* What cannot be read there is the publisher's own metadata. */
	displace("garbage", 7);
	publisher_make(&p, NULL);
	publisher_write(&p);
	assert_accepted(&p);
}

/* --- parents --------------------------------------------------------------------------------- */

/* Signs the manifest once more as version `version`, of `size` bytes, derived from `parent`. */
static struct envelope *make_version(const char *version, const char *size, const char *parent)
{
	char object[64], derived[512];
	const struct edit edits[] = {
		{ 0, "/digits-mlp@1.0.0\"", object },
		{ 0, "\"size\":10008", size },
		{ 0, "\"header\":{", derived },
		{ 0, NULL, NULL },
	};
	cleanup_buf struct buf b = BUF_INIT(65536);
	struct wm_error err = { 0 };

	snprintf(object, sizeof(object), "/digits-mlp@%s\"", version);
	snprintf(derived, sizeof(derived), "%s%s%s\"header\":{",
		 parent ? "\"derivation\":[{\"parent\":[{" : "", parent ? parent : "",
		 parent ? "}]}]," : "");
	assert_ok(buf_append(&b, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len, &err), &err);
	for (const struct edit *e = edits; e->from; e++)
		replace_all(&b, e->from, e->to);
	return publisher_sign(&p, p.signer, b.data, b.len);
}

static void parent_beside_child(void **state)
{
	char id[STATEMENT_ID_TEXT + 1], parent[4][256];

	(void)state;
	publisher_make(&p, NULL);
	p.n_envelopes = MANIFEST;
	statement_id_text(id, make_version("0.9", "\"size\":10009", NULL)->statement);
	snprintf(parent[0], sizeof(parent[0]), "\"statement\":\"%s\"", id);
	snprintf(parent[1], sizeof(parent[1]), "\"object\":\"key:%s/digits-mlp@0.9\"",
		 public_key_id(signer_public(p.signer)));
	snprintf(parent[2], sizeof(parent[2]),
		 "\"sha256\":\"dd9a34dad3c40449c0495c192c6f9433971f3b217579333f49cab44f456a62b4\"");
	snprintf(parent[3], sizeof(parent[3]), "\"uri\":\"https://example.org/0.9\"");
	for (int i = 0; i < 4; i++) {
		p.n_envelopes = MANIFEST + 1;
		make_version("1.0", "\"size\":10008", parent[i]);
		publisher_write(&p);
		if (i == 3) {
			assert_refused(&p, "manifest-single", CARRIERS_DISAGREE);
			continue;
		}
		assert_accepted(&p);
		assert_note("inherited", true);
	}
	/* Who is a parent of what is not here is none. */
	p.n_envelopes = MANIFEST + 1;
	make_version("1.0", "\"size\":10008", NULL);
	publisher_write(&p);
	assert_refused(&p, "manifest-single", CARRIERS_DISAGREE);
}

/* Ancestors in every order of their statement ids, and corrections of ancestors. */
static void grandparents(void **state)
{
	char first[STATEMENT_ID_TEXT + 1], second[STATEMENT_ID_TEXT + 1], parent[2][128];

	(void)state;
	for (int i = 0; i < 12; i++) {
		publisher_make(&p, NULL);
		p.n_envelopes = MANIFEST;
		statement_id_text(first, make_version("0.8", "\"size\":10010", NULL)->statement);
		snprintf(parent[0], sizeof(parent[0]), "\"statement\":\"%s\"", first);
		statement_id_text(second,
				  make_version("0.9", "\"size\":10009", parent[0])->statement);
		snprintf(parent[1], sizeof(parent[1]), "\"statement\":\"%s\"", second);
		make_version("1.0", "\"size\":10008", parent[1]);
		publisher_correct(&p, MANIFEST, 2, p.envelopes[MANIFEST].statement,
				  EDIT("/digits-mlp@1.0.0\"", "/digits-mlp@0.8\""));
		publisher_write(&p);
		assert_accepted(&p);
	}
}

/* A carried statement about what was made from these bytes does not take their place. */
static void descendants_in_slots(void **state)
{
	char id[STATEMENT_ID_TEXT + 1], parent[128];

	(void)state;
	publisher_make(&p, NULL);
	publisher_write(&p);
	statement_id_text(id, p.envelopes[MANIFEST].statement);
	snprintf(parent, sizeof(parent), "\"statement\":\"%s\"", id);
	make_version("1.1", "\"size\":10009", parent);
	put_envelopes(p.path, &p.envelopes[N_MADE], 1);
	assert_head(1, N_MADE + 1);
	publisher_write(&p);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
}

/* --- slots that are wrong ------------------------------------------------------------------- */

static void garbage_in_a_slot(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(BYTES_MAX);

	(void)state;
	publisher_make(&p, NULL);
	publisher_write(&p);
	put_slot(p.path, "garbage", 7);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
	publisher_encode(&bytes, &p);
	put_slot(p.path, bytes.data, bytes.len - 1);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
	put_slot(p.path, bytes.data, 14);
	assert_refused(&p, "carriers-canonical", UNSIGNED);
	put_slot(p.path, bytes.data, bytes.len);
	assert_accepted(&p);
}

static void openings_in_a_slot(void **state)
{
	static const uint8_t salt[OPENING_SALT] = "sixteen bytes...";
	cleanup_buf struct buf bytes = BUF_INIT(BYTES_MAX);
	const struct opening o = { .salt = salt, .value = (const uint8_t *)"1797", .value_len = 4 };
	char sealed[128], hex[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(opening_digest(digest, &o, &err), &err);
	for (int i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(sealed, sizeof(sealed), "\"record_count\":{\"sealed\":\"%s\"}", hex);
	publisher_make(&p, (struct edit[]){ { DATASET, "\"record_count\":1797", sealed },
					    { 0, NULL, NULL } });
	put_envelopes(p.path, p.envelopes, N_MADE);
	publisher_add_opening(&p, p.envelopes[DATASET].statement, "/record_count", salt, "1797");
	publisher_write(&p);
	assert_accepted(&p);
	publisher_encode(&bytes, &p);
	put_slot(p.path, bytes.data, bytes.len);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
}

static const struct tree_file shards[] = {
	{ "model-00001-of-00002.safetensors", "tensors: a" },
	{ "model-00002-of-00002.safetensors", "tensors: b" },
	{ "config.json", "{}" },
	{ NULL, NULL },
};

static char *within(const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", p.path, name) > 0);
	return path;
}

static void slots_of_shards(void **state)
{
	cleanup_free char *a = NULL, *b = NULL, *document = NULL;

	(void)state;
	publisher_use_tree(&p, shards);
	a = within(shards[0].path);
	b = within(shards[1].path);
	document = within("notes.md");
	publisher_make(&p, NULL);
	put_envelopes(a, p.envelopes, N_MADE);
	put_envelopes(b, p.envelopes, N_MADE);
	assert_head(1, N_MADE);
	publisher_correct(&p, MANIFEST, 2, p.envelopes[MANIFEST].statement, NO_EDITS);
	put_envelopes(b, p.envelopes, N_MADE + 1);
	assert_head(2, N_MADE + 1);
	put_envelopes(b, &p.envelopes[N_MADE], 1);
	assert_head(2, N_MADE + 1);
	/* The slot of a document is nobody's: it can be changed by anyone. */
	tree_write(p.path, &(struct tree_file){ "notes.md", "tensors: a" });
	put_slot(document, "garbage", 7);
	assert_accepted(&p);
	assert_note("document-added", true);
	put_slot(b, "garbage", 7);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
	put_slot(b, NULL, 0);
	assert_head(1, N_MADE);
}

/* --- how much strangers may add ------------------------------------------------------------- */

/* Writes the sidecar with the signer's statements and `n` envelopes of strangers. */
static void write_with_strangers(size_t n)
{
	cleanup_free struct envelope *list = calloc(n + N_MADE, sizeof(*list));
	cleanup_free char *keyids = calloc(n, KEYID_HEX + 1);
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };

	assert_non_null(list);
	publisher_make(&p, NULL);
	memcpy(list, p.envelopes, N_MADE * sizeof(*list));
	publisher_resign(&p, N_MADE, p.stranger, "x");
	for (size_t i = 0; i < n; i++) {
		char *keyid = keyids + i * (KEYID_HEX + 1);

		snprintf(keyid, KEYID_HEX + 1, "%064zx", i);
		list[N_MADE + i] = p.envelopes[N_MADE];
		list[N_MADE + i].keyid = keyid;
	}
	assert_ok(sidecar_encode(&bytes, list, n + N_MADE, &err), &err);
	write_bytes(p.sidecar, bytes.data, bytes.len);
}

static void strangers_are_limited(void **state)
{
	(void)state;
	publisher_pin_stranger(&p);
	p.issuer = "acme";
	/* The stranger is pinned: under a name that nobody pinned its signature is misnamed. */
	write_with_strangers(LIMIT_TRIES / 2 + 1);
	assert_refused(&p, "carriers-canonical", LIMIT);
	write_with_strangers(LIMIT_TRIES / 2);
	assert_refused(&p, "keyids-computed", KEYID_MISMATCH);
}

static void carriers_are_limited(void **state)
{
	(void)state;
	write_with_strangers(LIMIT_ENVELOPES - N_MADE);
	assert_accepted(&p);
	put_envelopes(p.path, p.envelopes, N_MADE);
	assert_accepted(&p);
	publisher_sign(&p, p.signer, "one more", 8);
	publisher_sign(&p, p.signer, "and more", 8);
	p.envelopes[N_MADE] = p.envelopes[p.n_envelopes - 1];
	put_envelopes(p.path, p.envelopes, N_MADE + 1);
	assert_refused(&p, "carriers-canonical", LIMIT);
}

/* --- admissions ------------------------------------------------------------------------ */

static const int64_t day = 1800000000; /* an admission's last, in these tests */

static void admit_alone(const struct edit *edits)
{
	p.n_envelopes = 0;
	publisher_admit(&p, p.signer, "admission:1", day, edits);
	publisher_write(&p);
}

static void admission_alone(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;
	cleanup_buf struct buf line = BUF_INIT(1024);
	struct wm_error err = { 0 };
	char expected[256];

	(void)state;
	admit_alone(NULL);
	p.options.now = day - 1;
	assert_accepted_full(&p);
	v = publisher_verify(&p, false);
	assert_null(v->facts.manifest);
	assert_ok(verdict_headline(&line, v, &err), &err);
	snprintf(expected, sizeof(expected), "admitted by key:%.16s until 2027-01-15T08:00:00Z; "
		 "publisher: none; integrity only: nothing decided about data",
		 public_key_id(signer_public(p.signer)));
	assert_string_equal(buf_str(&line), expected);
	p.options.now = day;
	assert_refused(&p, "admission-current", ADMISSION_EXPIRED);
	p.options.now = day + 1;
	assert_refused(&p, "admission-current", ADMISSION_EXPIRED);
}

static void admission_of_other_bytes(void **state)
{
	static const struct {
		const char *from, *to, *check;
		enum reason reason;
	} cases[] = {
		{ "\"c5d35f5d", "\"c5d35f5e", "file-digests-equal", REASON_FILE_MISMATCH },
		{ "\"size\":10008", "\"size\":10009", "file-digests-equal", REASON_FILE_MISMATCH },
		{ "\"40fe166d", "\"40fe166c", "weights-equal", REASON_WEIGHTS_MISMATCH },
		{ "safetensors/1", "raw/1", "grammars-equal", REASON_GRAMMAR_MISMATCH },
	};

	(void)state;
	p.options.now = day - 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		admit_alone(EDIT(cases[i].from, cases[i].to));
		assert_decided_(&p, false, WM_REFUSE, cases[i].check,
				reason_info(cases[i].reason)->id, __FILE__, (int)i);
	}
	admit_alone(EDIT("\"dd9a34da", "\"dd9a34db"));
	assert_refused_full(&p, "sha256-equal", SHA256_MISMATCH);
	assert_accepted(&p);
}

/* The manifest decides, whatever the admission says, expired or about other bytes. */
static void admission_beside_manifest(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	publisher_admit(&p, p.stranger, "admission:1", day,
			EDIT("\"size\":10008", "\"size\":10009"));
	publisher_write(&p);
	p.options.now = day + 1;
	assert_accepted(&p);
	assert_note("admission", false);
	publisher_pin_stranger(&p);
	assert_accepted(&p);
	assert_note("admission", true);
	p.options.now = 0;
	/* By one who does not pin the publisher, the admission. */
	p.n_envelopes = 0;
	make_both(NULL);
	publisher_admit(&p, p.stranger, "admission:1", INT64_C(9000000000), NULL);
	publisher_write(&p);
	keyring_free(p.pinned);
	p.pinned = NULL;
	{
		struct wm_error err = { 0 };

		assert_ok(keyring_new(&p.pinned, &err), &err);
	}
	publisher_pin_stranger(&p);
	assert_accepted(&p);
	assert_note("key-not-pinned", true);
}

/* Each answers for himself: one whose admission fits and has not expired is enough. */
static void several_admissions(void **state)
{
	(void)state;
	publisher_pin_stranger(&p);
	p.options.now = day - 1;
	publisher_admit(&p, p.signer, "admission:1", day, NULL);
	publisher_admit(&p, p.stranger, "admission:1", day - 1, NULL);
	publisher_admit(&p, p.signer, "admission:2", day + 9,
			EDIT("\"size\":10008", "\"size\":10009"));
	publisher_write(&p);
	assert_accepted(&p);
	p.options.now = day;
	assert_refused(&p, "admission-current", ADMISSION_EXPIRED);
	/* A correction takes back what it corrects. */
	p.options.now = day - 1;
	p.n_envelopes = 1;
	publisher_admit(&p, p.signer, "admission:1", day - 2, NULL);
	publisher_write(&p);
	assert_refused(&p, "statements-chained", CHAIN_BROKEN);
}

static void corrected_admission(void **state)
{
	char id[STATEMENT_ID_TEXT + 1], corrected[160];

	(void)state;
	p.options.now = day - 1;
	statement_id_text(id, publisher_admit(&p, p.signer, "admission:1", day, NULL)->statement);
	snprintf(corrected, sizeof(corrected),
		 "\"previous\":\"%s\",\"schema_minor\":0,\"sequence\":2", id);
	publisher_admit(&p, p.signer, "admission:1", day - 1,
			EDIT("\"schema_minor\":0,\"sequence\":1", corrected));
	publisher_write(&p);
	assert_refused(&p, "admission-current", ADMISSION_EXPIRED);
	p.options.now = day - 2;
	assert_accepted(&p);
}

/* Who admits under the publisher's own name has not its key. */
static void admission_in_anothers_name(void **state)
{
	char own[8 + KEYID_HEX], other[8 + KEYID_HEX];

	(void)state;
	publisher_pin_stranger(&p);
	p.options.now = day - 1;
	snprintf(own, sizeof(own), "key:%s", public_key_id(signer_public(p.signer)));
	snprintf(other, sizeof(other), "key:%s", public_key_id(signer_public(p.stranger)));
	publisher_admit(&p, p.signer, "digits-mlp@1.0.0", day, NULL);
	publisher_write(&p);
	assert_accepted(&p);
	p.n_envelopes = 0;
	publisher_admit(&p, p.signer, "digits-mlp@1.0.0", day,
			(struct edit[]){ { 0, own, other }, { 0, NULL, NULL } });
	publisher_write(&p);
	assert_refused(&p, "issuers-bound", ISSUER_MISMATCH);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(same_in_both),
		CASE(halves),
		CASE(newest_wins),
		CASE(two_of_one_sequence),
		CASE(chains_hold),
		CASE(chain_of_two_kinds),
		CASE(free_names_are_noted),
		CASE(two_publishers),
		CASE(inherited_slot),
		CASE(inherited_by_grammar),
		CASE(replayed_slot),
		CASE(displaced_slot),
		CASE(parent_beside_child),
		CASE(grandparents),
		CASE(descendants_in_slots),
		CASE(garbage_in_a_slot),
		CASE(openings_in_a_slot),
		CASE(slots_of_shards),
		CASE(strangers_are_limited),
		CASE(carriers_are_limited),
		CASE(admission_alone),
		CASE(admission_of_other_bytes),
		CASE(admission_beside_manifest),
		CASE(several_admissions),
		CASE(corrected_admission),
		CASE(admission_in_anothers_name),
	};

	return run_tests(tests);
}
