/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what an author wrote to the messages that are signed.
 *
 * A YAML file holds documents of the kinds manifest (exactly one), dataset and run.
 * Composing reads them by the schema, qualifies ids with the issuer, turns the authoring
 * forms (training_run, uses.dataset_id, checkpoint_of.run_id) into statements and
 * references, and puts in what was measured. It never invents a claim.
 */
#ifndef ATTEST_COMPOSE_H
#define ATTEST_COMPOSE_H

#include "checkpoint/checkpoint.h"
#include "statement/sidecar.h"
#include "statement/statement.h"
#include "text/node.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

/* One statement to be made. */
struct composed {
	const struct kind *kind;
	ProtobufCMessage *message;
	const char *object; /* "<issuer>/<local id>" */
	bool used;	    /* datasets: some run uses it */
	/* Filled while signing, in the order of the list: */
	uint8_t id[SHA256_BYTES];
	struct envelope envelope;
	bool reused; /* an equal statement was carried already */
};

/* All statements of one `sign`, referenced ones before those that refer to them. */
struct composition {
	struct arena arena;
	struct composed *statements;
	size_t n_statements;
	Weightmark__V1__Manifest *manifest; /* of the last statement */
	const char *issuer;
	int64_t now;	  /* seconds; issued_at of all */
	const char *name; /* of the YAML document, for messages */
};

void composition_release(struct composition *c);
#define cleanup_composition __attribute__((cleanup(composition_release)))

/*
 * Reads the YAML text `yaml`. Fails with `yaml-malformed`, `yaml-field` (with file, line
 * and the nearest valid name). `issuer` and `name` must outlive `out`.
 */
MUST_USE enum wm_code compose(struct composition *out, const void *yaml, size_t len,
			      const char *name, const char *issuer, int64_t now,
			      struct wm_error *err);

/* Puts the measured file and part into the manifest. */
MUST_USE enum wm_code compose_checkpoint(struct composition *c, const struct checkpoint *measured,
					 struct wm_error *err);

/*
 * Makes the references of statement `i` whose targets, earlier in the list or among
 * `given`, have their ids by now; to be called in order. Fails with `dataset-unknown`,
 * and at the manifest, which comes last, with `dataset-unused`.
 */
MUST_USE enum wm_code compose_references(struct composition *c, size_t i,
					 struct statement *const *given, size_t n_given,
					 struct wm_error *err);

#endif
