/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of logs, and the records that stand for them. */
#include "log/entry.h"

#include <string.h>

#include "crypto/sha256.h"
#include "digest/kernel.h"
#include "statement/envelope_wire.h"
#include "statement/message.h"
#include "util/hex.h"
#include "util/limits.h"

static const char domain[] = "wmEntryV1"; /* with its zero byte */

_Static_assert(sizeof(domain) == 10, "a record begins with ten bytes");

enum wm_code entry_encode(struct buf *out, const struct envelope *e, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	Weightmark__V1__Envelope *message = NULL;

	TRY(envelope_make(&message, &a, e, err));
	return message_encode(out, &message->base, err);
}

enum wm_code entry_decode(struct envelope *out, struct arena *a, const void *data, size_t len,
			  const char *name, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	struct envelope e;
	enum wm_code code;

	if (len > LIMIT_ENTRY)
		return fail(err, REASON_LIMIT, "%s: an entry of %zu bytes", name, len);
	code = message_decode(&m, &weightmark__v1__envelope__descriptor, a, data, len,
			      REASON_ENTRY_MALFORMED, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	TRY(envelope_take(&e, (const Weightmark__V1__Envelope *)m, REASON_ENTRY_MALFORMED, name,
			  err));
	*out = e;
	return WM_OK;
}

void entry_record(uint8_t record[RECORD_BYTES], const struct envelope *e,
		  const uint8_t entry[SHA256_BYTES])
{
	memcpy(record, domain, sizeof(domain));
	memcpy(record + sizeof(domain), e->statement, SHA256_BYTES);
	/* Whoever made the envelope checked the form of its keyid. */
	(void)hex_decode(record + sizeof(domain) + SHA256_BYTES, e->keyid, KEYID_HEX);
	memcpy(record + sizeof(domain) + (size_t)2 * SHA256_BYTES, entry, SHA256_BYTES);
}

void record_leaf(uint8_t leaf[SHA256_BYTES], const uint8_t record[RECORD_BYTES])
{
	kernel_one(&(struct message){ record, RECORD_BYTES, MESSAGE_LEAF, leaf });
}

enum wm_code entry_leaf(uint8_t leaf[SHA256_BYTES], const struct envelope *e, struct wm_error *err)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY);
	uint8_t digest[SHA256_BYTES], record[RECORD_BYTES];

	TRY(entry_encode(&entry, e, err));
	TRY(sha256_of(digest, entry.data, entry.len, err));
	entry_record(record, e, digest);
	record_leaf(leaf, record);
	return WM_OK;
}
