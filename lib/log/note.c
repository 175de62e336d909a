/* SPDX-License-Identifier: Apache-2.0 */
/* Tree heads as signed notes: parsed in one form, verified, signed. */
#include "log/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/origin.h"
#include "util/base64.h"
#include "util/cursor.h"
#include "util/utf8.h"

enum { ROOT_TEXT = (SHA256_BYTES + 2) / 3 * 4 };

/* Before the name of each signature: an em dash and a space. */
static const char dash[] = "\xe2\x80\x94 ";

void note_release(struct note *n)
{
	free(n->text);
	free(n->decoded);
	*n = (struct note){ .text = NULL };
}

static enum wm_code malformed(const char *name, const char *what, struct wm_error *err)
{
	return fail(err, REASON_NOTE_MALFORMED, "%s: a tree head %s", name, what);
}

/* The next line without its newline; NULL where none is whole. */
static const char *take_line(struct cursor *c, size_t *len)
{
	const uint8_t *at = c->data + c->off;
	const uint8_t *end = memchr(at, '\n', cursor_left(c));

	if (!end)
		return NULL;
	*len = (size_t)(end - at);
	return (const char *)cursor_take(c, *len + 1);
}

static bool parse_origin(struct tree_head *out, const char *line, size_t len)
{
	if (len > LIMIT_ORIGIN)
		return false;
	memcpy(out->origin, line, len);
	out->origin[len] = '\0';
	return origin_valid(out->origin);
}

