/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/zip_slot.c: slots in archives, that no byte of them is free, and what is refused. */
#include "harness.h"

#include <stdio.h>
#include <unistd.h>

#include "format/slot.h"
#include "format/zip_internal.h"
#include "made_slot.h"
#include "made_zip.h"
#include "util/file.h"

static const uint8_t values[16] = { 1, 2, 3 };

static void given(struct layout *l, struct buf *bytes, bool zip64)
{
	struct wm_error err = { 0 };

	made_torch(bytes, made_pickle, made_pickle_len, values, sizeof(values), zip64);
	assert_ok(made_parse(l, bytes->data, bytes->len, "m.pt", &err), &err);
}

static void strips_what_it_embeds(void **state)
{
	static const size_t lens[] = { 0, 1, 2980, 2985, 2990, 2991, 2992, 2993, 2994, 2995, 2996, 2997,
				       2998, 2999, 3000, 3010, 20000 };
	static uint8_t carried[20000];

	(void)state;
	for (size_t i = 0; i < sizeof(carried); i++)
		carried[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < 2 * sizeof(lens) / sizeof(lens[0]); i++) {
		const size_t len = lens[i / 2];
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;

		given(&l, &bytes, i % 2);
		made_slotted(&embedded, &bytes, "m.pt", carried, len);
		/* The value stands where loaders map from. */
		assert_int_equal((size_t)((uint8_t *)memmem(embedded.data, embedded.len, "wm1.", 4) -
					  embedded.data) % 64, 0);
	}
}

static void notices_any_changed_byte_of_a_slot(void **state)
{
	(void)state;
	for (int zip64 = 0; zip64 < 2; zip64++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		size_t n_slots = 0;

		given(&l, &bytes, zip64);
		assert_ok(made_embed(&embedded, &l, &bytes, "a sidecar", 9, &err), &err);
		for (size_t at = (size_t)l.zone.from; at < embedded.len; at++) {
			cleanup_layout struct layout m = LAYOUT_INIT;
			enum wm_code code;

			embedded.data[at] ^= 1;
			code = made_parse(&m, embedded.data, embedded.len, "m.pt", &err);
			embedded.data[at] ^= 1;
			if (code != WM_OK || m.slot_len == 0)
				continue;
			/* A date of another member: the view has changed, the slot has not. */
			n_slots++;
			assert_true(m.size == l.size && m.carried.len == 9);
			assert_true(at > l.zone.from + SLOT_UNIT);
		}
		assert_true(n_slots < 80);
	}
}

