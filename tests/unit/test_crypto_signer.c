/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/signer.c, command.c: signing by a command that may do anything. */
#include "keys.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "crypto/command.h"
#include "crypto/signer.h"

enum { LONG_MS = 30000 };

static struct signer *command_signer(const char *command, const char *public)
{
	struct signer *s = NULL;
	struct wm_error err = { 0 };

	assert_ok(signer_take_command(&s, command, test_public_key(public), &err), &err);
	return s;
}

static void signs_with_a_key(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct private_key *k = test_private_key(i ? "ed25519.pem" : "p256.pem");
		cleanup_signer struct signer *s = NULL;
		struct wm_error err = { 0 };
		uint8_t sig[SIGNATURE_MAX];
		size_t len;

		assert_ok(signer_take_key(&s, k, &err), &err);
		assert_ptr_equal(signer_public(s), private_key_public(k));
		assert_ok(signer_sign(s, "abc", 3, sig, &len, &err), &err);
		assert_ok(key_verify(signer_public(s), "abc", 3, sig, len, &err), &err);
	}
}

/* openssl signs with high S half of the time; what comes out verifies every time. */
static void signs_with_a_command(void **state)
{
	static const struct {
		const char *command, *public;
	} cases[] = {
		{ "openssl dgst -sha256 -sign testdata/keys/p256.pem", "p256.pub" },
		/* Ed25519 needs the size of its input, hence a file. */
		{ "t=$(mktemp) && cat >$t && openssl pkeyutl -sign -rawin -in $t "
		  "-inkey testdata/keys/ed25519.pem; s=$?; rm -f $t; exit $s", "ed25519.pub" },
	};

	(void)state;
	for (int i = 0; i < 16; i++) {
		cleanup_signer struct signer *s =
			command_signer(cases[i % 2].command, cases[i % 2].public);
		struct wm_error err = { 0 };
		uint8_t sig[SIGNATURE_MAX];
		size_t len;

		assert_ok(signer_sign(s, &i, sizeof(i), sig, &len, &err), &err);
		assert_ok(key_verify(signer_public(s), &i, sizeof(i), sig, len, &err), &err);
	}
}

static void refuses_what_is_no_signature_of_the_key(void **state)
{
	static const struct {
		const char *command, *public;
		enum reason reason;
	} cases[] = {
		{ "exit 3", "p256.pub", REASON_SIGNER_FAILED },
		{ "kill -TERM $$", "p256.pub", REASON_SIGNER_FAILED },
		{ "/absent/command 2>/dev/null", "p256.pub", REASON_SIGNER_FAILED },
		{ ":", "p256.pub", REASON_SIGNER_FAILED },
		{ "cat >/dev/null", "ed25519.pub", REASON_SIGNER_FAILED },
		{ "echo garbage", "p256.pub", REASON_SIGNER_FAILED },
		{ "echo garbage", "ed25519.pub", REASON_SIGNER_FAILED },
		{ "printf %063d 0", "ed25519.pub", REASON_SIGNER_FAILED },
		{ "printf %065d 0", "ed25519.pub", REASON_SIGNER_FAILED },
		{ "head -c 1025 /dev/zero", "ed25519.pub", REASON_SIGNER_FAILED },
		{ "head -c 10000000 /dev/zero", "p256.pub", REASON_SIGNER_FAILED },
		{ "head -c 64 /dev/zero", "ed25519.pub", REASON_SIGNER_WRONG_KEY },
		{ "printf '0\\006\\002\\001\\001\\002\\001\\001'", "p256.pub",
		  REASON_SIGNER_WRONG_KEY },
		{ "openssl dgst -sha256 -sign testdata/keys/p256.pem /dev/null", "p256.pub",
		  REASON_SIGNER_WRONG_KEY }, /* the right key, another message */
		{ "openssl dgst -sha256 -sign testdata/keys/p256.pem; exit 1", "p256.pub",
		  REASON_SIGNER_FAILED }, /* a good signature, but the command says no */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_signer struct signer *s =
			command_signer(cases[i].command, cases[i].public);
		struct wm_error err = { 0 };
		uint8_t sig[SIGNATURE_MAX];
		size_t len = 77;
		enum wm_code code;

		code = signer_sign(s, "abc", 3, sig, &len, &err);
		assert_int_equal(code, reason_info(cases[i].reason)->code);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
		assert_int_equal(len, 77);
	}
}

