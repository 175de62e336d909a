/* SPDX-License-Identifier: Apache-2.0 */
/* Data is known by roots: what a file is made of leads to one, or to a leaf below one. */
#include "lineage/scan_data.h"

#include "data/records_read.h"

static void take_better(struct scanned *out, const struct taint_answer *a, bool is_record)
{
	if (!taint_counts_before(a, &out->answer))
		return;
	out->answer = *a;
	out->is_record = is_record;
}

static enum wm_code find_record(struct scanned *out, const struct scan *s,
				const struct scan_records *r, const uint8_t digest[SHA256_BYTES],
				struct wm_error *err)
{
	const struct taint_answer a = { taint_of(s->taints, r->node), r->node,
					s->taints->source[r->node], DIGEST_RECORDS_ROOT };
	struct commitment c;
	uint64_t row;
	bool found;

	record_commit(&c, r->key, digest);
	TRY(commitments_find(&row, &found, r->commitments, c.leaf, err));
	if (found)
		take_better(out, &a, true);
	return WM_OK;
}

enum wm_code scan_data(struct scanned *out, const struct scan *s,
		       const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	uint8_t root[SHA256_BYTES];
	struct taint_answer a;

	if (s->taints->has_data) {
		TRY(record_content_root(root, digest, err));
		a = taint_find(s->taints, root);
		take_better(out, &a, false);
	}
	for (size_t i = 0; i < s->n_records; i++)
		TRY(find_record(out, s, &s->records[i], digest, err));
	return WM_OK;
}

/* Whether the bytes are to blame: they are no records of the grammar that the name promised. */
static bool is_no_record_file(const struct wm_error *why)
{
	return why->code == WM_FORMAT || why->code == WM_INVALID || why->code == WM_LIMIT ||
	       why->code == WM_NOTFOUND;
}

static enum wm_code read_by(struct scanned *out, const struct scan *s, const char *path,
			    enum record_grammar grammar, struct wm_error *err)
{
	const struct records_options o = { .workers = s->workers, .grammar = grammar };
	struct records_found found = { .n_bytes = 0 };
	uint8_t root[SHA256_BYTES];
	struct wm_error why = { 0 };
	struct taint_answer a;
	enum wm_code code = records_read(&found, &path, 1, &o, &why);

	if (code == WM_OK)
		code = record_set_content_root(root, &found.set, &why);
	record_set_release(&found.set);
	if (code != WM_OK)
		return is_no_record_file(&why) ? WM_OK : fail_again(err, &why);
	a = taint_find(s->taints, root);
	take_better(out, &a, false);
	return WM_OK;
}

enum wm_code scan_record_file(struct scanned *out, const struct scan *s, const char *path,
			      struct wm_error *err)
{
	enum record_grammar grammar;
	struct wm_error why = { 0 };

	if (!s->taints->has_data || record_grammar_guess(&grammar, &path, 1, &why) != WM_OK ||
	    grammar == RECORD_OPAQUE || grammar == RECORD_FILES)
		return WM_OK;
	TRY(read_by(out, s, path, grammar, err));
	/* Its first row may have been a record to who recorded it. */
	return grammar == RECORD_CSV ? read_by(out, s, path, RECORD_CSV_ROWS, err) : WM_OK;
}
