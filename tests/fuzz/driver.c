/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain driver of a fuzz target: replays files, and directories of files, one TAP
 * line a file. Each file is whole, in memory of exactly its size, so that a sanitizer
 * sees the first byte read beyond it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct list {
	char **paths; /* to a file, or to what is not one and fails */
	size_t n;
};

static void add(struct list *l, char *path)
{
	char **grown = path ? realloc(l->paths, (l->n + 1) * sizeof(*grown)) : NULL;

	if (!grown)
		abort();
	l->paths = grown;
	l->paths[l->n++] = path;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void add_directory(struct list *l, const char *directory)
{
	struct dirent **entries = NULL;
	int n = scandir(directory, &entries, is_visible, alphasort);

	/* Nothing to replay is a failure: a corpus that went away must be missed. */
	if (n <= 0)
		add(l, strdup(directory));
	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
			abort();
		add(l, path);
		free(entries[i]);
	}
	free(entries);
}

static bool replay(const char *path)
{
	cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 4);
	cleanup_free uint8_t *exact = NULL;
	struct wm_error err = { 0 };

	if (file_read(&bytes, path, &err) != WM_OK) {
		printf("# %s\n", err.message);
		return false;
	}
	exact = malloc(bytes.len ? bytes.len : 1);
	if (!exact)
		abort();
	memcpy(exact, bytes.data, bytes.len);
	LLVMFuzzerTestOneInput(exact, bytes.len);
	return true;
}

int main(int argc, char **argv)
{
	struct list l = { NULL, 0 };
	bool good = argc > 1;
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			add_directory(&l, argv[i]);
		else
			add(&l, strdup(argv[i]));
	}
	printf("1..%zu\n", l.n);
	for (size_t i = 0; i < l.n; i++) {
		const bool ok = replay(l.paths[i]);

		printf("%s %zu - %s\n", ok ? "ok" : "not ok", i + 1, l.paths[i]);
		fflush(stdout);
		good = good && ok;
		free(l.paths[i]);
	}
	free(l.paths);
	return good ? 0 : 1;
}
