/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files whose records were digested before, so that recording again reads only what changed. They
 * are believed under the conditions of checkpoint/cache.h: a read lease was held then and is held
 * now, on a machine and a mount that were not started anew since; device, inode, size, mtime and
 * ctime are the same; and ctime was two seconds before, or more.
 *
 * One file a key of commitments below $XDG_CACHE_HOME/weightmark/records, named by the key's id,
 * for its owner alone: it holds plain digests of records, which whoever has a record can match, so
 * that destroying the key removes it too. Anything odd about it makes it empty; it may be removed
 * at any time.
 *
 *	file  = "weightmark-seen/1\n", n, entries, SHA-256 of all before
 *	entry = first 16 bytes of SHA-256 over what the file is believed by, digest; ascending
 */
#ifndef DATA_SEEN_H
#define DATA_SEEN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "crypto/sha256.h"
#include "util/error.h"

enum { SIGHT_BYTES = 16 };

/* What a file looks like, in short. */
struct sight_key {
	bool believed; /* else it cannot be */
	uint8_t bytes[SIGHT_BYTES];
};

struct seen;

/* What was kept under the key `key_id`; fails only where memory does. */
MUST_USE enum wm_code seen_open(struct seen **out, const uint8_t key_id[SHA256_BYTES],
				struct wm_error *err);
void seen_free(struct seen *s);
DEFINE_CLEANUP(seen, struct seen, seen_free)
#define cleanup_seen __attribute__((cleanup(seen_cleanup_)))

/* From now on files are those of the folder that `fd` has open, and of its file system. */
void seen_enter(struct seen *s, int fd);

/* Looks at the file, which must be open and stay so; takes a lease on it. By any thread. */
struct sight_key seen_look(const struct seen *s, int fd, const struct stat *st);

/* Whether it was digested before; then that is the digest. By any thread. */
bool seen_find(uint8_t out[SHA256_BYTES], const struct seen *s, const struct sight_key *k);

/* The file has this digest. One at a time. */
MUST_USE enum wm_code seen_note(struct seen *s, const struct sight_key *k,
				const uint8_t digest[SHA256_BYTES], struct wm_error *err);

/* Keeps what was noted, and nothing else; what cannot be written is not kept. */
MUST_USE enum wm_code seen_store(struct seen *s, struct wm_error *err);

/* Removes what was kept under the key. Fails with `write-failed` where something stays. */
MUST_USE enum wm_code seen_forget(const uint8_t key_id[SHA256_BYTES], struct wm_error *err);

#endif
