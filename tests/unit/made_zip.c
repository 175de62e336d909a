/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives that tests make; see made_zip.h. */
#include "made_zip.h"

#include <zlib.h>

const char made_pickle[] = "\x80\2}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n"
			   "((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK\4tQ"
			   "K\0K\4\x85K\1\x85\x89""ccollections\nOrderedDict\n)RtRs.";
const size_t made_pickle_len = sizeof(made_pickle) - 1;

static void put(struct buf *out, uint64_t value, unsigned bytes)
{
	struct wm_error err = { 0 };

	for (; bytes > 0; bytes--, value >>= 8)
		assert_ok(buf_append_byte(out, (uint8_t)value, &err), &err);
}

static void put_text(struct buf *out, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(out, data, len, &err), &err);
}

static void put_common(struct buf *out, const struct made_member *m, size_t extra)
{
	put(out, 20, 2);
	put(out, 0, 2); /* flags */
	put(out, 0, 2); /* stored */
	put(out, 0x210000, 4);
	put(out, crc32_z(0, m->data, m->len), 4);
	put(out, m->len, 4);
	put(out, m->len, 4);
	put(out, strlen(m->name), 2);
	put(out, extra, 2);
}

static void put_member(struct buf *out, const struct made_member *m)
{
	put_text(out, "PK\3\4", 4);
	put_common(out, m, m->extra);
	put_text(out, m->name, strlen(m->name));
	if (m->extra) {
		put_text(out, "FB", 2);
		put(out, m->extra - 4, 2);
		for (size_t i = 4; i < m->extra; i++)
			put(out, 'Z', 1);
	}
	put_text(out, m->data, m->len);
}

static void put_entry(struct buf *out, const struct made_member *m, size_t off)
{
	put_text(out, "PK\1\2", 4);
	put(out, 20, 2);
	put_common(out, m, 0);
	put(out, 0, 8);
	put(out, 0, 2);
	put(out, off, 4);
	put_text(out, m->name, strlen(m->name));
}

static void put_ends(struct buf *out, size_t n, size_t at, bool zip64)
{
	size_t len = out->len - at, end = out->len;

	if (zip64) {
		put_text(out, "PK\6\6", 4);
		put(out, 44, 8);
		put(out, 45, 2);
		put(out, 45, 2);
		put(out, 0, 8);
		put(out, n, 8);
		put(out, n, 8);
		put(out, len, 8);
		put(out, at, 8);
		put_text(out, "PK\6\7", 4);
		put(out, 0, 4);
		put(out, end, 8);
		put(out, 1, 4);
	}
	put_text(out, "PK\5\6", 4);
	put(out, 0, 4);
	put(out, n < 0xffff ? n : 0xffff, 2);
	put(out, n < 0xffff ? n : 0xffff, 2);
	put(out, len, 4);
	put(out, at, 4);
	put(out, 0, 2);
}

void made_zip(struct buf *out, const struct made_member *members, size_t n, bool zip64)
{
	cleanup_free size_t *offs = calloc(n + 1, sizeof(*offs));
	size_t at;

	assert_non_null(offs);
	for (size_t i = 0; i < n; i++) {
		offs[i] = out->len;
		put_member(out, &members[i]);
	}
	at = out->len;
	for (size_t i = 0; i < n; i++)
		put_entry(out, &members[i], offs[i]);
	put_ends(out, n, at, zip64);
}

void made_torch(struct buf *out, const void *pickle, size_t len, const void *storage,
		size_t storage_len, bool zip64)
{
	const struct made_member members[] = {
		{ "archive/data.pkl", pickle, len, 18 },
		{ "archive/byteorder", "little", 6, 0 },
		{ "archive/data/0", storage, storage_len, 4 },
		{ "archive/version", "3\n", 2, 0 },
	};

	made_zip(out, members, sizeof(members) / sizeof(members[0]), zip64);
}
