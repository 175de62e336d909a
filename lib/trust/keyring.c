/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned public keys, sorted by keyid. */
#include "trust/keyring.h"

#include <stdbool.h>
#include <string.h>

#include "util/limits.h"

struct keyring {
	struct public_key **keys;
	size_t n_keys;
};

enum wm_code keyring_new(struct keyring **out, struct wm_error *err)
{
	struct keyring *r = calloc(1, sizeof(*r));

	if (!r)
		return fail_nomem(err);
	*out = r;
	return WM_OK;
}

void keyring_free(struct keyring *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_keys; i++)
		public_key_free(r->keys[i]);
	free(r->keys);
	free(r);
}

/* Where `keyid` is, or where it belongs. */
static bool locate(size_t *at, const struct keyring *r, const char *keyid)
{
	size_t low = 0, high = r->n_keys;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(public_key_id(r->keys[middle]), keyid);

		if (order == 0) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

enum wm_code keyring_add(struct keyring *r, struct public_key *key, struct wm_error *err)
{
	cleanup_public_key struct public_key *owned = key;
	struct public_key **grown;
	size_t at;

	if (locate(&at, r, public_key_id(key)))
		return WM_OK;
	if (r->n_keys == LIMIT_KEYRING)
		return fail(err, REASON_LIMIT, "more than %d keys", LIMIT_KEYRING);
	grown = reallocarray(r->keys, r->n_keys + 1, sizeof(struct public_key *));
	if (!grown)
		return fail_nomem(err);
	r->keys = grown;
	memmove(grown + at + 1, grown + at, (r->n_keys - at) * sizeof(struct public_key *));
	grown[at] = take_ptr(&owned);
	r->n_keys++;
	return WM_OK;
}

const struct public_key *keyring_find(const struct keyring *r, const char *keyid)
{
	size_t at;

	return locate(&at, r, keyid) ? r->keys[at] : NULL;
}

size_t keyring_count(const struct keyring *r)
{
	return r->n_keys;
}

const struct public_key *keyring_at(const struct keyring *r, size_t i)
{
	return r->keys[i];
}
