/* SPDX-License-Identifier: Apache-2.0 */
/* A merge of what is known of the files and parts of two checkpoints. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/diff.h"
#include "util/cleanup.h"

/* What is known of a file. Digests are NULL where they are not. */
struct known_file {
	const char *path;
	uint64_t size;
	const char *grammar;
	const uint8_t *file_digest, *sha256;
};

struct known_part {
	const char *name;
	const char *const *paths;
	size_t n_paths;
	const uint8_t *weights_digest, *tensor_set_digest; /* both or none */
	uint64_t n_tensor_bytes;
};

struct known {
	struct known_file *files; /* by path bytes, ascending; so are the parts */
	struct known_part *parts;
	size_t n_files, n_parts;
};

static void known_release(struct known *k)
{
	free(k->files);
	free(k->parts);
}
#define cleanup_known __attribute__((cleanup(known_release)))

void record_diff_release(struct record_diff *d)
{
	free(d->files.rows);
	free(d->parts.rows);
	*d = (struct record_diff){ 0 };
}

/* --- both kinds of knowledge as one --------------------------------------------------- */

static struct known_file know_file(const struct checkpoint_file *f)
{
	struct known_file k = {
		.path = f->path,
		.size = f->layout.size,
		.grammar = f->layout.format->grammar,
		.file_digest = f->measured ? f->file_digest : NULL,
		.sha256 = f->has_sha256 ? f->sha256 : NULL,
	};

	if (f->is_pointer) {
		k.size = f->pointer.size;
		k.file_digest = NULL;
		k.sha256 = f->pointer.extended ? NULL : f->pointer.sha256;
	}
	return k;
}

static void know_measured(struct known *out, const struct checkpoint *c)
{
	for (size_t i = 0; i < c->n_files; i++)
		out->files[out->n_files++] = know_file(&c->files[i]);
	for (size_t i = 0; i < c->n_parts; i++) {
		const struct checkpoint_part *p = &c->parts[i];

		out->parts[out->n_parts++] = (struct known_part){
			p->name, p->paths, p->n_paths, p->has_weights ? p->weights_digest : NULL,
			p->has_weights ? p->tensor_set_digest : NULL, p->n_tensor_bytes
		};
	}
}

static const uint8_t *digest_of(const Weightmark__V1__Digest *d)
{
	return d ? d->sha256.data : NULL;
}

static void know_stated(struct known *out, const Weightmark__V1__Checkpoint *c)
{
	for (size_t i = 0; i < c->n_file; i++) {
		const Weightmark__V1__File *f = c->file[i];

		out->files[out->n_files++] = (struct known_file){
			f->path, f->size, f->grammar, digest_of(f->file_digest),
			digest_of(f->sha256)
		};
	}
	for (size_t i = 0; i < c->n_part; i++) {
		const Weightmark__V1__Part *p = c->part[i];

		out->parts[out->n_parts++] = (struct known_part){
			p->name, (const char *const *)p->path, p->n_path,
			digest_of(p->weights_digest), digest_of(p->tensor_set_digest),
			p->tensor_bytes
		};
	}
}

static enum wm_code know(struct known *out, const struct diff_side *side, struct wm_error *err)
{
	const struct checkpoint *c = side->measured;

	out->files = calloc((c ? c->n_files : side->stated->n_file) + 1, sizeof(*out->files));
	out->parts = calloc((c ? c->n_parts : side->stated->n_part) + 1, sizeof(*out->parts));
	if (!out->files || !out->parts)
		return fail_nomem(err);
	if (c)
		know_measured(out, c);
	else
		know_stated(out, side->stated);
	return WM_OK;
}

/* --- comparing ----------------------------------------------------------------------- */

static bool equal(const uint8_t *a, const uint8_t *b)
{
	return a && b && memcmp(a, b, SHA256_BYTES) == 0;
}

static bool same_file(const struct known_file *a, const struct known_file *b)
{
	if (a->size != b->size)
		return false;
	if (a->file_digest && b->file_digest && strcmp(a->grammar, b->grammar) == 0)
		return equal(a->file_digest, b->file_digest);
	return equal(a->sha256, b->sha256);
}

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, ((const struct known_file *)file)->path);
}

static const struct known_file *find(const struct known *k, const char *path)
{
	return bsearch(path, k->files, k->n_files, sizeof(*k->files), compare_path);
}

