/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What file names say to those who load: weights, a shard of a set, an index of shards.
 *
 *	weights = stem "." suffix		a suffix of the table in names.c, in any case
 *	shard   = stem "-" 5DIGIT "-of-" 5DIGIT [ "." variant ] "." suffix
 *	index   = stem "." suffix ".index" [ "." variant ] ".json"
 *
 * What a shard or an index belongs to is the part stem [ "." variant ] "." suffix, the name
 * that a loader is asked for: model.safetensors. Paths keep their folders; no stem is empty.
 */
#ifndef CHECKPOINT_NAMES_H
#define CHECKPOINT_NAMES_H

#include <stdbool.h>

#include "util/arena.h"

/* The suffix of weights that ends the path, from its dot on, or NULL. Borrowed from `path`. */
const char *name_weights_suffix(const char *path);

struct shard_name {
	const char *part;	/* in the arena */
	unsigned number, count; /* 1 <= number <= count */
};

/* Whether the path is that of a shard; `out` is untouched where it is not. */
MUST_USE enum wm_code name_read_shard(bool *is_shard, struct shard_name *out, struct arena *a,
				      const char *path, struct wm_error *err);

/* Stores the part that the index of this path makes, in the arena; NULL where it is none. */
MUST_USE enum wm_code name_of_indexed(const char **out, struct arena *a, const char *path,
				      struct wm_error *err);

/* Whether the path is that of an index. */
bool name_is_index(const char *path);

#endif
