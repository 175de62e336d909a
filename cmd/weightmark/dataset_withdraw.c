/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark dataset withdraw` and `destroy-key`. */
#include <string.h>
#include <time.h>

#include "data/records_read.h"
#include "dataset.h"
#include "days.h"
#include "keys.h"
#include "output.h"
#include "util/hex.h"
#include "util/limits.h"

/* --- withdraw ---------------------------------------------------------------------------- */

/* One recording after the other: the newest, then those before it, of which records may be gone. */
static const struct commitments *nth_recording(const struct opened *o, size_t i)
{
	const struct opened_earlier *e = o->earlier.list;

	return i == 0 ? o->commitments : i <= o->earlier.n ? e[i - 1].commitments : NULL;
}

/* The leaves of all records that a tag says are of the subject. */
static enum wm_code add_subject(struct buf *leaves, const struct opened *o, const char *subject,
				struct wm_error *err)
{
	const struct commitments *c;
	uint8_t tag[RECORD_TAG_BYTES];
	size_t before = leaves->len;

	TRY(record_tag(tag, &o->key, "subject", subject, strlen(subject), err));
	for (size_t i = 0; (c = nth_recording(o, i)); i++)
		TRY(commitments_tagged(leaves, c, tag, err));
	if (leaves->len == before)
		return fail(err, REASON_SUBJECT_UNKNOWN,
			    "--subject %.64s: no record is recorded as one of this subject",
			    subject);
	return WM_OK;
}

static enum wm_code add_record(struct buf *leaves, const struct opened *o, const char *path,
			       struct wm_error *err)
{
	const struct commitments *c;
	struct commitment commitment;
	uint8_t digest[SHA256_BYTES];
	bool found = false;
	uint64_t row = 0;

	TRY(record_digest(digest, path, err));
	record_commit(&commitment, &o->key, digest);
	for (size_t i = 0; !found && (c = nth_recording(o, i)); i++)
		TRY(commitments_find(&row, &found, c, commitment.leaf, err));
	if (!found)
		return fail(err, REASON_RECORD_UNKNOWN, "%s: is no record of the dataset", path);
	return buf_append(leaves, commitment.leaf, SHA256_BYTES, err);
}

static enum wm_code find_leaves(struct buf *leaves, const struct opened *o,
				const struct options *options, struct wm_error *err)
{
	struct commitments_change none = { .removed = NULL };
	const struct commitments *c;
	const char *value;

	if (!options_has(options, "subject") && !options_has(options, "record"))
		return fail(err, REASON_USAGE, "say whose or which records: --subject ID, "
					       "--record FILE");
	/* Nothing that belongs to a person may be missed for a damaged file. */
	for (size_t i = 0; (c = nth_recording(o, i)); i++)
		TRY(commitments_check(&none, c, NULL, err));
	for (size_t i = 0; (value = options_nth(options, "subject", i)); i++)
		TRY(add_subject(leaves, o, value, err));
	for (size_t i = 0; (value = options_nth(options, "record", i)); i++)
		TRY(add_record(leaves, o, value, err));
	return WM_OK;
}

static enum wm_code print_withdrawn(const struct withdrawing *w, const struct issued *i,
				    struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *item = NULL;
	char text[2 * SHA256_BYTES + 1], since[TIME_TEXT + 1];

	when_text(since, &w->effective);
	if (output_is_json()) {
		TRY(node_new(&t.root, &t, NODE_MAP, err));
		TRY(issued_tree(t.root, &t, i, err));
		TRY(node_set_text(t.root, &t, "dataset",
				  w->dataset->statement->header->object->text, err));
		TRY(node_set_text(t.root, &t, "effective_at", since, err));
		TRY(node_set_new(&list, t.root, &t, "records", NODE_LIST, err));
	} else {
		print("withdrawn from %s as of %s: %zu record%s\n",
		      w->dataset->statement->header->object->text, since, w->n,
		      w->n == 1 ? "" : "s");
		print_issued(i);
	}
	for (size_t k = 0; k < w->n; k++) {
		hex_encode(text, w->leaves[k], SHA256_BYTES);
		if (!list) {
			print("  record    %s\n", text);
			continue;
		}
		TRY(node_text(&item, &t, text, strlen(text), err));
		node_append(list, item);
	}
	if (list)
		print_json(t.root);
	return WM_OK;
}

enum wm_code dataset_withdraw_run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *kind = options_get(o, "kind"), *effective = options_get(o, "effective");
	cleanup_buf struct buf leaves = BUF_INIT((size_t)LIMIT_ATTRIBUTES * SHA256_BYTES);
	cleanup_opened struct opened opened = { .commitments = NULL };
	cleanup_issued struct issued issued = {
		.composition = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
				 .name = "--effective",
				 .reason = REASON_USAGE },
	};
	struct withdrawing w = {
		.dataset = &opened.dataset,
		.kind = kind && strcmp(kind, "erasure") == 0 ?
				WEIGHTMARK__V1__REVOCATION__KIND__erasure_request :
				WEIGHTMARK__V1__REVOCATION__KIND__consent_withdrawal,
	};

	if (!effective)
		return fail(err, REASON_USAGE,
			    "say from when on with --effective DATE, as 2026-11-20 or "
			    "2026-11-20T18:00:00Z");
	TRY(read_when(&w.effective, "effective", effective, err));
	TRY(open_dataset(&opened, call, err));
	TRY(find_leaves(&leaves, &opened, o, err));
	w.leaves = (uint8_t (*)[SHA256_BYTES])leaves.data;
	w.n = leaves.len / SHA256_BYTES;
	TRY(dataset_withdraw(&issued.composition, &w, err));
	TRY(issue_called(&issued, options_get(o, "out"), NULL, call, err));
	return print_withdrawn(&w, &issued, err);
}

/* --- destroy-key ------------------------------------------------------------------------- */

static enum wm_code print_destroyed(const char *path, const struct issued *i, bool said,
				    struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print("destroyed %s\n", path);
		if (said)
			print_issued(i);
		print("  beyond reach: copies and backups of it, snapshots of the file system, "
		      "blocks that a drive keeps\n");
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "destroyed", path, err));
	if (said)
		TRY(issued_tree(t.root, &t, i, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code compose_destroyed(struct issued *out, struct dataset *d,
				      const struct record_key_state *state, const char *path,
				      const char *dataset, struct wm_error *err)
{
	TRY(dataset_load(d, dataset, NULL, NULL, err));
	if (memcmp(d->message->commitment_key_id->sha256.data, state->id, SHA256_BYTES) != 0)
		return fail(err, REASON_COMMITMENT_KEY_MISMATCH, "%s: is not the key that %s names",
			    path, dataset);
	return dataset_key_destroyed(&out->composition, d, state->id, state->at, err);
}

/* Each step may be the last one before an interruption; the file goes when all else is done. */
enum wm_code dataset_destroy_key_run(struct call *call, struct wm_error *err)
{
	const char *path = call->options.operands[0];
	const bool says = !options_has(&call->options, "unrecorded");
	const char *key_file = NULL;
	cleanup_signer struct signer *signer = NULL;
	cleanup_dataset struct dataset d = { .statement = NULL };
	struct record_key_state state;
	cleanup_issued struct issued issued = {
		.composition = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
				 .name = "--dataset",
				 .reason = REASON_USAGE },
	};

	if (says != options_has(&call->options, "dataset"))
		return fail(err, REASON_USAGE,
			    "a destroyed key cannot be recorded afterwards: give the statement of "
			    "its dataset with --dataset NAME.wmk%s",
			    says ? ", or --unrecorded where nobody is to be told" :
				   " or --unrecorded, not both");
	TRY(protect_secrets(err));
	TRY(record_key_look(&state, path, err));
	if (!state.destroyed)
		state.at = time(NULL);
	/* What could stop the statement stops the destruction. */
	if (says) {
		TRY(load_signer(&signer, &key_file, call, err));
		TRY(compose_destroyed(&issued, &d, &state, path,
				      options_get(&call->options, "dataset"), err));
	}
	TRY(seen_forget(state.id, err));
	TRY(record_key_destroy(path, state.at, err));
	if (says)
		TRY(issue_called(&issued, options_get(&call->options, "out"), signer, call, err));
	TRY(file_remove(path, err));
	return print_destroyed(path, &issued, says, err);
}
