/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of corrections: the statements about one object, by their sequence. */
#include <stdlib.h>
#include <string.h>

#include "attest/connected.h"
#include "attest/pool.h"

static int compare_links(const void *a, const void *b)
{
	const struct statement *x = *(const struct statement *const *)a,
			       *y = *(const struct statement *const *)b;
	int order = strcmp(x->header->object->text, y->header->object->text);

	if (!order)
		order = (x->header->sequence > y->header->sequence) -
			(x->header->sequence < y->header->sequence);
	return order ? order : memcmp(x->id, y->id, SHA256_BYTES);
}

/* `b` comes right after `a` in the order of objects and sequences. */
static enum wm_code check_link(const struct statement *a, const struct statement *b,
			       struct wm_error *err)
{
	const Weightmark__V1__Header *before = a->header, *after = b->header;

	if (strcmp(before->object->text, after->object->text) != 0 ||
	    memcmp(a->id, b->id, SHA256_BYTES) == 0)
		return WM_OK;
	if (before->sequence == after->sequence)
		return fail(err,
			    b->kind->descriptor == &weightmark__v1__manifest__descriptor ?
				    REASON_MANIFEST_CONFLICT :
				    REASON_CHAIN_BROKEN,
			    "two statements of sequence %llu about %s",
			    (unsigned long long)after->sequence, after->object->text);
	if (a->kind != b->kind || strcmp(before->issuer, after->issuer) != 0)
		return fail(err, REASON_CHAIN_BROKEN,
			    "%s: its statements are not of one kind and issuer",
			    after->object->text);
	if (before->sequence + 1 == after->sequence &&
	    memcmp(after->previous->sha256.data, a->id, SHA256_BYTES) != 0)
		return fail(err, REASON_CHAIN_BROKEN,
			    "%s: sequence %llu does not correct the one before",
			    after->object->text, (unsigned long long)after->sequence);
	return WM_OK;
}

/* What a correction names, where it is carried, is what came before it in its chain. */
static enum wm_code check_previous(const struct verification *v, const struct statement *s,
				   struct wm_error *err)
{
	const Weightmark__V1__Header *h = s->header;
	const struct carried *c =
		h->previous ? find_carried(v, h->previous->sha256.data) : NULL;

	if (!c || !c->statement ||
	    (strcmp(c->statement->header->object->text, h->object->text) == 0 &&
	     c->statement->header->sequence + 1 == h->sequence))
		return WM_OK;
	return fail(err, REASON_CHAIN_BROKEN,
		    "%s: sequence %llu names as the one before it what is not", h->object->text,
		    (unsigned long long)h->sequence);
}

enum wm_code all_chained(const struct verification *v, struct wm_error *err)
{
	cleanup_free const struct statement **links = calloc(v->n_carried + 1, sizeof(*links));
	size_t n = 0;

	if (!links)
		return fail_nomem(err);
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].statement)
			links[n++] = v->carried[i].statement;
	qsort(links, n, sizeof(*links), compare_links);
	for (size_t i = 1; i < n; i++)
		TRY(check_link(links[i - 1], links[i], err));
	for (size_t i = 0; i < n; i++)
		TRY(check_previous(v, links[i], err));
	return WM_OK;
}
