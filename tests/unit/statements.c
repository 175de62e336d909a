/* SPDX-License-Identifier: Apache-2.0 */
/* Small valid statements; see statements.h. */
#include "statements.h"

#include "statement/mapping.h"
#include "text/json.h"
#include "util/limits.h"

#define HEADER                                                                                \
	"\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":\"2026-01-02T03:04:06Z\"," \
	"\"issuer\":\"acme.example\",\"nonce\":\"" HEX16 "\",\"object\":\"acme.example/llm@1\","  \
	"\"schema_minor\":0,\"sequence\":1},\"party\":[{\"id\":\"acme\"},{\"id\":\"lab\"}]"
#define A_FILE(name)                                                                          \
	"{\"path\":\"" name "\",\"size\":7,\"role\":\"load\",\"grammar\":\"safetensors/1\","      \
	"\"file_digest\":\"" HEX32 "\",\"sha256\":\"" HEX32 "\"}"
#define DIGESTS "\"weights_digest\":\"" HEX32 "\",\"tensor_set_digest\":\"" HEX32 "\""
#define CHECKPOINT                                                                            \
	"\"checkpoint\":{\"file\":[" A_FILE("a.st") "," A_FILE("b.st") "," A_FILE("c/d.st") "]," \
	"\"part\":[{\"name\":\"main\",\"path\":[\"a.st\",\"b.st\"]," DIGESTS "},"                \
	"{\"name\":\"vae\",\"path\":[\"c/d.st\"]}]}"

#define FACES "{\"object\":\"acme.example/faces\"}"

static const char *const predicates[][2] = {
	{ "manifest",
	  "{" HEADER "," CHECKPOINT ",\"model\":{\"name\":\"llm\",\"version\":\"1\","
	  "\"supplier\":\"acme\",\"country_of_development\":[\"NO\"],\"is_gpai\":\"no\"},"
	  "\"run\":[{\"object\":\"acme.example/run\"}],"
	  "\"checkpoint_of\":{\"run\":{\"object\":\"acme.example/run\"},\"step\":5}}" },
	{ "dataset", "{" HEADER ",\"dataset_id\":\"faces\",\"title\":\"Faces\",\"issuer\":\"lab\","
		     "\"content_root\":\"" HEX32 "\",\"record_count\":9007199254740991,"
		     "\"licence\":\"CC-BY-4.0\",\"has_personal_info\":\"yes\"}" },
	{ "run", "{" HEADER ",\"id\":\"run-1\",\"uses\":[{\"dataset\":{\"sha256\":\"" HEX32 "\"},"
		 "\"role\":\"pretrain\",\"from_step\":1,\"to_step\":5}]}" },
	{ "release", "{" HEADER ",\"checkpoint\":{\"statement\":\"wm:" HEX32 "\"},\"file\":["
		     "{\"path\":\"a.st\",\"size\":8,\"sha256\":\"" HEX32 "\"},"
		     "{\"path\":\"b.st\",\"size\":9,\"sha256\":\"" HEX32 "\"}],"
		     "\"recipient\":\"lab\"}" },
	{ "admission", "{" HEADER "," CHECKPOINT ",\"source\":\"https://example.org/m\","
		       "\"reason\":\"needed\",\"expires\":\"2027-01-01T00:00:00Z\"}" },
	{ "transfer", "{" HEADER ",\"id\":\"t-1\",\"subject\":" FACES ",\"from\":\"acme\","
		      "\"to\":\"lab\",\"related_party\":{\"exists\":\"no\"}}" },
	{ "order", "{" HEADER ",\"id\":\"o-1\",\"kind\":\"agency_order\","
		   "\"trigger_date\":\"2026-01-02\",\"scope_dataset\":[" FACES "],\"obligation\":["
		   "{\"id\":\"a\",\"kind\":\"delete_data\",\"days\":30},"
		   "{\"id\":\"b\",\"kind\":\"delete_models\",\"due\":\"2026-05-02\"}]}" },
	{ "event", "{" HEADER ",\"id\":\"e-1\",\"kind\":\"deleted\",\"at\":\"2026-01-02T00:00:00Z\","
		   "\"destroyed\":[{\"subject\":" FACES ",\"method\":\"purge\","
		   "\"at\":\"2026-01-01T00:00:00Z\"}],\"kept\":[{\"subject\":" FACES ","
		   "\"reason\":\"legal_hold\",\"authority\":\"a court\"}]}" },
	{ "certificate", "{" HEADER ",\"id\":\"c-1\",\"order\":{\"object\":\"a/o-1\"},"
			 "\"graph_digest\":\"" HEX32 "\",\"log\":[{\"origin\":\"a\",\"size\":1,"
			 "\"root\":\"" HEX32 "\"}]}" },
	{ "revocation", "{" HEADER ",\"id\":\"r-1\",\"kind\":\"consent_withdrawal\","
			"\"dataset\":" FACES ",\"record\":[\"" HEX32 "\"],"
			"\"effective_at\":\"2026-01-02T00:00:00Z\"}" },
};

