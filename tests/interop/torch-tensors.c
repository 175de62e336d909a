/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our parsers find in the files whose paths are on standard input, a line each:
 *
 *	path \t "accepted", "raw" or a reason \t names of code that is not allowed, parted by commas
 *	     \t tensors, parted by spaces: hex of the name|dtype|dims|SHA-256 of the bytes
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/sha256.h"
#include "format/format.h"
#include "util/cleanup.h"

static enum wm_code take(void *context, const void *data, size_t len, struct wm_error *err)
{
	return sha256_update(context, data, len, err);
}

static enum wm_code digest_segment(struct sha256 *d, const struct layout *l,
				   const struct tensor *t, const struct window *w,
				   struct wm_error *err)
{
	uint64_t off = t->segment == SIZE_MAX ? 0 :
						layout_file_off(l, l->segments[t->segment].off);
	uint8_t bytes[65536];

	for (uint64_t left = t->len; left > 0;) {
		size_t n = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);

		TRY(window_read(w, bytes, n, off, err));
		TRY(sha256_update(d, bytes, n, err));
		off += n;
		left -= n;
	}
	return WM_OK;
}

static enum wm_code print_tensor(const struct layout *l, const struct tensor *t,
				 const struct window *w, struct wm_error *err)
{
	cleanup_sha256 struct sha256 *d = NULL;
	uint8_t digest[SHA256_BYTES];

	TRY(sha256_new(&d, err));
	TRY(sha256_start(d, err));
	if (t->source)
		TRY(l->format->gather(l, t, w, &(struct sink){ take, d }, err));
	else
		TRY(digest_segment(d, l, t, w, err));
	TRY(sha256_finish(d, digest, err));
	for (size_t i = 0; i < t->name_len; i++)
		printf("%02x", (uint8_t)t->name[i]);
	printf("|%s|", dtype_info(t->dtype)->name);
	for (unsigned i = 0; i < t->rank; i++)
		printf("%s%" PRIu64, i ? "," : "", t->dims[i]);
	putchar('|');
	for (size_t i = 0; i < sizeof(digest); i++)
		printf("%02x", digest[i]);
	putchar(' ');
	return WM_OK;
}

static void print_file(const char *path)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct wm_error err = { 0 };
	struct stat st;
	struct window w;

	printf("%s\t", path);
	if (fd < 0 || fstat(fd, &st) != 0) {
		puts("unreadable\t\t");
		return;
	}
	w = (struct window){ .fd = fd, .size = (uint64_t)st.st_size, .name = path };
	if (format_parse(&l, fd, w.size, path, &err) != WM_OK) {
		printf("%s\t\t\n", err.reason);
		return;
	}
	printf("%s\t", l.format == &format_raw ? "raw" : "accepted");
	for (size_t i = 0; i < l.n_imports; i++)
		if (!l.imports[i].allowed)
			printf("%s,", l.imports[i].name);
	putchar('\t');
	for (size_t i = 0; i < l.n_tensors; i++)
		if (print_tensor(&l, &l.tensors[i], &w, &err) != WM_OK)
			printf("failed:%s ", err.reason);
	putchar('\n');
}

int main(void)
{
	char path[4096];

	while (fgets(path, sizeof(path), stdin)) {
		path[strcspn(path, "\n")] = '\0';
		print_file(path);
	}
	return 0;
}
