/* SPDX-License-Identifier: Apache-2.0 */
/* lib/trust/keyring.c: each key once, found by its id. */
#include "keys.h"

#include "trust/keyring.h"
#include "util/limits.h"

static void counts_each_key_once(void **state)
{
	cleanup_keyring struct keyring *r = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(keyring_new(&r, &err), &err);
	assert_int_equal(keyring_count(r), 0);
	for (int i = 0; i < 2; i++) {
		assert_ok(keyring_add(r, test_public_key("p256.pub"), &err), &err);
		assert_ok(keyring_add(r, test_public_key("ed25519.pub"), &err), &err);
	}
	assert_int_equal(keyring_count(r), 2);
	assert_true(strcmp(public_key_id(keyring_at(r, 0)), public_key_id(keyring_at(r, 1))) < 0);
}

static void finds_exactly(void **state)
{
	cleanup_public_key struct public_key *absent = test_public_key("ed25519.pub");
	cleanup_keyring struct keyring *r = NULL;
	struct wm_error err = { 0 };
	char id[KEYID_HEX + 1];

	(void)state;
	assert_ok(keyring_new(&r, &err), &err);
	assert_null(keyring_find(r, public_key_id(absent)));
	assert_ok(keyring_add(r, test_public_key("p256.pub"), &err), &err);
	memcpy(id, public_key_id(keyring_at(r, 0)), sizeof(id));
	assert_ptr_equal(keyring_find(r, id), keyring_at(r, 0));
	assert_null(keyring_find(r, public_key_id(absent)));
	assert_null(keyring_find(r, ""));
	id[KEYID_HEX - 1] = '\0';
	assert_null(keyring_find(r, id));
}

static void keeps_many_in_order_up_to_the_limit(void **state)
{
	cleanup_keyring struct keyring *r = NULL;
	struct wm_error err = { 0 };
	uint8_t point[32] = { 0 };
	size_t n = 0;

	(void)state;
	assert_ok(keyring_new(&r, &err), &err);
	for (unsigned y = 3; n <= LIMIT_KEYRING; y++) {
		struct public_key *k = NULL;

		point[0] = (uint8_t)y;
		point[1] = (uint8_t)(y >> 8);
		if (parse_ed25519_point(&k, point, &err) != WM_OK)
			continue;
		if (n++ < LIMIT_KEYRING)
			assert_ok(keyring_add(r, k, &err), &err);
		else
			assert_reason(keyring_add(r, k, &err), &err, LIMIT);
	}
	assert_int_equal(keyring_count(r), LIMIT_KEYRING);
	for (size_t i = 0; i < keyring_count(r); i++) {
		const char *id = public_key_id(keyring_at(r, i));

		assert_ptr_equal(keyring_find(r, id), keyring_at(r, i));
		assert_true(i == 0 || strcmp(public_key_id(keyring_at(r, i - 1)), id) < 0);
	}
}

static enum wm_code fill(void *context, struct wm_error *err)
{
	cleanup_keyring struct keyring *r = NULL;
	static const char *const paths[] = { "testdata/keys/p256.pub",
					     "testdata/keys/ed25519.pub" };

	(void)context;
	TRY(keyring_new(&r, err));
	for (size_t i = 0; i < 2; i++) {
		struct public_key *k = NULL;

		TRY(public_key_load(&k, paths[i], err));
		TRY(keyring_add(r, k, err));
	}
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(fill, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_each_key_once),
		cmocka_unit_test(finds_exactly),
		cmocka_unit_test(keeps_many_in_order_up_to_the_limit),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
