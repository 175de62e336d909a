/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/draft.c, draft_sources.c: what others wrote never becomes structure. */
#include "publisher.h"

#include <stdio.h>
#include <unistd.h>

#include "attest/draft.h"
#include "attest/inherited.h"
#include "attest/sign.h"
#include "format/slot.h"
#include "text/yaml.h"
#include "util/limits.h"

static struct publisher p;

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

static void beside(const char *name, const char *text)
{
	cleanup_free char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", p.dir, name) > 0);
	write_bytes(path, text, strlen(text));
}

static void draft(struct buf *out)
{
	struct wm_error err = { 0 };

	out->len = 0;
	assert_ok(draft_write(out, p.measured, &err), &err);
}

/* Puts a value in the place of each line without one: what the person signing does. */
static void fill_in(struct buf *yaml)
{
	static const struct {
		const char *key, *value;
	} values[] = {
		{ "  name:  #", "  name: m  #" },
		{ "  version:  #", "  version: 1.0.0  #" },
		{ "  licence:  #", "  licence: MIT  #" },
		{ "\nlicence:  #", "\nlicence: MIT  #" },
		{ "  - id:  #", "  - id: run-1  #" },
		{ "- dataset_id:  #", "- dataset_id: data  #" },
		{ "\ndataset_id:  #", "\ndataset_id: data  #" },
		{ "role:  #", "role: pretrain  #" },
		{ "title:  #", "title: Data  #" },
		{ "record_count:  #", "record_count: 1  #" },
		{ "has_personal_info:  #", "has_personal_info: no_assertion  #" },
		{ "- kind:  #", "- kind: finetune  #" },
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strstr(buf_str(yaml), values[i].key))
			replace_all(yaml, values[i].key, values[i].value);
}

static enum wm_code sign(const struct buf *yaml, struct wm_error *err)
{
	cleanup_signing struct signing done = { 0 };
	const struct sign_options options = {
		.yaml = yaml->data,
		.yaml_len = yaml->len,
		.yaml_name = "m.yaml",
		.signer = p.signer,
		.workers = 1,
		.no_cache = true,
	};

	unlink(p.sidecar);
	return checkpoint_sign(&done, p.path, &options, err);
}

/* The draft as it is cannot be signed; filled in it can. */
static void check_signing(struct buf *yaml)
{
	struct wm_error err = { 0 };

	assert_int_not_equal(sign(yaml, &err), WM_OK);
	if (strcmp(err.reason, "yaml-field") != 0)
		test_failed(__FILE__, __LINE__, "%s [%s]: %s", err.message, err.reason, buf_str(yaml));
	fill_in(yaml);
	if (sign(yaml, &err) != WM_OK)
		test_failed(__FILE__, __LINE__, "%s [%s]: %s", err.message, err.reason, buf_str(yaml));
	assert_accepted(&p);
}

/* Asserts that `yaml` has these documents, in this order, and no control character. */
static void check_structure(const struct buf *yaml, size_t n_datasets)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	size_t i = 0;

	for (size_t j = 0; j < yaml->len; j++)
		assert_true(yaml->data[j] == '\n' || (yaml->data[j] >= ' ' && yaml->data[j] != 0x7f));
	assert_null(strstr(buf_str(yaml), "\xe2\x80\xae"));
	assert_null(strstr(buf_str(yaml), "\xc2\x9b"));
	if (yaml_read(&t, yaml->data, yaml->len, "draft", &err) != WM_OK)
		test_failed(__FILE__, __LINE__, "%s: %s", err.message, buf_str(yaml));
	assert_int_equal(t.root->len, 1 + n_datasets);
	for (const struct node *d = t.root->first; d; d = d->next, i++) {
		assert_string_equal(node_find(d, "kind")->text, i ? "dataset" : "manifest");
		for (const struct node *n = d->first; n; n = n->next)
			if (!strstr("kind model derivation training_run dataset_id title licence "
				    "record_count has_personal_info", n->key))
				test_failed(__FILE__, __LINE__, "a field %s: %s", n->key,
					    buf_str(yaml));
	}
}

