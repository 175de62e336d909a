/* SPDX-License-Identifier: Apache-2.0 */
/* Opening recorded datasets. */
#include "dataset.h"

#include <string.h>

#include "keys.h"
#include "util/limits.h"

enum wm_code sibling_path(struct buf *out, const char *path, const char *suffix,
			  struct wm_error *err)
{
	if (!file_has_suffix(path, SIDECAR_SUFFIX))
		return fail(err, REASON_USAGE, "%s: the statement of a dataset is called NAME%s",
			    path, SIDECAR_SUFFIX);
	TRY(buf_append(out, path, strlen(path) - strlen(SIDECAR_SUFFIX), err));
	return buf_append_str(out, suffix, err);
}

enum wm_code need_dataset(const char **out, struct call *call, struct wm_error *err)
{
	*out = options_get(&call->options, "dataset");
	if (!*out)
		return fail(err, REASON_USAGE, "give the statement with --dataset NAME%s",
			    SIDECAR_SUFFIX);
	return WM_OK;
}

enum wm_code key_path(struct buf *out, const char *path, struct call *call, struct wm_error *err)
{
	const char *given = options_get(&call->options, "commitment-key");

	return given ? buf_append_str(out, given, err) :
		       sibling_path(out, path, RECORD_KEY_SUFFIX, err);
}

void opened_release(struct opened *o)
{
	record_key_release(&o->key);
	commitments_close(o->commitments);
	dataset_release(&o->dataset);
}

/* The statement and the file must speak of one tree. */
static enum wm_code check_together(const struct opened *o, struct wm_error *err)
{
	const Weightmark__V1__Dataset *d = o->dataset.message;
	const struct commitments_header *h = &o->commitments->header;

	if (memcmp(d->record_commitment_root->sha256.data, h->root, SHA256_BYTES) != 0 ||
	    memcmp(d->commitment_key_id->sha256.data, h->key_id, SHA256_BYTES) != 0 ||
	    d->distinct_count != h->n_rows)
		return fail(err, REASON_COMMITMENTS_DAMAGED,
			    "%s: is not what the statement signs; 'dataset record' makes both",
			    o->commitments->path);
	if (memcmp(o->key.id, h->key_id, SHA256_BYTES) != 0)
		return fail(err, REASON_COMMITMENT_KEY_MISMATCH, "%s: was made under another key",
			    o->commitments->path);
	return WM_OK;
}

enum wm_code open_dataset_at(struct opened *out, const char *path, const char *key,
			     struct wm_error *err)
{
	cleanup_buf struct buf commitments = BUF_INIT(LIMIT_PATH);

	TRY(sibling_path(&commitments, path, COMMITMENTS_SUFFIX, err));
	TRY(protect_secrets(err));
	TRY(dataset_load(&out->dataset, path, NULL, NULL, err));
	TRY(record_key_load(&out->key, key, err));
	TRY(commitments_open(&out->commitments, buf_str(&commitments), err));
	return check_together(out, err);
}

enum wm_code open_dataset(struct opened *out, struct call *call, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_PATH);
	const char *path = NULL;

	TRY(need_dataset(&path, call, err));
	TRY(key_path(&key, path, call, err));
	return open_dataset_at(out, path, buf_str(&key), err);
}

enum wm_code opened_prove(struct membership *out, const struct opened *o,
			  const uint8_t digest[SHA256_BYTES], bool absent, struct wm_error *err)
{
	const char *object = o->dataset.statement->header->object->text;

	TRY(absent ? membership_prove_absent(out, o->commitments, &o->key, digest, err) :
		     membership_prove(out, o->commitments, &o->key, digest, err));
	memcpy(out->statement, o->dataset.statement->id, SHA256_BYTES);
	memcpy(out->dataset, object, strlen(object) + 1);
	return WM_OK;
}
