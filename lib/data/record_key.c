/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of commitments: their files, and HMAC (RFC 2104) by the lanes of the kernel. */
#include "data/record_key.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "digest/kernel.h"
#include "util/base64.h"
#include "util/cursor.h"
#include "util/file.h"
#include "util/limits.h"

static const char magic[] = "weightmark-commitment-key/1\n";
static const char dead[] = "weightmark-commitment-key/0\n";
static const char id_domain[] = "wmRecordKeyV1", tag_label[] = "wmRecordTagV1";

enum {
	MAGIC_BYTES = sizeof(magic) - 1,
	KEY_CHARS = 44, /* base64 of 32 bytes */
	FILE_BYTES = MAGIC_BYTES + KEY_CHARS + 1,
	STATE_BYTES = SHA256_BYTES + 8,
	STATE_CHARS = 56, /* base64 of these */
	DEAD_BYTES = MAGIC_BYTES + STATE_CHARS + 1, /* more than it overwrites */
	PAD_BYTES = 64, /* a block of SHA-256 */
	INNER_PAD = 0x36,
	OUTER_PAD = 0x5c,
	LANES = 256, /* commitments that are made at once */
};

void record_key_release(struct record_key *k)
{
	cleanse(k, sizeof(*k));
}

static void make_pad(uint8_t out[PAD_BYTES], const uint8_t key[RECORD_KEY_BYTES], uint8_t pad)
{
	memset(out, pad, PAD_BYTES);
	for (size_t i = 0; i < RECORD_KEY_BYTES; i++)
		out[i] ^= key[i];
}

/* HMAC-SHA-256. `text` has room for a block before the `len` bytes of the message, at PAD_BYTES. */
static void hmac(uint8_t out[SHA256_BYTES], const uint8_t key[RECORD_KEY_BYTES], uint8_t *text,
		 size_t len)
{
	uint8_t outer[PAD_BYTES + SHA256_BYTES];

	make_pad(text, key, INNER_PAD);
	make_pad(outer, key, OUTER_PAD);
	kernel_one(&(struct message){ text, PAD_BYTES + len, MESSAGE_PLAIN, outer + PAD_BYTES });
	kernel_one(&(struct message){ outer, sizeof(outer), MESSAGE_PLAIN, out });
	cleanse(text, PAD_BYTES);
	cleanse(outer, sizeof(outer));
}

void record_key_of(struct record_key *out, const uint8_t secret[RECORD_KEY_BYTES])
{
	uint8_t label[PAD_BYTES + sizeof(tag_label) - 1];
	uint8_t text[sizeof(id_domain) + RECORD_KEY_BYTES];

	memcpy(label + PAD_BYTES, tag_label, sizeof(tag_label) - 1);
	memcpy(text, id_domain, sizeof(id_domain));
	memcpy(text + sizeof(id_domain), secret, RECORD_KEY_BYTES);
	memcpy(out->secret, secret, RECORD_KEY_BYTES);
	hmac(out->tags, secret, label, sizeof(tag_label) - 1);
	kernel_one(&(struct message){ text, sizeof(text), MESSAGE_PLAIN, out->id });
	cleanse(text, sizeof(text));
}

enum wm_code record_key_new(struct record_key *out, struct wm_error *err)
{
	uint8_t secret[RECORD_KEY_BYTES];
	enum wm_code code = random_bytes(secret, sizeof(secret), err);

	if (code == WM_OK)
		record_key_of(out, secret);
	cleanse(secret, sizeof(secret));
	return code;
}

/* --- files ------------------------------------------------------------------------------- */

static enum wm_code read_key_file(struct buf *text, const char *path, struct wm_error *err)
{
	struct wm_error why = { 0 };

	TRY(buf_reserve(text, DEAD_BYTES, err));
	if (file_read_input(text, path, REASON_COMMITMENT_KEY_MALFORMED, &why) == WM_OK)
		return WM_OK;
	return error_reason(&why) == REASON_NOT_FOUND ?
		       fail(err, REASON_COMMITMENT_KEY_MISSING, "%s: is not there", path) :
		       fail_again(err, &why);
}

