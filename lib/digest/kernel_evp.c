/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel that leaves SHA-256 to libcrypto: one message after the other. */
#include "crypto/sha256.h"
#include "digest/kernel.h"

enum wm_code kernel_evp_run(const struct message *m, size_t n, struct wm_error *err)
{
	cleanup_sha256 struct sha256 *s = NULL;

	TRY(sha256_new(&s, err));
	for (size_t i = 0; i < n; i++) {
		uint8_t prefix = (uint8_t)m[i].prefix;

		TRY(sha256_start(s, err));
		if (m[i].prefix != MESSAGE_PLAIN)
			TRY(sha256_update(s, &prefix, 1, err));
		TRY(sha256_update(s, m[i].data, m[i].len, err));
		TRY(sha256_finish(s, m[i].out, err));
	}
	return WM_OK;
}
