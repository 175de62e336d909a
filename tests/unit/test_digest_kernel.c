/* SPDX-License-Identifier: Apache-2.0 */
/* lib/digest/kernel*.c: every kernel of this processor against libcrypto, bit by bit. */
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

#include "crypto/sha256.h"
#include "digest/kernel.h"
#include "digest/measure.h"

enum { DATA_BYTES = 4 << 20, MESSAGES_MAX = 1024 };

static uint8_t *data; /* pseudo-random */
static uint8_t digests[MESSAGES_MAX][SHA256_BYTES];
static struct message messages[MESSAGES_MAX];

static uint32_t random_number(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static int make_data(void **state)
{
	(void)state;
	data = malloc(DATA_BYTES);
	for (size_t i = 0; data && i < DATA_BYTES; i++)
		data[i] = (uint8_t)random_number();
	return data ? 0 : -1;
}

static int free_data(void **state)
{
	(void)state;
	free(data);
	return 0;
}

/* By libcrypto and no code of the kernels. */
static void expect(uint8_t out[SHA256_BYTES], const struct message *m)
{
	cleanup_sha256 struct sha256 *s = NULL;
	struct wm_error err = { 0 };
	uint8_t prefix = (uint8_t)m->prefix;

	assert_ok(sha256_new(&s, &err), &err);
	assert_ok(sha256_start(s, &err), &err);
	if (m->prefix != MESSAGE_PLAIN)
		assert_ok(sha256_update(s, &prefix, 1, &err), &err);
	assert_ok(sha256_update(s, m->data, m->len, &err), &err);
	assert_ok(sha256_finish(s, out, &err), &err);
}

static void check(const struct kernel *k, size_t n)
{
	struct wm_error err = { 0 };

	memset(digests, 0, sizeof(digests));
	for (size_t i = 0; i < n; i++)
		messages[i].out = digests[i];
	assert_ok(k->run(messages, n, &err), &err);
	for (size_t i = 0; i < n; i++) {
		uint8_t expected[SHA256_BYTES];

		expect(expected, &messages[i]);
		if (memcmp(digests[i], expected, SHA256_BYTES) != 0)
			test_failed(__FILE__, __LINE__, "%s: message %zu of %zu, %zu bytes, prefix %d",
				    k->name, i, n, messages[i].len, messages[i].prefix);
	}
}

static const enum message_prefix prefixes[] = { MESSAGE_PLAIN, MESSAGE_LEAF, MESSAGE_NODE };

/* Every short length and those around a leaf; alone, and so many that lanes fill. */
static void agrees_on_every_length(void **state)
{
	static const size_t long_ones[] = { 4095, 4096, 65471, 65472, 65473, 65526, 65527, 65528,
					    65535, 65536, 65537, 65599, 65600, 65601 };

	(void)state;
	for (const struct kernel *k = kernels; k->name; k++) {
		if (!k->available())
			continue;
		for (size_t p = 0; p < 3; p++) {
			for (size_t len = 0; len <= 300; len++) {
				size_t n = len % 3 ? 1 : 40;

				for (size_t i = 0; i < n; i++)
					messages[i] = (struct message){ data + 97 * i, len,
									prefixes[p], NULL };
				check(k, n);
			}
			for (size_t i = 0; i < sizeof(long_ones) / sizeof(*long_ones); i++)
				messages[i] = (struct message){ data + i, long_ones[i],
								prefixes[p], NULL };
			check(k, sizeof(long_ones) / sizeof(*long_ones));
		}
	}
}

/* From none to more messages than lanes, of one length: every number of idle lanes. */
static void agrees_on_every_count(void **state)
{
	static const size_t lengths[] = { 0, 55, 64, 1000, 5000 };

	(void)state;
	for (const struct kernel *k = kernels; k->name; k++) {
		if (!k->available())
			continue;
		for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
			for (size_t n = 0; n <= 50; n++) {
				for (size_t i = 0; i < n; i++)
					messages[i] = (struct message){ data + i * 5000, lengths[l],
									prefixes[i % 3], NULL };
				check(k, n);
			}
		}
	}
}

static void agrees_on_mixed_lengths(void **state)
{
	(void)state;
	for (const struct kernel *k = kernels; k->name; k++) {
		if (!k->available())
			continue;
		for (size_t n = 1; n <= 500; n += n < 40 ? 13 : 229) {
			for (size_t i = 0; i < n; i++) {
				size_t max = i % 4 ? 2000 : (size_t)200 << 10;
				size_t len = random_number() % (max + 1);

				messages[i] = (struct message){
					data + random_number() % (DATA_BYTES - len), len,
					prefixes[random_number() % 3], NULL
				};
			}
			check(k, n);
		}
	}
}

/* A node may replace its left child. */
static void writes_over_its_own_data(void **state)
{
	uint8_t pairs[40][2][SHA256_BYTES], expected[40][SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	for (const struct kernel *k = kernels; k->name; k++) {
		if (!k->available())
			continue;
		memcpy(pairs, data, sizeof(pairs));
		for (size_t i = 0; i < 40; i++) {
			messages[i] = (struct message){ pairs[i][0], sizeof(pairs[i]), MESSAGE_NODE,
							pairs[i][0] };
			expect(expected[i], &messages[i]);
		}
		assert_ok(k->run(messages, 40, &err), &err);
		for (size_t i = 0; i < 40; i++)
			assert_memory_equal(pairs[i][0], expected[i], SHA256_BYTES);
	}
}

static void falls_back_to_portable_code(void **state)
{
	uint8_t expected[SHA256_BYTES], got[SHA256_BYTES];
	struct message m = { data, 100, MESSAGE_LEAF, got };

	(void)state;
	expect(expected, &m);
	fail_allocation(1);
	kernel_one(&m);
	fail_allocation(0);
	assert_memory_equal(got, expected, SHA256_BYTES);
}

static enum wm_code run_evp(void *context, struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];
	struct message m = { data, 100, MESSAGE_LEAF, digest };

	(void)context;
	return kernel_evp_run(&m, 1, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(run_evp, NULL);
}

/* The choice is made once a process, so each is made in a child. */
static void obeys_the_environment(void **state)
{
	static const struct {
		const char *wanted, *given;
	} cases[] = {
		{ "evp", "evp" }, { "portable", "portable" }, { "no-such-kernel", "evp" },
		{ "sha-ni", NULL }, { "avx512", NULL }, { "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *expected = cases[i].given ? cases[i].given : "evp";
		pid_t child;
		int status;

		for (const struct kernel *k = kernels; !cases[i].given && k->name; k++) {
			if (k->available() &&
			    (!*cases[i].wanted || strcmp(k->name, cases[i].wanted) == 0)) {
				expected = k->name;
				break;
			}
		}
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			setenv("WEIGHTMARK_DIGEST", cases[i].wanted, 1);
			_exit(strcmp(digest_kernel_name(), expected) != 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(obeys_the_environment), /* before anything chooses */
		cmocka_unit_test(agrees_on_every_length),
		cmocka_unit_test(agrees_on_every_count),
		cmocka_unit_test(agrees_on_mixed_lengths),
		cmocka_unit_test(writes_over_its_own_data),
		cmocka_unit_test(falls_back_to_portable_code),
		cmocka_unit_test(survives_failing_allocations),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_data, free_data);
}
