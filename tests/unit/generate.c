/* SPDX-License-Identifier: Apache-2.0 */
/* Random schema messages; see generate.h. */
#include "generate.h"

#include <stdio.h>

#include "statement/mapping.h"
#include "statement/message.h"
#include "statement/place.h"
#include "statement/scalar.h"
#include "statement/validate.h"
#include "util/limits.h"
#include "weightmark/v1/common.pb-c.h"
#include "weightmark/v1/envelope.pb-c.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/order.pb-c.h"
#include "weightmark/v1/revocation.pb-c.h"

enum { REPEATED_MAX = 4, TEXT_PIECES = 5, BYTES_MAX = 40, TYPES_MAX = 256 };

#define D(name) &weightmark__v1__##name##__descriptor

uint64_t generate_u64(struct generator *g)
{
	g->state ^= g->state >> 12;
	g->state ^= g->state << 25;
	g->state ^= g->state >> 27;
	return g->state * UINT64_C(2685821657736338717);
}

size_t generate_below(struct generator *g, size_t n)
{
	return (size_t)(generate_u64(g) >> 33) % n;
}

static void *allocate(struct generator *g, size_t size)
{
	struct wm_error err = { 0 };
	void *p = NULL;

	assert_ok(arena_alloc(&p, g->arena, size, &err), &err);
	return p;
}

static char *copy_text(struct generator *g, const char *text)
{
	return memcpy(allocate(g, strlen(text) + 1), text, strlen(text) + 1);
}

static void *new_message(struct generator *g, const ProtobufCMessageDescriptor *d)
{
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;

	assert_ok(message_new(&m, d, g->arena, &err), &err);
	return m;
}

char *generate_text(struct generator *g)
{
	static const char *const pieces[] = {
		"", "a", "no", "yes", "~", "null", "1.10", "0x10", "1e3", "12:30:45", " ",
		"  ", "\n", "\n\n", "\r", "\t", "\\", "\"", "'", "#", ": ", "- ", "? ", "!a",
		"&a", "*a", "%", "@", "`", "{}", "[]", ",", "|", ">", "---", "...", "<<", "=",
		"\x01", "\x1b[2J", "\x7f", "é", "ß", "中文", "😀", "\u2028", "\ufeff", "\ufffd",
		"\U0010ffff", "\xc2\x85", "\xc2\xa0", "\u202e", "Zürich GmbH & Co.",
		"https://example.org/a?b=c#d",
	};
	char text[256] = "";
	size_t n = generate_below(g, TEXT_PIECES + 1);

	for (size_t i = 0; i < n; i++)
		strcat(text, pieces[generate_below(g, sizeof(pieces) / sizeof(pieces[0]))]);
	return copy_text(g, text);
}

static ProtobufCBinaryData random_data(struct generator *g, size_t len)
{
	ProtobufCBinaryData data = { len, len ? allocate(g, len) : NULL };

	for (size_t i = 0; i < len; i++)
		data.data[i] = (uint8_t)generate_below(g, 256);
	return data;
}

/* --- scalars ----------------------------------------------------------------------------- */

static const struct {
	const ProtobufCMessageDescriptor *descriptor;
	const char *texts[8];
} samples[] = {
	{ D(decimal), { "0", "1", "-1", "12.5", "-0.25", "1000000", "0.000001", "3.14159" } },
	{ D(spdx_expression),
	  { "MIT", "Apache-2.0", "GPL-2.0+", "(MIT OR Apache-2.0) AND BSD-3-Clause",
	    "LicenseRef-own", "DocumentRef-a:LicenseRef-b", "MIT OR ISC",
	    "GPL-2.0-only WITH Classpath-exception-2.0" } },
	{ D(country), { "DE", "NO", "US", "US-CA", "GB-ENG", "FR-75", "XK", "CN" } },
	{ D(id), { "a", "llm@1.0", "no", "1", "1.10", "A-b_c.d:e+f", "null", "2026-11-20" } },
	{ D(object_id),
	  { "acme/llm@1", "key:00ff/x", "a/b", "https://acme.example/m/1", "a/1.10", "x/no", "~/y",
	    "a,b/c" } },
	{ D(party_id), { "p", "acme", "no", "1", "p-2", "a.b", "a:b", "x+y" } },
};

