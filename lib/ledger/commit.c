/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of a ledger: written and read in one form. */
#include "ledger/commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ssh.h"
#include "util/cursor.h"
#include "util/limits.h"

enum { COMMIT_BYTES = 8192 };

static const char namespace[] = "git";
static const char signature_field[] = "gpgsig ";

void position_name(char out[POSITION_DIGITS + 1], uint64_t position)
{
	for (int i = POSITION_DIGITS - 1; i >= 0; i--, position /= 10)
		out[i] = (char)('0' + position % 10);
	out[POSITION_DIGITS] = '\0';
}

/* --- commits ----------------------------------------------------------------------------- */

static enum wm_code append_fields(struct buf *out, const struct commit *c, const char *origin,
				  struct wm_error *err)
{
	static const char *const who[] = { "author", "committer" };
	char hex[OBJECT_ID_HEX + 1];

	object_id_text(hex, &c->tree);
	TRY(buf_printf(out, err, "tree %s\n", hex));
	object_id_text(hex, &c->parent);
	if (c->has_parent)
		TRY(buf_printf(out, err, "parent %s\n", hex));
	for (size_t i = 0; i < 2; i++)
		TRY(buf_printf(out, err, "%s weightmark <log@%s> %" PRId64 " +0000\n", who[i],
			       origin, c->time));
	return WM_OK;
}

static enum wm_code append_message(struct buf *out, uint64_t first, uint64_t size,
				   struct wm_error *err)
{
	if (size == 0)
		return buf_append_str(out, "\nnew log\n", err);
	return buf_printf(out, err, "\nentries %" PRIu64 " to %" PRIu64 "\n", first, size - 1);
}

/* Appends the lines of `armour` as the continuation of a field. */
static enum wm_code append_signature(struct buf *out, const char *armour, struct wm_error *err)
{
	TRY(buf_append_str(out, signature_field, err));
	while (*armour) {
		size_t len = strcspn(armour, "\n") + 1;

		TRY(buf_append(out, armour, len, err));
		armour += len;
		if (*armour)
			TRY(buf_append_byte(out, ' ', err));
	}
	return WM_OK;
}

enum wm_code commit_encode(struct buf *out, const struct commit *c, const char *origin,
			   uint64_t first, uint64_t size, const struct private_key *key,
			   struct wm_error *err)
{
	cleanup_buf struct buf unsigned_ = BUF_INIT(COMMIT_BYTES);
	cleanup_buf struct buf armour = BUF_INIT(COMMIT_BYTES);

	TRY(append_fields(&unsigned_, c, origin, err));
	TRY(append_message(&unsigned_, first, size, err));
	TRY(ssh_sign(&armour, key, namespace, unsigned_.data, unsigned_.len, err));
	TRY(append_fields(out, c, origin, err));
	TRY(append_signature(out, buf_str(&armour), err));
	return append_message(out, first, size, err);
}

static enum wm_code malformed(const char *what, struct wm_error *err)
{
	return fail(err, REASON_LEDGER_MALFORMED, "a commit %s", what);
}

/* Takes `text`, which must come next. */
static bool take(struct cursor *c, const char *text)
{
	const size_t len = strlen(text);
	const uint8_t *at = c->data + c->off;

	if (cursor_left(c) < len || memcmp(at, text, len) != 0)
		return false;
	(void)cursor_take(c, len);
	return true;
}

static bool take_id(struct cursor *c, const char *field, struct object_id *out)
{
	const uint8_t *hex;

	return take(c, field) && (hex = cursor_take(c, OBJECT_ID_HEX)) &&
	       object_id_parse(out, (const char *)hex, OBJECT_ID_HEX) && take(c, "\n");
}

