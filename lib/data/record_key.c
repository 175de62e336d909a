/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of commitments: their files, and HMAC (RFC 2104) by the lanes of the kernel. */
#include "data/record_key.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "digest/kernel.h"
#include "util/base64.h"
#include "util/file.h"
#include "util/limits.h"

static const char magic[] = "weightmark-commitment-key/1\n";
static const char id_domain[] = "wmRecordKeyV1", tag_label[] = "wmRecordTagV1";

enum {
	MAGIC_BYTES = sizeof(magic) - 1,
	KEY_CHARS = 44, /* base64 of 32 bytes */
	FILE_BYTES = MAGIC_BYTES + KEY_CHARS + 1,
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

enum wm_code record_key_of(struct record_key *out, const uint8_t secret[RECORD_KEY_BYTES],
			   struct wm_error *err)
{
	uint8_t label[PAD_BYTES + sizeof(tag_label) - 1];
	uint8_t text[sizeof(id_domain) + RECORD_KEY_BYTES];
	enum wm_code code;

	memcpy(label + PAD_BYTES, tag_label, sizeof(tag_label) - 1);
	memcpy(text, id_domain, sizeof(id_domain));
	memcpy(text + sizeof(id_domain), secret, RECORD_KEY_BYTES);
	memcpy(out->secret, secret, RECORD_KEY_BYTES);
	hmac(out->tags, secret, label, sizeof(tag_label) - 1);
	code = sha256_of(out->id, text, sizeof(text), err);
	cleanse(text, sizeof(text));
	return code;
}

enum wm_code record_key_new(struct record_key *out, struct wm_error *err)
{
	uint8_t secret[RECORD_KEY_BYTES];
	enum wm_code code = random_bytes(secret, sizeof(secret), err);

	if (code == WM_OK)
		code = record_key_of(out, secret, err);
	cleanse(secret, sizeof(secret));
	return code;
}

/* --- files ------------------------------------------------------------------------------- */

enum wm_code record_key_load(struct record_key *out, const char *path, struct wm_error *err)
{
	cleanup_secret struct buf text = BUF_INIT(FILE_BYTES);
	uint8_t secret[RECORD_KEY_BYTES];
	struct wm_error why = { 0 };
	enum wm_code code;

	TRY(buf_reserve(&text, FILE_BYTES, err));
	if (file_read_input(&text, path, REASON_COMMITMENT_KEY_MALFORMED, &why) != WM_OK)
		return error_reason(&why) == REASON_NOT_FOUND ?
			       fail(err, REASON_COMMITMENT_KEY_MISSING, "%s: is not there", path) :
			       fail_again(err, &why);
	if (text.len != FILE_BYTES || memcmp(text.data, magic, MAGIC_BYTES) != 0 ||
	    text.data[FILE_BYTES - 1] != '\n' ||
	    base64_decoded_len(buf_str(&text) + MAGIC_BYTES, KEY_CHARS) != RECORD_KEY_BYTES ||
	    !base64_decode(secret, buf_str(&text) + MAGIC_BYTES, KEY_CHARS))
		return fail(err, REASON_COMMITMENT_KEY_MALFORMED,
			    "%s: is not a key of commitments as 'dataset record' makes it", path);
	code = record_key_of(out, secret, err);
	cleanse(secret, sizeof(secret));
	return code;
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

enum wm_code record_key_destroy(const char *path, struct wm_error *err)
{
	cleanup_record_key struct record_key k = { 0 };
	cleanup_fd int fd = -1;
	uint8_t noise[FILE_BYTES];

	TRY(record_key_load(&k, path, err));
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be written", path);
	TRY(random_bytes(noise, sizeof(noise), err));
	TRY(file_write_at(fd, noise, sizeof(noise), 0, path, err));
	if (fsync(fd) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be synced", path);
	return file_remove(path, err);
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

enum wm_code record_commit(struct commitment *out, const struct record_key *k,
			   const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	uint8_t text[PAD_BYTES + SHA256_BYTES];

	(void)err;
	memcpy(text + PAD_BYTES, digest, SHA256_BYTES);
	hmac(out->r, k->secret, text, SHA256_BYTES);
	commitment_leaf(out->leaf, out->r, digest);
	return WM_OK;
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
