/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that Keras runs or imports when it builds a model of the JSON in an HDF5 file.
 *
 * An object of that JSON is {"module": M, "class_name": C, "config": ...}, at any depth; older
 * ones have no module, and are classes of Keras itself or of whoever loads. It is listed as
 *
 *	keras:C    where C holds code itself, or names functions by their paths, in any module
 *	keras:M.C  where there is a module
 */
#include "format/hdf5_internal.h"

#include <string.h>

#include "text/json.h"
#include "util/cleanup.h"

enum { PART_BYTES = 256 };

/* Classes whose configuration is code, or says which function of a library is called. */
static const char *const running[] = {
	"FlaxLayer", "JaxLayer", "Lambda", "__lambda__", "TFOpLambda", "SlicingOpLambda",
	"ClassMethod", "InstanceMethod", "InstanceProperty", "PyMethodLayer", "TorchModuleWrapper",
	"TFSMLayer",
};

/* Modules that hold classes which do nothing but build layers and what belongs to them. */
static const char *const building[] = {
	"keras.activations", "keras.constraints", "keras.dtype_policies", "keras.initializers",
	"keras.layers", "keras.losses", "keras.metrics", "keras.optimizers",
	"keras.optimizers.schedules", "keras.regularizers", "keras.src.engine.functional",
	"keras.src.engine.sequential", "keras.src.models.functional",
	"keras.src.models.sequential",
};

/* Classes of the module keras itself that are of that kind. */
static const char *const models[] = {
	"DTypePolicy", "Functional", "Input", "InputLayer", "KerasTensor", "Model", "Sequential",
};

/* The two parts of a name of one object, as they are known so far. */
struct scope {
	bool has_module, has_class;
	char module[PART_BYTES], class_name[PART_BYTES];
};

enum key { OTHER, MODULE, CLASS };

struct reading {
	struct layout *l;
	const char *name;
	struct json j;
	struct scope scopes[LIMIT_JSON_DEPTH + 1];
	enum key key; /* the last one, of the value that comes */
};

#define IS_IN(list, text) is_in(list, sizeof(list) / sizeof((list)[0]), text)

static bool is_in(const char *const *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

/* A class is named by one identifier; anything else may lead elsewhere. */
static bool is_identifier(const char *text)
{
	for (; *text; text++)
		if (!(*text >= 'a' && *text <= 'z') && !(*text >= 'A' && *text <= 'Z') &&
		    !(*text >= '0' && *text <= '9') && *text != '_')
			return false;
	return true;
}

static bool is_harmless(const struct scope *s)
{
	return is_identifier(s->class_name) &&
	       (IS_IN(building, s->module) ||
		(strcmp(s->module, "keras") == 0 && IS_IN(models, s->class_name)));
}

static enum wm_code add_object(struct reading *r, const struct scope *s, struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(3 * PART_BYTES);
	const bool runs = s->has_class && IS_IN(running, s->class_name);

	if (!runs && !s->has_module)
		return WM_OK;
	TRY(buf_append_str(&b, "keras:", err));
	if (!runs)
		TRY(buf_append_str(&b, s->module, err));
	if (!runs && s->has_class)
		TRY(buf_append_byte(&b, '.', err));
	if (s->has_class)
		TRY(buf_append_str(&b, s->class_name, err));
	return layout_add_import(r->l, buf_str(&b), b.len, !runs && is_harmless(s), err);
}

static enum wm_code take_part(struct reading *r, bool *has, char *out, struct wm_error *err)
{
	const struct json *j = &r->j;

	if (*has)
		return fail(err, REASON_HDF5_CONFIG,
			    "%s: an object of the model's configuration has two names", r->name);
	if (j->len == 0 || j->len >= PART_BYTES || tensor_name_has_controls(j->text, j->len) ||
	    memchr(j->text, 0, j->len))
		return fail(err, REASON_HDF5_CONFIG,
			    "%s: the model's configuration has a name that none can be", r->name);
	memcpy(out, j->text, j->len);
	out[j->len] = '\0';
	*has = true;
	return WM_OK;
}

static enum key read_key(const struct json *j)
{
	if (j->len == 6 && memcmp(j->text, "module", 6) == 0)
		return MODULE;
	return j->len == 10 && memcmp(j->text, "class_name", 10) == 0 ? CLASS : OTHER;
}

static enum wm_code take_event(struct reading *r, enum json_event event, struct wm_error *err)
{
	struct scope *s = &r->scopes[r->j.depth];
	const enum key key = r->key;

	r->key = OTHER;
	switch (event) {
	case JSON_KEY:
		r->key = read_key(&r->j);
		return WM_OK;
	case JSON_MAP:
		*s = (struct scope){ 0 };
		return WM_OK;
	case JSON_MAP_END:
		return add_object(r, &r->scopes[r->j.depth + 1], err);
	case JSON_TEXT:
		if (key == MODULE)
			return take_part(r, &s->has_module, s->module, err);
		return key == CLASS ? take_part(r, &s->has_class, s->class_name, err) : WM_OK;
	default:
		return WM_OK;
	}
}

enum wm_code hdf5_add_imports(struct layout *l, const void *config, size_t len, const char *name,
			      struct wm_error *err)
{
	cleanup_free struct reading *r = calloc(1, sizeof(*r));
	enum wm_code code = WM_OK;
	enum json_event event;

	if (!r)
		return fail_nomem(err);
	r->l = l;
	r->name = name;
	r->j = json_parser(config, len, name);
	r->j.reason = REASON_HDF5_CONFIG;
	do {
		code = json_next(&r->j, &event, err);
		if (code == WM_OK)
			code = take_event(r, event, err);
	} while (code == WM_OK && event != JSON_END);
	json_release(&r->j);
	return code;
}
