/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of data among files: by content root, by records in them, and by commitments. */
#include "lineages.h"

#include <stdio.h>

#include "data/records_read.h"
#include "lineage/scan.h"
#include "util/file.h"
#include "util/hex.h"

/* A folder, and a graph of one dataset whose content root a test chooses. */
struct scene {
	char *dir;
	struct shelf shelf;
	struct graph *graph;
	struct taints taints;
	char found[8][64]; /* "name state kind" of what was visited */
	size_t n;
	const struct scan_records *records;
	size_t n_records;
};

static void put(const struct scene *c, const char *name, const char *text)
{
	char path[4096];
	struct wm_error err = { 0 };

	snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	assert_ok(file_write(path, text, strlen(text), 0600, FILE_REPLACE, &err), &err);
}

static void open_scene(struct scene *c, const uint8_t root[SHA256_BYTES])
{
	const struct trace_seed seed = { .node = 0 };
	cleanup_trace struct trace t = { 0 };
	char hex[2 * SHA256_BYTES + 1], members[256];
	struct wm_error err = { 0 };

	c->dir = scratch_new();
	shelf_open(&c->shelf);
	hex_encode(hex, root, SHA256_BYTES);
	snprintf(members, sizeof(members), ",\"content_root\":\"%s\"", hex);
	lineage_dataset(&c->shelf, "d", members);
	shelf_append(&c->shelf, SHELF_ORIGIN, 10);
	c->graph = lineage_graph_of(&c->shelf);
	assert_int_equal(lineage_node(c->graph, "d"), 0);
	assert_ok(taints_init(&c->taints, c->graph, &err), &err);
	assert_ok(trace_from(&t, c->graph, &seed, 1, &(struct trace_options){ .roles = 0 }, &err),
		  &err);
	taints_add(&c->taints, &t);
}

static void close_scene(struct scene *c)
{
	taints_release(&c->taints);
	graph_free(c->graph);
	shelf_close(&c->shelf);
	scratch_remove(c->dir);
}
#define cleanup_scene __attribute__((cleanup(close_scene)))

static enum wm_code note(void *context, const struct scanned *s, struct wm_error *err)
{
	struct scene *c = context;

	if (c->n == 8)
		return fail(err, REASON_INTERNAL, "too many places");
	snprintf(c->found[c->n++], sizeof(c->found[0]), "%.20s %s%s",
		 strrchr(s->place, '/') ? strrchr(s->place, '/') + 1 : s->place,
		 s->kind == SCANNED_COPY ? taint_state_name(s->answer.state) : "not read",
		 s->is_record ? " record" : "");
	return WM_OK;
}

static enum wm_code scan_once(void *context, struct wm_error *err)
{
	struct scene *c = context;
	const struct scan s = { .taints = &c->taints, .visit = note, .context = c, .workers = 1,
				.records = c->records, .n_records = c->n_records };

	c->n = 0;
	return scan_path(&s, c->dir, err);
}

static void root_of(uint8_t root[SHA256_BYTES], const char *const *records, size_t n)
{
	cleanup_record_set struct record_set set = { .n = 0 };
	uint8_t digest[1][SHA256_BYTES];
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		assert_ok(sha256_of(digest[0], records[i], strlen(records[i]), &err), &err);
		assert_ok(record_set_add(&set, (const uint8_t (*)[SHA256_BYTES])digest, 1, &err),
			  &err);
	}
	record_set_close(&set);
	assert_ok(record_set_content_root(root, &set, &err), &err);
}

