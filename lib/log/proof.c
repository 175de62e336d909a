/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying proofs about trees, and the text of one. */
#include "log/proof.h"

#include <assert.h>
#include <string.h>

#include "digest/tree.h"
#include "text/node.h"
#include "util/base64.h"
#include "util/cursor.h"

enum { DIGEST_CHARS = 44 }; /* base64 of 32 bytes */

static const char first_line[] = "c2sp.org/tlog-proof@v1";
static const char index_word[] = "index ";

/* --- verifying ------------------------------------------------------------------------- */

static bool same(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES])
{
	return memcmp(a, b, SHA256_BYTES) == 0;
}

/* Whether `root` is that of no entries. */
static bool is_empty_root(const uint8_t root[SHA256_BYTES])
{
	static const struct tree_frontier none = TREE_FRONTIER_INIT;
	uint8_t empty[SHA256_BYTES];

	tree_root(empty, &none);
	return same(root, empty);
}

/* Of 0 < old_size < new_size. The hashes begin with `first`, then p->hashes from `i` on. */
static bool climb_both(const struct consistency *p, const uint8_t first[SHA256_BYTES], size_t i,
		       struct climb c, const uint8_t old_root[SHA256_BYTES],
		       const uint8_t new_root[SHA256_BYTES])
{
	uint8_t old[SHA256_BYTES], new[SHA256_BYTES];

	memcpy(old, first, sizeof(old));
	memcpy(new, first, sizeof(new));
	for (; i < p->n; i++) {
		if (c.last == 0)
			return false;
		if (climb_from_left(&c)) {
			tree_node(old, p->hashes[i], old);
			tree_node(new, p->hashes[i], new);
		} else {
			tree_node(new, new, p->hashes[i]);
		}
		climb_ascend(&c);
	}
	return c.last == 0 && same(old, old_root) && same(new, new_root);
}

bool consistency_holds(const struct consistency *p, uint64_t old_size,
		       const uint8_t old_root[SHA256_BYTES], uint64_t new_size,
		       const uint8_t new_root[SHA256_BYTES])
{
	struct climb c = { old_size - 1, new_size - 1 };

	if (old_size > new_size || p->n > PROOF_HASHES)
		return false;
	if (old_size == 0 && !is_empty_root(old_root))
		return false;
	if (old_size == new_size)
		return p->n == 0 && same(old_root, new_root);
	if (old_size == 0 || p->n == 0)
		return old_size == 0 && p->n == 0;
	for (; c.at & 1; c.at >>= 1)
		c.last >>= 1;
	if ((old_size & (old_size - 1)) == 0)
		return climb_both(p, old_root, 0, c, old_root, new_root);
	return climb_both(p, p->hashes[0], 1, c, old_root, new_root);
}

/* --- the text -------------------------------------------------------------------------- */

void log_proof_release(struct log_proof *p)
{
	note_release(&p->note);
}

enum wm_code log_proof_encode(struct buf *out, const struct inclusion *inclusion,
			      const char *note, size_t note_len, struct wm_error *err)
{
	char chars[DIGEST_CHARS];

	assert(inclusion->n <= PROOF_HASHES);
	TRY(buf_printf(out, err, "%s\n%s%llu\n", first_line, index_word,
		       (unsigned long long)inclusion->index));
	for (size_t i = 0; i < inclusion->n; i++) {
		base64_encode(chars, inclusion->hashes[i], SHA256_BYTES);
		TRY(buf_append(out, chars, sizeof(chars), err));
		TRY(buf_append_byte(out, '\n', err));
	}
	TRY(buf_append_byte(out, '\n', err));
	return buf_append(out, note, note_len, err);
}

/* The next line without its newline; false where none ends. */
static bool take_line(struct cursor *c, struct cursor *line)
{
	const uint8_t *start = c->data + c->off;
	const uint8_t *end = memchr(start, '\n', cursor_left(c));

	if (!end)
		return false;
	*line = cursor_of(start, (size_t)(end - start));
	(void)cursor_take(c, line->len + 1);
	return true;
}