static void filters(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(10000000);
	cleanup_free char *in = calloc(1, 5000000);
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(in);
	memset(in, 'x', 5000000);
	assert_ok(command_run(&out, "cat", in, 5000000, LONG_MS, &err), &err);
	assert_int_equal(out.len, 5000000);
	assert_memory_equal(out.data, in, out.len);
	buf_truncate(&out, 0);
	assert_ok(command_run(&out, "cat", "", 0, LONG_MS, &err), &err);
	assert_int_equal(out.len, 0);
	/* Sockets cannot be opened by name; standard input is a pipe. */
	assert_ok(command_run(&out, "cat /dev/stdin", "abc", 3, LONG_MS, &err), &err);
	assert_string_equal(buf_str(&out), "abc");
}

/* A command that does not read must not end us by SIGPIPE, nor leave one pending. */
static void bears_a_closed_input(void **state)
{
	cleanup_free char *in = calloc(1, 5000000);
	struct sigaction before, after;
	sigset_t pending;

	(void)state;
	assert_non_null(in);
	sigaction(SIGPIPE, NULL, &before);
	for (int i = 0; i < 5; i++) {
		cleanup_buf struct buf out = BUF_INIT(100);
		struct wm_error err = { 0 };

		assert_ok(command_run(&out, "exec <&-; echo done", in, 5000000, LONG_MS,
				      &err), &err);
		assert_string_equal(buf_str(&out), "done\n");
	}
	sigaction(SIGPIPE, NULL, &after);
	assert_ptr_equal(before.sa_handler, after.sa_handler);
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
}

static void stops_what_takes_too_long(void **state)
{
	static const char *const commands[] = {
		"exec sleep 60",	       /* silent */
		"cat; exec sleep 60",	       /* after its answer */
		"exec >&-; exec sleep 60",     /* with its output closed */
		"exec <&-; exec sleep 60",     /* with its input closed */
		"while :; do printf ''; done", /* busy */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1024);
		struct wm_error err = { 0 };
		time_t started = time(NULL);

		assert_reason(command_run(&out, commands[i], "abc", 3, 200, &err), &err,
			      SIGNER_FAILED);
		assert_non_null(strstr(err.message, "too long"));
		assert_true(time(NULL) - started < 10);
	}
}

/* Not even a descriptor that was opened without O_CLOEXEC is passed on. */
static void passes_on_no_descriptor(void **state)
{
	enum { HIGH = 50 };
	cleanup_buf struct buf out = BUF_INIT(1024);
	cleanup_fd int low = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_fd int leaked = fcntl(low, F_DUPFD, HIGH);
	struct wm_error err = { 0 };
	char command[64];

	(void)state;
	assert_true(leaked >= HIGH);
	snprintf(command, sizeof(command), "[ -e /proc/$$/fd/%d ] || echo none", leaked);
	assert_int_equal(shell("[ -e /proc/$$/fd/%d ]", leaked), 0);
	assert_ok(command_run(&out, command, "", 0, LONG_MS, &err), &err);
	assert_string_equal(buf_str(&out), "none\n");
}

/* Run where standard input and output are closed, so that pipes get the low numbers. */
static void works_without_standard_descriptors(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(1024);
	struct wm_error err = { 0 };
	int in = fcntl(0, F_DUPFD_CLOEXEC, 10), output = fcntl(1, F_DUPFD_CLOEXEC, 10);
	enum wm_code code;

	(void)state;
	fflush(stdout);
	close(0);
	close(1);
	code = command_run(&out, "cat", "abc", 3, LONG_MS, &err);
	if (in >= 0)
		dup2(in, 0);
	dup2(output, 1);
	close(in);
	close(output);
	assert_ok(code, &err);
	assert_string_equal(buf_str(&out), "abc");
}

static enum wm_code sign_by_command(void *context, struct wm_error *err)
{
	cleanup_signer struct signer *s = NULL;
	struct public_key *k = NULL;
	uint8_t sig[SIGNATURE_MAX];
	size_t len;

	(void)context;
	TRY(public_key_load(&k, "testdata/keys/p256.pub", err));
	TRY(signer_take_command(&s, "openssl dgst -sha256 -sign testdata/keys/p256.pem", k, err));
	return signer_sign(s, "abc", 3, sig, &len, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(sign_by_command, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_with_a_key),
		cmocka_unit_test(signs_with_a_command),
		cmocka_unit_test(refuses_what_is_no_signature_of_the_key),
		cmocka_unit_test(filters),
		cmocka_unit_test(bears_a_closed_input),
		cmocka_unit_test(stops_what_takes_too_long),
		cmocka_unit_test(passes_on_no_descriptor),
		cmocka_unit_test(works_without_standard_descriptors),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
