/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259): a strict pull parser, a reader of whole documents, and writers.
 *
 * The pull parser makes no tree: safetensors headers and shard indexes, which may
 * hold 10^5 entries, go through it in constant memory. It takes UTF-8 without a
 * byte order mark, and refuses everything that RFC 8259 does not generate: invalid
 * UTF-8, lone surrogates, leading zeros, NaN, comments, trailing commas or bytes,
 * nesting beyond LIMIT_JSON_DEPTH.
 *
 *	cleanup_json struct json j = json_parser(bytes, len, "model.safetensors");
 *	enum json_event event;
 *	do {
 *		TRY(json_next(&j, &event, err));
 *		...
 *	} while (event != JSON_END);
 */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include "text/node.h"
#include "util/buf.h"
#include "util/cursor.h"
#include "util/limits.h"

enum json_event {
	JSON_MAP, JSON_MAP_END, JSON_LIST, JSON_LIST_END,
	JSON_KEY,    /* j->text, j->len */
	JSON_TEXT,   /* j->text, j->len */
	JSON_NUMBER, /* j->text, j->len: the digits as written */
	JSON_TRUE, JSON_FALSE, JSON_NULL,
	JSON_END,    /* the one value is complete and nothing but white space follows */
};

struct json {
	struct cursor in;
	const char *name;    /* of the document, for messages; borrowed */
	const char *text;    /* of the last KEY, TEXT or NUMBER: unescaped UTF-8, NOT zero-
			      * terminated; valid until the next call */
	size_t len;
	size_t at;	     /* byte offset at which the last event began */
	unsigned depth;
	uint8_t state;	     /* what may come next */
	bool is_map[LIMIT_JSON_DEPTH + 1];
	struct buf unescaped; /* holds `text` where the input had escapes */
	enum reason reason;  /* what malformed input fails with; default REASON_JSON_MALFORMED */
};

/* A parser over `len` bytes that must outlive it. */
struct json json_parser(const void *data, size_t len, const char *name);
void json_release(struct json *j);
#define cleanup_json __attribute__((cleanup(json_release)))

/* Moves to the next event; malformed input fails with `j->reason` and the byte offset. */
MUST_USE enum wm_code json_next(struct json *j, enum json_event *event, struct wm_error *err);

/* Skips the rest of the value whose first event was `event` (maps and lists to their end). */
MUST_USE enum wm_code json_skip(struct json *j, enum json_event event, struct wm_error *err);

/*
 * The last NUMBER as an unsigned integer: digits only, no leading zero, no sign, no
 * fraction, no exponent, <= 2^64 - 1; else fails with `j->reason`.
 */
MUST_USE enum wm_code json_u64(const struct json *j, uint64_t *out, struct wm_error *err);

/*
 * Reads one whole document into `t`. Duplicate keys, numbers that are not integers
 * of at most 53 bits and NUL inside text are refused. Fails `json-malformed`, `limit`.
 */
MUST_USE enum wm_code json_read(struct tree *t, const void *data, size_t len, const char *name,
				struct wm_error *err);

/*
 * Appends `n` as canonical JSON (RFC 8785, JCS): no white space, map keys sorted by
 * their UTF-16 code units, the shortest escapes. Integers only, so no float form
 * is ever needed.
 */
MUST_USE enum wm_code json_write_canonical(struct buf *out, const struct node *n,
					   struct wm_error *err);

/* Appends `n` as JSON for people and scripts: keys in order, two spaces a level, newline. */
MUST_USE enum wm_code json_write_pretty(struct buf *out, const struct node *n,
					struct wm_error *err);

#endif