static ProtobufCMessage *generate_scalar(struct generator *g, const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *m = new_message(g, d);
	void *value = field_place(m, &d->fields[0]);

	if (d == D(date)) {
		*(int32_t *)value = (int32_t)generate_below(g, 3652059) - 719162;
		return m;
	}
	if (d == D(time)) {
		*(int64_t *)value = (int64_t)(generate_u64(g) % UINT64_C(315537897600)) -
				    INT64_C(62135596800);
		return m;
	}
	if (d == D(digest) || d == D(statement_id) || d == D(nonce)) {
		*(ProtobufCBinaryData *)value = random_data(g, d == D(nonce) ? 16 : 32);
		return m;
	}
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (samples[i].descriptor == d) {
			*(char **)value = copy_text(g, samples[i].texts[generate_below(g, 8)]);
			return m;
		}
	test_failed(__FILE__, __LINE__, "no sample of the scalar %s", d->name);
}

/* --- any message ------------------------------------------------------------------------ */

static uint64_t random_integer(struct generator *g, uint64_t max)
{
	switch (generate_below(g, 4)) {
	case 0:
		return generate_below(g, 3);
	case 1:
		return max - generate_below(g, 2);
	default:
		return generate_u64(g) % (max + 1);
	}
}

static void fill_value(struct generator *g, const ProtobufCFieldDescriptor *f, void *value)
{
	const ProtobufCEnumDescriptor *e = f->descriptor;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)value = generate_text(g);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)value = generate_message(g, f->descriptor);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)value = e->values[generate_below(g, e->n_values)].value;
		break;
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)value = random_data(g, generate_below(g, BYTES_MAX));
		break;
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)value = (uint32_t)random_integer(g, UINT32_MAX);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)value = random_integer(g, NODE_INTEGER_MAX);
		break;
	default:
		test_failed(__FILE__, __LINE__, "%s has a type that the schema never had", f->name);
	}
}

ProtobufCMessage *generate_message(struct generator *g, const ProtobufCMessageDescriptor *d)
{
	struct wm_error err = { 0 };
	ProtobufCMessage *m;

	if (scalar_find(d))
		return generate_scalar(g, d);
	m = new_message(g, d);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		size_t n = 1;
		void *values = NULL;

		if (mapping_hides(f))
			continue;
		if (f->label != PROTOBUF_C_LABEL_REQUIRED && generate_below(g, 3) > 0)
			n = 0;
		else if (f->label == PROTOBUF_C_LABEL_REPEATED)
			n = generate_below(g, REPEATED_MAX + 1);
		if (n == 0)
			continue;
		assert_ok(field_reserve(&values, m, f, n, g->arena, &err), &err);
		for (size_t j = 0; j < n; j++)
			fill_value(g, f, (char *)values + j * field_value_size(f));
	}
	return m;
}

/* --- sealed values ---------------------------------------------------------------------- */

struct sealing {
	struct generator *g;
	Weightmark__V1__Header *header;
};

static void seal(const struct sealing *s, const struct place *p)
{
	cleanup_buf struct buf pointer = BUF_INIT(LIMIT_POINTER);
	Weightmark__V1__Sealed *sealed = new_message(s->g, D(sealed));
	struct wm_error err = { 0 };

	assert_ok(place_pointer(&pointer, p, &err), &err);
	sealed->pointer = copy_text(s->g, buf_str(&pointer));
	sealed->digest = (Weightmark__V1__Digest *)generate_scalar(s->g, D(digest));
	s->header->sealed[s->header->n_sealed++] = sealed;
}

static bool seals_now(const struct sealing *s)
{
	return s->header->n_sealed < LIMIT_SEALED && generate_below(s->g, 6) == 0;
}

static void seal_some(const struct sealing *s, ProtobufCMessage *m, const struct place *p);

static void seal_in_list(const struct sealing *s, const ProtobufCMessage *m,
			 const ProtobufCFieldDescriptor *f, const struct place *p)
{
	struct place here = { p, NULL, 0 };

	for (size_t i = 0; i < field_count(m, f); here.index++) {
		if (seals_now(s)) {
			seal(s, &here);
			continue;
		}
		if (f->type == PROTOBUF_C_TYPE_MESSAGE && !scalar_find(f->descriptor))
			seal_some(s, (*(ProtobufCMessage ***)field_place(m, f))[i], &here);
		i++;
	}
}