/* Whether the line begins with `word`, which is taken. */
static bool take_word(struct cursor *line, const char *word)
{
	const uint8_t *at = cursor_take(line, strlen(word));

	return at && memcmp(at, word, strlen(word)) == 0;
}

/* The rest of the line: a decimal number of at most 53 bits, in its one spelling. */
static bool take_number(struct cursor *line, uint64_t *out)
{
	uint64_t v = 0;
	int digit = cursor_peek(line);

	if (digit == '0' && cursor_left(line) > 1)
		return false;
	do {
		if (digit < '0' || digit > '9')
			return false;
		v = v * 10 + (uint64_t)(digit - '0');
		if (v > NODE_INTEGER_MAX)
			return false;
		(void)cursor_take(line, 1);
		digit = cursor_peek(line);
	} while (digit >= 0);
	*out = v;
	return true;
}

static enum wm_code take_hashes(struct inclusion *p, struct cursor *in, const char *name,
				struct wm_error *err)
{
	struct cursor line;

	for (p->n = 0;; p->n++) {
		if (!take_line(in, &line))
			return fail(err, REASON_PROOF_MALFORMED,
				    "%s: no empty line before a tree head", name);
		if (line.len == 0)
			return WM_OK;
		if (p->n == PROOF_HASHES)
			return fail(err, REASON_PROOF_MALFORMED, "%s: more than %d hashes", name,
				    PROOF_HASHES);
		if (line.len != DIGEST_CHARS ||
		    base64_decoded_len((const char *)line.data, line.len) != SHA256_BYTES ||
		    !base64_decode(p->hashes[p->n], (const char *)line.data, line.len))
			return fail(err, REASON_PROOF_MALFORMED,
				    "%s: line %zu is not base64 of 32 bytes", name, p->n + 3);
	}
}

enum wm_code log_proof_parse(struct log_proof *out, const void *text, size_t len,
			     const char *name, struct wm_error *err)
{
	struct cursor in = cursor_of(text, len), line;
	struct inclusion inclusion = { 0 };
	struct note note;

	if (len > LIMIT_PROOF)
		return fail(err, REASON_PROOF_MALFORMED, "%s: %zu bytes, more than %d", name, len,
			    LIMIT_PROOF);
	if (!take_line(&in, &line) || !take_word(&line, first_line) || cursor_left(&line) > 0)
		return fail(err, REASON_PROOF_MALFORMED, "%s: does not begin with '%s'", name,
			    first_line);
	if (!take_line(&in, &line) || !take_word(&line, index_word) ||
	    !take_number(&line, &inclusion.index))
		return fail(err, REASON_PROOF_MALFORMED, "%s: its second line is not 'index N'",
			    name);
	TRY(take_hashes(&inclusion, &in, name, err));
	TRY(note_parse(&note, in.data + in.off, cursor_left(&in), name, err));
	out->inclusion = inclusion;
	out->note = note;
	return WM_OK;
}

enum wm_code log_proof_verify(const struct log_proof *p, const struct log_key *key,
			      const uint8_t leaf[SHA256_BYTES], struct wm_error *err)
{
	const struct tree_head *head = &p->note.head;
	uint8_t root[SHA256_BYTES];

	TRY(note_verify(&p->note, key, err));
	if (!inclusion_root(root, &p->inclusion, leaf, head->size))
		return fail(err, REASON_PROOF_MISMATCH,
			    "%zu hashes do not lead from entry %llu to the root of %llu entries",
			    p->inclusion.n, (unsigned long long)p->inclusion.index,
			    (unsigned long long)head->size);
	if (!same(root, head->root))
		return fail(err, REASON_PROOF_MISMATCH,
			    "entry %llu leads to another root than that of %s at %llu entries",
			    (unsigned long long)p->inclusion.index, head->origin,
			    (unsigned long long)head->size);
	return WM_OK;
}
