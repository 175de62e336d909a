/* SPDX-License-Identifier: Apache-2.0 */
/* Putting together what carriers hold: each envelope once, the connected ones kept. */
#include "attest/merge.h"

#include <stdlib.h>
#include <string.h>

#include "attest/carriers.h"
#include "statement/message.h"

void merge_release(struct merge *m)
{
	for (size_t i = 0; i < m->n; i++)
		statement_free(m->list[i].statement);
	free(m->list);
	for (size_t i = 0; i < m->n_sidecars; i++)
		sidecar_release(&m->sidecars[i]);
	free(m->sidecars);
	*m = (struct merge){ 0 };
}

/* --- gathering ----------------------------------------------------------------------- */

/* Shards carry equal slots: each content is decoded once. */
static enum wm_code load_slots(struct merge *m, const struct checkpoint *c, struct wm_error *err)
{
	const struct buf *last = NULL;
	size_t len = 0;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct layout *l = &c->files[i].layout;

		if (c->files[i].role != ROLE_LOAD || l->carried.len == 0 || l->displaced ||
		    (last && last->len == l->carried.len &&
		     memcmp(last->data, l->carried.data, last->len) == 0))
			continue;
		last = &l->carried;
		len += last->len;
		if (len > LIMIT_SIDECAR)
			return fail(err, REASON_LIMIT, "%s: its slots carry more than %d bytes",
				    c->path, LIMIT_SIDECAR);
		TRY(sidecar_decode(&m->sidecars[m->n_sidecars], last->data, last->len,
				   c->files[i].place, err));
		m->n_sidecars++;
	}
	return WM_OK;
}

/* Of equal ones that of the sidecar comes first. */
static int compare(const void *a, const void *b)
{
	const struct merged *x = a, *y = b;
	int order = envelope_compare(x->envelope, y->envelope);

	return order ? order : y->from_sidecar - x->from_sidecar;
}

static enum wm_code list_envelopes(struct merge *m, bool has_sidecar, struct wm_error *err)
{
	size_t n = 0, n_different = 0;

	for (size_t i = 0; i < m->n_sidecars; i++)
		n += m->sidecars[i].n_envelopes;
	m->list = calloc(n + 1, sizeof(*m->list));
	if (!m->list)
		return fail_nomem(err);
	n = 0;
	for (size_t i = 0; i < m->n_sidecars; i++)
		for (size_t k = 0; k < m->sidecars[i].n_envelopes; k++)
			m->list[n++] = (struct merged){
				.envelope = &m->sidecars[i].envelopes[k],
				.from_sidecar = has_sidecar && i == 0,
			};
	qsort(m->list, n, sizeof(*m->list), compare);
	for (size_t i = 0; i < n; i++)
		if (n_different == 0 || envelope_compare(m->list[n_different - 1].envelope,
							 m->list[i].envelope) != 0)
			m->list[n_different++] = m->list[i];
	m->n = n_different;
	return WM_OK;
}

static enum wm_code decode_all(struct merge *m, struct wm_error *err)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct envelope *e = m->list[i].envelope;
		struct wm_error why = { 0 };
		enum wm_code code = statement_decode(&m->list[i].statement, e->payload,
						     e->payload_len, "payload", &why);

		if (error_is_untold(code))
			return fail_again(err, &why);
	}
	return WM_OK;
}

/* --- choosing ------------------------------------------------------------------------ */

static size_t first_of(const struct merge *m, const uint8_t id[SHA256_BYTES])
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(m->list[middle].envelope->statement, id, SHA256_BYTES) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_id(const struct merge *m, size_t i, const uint8_t id[SHA256_BYTES])
{
	return i < m->n && memcmp(m->list[i].envelope->statement, id, SHA256_BYTES) == 0;
}

static bool is_release(const struct merged *x)
{
	return x->statement &&
	       x->statement->kind->descriptor == &weightmark__v1__release__descriptor;
}

/* A statement that corrects the one with the id `previous`. */
struct correction {
	const uint8_t *previous;
	size_t by; /* its place in the list */
};

/* Those that are kept so far, and whose references are still to be followed. */
struct choice {
	struct merge *m;
	size_t *waiting, n_waiting;
	struct correction *corrections; /* by the ids that they correct */
	size_t n_corrections;
};

