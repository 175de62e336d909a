/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays what other readers found in the files of testdata/golden/differential/ (its README
 * says who they are): what we accept, nobody may read differently.
 */
#include "harness.h"

#include <stdio.h>

#include "answers.h"

#define FOLDER "testdata/golden/differential/"

enum { ENOUGH = 60 }; /* files accepted, and files refused, at least */

struct counts {
	size_t accepted, refused, agreed;
};

/* The next cell of a row, cut off at its tab. */
static const char *cell(char **rest)
{
	char *start = *rest;

	assert_non_null(start);
	strsep(rest, "\t");
	return start;
}

static void check_theirs(const char *file, const char *reader, const char *verdict,
			 const char *theirs, const char *ours)
{
	if (strcmp(verdict, "accepted") == 0 && !answers_agree(ours, theirs))
		test_failed(__FILE__, __LINE__, "%s: we find %s, %s finds %s", file, ours, reader,
			    theirs);
	/* Here `theirs` is the class that explains why they refuse what we accept. */
	if (strcmp(verdict, "refused") == 0 && !*theirs)
		test_failed(__FILE__, __LINE__, "%s: accepted, and refused by %s", file, reader);
}

static void check_row(char *row, struct counts *counts)
{
	const char *file = cell(&row), *reader = cell(&row), *verdict = cell(&row);
	const char *tensors = cell(&row), *ours = NULL;
	cleanup_buf struct buf found = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	char path[256];

	snprintf(path, sizeof(path), FOLDER "files/%s", file);
	assert_ok(answer(&ours, &found, path, &err), &err);
	if (strcmp(reader, "weightmark") == 0) {
		assert_string_equal(ours, verdict);
		counts->accepted += strcmp(ours, "accepted") == 0;
		counts->refused += strcmp(ours, "accepted") != 0;
		if (found.len)
			assert_string_equal(buf_str(&found), tensors);
	} else if (strcmp(ours, "accepted") == 0) {
		check_theirs(file, reader, verdict, tensors, found.len ? buf_str(&found) : "");
		counts->agreed++;
	}
}

static void nobody_reads_differently(void **state)
{
	cleanup_buf struct buf rows = BUF_INIT(1 << 20);
	struct counts counts = { 0 };
	char *row, *rest;
	struct wm_error err = { 0 };

	(void)state;
	read_file(&rows, FOLDER "answers.tsv");
	assert_ok(buf_append(&rows, "", 1, &err), &err);
	rest = (char *)rows.data;
	while ((row = strsep(&rest, "\n")) != NULL && *row)
		check_row(row, &counts);
	assert_true(counts.accepted >= ENOUGH && counts.refused >= ENOUGH);
	/* Two other readers for each. */
	assert_int_equal(counts.agreed, 2 * counts.accepted);
}

static void answers_agree_or_not(void **state)
{
	(void)state;
	assert_true(answers_agree("", ""));
	assert_true(answers_agree("a|F32|1|8|4", "a|F32|1|8|4"));
	assert_true(answers_agree("a|F32|1|8|4 b|F32|0|-|0", "a|F32|1|8|? b|F32|0|-|0"));
	assert_false(answers_agree("a|F32|1|8|4", "a|F32|1|9|4"));
	assert_false(answers_agree("a|F32|1|8|4", "a|F32|1|8|?" " b|F32|1|8|?"));
	assert_false(answers_agree("a|F32|1|8|4 b|F32|1|8|4", "a|F32|1|8|?"));
	assert_false(answers_agree("", "a|F32|1|8|?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_reads_differently),
		cmocka_unit_test(answers_agree_or_not),
	};

	return run_tests(tests);
}