static void sources_absent(void **state)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);

	(void)state;
	draft(&yaml);
	check_structure(&yaml, 1);
	assert_null(strstr(buf_str(&yaml), "architecture"));
	check_signing(&yaml);
}

static void sources_used(void **state)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);

	(void)state;
	beside("config.json", "{\"a\": [1, {\"architectures\": [\"No\"]}], \"architectures\": "
			      "[\"Llama\", \"Other\"], \"z\": null}");
	beside("README.md", "---\nlicense: apache-2.0\nmodel_name: tiny\nbase_model: acme/base\n"
			    "datasets:\n- acme/one\n- two\n---\n# Card\n");
	draft(&yaml);
	check_structure(&yaml, 2);
	assert_non_null(strstr(buf_str(&yaml), "  name: tiny  # README.md\n"));
	assert_non_null(strstr(buf_str(&yaml), "  architecture: Llama  # config.json\n"));
	assert_non_null(strstr(buf_str(&yaml), "  licence: Apache-2.0  # README.md: apache-2.0\n"));
	assert_non_null(strstr(buf_str(&yaml), "      - uri: acme/base  # README.md\n"));
	assert_non_null(strstr(buf_str(&yaml), "      - dataset_id: acme-one  # README.md\n"));
	assert_non_null(strstr(buf_str(&yaml), "dataset_id: two  # README.md: two\n"));
	check_signing(&yaml);
}

/* Malformed files are noted and do not keep anybody from drafting. */
static void malformed_sources(void **state)
{
	static const char *const configs[] = {
		"", "{", "[]", "nonsense", "{\"architectures\": 1}", "{\"architectures\": []}",
		"{\"architectures\": [[\"x\"]]}", "{\"architectures\": [\"x\"]", "{\"architectures\": [\"x\"]} 1",
		"{\"architectures\": {\"a\": 1}, \"architectures\": [\"x\"]}", "\"\\ud800\"", "null",
	};
	static const char *const cards[] = {
		"", "---", "---\n", "---\n---\n", "---\nnot closed\n", "# Card\n---\nlicense: mit\n---\n",
		"---\n- a\n- b\n---\n", "---\n{\n---\n", "---\nlicense: [a, b]\n---\n",
		"---\nlicense: {a: b}\n---\n", "---\ndatasets: x\n---\n", "---\ndatasets: []\n---\n",
		"---\ndatasets: [[a], {b: c}, '']\n---\n", "---\ndatasets: [~]\n---\n",
		"---\nbase_model: []\n---\n", "---\nbase_model: [[a], b]\n---\n",
		"---\nbase_model: [a, [b], c]\n---\n", "---\nbase_model: ''\n---\n",
		"---\nmodel_name: ''\n---\n", "---\na: &x [*x]\n---\n", "---\njust words\n---\n",
		"---\n\xff\xfe\n---\n", "---\nmodel_name: 'a\n---\n", "---\nlicense: mit\nlicense: isc\n---\n",
	};
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		beside("config.json", configs[i]);
		draft(&yaml);
		check_structure(&yaml, 1);
		fill_in(&yaml);
		if (sign(&yaml, &err) != WM_OK)
			test_failed(__FILE__, (int)i, "%s: %s", err.message, buf_str(&yaml));
	}
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		beside("README.md", cards[i]);
		draft(&yaml);
		assert_non_null(strstr(buf_str(&yaml), "kind: manifest\n"));
		if (yaml_read(&t, yaml.data, yaml.len, "draft", &err) != WM_OK)
			test_failed(__FILE__, (int)i, "%s: %s", err.message, buf_str(&yaml));
		tree_release(&t);
		t = (struct tree)TREE_INIT;
	}
}

/* A malformed file that is there is named, so that nobody takes it for read. */
static void malformed_sources_are_noted(void **state)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);

	(void)state;
	beside("config.json", "{");
	draft(&yaml);
	assert_non_null(strstr(buf_str(&yaml), "config.json: "));
	beside("README.md", "---\n{\n---\n");
	draft(&yaml);
	assert_non_null(strstr(buf_str(&yaml), "config.json: "));
	assert_non_null(strstr(buf_str(&yaml), "README.md: "));
	beside("config.json", "{\"architectures\": [\"x\"]} more");
	draft(&yaml);
	assert_null(strstr(buf_str(&yaml), "architecture"));
	beside("config.json", "{}");
	beside("README.md", "---\nlicense: mit\n---\n");
	draft(&yaml);
	assert_null(strstr(buf_str(&yaml), "config.json: "));
}

