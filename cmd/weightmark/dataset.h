/* SPDX-License-Identifier: Apache-2.0 */
/* What the subverbs of `dataset` share. */
#ifndef DATASET_H
#define DATASET_H

#include "attest/dataset.h"
#include "data/earlier.h"
#include "data/membership.h"
#include "issues.h"

enum wm_code dataset_record_run(struct call *call, struct wm_error *err);
enum wm_code dataset_prove_run(struct call *call, struct wm_error *err);
enum wm_code dataset_check_run(struct call *call, struct wm_error *err);
enum wm_code dataset_withdraw_run(struct call *call, struct wm_error *err);
enum wm_code dataset_destroy_key_run(struct call *call, struct wm_error *err);

/* Appends `path` with `suffix` in the place of ".wmk", which it must have (`usage`). */
MUST_USE enum wm_code sibling_path(struct buf *out, const char *path, const char *suffix,
				   struct wm_error *err);

/* --dataset, which must be there. */
MUST_USE enum wm_code need_dataset(const char **out, struct call *call, struct wm_error *err);

/* Appends where the key is: --commitment-key, else beside the sidecar `path`. */
MUST_USE enum wm_code key_path(struct buf *out, const char *path, struct call *call,
			       struct wm_error *err);

/* What an earlier statement of the dataset committed to. */
struct opened_earlier {
	const struct dataset_version *said; /* borrowed of the dataset */
	struct commitments *commitments;
};

/* A dataset, its commitments and its key, which belong together. */
struct opened {
	struct dataset dataset;
	struct commitments *commitments;
	struct record_key key;
	struct gathered_list earlier; /* struct opened_earlier under this key, newest first */
};

void opened_release(struct opened *o);
#define cleanup_opened __attribute__((cleanup(opened_release)))

/*
 * Opens the statement `path`, the commitments beside it and the key file `key`. Fails as
 * open_dataset() does.
 */
MUST_USE enum wm_code open_dataset_at(struct opened *out, const char *path, const char *key,
				      struct wm_error *err);

/*
 * Opens what --dataset names. Fails as the parts do, and with `commitments-damaged` where the file
 * of commitments is not that of the statement.
 */
MUST_USE enum wm_code open_dataset(struct opened *out, struct call *call, struct wm_error *err);

/*
 * Adds to `out` (struct opened_earlier) the commitments that were kept of earlier statements of the
 * dataset beside `path`, its file of them; of those under `key_id` where that is not NULL. What is
 * left out, and what is missing, is warned of. Fails as earlier_open() does.
 */
MUST_USE enum wm_code open_earlier(struct gathered_list *out, const struct dataset *d,
				   const char *path, const uint8_t *key_id,
				   struct wm_error *err);
void earlier_release(struct gathered_list *list);

/*
 * Proves that the record with this digest is in the newest recording that has it, or that it is not
 * in the newest of all: membership_prove().
 */
MUST_USE enum wm_code opened_prove(struct membership *out, const struct opened *o,
				   const uint8_t digest[SHA256_BYTES], bool absent,
				   struct wm_error *err);

#endif
