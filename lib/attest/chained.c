/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of corrections: the statements about one object, by their sequence. */
#include "attest/chained.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "weightmark/v1/manifest.pb-c.h"

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

static int compare_id(const void *id, const void *element)
{
	return memcmp(id, (*(const struct statement *const *)element)->id, SHA256_BYTES);
}

static int compare_ids(const void *a, const void *b)
{
	return compare_id((*(const struct statement *const *)a)->id, b);
}

/* What a correction names, where it is carried, is what came before it in its chain. */
static enum wm_code check_previous(const struct statement *s, const struct statement **by_id,
				   size_t n, struct wm_error *err)
{
	const Weightmark__V1__Header *h = s->header;
	const struct statement *const *found = NULL;

	if (h->previous)
		found = bsearch(h->previous->sha256.data, by_id, n, sizeof(*by_id), compare_id);
	if (!found || (strcmp((*found)->header->object->text, h->object->text) == 0 &&
		       (*found)->header->sequence + 1 == h->sequence))
		return WM_OK;
	return fail(err, REASON_CHAIN_BROKEN,
		    "%s: sequence %llu names as the one before it what is not", h->object->text,
		    (unsigned long long)h->sequence);
}

enum wm_code statements_chained(const struct statement **list, size_t n, struct wm_error *err)
{
	qsort(list, n, sizeof(*list), compare_links);
	for (size_t i = 1; i < n; i++)
		TRY(check_link(list[i - 1], list[i], err));
	qsort(list, n, sizeof(*list), compare_ids);
	for (size_t i = 0; i < n; i++)
		TRY(check_previous(list[i], list, n, err));
	return WM_OK;
}