/* Whether `text` is `start`, the base64 of `len` bytes in `chars`, and a newline. */
static bool take_form(uint8_t *out, size_t len, const struct buf *text, const char *start,
		      size_t chars)
{
	const char *const coded = buf_str(text) + MAGIC_BYTES;

	return text->len == MAGIC_BYTES + chars + 1 &&
	       memcmp(text->data, start, MAGIC_BYTES) == 0 && text->data[text->len - 1] == '\n' &&
	       base64_decoded_len(coded, chars) == len && base64_decode(out, coded, chars);
}

static bool take_dead(struct record_key_state *out, const struct buf *text)
{
	uint8_t bytes[STATE_BYTES];
	struct cursor in = cursor_of(bytes, sizeof(bytes));
	uint64_t at = 0;

	if (!take_form(bytes, sizeof(bytes), text, dead, STATE_CHARS))
		return false;
	memcpy(out->id, cursor_take(&in, SHA256_BYTES), SHA256_BYTES);
	(void)cursor_u64be(&in, &at);
	out->at = (int64_t)at;
	out->destroyed = true;
	return at <= INT64_MAX;
}

static enum wm_code parse_key(struct record_key *out, const struct buf *text, const char *path,
			      struct wm_error *err)
{
	uint8_t secret[RECORD_KEY_BYTES];

	if (!take_form(secret, sizeof(secret), text, magic, KEY_CHARS))
		return fail(err, REASON_COMMITMENT_KEY_MALFORMED,
			    "%s: is not a key of commitments as 'dataset record' makes it", path);
	record_key_of(out, secret);
	cleanse(secret, sizeof(secret));
	return WM_OK;
}

enum wm_code record_key_load(struct record_key *out, const char *path, struct wm_error *err)
{
	cleanup_secret struct buf text = BUF_INIT(DEAD_BYTES);
	struct record_key_state state;

	TRY(read_key_file(&text, path, err));
	if (take_dead(&state, &text))
		return fail(err, REASON_COMMITMENT_KEY_MISSING,
			    "%s: was destroyed; 'dataset destroy-key' on it completes that", path);
	return parse_key(out, &text, path, err);
}

enum wm_code record_key_look(struct record_key_state *out, const char *path, struct wm_error *err)
{
	cleanup_secret struct buf text = BUF_INIT(DEAD_BYTES);
	cleanup_record_key struct record_key k = { 0 };
	struct record_key_state state = { .destroyed = false };

	TRY(read_key_file(&text, path, err));
	if (!take_dead(&state, &text)) {
		TRY(parse_key(&k, &text, path, err));
		memcpy(state.id, k.id, SHA256_BYTES);
	}
	*out = state;
	return WM_OK;
}

enum wm_code record_key_store(const struct record_key *k, const char *path, struct wm_error *err)
{
	char text[FILE_BYTES];
	enum wm_code code;

	memcpy(text, magic, MAGIC_BYTES);
	base64_encode(text + MAGIC_BYTES, k->secret, RECORD_KEY_BYTES);
	text[FILE_BYTES - 1] = '\n';
	code = file_write(path, text, sizeof(text), 0600, FILE_EXCLUSIVE, err);
	cleanse(text, sizeof(text));
	return code;
}

enum wm_code record_key_destroy(const char *path, int64_t now, struct wm_error *err)
{
	cleanup_buf struct buf state = BUF_INIT(STATE_BYTES);
	struct record_key_state found;
	char text[DEAD_BYTES];
	cleanup_fd int fd = -1;

