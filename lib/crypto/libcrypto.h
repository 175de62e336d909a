/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to libcrypto from this floor: its error queue, and owners of its objects.
 *
 * A call succeeded where it returned exactly 1 (or a non-NULL object). After any
 * other answer the queue is drained by fail_libcrypto(), so that no error of one
 * operation is mistaken for one of the next.
 */
#ifndef CRYPTO_LIBCRYPTO_H
#define CRYPTO_LIBCRYPTO_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "util/cleanup.h"
#include "util/error.h"

/*
 * Fails with `reason`, the formatted message and ": " with what libcrypto said last;
 * with `no-memory` where it ran out of memory. Empties the queue.
 */
enum wm_code fail_libcrypto(struct wm_error *err, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

DEFINE_CLEANUP(pkey, EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_CLEANUP(bn, BIGNUM, BN_free)
DEFINE_CLEANUP(bn_ctx, BN_CTX, BN_CTX_free)
DEFINE_CLEANUP(ecdsa_sig, ECDSA_SIG, ECDSA_SIG_free)
DEFINE_CLEANUP(x509_sig, X509_SIG, X509_SIG_free)
DEFINE_CLEANUP(x509_algor, X509_ALGOR, X509_ALGOR_free)
DEFINE_CLEANUP(x509_pubkey, X509_PUBKEY, X509_PUBKEY_free)
DEFINE_CLEANUP(pkcs8, PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
DEFINE_CLEANUP(pbe2, PBE2PARAM, PBE2PARAM_free)
DEFINE_CLEANUP(pbkdf2, PBKDF2PARAM, PBKDF2PARAM_free)
DEFINE_CLEANUP(scrypt, SCRYPT_PARAMS, SCRYPT_PARAMS_free)

#define cleanup_pkey	    __attribute__((cleanup(pkey_cleanup_)))
#define cleanup_pkey_ctx    __attribute__((cleanup(pkey_ctx_cleanup_)))
#define cleanup_md_ctx	    __attribute__((cleanup(md_ctx_cleanup_)))
#define cleanup_bn	    __attribute__((cleanup(bn_cleanup_)))
#define cleanup_bn_ctx	    __attribute__((cleanup(bn_ctx_cleanup_)))
#define cleanup_ecdsa_sig   __attribute__((cleanup(ecdsa_sig_cleanup_)))
#define cleanup_x509_sig    __attribute__((cleanup(x509_sig_cleanup_)))
#define cleanup_x509_algor  __attribute__((cleanup(x509_algor_cleanup_)))
#define cleanup_x509_pubkey __attribute__((cleanup(x509_pubkey_cleanup_)))
#define cleanup_pkcs8	    __attribute__((cleanup(pkcs8_cleanup_)))
#define cleanup_pbe2	    __attribute__((cleanup(pbe2_cleanup_)))
#define cleanup_pbkdf2	    __attribute__((cleanup(pbkdf2_cleanup_)))
#define cleanup_scrypt	    __attribute__((cleanup(scrypt_cleanup_)))

#endif
