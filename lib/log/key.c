/* SPDX-License-Identifier: Apache-2.0 */
/* Verifier keys of logs: read, written, and the set of those that are pinned. */
#include "log/key.h"

#include <stdio.h>
#include <string.h>

#include "crypto/sha256.h"
#include "log/origin.h"
#include "util/base64.h"
#include "util/file.h"
#include "util/hex.h"

/* The signature type of Ed25519 in signed notes. */
enum { NOTE_ED25519 = 0x01, TYPED = 1 + LOG_KEY_BYTES, TYPED_TEXT = (TYPED + 2) / 3 * 4 };

struct log_key {
	char origin[LIMIT_ORIGIN + 1];
	uint8_t raw[LOG_KEY_BYTES];
	uint8_t id[LOG_KEY_ID];
	struct public_key *public;
};

void log_key_free(struct log_key *k)
{
	if (!k)
		return;
	public_key_free(k->public);
	free(k);
}

enum wm_code note_key_id(uint8_t id[LOG_KEY_ID], const char *name, const uint8_t raw[LOG_KEY_BYTES],
			 struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_NOTE);
	uint8_t digest[SHA256_BYTES];

	TRY(buf_append_str(&b, name, err));
	TRY(buf_append_byte(&b, '\n', err));
	TRY(buf_append_byte(&b, NOTE_ED25519, err));
	TRY(buf_append(&b, raw, LOG_KEY_BYTES, err));
	TRY(sha256_of(digest, b.data, b.len, err));
	memcpy(id, digest, LOG_KEY_ID);
	return WM_OK;
}

enum wm_code log_key_new(struct log_key **out, const char *origin,
			 const uint8_t raw[LOG_KEY_BYTES], struct wm_error *err)
{
	cleanup_log_key struct log_key *k = NULL;

	TRY(origin_check(origin, err));
	k = calloc(1, sizeof(*k));
	if (!k)
		return fail_nomem(err);
	snprintf(k->origin, sizeof(k->origin), "%s", origin);
	memcpy(k->raw, raw, LOG_KEY_BYTES);
	TRY(note_key_id(k->id, origin, raw, err));
	TRY(public_key_from_ed25519(&k->public, raw, origin, err));
	*out = take_ptr(&k);
	return WM_OK;
}

static enum wm_code malformed(const char *name, struct wm_error *err)
{
	return fail(err, REASON_LOG_KEY_MALFORMED, "%s: is no verifier key of a log", name);
}

enum wm_code log_key_parse(struct log_key **out, const void *text, size_t len, const char *name,
			   struct wm_error *err)
{
	cleanup_log_key struct log_key *k = NULL;
	char line[LIMIT_ORIGIN + 1 + 2 * LOG_KEY_ID + 1 + TYPED_TEXT + 1];
	uint8_t typed[TYPED], id[LOG_KEY_ID];
	char *plus, *base64;

	if (len > 0 && ((const char *)text)[len - 1] == '\n')
		len--;
	if (len >= sizeof(line) || memchr(text, '\0', len))
		return malformed(name, err);
	memcpy(line, text, len);
	line[len] = '\0';
	plus = strchr(line, '+');
	if (!plus || len - (size_t)(plus - line) != 1 + 2 * LOG_KEY_ID + 1 + TYPED_TEXT)
		return malformed(name, err);
	base64 = plus + 1 + 2 * LOG_KEY_ID;
	*plus = '\0';
	if (!hex_decode(id, plus + 1, sizeof(id) * 2) || *base64++ != '+' ||
	    base64_decoded_len(base64, TYPED_TEXT) != TYPED ||
	    !base64_decode(typed, base64, TYPED_TEXT) || typed[0] != NOTE_ED25519 ||
	    !origin_valid(line))
		return malformed(name, err);
	TRY(log_key_new(&k, line, typed + 1, err));
	if (memcmp(k->id, id, LOG_KEY_ID) != 0)
		return fail(err, REASON_LOG_KEY_MALFORMED,
			    "%s: the key id is not that of origin and key", name);
	*out = take_ptr(&k);
	return WM_OK;
}

enum wm_code log_key_load(struct log_key **out, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_KEY_FILE);

	TRY(file_read_input(&text, path, REASON_LOG_KEY_MALFORMED, err));
	return log_key_parse(out, text.data, text.len, path, err);
}

enum wm_code log_key_encode(struct buf *out, const struct log_key *k, struct wm_error *err)
{
	uint8_t typed[TYPED] = { NOTE_ED25519 };
	char base64[TYPED_TEXT];

	memcpy(typed + 1, k->raw, LOG_KEY_BYTES);
	base64_encode(base64, typed, sizeof(typed));
	TRY(buf_printf(out, err, "%s+", k->origin));
	TRY(buf_append_hex(out, k->id, LOG_KEY_ID, err));
	TRY(buf_append_byte(out, '+', err));
	return buf_append(out, base64, sizeof(base64), err);
}

const char *log_key_origin(const struct log_key *k)
{
	return k->origin;
}

const uint8_t *log_key_raw(const struct log_key *k)
{
	return k->raw;
}

const uint8_t *log_key_id(const struct log_key *k)
{
	return k->id;
}

const struct public_key *log_key_public(const struct log_key *k)
{
	return k->public;
}

bool log_key_same(const struct log_key *a, const struct log_key *b)
{
	return strcmp(a->origin, b->origin) == 0 && memcmp(a->raw, b->raw, LOG_KEY_BYTES) == 0;
}

/* --- pinned ------------------------------------------------------------------------------ */

void log_keys_release(struct log_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		log_key_free(keys->list[i]);
	free(keys->list);
	*keys = (struct log_keys)LOG_KEYS_INIT;
}

enum wm_code log_keys_add(struct log_keys *keys, struct log_key *key, struct wm_error *err)
{
	cleanup_log_key struct log_key *owned = key;
	void *more;

	if (log_keys_find(keys, key->origin, key->raw))
		return WM_OK;
	if (keys->n == LIMIT_LOG_KEYS)
		return fail(err, REASON_LIMIT, "more than %d keys of logs", LIMIT_LOG_KEYS);
	more = reallocarray(keys->list, keys->n + 1, sizeof(struct log_key *));
	if (!more)
		return fail_nomem(err);
	keys->list = more;
	keys->list[keys->n++] = take_ptr(&owned);
	return WM_OK;
}

const struct log_key *log_keys_find(const struct log_keys *keys, const char *origin,
				    const uint8_t raw[LOG_KEY_BYTES])
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->list[i]->origin, origin) == 0 &&
		    memcmp(keys->list[i]->raw, raw, LOG_KEY_BYTES) == 0)
			return keys->list[i];
	return NULL;
}

bool log_keys_know(const struct log_keys *keys, const char *origin)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->list[i]->origin, origin) == 0)
			return true;
	return false;
}
