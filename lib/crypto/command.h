/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a command as a filter: bytes in, bytes out, in bounded time.
 *
 * The command gets /bin/sh -c, our environment and standard error, and no other
 * descriptor of ours. The signal dispositions of the process are left alone.
 */
#ifndef CRYPTO_COMMAND_H
#define CRYPTO_COMMAND_H

#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"

/*
 * Writes `in` to the command's standard input (it need not read all of it) and appends
 * its standard output to `out`. Fails with `signer-failed` where it cannot be started,
 * ends otherwise than with status 0, writes more than out->max bytes, or is not done,
 * its output closed, within `timeout_ms`; it is killed then, but not what it started.
 */
MUST_USE enum wm_code command_run(struct buf *out, const char *command, const void *in, size_t len,
				  int timeout_ms, struct wm_error *err);

#endif
