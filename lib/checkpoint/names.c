/* SPDX-License-Identifier: Apache-2.0 */
/* Taking the names of weights, shards and indexes apart. */
#include "checkpoint/names.h"

#include <string.h>

#include "util/file.h"

/* Under these names weights are kept, whether or not a format here can read them. */
static const char *const suffixes[] = {
	".safetensors", ".gguf", ".ggml", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".hdf5",
	".keras", ".npz", ".npy", ".msgpack", ".pkl", ".pickle", ".joblib", ".nemo", ".tflite",
	".pdparams", ".tar", ".tar.gz", ".tgz", ".keras-weights",
};

enum { SHARD_DIGITS = 5 };

/* The bytes of a name that are still to be looked at, from its end. */
struct rest {
	const char *name;
	size_t len;
};

static bool cut(struct rest *r, const char *end)
{
	if (!file_ends_with(r->name, r->len, end))
		return false;
	r->len -= strlen(end);
	return true;
}

/* Cuts the last component with its dot off, which has at least one character besides. */
static bool cut_component(struct rest *r)
{
	for (size_t i = r->len; i > 0; i--)
		if (r->name[i - 1] == '.') {
			bool some = i < r->len;

			r->len = some ? i - 1 : r->len;
			return some;
		}
	return false;
}

/* Cuts a suffix of weights off unless nothing would be left. */
static bool cut_suffix(struct rest *r)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (r->len > strlen(suffixes[i]) && cut(r, suffixes[i]))
			return true;
	return false;
}

const char *name_weights_suffix(const char *path)
{
	const char *name = file_name(path);
	struct rest r = { name, strlen(name) };

	return cut_suffix(&r) ? name + r.len : NULL;
}

/* --- shards -------------------------------------------------------------------------- */

static bool cut_number(struct rest *r, unsigned *out)
{
	unsigned value = 0;

	if (r->len < SHARD_DIGITS)
		return false;
	for (size_t i = r->len - SHARD_DIGITS; i < r->len; i++) {
		if (r->name[i] < '0' || r->name[i] > '9')
			return false;
		value = value * 10 + (unsigned)(r->name[i] - '0');
	}
	r->len -= SHARD_DIGITS;
	*out = value;
	return true;
}

static bool cut_numbers(struct rest *r, unsigned *number, unsigned *count)
{
	struct rest left = *r;

	if (!cut_number(&left, count) || !cut(&left, "-of-") || !cut_number(&left, number) ||
	    !cut(&left, "-") || left.len == 0 || *number == 0 || *number > *count)
		return false;
	*r = left;
	return true;
}

/* Stores `start`, `middle` and `end`, one behind the other, in the arena. */
static enum wm_code join(const char **out, struct arena *a, struct rest start, struct rest middle,
			 const char *end, struct wm_error *err)
{
	size_t end_len = strlen(end);
	void *room = NULL;
	char *text;

	TRY(arena_alloc(&room, a, start.len + middle.len + end_len + 1, err));
	text = room;
	memcpy(text, start.name, start.len);
	memcpy(text + start.len, middle.name, middle.len);
	memcpy(text + start.len + middle.len, end, end_len);
	*out = text;
	return WM_OK;
}

enum wm_code name_read_shard(bool *is_shard, struct shard_name *out, struct arena *a,
			     const char *path, struct wm_error *err)
{
	const char *name = file_name(path), *end;
	struct rest r = { name, strlen(name) };
	unsigned number = 0, count = 0;

	*is_shard = false;
	if (!cut_suffix(&r))
		return WM_OK;
	end = name + r.len;
	if (!cut_numbers(&r, &number, &count)) {
		if (!cut_component(&r))
			return WM_OK;
		end = name + r.len;
		if (!cut_numbers(&r, &number, &count))
			return WM_OK;
	}
	TRY(join(&out->part, a, (struct rest){ path, (size_t)(name - path) + r.len },
		 (struct rest){ "", 0 }, end, err));
	out->number = number;
	out->count = count;
	*is_shard = true;
	return WM_OK;
}

/* --- indexes ------------------------------------------------------------------------- */

/* The index's name in three: stem, suffix with its dot, variant with its dot or "". */
static bool split_index(struct rest *stem, struct rest *suffix, struct rest *variant,
			const char *name)
{
	struct rest r = { name, strlen(name) }, with_variant;

	if (!cut(&r, ".json"))
		return false;
	with_variant = r;
	if (!cut(&r, ".index") && (!cut_component(&r) || !cut(&r, ".index")))
		return false;
	*stem = r;
	if (!cut_suffix(stem))
		return false;
	*suffix = (struct rest){ name + stem->len, r.len - stem->len };
	*variant = (struct rest){ name + r.len + strlen(".index"),
				  with_variant.len - r.len - strlen(".index") };
	return true;
}

bool name_is_index(const char *path)
{
	struct rest stem, suffix, variant;

	return split_index(&stem, &suffix, &variant, file_name(path));
}

enum wm_code name_of_indexed(const char **out, struct arena *a, const char *path,
			     struct wm_error *err)
{
	const char *name = file_name(path), *front = NULL;
	struct rest stem, suffix, variant;

	*out = NULL;
	if (!split_index(&stem, &suffix, &variant, name))
		return WM_OK;
	TRY(join(&front, a, (struct rest){ path, (size_t)(name - path) + stem.len }, variant, "",
		 err));
	return join(out, a, (struct rest){ front, strlen(front) }, suffix, "", err);
}
