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

	for (size_t i = 0; i < c->n_files; i++) {
		const struct layout *l = &c->files[i].layout;

		if (l->carried.len == 0 || l->displaced ||
		    (last && last->len == l->carried.len &&
		     memcmp(last->data, l->carried.data, last->len) == 0))
			continue;
		last = &l->carried;
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

/* A union-find over the list. */
struct groups {
	const struct merge *m;
	size_t *up; /* towards the representative of each one's group */
	size_t from; /* whose references are walked */
};

static size_t group_of(const struct groups *g, size_t i)
{
	while (g->up[i] != i) {
		g->up[i] = g->up[g->up[i]];
		i = g->up[i];
	}
	return i;
}

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

static void join_id(const struct groups *g, const uint8_t id[SHA256_BYTES])
{
	for (size_t i = first_of(g->m, id); has_id(g->m, i, id); i++)
		g->up[group_of(g, i)] = group_of(g, g->from);
}

/* Message visitor: every statement id that a statement holds connects it. */
static enum wm_code join_references(const ProtobufCMessage *m, const void *context,
				    struct wm_error *err)
{
	const struct groups *g = context;

	(void)err;
	if (m->descriptor == &weightmark__v1__statement_id__descriptor)
		join_id(g, ((const Weightmark__V1__StatementId *)m)->sha256.data);
	return WM_OK;
}

static bool is_release(const struct merged *x)
{
	return x->statement &&
	       x->statement->kind->descriptor == &weightmark__v1__release__descriptor;
}

/* Keeps what is in one group with something of the sidecar. */
static enum wm_code choose(struct merge *m, struct wm_error *err)
{
	cleanup_free size_t *up = calloc(m->n + 1, sizeof(*up));
	cleanup_free bool *wanted = calloc(m->n + 1, sizeof(*wanted));
	struct groups g = { m, up, 0 };

	if (!up || !wanted)
		return fail_nomem(err);
	for (size_t i = 0; i < m->n; i++)
		up[i] = i;
	for (g.from = 0; g.from < m->n; g.from++) {
		join_id(&g, m->list[g.from].envelope->statement);
		/* A release names its manifest; what it names is connected without it. */
		if (m->list[g.from].statement && !is_release(&m->list[g.from]))
			TRY(message_walk(m->list[g.from].statement->message, join_references, &g,
					 err));
	}
	for (size_t i = 0; i < m->n; i++)
		wanted[group_of(&g, i)] |= m->list[i].from_sidecar;
	for (size_t i = 0; i < m->n; i++)
		m->list[i].kept = wanted[group_of(&g, i)] && !is_release(&m->list[i]);
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
	cleanup_free struct envelope *kept = calloc(m->n + 1, sizeof(*kept));
	size_t n = 0;

	if (!kept)
		return fail_nomem(err);
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].kept)
			kept[n++] = *m->list[i].envelope;
	return sidecar_encode(out, kept, n, err);
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
			return fail(err, REASON_FILE_MISMATCH, "%s: no manifest lists it", f->place);
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
