/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/import.c: histories as CSV and as OpenLineage events; good, boundary and malformed. */
#include "harness.h"

#include <stdio.h>

#include "attest/import.h"
#include "statement/mapping.h"
#include "text/json.h"
#include "util/file.h"
#include "util/limits.h"
#include "weightmark/v1/run.pb-c.h"

#define NOW 1700000000 /* 2023-11-14T22:13:20Z */
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEAD "run,activity,started,ended,dataset,role,from_step,to_step,parent,output,step," \
	     "sha256,weights\n"

#define EVENT(type, time, run, more)                                                        \
	"{\"eventType\":\"" type "\",\"eventTime\":\"" time "\",\"run\":{\"runId\":\"" run    \
	"\"},\"job\":{\"namespace\":\"etl\",\"name\":\"train\"}" more "}\n"
#define THING(name) "{\"namespace\":\"lab.example\",\"name\":\"" name "\"}"

/* An event that says when the run should be. */
#define PLANNED(from, to)                                                                     \
	"{\"eventTime\":\"2020-01-01T00:00:00Z\",\"run\":{\"runId\":\"r\",\"facets\":{"           \
	"\"nominalTime\":{\"nominalStartTime\":\"" from "\",\"nominalEndTime\":\"" to "\"}}}," \
	"\"job\":{\"namespace\":\"etl\",\"name\":\"train\"}}\n"

static char *dir, csv[4096], jsonl[4096];

static int make_dir(void **state)
{
	(void)state;
	dir = scratch_new();
	snprintf(csv, sizeof(csv), "%s/h.csv", dir);
	snprintf(jsonl, sizeof(jsonl), "%s/h.jsonl", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	scratch_remove(dir);
	return 0;
}

static enum wm_code import_text(struct composition *out, struct imported *counts,
				const char *path, const char *text, size_t len,
				struct wm_error *err)
{
	struct wm_error wrote = { 0 };

	assert_ok(file_write(path, text, len, 0600, FILE_REPLACE, &wrote), &wrote);
	return import_compose(out, counts, path, NOW, NULL, err);
}

/* Appends the runs as JSON, a line each, without what all have in common. */
static void print_runs(struct buf *out, const struct composition *c)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	struct node *n = NULL;

	for (size_t i = 0; i < c->n_statements; i++) {
		Weightmark__V1__Run *r = (Weightmark__V1__Run *)c->statements[i].message;

		assert_int_equal(r->retrospective, WEIGHTMARK__V1__TRI__VALUE__yes);
		assert_non_null(r->imported_from->sha256);
		r->has_retrospective = 0;
		r->imported_from = NULL;
		assert_ok(mapping_write(&n, &t, &r->base, &err), &err);
		assert_ok(json_write_canonical(out, n, &err), &err);
		assert_ok(buf_append_byte(out, '\n', &err), &err);
	}
}

static void assert_runs(const char *path, const char *text, const char *expected)
{
	cleanup_composition struct composition c = { .n_statements = 0 };
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	struct imported counts;
	struct wm_error err = { 0 };

	assert_ok(import_text(&c, &counts, path, text, strlen(text), &err), &err);
	assert_int_equal(counts.size, strlen(text));
	print_runs(&out, &c);
	assert_string_equal(buf_str(&out), expected);
}

/* The message must end with `where`, and the reason be `reason`. */
static void assert_refused(const char *path, const char *text, size_t len, enum reason reason,
			   const char *where)
{
	cleanup_composition struct composition c = { .n_statements = 0 };
	struct imported counts;
	struct wm_error err = { 0 };

	if (import_text(&c, &counts, path, text, len, &err) == WM_OK)
		test_failed(__FILE__, __LINE__, "took '%s'", text);
	if (error_reason(&err) != reason || !strstr(err.message, where))
		test_failed(__FILE__, __LINE__, "'%s' for '%s': %s (%s)", where, text, err.message,
			    err.reason);
	assert_int_equal(c.n_statements, 0);
}

