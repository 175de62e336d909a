/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/issue.c: statements that stand alone, in a file, in a log, again and corrected. */
#include "shelf.h"

#include <stdio.h>
#include <unistd.h>

#include "attest/carriers.h"
#include "attest/issue.h"
#include "util/file.h"
#include "util/limits.h"

static const char *const wanted[] = { "transfer", "order", NULL };

#define TRANSFER(channel)                                                                    \
	"kind: transfer\nid: t-1\nparty:\n  - id: a\n  - id: b\n"                             \
	"subject:\n  object: a/faces\nfrom: a\nto: b\nchannel: " channel "\n"                 \
	"related_party:\n  exists: no\n"

static struct shelf shelf;
static char *sidecar;

static int make_shelf(void **state)
{
	(void)state;
	shelf_open(&shelf);
	shelf_fill(&shelf, SHELF_ORIGIN, 1, 1);
	assert_true(asprintf(&sidecar, "%s/x.wmk", shelf.scratch) > 0);
	return 0;
}

static int drop_shelf(void **state)
{
	(void)state;
	free(sidecar);
	shelf_close(&shelf);
	return 0;
}

static enum wm_code try_issue(struct issued *out, const char *yaml, const struct issue_options *o,
			      struct wm_error *err)
{
	struct issue_options options = *o;

	options.signer = shelf.signer;
	options.issuer = "acme.example";
	TRY(compose_alone(&out->composition, yaml, strlen(yaml), "o.yaml", wanted, err));
	return issue(out, &options, err);
}

static size_t issue_ok(const char *yaml, const struct issue_options *o)
{
	cleanup_issued struct issued done = { 0 };
	struct wm_error err = { 0 };

	assert_ok(try_issue(&done, yaml, o, &err), &err);
	return done.n_reused;
}

static enum reason issue_reason(const char *yaml, const struct issue_options *o)
{
	cleanup_issued struct issued done = { 0 };
	struct wm_error err = { 0 };

	assert_int_not_equal(try_issue(&done, yaml, o, &err), WM_OK);
	return error_reason(&err);
}

static size_t in_sidecar(void)
{
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };

	if (access(sidecar, F_OK) != 0)
		return 0;
	assert_ok(carrier_load(&s, sidecar, &err), &err);
	return s.n_envelopes;
}

static size_t in_log(void)
{
	cleanup_index struct index *x = shelf_index(&shelf);

	shelf_sync(x);
	return shelf_count(x, QUERY_OBJECT, "acme.example/t-1");
}

static struct record_options log_options(void)
{
	return (struct record_options){ .ledger = shelf.repository, .origin = SHELF_ORIGIN };
}

static void a_file_is_extended(void **state)
{
	const struct issue_options plain = { .sidecar = sidecar };
	const struct issue_options amend = { .sidecar = sidecar, .amend = true, .reason = "typo" };

	(void)state;
	assert_int_equal(issue_ok(TRANSFER("mail"), &plain), 0);
	assert_int_equal(in_sidecar(), 1);
	assert_int_equal(issue_ok(TRANSFER("mail"), &plain), 1);
	assert_int_equal(in_sidecar(), 1);
	assert_int_equal(issue_reason(TRANSFER("disk"), &plain), REASON_SAID_OTHERWISE);
	assert_int_equal(in_sidecar(), 1);
	assert_int_equal(issue_ok(TRANSFER("disk"), &amend), 0);
	assert_int_equal(in_sidecar(), 2);
	assert_int_equal(issue_ok(TRANSFER("disk"), &plain), 1);
	assert_int_equal(in_sidecar(), 2);
}

