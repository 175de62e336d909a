/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of envelopes that a checkpoint's carriers hold, each verified once, and the
 * newest statement about the bytes at hand among them (docs/design.md, "Carriers").
 */
#ifndef ATTEST_POOL_H
#define ATTEST_POOL_H

#include "attest/verify.h"

/* Fills `carried` of `v` from its carriers: verifies signatures, decodes what verified. */
MUST_USE enum wm_code pool_fill(struct verification *v, const struct keyring *keys,
				struct wm_error *err);

/*
 * Finds `head`. A manifest speaks of the bytes at hand where a carrier that holds it does
 * (carrier_speaks_of), and with it its corrections; one that another such manifest
 * names as parent is an ancestor's, with its whole chain. Of several admissions the head is
 * one that fits what is at hand and has not expired, where there is any.
 */
void pool_find_head(struct verification *v);

/*
 * A carried envelope around the payload with this statement id, one that was decoded where
 * there is any; NULL where none is carried.
 */
const struct carried *find_carried(const struct verification *v, const uint8_t id[SHA256_BYTES]);

/* The index of the first carried envelope whose statement id is not below `id`. */
size_t first_carried(const struct verification *v, const uint8_t id[SHA256_BYTES]);

/* Whether the carried envelope `i`, if there is one, is around the statement `id`. */
bool carried_has_id(const struct verification *v, size_t i, const uint8_t id[SHA256_BYTES]);

#endif
