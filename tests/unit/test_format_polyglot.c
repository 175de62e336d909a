/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/format.c: what runs as a pickle or a tar archive does not pass for something else. */
#include "made.h"
#include "made_tar.h"

static void check_file(const char *path, const char *reason)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	read_file(&bytes, path);
	assert_verdict(made_parse(&l, bytes.data, bytes.len, strrchr(path, '/') + 1, &err), &err,
		       path, reason);
}

static void refuses_what_runs_as_something_else(void **state)
{
	(void)state;
	assert_int_equal(each_bad("expect-polyglot.tsv", check_file), 7);
}

/* An HDF5 file's user block may hold anything, and is what unpicklers meet first. */
static void looks_into_user_blocks(void **state)
{
	static const char runs[] = "cos\ngetcwd\n(tR.", rests[] = "cos\ngetcwd!(tR.";
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);

	(void)state;
	read_file(&whole, "testdata/good/hdf5/user-block.h5");
	for (int i = 0; i < 2; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		memcpy(whole.data, i ? rests : runs, sizeof(runs));
		assert_verdict(made_parse(&l, whole.data, whole.len, "m.h5", &err), &err, "block",
			       i ? NULL : "format-polyglot");
	}
}

/* PyTorch's oldest loader asks the check sum of a first block alone. */
static void looks_for_tar_in_user_blocks(void **state)
{
	cleanup_buf struct buf whole = BUF_INIT(1 << 20), tar = BUF_INIT(1 << 20);

	(void)state;
	read_file(&whole, "testdata/good/hdf5/user-block.h5");
	made_tar_member(&tar, "storages", '0', "", 0);
	for (int i = 0; i < 2; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		memcpy(whole.data, tar.data, 512);
		whole.data[0] ^= (uint8_t)i;
		assert_verdict(made_parse(&l, whole.data, whole.len, "m.h5", &err), &err, "block",
			       i ? NULL : "format-polyglot");
	}
}

/* Also where a member that is compressed hops far, so that the stream goes back. */
static void looks_into_streams(void **state)
{
	static const char runs[] = "cos\ngetcwd\n(tR.", rests[] = "cos\ngetcwd!(tR.";
	static char member[200000] = "B\xa0\x86\1";

	(void)state;
	for (int i = 0; i < 2; i++) {
		cleanup_buf struct buf tar = BUF_INIT(1 << 20), gz = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		memcpy(member + 100005, i ? rests : runs, sizeof(runs));
		made_tar_member(&tar, "a.txt", '0', "text", 4);
		made_tar_member(&tar, "m.npy", '0', member, sizeof(member));
		made_tar_zeros(&tar, 1024);
		made_gzip(&gz, tar.data, tar.len);
		assert_verdict(made_parse(&l, gz.data, gz.len, "m.tar.gz", &err), &err, "stream",
			       i ? "npy-malformed" : "format-polyglot");
	}
}

/* Members of archives are read by themselves once they are unpacked. */
static void looks_into_members(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		cleanup_buf struct buf tar = BUF_INIT(1 << 20), member = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		read_file(&member, i ? "testdata/bad/polyglot/header.twin.bin" :
				       "testdata/bad/polyglot/header.bin");
		made_tar_member(&tar, "m.safetensors", '0', member.data, member.len);
		made_tar_zeros(&tar, 1024);
		assert_verdict(made_parse(&l, tar.data, tar.len, "m.tar", &err), &err, "member",
			       i ? NULL : "format-polyglot");
	}
}

static enum wm_code parse_bad(void *context, struct wm_error *err)
{
	const struct buf *bytes = context;
	cleanup_layout struct layout l = LAYOUT_INIT;

	return made_parse(&l, bytes->data, bytes->len, "m.bin", err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, "testdata/bad/polyglot/header.twin.bin");
	with_every_allocation_failing(parse_bad, &bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_runs_as_something_else),
		cmocka_unit_test(looks_into_user_blocks),
		cmocka_unit_test(looks_for_tar_in_user_blocks),
		cmocka_unit_test(looks_into_members),
		cmocka_unit_test(looks_into_streams),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
