/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generated messages through every codec: what was written reads as the same message,
 * as JSON, as YAML and as protobuf, and statements are read in one form only.
 */
#include "generate.h"

#include "statement/mapping.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "statement/validate.h"
#include "text/json.h"
#include "text/yaml.h"
#include "util/limits.h"

enum { MESSAGES = 40, STATEMENTS = 120, CHANGES = 60, ARENA_MAX = 1 << 26 };

static void encode(struct buf *out, const ProtobufCMessage *m)
{
	struct wm_error err = { 0 };

	assert_ok(message_encode(out, m, &err), &err);
}

static void assert_same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	cleanup_buf struct buf left = BUF_INIT(ARENA_MAX), right = BUF_INIT(ARENA_MAX);

	encode(&left, a);
	encode(&right, b);
	if (left.len != right.len || memcmp(left.data, right.data, left.len) != 0)
		test_failed(__FILE__, __LINE__, "%s reads otherwise", a->descriptor->name);
}

static void through_json(const ProtobufCMessage *m, struct arena *a)
{
	const struct mapping mapping = { "m.json", REASON_STATEMENT_MALFORMED, false, false, a };
	cleanup_tree struct tree t = TREE_INIT, again = TREE_INIT;
	cleanup_buf struct buf json = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };
	ProtobufCMessage *read = NULL;
	struct node *root = NULL;

	assert_ok(mapping_write(&root, &t, m, &err), &err);
	assert_ok(json_write_canonical(&json, root, &err), &err);
	assert_ok(json_read(&again, json.data, json.len, "m.json", &err), &err);
	assert_ok(mapping_read(&read, m->descriptor, again.root, &mapping, &err), &err);
	assert_same_message(m, read);
}

static void through_yaml(const ProtobufCMessage *m, struct arena *a)
{
	const struct mapping mapping = { "m.yaml", REASON_YAML_FIELD, true, false, a };
	cleanup_tree struct tree t = TREE_INIT, again = TREE_INIT;
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	struct wm_error err = { 0 };
	ProtobufCMessage *read = NULL;
	struct node *root = NULL;

	assert_ok(mapping_write(&root, &t, m, &err), &err);
	assert_ok(yaml_write(&yaml, root, &err), &err);
	assert_ok(yaml_read(&again, yaml.data, yaml.len, "m.yaml", &err), &err);
	assert_int_equal(again.root->len, 1);
	assert_ok(mapping_read(&read, m->descriptor, again.root->first, &mapping, &err), &err);
	assert_same_message(m, read);
}

static void through_protobuf(const ProtobufCMessage *m, struct arena *a)
{
	cleanup_buf struct buf bytes = BUF_INIT(ARENA_MAX);
	struct wm_error err = { 0 };
	ProtobufCMessage *read = NULL;

	encode(&bytes, m);
	assert_ok(message_decode(&read, m->descriptor, a, bytes.data, bytes.len,
				 REASON_STATEMENT_MALFORMED, &err),
		  &err);
	assert_same_message(m, read);
}

static void every_message_round_trips(void **state)
{
	struct generator g = { 1, NULL };

	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		for (int i = 0; i < MESSAGES; i++) {
			cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
			ProtobufCMessage *m;

			g.arena = &a;
			m = generate_message(&g, *d);
			through_protobuf(m, &a);
			if (!generate_is_document(*d))
				continue;
			through_json(m, &a);
			through_yaml(m, &a);
		}
}

static void sealed_values_round_trip(void **state)
{
	struct generator g = { 2, NULL };
	size_t n_sealed = 0;

	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		for (int i = 0; i < MESSAGES; i++) {
			cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
			ProtobufCMessage *m;

			if (!protobuf_c_message_descriptor_get_field_by_name(*d, "header"))
				break;
			g.arena = &a;
			m = generate_message(&g, *d);
			generate_sealed(&g, m);
			n_sealed += statement_header(m)->n_sealed;
			through_json(m, &a);
			through_yaml(m, &a);
		}
	assert_true(n_sealed > MESSAGES);
}

/* A message of type `d` whose only optional field is `f`, with one value of it. */
static ProtobufCMessage *only_field(struct generator *g, const ProtobufCMessageDescriptor *d,
				    const ProtobufCFieldDescriptor *f, int value)
{
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;
	void *values = NULL;

	assert_ok(message_new(&m, d, g->arena, &err), &err);
	assert_ok(field_reserve(&values, m, f, 1, g->arena, &err), &err);
	*(int *)values = value;
	return m;
}

