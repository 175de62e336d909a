/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for tests: those of testdata/keys/, and keys built byte by byte. */
#ifndef KEYS_H
#define KEYS_H

#include "harness.h"

#include "crypto/key.h"

/* The key in testdata/keys/`name`; its passphrase, if any, is "secret". */
struct public_key *test_public_key(const char *name);
struct private_key *test_private_key(const char *name);

/* A passphrase_fn that answers with the string `context`. */
enum wm_code test_passphrase(void *context, struct buf *out, struct wm_error *err);

/* Appends one DER element. */
void der_append(struct buf *out, uint8_t tag, const void *content, size_t len);

/* Parses `der` as a PEM public key, or private key with the label given. */
enum wm_code parse_public_der(struct public_key **out, const uint8_t *der, size_t len,
			      struct wm_error *err);
enum wm_code parse_private_der(struct private_key **out, const char *label, const uint8_t *der,
			       size_t len, const char *passphrase, struct wm_error *err);

/* An Ed25519 public key with this encoded point. */
enum wm_code parse_ed25519_point(struct public_key **out, const uint8_t point[32],
				 struct wm_error *err);

/* Runs a shell command; its exit status. */
int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