static void a_whole_file_is_the_one_record(void **state)
{
	cleanup_scene struct scene c = { .n = 0 };
	char hex[2 * SHA256_BYTES + 1], text[256];
	uint8_t root[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	root_of(root, (const char *const[]){ "a dump" }, 1);
	open_scene(&c, root);
	put(&c, "1", "a dump");
	put(&c, "2", "a dump\n");
	put(&c, "3.jsonl", "a dump\n");
	put(&c, "4.jsonl", "a dump\na dump\n");
	assert_ok(sha256_of(root, "a dump", 6, &err), &err);
	hex_encode(hex, root, SHA256_BYTES);
	snprintf(text, sizeof(text), "version https://git-lfs.github.com/spec/v1\n"
				     "oid sha256:%s\nsize 6\n", hex);
	put(&c, "5", text);
	assert_ok(scan_once(&c, &err), &err);
	assert_int_equal(c.n, 5);
	assert_string_equal(c.found[0], "5 tainted"); /* what needs no reading comes first */
	assert_string_equal(c.found[1], "1 tainted");
	assert_string_equal(c.found[2], "2 unknown");
	assert_string_equal(c.found[3], "3.jsonl tainted"); /* the same record */
	assert_string_equal(c.found[4], "4.jsonl unknown");
	with_every_allocation_failing(scan_once, &c);
}

static void a_file_of_records_in_any_order(void **state)
{
	cleanup_scene struct scene c = { .n = 0 };
	uint8_t root[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	root_of(root, (const char *const[]){ "x,1", "y,2" }, 2);
	open_scene(&c, root);
	put(&c, "1.csv", "y,2\r\nx,1\r\n");
	put(&c, "2.ndjson", "x,1\ny,2\n");
	put(&c, "3.txt", "x,1\ny,2\n");
	put(&c, "4.csv", "x,1\n");
	put(&c, "5.csv", "\"x,1\n");
	put(&c, "6.tar", "x,1\ny,2\n");
	assert_ok(scan_once(&c, &err), &err);
	assert_int_equal(c.n, 6);
	assert_string_equal(c.found[0], "1.csv tainted");
	assert_string_equal(c.found[1], "2.ndjson tainted");
	for (size_t i = 2; i < 6; i++)
		assert_non_null(strstr(c.found[i], " unknown"));
	with_every_allocation_failing(scan_once, &c);
}

/* Rows of leaves, as `dataset record` writes them; the root of the statement is of no matter here. */
static void write_commitments(const char *path, const struct record_key *key,
			      const char *const *records, size_t n)
{
	cleanup_record_set struct record_set set = { .n = 0 };
	struct commitments_header h = { .n_rows = n, .n_records = n };
	cleanup_free uint8_t (*tops)[SHA256_BYTES] = NULL;
	uint8_t digest[1][SHA256_BYTES];
	cleanup_new_file struct new_file f = NEW_FILE_INIT;
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		assert_ok(sha256_of(digest[0], records[i], strlen(records[i]), &err), &err);
		assert_ok(record_set_add(&set, (const uint8_t (*)[SHA256_BYTES])digest, 1, &err),
			  &err);
	}
	record_set_close(&set);
	assert_ok(record_set_commit(&set, key, 1, &err), &err);
	assert_ok(record_set_root(h.root, &tops, &set, &err), &err);
	memcpy(h.key_id, key->id, SHA256_BYTES);
	assert_ok(new_file_open(&f, path, 0600, &err), &err);
	assert_ok(commitments_write(&f, &h, &set, (const uint8_t (*)[SHA256_BYTES])tops, NULL, &err),
		  &err);
	assert_ok(new_file_finish(&f, FILE_REPLACE, &err), &err);
}

static void single_records_by_commitments(void **state)
{
	static const char *const records[] = { "one face", "other face" };
	cleanup_scene struct scene c = { .n = 0 };
	cleanup_commitments struct commitments *commitments = NULL;
	cleanup_record_key struct record_key key = { .id = { 0 } };
	char *dir = scratch_new(), path[4096];
	struct scan_records by = { .key = &key };
	uint8_t root[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	root_of(root, records, 2);
	open_scene(&c, root);
	put(&c, "1", "other face");
	put(&c, "2", "a third face");
	assert_ok(scan_once(&c, &err), &err);
	assert_string_equal(c.found[0], "1 unknown");
	snprintf(path, sizeof(path), "%s/d.wmc", dir);
	assert_ok(record_key_new(&key, &err), &err);
	write_commitments(path, &key, records, 2);
	assert_ok(commitments_open(&commitments, path, &err), &err);
	by.commitments = commitments;
	c.records = &by;
	c.n_records = 1;
	assert_ok(scan_once(&c, &err), &err);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.found[0], "1 tainted record");
	assert_string_equal(c.found[1], "2 unknown");
	with_every_allocation_failing(scan_once, &c);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file_is_the_one_record),
		cmocka_unit_test(a_file_of_records_in_any_order),
		cmocka_unit_test(single_records_by_commitments),
	};

	return run_tests(tests);
}