static void takes_for_a_slot_only_its_own(void **state)
{
	static const struct {
		char form;
		size_t around;
		bool last;
		const char *name;
		enum found found;
	} rows[] = {
		{ 'z', 90, false, "archive/extra/weightmark", DISPLACED },
		{ 'z', 90, true, "archive/extra/weightmark", DISPLACED },
		{ 'g', 90, true, "archive/extra/weightmark", DISPLACED },
		{ 'z', 90, true, "archive/extra/weightmark2", TAKEN },
		{ 0, 0, true, "archive/extra/weightmark", TAKEN },
		{ 0, 0, true, "archive/extra/WeightMark", TAKEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf value = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
		cleanup_buf struct buf zone = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		struct made_member members[5] = {
			{ "archive/data.pkl", made_pickle, made_pickle_len, 0 },
			{ "archive/data/0", values, 16, 0 },
			{ "archive/version", "3\n", 2, 0 },
			{ "archive/y", "", 0, 0 },
		};
		size_t at = rows[i].last ? 4 : 3;

		if (rows[i].form)
			assert_ok(slot_write_value(&value, rows[i].form, rows[i].around, SLOT_UNIT,
						   "sidecar", 7, &err), &err);
		else
			assert_ok(buf_append_str(&value, "wm2.", &err), &err);
		members[4] = members[3];
		members[at] = (struct made_member){ rows[i].name, value.data, value.len, 0 };
		made_zip(&bytes, members, 5, false);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.pt", &err), &err);
		assert_int_equal(l.displaced, rows[i].found == DISPLACED);
		assert_int_equal(l.slot_len, 0);
		assert_int_equal(l.size, bytes.len);
		assert_int_equal(l.carried.len, rows[i].found == DISPLACED ? 7 : 0);
		if (rows[i].found == DISPLACED)
			assert_reason(format_torch_zip.embed(&zone, &l, "x", 1, "m", &err), &err,
				      SLOT_DISPLACED);
		else if (i == 3)
			assert_ok(format_torch_zip.embed(&zone, &l, "x", 1, "m", &err), &err);
		else
			assert_reason(format_torch_zip.embed(&zone, &l, "x", 1, "m", &err), &err,
				      SLOT_KEY_TAKEN);
	}
}

/* An archive of `n` members, of which four are those that PyTorch needs. */
static void given_many(struct layout *l, size_t n, size_t name_len, bool zip64)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 25);
	cleanup_free struct made_member *members = calloc(n, sizeof(*members));
	cleanup_free char *names = calloc(n, name_len + 1);
	struct wm_error err = { 0 };

	assert_true(members && names);
	members[0] = (struct made_member){ "archive/data.pkl", made_pickle, made_pickle_len, 0 };
	members[1] = (struct made_member){ "archive/data/0", values, 16, 0 };
	members[2] = (struct made_member){ "archive/version", "3\n", 2, 0 };
	for (size_t i = 3; i < n; i++) {
		snprintf(names + i * (name_len + 1), name_len + 1, "archive/%0*zu",
			 (int)name_len - 8, i);
		members[i] = (struct made_member){ names + i * (name_len + 1), "", 0, 0 };
	}
	made_zip(&bytes, members, n, zip64);
	assert_ok(made_parse(l, bytes.data, bytes.len, "m.pt", &err), &err);
}

static void keeps_to_small_records_and_limits(void **state)
{
	static const struct {
		size_t n, name_len;
		bool zip64;
		enum reason reason; /* of embedding; REASON_INTERNAL: it works */
	} rows[] = {
		{ 65533, 16, false, REASON_INTERNAL },
		{ 65534, 16, false, REASON_NO_SLOT },
		{ 65533, 16, true, REASON_INTERNAL },
		{ 65534, 16, true, REASON_NO_SLOT },
		{ 65535, 16, true, REASON_INTERNAL },
		{ LIMIT_MEMBERS, 16, true, REASON_HEADER_TOO_LARGE },
		{ 32770, 210, true, REASON_INTERNAL },
		{ 32266, 214, true, REASON_HEADER_TOO_LARGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_buf struct buf zone = BUF_INIT(1 << 25);
		struct wm_error err = { 0 };
		enum wm_code code;

		given_many(&l, rows[i].n, rows[i].name_len, rows[i].zip64);
		code = format_torch_zip.embed(&zone, &l, "x", 1, "m", &err);
		if ((code == WM_OK) != (rows[i].reason == REASON_INTERNAL) ||
		    (code != WM_OK && error_reason(&err) != rows[i].reason))
			test_failed(__FILE__, __LINE__, "row %zu: %s %s", i, err.reason, err.message);
	}
}

static void bounds_what_it_carries(void **state)
{
	cleanup_free uint8_t *carried = calloc(1, LIMIT_SLOT + 1);
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 22);
	cleanup_buf struct buf zone = BUF_INIT(1 << 22);
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	given(&l, &bytes, true);
	assert_reason(format_torch_zip.embed(&zone, &l, carried, LIMIT_SLOT + 1, "m", &err), &err,
		      SLOT_TOO_LARGE);
	assert_int_equal(zone.len, 0);
	assert_ok(made_embed(&embedded, &l, &bytes, carried, LIMIT_SLOT, &err), &err);
	assert_ok(made_parse(&m, embedded.data, embedded.len, "m.pt", &err), &err);
	assert_int_equal(m.carried.len, LIMIT_SLOT);
}

