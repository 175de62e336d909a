/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: the pull parser and the reader of documents agree about what is JSON, and
 * what was read is written, canonical and pretty, so that it reads as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

/* What json_read() refuses and the pull parser does not, keys given twice aside. */
struct extras {
	bool nul, number;
};

/* Parses to the end; every second container is skipped if `skipping`. */
static bool pull(const uint8_t *data, size_t size, bool skipping, struct extras *extras)
{
	cleanup_json struct json j = json_parser(data, size, "fuzz");
	struct wm_error err = { 0 };
	enum json_event event;
	uint64_t number;
	size_t n = 0;

	do {
		if (json_next(&j, &event, &err) != WM_OK)
			return false;
		REQUIRE(j.at <= size && j.depth <= LIMIT_JSON_DEPTH);
		if (event == JSON_KEY || event == JSON_TEXT)
			extras->nul |= memchr(j.text, '\0', j.len) != NULL;
		if (event == JSON_NUMBER && (json_u64(&j, &number, &err) != WM_OK ||
					     number > NODE_INTEGER_MAX))
			extras->number = true;
		if (skipping && n++ % 2 && json_skip(&j, event, &err) != WM_OK)
			return false;
	} while (event != JSON_END);
	return true;
}

static void canonical(struct buf *out, const uint8_t *data, size_t size)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	REQUIRE(json_read(&t, data, size, "again", &err) == WM_OK);
	REQUIRE(json_write_canonical(out, t.root, &err) == WM_OK);
}

static void round_trips(const struct tree *t)
{
	cleanup_buf struct buf first = BUF_INIT(SIZE_MAX / 4), second = BUF_INIT(SIZE_MAX / 4);
	cleanup_buf struct buf pretty = BUF_INIT(SIZE_MAX / 4), third = BUF_INIT(SIZE_MAX / 4);
	struct wm_error err = { 0 };

	REQUIRE(json_write_canonical(&first, t->root, &err) == WM_OK);
	canonical(&second, first.data, first.len);
	REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	REQUIRE(json_write_pretty(&pretty, t->root, &err) == WM_OK);
	canonical(&third, pretty.data, pretty.len);
	REQUIRE(first.len == third.len && memcmp(first.data, third.data, first.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct extras extras = { false, false }, ignored = { false, false };
	struct wm_error err = { 0 };
	const bool parsed = pull(data, size, false, &extras);

	REQUIRE(pull(data, size, true, &ignored) == parsed);
	if (json_read(&t, data, size, "fuzz", &err) == WM_OK) {
		REQUIRE(parsed && !extras.nul);
		round_trips(&t);
	} else if (parsed) {
		REQUIRE(extras.nul || extras.number || strstr(err.message, " twice") ||
			err.code == WM_LIMIT);
	}
	return 0;
}