/* Text that would be other YAML, or steer a terminal, if it were not quoted or escaped. */
static void hostile_sources(void **state)
{
	static const char *const words[] = {
		"x\\nkind: manifest", "x\\n---\\nkind: dataset", "x: y", "x #y", "# x", "- x", "? x", "[x", "{x",
		"&x", "*x", "!x", "| ", "> ", "%YAML 1.2", "@x", "`x", "'x", "\\\"x", "---", "...", "--- x",
		"\\u001b[2Jx", "x\\r\\nkind: run", "x\\u2028kind: run", "x\\u0085kind: run", "\\u202ex", "\\u009bx",
		" x", "x ", "x:", ":", "null", "~", "yes", "1.10", "0x10", "2020-01-01", "<<", "=", "\\\\", "\\t",
	};
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cleanup_free char *config = NULL, *card = NULL;

		assert_true(asprintf(&config, "{\"architectures\": [\"%s\"]}", words[i]) > 0);
		assert_true(asprintf(&card, "---\nlicense: \"%s\"\nbase_model: [\"%s\"]\n"
				     "datasets: [\"%s\"]\n---\n", words[i], words[i], words[i]) > 0);
		beside("config.json", config);
		beside("README.md", card);
		draft(&yaml);
		check_structure(&yaml, 1);
		check_signing(&yaml);
	}
}

/* The metadata of the file itself is anybody's text too. */
static void hostile_metadata(void **state)
{
	static const char header[] =
		"{\"__metadata__\":{\"a\\nkind: run\":\"b\\n---\\nkind: dataset\",\"\\u001b[2J\":\"\\u202e\"},"
		"\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
	cleanup_buf struct buf bytes = BUF_INIT(4096), yaml = BUF_INIT(LIMIT_YAML);
	const struct checkpoint_open_options opening = { NULL };
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_free char *path = NULL;
	struct wm_error err = { 0 };
	uint64_t len = sizeof(header) - 1;

	(void)state;
	assert_true(asprintf(&path, "%s/h.safetensors", p.dir) > 0);
	assert_ok(buf_append(&bytes, &len, sizeof(len), &err), &err);
	assert_ok(buf_append(&bytes, header, sizeof(header), &err), &err);
	write_bytes(path, bytes.data, bytes.len);
	assert_ok(checkpoint_open(&c, path, &opening, &err), &err);
	assert_ok(draft_write(&yaml, c, &err), &err);
	check_structure(&yaml, 1);
}

/* Drafts for a file with these metadata; returns how many lines of them there are. */
static size_t draft_metadata(struct buf *yaml, const struct buf *metadata)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);
	const struct checkpoint_open_options opening = { NULL };
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_free char *path = NULL;
	struct wm_error err = { 0 };
	uint64_t len = 0;
	size_t n = 0;

	assert_true(asprintf(&path, "%s/m.safetensors", p.dir) > 0);
	assert_ok(buf_append(&bytes, &len, sizeof(len), &err), &err);
	assert_ok(buf_printf(&bytes, &err, "{\"__metadata__\":{%s}}", buf_str(metadata)), &err);
	len = bytes.len - sizeof(len);
	memcpy(bytes.data, &len, sizeof(len));
	write_bytes(path, bytes.data, bytes.len);
	assert_ok(checkpoint_open(&c, path, &opening, &err), &err);
	yaml->len = 0;
	assert_ok(draft_write(yaml, c, &err), &err);
	check_structure(yaml, 1);
	for (const char *at = buf_str(yaml); (at = strstr(at, "# metadata of")); at++)
		n++;
	return n;
}

