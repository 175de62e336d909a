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
#include "lineage/when.h"
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

/* All statements of one signing, referenced ones before those that refer to them. */
struct composition {
	struct arena arena;
	struct composed *statements;
	size_t n_statements;
	Weightmark__V1__Manifest *manifest; /* of the last statement, or NULL */
	const char *issuer;
	int64_t now;	    /* seconds; issued_at of all */
	const char *name;   /* of the author's document, for messages */
	enum reason reason; /* what a value that an author gave wrongly fails with */
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

/*
 * Reads a YAML text of one document of one of the `wanted` kinds (ends with NULL): a statement that
 * stands alone, without its header. Where the statement has a field `kind`, it is written as
 * order_kind, event_kind, revocation_kind: `kind` is that of the document. Fails as compose() does.
 * `name` must outlive `out`; issuer and now are the caller's to set.
 */
MUST_USE enum wm_code compose_alone(struct composition *out, const void *yaml, size_t len,
				    const char *name, const char *const *wanted,
				    struct wm_error *err);

/*
 * Composes the manifest `carried` once more, with a new header and nothing measured; the
 * statements that it refers to stay those that it names. Fails with `newer-schema`. `carried`,
 * `issuer` and `name` must outlive `out`.
 */
MUST_USE enum wm_code compose_carried(struct composition *out, const struct statement *carried,
				      const char *name, const char *issuer, int64_t now,
				      struct wm_error *err);

/*
 * Makes the references of statement `i` whose targets, earlier in the list or among
 * `given`, have their ids by now; to be called in order. Fails with `dataset-unknown`,
 * and at the manifest, which comes last, with `dataset-unused`.
 */
MUST_USE enum wm_code compose_references(struct composition *c, size_t i,
					 struct statement *const *given, size_t n_given,
					 struct wm_error *err);

/*
 * What of an author's document, and the message that was made of it, the schema alone does not
 * tell: parties that are none, days of an order that cannot be counted. Fails with `yaml-field` and
 * as check_days() does, with file and line.
 */
MUST_USE enum wm_code compose_check(const struct node *document, const ProtobufCMessage *m,
				    const char *name, struct wm_error *err);

/* --- what was measured --------------------------------------------------------------- */

/* Records that a carried manifest has of files that are not here, and of their parts. */
struct taken {
	Weightmark__V1__File **files; /* one a file of the checkpoint; NULL: it was measured */
	Weightmark__V1__Part **parts; /* one a part of it */
};

/* The record of all files and parts; `taken` may be NULL. */
MUST_USE enum wm_code compose_measured(Weightmark__V1__Checkpoint **out, struct composition *c,
				       const struct checkpoint *measured,
				       const struct taken *taken, struct wm_error *err);

/* --- values, in the arena of the composition ----------------------------------------- */

/* The text, a semantic scalar of type `d`, whose form it must have (c->reason). */
MUST_USE enum wm_code compose_scalar(void *out, struct composition *c,
				     const ProtobufCMessageDescriptor *d, const char *text,
				     struct wm_error *err);
/* A copy of `text`. Fails with the composition's reason where it is not UTF-8. */
MUST_USE enum wm_code compose_text(char **out, struct composition *c, const char *text,
				   struct wm_error *err);
MUST_USE enum wm_code compose_time(Weightmark__V1__Time **out, struct composition *c,
				   int64_t seconds, struct wm_error *err);
/* One of two fields: the moment or the day; the other becomes NULL. */
MUST_USE enum wm_code compose_when(Weightmark__V1__Time **at, Weightmark__V1__Date **day,
				   struct composition *c, const struct when *when,
				   struct wm_error *err);
MUST_USE enum wm_code compose_day(Weightmark__V1__Date **out, struct composition *c, int32_t day,
				  struct wm_error *err);
MUST_USE enum wm_code compose_digest(Weightmark__V1__Digest **out, struct composition *c,
				     const uint8_t digest[SHA256_BYTES], struct wm_error *err);
MUST_USE enum wm_code compose_statement_id(Weightmark__V1__StatementId **out,
					   struct composition *c, const uint8_t id[SHA256_BYTES],
					   struct wm_error *err);
MUST_USE enum wm_code compose_reference(Weightmark__V1__Reference **out, struct composition *c,
					const char *object, const uint8_t id[SHA256_BYTES],
					struct wm_error *err);

/*
 * Fills the header of `s`, made where there is none, for the object "<issuer>/<local>";
 * as_of and sealed values stay as they are.
 */
MUST_USE enum wm_code compose_header(struct composition *c, struct composed *s, const char *local,
				     struct wm_error *err);

/* The same for the local id that the message itself has, which must be one. */
MUST_USE enum wm_code compose_own_header(struct composition *c, struct composed *s,
					 struct wm_error *err);

/* Makes a message of type `d`, of a kind, the one statement of the composition. */
MUST_USE enum wm_code compose_one(ProtobufCMessage **message, struct composition *c,
				  const ProtobufCMessageDescriptor *d, struct wm_error *err);

/*
 * Appends `name` as a local id of 1 to `max` bytes: what an id may not hold becomes '-', but
 * not in front; "x" where nothing is left.
 */
MUST_USE enum wm_code append_local_id(struct buf *out, const char *name, size_t max,
				      struct wm_error *err);

/* What follows the issuer in an object id. Borrowed. */
const char *composed_local_id(const char *object);

#endif
