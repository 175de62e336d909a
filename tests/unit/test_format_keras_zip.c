/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/keras_zip.c: what an archive may hold that a loader would run is told. */
#include "format/inflate.h"
#include "made_zip.h"

static const char config[] = "{\"class_name\":\"Dense\",\"module\":\"keras.layers\"}";

static void put_u32(uint8_t *at, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

/* In one block of deflate that holds the bytes as they are. */
static void deflate_as_is(struct buf *out, const struct buf *data)
{
	const uint16_t len = (uint16_t)data->len;
	const uint8_t head[] = { 1, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)~len,
				 (uint8_t)(~len >> 8) };
	struct wm_error err = { 0 };

	assert_true(data->len < 65536);
	assert_ok(buf_append(out, head, sizeof(head), &err), &err);
	assert_ok(buf_append(out, data->data, data->len, &err), &err);
}

/* Says in both records of the member that it was deflated, from `data`. */
static void say_deflated(struct buf *archive, const char *name, const struct buf *data)
{
	const uint32_t crc = inflate_crc32(0, data->data, data->len);
	uint8_t *local = memmem(archive->data, archive->len, name, strlen(name));
	uint8_t *entry;

	assert_non_null(local);
	entry = memmem(local + 1, archive->len - (size_t)(local + 1 - archive->data), name,
		       strlen(name));
	assert_non_null(entry);
	local -= 30;
	entry -= 46;
	local[8] = entry[10] = 8;
	put_u32(local + 14, crc);
	put_u32(local + 22, (uint32_t)data->len);
	put_u32(entry + 16, crc);
	put_u32(entry + 24, (uint32_t)data->len);
}

/* Stored weights are read; deflated ones are not, which is told as code. */
static void tells_weights_that_are_not_read(void **state)
{
	static const char *const names[] = { "model.weights.npz", "model.weights.h5" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const bool deflated = i % 2;
		cleanup_buf struct buf weights = BUF_INIT(1 << 16), packed = BUF_INIT(1 << 16);
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		read_file(&weights, i < 2 ? "testdata/good/npy/stored.npz" :
					    "testdata/good/hdf5/keras-3.weights.h5");
		deflate_as_is(&packed, &weights);
		{
			const struct buf *data = deflated ? &packed : &weights;
			const struct made_member members[] = {
				{ "config.json", config, strlen(config), 0 },
				{ names[i / 2], data->data, data->len, 0 },
			};

			made_zip(&bytes, members, 2, false);
		}
		if (deflated)
			say_deflated(&bytes, names[i / 2], &weights);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.keras", &err), &err);
		assert_int_equal(l.has_tensors, !deflated);
		assert_int_equal(l.n_imports, deflated);
		if (deflated) {
			assert_string_equal(l.imports[0].name, "keras:weights-unread");
			assert_false(l.imports[0].allowed);
		}
	}
}

/* PyTorch's loader takes an archive with its record, whatever it is called. */
static void tells_the_pickle_of_others(void **state)
{
	static const char *const names[] = { "a/data.pkl", "a/DATA.pkl", "a/data.pk", "data.pkl" };
	cleanup_buf struct buf arrays = BUF_INIT(1 << 20);

	(void)state;
	read_file(&arrays, "testdata/good/npy/stored.npz");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct made_member members[] = {
			{ names[i], "N.", 2, 0 },
			{ "config.json", config, strlen(config), 0 },
			{ "model.weights.npz", arrays.data, arrays.len, 0 },
		};
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_zip(&bytes, members, 3, false);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.keras", &err), &err);
		assert_int_equal(l.n_imports, i < 2);
		if (i < 2)
			assert_string_equal(l.imports[0].name, "torch:data.pkl");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_weights_that_are_not_read),
		cmocka_unit_test(tells_the_pickle_of_others),
	};

	return run_tests(tests);
}
