/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements about an ancestor: a converter or a training program copied a slot along with
 * the metadata of the file that it began from (docs/design.md, "Carriers").
 */
#ifndef ATTEST_INHERITED_H
#define ATTEST_INHERITED_H

#include "attest/carriers.h"
#include "statement/statement.h"

/* A manifest about another checkpoint than the one that carries it. Nobody verified it. */
struct ancestor {
	struct statement *statement;
	const char *path; /* of the file that carries it; borrowed from the checkpoint */
	const uint8_t *weights_digest; /* where it has one part with weights; or NULL */
};

struct inherited {
	struct ancestor *list; /* in the order of the files that carry them, each once */
	size_t n;
};

void inherited_release(struct inherited *i);
#define cleanup_inherited __attribute__((cleanup(inherited_release)))

/*
 * Finds in each slot, and in each value like a slot's elsewhere, the newest manifest that no
 * other there has as its parent; those that do not speak of their file are inherited. What
 * cannot be read is passed over. `c` must outlive `out`.
 */
MUST_USE enum wm_code inherited_find(struct inherited *out, const struct checkpoint *c,
				     struct wm_error *err);

#endif
