/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys: read in one encoding only, known by the digest of it. */
#include "crypto/key_internal.h"

#include <string.h>

#include <openssl/core_names.h>

#include "crypto/edwards.h"
#include "crypto/pem.h"
#include "crypto/sha256.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"

enum { P256_BYTES = 32, P256_POINT = 1 + 2 * P256_BYTES, GROUP_NAME_SIZE = 64 };

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { uncompressed, x, y } } */
static const uint8_t p256_head[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
	0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};
/* SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING { y and the sign of x } } */
static const uint8_t ed25519_head[] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
};

_Static_assert(sizeof(p256_head) + 2 * P256_BYTES == sizeof(((struct spki *)0)->data),
	       "an SPKI must fit exactly");

const char *key_algorithm_name(enum key_algorithm algorithm)
{
	return algorithm == KEY_P256 ? "ecdsa-p256" : "ed25519";
}

void public_key_free(struct public_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static enum wm_code p256_spki(struct spki *out, const EVP_PKEY *pkey, const char *name,
			      struct wm_error *err)
{
	cleanup_bn BIGNUM *x = NULL;
	cleanup_bn BIGNUM *y = NULL;
	char group[GROUP_NAME_SIZE] = "";
	int by_parameters = 0;
	uint8_t *point = out->data + sizeof(p256_head);

	if (EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				   &by_parameters) == 1 && by_parameters)
		return fail(err, REASON_KEY_ENCODING,
			    "%s: gives its curve by parameters, not by name", name);
	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, SN_X9_62_prime256v1) != 0)
		return fail_libcrypto(err, REASON_KEY_UNSUPPORTED, "%s: on curve '%s', not P-256",
				      name, group);
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 ||
	    BN_bn2binpad(x, point, P256_BYTES) != P256_BYTES ||
	    BN_bn2binpad(y, point + P256_BYTES, P256_BYTES) != P256_BYTES)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: has no usable point", name);
	memcpy(out->data, p256_head, sizeof(p256_head));
	out->len = sizeof(p256_head) + 2 * P256_BYTES;
	return WM_OK;
}

static enum wm_code ed25519_spki(struct spki *out, const EVP_PKEY *pkey, const char *name,
				 struct wm_error *err)
{
	size_t len = ED25519_BYTES;

	if (EVP_PKEY_get_raw_public_key(pkey, out->data + sizeof(ed25519_head), &len) != 1 ||
	    len != ED25519_BYTES)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: has no point", name);
	memcpy(out->data, ed25519_head, sizeof(ed25519_head));
	out->len = sizeof(ed25519_head) + ED25519_BYTES;
	return WM_OK;
}

enum wm_code check_algorithm(const ASN1_OBJECT *algorithm, const char *name, struct wm_error *err)
{
	int nid = OBJ_obj2nid(algorithm);

	if (nid == NID_X9_62_id_ecPublicKey || nid == NID_ED25519)
		return WM_OK;
	return fail_libcrypto(err, REASON_KEY_UNSUPPORTED, "%s: a key of type %s", name,
			      nid == NID_undef ? "unknown" : OBJ_nid2ln(nid));
}

enum wm_code spki_of(struct spki *out, enum key_algorithm *algorithm, const EVP_PKEY *pkey,
		     const char *name, struct wm_error *err)
{
	const char *type = EVP_PKEY_get0_type_name(pkey);

	if (EVP_PKEY_is_a(pkey, "EC") == 1) {
		*algorithm = KEY_P256;
		return p256_spki(out, pkey, name, err);
	}
	if (EVP_PKEY_is_a(pkey, "ED25519") == 1) {
		*algorithm = KEY_ED25519;
		return ed25519_spki(out, pkey, name, err);
	}
	return fail_libcrypto(err, REASON_KEY_UNSUPPORTED, "%s: a key of type %s", name,
			      type ? type : "unknown");
}

/* Decodes one SPKI, telling an unknown algorithm from a malformed key. */
static enum wm_code decode_spki(EVP_PKEY **out, const uint8_t *der, size_t len, const char *name,
				struct wm_error *err)
{
	const uint8_t *at = der;
	cleanup_x509_pubkey X509_PUBKEY *x = d2i_X509_PUBKEY(NULL, &at, (long)len);
	ASN1_OBJECT *algorithm = NULL;

