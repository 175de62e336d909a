/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing a log as static files (C2SP tlog-tiles), for any web server or object store:
 *
 *	checkpoint			the newest note
 *	tile/<L>/<N>[.p/<W>]		hashes
 *	tile/entries/<N>[.p/<W>]	records, each with its length in two bytes before it
 *	tile/envelopes/<N>[.p/<W>]	entries, each with its length in four bytes before it
 *	key				the log's verifier key
 *
 * The last two are ours: a record names its entry by digest, and entries may be left out where what
 * they say is not for everybody. Integers are big-endian.
 */
#ifndef LEDGER_PUBLISH_H
#define LEDGER_PUBLISH_H

#include "ledger/ledger.h"

struct publication {
	struct note note;    /* what is published now */
	uint64_t was;	     /* entries that were published before */
	uint64_t n_files;    /* written */
};

void publication_release(struct publication *p);
#define cleanup_publication __attribute__((cleanup(publication_release)))

/*
 * Brings the publication in the directory `directory`, made where it is missing, up to the log's
 * newest note. Only what is new is written, each file whole and durable, `checkpoint` last:
 * whatever interrupts it, what was published before stays whole, and the same call completes it.
 * Other publishers are kept out by a lock on the directory, where its file system has locks
 * (`busy`).
 * `envelopes` true: those that an earlier call left out are written too; false: none are. Fails
 * with `publication-foreign` where the directory holds another log or its key, a history that is
 * not the beginning of this one, files and no publication, or envelopes where none are to be; as
 * ledger_walk() and file_write() do.
 */
MUST_USE enum wm_code ledger_publish(struct publication *out, const struct ledger *l,
				     const char *origin, const char *directory, bool envelopes,
				     struct progress *progress, struct wm_error *err);

#endif
