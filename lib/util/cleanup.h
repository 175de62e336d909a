/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by attribute: an owned local is declared with a cleanup_* attribute
 * and released when it leaves its scope; success hands it over with take_ptr()
 * or take_fd(). Every module with a T_free(T *) declares its own attribute with
 * DEFINE_CLEANUP.
 */
#ifndef UTIL_CLEANUP_H
#define UTIL_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Returns the pointer in `*p` and leaves NULL there. */
#define take_ptr(p)                            \
	__extension__({                        \
		__typeof__(*(p)) taken_ = *(p); \
		*(p) = NULL;                   \
		taken_;                        \
	})

/* Returns the descriptor in `*fd` and leaves -1 there. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void cleanup_free_(void *p)
{
	void *owned;

	__builtin_memcpy(&owned, p, sizeof(owned));
	free(owned);
}

static inline void cleanup_fd_(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

/* For memory from malloc(); for a descriptor, -1 meaning none (keeps errno). */
#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_fd   __attribute__((cleanup(cleanup_fd_)))

/* Defines NAME##_cleanup_(), to be named in a cleanup attribute for `type *`. */
#define DEFINE_CLEANUP(name, type, release)            \
	static inline void name##_cleanup_(type **p)   \
	{                                              \
		if (*p)                                \
			release(*p);                   \
	}

#endif
