/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher who signs whatever a test wants signed: sidecars that are honest but for
 * one thing, each statement correctly signed.
 *
 *	struct publisher p;
 *	publisher_open(&p);
 *	publisher_make(&p, edits);          signs dataset, run and manifest, edited
 *	p.envelopes[2].sig = ...;           whatever else is to be wrong
 *	publisher_write(&p);
 *	publisher_verify(&v, &p, false);
 *	publisher_close(&p);
 */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include "attest/compose.h"
#include "attest/verdict.h"
#include "harness.h"
#include "keys.h"
#include "tree.h"

enum { DATASET, RUN, MANIFEST, N_MADE, ENVELOPES_MAX = 16 };

/* Replaces every `from` by `to` in the payload of statement `which`, before it is signed. */
struct edit {
	int which;
	const char *from, *to; /* from: NULL ends a list */
};

struct publisher {
	char *dir, *path, *sidecar;	/* a scratch directory, the checkpoint and its sidecar */
	const char *yaml;		/* what is signed; default: testdata/good/digits-mlp.yaml */
	const char *issuer;		/* NULL: key:<keyid> of `signer` */
	struct signer *signer;		/* Ed25519; pinned */
	struct signer *stranger;	/* ECDSA P-256; not pinned */
	struct keyring *pinned;
	struct checkpoint *measured;
	struct arena arena;		/* what `envelopes` borrow */
	struct buf payloads[N_MADE];
	struct envelope envelopes[ENVELOPES_MAX]; /* the first N_MADE by publisher_make() */
	size_t n_envelopes;
	struct buf openings;		/* encoded, to follow the envelopes */
	struct verify_options options;	/* of publisher_verify(), but for keys, full and workers */
	struct buf yaml_text;
};

/* A checkpoint, digits-mlp, in a new directory; keys of testdata/keys. */
void publisher_open(struct publisher *p);
void publisher_close(struct publisher *p);

/* Pins the stranger's key too. */
void publisher_pin_stranger(struct publisher *p);

/* Signs the three statements; ids in references are those of the edited payloads. */
void publisher_make(struct publisher *p, const struct edit *edits);

/* Appends an envelope around a payload; returns it. */
struct envelope *publisher_sign(struct publisher *p, struct signer *signer, const void *payload,
				size_t len);

/* Makes `text` the payload of p->envelopes[i], signed by `signer`. */
void publisher_resign(struct publisher *p, size_t i, struct signer *signer, const char *text);

/* Replaces every `from`, which must occur, in `b`. */
void replace_all(struct buf *b, const char *from, const char *to);

/* Appends an opening of the value at `pointer` in the statement `id`. */
void publisher_add_opening(struct publisher *p, const uint8_t id[SHA256_BYTES],
			   const char *pointer, const uint8_t salt[OPENING_SALT],
			   const char *value);

/*
 * Adds to the sidecar file `path` the proof that the log whose key begins with `log` has the
 * envelope `e`; the text is any.
 */
void add_proof(const char *path, const struct envelope *e, uint8_t log, const char *text);

/* Asserts that the decoded sidecar has exactly this proof of `e` by this log; NULL: none. */
#define assert_proof(s, e, log, text) assert_proof_(s, e, log, text, __FILE__, __LINE__)
void assert_proof_(const struct sidecar *s, const struct envelope *e, uint8_t log,
		   const char *text, const char *file, int line);

/* Measures p->path anew, with the parts that signing finds. */
void publisher_measure(struct publisher *p);

/* Makes the checkpoint the directory `checkpoint` with these files, and measures it. */
void publisher_use_tree(struct publisher *p, const struct tree_file *files);

/* The signer becomes the stranger and the reverse; what is pinned stays. */
void publisher_swap(struct publisher *p);

/* Appends statement `which` as last made, edited, as the `sequence`th after `previous`. */
struct envelope *publisher_correct(struct publisher *p, int which, unsigned sequence,
				   const uint8_t previous[SHA256_BYTES], const struct edit *edits);

/* Appends an admission of what was measured, by `signer`, its payload edited; `local` its id. */
struct envelope *publisher_admit(struct publisher *p, struct signer *signer, const char *local,
				 int64_t expires, const struct edit *edits);

/* Appends the release of the manifest `id`: of one file. */
struct envelope *publisher_release(struct publisher *p, const uint8_t id[SHA256_BYTES],
				   const char *path, uint64_t size,
				   const uint8_t sha256[SHA256_BYTES]);

/* Puts these bytes, as a rule a sidecar's, into the slot of the file; none: takes it out. */
void put_slot(const char *path, const void *carried, size_t len);

/* The same with the sidecar of these envelopes. */
void put_envelopes(const char *path, const struct envelope *list, size_t n);

/* Encodes the sidecar; writes it beside the checkpoint. */
void publisher_encode(struct buf *out, struct publisher *p);
void publisher_write(struct publisher *p);
void write_bytes(const char *path, const void *data, size_t len);

/* The verdict of whoever pins p->pinned; verdict_free() it. */
struct wm_verdict *publisher_verify(const struct publisher *p, bool full);

/* Writes the sidecar of these envelopes alone; none: removes it. */
void write_sidecar(const struct publisher *p, const struct envelope *list, size_t n);

/* Asserts the verdict: accept; or refuse or review by exactly this check and reason. */
#define assert_accepted(p) assert_accepted_(p, false, __FILE__, __LINE__)
#define assert_accepted_full(p) assert_accepted_(p, true, __FILE__, __LINE__)
#define assert_refused(p, check, name) \
	assert_decided_(p, false, WM_REFUSE, check, reason_info(REASON_##name)->id, __FILE__, __LINE__)
#define assert_refused_full(p, check, name) \
	assert_decided_(p, true, WM_REFUSE, check, reason_info(REASON_##name)->id, __FILE__, __LINE__)
#define assert_review(p, check, name) \
	assert_decided_(p, false, WM_REVIEW, check, reason_info(REASON_##name)->id, __FILE__, __LINE__)
void assert_accepted_(const struct publisher *p, bool full, const char *file, int line);
void assert_decided_(const struct publisher *p, bool full, enum wm_decision decision,
		     const char *check, const char *reason, const char *file, int line);

/* Whether the verdict has a note with this code. */
bool has_note(const struct wm_verdict *v, const char *code);

#endif
