/* SPDX-License-Identifier: Apache-2.0 */
/* Signing by a key or by a command, with the same checks of the result. */
#include "crypto/signer.h"

#include <errno.h>
#include <string.h>

#include "crypto/command.h"
#include "crypto/key_internal.h"

enum { TIMEOUT_MS = 120000, OUTPUT_MAX = 1024 };

struct signer {
	struct private_key *key;   /* NULL where a command signs */
	struct public_key *public; /* the command's; NULL where a key signs */
	char *command;
};

void signer_free(struct signer *s)
{
	if (!s)
		return;
	private_key_free(s->key);
	public_key_free(s->public);
	free(s->command);
	free(s);
}

enum wm_code signer_take_key(struct signer **out, struct private_key *key, struct wm_error *err)
{
	struct signer *s = calloc(1, sizeof(*s));

	if (!s) {
		private_key_free(key);
		return fail_nomem(err);
	}
	s->key = key;
	*out = s;
	return WM_OK;
}

enum wm_code signer_take_command(struct signer **out, const char *command,
				 struct public_key *public, struct wm_error *err)
{
	cleanup_public_key struct public_key *owned = public;
	cleanup_signer struct signer *s = calloc(1, sizeof(*s));

	if (!s)
		return fail_nomem(err);
	s->command = strdup(command);
	if (!s->command)
		return fail_nomem(err);
	s->public = take_ptr(&owned);
	*out = take_ptr(&s);
	return WM_OK;
}

const struct public_key *signer_public(const struct signer *s)
{
	return s->key ? private_key_public(s->key) : s->public;
}

static enum wm_code sign_by_command(const struct signer *s, const void *message, size_t len,
				    uint8_t sig[SIGNATURE_MAX], size_t *sig_len,
				    struct wm_error *err)
{
	cleanup_buf struct buf output = BUF_INIT(OUTPUT_MAX);

	TRY(command_run(&output, s->command, message, len, TIMEOUT_MS, err));
	errno = 0;
	if (output.len == 0)
		return fail(err, REASON_SIGNER_FAILED, "'%s' printed no signature", s->command);
	if (signature_normalise(sig, sig_len, s->public->algorithm, output.data, output.len,
				err) == WM_OK)
		return WM_OK;
	if (error_reason(err) != REASON_SIGNATURE_MALFORMED)
		return err->code;
	return fail(err, REASON_SIGNER_FAILED, "'%s' printed %zu bytes that are no %s signature",
		    s->command, output.len, key_algorithm_name(s->public->algorithm));
}

/* A signature is handed out only where it verifies, whoever made it. */
static enum wm_code check_made(const struct signer *s, const void *message, size_t len,
			       const uint8_t *sig, size_t sig_len, struct wm_error *err)
{
	const struct public_key *public = signer_public(s);

	if (key_verify(public, message, len, sig, sig_len, err) == WM_OK)
		return WM_OK;
	if (error_reason(err) != REASON_SIGNATURE_INVALID)
		return err->code;
	if (s->key)
		return fail(err, REASON_INTERNAL, "a signature just made does not verify");
	return fail(err, REASON_SIGNER_WRONG_KEY, "what '%s' signed does not verify under %.16s",
		    s->command, public_key_id(public));
}

enum wm_code signer_sign(struct signer *s, const void *message, size_t len,
			 uint8_t sig[SIGNATURE_MAX], size_t *sig_len, struct wm_error *err)
{
	struct wm_error own = { 0 };
	struct wm_error *e = err ? err : &own;
	uint8_t made[SIGNATURE_MAX];
	size_t made_len = 0;

	if (s->key)
		TRY(private_key_sign(s->key, message, len, made, &made_len, e));
	else
		TRY(sign_by_command(s, message, len, made, &made_len, e));
	TRY(check_made(s, message, len, made, made_len, e));
	memcpy(sig, made, made_len);
	*sig_len = made_len;
	return WM_OK;
}
