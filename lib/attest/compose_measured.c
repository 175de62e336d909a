/* SPDX-License-Identifier: Apache-2.0 */
/* Putting what was measured into a manifest. */
#include <string.h>

#include "attest/compose.h"
#include "statement/message.h"

static enum wm_code make_file(Weightmark__V1__File **out, struct composition *c,
			      const struct checkpoint_file *from, struct wm_error *err)
{
	const char *grammar = from->layout.format->grammar;
	ProtobufCMessage *m = NULL;
	Weightmark__V1__File *f;

	TRY(message_new(&m, &weightmark__v1__file__descriptor, &c->arena, err));
	f = (Weightmark__V1__File *)m;
	f->has_size = f->has_role = 1;
	f->size = from->layout.size;
	f->role = from->role == ROLE_LOAD ? WEIGHTMARK__V1__FILE__ROLE__load :
					    WEIGHTMARK__V1__FILE__ROLE__document;
	TRY(arena_copy(&f->path, &c->arena, from->path, strlen(from->path), err));
	TRY(arena_copy(&f->grammar, &c->arena, grammar, strlen(grammar), err));
	TRY(compose_digest(&f->file_digest, c, from->file_digest, err));
	TRY(compose_digest(&f->sha256, c, from->sha256, err));
	*out = f;
	return WM_OK;
}

static enum wm_code make_tensors(Weightmark__V1__Part *p, struct composition *c,
				 const struct checkpoint_part *from, struct wm_error *err)
{
	void *list = NULL;

	TRY(arena_alloc(&list, &c->arena, from->n_listed * sizeof(*p->tensor), err));
	p->tensor = list;
	for (; p->n_tensor < from->n_listed; p->n_tensor++) {
		const struct listed_tensor *t = &from->listed[p->n_tensor];
		ProtobufCMessage *m = NULL;
		Weightmark__V1__TensorDigest *d;

		TRY(message_new(&m, &weightmark__v1__tensor_digest__descriptor, &c->arena, err));
		d = (Weightmark__V1__TensorDigest *)m;
		d->has_bytes = 1;
		d->bytes = t->len;
		TRY(compose_digest(&d->digest, c, t->digest, err));
		p->tensor[p->n_tensor] = d;
	}
	return WM_OK;
}

static enum wm_code make_part(Weightmark__V1__Part **out, struct composition *c,
			      const struct checkpoint_part *from, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	Weightmark__V1__Part *p;
	void *list = NULL;

	TRY(message_new(&m, &weightmark__v1__part__descriptor, &c->arena, err));
	p = (Weightmark__V1__Part *)m;
	TRY(arena_copy(&p->name, &c->arena, from->name, strlen(from->name), err));
	TRY(arena_alloc(&list, &c->arena, from->n_paths * sizeof(*p->path), err));
	p->path = list;
	p->n_path = from->n_paths;
	for (size_t i = 0; i < from->n_paths; i++)
		TRY(arena_copy(&p->path[i], &c->arena, from->paths[i], strlen(from->paths[i]),
			       err));
	if (from->has_weights) {
		p->has_tensor_count = p->has_parameter_count = p->has_tensor_bytes = 1;
		p->tensor_count = from->n_tensors;
		p->parameter_count = from->n_parameters;
		p->tensor_bytes = from->n_tensor_bytes;
		TRY(compose_digest(&p->weights_digest, c, from->weights_digest, err));
		TRY(compose_digest(&p->tensor_set_digest, c, from->tensor_set_digest, err));
		TRY(make_tensors(p, c, from, err));
	}
	*out = p;
	return WM_OK;
}

enum wm_code compose_measured(Weightmark__V1__Checkpoint **out, struct composition *c,
			      const struct checkpoint *measured, const struct taken *taken,
			      struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	Weightmark__V1__Checkpoint *checkpoint;
	void *list = NULL;

	TRY(message_new(&m, &weightmark__v1__checkpoint__descriptor, &c->arena, err));
	checkpoint = (Weightmark__V1__Checkpoint *)m;
	TRY(arena_alloc(&list, &c->arena, measured->n_files * sizeof(*checkpoint->file), err));
	checkpoint->file = list;
	TRY(arena_alloc(&list, &c->arena, measured->n_parts * sizeof(*checkpoint->part), err));
	checkpoint->part = list;
	for (size_t i = 0; i < measured->n_files; i++)
		if (taken && taken->files[i])
			checkpoint->file[i] = taken->files[i];
		else
			TRY(make_file(&checkpoint->file[i], c, &measured->files[i], err));
	checkpoint->n_file = measured->n_files;
	for (size_t i = 0; i < measured->n_parts; i++)
		if (taken && taken->parts[i])
			checkpoint->part[i] = taken->parts[i];
		else
			TRY(make_part(&checkpoint->part[i], c, &measured->parts[i], err));
	checkpoint->n_part = measured->n_parts;
	*out = checkpoint;
	return WM_OK;
}
