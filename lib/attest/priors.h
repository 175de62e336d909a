/* SPDX-License-Identifier: Apache-2.0 */
/* What was signed before: by this key and carried with a checkpoint, or given to refer to. */
#ifndef ATTEST_PRIORS_H
#define ATTEST_PRIORS_H

#include "attest/carriers.h"
#include "index/index.h"
#include "statement/statement.h"
#include "trust/keyring.h"
#include "weightmark/v1/manifest.pb-c.h"

/* A verified statement, and the envelope around it. */
struct prior {
	const struct statement *statement;
	const struct envelope *envelope;
	const struct carrier *carrier; /* NULL: it was given, or is an entry of a log */
};

struct priors {
	struct carriers carriers;      /* of the checkpoint */
	const struct sidecar *sidecar; /* the present one among them, or NULL */
	struct sidecar *given;
	size_t n_given;
	struct arena entries; /* what was read from logs, and what the trees refer to */
	struct prior *list;
	struct statement **statements; /* of `list`, as compose_references() takes them */
	size_t n, n_own; /* the first n_own are carried, and by the key that signs */
	void *by_id, *by_object; /* of the own ones (tsearch); by_object: the newest of each */
};

void priors_free(struct priors *p);
DEFINE_CLEANUP(priors, struct priors, priors_free)
#define cleanup_priors __attribute__((cleanup(priors_cleanup_)))

/*
 * Reads what the carriers of `c` hold by `key`. Fails where the sidecar, or a slot, is there
 * and cannot be read; what stands where no slot of ours would is then passed over. Fails as
 * statements_chained() does: with forks among them there is none to go on from. `c` (NULL: there
 * is the sidecar alone) must outlive `out`.
 */
MUST_USE enum wm_code priors_load(struct priors **out, const struct checkpoint *c,
				  const char *sidecar_path, const struct public_key *key,
				  struct wm_error *err);

/*
 * Adds all that the sidecar file `path` holds, to refer to. Fails as carrier_load() does,
 * with `steward-untrusted` or `signature-invalid` where one is by none of `stewards`.
 */
MUST_USE enum wm_code priors_add_given(struct priors *p, const char *path,
				       const struct keyring *stewards, struct wm_error *err);

/*
 * Adds the entry `e`, whose envelope must be by `key`, as an own statement; to be called before
 * priors_add_given(). Nothing where it is there already.
 */
MUST_USE enum wm_code priors_add_entry(struct priors *p, struct index *x, const struct indexed *e,
				       const struct public_key *key, struct wm_error *err);

/* The newest own statement of this kind about the object, in any carrier, or NULL. */
const struct prior *priors_newest(const struct priors *p, const struct kind *kind,
				  const char *object);

/* The newest own manifest that speaks of the checkpoint itself, or NULL. */
const struct prior *priors_manifest(const struct priors *p);

/*
 * Whether the present sidecar holds anything but admissions, whoever signed it: then another
 * answers for the checkpoint already. Payloads are read, and believed in nothing else.
 */
MUST_USE enum wm_code priors_answered(bool *out, const struct priors *p, struct wm_error *err);

/* The own statement with this id, or NULL. */
const struct prior *priors_find(const struct priors *p, const uint8_t id[SHA256_BYTES]);

#endif
