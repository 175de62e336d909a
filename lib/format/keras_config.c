/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON that Keras makes objects of: config.json of an archive, model_config and
 * training_config of an HDF5 file; keras/src/saving/serialization_lib.py and, of objects that
 * have no module, keras/src/legacy/saving.
 *
 *	object	= { "class_name": text, "module": text | null, "registered_name": text | null,
 *		    "config": any, ... }, anywhere in the document
 *	running	= an object one of whose names ends in a class below whose configuration is
 *		  code, names it or names files, however it begins and in any case:
 *		  "keras:" and the class
 *	name	= "keras:" and registered_name where it is another than class_name, and
 *		  "keras:" [module "."] class_name; of a function, its name is the text `config`
 *	file	= "vocabulary": text, which layers read from this path: "keras:vocabulary:" path
 *
 * Harmless are classes, which begin with a capital, of the modules below; classes of Keras
 * without a module, which loaders look up among their own; functions only of modules that have
 * no others; and what stands for values ("__tuple__"). Each other name is code that loading
 * imports, or that must have been registered before.
 */
#include "format/keras_config.h"

#include <string.h>
#include <strings.h>

#include "text/json.h"
#include "util/cleanup.h"

enum field { FIELD_NONE, MODULE, CLASS, REGISTERED, CONFIG, VOCABULARY, N_FIELDS };

static const char *const fields[N_FIELDS] = {
	[MODULE] = "module", [CLASS] = "class_name", [REGISTERED] = "registered_name",
	[CONFIG] = "config", [VOCABULARY] = "vocabulary",
};

/* A map or list that is open. */
struct level {
	enum field field; /* whose value comes next */
	bool seen[N_FIELDS];
	const char *text[N_FIELDS]; /* NULL: null, absent, or of another type */
};

struct reader {
	struct layout *layout;
	struct json *json;
	const char *name;
	struct arena texts;
	struct level levels[LIMIT_JSON_DEPTH + 2];
	size_t depth;
};

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(text, list) is_one_of(text, list, sizeof(list) / sizeof((list)[0]))

/* Modules all of whose classes hold numbers and other such classes. */
static const char *const modules[] = {
	"keras", "keras.activations", "keras.constraints", "keras.dtype_policies",
	"keras.engine.functional", "keras.engine.sequential", "keras.initializers", "keras.layers",
	"keras.losses", "keras.metrics", "keras.mixed_precision", "keras.models",
	"keras.optimizers", "keras.optimizers.schedules", "keras.quantizers",
	"keras.regularizers", "keras.src.engine.functional", "keras.src.engine.sequential",
	"keras.src.models.functional", "keras.src.models.sequential",
};

static const char *const function_modules[] = {
	"keras.activations", "keras.constraints", "keras.initializers", "keras.losses",
	"keras.metrics", "keras.regularizers",
};

/* Classes whose configuration is code, or says which is called, or which files are read. */
static const char *const running[] = {
	"__lambda__", "ClassMethod", "FlaxLayer", "InstanceMethod", "InstanceProperty", "JaxLayer",
	"Lambda", "PyMethodLayer", "SlicingOpLambda", "TensorFlowOpLayer", "TFOpLambda",
	"TFSMLayer", "TorchModuleWrapper",
};

static const char *const values[] = {
	"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__",
	"__tuple__", "TensorShape",
};

