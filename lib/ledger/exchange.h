/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchange of whole logs with other repositories: pull takes what they have, push gives.
 *
 * A log only ever goes forward: what is sent must be one history with what the receiver holds, by
 * the same key. All that is new is verified before it is taken: notes and commits under the log's
 * key, every root recomputed, every file of every tree allowed. What was verified is what is
 * copied, object by object. Where both sides hold heads by one key that contradict
 * each other, evidence is kept.
 * A log is moved as a whole or not at all, and one that is refused keeps no other from moving.
 */
#ifndef LEDGER_EXCHANGE_H
#define LEDGER_EXCHANGE_H

#include "git/remote.h"
#include "ledger/ledger.h"

enum exchanged_state {
	EXCHANGED_NEW,	   /* the receiver did not have it */
	EXCHANGED_FORWARD, /* the receiver had less */
	EXCHANGED_SAME,
	EXCHANGED_OLDER,   /* the sender has less: nothing was done */
	EXCHANGED_REFUSED, /* `why` */
};

/* "new", "updated", "up-to-date", "behind", "refused". Static. */
const char *exchanged_name(enum exchanged_state state);

struct exchanged {
	char origin[LIMIT_ORIGIN + 1];
	enum exchanged_state state;
	uint64_t before, after; /* entries: the receiver's before, the sender's */
	struct log_key *key;	/* owned; the sender's; NULL where it was refused unread */
	struct wm_error why;
	char *evidence; /* owned; the path of what was kept, or NULL */
};

struct exchange {
	struct exchanged *list; /* owned; in order of origins */
	size_t n;
};

void exchange_release(struct exchange *x);
#define cleanup_exchange __attribute__((cleanup(exchange_release)))

struct exchange_options {
	const char *url;
	const char *const *origins; /* these alone; ends with NULL. NULL: all */
	const char *state;	    /* directory for evidence; NULL: none is kept */
	struct remote_limits limits;
	struct progress *progress; /* counts entries; or NULL */
};

/*
 * Takes the logs of the repository at o->url into `l`. Fails with `url-refused`, `remote-failed`,
 * `limit`, `origin-unknown` where a log of o->origins is not there, `busy`, `write-failed`. Of one
 * log, in its `why`: `origin-invalid`, `log-key-changed`, `log-fork`, `ledger-rewritten` where its
 * commits were made anew over the same entries, `ref-moved` where this copy writes it, and what
 * reading it fails with.
 */
MUST_USE enum wm_code ledger_pull(struct exchange *out, struct ledger *l,
				  const struct exchange_options *o, struct wm_error *err);

/* The other way round. Of one log also `remote-refused`. */
MUST_USE enum wm_code ledger_push(struct exchange *out, struct ledger *l,
				  const struct exchange_options *o, struct wm_error *err);

#endif