/* Takes the value of an optional field away. */
static void clear(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE)
		*(void **)field_place(m, f) = NULL;
	else
		memset((char *)m + f->quantifier_offset, 0, sizeof(protobuf_c_boolean));
}

static void seal_some(const struct sealing *s, ProtobufCMessage *m, const struct place *p)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		struct place here = { p, f->name, 0 };

		if (strcmp(f->name, "training_run") == 0 || strcmp(f->name, "run_id") == 0 ||
		    strcmp(f->name, "exists") == 0)
			continue;
		if (!p && (strcmp(f->name, "header") == 0 || strcmp(f->name, "checkpoint") == 0 ||
			   strcmp(f->name, "party") == 0 || strcmp(f->name, "file") == 0 ||
			   strcmp(f->name, "dataset_id") == 0 || strcmp(f->name, "id") == 0 ||
			   strcmp(f->name, "subject") == 0 || strcmp(f->name, "from") == 0 ||
			   strcmp(f->name, "to") == 0))
			continue;
		if (field_count(m, f) == 0 || f->label == PROTOBUF_C_LABEL_REQUIRED)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			seal_in_list(s, m, f, &here);
		} else if (seals_now(s)) {
			clear(m, f);
			seal(s, &here);
		} else if (f->type == PROTOBUF_C_TYPE_MESSAGE && !scalar_find(f->descriptor)) {
			seal_some(s, *(ProtobufCMessage **)field_place(m, f), &here);
		}
	}
}

static int compare_sealed(const void *a, const void *b)
{
	Weightmark__V1__Sealed *const *left = a, *const *right = b;

	return strcmp((*left)->pointer, (*right)->pointer);
}

void generate_sealed(struct generator *g, ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "header");
	struct sealing s = { g, NULL };

	assert_non_null(f);
	if (!field_count(m, f))
		*(ProtobufCMessage **)field_place(m, f) = new_message(g, D(header));
	s.header = *(Weightmark__V1__Header **)field_place(m, f);
	s.header->sealed = allocate(g, LIMIT_SEALED * sizeof(*s.header->sealed));
	seal_some(&s, m, NULL);
	qsort(s.header->sealed, s.header->n_sealed, sizeof(*s.header->sealed), compare_sealed);
}

