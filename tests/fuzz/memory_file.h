/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets of readers of files share: the input as a file that lies in memory. */
#ifndef MEMORY_FILE_H
#define MEMORY_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "util/file.h"

enum { MEMORY_PATH = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool condition)
{
	if (!condition)
		abort();
}

/* A refusal names a reason, and it is never a bug of ours. */
static inline bool refused_well(const struct wm_error *err)
{
	return err->reason && err->code != WM_OK && err->code != WM_INTERNAL;
}

/* Makes a file of these bytes, open as `fd`, which `path` names as long as that is open. */
static inline void memory_file(int *fd, char path[MEMORY_PATH], const uint8_t *data, size_t size)
{
	*fd = memfd_create("fuzz", MFD_CLOEXEC);
	require(*fd >= 0 && file_write_fd(*fd, data, size, "fuzz", NULL) == WM_OK);
	snprintf(path, MEMORY_PATH, "/proc/self/fd/%d", *fd);
}

#endif
