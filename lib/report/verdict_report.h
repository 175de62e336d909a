/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verdict for people and for programs. It never says that a claim is true: it says
 * who asserted it, and which checks ran.
 */
#ifndef REPORT_VERDICT_REPORT_H
#define REPORT_VERDICT_REPORT_H

#include "attest/verdict.h"
#include "text/node.h"

/*
 * The verdict as a tree for JSON; docs/operations.md describes it. `payloads`: with what the
 * verified statements say, as their issuers' words.
 */
MUST_USE enum wm_code verdict_tree(struct node **out, struct tree *t, const struct wm_verdict *v,
				   bool payloads, struct wm_error *err);

/* Sets the measurements of `c`, by the names of the schema, in the MAP `map`. */
MUST_USE enum wm_code measured_tree(struct node *map, struct tree *t, const struct checkpoint *c,
				    struct wm_error *err);

/*
 * Appends what people read below the first line: lines of "word  text". Bytes of the
 * input are escaped. The first line is decision_name() and verdict_headline().
 */
MUST_USE enum wm_code verdict_text(struct buf *out, const struct wm_verdict *v, bool every_check,
				   struct wm_error *err);

/* "accept", "review", "refuse". Static. */
const char *decision_name(enum wm_decision decision);

/* Appends what follows it on the first line: the reason code, or what was decided at most. */
MUST_USE enum wm_code verdict_headline(struct buf *out, const struct wm_verdict *v,
				       struct wm_error *err);

/* Sets `code` of the map: the names that loading the file would use, and which are allowed. */
MUST_USE enum wm_code imports_tree(struct node *map, struct tree *t, const struct layout *l,
				   struct wm_error *err);

#endif