/* Long keys are cut, many are counted: the draft stays one that a person reads. */
static void much_metadata(void **state)
{
	cleanup_buf struct buf metadata = BUF_INIT(LIMIT_HEADER), yaml = BUF_INIT(65536);
	cleanup_buf struct buf key = BUF_INIT(200000);
	struct wm_error err = { 0 };

	(void)state;
	for (int i = 0; i < 200000; i++)
		assert_ok(buf_append_byte(&key, 'k', &err), &err);
	for (int i = 0; i < 32; i++)
		assert_ok(buf_printf(&metadata, &err, "%s\"%s%d\":\"v\"", i ? "," : "",
				     i ? "k" : buf_str(&key), i), &err);
	assert_int_equal(draft_metadata(&yaml, &metadata), 32);
	assert_null(strstr(buf_str(&yaml), "entries more"));
	for (int i = 32; i < LIMIT_METADATA; i++)
		assert_ok(buf_printf(&metadata, &err, ",\"k%d\":\"v\"", i), &err);
	assert_int_equal(draft_metadata(&yaml, &metadata), 33);
	assert_non_null(strstr(buf_str(&yaml), ": 65504 entries more\n"));
}

/* What a converter makes of the signed checkpoint: its metadata, slot and all, and other tensors. */
static char *convert(void)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML), carried = BUF_INIT(LIMIT_SIDECAR);
	cleanup_buf struct buf value = BUF_INIT(LIMIT_HEADER), bytes = BUF_INIT(LIMIT_HEADER);
	struct wm_error err = { 0 };
	char *path = NULL;
	uint64_t len = 0;

	assert_ok(buf_append_str(&yaml, p.yaml, &err), &err);
	assert_ok(sign(&yaml, &err), &err);
	read_file(&carried, p.sidecar);
	assert_ok(slot_write_value(&value, 'm', 100, SLOT_UNIT, carried.data, carried.len, &err),
		  &err);
	assert_ok(buf_append(&bytes, &len, sizeof(len), &err), &err);
	assert_ok(buf_printf(&bytes, &err, "{\"t\":{\"dtype\":\"U8\",\"shape\":[1],"
			     "\"data_offsets\":[0,1]},\"__metadata__\":{\"weightmark\":\"%s\"}}",
			     buf_str(&value)), &err);
	len = bytes.len - sizeof(len);
	memcpy(bytes.data, &len, sizeof(len));
	assert_ok(buf_append_byte(&bytes, 1, &err), &err);
	assert_true(asprintf(&path, "%s/converted.safetensors", p.dir) > 0);
	write_bytes(path, bytes.data, bytes.len);
	return path;
}

static enum wm_code draft_converted(void *context, struct wm_error *err)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);

	return draft_write(&yaml, context, err);
}

static void ancestors_become_parents(void **state)
{
	const struct checkpoint_open_options opening = { NULL };
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	cleanup_free char *path = convert();
	cleanup_inherited struct inherited inherited = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(checkpoint_open(&c, path, &opening, &err), &err);
	assert_true(c->files[0].layout.displaced);
	assert_ok(inherited_find(&inherited, c, &err), &err);
	assert_int_equal(inherited.n, 1);
	assert_memory_equal(inherited.list[0].weights_digest,
			    p.measured->parts[0].weights_digest, SHA256_BYTES);
	assert_ok(draft_write(&yaml, c, &err), &err);
	check_structure(&yaml, 1);
	assert_non_null(strstr(buf_str(&yaml), "/digits-mlp@1.0.0"));
	assert_non_null(strstr(buf_str(&yaml), "was not verified"));
	with_every_allocation_failing(draft_converted, c);
	/* Its own slot is no ancestor's. */
	inherited_release(&inherited);
	assert_ok(inherited_find(&inherited, p.measured, &err), &err);
	assert_int_equal(inherited.n, 0);
}

static enum wm_code draft_once(void *context, struct wm_error *err)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);

	(void)context;
	return draft_write(&yaml, p.measured, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	beside("config.json", "{\"architectures\": [\"x\"]}");
	beside("README.md", "---\nlicense: mit\ndatasets: [a, b]\nbase_model: c\n---\n");
	with_every_allocation_failing(draft_once, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sources_absent),
		CASE(sources_used),
		CASE(malformed_sources),
		CASE(malformed_sources_are_noted),
		CASE(hostile_sources),
		CASE(hostile_metadata),
		CASE(much_metadata),
		CASE(ancestors_become_parents),
		CASE(survives_failing_allocations),
	};

	return run_tests(tests);
}