	if (!x || X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, x) != 1)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not a public key", name);
	if (at != der + len)
		return fail_libcrypto(err, REASON_KEY_ENCODING,
				      "%s: %zu bytes follow the key inside the PEM block", name,
				      (size_t)(der + len - at));
	TRY(check_algorithm(algorithm, name, err));
	*out = X509_PUBKEY_get(x);
	if (!*out)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not a public key", name);
	return WM_OK;
}

static enum wm_code check_point(const struct public_key *k, const char *name,
				struct wm_error *err)
{
	cleanup_pkey_ctx EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);

	if (!ctx || EVP_PKEY_public_check(ctx) != 1)
		return fail_libcrypto(err, REASON_KEY_MALFORMED, "%s: not a point of its curve",
				      name);
	if (k->algorithm == KEY_ED25519)
		return edwards_check(k->spki.data + sizeof(ed25519_head), name, err);
	return WM_OK;
}

enum wm_code public_key_from_der(struct public_key **out, const uint8_t *der, size_t len,
				 const char *name, struct wm_error *err)
{
	cleanup_public_key struct public_key *k = calloc(1, sizeof(*k));
	uint8_t digest[SHA256_BYTES];

	if (!k)
		return fail_nomem(err);
	TRY(decode_spki(&k->pkey, der, len, name, err));
	TRY(spki_of(&k->spki, &k->algorithm, k->pkey, name, err));
	if (k->spki.len != len || memcmp(k->spki.data, der, len) != 0)
		return fail(err, REASON_KEY_ENCODING,
			    "%s: its %zu bytes are not the canonical %zu (named curve, "
			    "uncompressed point)", name, len, k->spki.len);
	TRY(check_point(k, name, err));
	TRY(sha256_of(digest, k->spki.data, k->spki.len, err));
	hex_encode(k->id, digest, sizeof(digest));
	*out = take_ptr(&k);
	return WM_OK;
}

enum wm_code public_key_parse(struct public_key **out, const void *pem, size_t len,
			      const char *name, struct wm_error *err)
{
	cleanup_buf struct buf der = BUF_INIT(LIMIT_KEY_FILE);
	char label[PEM_LABEL_SIZE];

	TRY(pem_label(label, pem, len, name, err));
	if (strstr(label, "PRIVATE KEY"))
		return fail(err, REASON_KEY_PRIVATE, "%s: holds a private key (%s)", name, label);
	if (strcmp(label, "PUBLIC KEY") != 0)
		return fail(err, REASON_KEY_MALFORMED, "%s: holds %s where PUBLIC KEY is expected",
			    name, label);
	TRY(pem_decode(&der, pem, len, name, err));
	return public_key_from_der(out, der.data, der.len, name, err);
}

enum wm_code public_key_from_ed25519(struct public_key **out,
				     const uint8_t raw[KEY_ED25519_BYTES], const char *name,
				     struct wm_error *err)
{
	uint8_t der[sizeof(ed25519_head) + KEY_ED25519_BYTES];

	memcpy(der, ed25519_head, sizeof(ed25519_head));
	memcpy(der + sizeof(ed25519_head), raw, KEY_ED25519_BYTES);
	return public_key_from_der(out, der, sizeof(der), name, err);
}

bool public_key_ed25519(uint8_t raw[KEY_ED25519_BYTES], const struct public_key *k)
{
	if (k->algorithm != KEY_ED25519)
		return false;
	memcpy(raw, k->spki.data + sizeof(ed25519_head), KEY_ED25519_BYTES);
	return true;
}

enum wm_code public_key_load(struct public_key **out, const char *path, struct wm_error *err)
{
	/* It may be a private key, given by mistake. */
	cleanup_secret struct buf pem = BUF_INIT(LIMIT_KEY_FILE);

	TRY(file_read_input(&pem, path, REASON_KEY_MALFORMED, err));
	return public_key_parse(out, pem.data, pem.len, path, err);
}

enum wm_code public_key_encode(struct buf *out, const struct public_key *k, struct wm_error *err)
{
	return pem_encode(out, "PUBLIC KEY", k->spki.data, k->spki.len, err);
}

enum key_algorithm public_key_algorithm(const struct public_key *k)
{
	return k->algorithm;
}

const char *public_key_id(const struct public_key *k)
{
	return k->id;
}
