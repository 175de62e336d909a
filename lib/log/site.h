/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Auditing a published log (C2SP tlog-tiles): every record, tile and root of it recomputed, whoever
 * serves the files. Memory is bounded by one bundle.
 */
#ifndef LOG_SITE_H
#define LOG_SITE_H

#include "log/tiles.h"
#include "statement/envelope.h"
#include "util/progress.h"

/*
 * Appends the file `path` ("tile/0/x001/000") of the publication, at most out->max bytes. A file
 * that is not there is `*found` false and no failure.
 */
typedef enum wm_code site_read_fn(void *context, struct buf *out, bool *found, const char *path,
				  struct wm_error *err);

struct site {
	site_read_fn *read;
	void *context;
	const char *name; /* of the publication, for messages */
};

/* Takes each entry whose envelope is published; `e` is valid during the call. */
struct site_visitor {
	enum wm_code (*entry)(void *context, const struct envelope *e, uint64_t position,
			      struct wm_error *err);
	void *context;
};

struct site_audit {
	struct log_key *key;
	bool pinned;
	struct note note;
	uint64_t n_withheld; /* entries whose envelopes are not published */
};

void site_audit_release(struct site_audit *a);
#define cleanup_site_audit __attribute__((cleanup(site_audit_release)))

/*
 * Audits a publication under the pinned key of its origin, or, where none of that origin is pinned,
 * under the key that it names itself. Fails with `publication-malformed` (a file is missing, or is
 * not what its records or its tree head say), `not-found` (key and checkpoint are missing both),
 * `note-signature`, `entry-malformed`, and as `read` and the visitor do, which may be NULL.
 */
MUST_USE enum wm_code site_audit(struct site_audit *out, const struct site *site,
				 const struct log_keys *pinned, const struct site_visitor *visitor,
				 struct progress *progress, struct wm_error *err);

/* The tiles of an audited publication; `site` and `audit` must outlive them. */
struct site_tiles {
	const struct site *site;
	uint64_t size;
};
enum wm_code site_tile(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level, uint64_t n,
		       unsigned width, struct wm_error *err);

#endif