static struct node *parse(struct tree *t, const char *json)
{
	struct wm_error err = { 0 };

	assert_ok(json_read(t, json, strlen(json), "test", &err), &err);
	return t->root;
}

struct node *statements_predicate(struct tree *t, const char *kind)
{
	for (size_t i = 0; i < sizeof(predicates) / sizeof(predicates[0]); i++)
		if (strcmp(predicates[i][0], kind) == 0)
			return parse(t, predicates[i][1]);
	test_failed(__FILE__, __LINE__, "no predicate for %s", kind);
}

struct node *statements_root(struct tree *t, const char *kind)
{
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	assert_ok(statements_encode(&payload, kind, NULL, &err), &err);
	return parse(t, buf_str(&payload));
}

/* The child of `n` by key or index; where there is none, NULL. */
static struct node *child_of(struct node *n, const char *name)
{
	struct node *c = n->first;

	if (n->kind == NODE_MAP)
		return node_find(n, name);
	for (long i = strtol(name, NULL, 10); c && i > 0; i--)
		c = c->next;
	return c;
}

/* Takes `child` out of the children of `n`. */
static void take_out(struct node *n, const struct node *child)
{
	struct node **link = &n->first;

	n->last = NULL;
	while (*link) {
		if (*link == child) {
			*link = child->next;
			n->len--;
			continue;
		}
		n->last = *link;
		link = &(*link)->next;
	}
}

/* Puts `value` where `old` stands, or at the end where `old` is NULL. */
static void put(struct node *n, struct tree *t, struct node *old, struct node *value,
		const char *key)
{
	struct wm_error err = { 0 };

	value->next = NULL;
	value->key = NULL;
	if (old) {
		struct node *next = old->next;
		const char *old_key = old->key;

		*old = *value;
		old->next = next;
		old->key = old_key;
	} else if (n->kind == NODE_MAP) {
		assert_ok(node_set(n, t, key, value, &err), &err);
	} else {
		node_append(n, value);
	}
}

void statements_edit(struct node *root, struct tree *t, const struct edit *e)
{
	char pointer[LIMIT_POINTER], *name = pointer, *slash;
	struct node *at = root, *old;

	if (!e || !e->pointer)
		return;
	assert_true(strlen(e->pointer) < sizeof(pointer));
	strcpy(pointer, e->pointer + 1);
	while ((slash = strchr(name, '/'))) {
		*slash = '\0';
		at = child_of(at, name);
		assert_non_null(at);
		name = slash + 1;
	}
	old = strcmp(name, "-") == 0 ? NULL : child_of(at, name);
	if (e->json) {
		put(at, t, old, parse(t, e->json), name);
	} else {
		assert_non_null(old);
		take_out(at, old);
	}
}

enum wm_code statements_encode(struct buf *payload, const char *kind, const struct edit *e,
			       struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	const struct mapping mapping = { "test", REASON_STATEMENT_MALFORMED, false, false, &a };
	struct node *predicate = statements_predicate(&t, kind);
	ProtobufCMessage *m = NULL;

	statements_edit(predicate, &t, e);
	TRY(mapping_read(&m, kind_find(kind)->descriptor, predicate, &mapping, err));
	return statement_encode(payload, kind_find(kind), m, err);
}

enum wm_code statements_decode(struct statement **out, const char *kind, const struct edit *e,
			       struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
	struct node *root = statements_root(&t, kind);

	statements_edit(root, &t, e);
	assert_ok(json_write_canonical(&payload, root, err), err);
	return statement_decode(out, payload.data, payload.len, "s.json", err);
}
