/* SPDX-License-Identifier: Apache-2.0 */
/* Signing and verifying DSSE envelopes. */
#include "statement/envelope.h"

#include <string.h>

#include "statement/statement.h"
#include "util/limits.h"

const char envelope_payload_type[] = "application/vnd.in-toto+json";

enum { PAE_EXTRA = 128 }; /* bytes around the payload, and some */

enum wm_code envelope_pae(struct buf *out, const void *payload, size_t len, struct wm_error *err)
{
	TRY(buf_printf(out, err, "DSSEv1 %zu %s %zu ", strlen(envelope_payload_type),
		       envelope_payload_type, len));
	return buf_append(out, payload, len, err);
}

enum wm_code envelope_sign(struct envelope *out, struct arena *a, struct signer *signer,
			   const void *payload, size_t len, struct wm_error *err)
{
	cleanup_buf struct buf pae = BUF_INIT(len + PAE_EXTRA);
	const char *keyid = public_key_id(signer_public(signer));
	char *payload_copy = NULL, *keyid_copy = NULL, *sig_copy = NULL;
	struct envelope e = { .payload_len = len };
	uint8_t sig[SIGNATURE_MAX];

	TRY(statement_id(e.statement, payload, len, err));
	TRY(envelope_pae(&pae, payload, len, err));
	TRY(signer_sign(signer, pae.data, pae.len, sig, &e.sig_len, err));
	TRY(arena_copy(&payload_copy, a, payload, len, err));
	TRY(arena_copy(&sig_copy, a, sig, e.sig_len, err));
	TRY(arena_copy(&keyid_copy, a, keyid, strlen(keyid), err));
	e.payload = (const uint8_t *)payload_copy;
	e.sig = (const uint8_t *)sig_copy;
	e.keyid = keyid_copy;
	*out = e;
	return WM_OK;
}

enum wm_code envelope_verify(const struct envelope *e, const struct public_key *key,
			     struct wm_error *err)
{
	cleanup_buf struct buf pae = BUF_INIT(e->payload_len + PAE_EXTRA);

	TRY(envelope_pae(&pae, e->payload, e->payload_len, err));
	return key_verify(key, pae.data, pae.len, e->sig, e->sig_len, err);
}

enum wm_code envelope_try(struct wm_error *said, const struct envelope *e,
			  const struct public_key *key, struct wm_error *err)
{
	enum wm_code code;

	*said = (struct wm_error){ 0 };
	code = envelope_verify(e, key, said);
	return error_is_untold(code) ? fail_again(err, said) : WM_OK;
}

int envelope_compare(const struct envelope *a, const struct envelope *b)
{
	int order = memcmp(a->statement, b->statement, SHA256_BYTES);

	return order ? order : strcmp(a->keyid, b->keyid);
}