static void rows_add_up(void **state)
{
	(void)state;
	assert_runs(csv,
		    HEAD
		    "r1,train,2020-01-01,2020-01-02,a/E,finetune,0,9,,,,,\r\n"
		    "r2,convert,,,,,,,a/M@1,s3://b/c d,,,\n"
		    "r1,train,2020-01-01,,a/D,pretrain,,,sha256:" A64 ",a/M@1,7,,\n"
		    "r1,,,2020-01-02T23:59:59Z,a/E,finetune,0,9,a/P,a/M@1,," A64 "," B64 "\n"
		    "r3,,,,,,,,,,,," B64 "\n",
		    "{\"activity\":\"train\",\"end\":\"2020-01-02T23:59:59Z\",\"id\":\"r1\","
		    "\"output_model\":{\"object\":\"a/M@1\",\"sha256\":\"" A64
		    "\",\"weights_digest\":\"" B64 "\"},\"output_step\":7,"
		    "\"parent_model\":[{\"object\":\"a/P\"},{\"sha256\":\"" A64 "\"}],"
		    "\"start\":\"2020-01-01T00:00:00Z\",\"uses\":["
		    "{\"dataset\":{\"object\":\"a/D\"},"
		    "\"role\":\"pretrain\"},{\"dataset\":{\"object\":\"a/E\"},\"from_step\":0,"
		    "\"role\":\"finetune\",\"to_step\":9}]}\n"
		    "{\"activity\":\"convert\",\"id\":\"r2\",\"output_model\":{\"uri\":\"s3://b/c d\"},"
		    "\"parent_model\":[{\"object\":\"a/M@1\"}]}\n"
		    "{\"id\":\"r3\",\"output_model\":{\"weights_digest\":\"" B64 "\"}}\n");
}

/* The first output keeps the run's id, whatever the order of the others. */
static void further_outputs_have_statements_of_their_own(void **state)
{
	static const char first[] = "run,output,step\nr,a/M@1,1\nr,a/M@2,2\nr,a/M@3,3\n";
	static const char second[] = "step,run,output\n1,r,a/M@1\n3,r,a/M@3\n2,r,a/M@2\n2,r,a/M@2\n";
	static const char m1[] = "{\"id\":\"r\",\"output_model\":{\"object\":\"a/M@1\"},"
				 "\"output_step\":1}\n";
	static const char m2[] = "{\"id\":\"r.f247daf45e367e21\",\"output_model\":"
				 "{\"object\":\"a/M@2\"},\"output_step\":2}\n";
	static const char m3[] = "{\"id\":\"r.3abcbacbed21820a\",\"output_model\":"
				 "{\"object\":\"a/M@3\"},\"output_step\":3}\n";
	char expected[1024];

	(void)state;
	snprintf(expected, sizeof(expected), "%s%s%s", m1, m2, m3);
	assert_runs(csv, first, expected);
	snprintf(expected, sizeof(expected), "%s%s%s", m1, m3, m2);
	assert_runs(csv, second, expected);
}

/* They stand in one line: their names decide which keeps the run's id. */
static void outputs_of_one_event_are_by_name(void **state)
{
	(void)state;
	assert_runs(jsonl,
		    EVENT("START", "2020-01-01T00:00:00Z", "r",
			  ",\"outputs\":[" THING("M@2") "," THING("M@1") "]"),
		    "{\"activity\":\"etl/train\",\"id\":\"r\",\"output_model\":"
		    "{\"object\":\"lab.example/M@1\"},\"start\":\"2020-01-01T00:00:00Z\"}\n"
		    "{\"activity\":\"etl/train\",\"id\":\"r.2f1d9f82b739def2\",\"output_model\":"
		    "{\"object\":\"lab.example/M@2\"},\"start\":\"2020-01-01T00:00:00Z\"}\n");
}

