/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading sidecars. */
#include "attest/carriers.h"

#include <stdio.h>
#include <string.h>

#include "util/file.h"
#include "util/limits.h"

enum wm_code carrier_sidecar_path(char **out, const char *path, struct wm_error *err)
{
	if (asprintf(out, "%s" SIDECAR_SUFFIX, path) < 0) {
		*out = NULL;
		return fail_nomem(err);
	}
	return WM_OK;
}

bool carrier_is_sidecar(const char *path)
{
	size_t len = strlen(path), suffix = strlen(SIDECAR_SUFFIX);

	return len > suffix && strcmp(path + len - suffix, SIDECAR_SUFFIX) == 0;
}

enum wm_code carrier_load(struct sidecar *out, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error why = { 0 };

	if (file_read(&bytes, path, &why) != WM_OK) {
		if (error_reason(&why) == REASON_NOT_FOUND)
			return fail(err, REASON_SIDECAR_MISSING, "%s: there is no such file", path);
		return fail_again(err, &why);
	}
	return sidecar_decode(out, bytes.data, bytes.len, path, err);
}
