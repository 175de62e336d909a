/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a document though each of its fields is right, by file and line. */
#include "attest/compose.h"

#include <string.h>

#include "lineage/calendar.h"
#include "statement/message.h"
#include "util/limits.h"

/* The statement whose parties may be named, and where it was written. */
struct checking {
	const struct node *parties; /* a LIST, or NULL */
	const char *name;
};

static bool is_party(const struct node *parties, const char *id)
{
	for (const struct node *p = parties ? parties->first : NULL; p; p = p->next) {
		const struct node *own = p->kind == NODE_MAP ? node_find(p, "id") : NULL;

		if (own && own->kind == NODE_TEXT && strcmp(own->text, id) == 0)
			return true;
	}
	return false;
}

static enum wm_code check_map(const struct node *n, const ProtobufCMessageDescriptor *d,
			      struct checking c, struct wm_error *err);

/* The value of field `f`, or one of its list. More parties than there may be are refused later. */
static enum wm_code check_value(const struct node *n, const ProtobufCFieldDescriptor *f,
				const struct checking *c, struct wm_error *err)
{
	if (n->kind == NODE_MAP)
		return check_map(n, f->descriptor, *c, err);
	if (n->kind != NODE_TEXT || f->descriptor != &weightmark__v1__party_id__descriptor ||
	    (c->parties && c->parties->len > LIMIT_PARTIES) || is_party(c->parties, n->text))
		return WM_OK;
	return fail(err, REASON_YAML_FIELD,
		    "%s: line %u: %s: '%.128s' is not the id of a party of this statement", c->name,
		    n->line, f->name, n->text);
}

/* A run within a manifest becomes a statement with parties of its own. */
static enum wm_code check_map(const struct node *n, const ProtobufCMessageDescriptor *d,
			      struct checking c, struct wm_error *err)
{
	if (protobuf_c_message_descriptor_get_field_by_name(d, "party"))
		c.parties = node_find(n, "party");
	for (const struct node *v = n->first; v; v = v->next) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field_by_name(d, v->key);

		if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (v->kind != NODE_LIST)
			TRY(check_value(v, f, &c, err));
		for (const struct node *e = v->kind == NODE_LIST ? v->first : NULL; e; e = e->next)
			TRY(check_value(e, f, &c, err));
	}
	return WM_OK;
}

static unsigned line_of(const struct node *document, const struct order_place *at)
{
	const struct node *n = node_find(document, at->field), *due;

	if (n && n->kind == NODE_LIST) {
		n = n->first;
		for (size_t i = 0; n && i < at->i; i++)
			n = n->next;
	}
	due = n && n->kind == NODE_MAP ? node_find(n, "due") : NULL;
	n = due ? due : n;
	return n ? n->line : document->line;
}

enum wm_code compose_check(const struct node *document, const ProtobufCMessage *m,
			   const char *name, struct wm_error *err)
{
	struct order_place at;
	enum wm_code code;

	TRY(check_map(document, m->descriptor, (struct checking){ .name = name }, err));
	if (m->descriptor != &weightmark__v1__order__descriptor)
		return WM_OK;
	code = check_days((const Weightmark__V1__Order *)m, &at, err);
	return code == WM_OK ? WM_OK :
			       fail_context(code, err, "%s: line %u: %s", name,
					    line_of(document, &at), at.field);
}
