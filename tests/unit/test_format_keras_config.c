/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/keras_config.c: the code that models name, in archives and in HDF5 alike. */
#include "harness.h"

#include <stdio.h>

#include "format/hdf5_internal.h"
#include "format/keras_config.h"
#include "made_zip.h"
#include "util/limits.h"

#define OBJECT(module, name) "{\"module\":\"" module "\",\"class_name\":\"" name "\",\"config\":{}}"
#define BARE(name) "{\"class_name\":\"" name "\",\"config\":{}}"
#define REGISTERED(module, name, as) \
	"{\"module\":" module ",\"class_name\":\"" name "\",\"registered_name\":" as "}"
#define FUNCTION(module, name) \
	"{\"module\":\"" module "\",\"class_name\":\"function\",\"config\":\"" name "\"}"

struct row {
	const char *config, *imports; /* each with a space behind */
};

/* Lambdas and others that run; names that only look like one of them follow. */
static const struct row running[] = {
	{ OBJECT("keras.layers", "Lambda"), "keras:Lambda " },
	{ OBJECT("keras.layers", "Dense"), "" },
	{ OBJECT("keras.layers", "lambda"), "keras:Lambda " },
	{ OBJECT("keras.layers", "LAMBDA"), "keras:Lambda " },
	{ OBJECT("keras.src.layers.core.lambda_layer", "Lambda"), "keras:Lambda " },
	{ OBJECT("tf.keras.layers", "Lambda"), "keras:Lambda " },
	{ OBJECT("keras", "layers.Lambda"), "keras:Lambda " },
	{ BARE("Lambda"), "keras:Lambda " },
	{ BARE("Masking"), "" },
	{ BARE("lambda"), "keras:Lambda " },
	{ BARE("tf.keras.layers.Lambda"), "keras:Lambda " },
	{ BARE("keras.layers>Lambda"), "keras:Lambda " },
	{ "{\"class_name\":\"__lambda__\",\"config\":{\"value\":\"4wEA\"}}", "keras:Lambda " },
	{ "[[{\"x\":{\"cl\\u0061ss_name\":\"L\\u0061mbda\"}}]]", "keras:Lambda " },
	{ REGISTERED("\"keras.layers\"", "Dense", "\"Custom>Lambda\""), "keras:Lambda " },
	{ FUNCTION("keras.activations", "Lambda"), "keras:Lambda " },
	{ OBJECT("keras.layers", "TFOpLambda"), "keras:TFOpLambda " },
	{ OBJECT("keras.src.layers.core.tf_op_layer", "SlicingOpLambda"), "keras:SlicingOpLambda " },
	{ BARE("TFOpLambda"), "keras:TFOpLambda " },
	{ OBJECT("keras.layers", "__LAMBDA__"), "keras:Lambda " },
	{ OBJECT("keras.layers", "ClassMethod"), "keras:ClassMethod " },
	{ OBJECT("keras.layers", "InstanceMethod"), "keras:InstanceMethod " },
	{ OBJECT("keras.layers", "InstanceProperty"), "keras:InstanceProperty " },
	{ OBJECT("keras.layers", "PyMethodLayer"), "keras:PyMethodLayer " },
	{ OBJECT("keras.layers", "TensorFlowOpLayer"), "keras:TensorFlowOpLayer " },
	{ OBJECT("keras.layers", "TFSMLayer"), "keras:TFSMLayer " },
	{ OBJECT("keras.layers", "TorchModuleWrapper"), "keras:TorchModuleWrapper " },
	{ OBJECT("keras.layers", "JaxLayer"), "keras:JaxLayer " },
	{ OBJECT("keras.layers", "FlaxLayer"), "keras:FlaxLayer " },
};

