/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements: in-toto Statement v1 with a predicate of one kind, as canonical JSON
 * (in-toto attestation framework, spec/v1; RFC 8785).
 *
 *	{"_type": ..., "predicate": {...}, "predicateType": ..., "subject": [...]}
 *
 * A payload is accepted only in the one form that statement_encode() writes: keys
 * sorted, subjects as the predicate implies them, every rule of validate.c kept.
 */
#ifndef STATEMENT_STATEMENT_H
#define STATEMENT_STATEMENT_H

#include "crypto/sha256.h"
#include "statement/kind.h"
#include "statement/scalar.h"
#include "weightmark/v1/common.pb-c.h"

/* The text of a statement id, without the zero. */
enum { STATEMENT_ID_TEXT = sizeof(STATEMENT_PREFIX) - 1 + 2 * SHA256_BYTES };

struct statement {
	struct arena arena;
	const struct kind *kind;
	ProtobufCMessage *message;	      /* of kind->descriptor */
	const Weightmark__V1__Header *header; /* of `message`; never NULL, its object neither */
	uint8_t id[SHA256_BYTES];	      /* SHA-256 of the payload */
	bool newer_schema;		      /* signed under a newer minor version than ours */
};

void statement_free(struct statement *s);
DEFINE_CLEANUP(statement, struct statement, statement_free)
#define cleanup_statement __attribute__((cleanup(statement_cleanup_)))

/*
 * Appends the payload of a statement of kind `kind` about `message`. Fails with
 * `statement-invalid` where a rule is broken: a bug of the caller or of its input.
 */
MUST_USE enum wm_code statement_encode(struct buf *payload, const struct kind *kind,
				       const ProtobufCMessage *message, struct wm_error *err);

/*
 * Reads a payload, strictly; what it says is nobody's word before a signature over it was
 * verified. Fails with `json-malformed`,
 * `statement-malformed`, `statement-not-canonical`, `statement-invalid`, `kind-unknown`,
 * `kind-reserved`, `subject-mismatch`, `limit`. `name` is used in messages.
 */
MUST_USE enum wm_code statement_decode(struct statement **out, const void *payload, size_t len,
				       const char *name, struct wm_error *err);

/* The tree of the whole payload of `s`, for showing. */
MUST_USE enum wm_code statement_tree(struct node **out, struct tree *t, const struct statement *s,
				     struct wm_error *err);

/* The id of a payload, and its text. */
MUST_USE enum wm_code statement_id(uint8_t out[SHA256_BYTES], const void *payload, size_t len,
				   struct wm_error *err);
void statement_id_text(char out[STATEMENT_ID_TEXT + 1], const uint8_t id[SHA256_BYTES]);

/*
 * The rules that a message of `kind` must keep to be signed or accepted: a complete
 * header, references that refer, parties that exist, files and parts in order, nothing
 * that is for authors only, nothing sealed that must be open. Fails with
 * `statement-invalid`.
 */
MUST_USE enum wm_code statement_validate(const struct kind *kind, const ProtobufCMessage *message,
					 struct wm_error *err);

/*
 * What is refused of a message that is signed anew, though older statements may say so: a run that
 * ends before it starts, an obligation that is due before the trigger. Fails with
 * `statement-invalid`.
 */
MUST_USE enum wm_code statement_check_dates(const ProtobufCMessage *message, struct wm_error *err);

/* Those of the rules that say nothing of what is measured: of files, parts and releases. */
MUST_USE enum wm_code statement_validate_authored(const struct kind *kind,
						  const ProtobufCMessage *message,
						  struct wm_error *err);

/* The header of a message of a kind, or NULL. Borrowed from it. */
Weightmark__V1__Header *statement_header(const ProtobufCMessage *message);

#endif