static void events_add_up(void **state)
{
	(void)state;
	assert_runs(jsonl,
		    EVENT("COMPLETE", "2020-01-02T01:00:00.5+01:00", "r1",
			  ",\"outputs\":[" THING("M@1") "],\"producer\":{\"x\":[1.5e3,null]}")
		    EVENT("START", "2020-01-01T00:00:00Z", "r1",
			  ",\"inputs\":[" THING("D") "," THING("no id/") "],\"outputs\":null")
		    "{\"eventTime\":\"2020-01-01T00:00:00Z\",\"dataset\":" THING("D") "}\n"
		    "{\"eventTime\":\"2020-01-01T00:00:00Z\",\"run\":{\"runId\":\"r2\",\"facets\":"
		    "{\"nominalTime\":{\"nominalStartTime\":\"2020-03-01T00:00:00Z\","
		    "\"nominalEndTime\":null}}},\"job\":" THING("j") "}\n",
		    "{\"activity\":\"etl/train\",\"end\":\"2020-01-02T00:00:00Z\",\"id\":\"r1\","
		    "\"output_model\":{\"object\":\"lab.example/M@1\"},"
		    "\"start\":\"2020-01-01T00:00:00Z\",\"uses\":[{\"dataset\":"
		    "{\"object\":\"lab.example/D\"}},{\"dataset\":{\"uri\":\"lab.example/no id/\"}}]}\n"
		    "{\"activity\":\"lab.example/j\",\"id\":\"r2\","
		    "\"start\":\"2020-03-01T00:00:00Z\"}\n");
}

/* Of a day alone the first second begins, and the last ends. */
static void days_have_two_ends(void **state)
{
	static const char expected[] =
		"{\"activity\":\"etl/train\",\"end\":\"2020-01-03T23:59:59Z\",\"id\":\"r\","
		"\"start\":\"2020-01-02T00:00:00Z\"}\n";

	(void)state;
	assert_runs(csv, "run,activity,started,ended\nr,etl/train,2020-01-02,2020-01-03\n",
		    expected);
	assert_runs(jsonl,
		    EVENT("START", "2020-01-02", "r", "") EVENT("COMPLETE", "2020-01-03", "r", ""),
		    expected);
	/* The day of a run within a day, and today, of which a part is still to come. */
	assert_runs(jsonl,
		    EVENT("COMPLETE", "2023-11-14", "r", "")
		    EVENT("START", "2023-11-14T22:13:20Z", "r", ""),
		    "{\"activity\":\"etl/train\",\"end\":\"2023-11-14T23:59:59Z\",\"id\":\"r\","
		    "\"start\":\"2023-11-14T22:13:20Z\"}\n");
	assert_runs(jsonl, PLANNED("2020-01-02", "2020-01-03"), expected);
}

/* The first beginning and the last end, in whatever order; a plan counts where neither is said. */
static void runs_may_be_tried_again(void **state)
{
	static const char expected[] =
		"{\"activity\":\"etl/train\",\"end\":\"2020-01-02T14:00:00Z\",\"id\":\"r\","
		"\"start\":\"2020-01-02T09:00:00Z\"}\n";

	(void)state;
	assert_runs(jsonl,
		    EVENT("FAIL", "2020-01-02T10:00:00Z", "r", "")
		    EVENT("START", "2020-01-02T12:00:00Z", "r", "")
		    EVENT("COMPLETE", "2020-01-02T14:00:00Z", "r", "")
		    EVENT("START", "2020-01-02T09:00:00Z", "r", "")
		    PLANNED("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"), expected);
	assert_runs(jsonl,
		    PLANNED("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z")
		    EVENT("START", "2020-01-02T00:00:05Z", "r", ""),
		    "{\"activity\":\"etl/train\",\"id\":\"r\","
		    "\"start\":\"2020-01-02T00:00:05Z\"}\n");
}

