/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys: made, read and written as PKCS #8, used to sign. */
#include "crypto/key_internal.h"

#include <string.h>

#include <openssl/pkcs12.h>

#include "crypto/pbes2.h"
#include "crypto/pem.h"
#include "util/limits.h"

enum { AES_BLOCK = 16 };

static const char plain_label[] = "PRIVATE KEY";
static const char encrypted_label[] = "ENCRYPTED PRIVATE KEY";

/* DER that libcrypto allocated and that holds a secret. */
struct secret_der {
	unsigned char *data;
	int len;
};

static void secret_der_release(struct secret_der *d)
{
	OPENSSL_clear_free(d->data, d->len > 0 ? (size_t)d->len : 0);
}
#define cleanup_secret_der __attribute__((cleanup(secret_der_release)))

void private_key_free(struct private_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	public_key_free(k->public);
	free(k);
}

/* Completes a key: `pkey`, which moves in, is of a known kind and its halves match. */
static enum wm_code from_pkey(struct private_key **out, EVP_PKEY **pkey, const char *name,
			      struct wm_error *err)
{
	cleanup_private_key struct private_key *k = calloc(1, sizeof(*k));
	cleanup_pkey_ctx EVP_PKEY_CTX *ctx = NULL;
	enum key_algorithm algorithm;
	struct spki spki;

	if (!k)
		return fail_nomem(err);
	k->pkey = take_ptr(pkey);
	TRY(spki_of(&spki, &algorithm, k->pkey, name, err));
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	if (!ctx || EVP_PKEY_check(ctx) != 1)
		return fail_libcrypto(err, REASON_KEY_MALFORMED,
				      "%s: its private half is out of range or not that of its "
				      "public half", name);
	TRY(public_key_from_der(&k->public, spki.data, spki.len, name, err));
	*out = take_ptr(&k);
	return WM_OK;
}

enum wm_code private_key_new(struct private_key **out, enum key_algorithm algorithm,
			     struct wm_error *err)
{
	cleanup_pkey EVP_PKEY *pkey =
		algorithm == KEY_P256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") :
					EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!pkey)
		return fail_libcrypto(err, REASON_INTERNAL, "a key could not be made");
	return from_pkey(out, &pkey, "new key", err);
}

static enum wm_code from_pkcs8(struct private_key **out, const PKCS8_PRIV_KEY_INFO *info,
			       const char *name, struct wm_error *err)
{
	const ASN1_OBJECT *algorithm = NULL;
	cleanup_pkey EVP_PKEY *pkey = NULL;

	if (PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, info) != 1)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not a private key", name);
	TRY(check_algorithm(algorithm, name, err));
	pkey = EVP_PKCS82PKEY(info);
	if (!pkey)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not a private key", name);
	return from_pkey(out, &pkey, name, err);
}

static enum wm_code parse_plain(struct private_key **out, const struct buf *der, const char *name,
				struct wm_error *err)
{
	const uint8_t *at = der->data;
	cleanup_pkcs8 PKCS8_PRIV_KEY_INFO *info =
		d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der->len);

	if (!info || at != der->data + der->len)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not PKCS #8", name);
	return from_pkcs8(out, info, name, err);
}

static enum wm_code decrypt(PKCS8_PRIV_KEY_INFO **out, const X509_SIG *sealed, const char *name,
			    passphrase_fn *passphrase, void *context, struct wm_error *err)
{
	cleanup_secret struct buf secret = BUF_INIT(LIMIT_PASSPHRASE);

	if (!passphrase)
		return fail(err, REASON_PASSPHRASE_NEEDED, "%s: is encrypted", name);
	/* All at once, so that no copy is left behind by a growing buffer. */
	TRY(buf_reserve(&secret, LIMIT_PASSPHRASE, err));
	TRY(passphrase(context, &secret, err));
	*out = PKCS8_decrypt(sealed, buf_str(&secret), (int)secret.len);
	if (!*out)
		return fail_libcrypto(err, REASON_PASSPHRASE_WRONG,
				      "%s: wrong passphrase, or a damaged file", name);
	return WM_OK;
}

static enum wm_code parse_encrypted(struct private_key **out, const struct buf *der,
				    const char *name, passphrase_fn *passphrase, void *context,
				    struct wm_error *err)
{
	const uint8_t *at = der->data;
	cleanup_x509_sig X509_SIG *sealed = d2i_X509_SIG(NULL, &at, (long)der->len);
	cleanup_pkcs8 PKCS8_PRIV_KEY_INFO *info = NULL;
	const X509_ALGOR *scheme = NULL;
	const ASN1_OCTET_STRING *bytes = NULL;
	int len;

