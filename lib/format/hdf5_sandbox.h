/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shutting a process in: what it may use are two descriptors, some memory and some time.
 *
 * Called once each, in this order, in a child that has been forked for it.
 */
#ifndef FORMAT_HDF5_SANDBOX_H
#define FORMAT_HDF5_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SANDBOX_FILE = 0, SANDBOX_PIPE = 1 };

/* Makes `file` and `pipe` the two descriptors named above, and closes all others. */
bool sandbox_take_descriptors(int file, int pipe);

/*
 * The process ends with `parent`, which forked it, and gives up its environment. Limits: processor
 * time, 256 MiB of memory beyond what it has, no files, no core.
 */
bool sandbox_settle(pid_t parent, uint64_t seconds);

/*
 * Ends the process. Built to count what runs (make coverage) it writes its counts before, which is
 * why the sandbox of such a build lets files be opened and written: it is for tests alone.
 */
_Noreturn void sandbox_leave(int status);

/*
 * From here on: reading SANDBOX_FILE at an offset, writing SANDBOX_PIPE, memory that is not
 * executable, time, exit. Anything else kills the process. Nothing of the file system is within
 * reach by Landlock besides, where the kernel has it.
 */
bool sandbox_close(void);

#endif
