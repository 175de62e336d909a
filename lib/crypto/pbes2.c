/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of password-based encryption, judged before they are used. */
#include "crypto/pbes2.h"

#include <stdbool.h>

#include "util/limits.h"

enum { AES_IV = 16, SCRYPT_N = 1 << 14, SCRYPT_R = 8, SCRYPT_P = 5 };

static int algorithm_of(const X509_ALGOR *a)
{
	const ASN1_OBJECT *object = NULL;

	X509_ALGOR_get0(&object, NULL, NULL, a);
	return OBJ_obj2nid(object);
}

/* The parameters where they have the ASN.1 `type`, else NULL. */
static const void *parameters_of(const X509_ALGOR *a, int type)
{
	const void *value = NULL;
	int got = V_ASN1_UNDEF;

	X509_ALGOR_get0(NULL, &got, &value, a);
	return got == type ? value : NULL;
}

/* The value of a positive INTEGER; 0 where it is absent, negative or above 64 bits. */
static uint64_t positive(const ASN1_INTEGER *i)
{
	uint64_t value = 0;

	return i && ASN1_INTEGER_get_uint64(&value, i) == 1 ? value : 0;
}

/* A key length in the parameters is optional, and must be the cipher's own. */
static bool key_length_fits(const ASN1_INTEGER *len, size_t key_len)
{
	return !len || positive(len) == key_len;
}

static enum wm_code check_cipher(size_t *key_len, const X509_ALGOR *cipher, const char *name,
				 struct wm_error *err)
{
	const ASN1_OCTET_STRING *iv = parameters_of(cipher, V_ASN1_OCTET_STRING);

	switch (algorithm_of(cipher)) {
	case NID_aes_128_cbc:
		*key_len = 16;
		break;
	case NID_aes_192_cbc:
		*key_len = 24;
		break;
	case NID_aes_256_cbc:
		*key_len = 32;
		break;
	default:
		return fail(err, REASON_KEY_UNSUPPORTED, "%s: encrypted with %s, not AES-CBC", name,
			    OBJ_nid2ln(algorithm_of(cipher)));
	}
	if (!iv || ASN1_STRING_length(iv) != AES_IV)
		return fail(err, REASON_KEY_MALFORMED, "%s: its encryption has no IV of 16 bytes",
			    name);
	return WM_OK;
}

static enum wm_code check_scrypt(const X509_ALGOR *kdf, size_t key_len, const char *name,
				 struct wm_error *err)
{
	const ASN1_STRING *der = parameters_of(kdf, V_ASN1_SEQUENCE);
	cleanup_scrypt SCRYPT_PARAMS *s =
		der ? ASN1_item_unpack(der, ASN1_ITEM_rptr(SCRYPT_PARAMS)) : NULL;
	uint64_t n, r, p;

	if (!s || !key_length_fits(s->keyLength, key_len))
		return fail_libcrypto(err, REASON_KEY_MALFORMED,
				      "%s: its scrypt parameters are malformed", name);
	n = positive(s->costParameter);
	r = positive(s->blockSize);
	p = positive(s->parallelizationParameter);
	if (n < 2 || (n & (n - 1)) != 0 || r == 0 || p == 0)
		return fail(err, REASON_KEY_MALFORMED,
			    "%s: scrypt with N=%llu r=%llu p=%llu is not defined", name,
			    (unsigned long long)n, (unsigned long long)r, (unsigned long long)p);
	/* Each factor alone first: then no product overflows. Memory as libcrypto counts it. */
	if (n > LIMIT_SCRYPT_WORK || r > LIMIT_SCRYPT_WORK || p > LIMIT_SCRYPT_WORK ||
	    n * r > LIMIT_SCRYPT_WORK || n * r * p > LIMIT_SCRYPT_WORK ||
	    128 * r * (n + 2 + p) > LIMIT_SCRYPT_MEMORY)
		return fail(err, REASON_KEY_COST,
			    "%s: scrypt with N=%llu r=%llu p=%llu needs more than %d MiB or %d "
			    "blocks", name, (unsigned long long)n, (unsigned long long)r,
			    (unsigned long long)p, LIMIT_SCRYPT_MEMORY >> 20, LIMIT_SCRYPT_WORK);
	return WM_OK;
}

static enum wm_code check_pbkdf2(const X509_ALGOR *kdf, size_t key_len, const char *name,
				 struct wm_error *err)
{
	const ASN1_STRING *der = parameters_of(kdf, V_ASN1_SEQUENCE);
	cleanup_pbkdf2 PBKDF2PARAM *k =
		der ? ASN1_item_unpack(der, ASN1_ITEM_rptr(PBKDF2PARAM)) : NULL;
	uint64_t iterations;

	if (!k || k->salt->type != V_ASN1_OCTET_STRING || !key_length_fits(k->keylength, key_len))
		return fail_libcrypto(err, REASON_KEY_MALFORMED,
				      "%s: its PBKDF2 parameters are malformed", name);
	if (!k->prf || algorithm_of(k->prf) != NID_hmacWithSHA256)
		return fail(err, REASON_KEY_UNSUPPORTED, "%s: encrypted with PBKDF2 and %s, not "
			    "hmacWithSHA256", name,
			    k->prf ? OBJ_nid2ln(algorithm_of(k->prf)) : "hmacWithSHA1");
	iterations = positive(k->iter);
	if (iterations == 0)
		return fail(err, REASON_KEY_MALFORMED, "%s: PBKDF2 with no count of iterations",
			    name);
	if (iterations > LIMIT_PBKDF2_ITERATIONS)
		return fail(err, REASON_KEY_COST, "%s: PBKDF2 with %llu iterations", name,
			    (unsigned long long)iterations);
	return WM_OK;
}

enum wm_code pbes2_check(const X509_ALGOR *scheme, const char *name, struct wm_error *err)
{
	const ASN1_STRING *der = parameters_of(scheme, V_ASN1_SEQUENCE);
	cleanup_pbe2 PBE2PARAM *pbe = NULL;
	size_t key_len = 0;

	if (algorithm_of(scheme) != NID_pbes2)
		return fail(err, REASON_KEY_UNSUPPORTED, "%s: encrypted with %s, not PBES2", name,
			    OBJ_nid2ln(algorithm_of(scheme)));
	if (der)
		pbe = ASN1_item_unpack(der, ASN1_ITEM_rptr(PBE2PARAM));
	if (!pbe)
		return fail_libcrypto(err, REASON_KEY_MALFORMED,
				      "%s: its PBES2 parameters are malformed", name);
	TRY(check_cipher(&key_len, pbe->encryption, name, err));
	switch (algorithm_of(pbe->keyfunc)) {
	case NID_id_scrypt:
		return check_scrypt(pbe->keyfunc, key_len, name, err);
	case NID_id_pbkdf2:
		return check_pbkdf2(pbe->keyfunc, key_len, name, err);
	default:
		return fail(err, REASON_KEY_UNSUPPORTED, "%s: its key is derived with %s", name,
			    OBJ_nid2ln(algorithm_of(pbe->keyfunc)));
	}
}

enum wm_code pbes2_new(X509_ALGOR **out, struct wm_error *err)
{
	X509_ALGOR *scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N,
						   SCRYPT_R, SCRYPT_P);

	if (!scheme)
		return fail_libcrypto(err, REASON_INTERNAL, "encryption could not be set up");
	*out = scheme;
	return WM_OK;
}
