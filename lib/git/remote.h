/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other repositories: what branches they have, fetching those, pushing to them.
 *
 * libgit2 speaks with them in a child process (git/child.h), from a quarantine whose configuration
 * is nobody's: no insteadOf, no proxy, no redirects to elsewhere, no tags, no submodules, no helper
 * programs. The way of speaking is the one that the address names, whatever libgit2 would make of
 * it. Keys for ssh come from an agent, then from ~/.ssh/id_ed25519, id_ecdsa and id_rsa, where
 * they have no passphrase; a host must be one of ~/.ssh/known_hosts, and has to prove it. Over
 * https nobody logs in; servers must show a certificate by an authority of the system, or of the
 * file that SSL_CERT_FILE names.
 */
#ifndef GIT_REMOTE_H
#define GIT_REMOTE_H

#include "git/quarantine.h"
#include "git/url.h"
#include "util/limits.h"

struct remote_limits {
	uint64_t bytes, memory; /* MiB */
	uint64_t objects, refs, seconds;
};
#define REMOTE_LIMITS                                                           \
	{ LIMIT_FETCH_BYTES, LIMIT_FETCH_MEMORY, LIMIT_FETCH_OBJECTS, LIMIT_FETCH_REFS, \
	  LIMIT_FETCH_SECONDS }

enum { REMOTE_TEXT = 256 };

/* A branch as the other side tells it. Nothing of it was checked. */
struct remote_ref {
	char name[REMOTE_TEXT]; /* whole: "refs/heads/..."; cut where longer */
	struct object_id id;
	char said[REMOTE_TEXT]; /* of a push: why it was not taken */
};

struct remote_refs {
	struct remote_ref *list; /* owned */
	size_t n;
};

void remote_refs_release(struct remote_refs *refs);
#define cleanup_remote_refs __attribute__((cleanup(remote_refs_release)))

struct remote {
	const char *url; /* url_check() must have allowed it */
	enum url_kind kind;
	struct remote_limits limits;
};

/*
 * Lists the refs below `prefix`, at most `max`, and fetches their objects into `q`; where `names`
 * is not NULL, those alone: refs below the prefix, a list that ends with NULL. Fails with
 * `remote-failed`, `limit`.
 */
MUST_USE enum wm_code remote_fetch(struct remote_refs *out, struct quarantine *q,
				   const struct remote *from, const char *prefix,
				   const char *const *names, size_t max, struct wm_error *err);

/*
 * Pushes by `specs`, "SOURCE:REF" that end with NULL, none of which may have a "+". `out` lists
 * those that the other side did not take. Fails with `remote-failed`, and with `remote-refused`
 * where one would not go forward, and none was sent.
 */
MUST_USE enum wm_code remote_push(struct remote_refs *out, struct quarantine *q,
				  const struct remote *to, const char *const *specs, size_t max,
				  struct wm_error *err);

#endif
