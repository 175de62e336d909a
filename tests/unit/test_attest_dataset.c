/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/dataset.c: finding the one dataset of a sidecar, the newest or one by its id. */
#include "shelf.h"

#include <stdio.h>

#include "attest/dataset.h"
#include "attest/issue.h"

static struct shelf shelf;
static char *sidecar;

static int make_shelf(void **state)
{
	(void)state;
	shelf_open(&shelf);
	assert_true(asprintf(&sidecar, "%s/d.wmk", shelf.scratch) > 0);
	return 0;
}

static int drop_shelf(void **state)
{
	(void)state;
	free(sidecar);
	shelf_close(&shelf);
	return 0;
}

/* Adds a dataset of this id, of `n` records, to the sidecar, and stores its statement's id. */
static void add_dataset(uint8_t id[SHA256_BYTES], const char *dataset, uint64_t n)
{
	static const char *const wanted[] = { "dataset", NULL };
	const struct commitments_header header = { .n_rows = n, .n_records = n };
	const struct dataset_measured measured = { &header, "files/1", n };
	const struct issue_options options = { .signer = shelf.signer, .issuer = "acme.example",
					       .sidecar = sidecar, .amend = true };
	cleanup_issued struct issued done = { 0 };
	struct wm_error err = { 0 };
	char yaml[64];

	snprintf(yaml, sizeof(yaml), "kind: dataset\ndataset_id: %s\n", dataset);
	assert_ok(compose_alone(&done.composition, yaml, strlen(yaml), "d.yaml", wanted, &err),
		  &err);
	assert_ok(dataset_fill(&done.composition, &measured, &err), &err);
	assert_ok(issue(&done, &options, &err), &err);
	memcpy(id, done.composition.statements[0].id, SHA256_BYTES);
}

static void the_newest_or_the_one_wanted_is_found(void **state)
{
	uint8_t first[SHA256_BYTES], second[SHA256_BYTES];
	cleanup_dataset struct dataset newest = { 0 }, one = { 0 }, other = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	add_dataset(first, "photos", 1);
	add_dataset(second, "photos", 2);
	assert_ok(dataset_load(&newest, sidecar, NULL, NULL, &err), &err);
	assert_memory_equal(newest.statement->id, second, SHA256_BYTES);
	assert_ok(dataset_load(&one, sidecar, first, signer_public(shelf.signer), &err), &err);
	assert_memory_equal(one.statement->id, first, SHA256_BYTES);
	assert_int_equal(one.statement->header->sequence, 1);
	assert_int_equal(one.newest, 2);
	first[0] ^= 1;
	assert_int_not_equal(dataset_load(&other, sidecar, first, NULL, &err), WM_OK);
	assert_int_equal(error_reason(&err), REASON_RECORD_PROOF_MISMATCH);
}

/* Wherever the one that is wanted stands among them: else another one would seem to correct it. */
static void several_datasets_are_none(void **state)
{
	uint8_t ids[2][SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	add_dataset(ids[0], "photos", 1);
	add_dataset(ids[1], "texts", 1);
	for (size_t i = 0; i < 3; i++) {
		cleanup_dataset struct dataset d = { 0 };

		assert_int_not_equal(dataset_load(&d, sidecar, i < 2 ? ids[i] : NULL, NULL, &err),
				     WM_OK);
		assert_int_equal(error_reason(&err), REASON_DATASET_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_or_the_one_wanted_is_found, make_shelf,
						drop_shelf),
		cmocka_unit_test_setup_teardown(several_datasets_are_none, make_shelf, drop_shelf),
	};

	return run_tests(tests);
}