static const struct row naming[] = {
	{ "{}", "" },
	{ "[1,null,true,\"class_name\"]", "" },
	{ OBJECT("keras", "Sequential"), "" },
	{ OBJECT("keras.src.models.functional", "Functional"), "" },
	{ OBJECT("keras.layers", "x.Dense"), "keras:keras.layers.x.Dense " },
	{ OBJECT("keras", "utils.get_file"), "keras:keras.utils.get_file " },
	{ OBJECT("keras", "load_model"), "keras:keras.load_model " },
	{ OBJECT("keras.utils", "Sequence"), "keras:keras.utils.Sequence " },
	{ OBJECT("keras.src.utils", "X"), "keras:keras.src.utils.X " },
	{ OBJECT("keras.layers.", "Dense"), "keras:keras.layers..Dense " },
	{ OBJECT("kerasx.layers", "Dense"), "keras:kerasx.layers.Dense " },
	{ OBJECT("tf.keras.layers", "Dense"), "keras:tf.keras.layers.Dense " },
	{ "{\"class_name\":\"Outer\",\"config\":{\"l\":" OBJECT("in", "Inner") "},\"module\":\"m\"}",
	  "keras:in.Inner keras:m.Outer " },
	{ "{\"a\":[" OBJECT("b", "C") "," OBJECT("a", "C") "," OBJECT("b", "C") "]}",
	  "keras:a.C keras:b.C " },
	{ "{\"module\":\"os\"}", "keras:os " },
	/* what has no module */
	{ "{\"class_name\":\"Sequential\",\"config\":[" BARE("GlorotUniform") "," BARE("Adam") "]}",
	  "" },
	{ REGISTERED("null", "Dense", "null"), "" },
	{ BARE("Mine"), "keras:Mine " },
	{ BARE("dense"), "keras:dense " },
	{ BARE("exec"), "keras:exec " },
	{ BARE("os.system"), "keras:os.system " },
	{ "{\"class_name\":\"function\",\"config\":\"exec\"}", "keras:exec " },
	{ "{\"class_name\":\"function\",\"config\":\"Dense\"}", "keras:Dense " },
	{ BARE("function"), "keras:function " },
	/* functions */
	{ FUNCTION("keras.activations", "relu"), "" },
	{ FUNCTION("keras.utils", "get_file"), "keras:keras.utils.get_file " },
	{ FUNCTION("keras.models", "load_model"), "keras:keras.models.load_model " },
	{ FUNCTION("keras.config", "enable_unsafe_deserialization"),
	  "keras:keras.config.enable_unsafe_deserialization " },
	{ FUNCTION("builtins", "exec"), "keras:builtins.exec " },
	{ FUNCTION("os", "__tuple__"), "keras:os.__tuple__ " },
	{ "{\"class_name\":\"function\",\"module\":\"os\",\"config\":[\"system\"]}",
	  "keras:os.function " },
	/* names under which classes are registered; loaders that do not know one import the other */
	{ REGISTERED("null", "Mine", "\"my>Mine\""), "keras:Mine keras:my>Mine " },
	{ REGISTERED("\"evil\"", "TensorShape", "null"), "keras:evil.TensorShape " },
	{ REGISTERED("\"evil\"", "__tuple__", "null"), "keras:evil.__tuple__ " },
	{ REGISTERED("null", "TensorShape", "null"), "" },
	{ REGISTERED("\"keras.layers\"", "Dense", "\"Dense\""), "" },
	{ REGISTERED("\"keras.layers\"", "Dense", "\"my>D\""), "keras:my>D " },
	{ REGISTERED("\"os\"", "system", "\"my>D\""), "keras:my>D keras:os.system " },
	{ "{\"module\":\"keras.activations\",\"class_name\":\"function\",\"config\":\"relu\","
	  "\"registered_name\":\"relu\"}", "" },
	/* values */
	{ "{\"class_name\":\"__tensor__\",\"config\":{\"value\":[1.5e3]}}", "" },
	{ "{\"class_name\":\"TensorShape\",\"items\":[null,4]}", "" },
	{ "{\"class_name\":\"__tuple__\",\"items\":[" OBJECT("os", "System") "]}",
	  "keras:os.System " },
	{ "{\"class_name\":\"__typespec__\",\"module\":\"tensorflow\"}",
	  "keras:tensorflow.__typespec__ " },
	/* files */
	{ "{\"class_name\":\"StringLookup\",\"config\":{\"vocabulary\":\"/etc/passwd\"}}",
	  "keras:vocabulary:/etc/passwd " },
	{ "{\"vocabulary\":\"assets/a.b.txt\"}", "keras:vocabulary:assets/a.b.txt " },
	{ "{\"class_name\":\"StringLookup\",\"config\":{\"vocabulary\":[\"a\",\"b\"]}}", "" },
	{ "{\"vocabulary\":null}", "" },
};