static void malformed_rows_are_named(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ "run\n", "nothing in it is about a run" },
		{ "run,colour\n", "line 1, column 2: " },
		{ "run,run\n", "line 1, column 2: " },
		{ "run,dataset\nr\n", "line 2, column 1: " },
		{ "run\nr,s\n", "line 2, column 2: " },
		{ "run,dataset\n\"r\"x,a/D\n", "line 2, column 1: " },
		{ "run,dataset\n,a/D\n", "line 2, column 1: " },
		{ "run,dataset\n-r,a/D\n", "line 2, column 1: " },
		{ "run,dataset\nr,faces\n", "line 2, column 2: " },
		{ "run,dataset\nr,\xff:x\n", "line 2, column 2: not UTF-8" },
		{ "run,activity\nr,\xff\n", "line 2, column 2: not UTF-8" },
		{ "run,activity\nr,a\nr,b\n", "line 3, column 2: " },
		{ "run,started\nr,yesterday\n", "line 2, column 2: " },
		{ "run,started\nr,2023-11-15\n", "line 2, column 2: in the future" },
		{ "run,started\nr,2023-11-14T22:13:21Z\n", "line 2, column 2: in the future" },
		{ "run,started\nr,2020-01-01\nr,2020-01-02\n", "line 3, column 2: " },
		{ "run,started,ended\nr,2020-01-02,2020-01-01\n", "line 2, column 3: " },
		{ "run,ended,started\nr,2020-01-01,\nr,,2020-01-02\n", "line 3, column 3: " },
		{ "run,dataset,role\nr,a/D,fun\n", "line 2, column 3: " },
		{ "run,dataset,role\nr,,test\n", "line 2, column 3: of no dataset" },
		{ "run,dataset,to_step\nr,,1\n", "line 2, column 3: of no dataset" },
		{ "run,dataset,from_step\nr,a/D,-1\n", "line 2, column 3: " },
		{ "run,dataset,from_step\nr,a/D,9007199254740992\n", "line 2, column 3: " },
		{ "run,dataset,from_step\nr,a/D,99999999999999999999999\n", "line 2, column 3: " },
		{ "run,dataset,from_step,to_step\nr,a/D,2,1\n", "line 2, column 4: " },
		{ "run,step\nr,1\n", "line 2, column 2: of no output" },
		{ "run,sha256\nr,abc\n", "line 2, column 2: " },
		{ "run,output,sha256\nr," A64 "," B64 "\n", "line 2, column 3: not the one" },
		{ "run,output,step\nr,a/M,1\nr,a/M,2\n", "line 3, column 1: " },
		{ "run,output,sha256\nr,a/M," A64 "\nr,a/M," B64 "\n", "line 3, column 1: " },
		{ "run,output\nr,a/M@1\nr,a/M@2\nr.f247daf45e367e21,a/X\n", "line 4, column 1: " },
		{ "run,output\n" A64 A64 ",a/M@1\n" A64 A64 ",a/M@2\n", "line 2, column 1: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(csv, rows[i].text, strlen(rows[i].text), REASON_TABLE_MALFORMED,
			       rows[i].where);
	assert_refused(csv, "run\nr\0s\n", 8, REASON_TABLE_MALFORMED, "line 2, column 1: ");
	assert_refused(csv, "", 0, REASON_TABLE_COLUMNS, "no row");
	assert_refused(csv, "dataset\na/D\n", 12, REASON_TABLE_COLUMNS, "run");
	snprintf(jsonl, sizeof(jsonl), "%s/h.txt", dir);
	assert_refused(jsonl, "", 0, REASON_USAGE, ".csv");
	snprintf(jsonl, sizeof(jsonl), "%s/h.jsonl", dir);
}

static void malformed_events_are_named(void **state)
{
#define OK EVENT("START", "2020-01-01T00:00:00Z", "r", "")
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ "{}\n", "nothing in it is about a run" },
		{ OK "{\"a\":1,}\n", "line 2, column 8: not JSON" },
		{ OK "[]\n", "line 2, column 1: " },
		{ OK "{}{}\n", "line 2, column 3: not JSON" },
		{ OK "{\"run\":[]}\n", "line 2, column 8: " },
		{ OK "{\"run\":{},\"run\":{}}\n", "line 2, column 11: a second member" },
		{ OK "{\"run\":{}}\n", "line 2, column 1: run.runId" },
		{ OK "{\"run\":{\"runId\":7}}\n", "line 2, column 17: " },
		{ OK "{\"run\":{\"runId\":\"\\u0000\"}}\n", "line 2, column 17: " },
		{ OK "{\"run\":{\"runId\":\"s\"}}\n", "line 2, column 1: job" },
		{ OK "{\"run\":{\"runId\":\"s\"},\"job\":" THING("j") "}\n", "eventTime is missing" },
		{ OK "{\"inputs\":{}}\n", "line 2, column 11: a list" },
		{ OK "{\"inputs\":[7]}\n", "line 2, column 12: an object" },
		{ OK "{\"inputs\":[{\"name\":\"x\"}]}\n", "line 2, column 23: namespace" },
		{ EVENT("BEGIN", "2020-01-01T00:00:00Z", "r", ""), "line 1, column 14: " },
		{ EVENT("START", "soon", "r", ""), "line 1, column 34: " },
		{ EVENT("START", "2030-01-01T00:00:00Z", "r", ""), "in the future" },
		{ EVENT("START", "2020-01-01T00:00:00Z", "r r", ""), "a run needs an id" },
		{ OK EVENT("COMPLETE", "2019-01-01T00:00:00Z", "r", ""), "line 1, column 1: the run" },
		{ OK "{\"eventTime\":\"2020-01-01T00:00:00Z\",\"run\":{\"runId\":\"r\"},\"job\":"
		  THING("other") "}\n", "another thing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(jsonl, rows[i].text, strlen(rows[i].text), REASON_TABLE_MALFORMED,
			       rows[i].where);
