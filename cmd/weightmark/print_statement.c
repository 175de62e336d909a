/* SPDX-License-Identifier: Apache-2.0 */
/* Statements as lines of "place value". */
#include "print_statement.h"

#include <stdio.h>
#include <string.h>

#include "output.h"
#include "statement/scalar.h"
#include "util/limits.h"

/* "model.licence  Apache-2.0". */
static void print_value(const struct node *n, const char *place)
{
	char here[LIMIT_POINTER];
	size_t i = 0;

	if (n->kind == NODE_MAP || n->kind == NODE_LIST) {
		for (const struct node *c = n->first; c; c = c->next, i++) {
			if (n->kind == NODE_MAP)
				snprintf(here, sizeof(here), "%s%s%s", place, *place ? "." : "",
					 c->key);
			else
				snprintf(here, sizeof(here), "%s[%zu]", place, i);
			print_value(c, here);
		}
	} else if (n->kind == NODE_INTEGER) {
		print("  %-28s %lld\n", place, (long long)n->integer);
	} else {
		print("  %-28s %s\n", place,
		      n->kind == NODE_TEXT ? n->text : node_kind_name(n->kind));
	}
}

/* What it corrects, and why. */
static void print_correction(const Weightmark__V1__Header *h)
{
	char id[STATEMENT_ID_TEXT + 1];

	if (!h->previous)
		return;
	statement_id_text(id, h->previous->sha256.data);
	print("  %-28s %llu\n  %-28s %s\n", "sequence", (unsigned long long)h->sequence,
	      "corrects", id);
	if (h->reason)
		print("  %-28s %s\n", "reason", h->reason);
}

enum wm_code print_statement(const struct statement *s, const char *keyid, const char *how,
			     struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	char id[STATEMENT_ID_TEXT + 1], at[TIME_TEXT + 1];
	struct node *payload = NULL;

	TRY(statement_tree(&payload, &t, s, err));
	statement_id_text(id, s->id);
	time_text(at, s->header->issued_at->seconds);
	print("%s %s\n", s->kind->name, s->header->object->text);
	print("  %-28s %s\n  %-28s %s\n  %-28s %s\n", "statement", id, "issuer",
	      s->header->issuer, "issued_at", at);
	print("  %-28s %s (signature %s)\n", "keyid", keyid, how);
	print_correction(s->header);
	if (s->header->n_sealed)
		print("  %-28s %zu\n", "values withheld", s->header->n_sealed);
	for (const struct node *c = node_find(payload, "predicate")->first; c; c = c->next)
		if (strcmp(c->key, "header") != 0)
			print_value(c, c->key);
	return WM_OK;
}