/* --- statements that keep the rules ------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static char *numbered(struct generator *g,
							    const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return copy_text(g, text);
}

static Weightmark__V1__Digest *a_digest(struct generator *g)
{
	return (Weightmark__V1__Digest *)generate_scalar(g, D(digest));
}

static void complete_header(struct generator *g, Weightmark__V1__Header **header)
{
	Weightmark__V1__Header *h = new_message(g, D(header));

	h->issuer = copy_text(g, "acme.example");
	h->object = new_message(g, D(object_id));
	h->object->text = numbered(g, "acme.example/thing@%zu", generate_below(g, 9));
	h->has_sequence = h->has_schema_minor = 1;
	h->sequence = 1 + generate_below(g, 2);
	if (h->sequence > 1) {
		h->previous = (Weightmark__V1__StatementId *)generate_scalar(g, D(statement_id));
		h->reason = generate_below(g, 2) ? generate_text(g) : NULL;
	}
	h->issued_at = (Weightmark__V1__Time *)generate_scalar(g, D(time));
	h->as_of = (Weightmark__V1__Time *)generate_scalar(g, D(time));
	h->nonce = (Weightmark__V1__Nonce *)generate_scalar(g, D(nonce));
	*header = h;
}

static void complete_parties(struct generator *g, ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "party");
	struct wm_error err = { 0 };
	void *values = NULL;
	size_t n = 1 + generate_below(g, 3);

	assert_ok(field_reserve(&values, m, f, n, g->arena, &err), &err);
	for (size_t i = 0; i < n; i++) {
		Weightmark__V1__Party *p = (Weightmark__V1__Party *)generate_message(g, D(party));

		p->id = new_message(g, D(id));
		p->id->text = numbered(g, "party-%zu", i);
		((Weightmark__V1__Party **)values)[i] = p;
	}
}

static Weightmark__V1__Checkpoint *a_checkpoint(struct generator *g)
{
	Weightmark__V1__Checkpoint *c = new_message(g, D(checkpoint));
	size_t n_files = 1 + generate_below(g, 4), n_parts = 1 + generate_below(g, 2);

	c->file = allocate(g, n_files * sizeof(*c->file));
	for (; c->n_file < n_files; c->n_file++) {
		Weightmark__V1__File *f = c->file[c->n_file] = new_message(g, D(file));

		f->path = numbered(g, "model-%zu.safetensors", c->n_file);
		f->has_size = f->has_role = 1;
		f->size = random_integer(g, NODE_INTEGER_MAX);
		f->grammar = copy_text(g, "safetensors/1");
		f->file_digest = a_digest(g);
		f->sha256 = a_digest(g);
	}
	c->part = allocate(g, n_parts * sizeof(*c->part));
	for (; c->n_part < n_parts; c->n_part++) {
		Weightmark__V1__Part *p = c->part[c->n_part] = new_message(g, D(part));

		p->name = numbered(g, "part-%zu", c->n_part);
		p->path = allocate(g, n_files * sizeof(*p->path));
		for (size_t i = generate_below(g, n_files); i < n_files; i++)
			p->path[p->n_path++] = c->file[i]->path;
		if (generate_below(g, 4) == 0)
			continue;
		p->weights_digest = a_digest(g);
		p->tensor_set_digest = a_digest(g);
	}
	return c;
}

static void *place_of(const ProtobufCMessage *m, const char *name)
{
	return field_place(m, protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name));
}

/* Message visitor: makes what stands anywhere refer, and takes away what is for authors. */
static enum wm_code complete_message(const ProtobufCMessage *m, const void *context,
				     struct wm_error *err)
{
	struct generator *const *g = context;

	(void)err;
	if (m->descriptor == D(party_id))
		*(char **)place_of(m, "id") = copy_text(*g, "party-0");
	if (m->descriptor == D(reference) && !*(char **)place_of(m, "uri"))
		*(char **)place_of(m, "uri") = generate_text(*g);
	if (m->descriptor == D(lifecycle_event) && *(void **)place_of(m, "at"))
		*(void **)place_of(m, "day") = NULL;
	if (m->descriptor == D(destroyed) && *(void **)place_of(m, "at"))
		*(void **)place_of(m, "day") = NULL;
	if (m->descriptor == D(revocation) && *(void **)place_of(m, "effective_at"))
		*(void **)place_of(m, "effective_day") = NULL;
	if (m->descriptor == D(dataset_use)) {
		const Weightmark__V1__DatasetUse *use = (const Weightmark__V1__DatasetUse *)m;

		*(char **)place_of(m, "dataset_id") = NULL;
		if (use->has_from_step && use->has_to_step && use->from_step > use->to_step)
			*(uint64_t *)place_of(m, "to_step") = use->from_step;
	}
	return WM_OK;
}

/* Message visitor: adds the fields that a message has to have. */
static enum wm_code complete_required(const ProtobufCMessage *m, const void *context,
				      struct wm_error *err)
{
	struct generator *const *g = context;
	ProtobufCMessage *message;
	const char *name;

	memcpy(&message, &m, sizeof(message));
	while ((name = validate_required(m))) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
		void *value = NULL;

		TRY(field_reserve(&value, message, f, 1, (*g)->arena, err));
		fill_value(*g, f, value);
	}
	return WM_OK;
}

static Weightmark__V1__Reference *a_reference(struct generator *g)
{
	Weightmark__V1__Reference *r = new_message(g, D(reference));

	r->uri = generate_text(g);
	return r;
}

static void complete_order(struct generator *g, Weightmark__V1__Order *o)
{
	if (o->n_scope_dataset + o->n_scope_checkpoint == 0) {
		o->n_scope_dataset = 1;
		o->scope_dataset = allocate(g, sizeof(*o->scope_dataset));
		o->scope_dataset[0] = a_reference(g);
	}
	for (size_t i = 0; i < o->n_obligation; i++) {
		Weightmark__V1__Obligation *b = o->obligation[i];

		b->id->text = numbered(g, "obligation-%zu", i);
		b->has_days = 1;
		b->days = (uint32_t)generate_below(g, LIMIT_ORDER_DAYS + 1);
		b->has_months = 0;
	}
}