static void check(const struct layout *l, const struct row *row)
{
	cleanup_buf struct buf found = BUF_INIT(1000);
	struct wm_error err = { 0 };

	for (size_t i = 0; i < l->n_imports; i++) {
		assert_false(l->imports[i].allowed);
		assert_ok(buf_printf(&found, &err, "%s ", l->imports[i].name), &err);
	}
	assert_string_equal(found.len ? buf_str(&found) : "", row->imports);
}

/* Reads a configuration as of an archive with arrays. */
static enum wm_code read_zip(struct layout *l, const char *config, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), arrays = BUF_INIT(1 << 20);

	read_file(&arrays, "testdata/good/npy/stored.npz");
	{
		const struct made_member members[] = {
			{ "config.json", config, strlen(config), 0 },
			{ "model.weights.npz", arrays.data, arrays.len, 0 },
		};

		made_zip(&bytes, members, 2, false);
	}
	return made_parse(l, bytes.data, bytes.len, "m.keras", err);
}

/* Reads a configuration that the reader of HDF5 lists. */
static enum wm_code read_hdf5(struct layout *l, const char *config, struct wm_error *err)
{
	cleanup_buf struct buf list = BUF_INIT(1 << 20);
	const uint8_t head[] = { HDF5_CONFIG, (uint8_t)strlen(config),
				 (uint8_t)(strlen(config) >> 8), 0, 0 };

	assert_ok(buf_append(&list, head, sizeof(head), err), err);
	assert_ok(buf_append_str(&list, config, err), err);
	return hdf5_take_list(l, 0, list.data, list.len, "m.h5", err);
}

static void check_both(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_layout struct layout zip = LAYOUT_INIT, hdf5 = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(read_zip(&zip, rows[i].config, &err), &err);
		check(&zip, &rows[i]);
		assert_ok(read_hdf5(&hdf5, rows[i].config, &err), &err);
		check(&hdf5, &rows[i]);
	}
}

static void names_what_runs(void **state)
{
	(void)state;
	check_both(running, sizeof(running) / sizeof(running[0]));
}

static void names_what_is_imported(void **state)
{
	(void)state;
	check_both(naming, sizeof(naming) / sizeof(naming[0]));
}

static void refuses_what_reads_two_ways(void **state)
{
	static const char *const rows[] = {
		"{", "{}{}", "{\"a\":NaN}", "{\"class_name\":\"Dense\",\"class_name\":\"Lambda\"}",
		"{\"module\":[\"os\"]}", "{\"class_name\":1}", "{\"registered_name\":true}",
		"{\"module\":\"keras\\u0000\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout zip = LAYOUT_INIT, hdf5 = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_reason(read_zip(&zip, rows[i], &err), &err, KERAS_MALFORMED);
		assert_reason(read_hdf5(&hdf5, rows[i], &err), &err, KERAS_MALFORMED);
	}
}

static void bounds_names(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		char config[LIMIT_PATH + 100];
		struct wm_error err = { 0 };
		enum wm_code code;

		snprintf(config, sizeof(config), "{\"module\":\"%0*d\"}", LIMIT_PATH + over, 0);
		code = keras_add_imports(&l, config, strlen(config), "m", &err);
		if (over)
			assert_reason(code, &err, KERAS_MALFORMED);
		else
			assert_ok(code, &err);
	}
}

static enum wm_code read_config(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const char *config = context;

	return keras_add_imports(&l, config, strlen(config), "m", err);
}

static void survives_failing_allocations(void **state)
{
	char config[] = "[" OBJECT("b", "C") "," OBJECT("a", "\\u0043") "]";

	(void)state;
	with_every_allocation_failing(read_config, config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_runs),
		cmocka_unit_test(names_what_is_imported),
		cmocka_unit_test(refuses_what_reads_two_ways),
		cmocka_unit_test(bounds_names),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