/* A number that is written without sign and needless zeros. */
static bool take_number(struct cursor *c, uint64_t *out)
{
	const bool zero = cursor_peek(c) == '0';
	size_t n = 0;

	for (*out = 0; cursor_peek(c) >= '0' && cursor_peek(c) <= '9' && n < 12; n++)
		*out = 10 * *out + (uint64_t)(*cursor_take(c, 1) - '0');
	return n == 1 || (n > 0 && !zero);
}

static bool take_time(struct cursor *c, int64_t *out)
{
	uint64_t seconds;

	if (!take_number(c, &seconds))
		return false;
	*out = (int64_t)seconds;
	return true;
}

/* What append_message() writes, up to the end. */
static bool take_message(struct cursor *c, struct commit *out)
{
	uint64_t last;

	if (take(c, "\nnew log\n"))
		return cursor_left(c) == 0;
	if (!take(c, "\nentries ") || !take_number(c, &out->first) || !take(c, " to ") ||
	    !take_number(c, &last) || !take(c, "\n") || cursor_left(c) > 0 || last < out->first)
		return false;
	out->size = last + 1;
	return true;
}

static bool take_who(struct cursor *c, const char *field, const char *origin, int64_t *time)
{
	return take(c, field) && take(c, " weightmark <log@") && take(c, origin) && take(c, "> ") &&
	       take_time(c, time) && take(c, " +0000\n");
}

/* Moves the lines of the signature to `armour`. */
static enum wm_code take_signature(struct cursor *c, struct buf *armour, struct wm_error *err)
{
	if (!take(c, signature_field))
		return malformed("is not signed", err);
	do {
		const uint8_t *at = c->data + c->off;
		const uint8_t *end = memchr(at, '\n', cursor_left(c));
		size_t len = end ? (size_t)(end - at) + 1 : 0;

		if (!end)
			return malformed("ends within its signature", err);
		TRY(buf_append(armour, cursor_take(c, len), len, err));
	} while (take(c, " "));
	return WM_OK;
}

static enum wm_code check_signature(const struct buf *message, const struct buf *armour,
				    const char *origin, const struct log_key *key,
				    struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (ssh_verify(log_key_public(key), namespace, message->data, message->len, armour->data,
		       armour->len, &why) == WM_OK)
		return WM_OK;
	if (error_is_untold(why.code))
		return fail_again(err, &why);
	return fail(err, REASON_COMMIT_SIGNATURE, "a commit of %s is not signed by the log's key",
		    origin);
}

enum wm_code commit_parse(struct commit *out, const void *data, size_t len, const char *origin,
			  const struct log_key *key, struct wm_error *err)
{
	cleanup_buf struct buf armour = BUF_INIT(COMMIT_BYTES);
	cleanup_buf struct buf message = BUF_INIT(COMMIT_BYTES);
	struct cursor c = cursor_of(data, len);
	struct commit found = { .has_parent = false };
	int64_t committed;
	size_t head;

	if (len > COMMIT_BYTES)
		return fail(err, REASON_LIMIT, "a commit of %zu bytes", len);
	if (!take_id(&c, "tree ", &found.tree))
		return malformed("does not begin with its tree", err);
	found.has_parent = take_id(&c, "parent ", &found.parent);
	if (!take_who(&c, "author", origin, &found.time) ||
	    !take_who(&c, "committer", origin, &committed) || committed != found.time)
		return malformed("is not by the log, or has two parents", err);
	head = c.off;
	TRY(take_signature(&c, &armour, err));
	if (key) {
		TRY(buf_append(&message, data, head, err));
		TRY(buf_append(&message, c.data + c.off, cursor_left(&c), err));
		TRY(check_signature(&message, &armour, origin, key, err));
	}
	if (!take_message(&c, &found))
		return malformed("has another message than the entries that it adds", err);
	*out = found;
	return WM_OK;
}

/* --- files ------------------------------------------------------------------------------- */

void commit_files_release(struct commit_files *f)
{
	free(f->entries);
	f->entries = NULL;
}

