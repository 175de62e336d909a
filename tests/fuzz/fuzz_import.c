/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run histories, events where they begin with a brace, else CSV: what is accepted makes statements
 * that can be signed, of ids of their own; and events that are told twice make the same ones.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attest/import.h"
#include "memory_file.h"
#include "statement/mapping.h"
#include "text/json.h"
#include "util/file.h"

#define NOW 1700000000

static char directory[PATH_MAX], link_path[PATH_MAX + 16];

/* Unless the process is killed. */
static void clean_up(void)
{
	rmdir(directory);
}

static void make_directory(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/fuzz-import-XXXXXX", parent ? parent : "/tmp");
	require(mkdtemp(directory) != NULL && atexit(clean_up) == 0);
}

/* Composes what the file `fd` has: it is the name that tells the form. */
static enum wm_code compose_fd(struct composition *out, struct imported *counts, int fd,
			       bool events, struct wm_error *err)
{
	char target[64];
	enum wm_code code;

	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	snprintf(link_path, sizeof(link_path), "%s/h.%s", directory, events ? "jsonl" : "csv");
	require(symlink(target, link_path) == 0);
	code = import_compose(out, counts, link_path, NOW, NULL, err);
	require(unlink(link_path) == 0);
	return code;
}

/* Appends what the statements say, without what tells files apart. */
static void print_runs(struct buf *out, const struct composition *c)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	struct node *n = NULL;

	for (size_t i = 0; i < c->n_statements; i++) {
		Weightmark__V1__Run *r = (Weightmark__V1__Run *)c->statements[i].message;

		require(r->retrospective == WEIGHTMARK__V1__TRI__VALUE__yes);
		require(r->imported_from && r->imported_from->sha256);
		r->imported_from = NULL;
		require(mapping_write(&n, &t, &r->base, &err) == WM_OK);
		require(json_write_canonical(out, n, &err) == WM_OK);
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that is refused is refused before anything is signed. */
static void check_signable(struct composition *c)
{
	const char **objects = calloc(c->n_statements, sizeof(*objects));

	require(objects && c->n_statements > 0);
	c->issuer = "lab.example";
	c->now = NOW + 1;
	for (size_t i = 0; i < c->n_statements; i++) {
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		struct composed *s = &c->statements[i];
		struct wm_error err = { 0 };

		require(compose_own_header(c, s, &err) == WM_OK);
		require(statement_encode(&payload, s->kind, s->message, &err) == WM_OK);
		((Weightmark__V1__Run *)s->message)->header = NULL;
		objects[i] = s->object;
	}
	qsort(objects, c->n_statements, sizeof(*objects), compare_texts);
	for (size_t i = 1; i < c->n_statements; i++)
		require(strcmp(objects[i - 1], objects[i]) != 0);
	free(objects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool events = size > 0 && data[0] == '{';
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	cleanup_composition struct composition once = { 0 }, twice = { 0 };
	cleanup_buf struct buf first = BUF_INIT(1 << 30), second = BUF_INIT(1 << 30);
	struct imported counts, again;
	struct wm_error err = { 0 };

	if (!*directory)
		make_directory();
	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (compose_fd(&once, &counts, fd, events, &err) != WM_OK) {
		require(err.reason && strcmp(err.reason, "internal") != 0);
		require(once.n_statements == 0);
		return 0;
	}
	require(counts.size == size && counts.n_runs <= once.n_statements);
	check_signable(&once);
	if (!events)
		return 0;
	require(file_write_fd(fd, "\n", 1, "fuzz", NULL) == WM_OK);
	require(file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	require(compose_fd(&twice, &again, fd, events, &err) == WM_OK);
	require(again.n_rows == 2 * counts.n_rows && again.n_runs == counts.n_runs);
	print_runs(&first, &once);
	print_runs(&second, &twice);
	require(first.len == second.len);
	require(first.len == 0 || memcmp(first.data, second.data, first.len) == 0);
	return 0;
}
