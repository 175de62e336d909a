/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: one accepted form of each, and their verification. */
#include "crypto/key_internal.h"

#include <string.h>

#include "crypto/edwards.h"

enum {
	ED25519_SIGNATURE = 64,
	P256_SIGNATURE = 72, /* the longest DER: two integers of 33 bytes */
};

/* The order n of the P-256 base point (FIPS 186-4 D.1.2.3), and n / 2 rounded down. */
static const uint8_t p256_order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
	0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t p256_half_order[32] = {
	0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
	0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
};

static bool in_range(const BIGNUM *value, const BIGNUM *order)
{
	return !BN_is_negative(value) && !BN_is_zero(value) && BN_cmp(value, order) < 0;
}

/* Reads strict DER: what is read must encode to the same bytes. S may be high. */
static enum wm_code p256_decode(ECDSA_SIG **out, const uint8_t *sig, size_t sig_len,
				struct wm_error *err)
{
	cleanup_bn BIGNUM *order = BN_bin2bn(p256_order, sizeof(p256_order), NULL);
	cleanup_ecdsa_sig ECDSA_SIG *s = NULL;
	uint8_t again[P256_SIGNATURE];
	uint8_t *end = again;
	const uint8_t *at = sig;

	if (!order)
		return fail_nomem(err);
	if (sig_len == 0 || sig_len > P256_SIGNATURE)
		return fail(err, REASON_SIGNATURE_MALFORMED, "a P-256 signature of %zu bytes",
			    sig_len);
	s = d2i_ECDSA_SIG(NULL, &at, (long)sig_len);
	if (!s || at != sig + sig_len)
		return fail_libcrypto(err, REASON_SIGNATURE_MALFORMED,
				      "a P-256 signature that is not DER");
	if (!in_range(ECDSA_SIG_get0_r(s), order) || !in_range(ECDSA_SIG_get0_s(s), order))
		return fail(err, REASON_SIGNATURE_MALFORMED,
			    "a P-256 signature whose r or s is out of range");
	if (i2d_ECDSA_SIG(s, &end) != (int)sig_len || memcmp(again, sig, sig_len) != 0)
		return fail_libcrypto(err, REASON_SIGNATURE_MALFORMED,
				      "a P-256 signature that is not strict DER");
	*out = take_ptr(&s);
	return WM_OK;
}

static enum wm_code p256_s_is_high(bool *high, const ECDSA_SIG *s, struct wm_error *err)
{
	cleanup_bn BIGNUM *half = BN_bin2bn(p256_half_order, sizeof(p256_half_order), NULL);

	if (!half)
		return fail_nomem(err);
	*high = BN_cmp(ECDSA_SIG_get0_s(s), half) > 0;
	return WM_OK;
}

static enum wm_code ed25519_check_form(const uint8_t *sig, size_t sig_len, struct wm_error *err)
{
	if (sig_len != ED25519_SIGNATURE)
		return fail(err, REASON_SIGNATURE_MALFORMED,
			    "an Ed25519 signature of %zu bytes instead of 64", sig_len);
	if (!edwards_scalar_reduced(sig + ED25519_BYTES))
		return fail(err, REASON_SIGNATURE_MALFORMED,
			    "an Ed25519 signature whose S is not below the group order");
	return WM_OK;
}

enum wm_code signature_check_form(enum key_algorithm algorithm, const uint8_t *sig,
				  size_t sig_len, struct wm_error *err)
{
	cleanup_ecdsa_sig ECDSA_SIG *s = NULL;
	bool high;

	if (algorithm == KEY_ED25519)
		return ed25519_check_form(sig, sig_len, err);
	TRY(p256_decode(&s, sig, sig_len, err));
	TRY(p256_s_is_high(&high, s, err));
	if (high)
		return fail(err, REASON_SIGNATURE_MALFORMED, "a P-256 signature with high S");
	return WM_OK;
}

/* Replaces s by n - s: the other of the two signatures that verify alike. */
static enum wm_code p256_negate_s(ECDSA_SIG *s, struct wm_error *err)
{
	cleanup_bn BIGNUM *low = BN_bin2bn(p256_order, sizeof(p256_order), NULL);
	cleanup_bn BIGNUM *r = BN_dup(ECDSA_SIG_get0_r(s));

	if (!low || !r)
		return fail_nomem(err);
	if (BN_sub(low, low, ECDSA_SIG_get0_s(s)) != 1 ||
	    ECDSA_SIG_set0(s, take_ptr(&r), take_ptr(&low)) != 1)
		return fail_libcrypto(err, REASON_INTERNAL, "arithmetic failed");
	return WM_OK;
}

enum wm_code signature_normalise(uint8_t out[SIGNATURE_MAX], size_t *out_len,
				 enum key_algorithm algorithm, const uint8_t *sig, size_t sig_len,
				 struct wm_error *err)
{
	cleanup_ecdsa_sig ECDSA_SIG *s = NULL;
	uint8_t *end = out;
	bool high;
	int len;

	if (algorithm == KEY_ED25519) {
		TRY(ed25519_check_form(sig, sig_len, err));
		memmove(out, sig, sig_len);
		*out_len = sig_len;
		return WM_OK;
	}
	TRY(p256_decode(&s, sig, sig_len, err));
	TRY(p256_s_is_high(&high, s, err));
	if (high)
		TRY(p256_negate_s(s, err));
	len = i2d_ECDSA_SIG(s, &end);
	if (len <= 0)
		return fail_libcrypto(err, REASON_INTERNAL, "a signature could not be encoded");
	*out_len = (size_t)len;
	return WM_OK;
}

enum wm_code key_verify(const struct public_key *k, const void *message, size_t len,
			const uint8_t *sig, size_t sig_len, struct wm_error *err)
{
	cleanup_md_ctx EVP_MD_CTX *ctx = NULL;
	const EVP_MD *md = k->algorithm == KEY_P256 ? EVP_sha256() : NULL;

	TRY(signature_check_form(k->algorithm, sig, sig_len, err));
	ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestVerifyInit(ctx, NULL, md, NULL, k->pkey) != 1)
		return fail_libcrypto(err, REASON_INTERNAL, "verification could not be started");
	if (EVP_DigestVerify(ctx, sig, sig_len, message, len) != 1)
		return fail_libcrypto(err, REASON_SIGNATURE_INVALID,
				      "a signature does not verify under key %.16s", k->id);
	return WM_OK;
}
