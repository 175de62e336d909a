/* SPDX-License-Identifier: Apache-2.0 */
/* Opening recorded datasets. */
#include "dataset.h"

#include <string.h>

#include "keys.h"
#include "output.h"
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

/* --- earlier recordings ------------------------------------------------------------------ */

void earlier_release(struct gathered_list *list)
{
	struct opened_earlier *e = list->list;

	for (size_t i = 0; i < list->n; i++)
		commitments_close(e[i].commitments);
	gathered_list_release(list);
}

/* All that were kept of one root; `*any`: there was one. */
static enum wm_code open_root(bool *any, struct gathered_list *out,
			      const struct dataset_version *said, const char *path,
			      struct wm_error *err)
{
	cleanup_commitments struct commitments *c = NULL;
	struct opened_earlier *e;

	*any = false;
	for (unsigned nth = 1;; nth++) {
		TRY(earlier_open(&c, path, said->root, nth, err));
		if (!c)
			return WM_OK;
		TRY(gathered_add(&e, out, sizeof(*e), err));
		*e = (struct opened_earlier){ said, take_ptr(&c) };
		*any = true;
	}
}

enum wm_code open_earlier(struct gathered_list *out, const struct dataset *d, const char *path,
			  const uint8_t *key_id, struct wm_error *err)
{
	const struct dataset_version *v = d->versions.list;
	size_t n_missing = 0, n_keys = 0;

	for (size_t i = 0; i < d->versions.n; i++) {
		const bool newest = v[i].sequence == d->newest;
		bool any = false;

		if (key_id && memcmp(v[i].key_id, key_id, SHA256_BYTES) != 0) {
			n_keys++;
			continue;
		}
		TRY(open_root(&any, out, &v[i], path, err));
		n_missing += !any && !newest;
	}
	if (n_missing > 0)
		warning("%s: %zu earlier recordings of the dataset have no commitments here: what "
			"was taken out since is not found", path, n_missing);
	if (n_keys > 0)
		warning("%s: %zu earlier recordings were made under another key, and are not "
			"searched", path, n_keys);
	return WM_OK;
}

/* --- opening ----------------------------------------------------------------------------- */

void opened_release(struct opened *o)
{
	earlier_release(&o->earlier);
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
	TRY(check_together(out, err));
	return open_earlier(&out->earlier, &out->dataset, buf_str(&commitments), out->key.id, err);
}

enum wm_code open_dataset(struct opened *out, struct call *call, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_PATH);
	const char *path = NULL;

	TRY(need_dataset(&path, call, err));
	TRY(key_path(&key, path, call, err));
	return open_dataset_at(out, path, buf_str(&key), err);
}

/* Of the newest recording; where that has it not, of the newest one that has. */
static enum wm_code prove_in(struct membership *out, const struct opened *o,
			     const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	const struct opened_earlier *e = o->earlier.list;
	struct wm_error first = { 0 };
	enum wm_code code = membership_prove(out, o->commitments, &o->key, digest, &first);

	memcpy(out->statement, o->dataset.statement->id, SHA256_BYTES);
	if (code == WM_OK || error_reason(&first) != REASON_RECORD_UNKNOWN)
		return code == WM_OK ? WM_OK : fail_again(err, &first);
	for (size_t i = 0; i < o->earlier.n; i++) {
		struct wm_error again = { 0 };

		code = membership_prove(out, e[i].commitments, &o->key, digest, &again);
		memcpy(out->statement, e[i].said->statement, SHA256_BYTES);
		if (code == WM_OK)
			return WM_OK;
		if (error_reason(&again) != REASON_RECORD_UNKNOWN)
			return fail_again(err, &again);
	}
	return fail_again(err, &first);
}

enum wm_code opened_prove(struct membership *out, const struct opened *o,
			  const uint8_t digest[SHA256_BYTES], bool absent, struct wm_error *err)
{
	const char *object = o->dataset.statement->header->object->text;

	if (!absent) {
		TRY(prove_in(out, o, digest, err));
	} else {
		TRY(membership_prove_absent(out, o->commitments, &o->key, digest, err));
		memcpy(out->statement, o->dataset.statement->id, SHA256_BYTES);
	}
	memcpy(out->dataset, object, strlen(object) + 1);
	return WM_OK;
}
