/* SPDX-License-Identifier: Apache-2.0 */
/* Showing entries: what they say of themselves, verified by nobody here. */
#include "entries.h"

#include <string.h>

#include "output.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"

/* Whether it was shown already, from another copy of the same log. */
static bool shown_before(struct entry_output *o, const struct indexed *e)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->seen[i].position == e->position &&
		    memcmp(o->seen[i].leaf, e->leaf, SHA256_BYTES) == 0 &&
		    strcmp(o->seen[i].origin, e->origin) == 0)
			return true;
	o->seen[o->n] = *e;
	return false;
}

static enum wm_code entry_tree(struct entry_output *o, const struct indexed *e,
			       const struct envelope *envelope, const struct statement *s,
			       const struct indexed *successor, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1], commit[OBJECT_ID_HEX + 1], at[TIME_TEXT + 1];
	struct node *map;

	statement_id_text(id, e->statement);
	object_id_text(commit, &e->commit);
	TRY(node_append_new(&map, o->list, o->t, NODE_MAP, err));
	TRY(node_set_text(map, o->t, "origin", e->origin, err));
	TRY(node_set_integer(map, o->t, "position", e->position, err));
	TRY(node_set_text(map, o->t, "statement", id, err));
	TRY(node_set_text(map, o->t, "keyid", envelope->keyid, err));
	TRY(node_set_text(map, o->t, "commit", commit, err));
	if (!s)
		return WM_OK;
	time_text(at, s->header->issued_at->seconds);
	TRY(node_set_text(map, o->t, "kind", s->kind->name, err));
	TRY(node_set_text(map, o->t, "object", s->header->object->text, err));
	TRY(node_set_text(map, o->t, "issuer", s->header->issuer, err));
	TRY(node_set_integer(map, o->t, "sequence", s->header->sequence, err));
	TRY(node_set_text(map, o->t, "issued_at", at, err));
	if (!successor)
		return WM_OK;
	statement_id_text(id, successor->statement);
	return node_set_text(map, o->t, "superseded_by", id, err);
}

static void entry_line(const struct indexed *e, const struct envelope *envelope,
		       const struct statement *s, const struct indexed *successor)
{
	char id[STATEMENT_ID_TEXT + 1], at[TIME_TEXT + 1] = "-";

	statement_id_text(id, e->statement);
	if (s)
		time_text(at, s->header->issued_at->seconds);
	print("%s %llu  %.19s  %-9s %s", e->origin, (unsigned long long)e->position, id,
	      s ? s->kind->name : "unknown", s ? s->header->object->text : "-");
	if (s && s->header->sequence > 1)
		print("  corrects %llu", (unsigned long long)s->header->sequence - 1);
	if (successor) {
		statement_id_text(id, successor->statement);
		print("  superseded by %.19s", id);
	}
	print("\n    signed by key %.16s at %s, not verified\n", envelope->keyid, at);
}

enum wm_code show_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	struct entry_output *o = context;
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_statement struct statement *s = NULL;
	struct wm_error why = { 0 };
	struct envelope envelope;
	struct indexed next;
	bool superseded = false;
	enum wm_code code;

	if (o->n == o->max || shown_before(o, e))
		return WM_OK;
	o->n++;
	TRY(index_read_entry(&envelope, &a, o->index, e, err));
	code = statement_decode(&s, envelope.payload, envelope.payload_len, "payload", &why);
	if (error_is_untold(code))
		return fail_again(err, &why);
	if (s)
		TRY(index_successor(&next, &superseded, o->index, s->header->object->text,
				    e->statement, err));
	if (output_is_json())
		return entry_tree(o, e, &envelope, s, superseded ? &next : NULL, err);
	entry_line(e, &envelope, s, superseded ? &next : NULL);
	return WM_OK;
}