/* Classes of Keras as files before its version 3 name them, without a module. */
static const char *const classes[] = {
	/* models, policies, layers */
	"Functional", "Model", "Sequential", "DTypePolicy", "Policy", "PolicyV1", "InputLayer",
	"InputSpec", "Activation", "ActivityRegularization", "Add", "AdditiveAttention",
	"AlphaDropout", "Attention", "Average", "AveragePooling1D", "AveragePooling2D",
	"AveragePooling3D", "BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2",
	"Bidirectional", "CategoryEncoding", "CenterCrop", "Concatenate", "Conv1D",
	"Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D",
	"ConvLSTM2D", "ConvLSTM3D", "Cropping1D", "Cropping2D", "Cropping3D", "CuDNNGRU",
	"CuDNNLSTM", "Dense", "DenseFeatures", "DepthwiseConv1D", "DepthwiseConv2D",
	"Discretization", "Dot", "Dropout", "ELU", "EinsumDense", "Embedding", "Flatten", "GRU",
	"GRUCell", "GRUV2", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D",
	"GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
	"GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "GroupQueryAttention",
	"HashedCrossing", "Hashing", "IntegerLookup", "LSTM", "LSTMCell", "LSTMV2",
	"LayerNormalization", "LeakyReLU", "LocallyConnected1D", "LocallyConnected2D", "Masking",
	"MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum",
	"MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "RNN",
	"RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip", "RandomHeight",
	"RandomRotation", "RandomTranslation", "RandomWidth", "RandomZoom", "ReLU",
	"RepeatVector", "Rescaling", "Reshape", "Resizing", "SeparableConv1D", "SeparableConv2D",
	"SimpleRNN", "SimpleRNNCell", "Softmax", "SpatialDropout1D", "SpatialDropout2D",
	"SpatialDropout3D", "SpectralNormalization", "StackedRNNCells", "StringLookup",
	"Subtract", "TextVectorization", "ThresholdedReLU", "TimeDistributed",
	"UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D",
	"ZeroPadding2D", "ZeroPadding3D",
	/* initializers, constraints, regularizers */
	"Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
	"LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform",
	"TruncatedNormal", "VarianceScaling", "Zeros", "MaxNorm", "MinMaxNorm", "NonNeg",
	"RadialConstraint", "UnitNorm", "L1", "L1L2", "L2", "OrthogonalRegularizer",
	/* optimizers and their schedules */
	"Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion",
	"LossScaleOptimizer", "Nadam", "RMSprop", "SGD", "CosineDecay", "CosineDecayRestarts",
	"ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay", "PolynomialDecay",
	/* losses and metrics */
	"BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
	"CategoricalFocalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Hinge", "Huber",
	"KLDivergence", "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError",
	"MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
	"SparseCategoricalCrossentropy", "SquaredHinge", "AUC", "Accuracy", "BinaryAccuracy",
	"BinaryIoU", "CategoricalAccuracy", "F1Score", "FBetaScore", "FalseNegatives",
	"FalsePositives", "IoU", "LogCoshError", "Mean", "MeanIoU", "MeanMetricWrapper",
	"MeanRelativeError", "OneHotIoU", "OneHotMeanIoU", "Precision", "PrecisionAtRecall",
	"R2Score", "Recall", "RecallAtPrecision", "RootMeanSquaredError",
	"SensitivityAtSpecificity", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy",
	"SpecificityAtSensitivity", "Sum", "TopKCategoricalAccuracy", "TrueNegatives",
	"TruePositives",
};

static bool is_identifier(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z') && *p != '_' &&
		    (p == text || *p < '0' || *p > '9'))
			return false;
	return *text != '\0';
}

/* The class of those that run which a name ends in, NULL: none. Loaders know it by many paths. */
static const char *runs(const char *name)
{
	const char *last = name;

	for (const char *p = name; p && *p; p++)
		if (*p == '.' || *p == '>')
			last = p + 1;
	for (size_t i = 0; last && i < sizeof(running) / sizeof(running[0]); i++)
		if (strcasecmp(last, running[i]) == 0)
			return i == 0 ? "Lambda" : running[i];
	return NULL;
}

static bool is_harmless(const char *module, const char *name, bool function)
{
	if (!module)
		return !function && IS_ONE_OF(name, classes);
	return is_identifier(name) && (function ? IS_ONE_OF(module, function_modules) :
						  *name <= 'Z' && IS_ONE_OF(module, modules));
}

static enum wm_code add(struct reader *r, const char *kind, const char *module, const char *name,
			struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(4 * LIMIT_PATH);

	TRY(buf_printf(&text, err, "keras:%s%s%s%s", kind, module ? module : "",
		       module ? "." : "", name));
	return layout_add_import(r->layout, buf_str(&text), text.len, false, err);
}

static enum wm_code end_object(struct reader *r, const struct level *v, struct wm_error *err)
{
	const char *name = v->text[CLASS], *module = v->text[MODULE];
	const char *registered = v->text[REGISTERED], *runner = runs(name);
	const bool function = name && strcmp(name, "function") == 0;

