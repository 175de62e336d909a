/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting segments into work units, and digesting one. */
#include "digest/unit.h"

#include <assert.h>
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static size_t n_leaves_of(uint64_t len)
{
	return (size_t)((len + LEAF_BYTES - 1) / LEAF_BYTES);
}

/* How many of `left` bytes of a segment fit whole leaves into `room` and `n_leaves`. */
static size_t fitting(uint64_t left, size_t room, size_t n_leaves)
{
	uint64_t most = least(room, (uint64_t)n_leaves * LEAF_BYTES);

	return (size_t)(left <= most ? left : most - most % LEAF_BYTES);
}

uint64_t unit_count_leaves(const struct segment *segments, size_t n_segments)
{
	uint64_t n = 0;

	for (size_t i = 0; i < n_segments; i++)
		n += segments[i].len / LEAF_BYTES + (segments[i].len % LEAF_BYTES != 0);
	return n;
}

bool unit_next(struct unit *u, struct unit_cursor *c)
{
	size_t n_leaves = UNIT_LEAVES, take;

	if (c->segment == c->n_segments)
		return false;
	*u = (struct unit){ c->seq++, c->segments[c->segment].off + c->skip, 0, c->segment,
			    c->skip };
	while (c->segment < c->n_segments) {
		uint64_t left = c->segments[c->segment].len - c->skip;

		take = fitting(left, UNIT_BYTES - u->len, n_leaves);
		u->len += take;
		n_leaves -= n_leaves_of(take);
		c->skip += take;
		if (take < left)
			break;
		c->segment++;
		c->skip = 0;
	}
	return true;
}

/* The stretch of the unit's present segment. */
struct stretch {
	uint64_t skip; /* bytes of the segment before it */
	size_t len;
	bool ends; /* the segment ends with it */
};

static struct stretch stretch_of(const struct segment *s, uint64_t skip, size_t room)
{
	uint64_t left = s->len - skip;

	return (struct stretch){ skip, (size_t)least(left, room), left <= room };
}

void unit_start(struct unit_scratch *scratch)
{
	scratch->n_long = scratch->n_short = scratch->n_leaves = scratch->n_collected = 0;
}

/* Long messages go first, since lanes that begin one last would be busy alone. */
static void queue(struct unit_scratch *scratch, const struct message *m)
{
	size_t n = scratch->n_long + scratch->n_short;

	assert(n < UNIT_LEAVES);
	if (m->len >= LEAF_BYTES)
		scratch->messages[scratch->n_long++] = *m;
	else
		scratch->messages[UNIT_LEAVES - ++scratch->n_short] = *m;
}

void unit_queue_plain(struct unit_scratch *scratch, const uint8_t *data, size_t len,
		      uint8_t out[SHA256_BYTES])
{
	queue(scratch, &(struct message){ data, len, MESSAGE_PLAIN, out });
}

void unit_queue(struct unit_scratch *scratch, const struct unit *u, const uint8_t *data,
		const struct segment *segments)
{
	uint64_t skip = u->skip;
	size_t done = 0;

	for (size_t i = u->segment; done < u->len; i++, skip = 0) {
		struct stretch p = stretch_of(&segments[i], skip, u->len - done);

		for (size_t off = 0; off < p.len; off += LEAF_BYTES) {
			size_t len = (size_t)least(p.len - off, LEAF_BYTES);
			uint8_t *out = scratch->digests[scratch->n_leaves++];

			queue(scratch,
			      &(struct message){ data + done + off, len, MESSAGE_LEAF, out });
		}
		done += p.len;
	}
}

enum wm_code unit_run(struct unit_scratch *scratch, struct wm_error *err)
{
	size_t n_long = scratch->n_long, n_short = scratch->n_short;

	if (n_long > 0)
		memmove(scratch->messages + n_long, scratch->messages + UNIT_LEAVES - n_short,
			n_short * sizeof(*scratch->messages));
	return kernel_chosen()->run(scratch->messages + (n_long > 0 ? 0 : UNIT_LEAVES - n_short),
				    n_long + n_short, err);
}

static void add_subtree(struct unit_part *part, unsigned level, const uint8_t *root)
{
	assert(part->n_subtrees < UNIT_SUBTREES);
	part->levels[part->n_subtrees] = level;
	memcpy(part->roots[part->n_subtrees++], root, SHA256_BYTES);
}

/*
 * Reduces `n` leaf digests, the first of which is leaf `first` of its tree, to complete
 * subtrees: on each level the neighbours become nodes, and who has none, at either end,
 * is a subtree. Overwrites `digests`.
 */
static enum wm_code reduce(struct unit_part *part, uint8_t (*digests)[SHA256_BYTES],
			   uint64_t first, size_t n, struct wm_error *err)
{
	struct unit_part right = { 0 };

	part->n_subtrees = 0;
	for (unsigned level = 0; n > 0; level++) {
		uint8_t nodes[UNIT_PART_LEAVES / 2][SHA256_BYTES];
		struct message messages[UNIT_PART_LEAVES / 2];

		if (first & 1) {
			add_subtree(part, level, *digests++);
			first++;
			n--;
		}
		if (n & 1)
			add_subtree(&right, level, digests[--n]);
		n /= 2;
		first /= 2;
		for (size_t i = 0; i < n; i++)
			messages[i] = (struct message){ digests[2 * i], (size_t)2 * SHA256_BYTES,
							MESSAGE_NODE, nodes[i] };
		if (n > 0)
			TRY(kernel_chosen()->run(messages, n, err));
		memcpy(digests, nodes, n * sizeof(*nodes));
	}
	while (right.n_subtrees-- > 0)
		add_subtree(part, right.levels[right.n_subtrees], right.roots[right.n_subtrees]);
	return WM_OK;
}

static void root_of_part(uint8_t out[SHA256_BYTES], const struct unit_part *part)
{
	struct tree_frontier t;

	t.n_leaves = 0;
	for (unsigned i = 0; i < part->n_subtrees; i++)
		tree_append(&t, part->levels[i], part->roots[i]);
	tree_root(out, &t);
}

enum wm_code unit_collect(struct unit_result *result, const struct unit *u,
			  struct segment *segments, struct unit_scratch *scratch,
			  struct wm_error *err)
{
	uint64_t skip = u->skip;
	size_t done = 0;

	result->n_parts = 0;
	for (size_t i = u->segment; done < u->len; i++, skip = 0) {
		struct stretch p = stretch_of(&segments[i], skip, u->len - done);
		size_t n = n_leaves_of(p.len), first = scratch->n_collected;
		bool whole = p.skip == 0 && p.ends;
		struct unit_part small, *part = &small;

		if (!whole) {
			assert(result->n_parts < 2);
			part = &result->parts[result->n_parts++];
		}
		part->segment = i;
		part->ends = p.ends;
		TRY(reduce(part, &scratch->digests[first], p.skip / LEAF_BYTES, n, err));
		if (whole)
			root_of_part(segments[i].digest, part);
		scratch->n_collected += n;
		done += p.len;
	}
	return WM_OK;
}

enum wm_code unit_digest(struct unit_result *result, const struct unit *u, const uint8_t *data,
			 struct segment *segments, struct unit_scratch *scratch,
			 struct wm_error *err)
{
	unit_start(scratch);
	unit_queue(scratch, u, data, segments);
	TRY(unit_run(scratch, err));
	return unit_collect(result, u, segments, scratch, err);
}