struct reading {
	struct commit_files files;
	size_t room;
	unsigned n_named; /* of checkpoint, edge and key, which come in this order */
};

static enum wm_code add_entry(struct reading *r, const struct tree_entry *f, struct wm_error *err)
{
	struct commit_files *to = &r->files;
	uint64_t position = 0;

	for (size_t i = 0; i < f->name_len; i++) {
		if (f->name[i] < '0' || f->name[i] > '9')
			return malformed("has a file of another name", err);
		position = 10 * position + (uint64_t)(f->name[i] - '0');
	}
	if (to->n_entries == 0)
		to->first = position;
	if (position != to->first + to->n_entries)
		return malformed("leaves entries out", err);
	if (to->n_entries == LIMIT_BATCH)
		return fail(err, REASON_LIMIT, "a commit adds more than %d entries", LIMIT_BATCH);
	if (to->n_entries == r->room) {
		size_t room = r->room ? 2 * r->room : 4;
		void *more = reallocarray(to->entries, room, sizeof(*to->entries));

		if (!more)
			return fail_nomem(err);
		to->entries = more;
		r->room = room;
	}
	to->entries[to->n_entries++] = f->blob;
	return WM_OK;
}

static enum wm_code visit_file(void *context, const struct tree_entry *f, struct wm_error *err)
{
	static const char *const names[] = { "checkpoint", "edge", "key" };
	struct reading *r = context;
	struct object_id *const places[] = { &r->files.checkpoint, &r->files.edge, &r->files.key };

	if (f->name_len == POSITION_DIGITS && r->n_named == 0 && f->name[0] <= '9')
		return add_entry(r, f, err);
	if (r->n_named == 3 || strlen(names[r->n_named]) != f->name_len ||
	    memcmp(names[r->n_named], f->name, f->name_len) != 0)
		return malformed("has a file of another name", err);
	*places[r->n_named++] = f->blob;
	return WM_OK;
}

enum wm_code commit_files_read(struct commit_files *out, const struct repository *r,
			       const struct object_id *id, struct wm_error *err)
{
	cleanup_buf struct buf tree = BUF_INIT((size_t)64 * (LIMIT_BATCH + 3));
	struct reading reading = { .room = 0 };
	enum wm_code code;

	TRY(object_read(&tree, r, id, OBJECT_TREE, err));
	code = tree_parse(tree.data, tree.len, visit_file, &reading, err);
	if (code == WM_OK && reading.n_named < 3)
		code = malformed("lacks one of checkpoint, edge and key", err);
	if (code != WM_OK) {
		commit_files_release(&reading.files);
		return code;
	}
	*out = reading.files;
	return WM_OK;
}

enum wm_code commit_files_encode(struct buf *out, const struct commit_files *f,
				 struct wm_error *err)
{
	const struct tree_entry named[] = {
		{ "checkpoint", 10, f->checkpoint },
		{ "edge", 4, f->edge },
		{ "key", 3, f->key },
	};
	char name[POSITION_DIGITS + 1];

	for (size_t i = 0; i < f->n_entries; i++) {
		position_name(name, f->first + i);
		TRY(tree_encode(out,
				&(struct tree_entry){ name, POSITION_DIGITS, f->entries[i] }, 1,
				err));
	}
	return tree_encode(out, named, 3, err);
}

enum wm_code edge_encode(struct buf *out, const struct tree_frontier *edge, struct wm_error *err)
{
	return buf_append(out, edge->roots,
			  (size_t)__builtin_popcountll(edge->n_leaves) * SHA256_BYTES, err);
}

enum wm_code edge_parse(struct tree_frontier *out, uint64_t size, const void *data, size_t len,
			struct wm_error *err)
{
	if (len != (size_t)__builtin_popcountll(size) * SHA256_BYTES)
		return malformed("has an edge of another length", err);
	*out = (struct tree_frontier){ .n_leaves = size };
	memcpy(out->roots, data, len);
	return WM_OK;
}