static void choice_release(struct choice *c)
{
	free(c->waiting);
	free(c->corrections);
}

static void keep(struct choice *c, size_t i)
{
	if (c->m->list[i].kept || is_release(&c->m->list[i]))
		return;
	c->m->list[i].kept = true;
	c->waiting[c->n_waiting++] = i;
}

static void keep_id(struct choice *c, const uint8_t id[SHA256_BYTES])
{
	for (size_t i = first_of(c->m, id); has_id(c->m, i, id); i++)
		keep(c, i);
}

/* Message visitor: what a statement names by its id is kept with it. */
static enum wm_code keep_references(const ProtobufCMessage *m, const void *context,
				    struct wm_error *err)
{
	struct choice *const *c = context;

	(void)err;
	if (m->descriptor == &weightmark__v1__statement_id__descriptor)
		keep_id(*c, ((const Weightmark__V1__StatementId *)m)->sha256.data);
	return WM_OK;
}

static int compare_corrections(const void *a, const void *b)
{
	const struct correction *x = a, *y = b;

	return memcmp(x->previous, y->previous, SHA256_BYTES);
}

static void keep_corrections(struct choice *c, const uint8_t *id)
{
	const struct correction wanted = { id, 0 };
	const struct correction *end = c->corrections + c->n_corrections, *at;

	at = bsearch(&wanted, c->corrections, c->n_corrections, sizeof(wanted),
		     compare_corrections);
	while (at && at > c->corrections && compare_corrections(at - 1, &wanted) == 0)
		at--;
	for (; at && at < end && compare_corrections(at, &wanted) == 0; at++)
		keep(c, at->by);
}

static void list_corrections(struct choice *c)
{
	for (size_t i = 0; i < c->m->n; i++) {
		const struct statement *s = c->m->list[i].statement;

		if (s && s->header->previous)
			c->corrections[c->n_corrections++] = (struct correction){
				s->header->previous->sha256.data, i
			};
	}
	qsort(c->corrections, c->n_corrections, sizeof(*c->corrections), compare_corrections);
}

/* Keeps what the sidecar has, and from there on what is named and what corrects. */
static enum wm_code choose(struct merge *m, struct wm_error *err)
{
	__attribute__((cleanup(choice_release))) struct choice c = {
		.m = m,
		.waiting = calloc(m->n + 1, sizeof(*c.waiting)),
		.corrections = calloc(m->n + 1, sizeof(*c.corrections)),
	};
	struct choice *context = &c;

	if (!c.waiting || !c.corrections)
		return fail_nomem(err);
	list_corrections(&c);
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].from_sidecar)
			keep(&c, i);
	while (c.n_waiting > 0) {
		const struct merged *x = &m->list[c.waiting[--c.n_waiting]];

		keep_id(&c, x->envelope->statement);
		keep_corrections(&c, x->envelope->statement);
		if (x->statement)
			TRY(message_walk(x->statement->message, keep_references, &context, err));
	}
	return WM_OK;
}

enum wm_code merge_gather(struct merge *out, const struct checkpoint *c, const char *sidecar_path,
			  struct wm_error *err)
{
	out->sidecars = calloc(c->n_files + 1, sizeof(*out->sidecars));
	if (!out->sidecars)
		return fail_nomem(err);
	if (sidecar_path) {
		TRY(carrier_load(&out->sidecars[0], sidecar_path, err));
		out->n_sidecars = 1;
	}
	TRY(load_slots(out, c, err));
	TRY(list_envelopes(out, sidecar_path != NULL, err));
	TRY(decode_all(out, err));
	if (sidecar_path)
		return choose(out, err);
	for (size_t i = 0; i < out->n; i++)
		out->list[i].kept = true;
	return WM_OK;
}

enum wm_code merge_encode(struct buf *out, const struct merge *m, struct wm_error *err)
{
	cleanup_free struct envelope *envelopes = calloc(m->n + 1, sizeof(*envelopes));
	cleanup_proof_list struct proof_list proofs = { 0 };
	struct sidecar kept = { .envelopes = envelopes };