static bool same_files(const struct known *a, const struct known_part *p, const struct known *b,
		       const struct known_part *q)
{
	if (p->n_paths != q->n_paths)
		return false;
	for (size_t i = 0; i < p->n_paths; i++) {
		const struct known_file *x = find(a, p->paths[i]), *y = find(b, q->paths[i]);

		if (!x || !y || !same_file(x, y))
			return false;
	}
	return true;
}

static uint64_t part_bytes(const struct known *k, const struct known_part *p)
{
	uint64_t bytes = 0;

	if (p->weights_digest)
		return p->n_tensor_bytes;
	for (size_t i = 0; i < p->n_paths; i++) {
		const struct known_file *f = find(k, p->paths[i]);

		bytes += f ? f->size : 0;
	}
	return bytes;
}

/* --- merging ------------------------------------------------------------------------- */

static void add_row(struct record_list *l, const struct record_row *row)
{
	l->count[row->difference]++;
	l->bytes[row->difference] += row->bytes;
	l->rows[l->n_rows++] = *row;
}

/* `order` is negative where x comes next, alone, positive for y, 0 for both. */
static enum wm_code merge_files(struct record_list *out, const struct known *a,
				const struct known *b, struct wm_error *err)
{
	const bool only = a->n_files == 1 && b->n_files == 1;

	out->rows = calloc(a->n_files + b->n_files + 1, sizeof(*out->rows));
	if (!out->rows)
		return fail_nomem(err);
	for (size_t i = 0, j = 0;;) {
		const struct known_file *x = i < a->n_files ? &a->files[i] : NULL,
					*y = j < b->n_files ? &b->files[j] : NULL;
		int order = !x ? 1 : !y ? -1 : only ? 0 : strcmp(x->path, y->path);
		struct record_row row = { .difference = order < 0 ? DIFF_REMOVED : DIFF_ADDED };

		if (!x && !y)
			return WM_OK;
		if (order == 0)
			row.difference = same_file(x, y) ? DIFF_EQUAL : DIFF_CHANGED;
		row.name = order < 0 ? x->path : y->path;
		row.bytes = order < 0 ? x->size : y->size;
		add_row(out, &row);
		i += order <= 0;
		j += order >= 0;
	}
}

static void compare_parts(struct record_row *row, const struct known *a,
			  const struct known_part *x, const struct known *b,
			  const struct known_part *y)
{
	bool same;

	row->has_weights = x->weights_digest && y->weights_digest;
	same = row->has_weights ? equal(x->weights_digest, y->weights_digest) :
				  same_files(a, x, b, y);
	row->difference = same ? DIFF_EQUAL : DIFF_CHANGED;
	row->same_set = row->has_weights && !same &&
			equal(x->tensor_set_digest, y->tensor_set_digest);
}

static enum wm_code merge_parts(struct record_list *out, const struct known *a,
				const struct known *b, struct wm_error *err)
{
	const bool only = a->n_parts == 1 && b->n_parts == 1;

	out->rows = calloc(a->n_parts + b->n_parts + 1, sizeof(*out->rows));
	if (!out->rows)
		return fail_nomem(err);
	for (size_t i = 0, j = 0;;) {
		const struct known_part *x = i < a->n_parts ? &a->parts[i] : NULL,
					*y = j < b->n_parts ? &b->parts[j] : NULL;
		int order = !x ? 1 : !y ? -1 : only ? 0 : strcmp(x->name, y->name);
		struct record_row row = { .difference = order < 0 ? DIFF_REMOVED : DIFF_ADDED };

		if (!x && !y)
			return WM_OK;
		if (order == 0)
			compare_parts(&row, a, x, b, y);
		else
			row.has_weights = (order < 0 ? x : y)->weights_digest != NULL;
		row.name = order < 0 ? x->name : y->name;
		row.bytes = order < 0 ? part_bytes(a, x) : part_bytes(b, y);
		add_row(out, &row);
		i += order <= 0;
		j += order >= 0;
	}
}

enum wm_code diff_records(struct record_diff *out, const struct diff_side *before,
			  const struct diff_side *after, struct wm_error *err)
{
	cleanup_known struct known a = { 0 }, b = { 0 };
	cleanup_record_diff struct record_diff d = { 0 };

	TRY(know(&a, before, err));
	TRY(know(&b, after, err));
	TRY(merge_files(&d.files, &a, &b, err));
	TRY(merge_parts(&d.parts, &a, &b, err));
	*out = d;
	d.files.rows = d.parts.rows = NULL;
	return WM_OK;
}