/* Digits without leading zeros, below 2^53. */
static bool parse_size(uint64_t *out, const char *line, size_t len)
{
	uint64_t size = 0;

	if (len == 0 || len > 16 || (len > 1 && line[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		size = 10 * size + (uint64_t)(line[i] - '0');
	}
	*out = size;
	return size < UINT64_C(1) << 53;
}

static bool parse_root(uint8_t out[SHA256_BYTES], const char *line, size_t len)
{
	return len == ROOT_TEXT && base64_decoded_len(line, len) == SHA256_BYTES &&
	       base64_decode(out, line, len);
}

static bool parse_head(struct tree_head *out, struct cursor *c)
{
	const char *line;
	size_t len = 0;

	return (line = take_line(c, &len)) && parse_origin(out, line, len) &&
	       (line = take_line(c, &len)) && parse_size(&out->size, line, len) &&
	       (line = take_line(c, &len)) && parse_root(out->root, line, len);
}

/* The characters with the Unicode property White_Space that a line may hold. */
static bool is_space(uint32_t scalar)
{
	return scalar == ' ' || scalar == 0x85 || scalar == 0xA0 || scalar == 0x1680 ||
	       (scalar >= 0x2000 && scalar <= 0x200A) || scalar == 0x2028 || scalar == 0x2029 ||
	       scalar == 0x202F || scalar == 0x205F || scalar == 0x3000;
}

/* Names of keys are not empty and have neither spaces nor "+". */
static bool name_valid(const char *name, size_t len)
{
	struct cursor c = cursor_of(name, len);
	uint32_t scalar = 0;

	while (cursor_left(&c) > 0) {
		size_t n = utf8_decode(&scalar, c.data + c.off, cursor_left(&c));

		if (n == 0 || is_space(scalar) || scalar == '+' || !cursor_take(&c, n))
			return false;
	}
	return len > 0;
}

/* One line; its bytes go to `room`. */
static bool parse_signature(struct note_signature *out, const char *line, size_t len,
			    uint8_t *room)
{
	const size_t mark = sizeof(dash) - 1;
	const char *space;
	size_t n_chars, n;

	if (len <= mark || memcmp(line, dash, mark) != 0)
		return false;
	out->name = line + mark;
	space = memchr(out->name, ' ', len - mark);
	if (!space)
		return false;
	out->name_len = (size_t)(space - out->name);
	if (!name_valid(out->name, out->name_len))
		return false;
	n_chars = len - mark - out->name_len - 1;
	n = base64_decoded_len(space + 1, n_chars);
	if (n <= LOG_KEY_ID || !base64_decode(room, space + 1, n_chars))
		return false;
	memcpy(out->key_id, room, LOG_KEY_ID);
	out->sig = room + LOG_KEY_ID;
	out->sig_len = n - LOG_KEY_ID;
	return true;
}

/* Valid UTF-8 without control characters but newlines. */
static bool text_valid(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			return false;
	return utf8_valid(text, len);
}

static enum wm_code parse(struct note *n, const char *name, struct wm_error *err)
{
	struct cursor c = cursor_of(n->text, n->len);
	size_t len, used = 0;
	const char *line;

	if (!text_valid((const uint8_t *)n->text, n->len) || !parse_head(&n->head, &c))
		return malformed(name, "is not three lines of origin, size and root", err);
	n->body_len = c.off;
	line = take_line(&c, &len);
	if (!line || len != 0)
		return malformed(name, "has further lines", err);
	while (cursor_left(&c) > 0) {
		if (n->n_signatures == NOTE_SIGNATURES)
			return malformed(name, "has too many signatures", err);
		line = take_line(&c, &len);
		if (!line || !parse_signature(&n->signatures[n->n_signatures], line, len,
					      n->decoded + used))
			return malformed(name, "has a line that is no signature", err);
		used += LOG_KEY_ID + n->signatures[n->n_signatures++].sig_len;
	}
	return n->n_signatures ? WM_OK : malformed(name, "is not signed", err);
}

enum wm_code note_parse(struct note *out, const void *text, size_t len, const char *name,
			struct wm_error *err)
{
	cleanup_note struct note n = { .text = NULL };

	if (len > LIMIT_NOTE)
		return malformed(name, "is too long", err);
	n.text = malloc(len + 1);
	n.decoded = malloc(len + 1);
	if (!n.text || !n.decoded)
		return fail_nomem(err);
	memcpy(n.text, text, len);
	n.text[len] = '\0';
	n.len = len;
	TRY(parse(&n, name, err));
	*out = n;
	n = (struct note){ .text = NULL };
	return WM_OK;
}

enum wm_code note_verify(const struct note *n, const struct log_key *key, struct wm_error *err)
{
	const char *origin = log_key_origin(key);
	size_t verified = 0;

	if (strcmp(n->head.origin, origin) != 0)
		return fail(err, REASON_NOTE_SIGNATURE, "a tree head of %s, not of %s",
			    n->head.origin, origin);
	for (size_t i = 0; i < n->n_signatures; i++) {
		const struct note_signature *s = &n->signatures[i];
		struct wm_error why = { 0 };
		enum wm_code code;

		if (s->name_len != strlen(origin) || memcmp(s->name, origin, s->name_len) != 0 ||
		    memcmp(s->key_id, log_key_id(key), LOG_KEY_ID) != 0)
			continue;
		code = key_verify(log_key_public(key), n->text, n->body_len, s->sig, s->sig_len,
				  &why);
		if (error_is_untold(code))
			return fail_again(err, &why);
		if (code != WM_OK)
			return fail(err, REASON_NOTE_SIGNATURE,
				    "%s: the signature of its tree head is invalid", origin);
		verified++;
	}
	if (verified == 0)
		return fail(err, REASON_NOTE_SIGNATURE,
			    "%s: its tree head is not signed by its key", origin);
	return WM_OK;
}

enum wm_code note_sign(struct buf *out, const struct tree_head *head,
		       const struct private_key *key, struct wm_error *err)
{
	cleanup_buf struct buf body = BUF_INIT(LIMIT_NOTE);
	uint8_t raw[KEY_ED25519_BYTES], signed_[LOG_KEY_ID + SIGNATURE_MAX];
	char root[ROOT_TEXT + 1] = "", text[(sizeof(signed_) + 2) / 3 * 4 + 1] = "";
	size_t len = 0;

	TRY(origin_check(head->origin, err));
	if (!public_key_ed25519(raw, private_key_public(key)))
		return fail(err, REASON_KEY_UNSUPPORTED, "a log's key is an Ed25519 key");
	base64_encode(root, head->root, SHA256_BYTES);
	TRY(buf_printf(&body, err, "%s\n%" PRIu64 "\n%s\n", head->origin, head->size, root));
	TRY(note_key_id(signed_, head->origin, raw, err));
	TRY(private_key_sign(key, body.data, body.len, signed_ + LOG_KEY_ID, &len, err));
	base64_encode(text, signed_, LOG_KEY_ID + len);
	TRY(buf_append(out, body.data, body.len, err));
	return buf_printf(out, err, "\n%s%s %s\n", dash, head->origin, text);
}
