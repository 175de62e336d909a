/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running libhdf5 on a stranger's file, in a child process that is shut in.
 *
 * The child has two descriptors, the file to read and a pipe to write, and after Landlock (where
 * the kernel has it) and seccomp no way to a third: it cannot open, connect, run or send signals.
 * Memory, processor time and time by the clock are limited; a call outside the list kills it.
 * What it answers is as little to be trusted as the file.
 *
 *	answer = frame* end
 *	frame  = u32 length > 0 and at most HDF5_FRAME, bytes
 *	end    = u32 0, u32 reason, LIMIT_MESSAGE bytes of message; nothing follows
 */
#ifndef FORMAT_HDF5_CHILD_H
#define FORMAT_HDF5_CHILD_H

#include "format/format.h"

enum { HDF5_FRAME = 1 << 20 };

/* Seconds that a child may take. */
struct hdf5_time {
	uint64_t processor, clock;
};

/*
 * Runs in the child, when it is shut in: gives its answer to `out` in pieces of any length, or
 * fails with one of the reasons `hdf5-...`, `limit`, `no-memory`, `read-failed`, `file-changed`.
 */
typedef enum wm_code hdf5_child_fn(const void *context, const struct sink *out,
				   struct wm_error *err);

/*
 * Forks and runs `body`, which has `view` for the file of hdf5_library_open_file(). The pieces
 * of its answer go to `out` as they come, also where it fails in the end. Fails as the body did,
 * or as the sink; with `hdf5-unreadable` where the child died, took too long, or
 * answered otherwise than it should; `hdf5-sandbox` where it could not be shut in; `hdf5-library`.
 * The calling process should have no other threads.
 */
MUST_USE enum wm_code hdf5_child_run(const struct sink *out, const struct window *view,
				     hdf5_child_fn *body, const void *context,
				     struct hdf5_time most, struct wm_error *err);

#endif
