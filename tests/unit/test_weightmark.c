/* SPDX-License-Identifier: Apache-2.0 */
/* lib/weightmark.c: the public functions, also with outputs that nobody wants. */
#include "publisher.h"

#include <stdio.h>
#include <unistd.h>

static struct publisher p;

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

static const char key[] = "testdata/keys/ed25519.pem";

static enum wm_code sign(struct wm_error *err)
{
	struct wm_sign_options options = WM_SIGN_OPTIONS_INIT;

	options.manifest = p.yaml;
	options.manifest_len = strlen(p.yaml);
	options.key = key;
	return wm_sign(p.path, &options, err);
}

static struct wm_keys *keys_of(const char *path)
{
	struct wm_keys *keys = NULL;
	struct wm_error err = { 0 };

	assert_ok(wm_keys_new(&keys, &err), &err);
	if (path)
		assert_ok(wm_keys_add_file(keys, path, &err), &err);
	return keys;
}

static void signs_and_verifies(void **state)
{
	struct wm_keys *keys = keys_of("testdata/keys/ed25519.pub");
	struct wm_verify_options options = WM_VERIFY_OPTIONS_INIT;
	struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };
	size_t n_passed = 0;
	char *json = NULL;
	int fd;

	(void)state;
	assert_ok(sign(&err), &err);
	options.keys = keys;
	options.full = true;
	assert_ok(wm_verify(&v, p.path, &options, &err), &err);
	assert_int_equal(wm_verdict_decision(v), WM_ACCEPT);
	assert_int_equal(wm_verdict_exit_status(v), 0);
	assert_null(wm_verdict_reason(v));
	assert_null(wm_verdict_message(v));
	for (size_t i = 0; i < wm_verdict_n_checks(v); i++)
		n_passed += strcmp(wm_verdict_check(v, i).outcome, "passed") == 0;
	/* Those of lineage are not asked. */
	assert_int_equal(n_passed, wm_verdict_n_checks(v) - 5);
	assert_ok(wm_verdict_json(&json, v, &err), &err);
	assert_non_null(strstr(json, "\"verdict\": \"accept\""));
	fd = wm_verdict_take_fd(v, 0);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(wm_verdict_take_fd(v, 0), -1);
	close(fd);
	free(json);
	wm_verdict_free(v);
	wm_keys_free(keys);
}

static void refuses_with_a_reason(void **state)
{
	struct wm_keys *keys = keys_of("testdata/keys/p256.pub");
	struct wm_verify_options options = WM_VERIFY_OPTIONS_INIT;
	struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	(void)state;
	options.keys = keys;
	assert_ok(sign(&err), &err);
	assert_ok(wm_verify(&v, p.path, &options, &err), &err);
	assert_int_equal(wm_verdict_decision(v), WM_REFUSE);
	assert_int_equal(wm_verdict_exit_status(v), 1);
	assert_string_equal(wm_verdict_reason(v), "key-untrusted");
	assert_non_null(wm_remedy(wm_verdict_reason(v)));
	assert_non_null(wm_verdict_message(v));
	wm_verdict_free(v);
	wm_keys_free(keys);
	wm_keys_free(NULL);
	wm_verdict_free(NULL);
	assert_null(wm_remedy("nothing"));
	assert_null(wm_remedy(NULL));
	assert_string_equal(wm_version(), WM_VERSION);
}

/* err may be NULL everywhere; the code is the same as with one. */
static void errors_need_not_be_wanted(void **state)
{
	struct wm_keys *keys = keys_of(NULL), *pinned = keys_of("testdata/keys/ed25519.pub");
	struct wm_verify_options options = WM_VERIFY_OPTIONS_INIT;
	struct wm_verdict *v = NULL;

	(void)state;
	assert_int_equal(wm_keys_add_file(keys, "/nowhere", NULL), WM_IO);
	assert_int_equal(wm_keys_add_file(keys, key, NULL), WM_INVALID);
	assert_int_equal(wm_keys_add_pem(keys, "x", 1, NULL), WM_INVALID);
	assert_int_equal(wm_verify(&v, p.path, &options, NULL), WM_INVALID);
	options.keys = keys;
	assert_int_equal(wm_verify(&v, p.path, &options, NULL), WM_INVALID);
	options.keys = pinned;
	assert_int_equal(wm_verify(&v, "/nowhere", &options, NULL), WM_IO);
	options.sidecar = "/proc/self/mem";
	assert_int_equal(wm_verify(&v, p.path, &options, NULL), WM_IO);
	assert_null(v);
	write_bytes(p.sidecar, "broken", 6);
	assert_int_equal(sign(NULL), WM_FORMAT);
	assert_int_equal(unlink(p.sidecar), 0);
	assert_int_equal(sign(NULL), WM_OK);
	options.sidecar = NULL;
	options.size--;
	assert_int_equal(wm_verify(&v, p.path, &options, NULL), WM_INVALID);
	options.size++;
	assert_int_equal(wm_verify(&v, p.path, &options, NULL), WM_OK);
	wm_verdict_free(v);
	p.yaml = "kind: manifest\nmodel: {name: m, supplier: x}\n";
	assert_int_equal(unlink(p.sidecar), 0);
	assert_int_equal(sign(NULL), WM_INVALID);
	wm_keys_free(keys);
	wm_keys_free(pinned);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

/* Signing again: refused, or a correction where one is wanted; then a release. */
static void amending(void **state)
{
	static const char other[] = "kind: manifest\nmodel: {name: digits-mlp, version: 1.0.0}\n";
	struct wm_sign_options options = WM_SIGN_OPTIONS_INIT;
	struct wm_error err = { 0 };

	(void)state;
	options.key = key;
	assert_int_equal(wm_sign(p.path, &options, &err), WM_INVALID);
	assert_string_equal(err.reason, "usage");
	options.amend = true;
	assert_int_equal(wm_sign(p.path, &options, &err), WM_INVALID);
	assert_string_equal(err.reason, "usage");
	assert_ok(sign(&err), &err);
	assert_ok(wm_sign(p.path, &options, &err), &err);
	options.amend = false;
	options.manifest = other;
	options.manifest_len = strlen(other);
	assert_int_equal(wm_sign(p.path, &options, &err), WM_INVALID);
	assert_string_equal(err.reason, "already-signed");
	options.amend = true;
	options.reason = "less to say";
	options.embed = true;
	options.uri = "https://example.org";
	assert_ok(wm_sign(p.path, &options, &err), &err);
	assert_accepted_full(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(signs_and_verifies),
		CASE(refuses_with_a_reason),
		CASE(errors_need_not_be_wanted),
		CASE(amending),
	};

	return run_tests(tests);
}