#undef OK
}

/* A text of `len` bytes of activity. */
static size_t long_text(char *out, size_t len)
{
	char *end = stpcpy(out, "run,activity\nr,");

	memset(end, 'x', len);
	strcpy(end + len, "\n");
	return strlen(out);
}

static void limits_hold(void **state)
{
	char *text = malloc((size_t)LIMIT_IMPORT_RUNS * 16), *end;
	cleanup_composition struct composition c = { .n_statements = 0 };
	struct imported counts;
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(text);
	assert_ok(import_text(&c, &counts, csv, text, long_text(text, LIMIT_IMPORT_TEXT), &err),
		  &err);
	composition_release(&c);
	c = (struct composition){ .n_statements = 0 };
	assert_refused(csv, text, long_text(text, LIMIT_IMPORT_TEXT + 1), REASON_LIMIT,
		       "line 2, column 2");
	end = stpcpy(text, "run\n");
	for (int i = 0; i < LIMIT_IMPORT_RUNS; i++)
		end += sprintf(end, "r%d\n", i);
	assert_ok(import_text(&c, &counts, csv, text, strlen(text), &err), &err);
	assert_int_equal(c.n_statements, LIMIT_IMPORT_RUNS);
	strcpy(end, "s\n");
	assert_refused(csv, text, strlen(text), REASON_LIMIT, "line 65538");
	/* Each of 20,000 outputs would say 20,000 datasets again. */
	end = stpcpy(text, "run,dataset,output\n");
	for (int i = 0; i < 20000; i++)
		end += sprintf(end, "r,a/D%d,a/M%d\n", i, i);
	assert_refused(csv, text, strlen(text), REASON_LIMIT, "line 2, column 1");
	free(text);
}

static enum wm_code compose_file(void *context, struct wm_error *err)
{
	cleanup_composition struct composition c = { .n_statements = 0 };
	struct imported counts;

	return import_compose(&c, &counts, context, NOW, NULL, err);
}

static void survives_failing_allocations(void **state)
{
	struct wm_error err = { 0 };
	static const char rows[] = "run,dataset,parent,output\nr,a/D,a/P,a/M\nr,a/E,,a/N\ns,,,\n";
	static const char events[] =
		EVENT("START", "2020-01-01T00:00:00Z", "r",
		      ",\"inputs\":[" THING("D") "],\"outputs\":[" THING("M\\u0041") "]");

	(void)state;
	assert_ok(file_write(csv, rows, strlen(rows), 0600, FILE_REPLACE, &err), &err);
	assert_ok(file_write(jsonl, events, strlen(events), 0600, FILE_REPLACE, &err), &err);
	with_every_allocation_failing(compose_file, csv);
	with_every_allocation_failing(compose_file, jsonl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_add_up),
		cmocka_unit_test(further_outputs_have_statements_of_their_own),
		cmocka_unit_test(outputs_of_one_event_are_by_name),
		cmocka_unit_test(events_add_up),
		cmocka_unit_test(days_have_two_ends),
		cmocka_unit_test(runs_may_be_tried_again),
		cmocka_unit_test(malformed_rows_are_named),
		cmocka_unit_test(malformed_events_are_named),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(survives_failing_allocations),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
