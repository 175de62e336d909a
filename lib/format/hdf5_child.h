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
 *	end    = u32 0, and CHILD_END_BYTES (util/child.h); nothing follows
 *
 * Functions fail as the body did, where it says so, or as the sink; with `hdf5-unreadable` where
 * the child died, took too long, or answered otherwise than it should; `hdf5-sandbox` where it
 * could not be shut in; `hdf5-library`.
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

struct hdf5_child;

/*
 * Forks and runs `body`, which has `view` for the file of hdf5_library_open_file(), for so many
 * seconds of processor time. Names are borrowed.
 */
MUST_USE enum wm_code hdf5_child_start(struct hdf5_child **out, const struct window *view,
				       hdf5_child_fn *body, const void *context,
				       uint64_t seconds, struct wm_error *err);

/*
 * Gives the next `len` bytes of the answer to `out`, as they come, and stores their number: there
 * are fewer only where the answer ended. No piece of the body's may go beyond. It may take that
 * many seconds by the clock.
 */
MUST_USE enum wm_code hdf5_child_hear(uint64_t *n, struct hdf5_child *c, uint64_t len,
				      uint64_t seconds, const struct sink *out,
				      struct wm_error *err);

/* That nothing more comes, and the child ended well. */
MUST_USE enum wm_code hdf5_child_finish(struct hdf5_child *c, struct wm_error *err);

/* Kills it if it is still there. */
void hdf5_child_free(struct hdf5_child *c);
DEFINE_CLEANUP(hdf5_child, struct hdf5_child, hdf5_child_free)
#define cleanup_hdf5_child __attribute__((cleanup(hdf5_child_cleanup_)))

/* All of this for an answer of any length. */
MUST_USE enum wm_code hdf5_child_run(const struct sink *out, const struct window *view,
				     hdf5_child_fn *body, const void *context,
				     struct hdf5_time most, struct wm_error *err);

#endif
