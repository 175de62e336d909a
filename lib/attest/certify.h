/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafting certificates: what was destroyed and kept under an order, or that no declared path leads
 * to a checkpoint. The tool drafts; what the text says is a person's word, who signs it by hand.
 */
#ifndef ATTEST_CERTIFY_H
#define ATTEST_CERTIFY_H

#include "attest/compose.h"
#include "lineage/seen.h"
#include "weightmark/v1/order.pb-c.h"

/* Where a log stood that was read. */
struct certified_log {
	const char *origin;
	uint64_t size;
	uint8_t root[SHA256_BYTES];
};

struct certify_options {
	const struct certified_log *logs;
	size_t n_logs;
	const struct seen_scan *scans; /* that were counted */
	size_t n_scans;
	const char *declarant; /* name of who will sign, or NULL */
	const char *title;     /* of the declarant, or NULL */
	const char *basis;     /* persons on whom the declarant relies, or NULL */
	const char *id;	       /* local id; NULL: "certificate-" and that of the order */
};

/* Appends the local id of a certificate about `object`: `wanted`, or made from it. */
MUST_USE enum wm_code certify_id(struct buf *out, bool clean, const char *object,
				 const char *wanted, struct wm_error *err);

/*
 * Composes the certificate of an order for which nothing is open. `out` is zeroed and has its
 * arena; the message is its one statement. Fails with `limit`.
 */
MUST_USE enum wm_code certify_order(struct composition *out, const struct order_state *s,
				    const struct account *a, const struct certify_options *options,
				    struct wm_error *err);

/*
 * Fails with `clean-unproven` where a path leads to `checkpoint` from the data that `t` is all that
 * descends from, and names it; where something that the checkpoint descends from is of unknown
 * origin; or where uses of the data are undecided.
 */
MUST_USE enum wm_code certify_check_clean(const struct graph *g, const struct trace *t,
					  uint32_t checkpoint, struct wm_error *err);

/*
 * Composes a certificate that no declared path leads from the `n` datasets `from` to `checkpoint`;
 * `t` is all that descends from them. Fails as certify_check_clean() does.
 */
MUST_USE enum wm_code certify_clean(struct composition *out, const struct graph *g,
				    const struct trace *t, uint32_t checkpoint,
				    const uint32_t *from, size_t n,
				    const struct certify_options *options, struct wm_error *err);

/*
 * Appends the text that the declarant would sign, with blanks for place, day and signature: under
 * United States law where the order's authority is a court or an agency with the country US.
 */
MUST_USE enum wm_code certify_sworn_text(struct buf *out, const struct order_state *s,
					 const uint8_t graph_digest[SHA256_BYTES],
					 const struct certify_options *options,
					 struct wm_error *err);

#endif
