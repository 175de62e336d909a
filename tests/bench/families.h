/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of a lineage, for tests/bench/lineage. A family is a dataset, a run and ten
 * checkpoints: three of the run, a chain of five derivations, a merge with an earlier family and a
 * quantisation. Families of even number and of odd number are two worlds that never meet: what
 * comes of the first even dataset is half of all checkpoints. A run starts from the end of the
 * chain of the family before, but the first of each thousand families from the first family: chains
 * are thousands of edges deep, and the first family fans out. All runs of a world are validated on
 * one dataset besides; each hundredth family's dataset comes of the party "Vendor".
 */
#ifndef BENCH_FAMILIES_H
#define BENCH_FAMILIES_H

#include "util/buf.h"

enum { FAMILY = 12 };

/*
 * Appends the JSON of statement `number`, with words like @nonce@ to be replaced, and stores its
 * kind.
 */
MUST_USE enum wm_code family_statement(struct buf *out, const char **kind, unsigned long number,
				       struct wm_error *err);

#endif