/* Beyond 4 GiB, of which nothing but the records is ever written. */
static void reaches_beyond_four_gigabytes(void **state)
{
	const uint64_t numel = (1ULL << 30) + 16, len = 4 * numel;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), zone = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT;
	cleanup_fd int fd = -1;
	struct wm_error err = { 0 };
	uint8_t *p;

	(void)state;
	/* A skeleton that says 4 GiB for a member of no bytes; they are put in between. */
	const struct made_member members[] = {
		{ "archive/data.pkl", made_pickle, made_pickle_len, 0 },
		{ "archive/data/0", values, 16, 0 },
		{ "archive/version", "3\n", 2, 0 },
		{ "archive/large", "", 0, 24 },
	};
	made_zip(&bytes, members, 4, true);
	/* Its local record: lengths all ones, the true ones in the extra field. */
	p = memmem(bytes.data, bytes.len, "archive/large", 13);
	assert_non_null(p);
	memset(p - 12, 0xff, 8);
	memcpy(p + 13, "\1\0\20\0", 4);
	p[13 + 20] = 'F';
	p[13 + 21] = 'B';
	p[13 + 22] = p[13 + 23] = 0;
	for (int i = 0; i < 8; i++)
		p[13 + 4 + i] = p[13 + 12 + i] = (uint8_t)(len >> 8 * i);
	{
		const size_t at = (size_t)(p - bytes.data) + 13 + 24;
		cleanup_buf struct buf tail = BUF_INIT(1 << 20);
		uint8_t *entry, *end;
		const uint64_t off = at + len;
		size_t entry_end;

		assert_ok(buf_append(&tail, bytes.data + at, bytes.len - at, &err), &err);
		entry = memmem(tail.data, tail.len, "archive/large", 13);
		assert_non_null(entry);
		memset(entry - 26, 0xff, 8);
		entry[-16] = 20;
		entry_end = (size_t)(entry - tail.data) + 13;
		/* The directory grows by an extra field of 20 bytes. */
		{
			cleanup_buf struct buf grown = BUF_INIT(1 << 20);

			assert_ok(buf_append(&grown, tail.data, entry_end, &err), &err);
			assert_ok(buf_append(&grown, p + 13, 20, &err), &err);
			assert_ok(buf_append(&grown, tail.data + entry_end, tail.len - entry_end,
					     &err), &err);
			end = grown.data + grown.len - ZIP_ENDS_BYTES;
			for (int i = 0; i < 8; i++) {
				end[40 + i] = (uint8_t)((grown.len - ZIP_ENDS_BYTES) >> 8 * i);
				end[48 + i] = (uint8_t)(off >> 8 * i);
				end[56 + 8 + i] = (uint8_t)((off + grown.len - ZIP_ENDS_BYTES) >> 8 * i);
			}
			memset(end + 76 + 12, 0xff, 8);
			fd = made_file(bytes.data, at);
			assert_int_equal(pwrite(fd, grown.data, grown.len, (off_t)off),
					 (ssize_t)grown.len);
			assert_ok(format_parse(&l, fd, off + grown.len, "m.pt", &err), &err);
		}
		assert_int_equal(l.zone.from, off);
		assert_int_equal(l.n_tensors, 1);
		assert_ok(format_torch_zip.embed(&zone, &l, "carried", 7, "m", &err), &err);
		assert_int_equal(pwrite(fd, zone.data, zone.len, (off_t)off), (ssize_t)zone.len);
		assert_ok(format_parse(&m, fd, off + zone.len, "m.pt", &err), &err);
		assert_int_equal(m.carried.len, 7);
		assert_same_view(&l, &m);
	}
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	given(&l, &bytes, true);
	embed_without_memory(&l);
	assert_ok(made_embed(&embedded, &l, &bytes, "sidecar", 7, &err), &err);
	parse_without_memory(&embedded, "m.pt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_what_it_embeds),
		cmocka_unit_test(notices_any_changed_byte_of_a_slot),
		cmocka_unit_test(takes_for_a_slot_only_its_own),
		cmocka_unit_test(keeps_to_small_records_and_limits),
		cmocka_unit_test(bounds_what_it_carries),
		cmocka_unit_test(reaches_beyond_four_gigabytes),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