	TRY(record_key_look(&found, path, err));
	if (found.destroyed)
		return WM_OK;
	TRY(buf_append(&state, found.id, SHA256_BYTES, err));
	TRY(buf_append_u64be(&state, (uint64_t)now, err));
	memcpy(text, dead, MAGIC_BYTES);
	base64_encode(text + MAGIC_BYTES, state.data, state.len);
	text[DEAD_BYTES - 1] = '\n';
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be written", path);
	TRY(file_write_at(fd, text, sizeof(text), 0, path, err));
	if (fsync(fd) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be synced", path);
	return WM_OK;
}

/* --- one --------------------------------------------------------------------------------- */

void commitment_leaf(uint8_t out[SHA256_BYTES], const uint8_t r[SHA256_BYTES],
		 const uint8_t digest[SHA256_BYTES])
{
	uint8_t pair[2 * SHA256_BYTES];

	memcpy(pair, r, SHA256_BYTES);
	memcpy(pair + SHA256_BYTES, digest, SHA256_BYTES);
	kernel_one(&(struct message){ pair, sizeof(pair), MESSAGE_LEAF, out });
}

void record_commit(struct commitment *out, const struct record_key *k,
		   const uint8_t digest[SHA256_BYTES])
{
	uint8_t text[PAD_BYTES + SHA256_BYTES];

	memcpy(text + PAD_BYTES, digest, SHA256_BYTES);
	hmac(out->r, k->secret, text, SHA256_BYTES);
	commitment_leaf(out->leaf, out->r, digest);
}

enum wm_code record_tag(uint8_t out[RECORD_TAG_BYTES], const struct record_key *k,
			const char *name, const char *value, size_t len, struct wm_error *err)
{
	uint8_t text[PAD_BYTES + 32 + LIMIT_ATTRIBUTE], whole[SHA256_BYTES];
	size_t name_len = strlen(name) + 1;

	if (name_len > 32 || len > LIMIT_ATTRIBUTE)
		return fail(err, REASON_LIMIT, "an attribute of %zu bytes, more than %d", len,
			    LIMIT_ATTRIBUTE);
	memcpy(text + PAD_BYTES, name, name_len);
	memcpy(text + PAD_BYTES + name_len, value, len);
	hmac(whole, k->tags, text, name_len + len);
	memcpy(out, whole, RECORD_TAG_BYTES);
	return WM_OK;
}

/* --- many -------------------------------------------------------------------------------- */

struct committer {
	uint8_t inner[LANES][PAD_BYTES + SHA256_BYTES]; /* padded key, d */
	uint8_t outer[LANES][PAD_BYTES + SHA256_BYTES]; /* padded key, inner digest */
	uint8_t pairs[LANES][2 * SHA256_BYTES];		/* r, d */
	struct message messages[LANES];
};

enum wm_code committer_new(struct committer **out, const struct record_key *k,
			   struct wm_error *err)
{
	struct committer *c = malloc(sizeof(*c));

	if (!c)
		return fail_nomem(err);
	for (size_t i = 0; i < LANES; i++) {
		make_pad(c->inner[i], k->secret, INNER_PAD);
		make_pad(c->outer[i], k->secret, OUTER_PAD);
	}
	*out = c;
	return WM_OK;
}

void committer_free(struct committer *c)
{
	if (c)
		cleanse(c, sizeof(*c));
	free(c);
}

/* The leaves of at most LANES digests, each step for all of them. */
static enum wm_code run_lanes(struct committer *c, uint8_t *first, size_t stride, size_t n,
			      struct wm_error *err)
{
	const struct kernel *kernel = kernel_chosen();

	for (size_t i = 0; i < n; i++) {
		memcpy(c->inner[i] + PAD_BYTES, first + i * stride, SHA256_BYTES);
		memcpy(c->pairs[i] + SHA256_BYTES, first + i * stride, SHA256_BYTES);
		c->messages[i] = (struct message){ c->inner[i], sizeof(c->inner[i]), MESSAGE_PLAIN,
						   c->outer[i] + PAD_BYTES };
	}
	TRY(kernel->run(c->messages, n, err));
	for (size_t i = 0; i < n; i++)
		c->messages[i] = (struct message){ c->outer[i], sizeof(c->outer[i]), MESSAGE_PLAIN,
						   c->pairs[i] };
	TRY(kernel->run(c->messages, n, err));
	for (size_t i = 0; i < n; i++)
		c->messages[i] = (struct message){ c->pairs[i], sizeof(c->pairs[i]), MESSAGE_LEAF,
						   first + i * stride };
	return kernel->run(c->messages, n, err);
}

enum wm_code committer_run(struct committer *c, uint8_t *first, size_t stride, size_t n,
			   struct wm_error *err)
{
	for (size_t i = 0; i < n; i += LANES)
		TRY(run_lanes(c, first + i * stride, stride, n - i < LANES ? n - i : LANES, err));
	return WM_OK;
}
