/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commitments of earlier recordings of a dataset, which stay beside those of the newest: a record
 * that was taken out still was in, and whoever's it is may withdraw it. Where NAME.wmc would get
 * another root, it is kept as NAME.ROOT.wmc, by the first 16 digits of its own root, or as
 * NAME.ROOT-2.wmc ... where one of the same root and other tags is there. None is ever overwritten.
 */
#ifndef DATA_EARLIER_H
#define DATA_EARLIER_H

#include "data/commitments.h"

/*
 * Keeps the file of commitments `path` where there is one, and it is of another root than `root`;
 * appends what the copy is called to `kept`, which stays empty where nothing is to be kept. A copy
 * that is there already is left as it is. Fails as commitments_open() and file_write() do.
 */
MUST_USE enum wm_code earlier_keep(struct buf *kept, const char *path,
				   const uint8_t root[SHA256_BYTES], struct wm_error *err);

/*
 * Opens the `nth` one, from 1, that was kept beside `path` and has this root; `*out` is NULL where
 * there is none. Fails with `commitments-damaged` where it has another root, and as
 * commitments_open() does.
 */
MUST_USE enum wm_code earlier_open(struct commitments **out, const char *path,
				   const uint8_t root[SHA256_BYTES], unsigned nth,
				   struct wm_error *err);

#endif