/* What the log has counts as what a file has: nothing is said twice, and corrections chain. */
static void a_log_is_appended_to(void **state)
{
	const struct record_options record = log_options();
	const struct issue_options plain = { .record = &record };
	const struct issue_options amend = { .record = &record, .amend = true };

	(void)state;
	assert_int_equal(in_log(), 0);
	assert_int_equal(issue_ok(TRANSFER("mail"), &plain), 0);
	assert_int_equal(in_log(), 1);
	assert_int_equal(issue_ok(TRANSFER("mail"), &plain), 1);
	assert_int_equal(in_log(), 1);
	assert_int_equal(issue_reason(TRANSFER("disk"), &plain), REASON_SAID_OTHERWISE);
	assert_int_equal(issue_ok(TRANSFER("disk"), &amend), 0);
	assert_int_equal(in_log(), 2);
	assert_int_equal(issue_ok(TRANSFER("disk"), &amend), 1);
	assert_int_equal(in_log(), 2);
}

static void a_file_is_recorded_with_its_proof(void **state)
{
	const struct record_options record = log_options();
	const struct issue_options both = { .sidecar = sidecar, .record = &record };
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_int_equal(issue_ok(TRANSFER("mail"), &both), 0);
	assert_int_equal(in_log(), 1);
	assert_ok(carrier_load(&s, sidecar, &err), &err);
	assert_int_equal(s.n_envelopes, 1);
	assert_int_equal(s.n_proofs, 1);
}

static void a_dry_run_writes_nothing(void **state)
{
	const struct record_options record = log_options();
	const struct issue_options dry = { .sidecar = sidecar, .record = &record, .dry_run = true };

	(void)state;
	assert_int_equal(issue_ok(TRANSFER("mail"), &dry), 0);
	assert_int_equal(in_log(), 0);
	assert_int_equal(in_sidecar(), 0);
}

static void what_is_wrong_is_refused(void **state)
{
	static const struct {
		const char *yaml;
		enum reason reason;
	} rows[] = {
		{ "kind: dataset\ndataset_id: faces\n", REASON_YAML_FIELD },
		{ "id: t-1\n", REASON_YAML_FIELD },
		{ "kind: transfer\nid: t-1\n", REASON_YAML_FIELD },
		{ "kind: transfer\n", REASON_YAML_FIELD },
		{ TRANSFER("mail") "---\n" TRANSFER("disk"), REASON_YAML_FIELD },
		{ TRANSFER("mail") "header:\n  sequence: 2\n", REASON_YAML_FIELD },
		{ "kind: [\n", REASON_YAML_MALFORMED },
	};
	const struct issue_options file = { .sidecar = sidecar };
	const struct issue_options nowhere = { .amend = true };
	const struct issue_options reason = { .sidecar = sidecar, .reason = "why" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(issue_reason(rows[i].yaml, &file), rows[i].reason);
	assert_int_equal(issue_reason(TRANSFER("mail"), &nowhere), REASON_USAGE);
	assert_int_equal(issue_reason(TRANSFER("mail"), &reason), REASON_USAGE);
	assert_int_equal(in_sidecar(), 0);
}

static enum wm_code issue_dry(void *context, struct wm_error *err)
{
	const struct issue_options *o = context;
	cleanup_issued struct issued done = { 0 };

	return try_issue(&done, TRANSFER("mail"), o, err);
}

static void survives_failing_allocations(void **state)
{
	struct issue_options o = { .sidecar = sidecar, .dry_run = true };

	(void)state;
	with_every_allocation_failing(issue_dry, &o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_extended, make_shelf, drop_shelf),
		cmocka_unit_test_setup_teardown(a_log_is_appended_to, make_shelf, drop_shelf),
		cmocka_unit_test_setup_teardown(a_file_is_recorded_with_its_proof, make_shelf,
						drop_shelf),
		cmocka_unit_test_setup_teardown(a_dry_run_writes_nothing, make_shelf, drop_shelf),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_refused, make_shelf, drop_shelf),
		cmocka_unit_test_setup_teardown(survives_failing_allocations, make_shelf,
						drop_shelf),
	};

	return run_tests(tests);
}
