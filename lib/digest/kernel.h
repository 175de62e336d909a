/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels: SHA-256 of many independent messages, as fast as this processor can.
 *
 * One SHA-256 is bound by latency, so speed comes from several at once: a kernel has
 * one or more lanes, each working on one message, and refills a lane as soon as its
 * message ends. Lengths may be mixed freely; long messages first keep the lanes
 * busiest. All kernels give the same bits.
 */
#ifndef DIGEST_KERNEL_H
#define DIGEST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* The byte before the data (RFC 6962 section 2.1). */
enum message_prefix {
	MESSAGE_PLAIN = -1, /* none */
	MESSAGE_LEAF = 0x00,
	MESSAGE_NODE = 0x01,
};

/*
 * SHA-256(prefix || data) to `out`, SHA256_BYTES long, which may overlap the message's
 * own data but no other's. With a prefix, data at 1 modulo 64 is read fastest.
 */
struct message {
	const uint8_t *data;
	size_t len;
	enum message_prefix prefix;
	uint8_t *out;
};

struct kernel {
	const char *name;
	bool (*available)(void); /* on this processor */
	/* Digests all messages; fails only where libcrypto does ("evp"). */
	MUST_USE enum wm_code (*run)(const struct message *messages, size_t n_messages,
				     struct wm_error *err);
};

/* All kernels of this build, the best first; ends with a row whose name is NULL. */
extern const struct kernel kernels[];

/*
 * The kernel in use, chosen once: the one that the environment variable
 * WEIGHTMARK_DIGEST names ("evp" where that is unknown or not available), else the
 * first available.
 */
const struct kernel *kernel_chosen(void);

/* Digests one message by the chosen kernel, or by portable code where that fails. */
void kernel_one(const struct message *m);

/* The rows of the table; for digest/kernel.c and other kernels. */
bool kernel_avx512_available(void);
enum wm_code kernel_avx512_run(const struct message *m, size_t n, struct wm_error *err);
bool kernel_shani_available(void);
enum wm_code kernel_shani_run(const struct message *m, size_t n, struct wm_error *err);
enum wm_code kernel_evp_run(const struct message *m, size_t n, struct wm_error *err);
enum wm_code kernel_portable_run(const struct message *m, size_t n, struct wm_error *err);

#if defined(__x86_64__)
#define KERNEL_X86 1
#else
#define KERNEL_X86 0
#endif

#endif
