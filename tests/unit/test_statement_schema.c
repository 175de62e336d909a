/* SPDX-License-Identifier: Apache-2.0 */
/* proto/weightmark/v1: what code relies on, and what people must be able to say. */
#include "generate.h"

#include <glob.h>

#include "statement/mapping.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "weightmark/v1/common.pb-c.h"

enum { PROTO_MAX = 1 << 20, TYPES_MAX = 256 };

static const ProtobufCMessageDescriptor *find_type(const char *name)
{
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		if (strcmp((*d)->short_name, name) == 0)
			return *d;
	return NULL;
}

/* Recursion over messages, ours and protobuf-c's, is bounded by this. */
static size_t depth_of(const ProtobufCMessageDescriptor *d, size_t above)
{
	size_t deepest = 0;

	if (above > TYPES_MAX)
		test_failed(__FILE__, __LINE__, "%s contains itself", d->name);
	for (unsigned i = 0; i < d->n_fields; i++)
		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE) {
			size_t depth = depth_of(d->fields[i].descriptor, above + 1);

			deepest = depth > deepest ? depth : deepest;
		}
	return deepest + 1;
}

static void no_message_contains_itself(void **state)
{
	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		assert_true(depth_of(*d, 0) < 10);
}

static void the_word_sealed_is_taken(void **state)
{
	size_t n = 0;

	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		for (unsigned i = 0; i < (*d)->n_fields; i++) {
			const ProtobufCFieldDescriptor *f = &(*d)->fields[i];

			assert_int_equal(mapping_hides(f), strcmp(f->name, "sealed") == 0);
			if (!mapping_hides(f))
				continue;
			assert_ptr_equal(*d, &weightmark__v1__header__descriptor);
			n++;
		}
	assert_int_equal(n, 1);
}

static void types_fit_their_limits(void **state)
{
	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++) {
		assert_true((*d)->n_fields <= LIMIT_FIELDS);
		for (unsigned i = 0; i < (*d)->n_fields; i++) {
			const ProtobufCEnumDescriptor *e = (*d)->fields[i].descriptor;

			if ((*d)->fields[i].type != PROTOBUF_C_TYPE_ENUM)
				continue;
			assert_true(e->n_values <= LIMIT_ENUM_VALUES);
			assert_int_equal(e->n_values, e->n_value_names);
		}
	}
}

/* JSON pointers and place_text() write names as they are. */
static void names_need_no_escapes(void **state)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		for (unsigned i = 0; i < (*d)->n_fields; i++) {
			const char *name = (*d)->fields[i].name;

			if (generate_is_document(*d))
				assert_int_equal(strspn(name, letters), strlen(name));
		}
}

/* Documents carry five kinds of value; the rest belongs to scalars and carriers. */
static void documents_have_no_other_types(void **state)
{
	size_t n_documents = 0;

	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++) {
		if (!generate_is_document(*d))
			continue;
		n_documents++;
		for (unsigned i = 0; i < (*d)->n_fields; i++)
			switch ((*d)->fields[i].type) {
			case PROTOBUF_C_TYPE_MESSAGE:
			case PROTOBUF_C_TYPE_STRING:
			case PROTOBUF_C_TYPE_ENUM:
			case PROTOBUF_C_TYPE_UINT32:
			case PROTOBUF_C_TYPE_UINT64:
				break;
			default:
				test_failed(__FILE__, __LINE__, "%s.%s", (*d)->name,
					    (*d)->fields[i].name);
			}
	}
	assert_true(n_documents > 30);
}

/* Presence is never lost: only scalars and carriers have required fields or defaults. */
static void every_field_may_be_absent(void **state)
{
	(void)state;
	for (const ProtobufCMessageDescriptor *const *d = generate_descriptors(); *d; d++)
		for (unsigned i = 0; i < (*d)->n_fields; i++) {
			const ProtobufCFieldDescriptor *f = &(*d)->fields[i];

			assert_null(f->default_value);
			assert_false(f->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
			if (generate_is_document(*d))
				assert_int_not_equal(f->label, PROTOBUF_C_LABEL_REQUIRED);
		}
}

/* A message that no kind is made of would be tested by nothing. */
static void every_message_is_reached(void **state)
{
	glob_t files = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(glob("proto/weightmark/v1/*.proto", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		cleanup_buf struct buf text = BUF_INIT(PROTO_MAX);
		char *at;

		read_file(&text, files.gl_pathv[i]);
		at = (char *)text.data;
		while ((at = strstr(at, "\nmessage "))) {
			char name[64] = "";
			size_t len = strcspn(at += 9, " ");

			assert_true(len < sizeof(name));
			memcpy(name, at, len);
			n++;
			if (!find_type(name) && strcmp(name, "Tri") != 0 &&
			    strcmp(name, "Modality") != 0)
				test_failed(__FILE__, __LINE__, "%s is not reached", name);
		}
	}
	globfree(&files);
	assert_true(n > 40);
}

static void the_vocabulary_can_be_said(void **state)
{
	static const struct {
		const char *term_message, *term, *message, *field;
	} terms[] = {
#define TERM(term_message, term, message, field) { term_message, term, message, field },
#include "vocabulary.def"
#undef TERM
	};

	(void)state;
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		const ProtobufCMessageDescriptor *d = find_type(terms[i].message);

		if (!d || !protobuf_c_message_descriptor_get_field_by_name(d, terms[i].field))
			test_failed(__FILE__, __LINE__, "%s.%s has no place: %s.%s",
				    terms[i].term_message, terms[i].term, terms[i].message,
				    terms[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_message_contains_itself),
		cmocka_unit_test(the_word_sealed_is_taken),
		cmocka_unit_test(types_fit_their_limits),
		cmocka_unit_test(names_need_no_escapes),
		cmocka_unit_test(documents_have_no_other_types),
		cmocka_unit_test(every_field_may_be_absent),
		cmocka_unit_test(every_message_is_reached),
		cmocka_unit_test(the_vocabulary_can_be_said),
	};

	return run_tests(tests);
}
