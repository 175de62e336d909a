/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a tar, JSON lines or CSV, by the first byte of the input: two readers at once find
 * what one finds, records are no more than the file has bytes for, and those of JSON lines are what
 * stands between newlines. Check sums in headers of tar are put right too.
 */
#include <string.h>

#include "data/records_read.h"
#include "memory_file.h"

enum { BLOCK = 512, SUM = 148, SUM_BYTES = 8, MAGIC = 257 };

static enum wm_code read_with(struct records_found *out, const char *path,
			      enum record_grammar grammar, unsigned workers, struct wm_error *err)
{
	const struct records_options o = { .grammar = grammar, .workers = workers };

	return records_read(out, &path, 1, &o, err);
}

/* Lines as memchr() sees them. */
static void check_lines(const struct records_found *f, const uint8_t *data, size_t size)
{
	uint64_t n = 0;

	for (size_t at = 0; at < size; n++) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		const size_t len = end ? (size_t)(end - data) - at : size - at;
		uint8_t digest[SHA256_BYTES];

		require(len > 0 && sha256_of(digest, data + at, len, NULL) == WM_OK);
		require(record_set_find(&f->set, digest) != NULL);
		at += len + 1;
	}
	require(f->set.n_records == n);
}

static void check(enum record_grammar grammar, const uint8_t *data, size_t size)
{
	struct records_found one = { .n_bytes = 0 }, two = { .n_bytes = 0 };
	struct wm_error err = { 0 }, again = { 0 };
	cleanup_fd int fd = -1;
	char path[MEMORY_PATH];
	enum wm_code code;

	memory_file(&fd, path, data, size);
	code = read_with(&one, path, grammar, 1, &err);
	require(read_with(&two, path, grammar, 2, &again) == code);
	require(code == WM_OK || (refused_well(&err) && refused_well(&again)));
	if (code == WM_OK) {
		require(one.n_bytes == two.n_bytes && one.n_bytes <= size);
		require(one.set.n == two.set.n && one.set.n_records == two.set.n_records);
		require(memcmp(one.set.rows, two.set.rows, one.set.n * ROW_BYTES) == 0);
		if (grammar == RECORD_JSONL)
			check_lines(&one, data, size);
	}
	record_set_release(&one.set);
	record_set_release(&two.set);
}

static void check_repaired(const uint8_t *data, size_t size)
{
	cleanup_free uint8_t *repaired = malloc(size + 1);

	require(repaired != NULL);
	memcpy(repaired, data, size);
	for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
		uint8_t *header = repaired + at;
		unsigned sum = 0;

		if (memcmp(header + MAGIC, "ustar", 5) != 0)
			continue;
		memset(header + SUM, ' ', SUM_BYTES);
		for (size_t i = 0; i < BLOCK; i++)
			sum += header[i];
		snprintf((char *)header + SUM, SUM_BYTES - 1, "%06o", sum);
	}
	check(RECORD_TAR, repaired, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum record_grammar grammars[] = { RECORD_JSONL, RECORD_CSV_ROWS, RECORD_TAR,
							 RECORD_CSV };
	enum record_grammar grammar;

	if (size == 0)
		return 0;
	grammar = grammars[data[0] % (sizeof(grammars) / sizeof(grammars[0]))];
	if (grammar == RECORD_TAR)
		check_repaired(data + 1, size - 1);
	else
		check(grammar, data + 1, size - 1);
	return 0;
}
