/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What authors write in YAML of orders, transfers, datasets and runs, and revocations and events
 * after that form: what is issued is read back as the same statement, and the days of an order can
 * be counted. What is refused is refused for a reason.
 */
#include <string.h>

#include "attest/issue.h"
#include "lineage/calendar.h"
#include "memory_file.h"

static const char *const wanted[] = { "order",	    "transfer",	   "revocation", "dataset",
				      "run",	    "event",	   "certificate", NULL };

static struct signer *signer_once(void)
{
	static struct signer *signer;
	struct private_key *key = NULL;

	if (signer)
		return signer;
	require(private_key_new(&key, KEY_ED25519, NULL) == WM_OK);
	require(signer_take_key(&signer, key, NULL) == WM_OK);
	return signer;
}

static void check_order(const ProtobufCMessage *m)
{
	const Weightmark__V1__Order *o = (const Weightmark__V1__Order *)m;
	cleanup_holidays struct holidays h = { .n = 0 };
	struct order_place at;
	struct wm_error err = { 0 };

	if (m->descriptor != &weightmark__v1__order__descriptor)
		return;
	if (check_days(o, &at, &err) != WM_OK) {
		require(refused_well(&err));
		return;
	}
	require(holidays_of(&h, o, &err) == WM_OK);
	for (size_t i = 0; i < o->n_obligation; i++)
		(void)due_day(o->obligation[i], 0, &h);
}

static void check_payload(const struct buf *payload)
{
	cleanup_statement struct statement *s = NULL;
	cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	require(statement_decode(&s, payload->data, payload->len, "fuzz", &err) == WM_OK);
	require(statement_encode(&again, s->kind, s->message, &err) == WM_OK);
	require(again.len == payload->len && memcmp(again.data, payload->data, again.len) == 0);
	check_order(s->message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct issue_options o = { .signer = signer_once(), .issuer = "acme.example",
					 .dry_run = true };
	cleanup_issued struct issued done = { .n_payloads = 0 };
	struct wm_error err = { 0 };

	if (compose_alone(&done.composition, data, size, "fuzz", wanted, &err) != WM_OK ||
	    issue(&done, &o, &err) != WM_OK) {
		require(refused_well(&err));
		return 0;
	}
	require(done.n_payloads == 1);
	check_payload(&done.payloads[0]);
	return 0;
}
