/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSH's encodings of keys and signatures. */
#include "crypto/ssh.h"

#include <string.h>

#include "crypto/key_internal.h"
#include "util/base64.h"

enum { SSH_VERSION = 1, ARMOUR_COLUMNS = 70, SSH_MAX = 4096, SHA512_BYTES = 64, P256_POINT = 65 };

static const char magic[] = "SSHSIG";
static const char ed25519_name[] = "ssh-ed25519";
static const char p256_name[] = "ecdsa-sha2-nistp256";
static const char armour_begin[] = "-----BEGIN SSH SIGNATURE-----\n";
static const char armour_end[] = "-----END SSH SIGNATURE-----\n";

/* RFC 4251 section 5: a length of four bytes, then the bytes. */
static enum wm_code append_string(struct buf *out, const void *data, size_t len,
				  struct wm_error *err)
{
	TRY(buf_append_u32be(out, (uint32_t)len, err));
	return buf_append(out, data, len, err);
}

static enum wm_code append_text(struct buf *out, const char *text, struct wm_error *err)
{
	return append_string(out, text, strlen(text), err);
}

/* The point of a P-256 key stands at the end of its SPKI. */
static enum wm_code append_key(struct buf *out, const struct public_key *k, struct wm_error *err)
{
	uint8_t raw[KEY_ED25519_BYTES];

	if (public_key_ed25519(raw, k)) {
		TRY(append_text(out, ed25519_name, err));
		return append_string(out, raw, sizeof(raw), err);
	}
	TRY(append_text(out, p256_name, err));
	TRY(append_text(out, "nistp256", err));
	return append_string(out, k->spki.data + k->spki.len - P256_POINT, P256_POINT, err);
}

static enum wm_code append_base64(struct buf *out, const struct buf *data, size_t columns,
				  struct wm_error *err)
{
	const size_t len = base64_len(data->len);
	cleanup_free char *text = malloc(len + 1);

	if (!text)
		return fail_nomem(err);
	base64_encode(text, data->data, data->len);
	for (size_t at = 0; at < len; at += columns) {
		const size_t n = len - at < columns ? len - at : columns;

		TRY(buf_append(out, text + at, n, err));
		if (columns < len || columns == ARMOUR_COLUMNS)
			TRY(buf_append_byte(out, '\n', err));
	}
	return WM_OK;
}

enum wm_code ssh_public_encode(struct buf *out, const struct public_key *k, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(SSH_MAX);

	TRY(append_key(&key, k, err));
	TRY(buf_printf(out, err, "%s ", k->algorithm == KEY_ED25519 ? ed25519_name : p256_name));
	return append_base64(out, &key, SSH_MAX, err);
}

/* What is signed: PROTOCOL.sshsig section 3, "Signed Data". */
static enum wm_code append_signed(struct buf *out, const char *namespace, const void *message,
				  size_t len, struct wm_error *err)
{
	uint8_t digest[SHA512_BYTES];

	if (EVP_Digest(message, len, digest, NULL, EVP_sha512(), NULL) != 1)
		return fail_libcrypto(err, REASON_INTERNAL, "SHA-512");
	TRY(buf_append(out, magic, sizeof(magic) - 1, err));
	TRY(append_text(out, namespace, err));
	TRY(append_text(out, "", err));
	TRY(append_text(out, "sha512", err));
	return append_string(out, digest, sizeof(digest), err);
}

static enum wm_code append_armour(struct buf *out, const struct public_key *k,
				  const char *namespace, const uint8_t *sig, size_t sig_len,
				  struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(SSH_MAX);
	cleanup_buf struct buf part = BUF_INIT(SSH_MAX);

	TRY(buf_append(&b, magic, sizeof(magic) - 1, err));
	TRY(buf_append_u32be(&b, SSH_VERSION, err));
	TRY(append_key(&part, k, err));
	TRY(append_string(&b, part.data, part.len, err));
	TRY(append_text(&b, namespace, err));
	TRY(append_text(&b, "", err));
	TRY(append_text(&b, "sha512", err));
	buf_truncate(&part, 0);
	TRY(append_text(&part, ed25519_name, err));
	TRY(append_string(&part, sig, sig_len, err));
	TRY(append_string(&b, part.data, part.len, err));
	TRY(buf_append_str(out, armour_begin, err));
	TRY(append_base64(out, &b, ARMOUR_COLUMNS, err));
	return buf_append_str(out, armour_end, err);
}

enum wm_code ssh_sign(struct buf *out, const struct private_key *k, const char *namespace,
		      const void *message, size_t len, struct wm_error *err)
{
	cleanup_buf struct buf to_sign = BUF_INIT(SSH_MAX);
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len = 0;

	if (public_key_algorithm(private_key_public(k)) != KEY_ED25519)
		return fail(err, REASON_KEY_UNSUPPORTED, "only Ed25519 keys sign for OpenSSH here");
	TRY(append_signed(&to_sign, namespace, message, len, err));
	TRY(private_key_sign(k, to_sign.data, to_sign.len, sig, &sig_len, err));
	return append_armour(out, private_key_public(k), namespace, sig, sig_len, err);
}

/* The bytes of the signature: the last ED25519 signature's length of what is armoured. */
static enum wm_code read_signature(uint8_t sig[SIGNATURE_MAX], const char *armour, size_t len,
				   struct wm_error *err)
{
	char text[SSH_MAX];
	uint8_t bytes[SSH_MAX];
	size_t n = 0, n_bytes;

	for (size_t i = sizeof(armour_begin) - 1; i < len && armour[i] != '-'; i++)
		if (armour[i] != '\n' && n < sizeof(text))
			text[n++] = armour[i];
	n_bytes = base64_decoded_len(text, n);
	if (n_bytes < 64 || n_bytes > sizeof(bytes) || !base64_decode(bytes, text, n))
		return fail(err, REASON_SIGNATURE_MALFORMED, "not an SSH signature");
	memcpy(sig, bytes + n_bytes - 64, 64);
	return WM_OK;
}

/* What is read is only where the signature's bytes are; all else is compared with what we write. */
enum wm_code ssh_verify(const struct public_key *k, const char *namespace, const void *message,
			size_t len, const void *armour, size_t armour_len, struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(2 * (size_t)SSH_MAX);
	cleanup_buf struct buf signed_ = BUF_INIT(SSH_MAX);
	uint8_t sig[SIGNATURE_MAX];

	if (k->algorithm != KEY_ED25519)
		return fail(err, REASON_KEY_UNSUPPORTED, "only Ed25519 keys sign for OpenSSH here");
	if (armour_len > SSH_MAX || armour_len < sizeof(armour_begin))
		return fail(err, REASON_SIGNATURE_MALFORMED, "not an SSH signature");
	TRY(read_signature(sig, armour, armour_len, err));
	TRY(append_armour(&again, k, namespace, sig, 64, err));
	if ((armour_len != again.len && armour_len + 1 != again.len) ||
	    memcmp(armour, again.data, armour_len) != 0)
		return fail(err, REASON_SIGNATURE_MALFORMED,
			    "an SSH signature by another key, or in another form");
	TRY(append_signed(&signed_, namespace, message, len, err));
	return key_verify(k, signed_.data, signed_.len, sig, 64, err);
}
