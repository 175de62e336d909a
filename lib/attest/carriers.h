/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The carriers of a checkpoint: where its statements are found and put. One so far:
 * the sidecar beside the file, PATH.wmk.
 */
#ifndef ATTEST_CARRIERS_H
#define ATTEST_CARRIERS_H

#include "statement/sidecar.h"

/* Stores the sidecar's path of the checkpoint `path`; free() it. */
MUST_USE enum wm_code carrier_sidecar_path(char **out, const char *path, struct wm_error *err);

/* Whether `path` has the name of a sidecar. */
bool carrier_is_sidecar(const char *path);

/*
 * Reads and decodes the sidecar file `path`. Fails with `sidecar-missing` where there is
 * none, else as file_read() and sidecar_decode() do.
 */
MUST_USE enum wm_code carrier_load(struct sidecar *out, const char *path, struct wm_error *err);

#endif