static void every_enum_value_round_trips(void **state)
{
	struct generator g = { 3, NULL };
	size_t n = 0;

	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		for (unsigned i = 0; i < (*d)->n_fields; i++) {
			const ProtobufCFieldDescriptor *f = &(*d)->fields[i];
			const ProtobufCEnumDescriptor *e = f->descriptor;

			for (unsigned j = 0; f->type == PROTOBUF_C_TYPE_ENUM && j < e->n_values;
			     j++) {
				cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
				const ProtobufCMessage *m;

				g.arena = &a;
				m = only_field(&g, *d, f, e->values[j].value);
				through_protobuf(m, &a);
				through_json(m, &a);
				through_yaml(m, &a);
				n++;
			}
		}
	assert_true(n > 100);
}

/* Decodes `payload` and encodes what it says anew; false where it is refused. */
static bool encodes_again(struct buf *out, const struct buf *payload, bool *newer)
{
	cleanup_statement struct statement *s = NULL;
	struct wm_error err = { 0 };

	if (statement_decode(&s, payload->data, payload->len, "payload", &err) != WM_OK) {
		assert_int_not_equal(err.code, WM_INTERNAL);
		return false;
	}
	*newer = s->newer_schema;
	assert_ok(statement_encode(out, s->kind, s->message, &err), &err);
	return true;
}

/* Any payload that is accepted is the one that its message encodes to. */
static void change_bytes(struct generator *g, struct buf *payload)
{
	for (int i = 0; i < CHANGES; i++) {
		cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
		size_t at = generate_below(g, payload->len);
		uint8_t old = payload->data[at];
		bool newer = false;

		payload->data[at] =
			(uint8_t)(generate_below(g, 2) ? old ^ 1U << generate_below(g, 8)
						       : generate_below(g, 128));
		if (encodes_again(&again, payload, &newer) && !newer) {
			assert_int_equal(again.len, payload->len);
			assert_memory_equal(again.data, payload->data, again.len);
		}
		payload->data[at] = old;
	}
}

static void statements_have_one_form(void **state)
{
	struct generator g = { 4, NULL };

	(void)state;
	for (const struct kind *k = kinds; k->name; k++)
		for (int i = 0; k->descriptor && i < STATEMENTS; i++) {
			cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
			cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
			cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
			struct wm_error err = { 0 };
			bool newer = true;
			ProtobufCMessage *m;

			g.arena = &a;
			m = generate_statement(&g, k);
			if (i % 3 == 0 && !validate_is_open(k->descriptor) &&
			    k->descriptor != kind_find("admission")->descriptor)
				generate_sealed(&g, m);
			if (statement_encode(&payload, k, m, &err) != WM_OK) {
				/* A reference that has all its fields sealed refers to nothing. */
				assert_string_equal(err.message, "a reference refers to nothing");
				continue;
			}
			assert_true(encodes_again(&again, &payload, &newer));
			assert_false(newer);
			assert_int_equal(again.len, payload.len);
			assert_memory_equal(again.data, payload.data, again.len);
			change_bytes(&g, &payload);
		}
}

struct walk {
	const ProtobufCMessage *message;
	struct arena *arena;
};

static enum wm_code all_codecs(void *context, struct wm_error *err)
{
	const struct walk *w = context;
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	const struct mapping mapping = { "m.json", REASON_STATEMENT_MALFORMED, false, false, &a };
	cleanup_tree struct tree t = TREE_INIT, again = TREE_INIT;
	cleanup_buf struct buf json = BUF_INIT(LIMIT_STATEMENT), bytes = BUF_INIT(ARENA_MAX);
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
	cleanup_statement struct statement *s = NULL;
	ProtobufCMessage *read = NULL;
	struct node *root = NULL;

	TRY(mapping_write(&root, &t, w->message, err));
	TRY(json_write_canonical(&json, root, err));
	TRY(json_read(&again, json.data, json.len, "m.json", err));
	TRY(mapping_read(&read, w->message->descriptor, again.root, &mapping, err));
	TRY(message_encode(&bytes, read, err));
	TRY(message_decode(&read, w->message->descriptor, &a, bytes.data, bytes.len,
			   REASON_STATEMENT_MALFORMED, err));
	TRY(statement_encode(&payload, kind_of_message(w->message->descriptor), w->message, err));
	return statement_decode(&s, payload.data, payload.len, "payload", err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	struct generator g = { 5, &a };

	(void)state;
	for (const struct kind *k = kinds; k->name; k++)
		if (k->descriptor) {
			struct walk w = { generate_statement(&g, k), &a };

			with_every_allocation_failing(all_codecs, &w);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_round_trips),
		cmocka_unit_test(sealed_values_round_trip),
		cmocka_unit_test(every_enum_value_round_trips),
		cmocka_unit_test(statements_have_one_form),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