	if (!sealed || at != der->data + der->len)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not encrypted PKCS #8", name);
	X509_SIG_get0(sealed, &scheme, &bytes);
	TRY(pbes2_check(scheme, name, err));
	len = ASN1_STRING_length(bytes);
	if (len == 0 || len % AES_BLOCK != 0)
		return fail(err, REASON_KEY_MALFORMED, "%s: %d encrypted bytes are no whole blocks",
			    name, len);
	TRY(decrypt(&info, sealed, name, passphrase, context, err));
	return from_pkcs8(out, info, name, err);
}

enum wm_code private_key_parse(struct private_key **out, const void *pem, size_t len,
			       const char *name, passphrase_fn *passphrase, void *context,
			       struct wm_error *err)
{
	cleanup_secret struct buf der = BUF_INIT(LIMIT_KEY_FILE);
	char label[PEM_LABEL_SIZE];

	TRY(pem_label(label, pem, len, name, err));
	if (strcmp(label, "PUBLIC KEY") == 0)
		return fail(err, REASON_KEY_PUBLIC, "%s: holds a public key", name);
	if (strcmp(label, plain_label) != 0 && strcmp(label, encrypted_label) != 0)
		return fail(err, REASON_KEY_MALFORMED,
			    "%s: holds %s where PRIVATE KEY is expected; 'openssl pkcs8 -topk8' "
			    "converts other keys", name, label);
	TRY(pem_decode(&der, pem, len, name, err));
	if (strcmp(label, plain_label) == 0)
		return parse_plain(out, &der, name, err);
	return parse_encrypted(out, &der, name, passphrase, context, err);
}

static enum wm_code encode_encrypted(struct buf *out, PKCS8_PRIV_KEY_INFO *info,
				     const char *passphrase, size_t passphrase_len,
				     struct wm_error *err)
{
	cleanup_x509_algor X509_ALGOR *scheme = NULL;
	cleanup_x509_sig X509_SIG *sealed = NULL;
	cleanup_secret_der struct secret_der der = { NULL, 0 };

	if (passphrase_len > LIMIT_PASSPHRASE)
		return fail(err, REASON_LIMIT, "a passphrase of %zu bytes", passphrase_len);
	TRY(pbes2_new(&scheme, err));
	sealed = PKCS8_set0_pbe(passphrase, (int)passphrase_len, info, scheme);
	if (!sealed)
		return fail_libcrypto(err, REASON_INTERNAL, "a key could not be encrypted");
	scheme = NULL; /* moved into `sealed` */
	der.len = i2d_X509_SIG(sealed, &der.data);
	if (der.len <= 0)
		return fail_libcrypto(err, REASON_INTERNAL, "a key could not be encoded");
	return pem_encode(out, encrypted_label, der.data, (size_t)der.len, err);
}

enum wm_code private_key_encode(struct buf *out, const struct private_key *k,
				const char *passphrase, size_t passphrase_len,
				struct wm_error *err)
{
	cleanup_pkcs8 PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->pkey);
	cleanup_secret_der struct secret_der der = { NULL, 0 };

	if (!info)
		return fail_libcrypto(err, REASON_INTERNAL, "a key could not be encoded");
	if (passphrase_len > 0)
		return encode_encrypted(out, info, passphrase, passphrase_len, err);
	der.len = i2d_PKCS8_PRIV_KEY_INFO(info, &der.data);
	if (der.len <= 0)
		return fail_libcrypto(err, REASON_INTERNAL, "a key could not be encoded");
	return pem_encode(out, plain_label, der.data, (size_t)der.len, err);
}

const struct public_key *private_key_public(const struct private_key *k)
{
	return k->public;
}

enum wm_code private_key_sign(const struct private_key *k, const void *message, size_t len,
			      uint8_t sig[SIGNATURE_MAX], size_t *sig_len, struct wm_error *err)
{
	cleanup_md_ctx EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum key_algorithm algorithm = k->public->algorithm;
	const EVP_MD *md = algorithm == KEY_P256 ? EVP_sha256() : NULL;
	uint8_t made[SIGNATURE_MAX];
	size_t made_len = sizeof(made);

	if (!ctx || EVP_DigestSignInit(ctx, NULL, md, NULL, k->pkey) != 1 ||
	    EVP_DigestSign(ctx, made, &made_len, message, len) != 1)
		return fail_libcrypto(err, REASON_INTERNAL, "signing failed");
	return signature_normalise(sig, sig_len, algorithm, made, made_len, err);
}
