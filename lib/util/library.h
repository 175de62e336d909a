/* SPDX-License-Identifier: Apache-2.0 */
/* Which version of a foreign library is in use: filled by the floor that owns it. */
#ifndef UTIL_LIBRARY_H
#define UTIL_LIBRARY_H

struct library_version {
	const char *name;     /* static */
	const char *compiled; /* of the headers; "" where they do not say; static */
	const char *running;  /* of the library that is loaded; static */
};

#endif
