/* SPDX-License-Identifier: Apache-2.0 */
/* Whether carried statements hang together. */
#ifndef ATTEST_CONNECTED_H
#define ATTEST_CONNECTED_H

#include "attest/verify.h"

/*
 * Whether every carried envelope is connected to the newest manifest: by references
 * and corrections, in either direction, over any number of steps. An envelope that no
 * pinned key verifies must be around a payload that a connected statement names.
 * Fails with `statement-unconnected`.
 */
MUST_USE enum wm_code all_connected(const struct verification *v, struct wm_error *err);

/*
 * A carried envelope around the payload with this statement id, one that was decoded where
 * there is any; NULL where none is carried.
 */
const struct carried *find_carried(const struct verification *v, const uint8_t id[SHA256_BYTES]);

#endif
