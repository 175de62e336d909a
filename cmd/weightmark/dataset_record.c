/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark dataset record`: commits to the records of a dataset and signs its statement. */
#include <string.h>
#include <unistd.h>

#include "data/records_read.h"
#include "dataset.h"
#include "keys.h"
#include "output.h"
#include "progress_view.h"
#include "util/hex.h"
#include "util/limits.h"
#include "util/lock.h"

enum { SHOWN_CHANGES = 20 }; /* records that text names; JSON has LIMIT_CHANGES_LISTED */

/* One recording on its way. */
struct recorded {
	struct buf sidecar, commitments, key_file; /* paths */
	enum record_grammar grammar;
	struct record_key key;
	bool new_key;
	struct attributes *attributes;
	struct seen *seen; /* files that need not be read again, or NULL */
	struct records_found found;
	uint8_t (*tops)[SHA256_BYTES];
	struct tag_row *tags;
	struct commitments_header header;
	struct commitments *before; /* what was recorded under this key, or NULL */
	struct added *added; /* new ones of the records, or NULL */
	struct buf removed;  /* leaves */
	struct commitments_change change;
	uint64_t n_lost;  /* attributes that records which stay had before */
	struct buf kept;  /* where earlier commitments went, or empty */
	struct issued issued;
	bool dry_run;
};

static void recorded_release(struct recorded *r)
{
	issued_release(&r->issued);
	added_free(r->added);
	buf_release(&r->removed);
	buf_release(&r->kept);
	commitments_close(r->before);
	free(r->tags);
	free(r->tops);
	record_set_release(&r->found.set);
	attributes_free(r->attributes);
	seen_free(r->seen);
	record_key_release(&r->key);
	buf_release(&r->sidecar);
	buf_release(&r->commitments);
	buf_release(&r->key_file);
}
#define cleanup_recorded __attribute__((cleanup(recorded_release)))

/* --- what is asked for ------------------------------------------------------------------- */

/* The sidecar: --out, else the one path that is recorded with its ending. */
static enum wm_code name_sidecar(struct buf *out, const struct options *o, struct wm_error *err)
{
	const char *given = options_get(o, "out"), *path = o->operands[0];
	size_t len = strlen(path);

	if (given)
		return buf_append_str(out, given, err);
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (o->n_operands > 1 || len == 0 || path[len - 1] == '.' || path[len - 1] == '/')
		return fail(err, REASON_USAGE, "say with --out NAME%s where the statement goes",
			    SIDECAR_SUFFIX);
	TRY(buf_append(out, path, len, err));
	return buf_append_str(out, SIDECAR_SUFFIX, err);
}

static enum wm_code name_files(struct recorded *r, struct call *call, struct wm_error *err)
{
	const char *sidecar;

	TRY(name_sidecar(&r->sidecar, &call->options, err));
	sidecar = buf_str(&r->sidecar);
	TRY(sibling_path(&r->commitments, sidecar, COMMITMENTS_SUFFIX, err));
	return key_path(&r->key_file, sidecar, call, err);
}

static enum wm_code choose_grammar(struct recorded *r, const struct options *o,
				   struct wm_error *err)
{
	const char *word = options_get(o, "format");

	if (word && record_grammar_find(&r->grammar, word))
		return WM_OK;
	return record_grammar_guess(&r->grammar, o->operands, o->n_operands, err);
}

static enum wm_code read_author(struct issued *i, const struct options *o, struct wm_error *err)
{
	static const char *const wanted[] = { "dataset", NULL };
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	const char *path = options_get(o, "file");

	if (!path)
		return fail(err, REASON_USAGE,
			    "give what is known of the dataset with --file FILE, a YAML document "
			    "of 'kind: dataset'");
	TRY(file_read_input(&yaml, path, REASON_YAML_MALFORMED, err));
	return compose_alone(&i->composition, yaml.data, yaml.len, path, wanted, err);
}

/* The key that was named, or that stands beside the statement; else a new one. */
static enum wm_code find_key(struct recorded *r, const struct options *o, struct wm_error *err)
{
	const char *path = buf_str(&r->key_file);

	r->new_key = !options_has(o, "commitment-key") && !file_exists(path);
	return r->new_key ? record_key_new(&r->key, err) : record_key_load(&r->key, path, err);
}

/* Commitments under another key cannot be compared. */
static enum wm_code find_before(struct recorded *r, struct wm_error *err)
{
	cleanup_commitments struct commitments *c = NULL;

	if (!file_exists(buf_str(&r->commitments)))
		return WM_OK;
	TRY(commitments_open(&c, buf_str(&r->commitments), err));
	if (memcmp(c->header.key_id, r->key.id, SHA256_BYTES) == 0)
		r->before = take_ptr(&c);
	return WM_OK;
}

static enum wm_code prepare(struct recorded *r, struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *attributes = options_get(o, "attributes");
	cleanup_signer struct signer *signer = NULL;
	const char *key_file = NULL;

	r->dry_run = options_has(o, "dry-run");
	TRY(name_files(r, call, err));
	TRY(choose_grammar(r, o, err));
	TRY(read_author(&r->issued, o, err));
	TRY(protect_secrets(err));
	/* Looked at before hours of reading; issuing loads it again. */
	if (!options_has(o, "key-fd") && !options_has(o, "passphrase-fd"))
		TRY(load_signer(&signer, &key_file, call, err));
	TRY(find_key(r, o, err));
	TRY(find_before(r, err));
	if (r->before)
		TRY(added_new(&r->added, r->before, &r->key, err));
	if (!options_has(o, "no-cache"))
		TRY(seen_open(&r->seen, r->key.id, err));
	if (attributes)
		TRY(attributes_read(&r->attributes, attributes, &r->key, err));
	return WM_OK;
}

/* --- recording --------------------------------------------------------------------------- */

/* What came and went. Whose a record is must not be lost for want of an option. */
static enum wm_code compare_before(struct recorded *r, const struct options *o,
				   struct wm_error *err)
{
	TRY(commitments_check(&r->change, r->before, &r->found.set, err));
	TRY(attributes_lost(&r->n_lost, r->before, &r->found.set, r->tags, r->header.n_tags, err));
	if (r->n_lost > 0 && !options_has(o, "drop-attributes"))
		return fail(err, REASON_ATTRIBUTES_DROPPED,
			    "%s: %llu attributes of records that stay are not given again",
			    r->before->path, (unsigned long long)r->n_lost);
	return WM_OK;
}

static enum wm_code measure_records(struct recorded *r, struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	struct progress progress = { 0 };
	struct records_options how = { .grammar = r->grammar, .attributes = r->attributes,
				       .seen = r->seen, .added = r->added,
				       .progress = &progress };
	enum wm_code code;

	TRY(settings_jobs(&how.workers, &call->settings, o, err));
	progress_view_start(&progress);
	code = records_read(&r->found, o->operands, o->n_operands, &how, err);
	progress_view_end();
	TRY(code);
	TRY(record_set_content_root(r->header.content_root, &r->found.set, err));
	TRY(record_set_commit(&r->found.set, &r->key, how.workers, err));
	TRY(record_set_root(r->header.root, &r->tops, &r->found.set, err));
	if (r->attributes)
		TRY(attributes_tags(&r->tags, &r->header.n_tags, r->attributes, &r->found.set,
				    &r->key, err));
	r->header.n_rows = r->found.set.n;
	r->header.n_records = r->found.set.n_records;
	memcpy(r->header.key_id, r->key.id, SHA256_BYTES);
	r->change.removed = &r->removed;
	return r->before ? compare_before(r, o, err) : WM_OK;
}

/*
 * The key is there before commitments, and these before the statement that names their root; they
 * get their name last, so that a statement that could not be issued changes nothing but the key.
 * Those before them are kept, so that a record that went can still be withdrawn.
 */
static enum wm_code put(struct recorded *r, struct call *call, struct wm_error *err)
{
	cleanup_new_file struct new_file f = NEW_FILE_INIT;
	cleanup_fd int lock = -1;

	TRY(dataset_fill(&r->issued.composition,
			 &(struct dataset_measured){ &r->header, record_grammar_name(r->grammar),
						     r->found.n_bytes }, err));
	if (r->dry_run)
		return issue_called(&r->issued, buf_str(&r->sidecar), NULL, call, err);
	if (r->new_key)
		TRY(record_key_store(&r->key, buf_str(&r->key_file), err));
	/* Commitments and the statement that names them are those of one recording. */
	TRY(lock_take(&lock, buf_str(&r->key_file), err));
	TRY(new_file_open(&f, buf_str(&r->commitments), 0600, err));
	TRY(commitments_write(&f, &r->header, &r->found.set,
			      (const uint8_t (*)[SHA256_BYTES])r->tops, r->tags, err));
	TRY(issue_called(&r->issued, buf_str(&r->sidecar), NULL, call, err));
	TRY(earlier_keep(&r->kept, buf_str(&r->commitments), r->header.root, err));
	TRY(new_file_finish(&f, FILE_REPLACE, err));
	return r->seen ? seen_store(r->seen, err) : WM_OK;
}

/* --- telling ----------------------------------------------------------------------------- */

/* What came by name or number, what went by its leaf: names are kept nowhere. */
static enum wm_code add_change(struct node *root, struct tree *t, const struct recorded *r,
			       struct wm_error *err)
{
	char leaf[2 * SHA256_BYTES + 1];
	struct node *change = NULL, *list = NULL, *item = NULL;

	TRY(node_set_new(&change, root, t, "change", NODE_MAP, err));
	TRY(node_set_integer(change, t, "added", r->change.n_added, err));
	TRY(node_set_integer(change, t, "removed", r->change.n_removed, err));
	TRY(node_set_integer(change, t, "attributes_dropped", r->n_lost, err));
	TRY(node_set_new(&list, change, t, "added_records", NODE_LIST, err));
	for (size_t i = 0; i < r->added->n; i++) {
		const struct added_record *a = &r->added->list[i];

		if (a->name)
			TRY(node_shown(&item, t, a->name, err));
		else
			TRY(node_integer(&item, t, a->number, err));
		node_append(list, item);
	}
	TRY(node_set_new(&list, change, t, "removed_records", NODE_LIST, err));
	for (size_t off = 0; off < r->removed.len; off += SHA256_BYTES) {
		hex_encode(leaf, r->removed.data + off, SHA256_BYTES);
		TRY(node_text(&item, t, leaf, strlen(leaf), err));
		node_append(list, item);
	}
	return WM_OK;
}

static enum wm_code print_tree(const struct recorded *r, struct wm_error *err)
{
	const struct commitments_header *h = &r->header;
	cleanup_tree struct tree t = TREE_INIT;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "sidecar", buf_str(&r->sidecar), err));
	TRY(node_set_shown(t.root, &t, "commitments", buf_str(&r->commitments), err));
	if (r->kept.len > 0)
		TRY(node_set_shown(t.root, &t, "earlier_commitments", buf_str(&r->kept), err));
	TRY(node_set_shown(t.root, &t, "commitment_key", buf_str(&r->key_file), err));
	TRY(node_set_bool(t.root, &t, "new_key", r->new_key, err));
	TRY(node_set_bool(t.root, &t, "dry_run", r->dry_run, err));
	TRY(node_set_text(t.root, &t, "record_grammar", record_grammar_name(r->grammar), err));
	TRY(node_set_integer(t.root, &t, "record_count", h->n_records, err));
	TRY(node_set_integer(t.root, &t, "distinct_count", h->n_rows, err));
	TRY(node_set_integer(t.root, &t, "bytes", r->found.n_bytes, err));
	TRY(node_set_integer(t.root, &t, "cached", r->found.n_cached, err));
	TRY(node_set_integer(t.root, &t, "tags", h->n_tags, err));
	TRY(node_set_hex(t.root, &t, "content_root", h->content_root, SHA256_BYTES, err));
	TRY(node_set_hex(t.root, &t, "record_commitment_root", h->root, SHA256_BYTES, err));
	TRY(node_set_hex(t.root, &t, "commitment_key_id", h->key_id, SHA256_BYTES, err));
	if (r->before)
		TRY(add_change(t.root, &t, r, err));
	TRY(issued_tree(t.root, &t, &r->issued, err));
	print_json(t.root);
	return WM_OK;
}

static void print_more(size_t listed, uint64_t n)
{
	if (n > listed)
		print("  %-10sand %llu more\n", "", (unsigned long long)n - listed);
}

static void print_change(const struct recorded *r)
{
	const size_t n_removed = r->removed.len / SHA256_BYTES;
	char leaf[2 * SHA256_BYTES + 1];
	size_t i;

	print("  %-10s%llu record%s added, %llu removed\n", "change",
	      (unsigned long long)r->change.n_added, r->change.n_added == 1 ? "" : "s",
	      (unsigned long long)r->change.n_removed);
	for (i = 0; i < r->added->n && i < SHOWN_CHANGES; i++) {
		const struct added_record *a = &r->added->list[i];

		if (a->name)
			print("  %-10s%s\n", "added", a->name);
		else
			print("  %-10srecord %llu\n", "added", (unsigned long long)a->number);
	}
	print_more(i, r->change.n_added);
	for (i = 0; i < n_removed && i < SHOWN_CHANGES; i++) {
		hex_encode(leaf, r->removed.data + i * SHA256_BYTES, SHA256_BYTES);
		print("  %-10s%s\n", "removed", leaf);
	}
	print_more(i, r->change.n_removed);
	if (r->n_lost > 0)
		print("  %-10s%llu attributes of records that stay\n", "dropped",
		      (unsigned long long)r->n_lost);
}

static void print_lines(const struct recorded *r)
{
	char size[16];

	print("%s %llu record%s, %llu distinct, %s (%s)\n",
	      r->dry_run ? "would record" : "recorded", (unsigned long long)r->header.n_records,
	      r->header.n_records == 1 ? "" : "s",
	      (unsigned long long)r->header.n_rows, format_bytes(size, r->found.n_bytes),
	      record_grammar_name(r->grammar));
	if (r->found.n_cached > 0)
		print("  %-10s%llu file%s unchanged since last read here\n", "cached",
		      (unsigned long long)r->found.n_cached, r->found.n_cached == 1 ? "" : "s");
	if (r->before)
		print_change(r);
	print_issued(&r->issued);
	print("  %-10s%s\n  %-10s%s, to be kept beside it and out of ledgers\n", "sidecar",
	      buf_str(&r->sidecar), "records", buf_str(&r->commitments));
	if (r->kept.len > 0)
		print("  %-10s%s, of the recording before, for who withdraws what went\n", "kept",
		      buf_str(&r->kept));
	print("  %-10s%s%s\n", "key", buf_str(&r->key_file),
	      r->new_key ? ", new: who has it can match records; without it nobody can" : "");
}

enum wm_code dataset_record_run(struct call *call, struct wm_error *err)
{
	cleanup_recorded struct recorded r = {
		.sidecar = BUF_INIT(LIMIT_PATH),
		.commitments = BUF_INIT(LIMIT_PATH),
		.key_file = BUF_INIT(LIMIT_PATH),
		.kept = BUF_INIT(LIMIT_PATH),
		.removed = BUF_INIT((size_t)LIMIT_CHANGES_LISTED * SHA256_BYTES),
	};

	TRY(prepare(&r, call, err));
	TRY(measure_records(&r, call, err));
	TRY(put(&r, call, err));
	if (output_is_json())
		return print_tree(&r, err);
	print_lines(&r);
	return WM_OK;
}
