/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of records that a steward keeps: whose, from where, under what. They are written as
 * keyed tags alone (data/record_key.h).
 *
 * The file is CSV whose first row names the columns: `record` (the path of a file within its folder
 * or archive, the path of a file as it was named, or the number of a record, from 1: of a line, or
 * of a row behind that of names; further files go on counting), and any of subject, source,
 * licence, consent. A record may have several rows.
 */
#ifndef DATA_ATTRIBUTES_H
#define DATA_ATTRIBUTES_H

#include "data/commitments.h"

struct attributes;

/* Fails with `attributes-malformed`, `csv-malformed`, `limit`, and as file_open() does. */
MUST_USE enum wm_code attributes_read(struct attributes **out, const char *path,
				      const struct record_key *k, struct wm_error *err);
void attributes_free(struct attributes *a);
DEFINE_CLEANUP(attributes, struct attributes, attributes_free)
#define cleanup_attributes __attribute__((cleanup(attributes_cleanup_)))

/* The record with this name, or number where `name` is NULL, has this digest. One at a time. */
MUST_USE enum wm_code attributes_note(struct attributes *a, const char *name, uint64_t number,
				      const uint8_t digest[SHA256_BYTES], struct wm_error *err);

/*
 * Stores the tags of all that was noted, sorted, each once; free() them. `set` has the leaves,
 * under the key that attributes_read() got. Fails with `attributes-malformed` where a row is of no
 * record that was noted.
 */
MUST_USE enum wm_code attributes_tags(struct tag_row **out, uint64_t *n, struct attributes *a,
				      const struct record_set *set, const struct record_key *k,
				      struct wm_error *err);

/*
 * How many tags of `c` are of records that `set` has, and not among the `n` sorted `tags`, which
 * were made under the same key: what a recording of the same records loses. Fails as
 * commitments_tag() does.
 */
MUST_USE enum wm_code attributes_lost(uint64_t *lost, const struct commitments *c,
				      const struct record_set *set, const struct tag_row *tags,
				      uint64_t n, struct wm_error *err);

#endif
