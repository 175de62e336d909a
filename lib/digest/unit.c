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

/* The piece of the unit's present segment. */
struct piece {
	uint64_t skip; /* bytes of the segment before it */
	size_t len;
	bool ends; /* the segment ends with it */
};

static struct piece piece_of(const struct segment *s, uint64_t skip, size_t room)
{
	uint64_t left = s->len - skip;

	return (struct piece){ skip, (size_t)least(left, room), left <= room };
}

/*
 * Queues all leaves of the unit, those of full length first, since lanes that begin a
 * long message last would be busy alone.
 */
static size_t queue_leaves(const struct unit *u, const uint8_t *data,
			   const struct segment *segments, struct unit_scratch *scratch)
{
	size_t n = 0, n_full = 0, n_short = 0, done = 0;
	uint64_t skip = u->skip;

	for (const struct segment *s = &segments[u->segment]; done < u->len; s++, skip = 0) {
		struct piece p = piece_of(s, skip, u->len - done);

		for (size_t off = 0; off < p.len; off += LEAF_BYTES) {
			size_t len = (size_t)least(p.len - off, LEAF_BYTES);
			size_t place = len == LEAF_BYTES ? n_full++ : UNIT_LEAVES - ++n_short;

			assert(n < UNIT_LEAVES);
			scratch->messages[place] = (struct message){
				data + done + off, len, MESSAGE_LEAF, scratch->digests[n++]
			};
		}
		done += p.len;
	}
	memmove(scratch->messages + n_full, scratch->messages + UNIT_LEAVES - n_short,
		n_short * sizeof(*scratch->messages));
	return n;
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

enum wm_code unit_digest(struct unit_result *result, const struct unit *u, const uint8_t *data,
			 struct segment *segments, struct unit_scratch *scratch,
			 struct wm_error *err)
{
	size_t done = 0, leaf = 0, n = queue_leaves(u, data, segments, scratch);
	uint64_t skip = u->skip;

	TRY(kernel_chosen()->run(scratch->messages, n, err));
	result->n_parts = 0;
	for (size_t i = u->segment; done < u->len; i++, skip = 0) {
		struct piece p = piece_of(&segments[i], skip, u->len - done);
		bool whole = p.skip == 0 && p.ends;
		struct unit_part small, *part = &small;

		if (!whole) {
			assert(result->n_parts < 2);
			part = &result->parts[result->n_parts++];
		}
		part->segment = i;
		part->ends = p.ends;
		n = n_leaves_of(p.len);
		TRY(reduce(part, &scratch->digests[leaf], p.skip / LEAF_BYTES, n, err));
		if (whole)
			root_of_part(segments[i].digest, part);
		leaf += n;
		done += p.len;
	}
	return WM_OK;
}
