/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledgers at hand hold, by digest, object, party, name and words; and the tiles of their
 * trees, from which proofs are made. A cache in SQLite, one database a repository: built from the
 * ledger alone, caught up before each use, and removed without loss at any time.
 *
 * Nothing in it is believed: an entry is read from git and compared with its leaf digest, and a
 * proof is verified against the signed root, before either is handed out. What statements say is
 * indexed as said: signatures are verified by whoever pins keys.
 *
 * Readers and one writer may be at work at once (WAL); a writer that is killed leaves the last
 * whole commit's state. A database of another schema or of another repository, or one that SQLite
 * finds malformed, is made anew.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "ledger/ledger.h"
#include "log/tiles.h"

struct index;
void index_close(struct index *x);
DEFINE_CLEANUP(index, struct index, index_close)
#define cleanup_index __attribute__((cleanup(index_cleanup_)))

/*
 * Opens, or makes, the index of `l`, which must outlive it, in the folder `directory`
 * (normally $XDG_CACHE_HOME/weightmark/index; made where it is missing; one file a repository and
 * schema version). NULL, or a folder that is not ours to write to alone: in memory, built anew.
 * Fails with `index-failed`, `busy`.
 */
MUST_USE enum wm_code index_open(struct index **out, struct ledger *l, const char *directory,
				 struct wm_error *err);

/* The log that index_carried() has. */
#define CARRIED_ORIGIN "carried"

/*
 * Makes an index, in memory, of these envelopes, which must outlive it, as the entries of one log:
 * so that what carriers hold can be asked as ledgers can. It has no tiles and is never caught up.
 */
MUST_USE enum wm_code index_carried(struct index **out, const struct envelope *list, size_t n,
				    struct wm_error *err);

/*
 * Brings the index of `origin` (NULL: all origins) up to the ledger's newest commits. Where the
 * history that was indexed is no longer part of the ledger, its entries are dropped and indexed
 * anew, and `*rewritten` (may be NULL) is true, also on failure; so it is where a branch that was
 * indexed is gone and all origins are asked for. Fails as ledger_walk() does, with `busy` where
 * another writer stands still, and with `index-failed`; whole commits before may be indexed all
 * the same.
 */
MUST_USE enum wm_code index_sync(struct index *x, const char *origin, bool *rewritten,
				 struct progress *progress, struct wm_error *err);

/* --- entries ------------------------------------------------------------------------------ */

/* Where an entry is. */
struct indexed {
	char origin[LIMIT_ORIGIN + 1];
	uint64_t position;
	struct object_id blob, commit;
	uint8_t statement[SHA256_BYTES], keyid[SHA256_BYTES], leaf[SHA256_BYTES];
};

/* Looks for the entry of this statement by this key; `*found` says whether there is one. */
MUST_USE enum wm_code index_find_entry(struct indexed *out, bool *found, struct index *x,
				       const char *origin, const uint8_t statement[SHA256_BYTES],
				       const uint8_t keyid[SHA256_BYTES], struct wm_error *err);

/* The entry at `position`. */
MUST_USE enum wm_code index_entry_at(struct indexed *out, bool *found, struct index *x,
				     const char *origin, uint64_t position, struct wm_error *err);

/*
 * The entry, of any log, that corrects `statement` about `object`: that names it as the one before.
 * Whether it may do so is for a verifier to say.
 */
MUST_USE enum wm_code index_successor(struct indexed *out, bool *found, struct index *x,
				      const char *object, const uint8_t statement[SHA256_BYTES],
				      struct wm_error *err);

/* What may be looked for. */
enum query_kind {
	QUERY_STATEMENT, /* a statement id: 64 hex digits, or the first 8 or more of them */
	QUERY_SHA256,	 /* plain SHA-256 of a file, as a manifest or a release lists it */
	QUERY_FILE,	 /* file digest */
	QUERY_WEIGHTS,	 /* weights digest of a part */
	QUERY_TENSOR_SET,
	QUERY_TENSOR,	 /* digest of a tensor's logical bytes */
	QUERY_OBJECT,	 /* an object id, whole */
	QUERY_DATASET,	 /* object id, local id, title, or content root of a dataset: it, the runs
			  * that use it, and the manifests of those runs; ASCII case aside but of
			  * the object id; takes as long as there are runs and manifests */
	QUERY_PARTY,	 /* issuer, or a party's id, legal name or identifier, whole, ASCII case
			  * aside; or the keyid of who signed, its first 8 or more digits: takes as
			  * long as there are entries then */
	QUERY_NAME,	 /* name, name@version or id of a model, dataset or run, whole; ASCII case
			  * aside; the title of a dataset is its name */
	QUERY_KIND,	 /* transfer, order, event, certificate or revocation: all of that kind */
	QUERY_TEXT,	 /* words that occur in any text of the statement */
};

/*
 * Visits the entries that answer, newest first within a log, logs by origin, at most `max` of those
 * in the logs `origins` (ends with NULL; NULL: all). `value` is text; digests are 64 hex digits
 * (`usage` otherwise). Each is handed out once.
 */
MUST_USE enum wm_code index_query(struct index *x, enum query_kind kind, const char *value,
				  const char *const *origins, size_t max,
				  enum wm_code (*visit)(void *context, const struct indexed *e,
							struct wm_error *err),
				  void *context, struct wm_error *err);

/* The last `max` entries of `origin`, newest first, below `before` (UINT64_MAX: all). */
MUST_USE enum wm_code index_recent(struct index *x, const char *origin, uint64_t before, size_t max,
				   enum wm_code (*visit)(void *context, const struct indexed *e,
							 struct wm_error *err),
				   void *context, struct wm_error *err);

/*
 * Reads the entry from git and decodes its envelope into `a`; of index_carried(), hands out the
 * envelope that it was made of. Fails with `index-stale` where git has something else than the
 * leaf digest says, and as ledger_read_entry() does.
 */
MUST_USE enum wm_code index_read_entry(struct envelope *out, struct arena *a, struct index *x,
				       const struct indexed *e, struct wm_error *err);

/* --- the tree ----------------------------------------------------------------------------- */

/* Where the index of a log stands. False where it has none. */
MUST_USE enum wm_code index_size(uint64_t *size, bool *found, struct index *x, const char *origin,
				 struct wm_error *err);

/*
 * The tiles of a log, of index_size() entries; tiles_free() before index_close(). Fails with
 * `origin-unknown`. Reading from them fails with `index-stale` where the log has been indexed anew.
 */
MUST_USE enum wm_code index_tiles(struct tiles **out, struct index *x, const char *origin,
				  struct wm_error *err);

#endif
