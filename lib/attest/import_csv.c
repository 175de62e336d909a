/* SPDX-License-Identifier: Apache-2.0 */
/* A history as CSV: a row of names, then rows, each of which says something of one run. */
#include <string.h>

#include "attest/import_internal.h"
#include "lineage/inventory.h"
#include "text/node.h"

enum column {
	RUN, ACTIVITY, STARTED, ENDED, DATASET, ROLE, FROM_STEP, TO_STEP, PARENT, OUTPUT, STEP,
	SHA256, WEIGHTS, N_COLUMNS
};

static const char *const names[N_COLUMNS] = {
	"run", "activity", "started", "ended", "dataset", "role", "from_step", "to_step",
	"parent", "output", "step", "sha256", "weights",
};

/* One row under way. */
struct row {
	struct history *h;
	const int *at;
	struct import_run *run;
};

static const char *cell(const struct row *r, enum column c)
{
	const struct table *t = &r->h->t;

	return r->at[c] >= 0 ? t->cells[r->at[c]] : "";
}

static size_t place(const struct row *r, enum column c)
{
	return r->at[c] >= 0 ? (size_t)r->at[c] : 0;
}

static enum wm_code refuse(const struct row *r, enum column c, const char *what,
			   struct wm_error *err)
{
	return table_fail(&r->h->t, place(r, c), what, err);
}

static enum wm_code read_step(uint64_t *out, const struct row *r, enum column c,
			      struct wm_error *err)
{
	const char *text = cell(r, c);

	*out = NO_STEP;
	if (!*text)
		return WM_OK;
	*out = 0;
	for (; *text >= '0' && *text <= '9' && *out <= (uint64_t)NODE_INTEGER_MAX; text++)
		*out = *out * 10 + (uint64_t)(*text - '0');
	if (*text || *out > (uint64_t)NODE_INTEGER_MAX)
		return refuse(r, c, "not a number of steps", err);
	return WM_OK;
}

static enum wm_code read_digest(bool *has, uint8_t out[SHA256_BYTES], const struct row *r,
				enum column c, struct wm_error *err)
{
	const char *text = cell(r, c);

	*has = *text != '\0';
	if (*has && !inventory_digest(out, text))
		return refuse(r, c, "not a SHA-256", err);
	return WM_OK;
}

static enum wm_code read_role(int *out, const struct row *r, struct wm_error *err)
{
	const ProtobufCEnumValue *v;

	*out = 0;
	if (!*cell(r, ROLE))
		return WM_OK;
	v = protobuf_c_enum_descriptor_get_value_by_name(
		&weightmark__v1__dataset_use__role__descriptor, cell(r, ROLE));
	if (!v)
		return refuse(r, ROLE,
			      "not one of pretrain, finetune, alignment, distil_teacher_data, "
			      "synthetic_seed, annotation, validation, test, calibration, "
			      "tokenizer",
			      err);
	*out = v->value;
	return WM_OK;
}

/* One time can be said: the same, or none, in all rows of a run. */
static enum wm_code read_time(int64_t *known, const struct row *r, enum column c,
			      struct wm_error *err)
{
	int64_t said;

	TRY(import_time(&said, r->h, cell(r, c), c == ENDED, place(r, c), err));
	if (said == NO_TIME)
		return WM_OK;
	if (*known != NO_TIME && *known != said)
		return refuse(r, c, "another row of this run says another time", err);
	*known = said;
	if (import_is_backward(r->run))
		return refuse(r, c, "the run ends before it begins", err);
	return WM_OK;
}

static enum wm_code read_use(const struct row *r, struct wm_error *err)
{
	static const enum column of_dataset[] = { ROLE, FROM_STEP, TO_STEP };
	struct import_use use = { .next = NULL };

	if (!*cell(r, DATASET)) {
		for (size_t i = 0; i < sizeof(of_dataset) / sizeof(of_dataset[0]); i++)
			if (*cell(r, of_dataset[i]))
				return refuse(r, of_dataset[i], "of no dataset", err);
		return WM_OK;
	}
	TRY(import_find_word(&use.dataset, r->h, cell(r, DATASET), true, place(r, DATASET), err));
	TRY(read_role(&use.role, r, err));
	TRY(read_step(&use.from, r, FROM_STEP, err));
	TRY(read_step(&use.to, r, TO_STEP, err));
	if (use.from != NO_STEP && use.to != NO_STEP && use.from > use.to)
		return refuse(r, TO_STEP, "before from_step", err);
	return import_add_use(r->h, r->run, &use, err);
}

static enum wm_code read_output(const struct row *r, struct wm_error *err)
{
	struct import_output o = { .line = r->h->t.line };

	if (*cell(r, OUTPUT))
		TRY(import_find_word(&o.model, r->h, cell(r, OUTPUT), true, place(r, OUTPUT),
				     err));
	TRY(read_digest(&o.has_sha256, o.sha256, r, SHA256, err));
	if (o.has_sha256 && o.model && o.model->reference->sha256 &&
	    memcmp(o.model->reference->sha256->sha256.data, o.sha256, SHA256_BYTES) != 0)
		return refuse(r, SHA256, "not the one that the output is named by", err);
	TRY(read_digest(&o.has_weights, o.weights, r, WEIGHTS, err));
	TRY(read_step(&o.step, r, STEP, err));
	if (o.model || o.has_sha256 || o.has_weights)
		return import_add_output(r->h, r->run, &o, err);
	return o.step == NO_STEP ? WM_OK : refuse(r, STEP, "of no output", err);
}

static enum wm_code read_row(struct row *r, struct wm_error *err)
{
	const struct import_word *parent;

	TRY(import_find_run(&r->run, r->h, cell(r, RUN), place(r, RUN), err));
	TRY(import_activity(r->h, r->run, cell(r, ACTIVITY), place(r, ACTIVITY), err));
	TRY(read_time(&r->run->started, r, STARTED, err));
	TRY(read_time(&r->run->ended, r, ENDED, err));
	TRY(read_use(r, err));
	if (*cell(r, PARENT)) {
		TRY(import_find_word(&parent, r->h, cell(r, PARENT), true, place(r, PARENT),
				     err));
		TRY(import_add_parent(r->h, r->run, parent, err));
	}
	return read_output(r, err);
}

enum wm_code import_csv(struct history *h, struct wm_error *err)
{
	int at[N_COLUMNS];
	struct row r = { .h = h, .at = at };
	size_t n_columns;
	bool more;

	TRY(table_columns(at, &h->t, names, N_COLUMNS, RUN + 1, err));
	n_columns = h->t.n_cells;
	for (;;) {
		TRY(table_next(&h->t, &more, err));
		if (!more)
			return WM_OK;
		if (h->t.n_cells != n_columns)
			return table_fail(&h->t, h->t.n_cells - 1,
					  "the row has not as many cells as there are names", err);
		TRY(import_count(h, err));
		TRY(read_row(&r, err));
	}
}