static void complete_about_order(struct generator *g, ProtobufCMessage *m)
{
	if (m->descriptor == D(order)) {
		complete_order(g, (Weightmark__V1__Order *)m);
	} else if (m->descriptor == D(lifecycle_event)) {
		((Weightmark__V1__LifecycleEvent *)m)->subject = a_reference(g);
	} else if (m->descriptor == D(deletion_certificate)) {
		((Weightmark__V1__DeletionCertificate *)m)->order = a_reference(g);
		((Weightmark__V1__DeletionCertificate *)m)->n_clean = 0;
	} else if (m->descriptor == D(revocation)) {
		((Weightmark__V1__Revocation *)m)->dataset = a_reference(g);
	}
}

static void complete_release(struct generator *g, Weightmark__V1__Release *r)
{
	if (!r->checkpoint)
		r->checkpoint = new_message(g, D(reference));
	r->n_file = 1 + generate_below(g, REPEATED_MAX);
	r->file = allocate(g, r->n_file * sizeof(*r->file));
	for (size_t i = 0; i < r->n_file; i++) {
		r->file[i] = new_message(g, D(released_file));
		r->file[i]->path = numbered(g, "model-%zu.safetensors", i);
		r->file[i]->has_size = 1;
		r->file[i]->size = random_integer(g, NODE_INTEGER_MAX);
		r->file[i]->sha256 = a_digest(g);
	}
}

ProtobufCMessage *generate_statement(struct generator *g, const struct kind *kind)
{
	ProtobufCMessage *m = generate_message(g, kind->descriptor);
	struct wm_error err = { 0 };

	complete_header(g, place_of(m, "header"));
	complete_parties(g, m);
	if (kind->descriptor == D(manifest)) {
		Weightmark__V1__Manifest *manifest = (Weightmark__V1__Manifest *)m;

		manifest->n_training_run = 0;
		if (manifest->checkpoint_of)
			manifest->checkpoint_of->run_id = NULL;
		manifest->checkpoint = a_checkpoint(g);
	} else if (kind->descriptor == D(admission)) {
		Weightmark__V1__Admission *a = (Weightmark__V1__Admission *)m;

		a->source = generate_text(g);
		a->reason = generate_text(g);
		a->expires = (Weightmark__V1__Time *)generate_scalar(g, D(time));
		a->checkpoint = a_checkpoint(g);
	} else if (kind->descriptor == D(release)) {
		complete_release(g, (Weightmark__V1__Release *)m);
	} else if (kind->descriptor == D(run)) {
		Weightmark__V1__Run *r = (Weightmark__V1__Run *)m;

		r->has_output_step = r->has_output_step && r->output_model;
	}
	assert_ok(message_walk(m, complete_required, &g, &err), &err);
	complete_about_order(g, m);
	assert_ok(message_walk(m, complete_message, &g, &err), &err);
	return m;
}

/* --- the schema -------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *types[TYPES_MAX + 1];
static size_t n_types;

static void add_type(const ProtobufCMessageDescriptor *d)
{
	for (size_t i = 0; i < n_types; i++)
		if (types[i] == d)
			return;
	assert_true(n_types < TYPES_MAX);
	types[n_types++] = d;
	for (unsigned i = 0; i < d->n_fields; i++)
		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			add_type(d->fields[i].descriptor);
}

const ProtobufCMessageDescriptor *const *generate_descriptors(void)
{
	for (const struct kind *k = kinds; k->name; k++)
		if (k->descriptor)
			add_type(k->descriptor);
	add_type(D(sidecar));
	return types;
}

bool generate_is_document(const ProtobufCMessageDescriptor *d)
{
	if (scalar_find(d) || d == D(sealed))
		return false;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		if (f->type == PROTOBUF_C_TYPE_BYTES)
			return false;
		if (f->type == PROTOBUF_C_TYPE_MESSAGE && !scalar_find(f->descriptor) &&
		    !mapping_hides(f) && !generate_is_document(f->descriptor))
			return false;
	}
	return true;
}
