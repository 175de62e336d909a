/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what with a file, and what else is attached to it, kept for the file that takes
 * its place.
 *
 * Permission bits alone do not say it: where a file has an access control list, the group
 * bits are the list's mask and speak of others than the group.
 */
#ifndef CHECKPOINT_ATTRIBUTES_H
#define CHECKPOINT_ATTRIBUTES_H

#include <sys/stat.h>

/*
 * Gives the file `to` owner, group, permissions, access control list and extended attributes
 * of the file `from`, of which `old` is what fstat() said; where that is not allowed, as
 * near as it is without giving anybody rights that he had not: nobody but the owner has any
 * where a list could not be kept. Attributes that speak of the bytes (security.ima,
 * security.evm) or that writing takes away (security.capability) are left out, as are those
 * that this process or the file system of `to` may not have. Returns 0, or -1 with errno.
 */
int attributes_keep(int to, int from, const struct stat *old);

#endif
