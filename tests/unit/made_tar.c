/* SPDX-License-Identifier: Apache-2.0 */
/* tar files that tests make; see made_tar.h. */
#include "made_tar.h"

#include <stdio.h>

#include <zlib.h>

#include "generate.h"

enum { BLOCK = 512, SUM = 148, SUM_BYTES = 8 };

void made_tar_sum(uint8_t *header)
{
	unsigned sum = 0;

	memset(header + SUM, ' ', SUM_BYTES);
	for (size_t i = 0; i < BLOCK; i++)
		sum += header[i];
	snprintf((char *)header + SUM, SUM_BYTES - 1, "%06o", sum);
}

void made_tar_header(struct buf *out, const char *name, char type, uint64_t size)
{
	uint8_t header[BLOCK] = { 0 };
	char *text = (char *)header;
	struct wm_error err = { 0 };

	assert_true(strlen(name) <= 100);
	memcpy(header, name, strlen(name));
	memcpy(text + 100, "0000644\0000001750\0000001750", 24);
	snprintf(text + 124, 12, "%011llo", (unsigned long long)size);
	memcpy(text + 136, "14000000000", 12);
	header[156] = (uint8_t)type;
	memcpy(text + 257, "ustar\0" "00", 8);
	memcpy(text + 265, "user", 4);
	made_tar_sum(header);
	assert_ok(buf_append(out, header, BLOCK, &err), &err);
}

void made_tar_zeros(struct buf *out, size_t n)
{
	struct wm_error err = { 0 };

	assert_ok(buf_reserve(out, n, &err), &err);
	while (n-- > 0)
		assert_ok(buf_append_byte(out, 0, &err), &err);
}

void made_tar_pad(struct buf *out)
{
	made_tar_zeros(out, -out->len % BLOCK);
}

void made_tar_member(struct buf *out, const char *name, char type, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	made_tar_header(out, name, type, len);
	assert_ok(buf_append(out, data, len, &err), &err);
	made_tar_pad(out);
}

void made_tar_file(struct buf *out, const char *name, const char *text)
{
	made_tar_member(out, name, '0', text, strlen(text));
}

void made_tar_tensor(struct buf *out, const char *name, const char *tensor, const char *value)
{
	cleanup_buf struct buf file = BUF_INIT(1 << 20), header = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	assert_ok(buf_printf(&header, &err,
			     "{\"%s\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}",
			     tensor, strlen(value), strlen(value)), &err);
	made_append(&file, &(struct made){ buf_str(&header), header.len, 0, 0 });
	assert_ok(buf_append_str(&file, value, &err), &err);
	made_tar_member(out, name, '0', file.data, file.len);
}

void made_tar_pax(struct buf *out, const char *key, const char *value)
{
	const size_t len = strlen(key) + strlen(value) + 3;
	cleanup_buf struct buf record = BUF_INIT(1 << 22);
	struct wm_error err = { 0 };
	size_t digits = 1;

	for (size_t power = 10; len + digits >= power; power *= 10)
		digits++;
	assert_ok(buf_printf(&record, &err, "%zu %s=", len + digits, key), &err);
	assert_ok(buf_append_str(&record, value, &err), &err);
	assert_ok(buf_append_byte(&record, '\n', &err), &err);
	assert_int_equal(record.len, len + digits);
	made_tar_member(out, "PaxHeaders/x", 'x', record.data, record.len);
}

void made_gzip(struct buf *out, const void *data, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	struct wm_error err = { 0 };
	z_stream z = { 0 };

	assert_non_null(copy);
	memcpy(copy, data, len);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_ok(buf_reserve(out, deflateBound(&z, len), &err), &err);
	z.next_in = copy;
	z.avail_in = (unsigned)len;
	z.next_out = out->data + out->len;
	z.avail_out = (unsigned)deflateBound(&z, len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
	free(copy);
}

/* A name of the `i`th member, and how it is said: plainly, by pax, or by GNU's long name. */
static void append_name(struct buf *out, struct generator *g, char name[static 200], unsigned i)
{
	const size_t how = generate_below(g, 4), pad = how < 2 ? generate_below(g, 40) : 120;

	snprintf(name, 200, "%sd%u/%0*u", generate_below(g, 2) ? "./" : "", i, (int)pad, i);
	if (how == 2)
		made_tar_pax(out, "path", name);
	if (how == 3)
		made_tar_member(out, "././@LongLink", 'L', name, strlen(name) + 1);
	if (how == 3)
		memcpy(out->data + out->len - 2 * BLOCK + 257, "ustar  ", 8);
	if (how == 3)
		made_tar_sum(out->data + out->len - 2 * BLOCK);
	if (how > 1)
		snprintf(name, 200, "x%u", i);
}

void made_tar_random(struct buf *out, uint64_t seed)
{
	struct generator g = { seed * 2 + 1, NULL };
	const unsigned n = (unsigned)generate_below(&g, 6);

	for (unsigned i = 0; i < n; i++) {
		char name[200], text[40];

		if (generate_below(&g, 4) == 0) {
			snprintf(name, sizeof(name), "folder%u/", i);
			made_tar_header(out, name, '5', 0);
			continue;
		}
		append_name(out, &g, name, i);
		snprintf(text, sizeof(text), "%0*u", (int)generate_below(&g, 30), i);
		if (generate_below(&g, 2))
			made_tar_tensor(out, name, "w", text);
		else
			made_tar_file(out, name, generate_below(&g, 2) ? text : "");
	}
	made_tar_zeros(out, BLOCK * (2 + generate_below(&g, 30)));
}