	if (!envelopes)
		return fail_nomem(err);
	for (size_t i = 0; i < m->n; i++) {
		if (!m->list[i].kept)
			continue;
		envelopes[kept.n_envelopes++] = *m->list[i].envelope;
		for (size_t k = m->n_sidecars; k-- > 0;)
			TRY(proof_list_add(&proofs, &m->sidecars[k], m->list[i].envelope, err));
	}
	kept.proofs = proofs.list;
	kept.n_proofs = proofs.n;
	return sidecar_encode_all(out, &kept, err);
}

/* --- what it speaks of --------------------------------------------------------------- */

/* Whether the path of a manifest of one file stands for a lone file of any name. */
static bool is_lone(const Weightmark__V1__Manifest *manifest, const struct checkpoint *c)
{
	return !c->is_directory && manifest->checkpoint->n_file == 1;
}

struct checkpoint_file *manifest_file_at(const Weightmark__V1__Manifest *manifest,
					 const struct checkpoint *c, const char *path)
{
	return is_lone(manifest, c) ? &c->files[0] : checkpoint_find_file(c, path);
}

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, (*(Weightmark__V1__File *const *)file)->path);
}

static const Weightmark__V1__File *find_record(const Weightmark__V1__Manifest *manifest,
					       const struct checkpoint *c, const char *path)
{
	const Weightmark__V1__Checkpoint *said = manifest->checkpoint;
	Weightmark__V1__File *const *found;

	if (is_lone(manifest, c))
		return said->file[0];
	found = bsearch(path, said->file, said->n_file, sizeof(*said->file), compare_path);
	return found ? *found : NULL;
}

static enum wm_code fits(const Weightmark__V1__Manifest *manifest, const struct checkpoint *c,
			 struct wm_error *err)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];
		const Weightmark__V1__File *said = find_record(manifest, c, f->path);

		if (f->role == ROLE_DOCUMENT || f->is_pointer)
			continue;
		if (!said)
			return fail(err, REASON_FILE_MISMATCH, "%s: no manifest lists it",
				    f->place);
		if (said->size != f->layout.size)
			return fail(err, REASON_FILE_MISMATCH,
				    "%s: %llu bytes, and the manifest says %llu", f->place,
				    (unsigned long long)f->layout.size,
				    (unsigned long long)said->size);
		if (strcmp(said->grammar, f->layout.format->grammar) != 0)
			return fail(err, REASON_GRAMMAR_MISMATCH,
				    "%s: is %s, and the manifest says %.40s", f->place,
				    f->layout.format->grammar, said->grammar);
	}
	return WM_OK;
}

static const Weightmark__V1__Manifest *manifest_of(const struct merged *x)
{
	if (!x->kept || !x->statement ||
	    x->statement->kind->descriptor != &weightmark__v1__manifest__descriptor)
		return NULL;
	return (const Weightmark__V1__Manifest *)x->statement->message;
}

static void mark_corrected(bool *corrected, const struct merge *m, const uint8_t *id)
{
	for (size_t i = first_of(m, id); has_id(m, i, id); i++)
		corrected[i] = true;
}

enum wm_code merge_find_manifest(const Weightmark__V1__Manifest **out, const struct merge *m,
				 const struct checkpoint *c, struct wm_error *err)
{
	cleanup_free bool *corrected = calloc(m->n + 1, sizeof(*corrected));
	struct wm_error why = { 0 };
	bool any = false;

	if (!corrected)
		return fail_nomem(err);
	for (size_t i = 0; i < m->n; i++) {
		const Weightmark__V1__Manifest *manifest = manifest_of(&m->list[i]);

		if (manifest && manifest->header->previous)
			mark_corrected(corrected, m, manifest->header->previous->sha256.data);
	}
	for (size_t i = 0; i < m->n; i++) {
		const Weightmark__V1__Manifest *manifest = manifest_of(&m->list[i]);

		if (!manifest || corrected[i])
			continue;
		any = true;
		if (fits(manifest, c, &why) == WM_OK) {
			*out = manifest;
			return WM_OK;
		}
	}
	if (!any)
		return fail(err, REASON_MANIFEST_MISSING, "%s: no statement is a manifest",
			    c->path);
	return fail_again(err, &why);
}