	if (v->text[VOCABULARY])
		TRY(add(r, "vocabulary:", NULL, v->text[VOCABULARY], err));
	if (!name)
		return module ? add(r, "", NULL, module, err) : WM_OK;
	if (registered && strcmp(registered, name) == 0)
		registered = NULL;
	if (function && v->text[CONFIG])
		name = v->text[CONFIG];
	if (!runner)
		runner = runs(registered) ? runs(registered) : runs(name);
	if (runner)
		return add(r, "", NULL, runner, err);
	if (registered && strcmp(registered, name) != 0)
		TRY(add(r, "", NULL, registered, err));
	/* With a module loaders look in that, whatever the name. */
	if (!function && !module && IS_ONE_OF(name, values))
		return WM_OK;
	if (is_harmless(module, name, function))
		return WM_OK;
	return add(r, "", module, name, err);
}

static enum wm_code malformed(const struct reader *r, const char *what, struct wm_error *err)
{
	return fail(err, REASON_KERAS_MALFORMED, "%s: byte %zu of the model's configuration: %s",
		    r->name, r->json->at, what);
}

static enum wm_code take_key(struct reader *r, struct level *v, struct wm_error *err)
{
	const struct json *j = r->json;

	v->field = FIELD_NONE;
	for (unsigned i = MODULE; i < N_FIELDS; i++)
		if (j->len == strlen(fields[i]) && memcmp(j->text, fields[i], j->len) == 0)
			v->field = i;
	if (v->field == FIELD_NONE)
		return WM_OK;
	if (v->seen[v->field])
		return malformed(r, "a key stands there twice in one object", err);
	v->seen[v->field] = true;
	return WM_OK;
}

static enum wm_code take_text(struct reader *r, struct level *v, struct wm_error *err)
{
	const struct json *j = r->json;
	char *copy = NULL;

	if (v->field == FIELD_NONE)
		return WM_OK;
	/* Texts of `config` that are no names may be anything. */
	if (j->len > LIMIT_PATH || tensor_name_has_controls(j->text, j->len))
		return v->field == CONFIG ? WM_OK :
					    malformed(r, "a name is too long, or not plain", err);
	TRY(arena_copy(&copy, &r->texts, j->text, j->len, err));
	v->text[v->field] = copy;
	return WM_OK;
}

/* A value begins that is neither text nor null. */
static enum wm_code take_other(const struct reader *r, const struct level *v, struct wm_error *err)
{
	if (v->field == MODULE || v->field == CLASS || v->field == REGISTERED)
		return malformed(r, "a name is no text", err);
	return WM_OK;
}

static enum wm_code take_event(struct reader *r, enum json_event event, struct wm_error *err)
{
	struct level *v = &r->levels[r->depth];

	switch (event) {
	case JSON_KEY:
		return take_key(r, v, err);
	case JSON_TEXT:
		return take_text(r, v, err);
	case JSON_MAP:
	case JSON_LIST:
		TRY(take_other(r, v, err));
		r->levels[++r->depth] = (struct level){ 0 };
		return WM_OK;
	case JSON_MAP_END:
		TRY(end_object(r, v, err));
		r->depth--;
		return WM_OK;
	case JSON_LIST_END:
		r->depth--;
		return WM_OK;
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
		return take_other(r, v, err);
	default:
		return WM_OK;
	}
}

static enum wm_code read_events(struct reader *r, struct wm_error *err)
{
	enum json_event event = JSON_NULL;

	while (event != JSON_END) {
		TRY(json_next(r->json, &event, err));
		TRY(take_event(r, event, err));
	}
	return WM_OK;
}

enum wm_code keras_add_imports(struct layout *l, const void *config, size_t len, const char *name,
			       struct wm_error *err)
{
	cleanup_json struct json j = json_parser(config, len, name);
	struct reader r = { .layout = l, .json = &j, .name = name,
			    .texts = ARENA_INIT(2 * LIMIT_KERAS_CONFIG) };
	enum wm_code code;

	j.reason = REASON_KERAS_MALFORMED;
	code = read_events(&r, err);
	arena_release(&r.texts);
	return code;
}
