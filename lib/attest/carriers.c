/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading sidecars and slots. */
#include "attest/carriers.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/file.h"
#include "util/limits.h"

static const char in_directory[] = "weightmark" SIDECAR_SUFFIX;

void carriers_release(struct carriers *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].place);
		sidecar_release(&c->list[i].sidecar);
	}
	free(c->list);
	*c = (struct carriers){ 0 };
}

const char *carrier_kind_name(enum carrier_kind kind)
{
	static const char *const names[] = {
		[CARRIER_SIDECAR] = "sidecar",
		[CARRIER_SLOT] = "slot",
		[CARRIER_DISPLACED] = "displaced",
	};

	return names[kind];
}

enum wm_code carrier_sidecar_path(char **out, const char *path, struct wm_error *err)
{
	struct stat st;
	size_t len = strlen(path);
	int n;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		n = asprintf(out, "%.*s/%s", (int)len, path, in_directory);
	else
		n = asprintf(out, "%s" SIDECAR_SUFFIX, path);
	if (n < 0) {
		*out = NULL;
		return fail_nomem(err);
	}
	return WM_OK;
}

bool carrier_is_sidecar(const char *path)
{
	return file_has_suffix(path, SIDECAR_SUFFIX);
}

enum wm_code carrier_refuse_sidecar(const char *path, struct wm_error *err)
{
	if (!carrier_is_sidecar(path))
		return WM_OK;
	return fail(err, REASON_USAGE, "%s: is a sidecar; give the checkpoint beside it", path);
}

enum wm_code carrier_load(struct sidecar *out, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error why = { 0 };

	if (file_read(&bytes, path, &why) != WM_OK) {
		if (error_reason(&why) == REASON_NOT_FOUND)
			return fail(err, REASON_SIDECAR_MISSING, "%s: there is no such file", path);
		return fail_again(err, &why);
	}
	return sidecar_decode(out, bytes.data, bytes.len, path, err);
}

static bool lists(const Weightmark__V1__Checkpoint *record, const struct checkpoint_file *file)
{
	const struct layout *l = &file->layout;

	for (size_t i = 0; i < record->n_file; i++) {
		const Weightmark__V1__File *f = record->file[i];

		if (f->size == l->size && strcmp(f->grammar, l->format->grammar) == 0 &&
		    (!file->measured || memcmp(f->file_digest->sha256.data, file->file_digest,
					       SHA256_BYTES) == 0))
			return true;
	}
	return false;
}

bool carrier_speaks_of(const struct carrier *c, const Weightmark__V1__Checkpoint *record)
{
	for (size_t i = 0; c->kind == CARRIER_SLOT && i < c->n_files; i++)
		if (lists(record, c->files[i]))
			return true;
	return c->kind == CARRIER_SIDECAR;
}

/* Appends the slot of `f`; why it cannot be read is kept in its `err`. */
static enum wm_code add_slot(struct carriers *c, const struct checkpoint_file *f,
			     struct wm_error *err)
{
	struct carrier *carrier = &c->list[c->n];
	enum wm_code code;

	carrier->kind = f->layout.displaced ? CARRIER_DISPLACED : CARRIER_SLOT;
	carrier->files[carrier->n_files++] = f;
	carrier->place = strdup(f->place);
	if (!carrier->place)
		return fail_nomem(err);
	c->n++;
	code = sidecar_decode(&carrier->sidecar, f->layout.carried.data, f->layout.carried.len,
			      f->place, &carrier->err);
	return error_is_untold(code) ? fail_again(err, &carrier->err) : WM_OK;
}

static enum wm_code add_sidecar(struct carriers *c, const char *path, struct wm_error *err)
{
	struct carrier *carrier = &c->list[c->n];
	enum wm_code code;

	carrier->kind = CARRIER_SIDECAR;
	carrier->place = strdup(path);
	if (!carrier->place)
		return fail_nomem(err);
	c->n++;
	code = carrier_load(&carrier->sidecar, path, &carrier->err);
	if (error_is_untold(code))
		return fail_again(err, &carrier->err);
	if (code != WM_OK && error_reason(&carrier->err) == REASON_SIDECAR_MISSING) {
		free(carrier->place);
		*carrier = (struct carrier){ 0 };
		c->n--;
	}
	return WM_OK;
}

/* The shards of a set carry the same: once is enough. */
static bool same_slot(const struct checkpoint_file *a, const struct checkpoint_file *b)
{
	return a->layout.displaced == b->layout.displaced &&
	       a->layout.carried.len == b->layout.carried.len &&
	       memcmp(a->layout.carried.data, b->layout.carried.data, a->layout.carried.len) == 0;
}

static enum wm_code gather(struct carriers *c, const struct checkpoint *from,
			   const char *sidecar_path, struct wm_error *err)
{
	const struct checkpoint_file *last = NULL;
	size_t len = 0;

	const size_t n_files = from ? from->n_files : 0;

	c->list = calloc(n_files + 1, sizeof(*c->list));
	if (!c->list)
		return fail_nomem(err);
	if (sidecar_path)
		TRY(add_sidecar(c, sidecar_path, err));
	for (size_t i = 0; i < n_files; i++) {
		const struct checkpoint_file *f = &from->files[i];

		if (f->role != ROLE_LOAD || f->layout.carried.len == 0)
			continue;
		if (last && same_slot(last, f)) {
			struct carrier *carrier = &c->list[c->n - 1];

			if (carrier->n_files < CARRIER_FILES)
				carrier->files[carrier->n_files++] = f;
			continue;
		}
		len += f->layout.carried.len;
		if (len > LIMIT_SIDECAR)
			return fail(err, REASON_LIMIT, "%s: its slots carry more than %d bytes",
				    from->path, LIMIT_SIDECAR);
		TRY(add_slot(c, f, err));
		last = f;
	}
	return WM_OK;
}

enum wm_code carriers_gather(struct carriers *out, const struct checkpoint *c,
			     const char *sidecar_path, struct wm_error *err)
{
	cleanup_carriers struct carriers gathered = { 0 };

	TRY(gather(&gathered, c, sidecar_path, err));
	*out = gathered;
	gathered = (struct carriers){ 0 };
	return WM_OK;
}
