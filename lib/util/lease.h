/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Knowing that nobody wrote to a file while we read it.
 *
 * Sizes and times do not reveal a store through a writable mapping. A read lease
 * (fcntl(2), F_SETLEASE) does: the kernel grants it only while no descriptor and no
 * mapping can write to the file, and takes it back before another one can.
 *
 *	bool leased = lease_take(fd);
 *	... read ...
 *	writers_excluded = leased && lease_held(fd);
 *
 * True from both proves that nothing on this machine wrote to the file through the
 * file system between the calls, save that open(2) with O_RDONLY | O_TRUNC empties a
 * file without asking: compare its size too. It proves nothing about writes to the
 * block device below, about other machines that share the storage, or about time before
 * or after.
 * False proves nothing at all: not our file (the owner's or CAP_LEASE is needed), a
 * file system that cannot tell, or a writer that may never have written. Hence no
 * function here fails.
 *
 * A writer that comes meanwhile is not kept out for good: without O_NONBLOCK it waits
 * until the lease is released, at most /proc/sys/fs/lease-break-time seconds. The
 * host application is not disturbed: no signal is sent when the lease is broken, and
 * no signal's disposition or mask is changed.
 */
#ifndef UTIL_LEASE_H
#define UTIL_LEASE_H

#include <stdbool.h>

/*
 * Takes a read lease on the file that `fd` has open for reading only; it belongs to the
 * open file description and ends with it. False where none was granted, or where the
 * file system is not in the table of those whose leases hold.
 */
bool lease_take(int fd);

/* Whether others have a file open, by a descriptor or a mapping. */
enum others { OTHERS_NONE, OTHERS_SOME, OTHERS_UNKNOWN };

/*
 * Takes a write lease on the file of `fd`: NONE where it was granted, so that nobody else
 * had the file open and whoever opens it now waits as above; SOME where this process or
 * another has it open a second time; UNKNOWN where leases mean nothing here.
 */
enum others lease_take_alone(int fd);

/* Whether the read lease of `fd` stands and nobody has asked for it to be broken. */
bool lease_held(int fd);

/* Gives the lease of `fd` back, if there is one. */
void lease_release(int fd);

#endif
