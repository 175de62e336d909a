/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint files that tests make; see made.h. */
#include "made.h"

#include <stdio.h>

#include <sys/mman.h>
#include <unistd.h>

#include "util/file.h"

static void append_length(struct buf *out, uint64_t length)
{
	struct wm_error err = { 0 };

	for (int i = 0; i < 8; i++)
		assert_ok(buf_append_byte(out, (uint8_t)(length >> 8 * i), &err), &err);
}

void made_append(struct buf *out, const struct made *m)
{
	struct wm_error err = { 0 };

	append_length(out, m->length ? m->length : m->header_len);
	assert_ok(buf_append(out, m->header, m->header_len, &err), &err);
	for (uint64_t i = 0; i < m->buffer; i++)
		assert_ok(buf_append_byte(out, (uint8_t)i, &err), &err);
}

void made_append_header(struct buf *out, const char *header)
{
	const uint64_t buffer = strstr(header, MADE_TENSOR) ? 4 : 0;

	made_append(out, &(struct made){ header, strlen(header), buffer, 0 });
}

enum wm_code made_embed(struct buf *out, const struct layout *l, const struct buf *file,
			const void *carried, size_t len, struct wm_error *err)
{
	const size_t behind = (size_t)(l->zone.from + layout_zone_len(l));

	TRY(buf_append(out, file->data, (size_t)l->zone.from, err));
	TRY(l->format->embed(out, l, carried, len, MADE_NAME, err));
	return buf_append(out, file->data + behind, file->len - behind, err);
}

int made_file(const void *data, size_t len)
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	assert_true(fd >= 0);
	assert_ok(file_write_fd(fd, data, len, "made", &err), &err);
	return fd;
}

enum wm_code made_parse(struct layout *out, const void *data, size_t len, const char *name,
			struct wm_error *err)
{
	cleanup_fd int fd = made_file(data, len);

	return format_parse(out, fd, len, name, err);
}

struct named {
	const struct buf *bytes;
	const char *name;
};

static enum wm_code parse_some(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct named *file = context;

	return made_parse(&l, file->bytes->data, file->bytes->len, file->name, err);
}

void parse_without_memory(const struct buf *bytes, const char *name)
{
	with_every_allocation_failing(parse_some, &(struct named){ bytes, name });
}

enum wm_code made_parse_path(struct layout *out, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 2);

	read_file(&bytes, path);
	return made_parse(out, bytes.data, bytes.len, path, err);
}

const struct tensor *find_tensor(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->n_tensors; i++)
		if (strcmp(l->tensors[i].name, name) == 0)
			return &l->tensors[i];
	test_failed(__FILE__, __LINE__, "no tensor '%s'", name);
}

static enum wm_code take(void *context, const void *data, size_t len, struct wm_error *err)
{
	return buf_append(context, data, len, err);
}

struct sink made_sink(struct buf *out)
{
	return (struct sink){ take, out };
}

enum wm_code made_bytes(struct buf *out, const struct layout *l, const struct tensor *t,
			const struct buf *file, struct wm_error *err)
{
	cleanup_fd int fd = made_file(file->data, file->len);
	const struct window w = { .fd = fd, .size = file->len, .name = "m" };
	const struct sink sink = made_sink(out);

	if (t->source)
		return l->format->gather(l, t, &w, &sink, err);
	if (t->segment == SIZE_MAX)
		return WM_OK;
	return buf_append(out, file->data + layout_file_off(l, l->segments[t->segment].off),
			  (size_t)l->segments[t->segment].len, err);
}

void assert_verdict(enum wm_code code, const struct wm_error *err, const char *what,
		    const char *reason)
{
	if ((code == WM_OK) != !reason || (reason && strcmp(err->reason, reason) != 0))
		test_failed(__FILE__, __LINE__, "%s: %s: %s", what,
			    code == WM_OK ? "accepted" : err->reason, err->message);
}

size_t each_bad(const char *table, void (*check)(const char *path, const char *reason))
{
	cleanup_buf struct buf rows = BUF_INIT(1 << 20);
	char path[300], *rest = NULL;
	size_t n = 0;

	snprintf(path, sizeof(path), "testdata/bad/%s", table);
	read_file(&rows, path);
	for (char *line = strtok_r((char *)rows.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *file = strsep(&line, "\t"), *reason = strsep(&line, "\t");

		if (file[0] == '#')
			continue;
		assert_non_null(line);
		snprintf(path, sizeof(path), "testdata/bad/%s", file);
		check(path, reason);
		snprintf(path, sizeof(path), "testdata/bad/%s", line);
		check(path, NULL);
		n++;
	}
	return n;
}

void made_many(struct buf *out, size_t n)
{
	cleanup_buf struct buf header = BUF_INIT(LIMIT_HEADER);
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		size_t at = i * 7919 % n;

		assert_ok(buf_printf(&header, &err,
				     "%c\"model.layers.%zu.weight\":{\"dtype\":\"U8\","
				     "\"shape\":[1,1],\"data_offsets\":[%zu,%zu]}",
				     i ? ',' : '{', i, at, at + 1), &err);
	}
	assert_ok(buf_append_byte(&header, '}', &err), &err);
	made_append(out, &(struct made){ buf_str(&header), header.len, n, 0 });
}
