/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for tests; see keys.h. */
#include "keys.h"

#include <stdio.h>
#include <sys/wait.h>

#include "crypto/pem.h"

enum { MAX = 65536 };

struct public_key *test_public_key(const char *name)
{
	struct public_key *k = NULL;
	struct wm_error err = { 0 };
	char path[256];

	snprintf(path, sizeof(path), "testdata/keys/%s", name);
	assert_ok(public_key_load(&k, path, &err), &err);
	return k;
}

struct private_key *test_private_key(const char *name)
{
	cleanup_secret struct buf pem = BUF_INIT(MAX);
	struct private_key *k = NULL;
	struct wm_error err = { 0 };
	char path[256], secret[] = "secret";

	snprintf(path, sizeof(path), "testdata/keys/%s", name);
	read_file(&pem, path);
	assert_ok(private_key_parse(&k, pem.data, pem.len, path, test_passphrase, secret, &err),
		  &err);
	return k;
}

enum wm_code test_passphrase(void *context, struct buf *out, struct wm_error *err)
{
	return buf_append_str(out, context, err);
}

void der_append(struct buf *out, uint8_t tag, const void *content, size_t len)
{
	struct wm_error err = { 0 };

	assert_true(len < 65536);
	assert_ok(buf_append_byte(out, tag, &err), &err);
	if (len >= 256)
		assert_ok(buf_append_byte(out, 0x82, &err), &err);
	else if (len >= 128)
		assert_ok(buf_append_byte(out, 0x81, &err), &err);
	if (len >= 256)
		assert_ok(buf_append_byte(out, (uint8_t)(len >> 8), &err), &err);
	assert_ok(buf_append_byte(out, (uint8_t)len, &err), &err);
	assert_ok(buf_append(out, content, len, &err), &err);
}

enum wm_code parse_public_der(struct public_key **out, const uint8_t *der, size_t len,
			      struct wm_error *err)
{
	cleanup_buf struct buf pem = BUF_INIT(MAX);

	TRY(pem_encode(&pem, "PUBLIC KEY", der, len, err));
	return public_key_parse(out, pem.data, pem.len, "test", err);
}

enum wm_code parse_private_der(struct private_key **out, const char *label, const uint8_t *der,
			       size_t len, const char *passphrase, struct wm_error *err)
{
	cleanup_buf struct buf pem = BUF_INIT(MAX);
	cleanup_free char *secret = strdup(passphrase);

	TRY(pem_encode(&pem, label, der, len, err));
	return private_key_parse(out, pem.data, pem.len, "test", test_passphrase, secret, err);
}

enum wm_code parse_ed25519_point(struct public_key **out, const uint8_t point[32],
				 struct wm_error *err)
{
	uint8_t der[44] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21 };

	memcpy(der + 12, point, 32);
	return parse_public_der(out, der, sizeof(der), err);
}

int shell(const char *format, ...)
{
	cleanup_free char *command = NULL;
	va_list args;
	int status;

	va_start(args, format);
	assert_true(vasprintf(&command, format, args) > 0);
	va_end(args);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
