/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark order done ID --answered`: signs and records that a withdrawal was answered. */
#include <string.h>
#include <time.h>

#include "issues.h"
#include "lineage/withdrawals.h"
#include "order_verbs.h"
#include "util/hex.h"
#include "util/limits.h"

static const Weightmark__V1__Revocation *revocation_of(const struct said *s)
{
	return (const Weightmark__V1__Revocation *)s->statement->message;
}

/* The newest one of this name by the key that signs: its issuer alone can correct it. */
static enum wm_code find_own(const struct said **out, const struct orders *o, const char *id,
			     const struct signer *signer, struct wm_error *err)
{
	const char *keyid = public_key_id(signer_public(signer));
	char hex[2 * SHA256_BYTES + 1];
	bool known = false;

	*out = NULL;
	for (size_t i = 0; i < o->revocations.n; i++) {
		const struct said *s = o->revocations.list[i];

		if (!withdrawal_is_called(s, id))
			continue;
		known = true;
		hex_encode(hex, s->keyid, SHA256_BYTES);
		if (strcmp(hex, keyid) != 0)
			continue;
		if (*out && strcmp((*out)->statement->header->object->text,
				   s->statement->header->object->text) != 0)
			return fail(err, REASON_USAGE,
				    "several withdrawals are called '%.64s': give the object id, "
				    "as %.96s", id, s->statement->header->object->text);
		*out = s;
	}
	if (!known)
		return fail(err, REASON_ORDER_UNKNOWN, "no withdrawal is called '%.128s'", id);
	if (!*out)
		return fail(err, REASON_USAGE, "'%.128s' was signed by another key: who signed the "
					       "withdrawal says that it was answered", id);
	return WM_OK;
}

/* The same revocation, closed. Its time stays where none is given: saying so again is the same. */
static enum wm_code compose_answer(struct composition *c, const struct said *said,
				   const struct options *o, struct wm_error *err)
{
	const Weightmark__V1__Revocation *was = revocation_of(said);
	const char *on = options_get(o, "on");
	struct when at = when_moment(time(NULL));
	Weightmark__V1__Revocation *r;
	ProtobufCMessage *m = NULL;
	Weightmark__V1__Header *fresh;

	TRY(compose_one(&m, c, &weightmark__v1__revocation__descriptor, err));
	r = (Weightmark__V1__Revocation *)m;
	fresh = r->header;
	*r = *was;
	r->header = fresh;
	if (on)
		TRY(read_when(&at, "on", on, err));
	return on || !was->closed_at ? compose_time(&r->closed_at, c, when_first(&at, NULL), err) :
				       WM_OK;
}

/* Where it is recorded it is corrected: --ledger, else the ledger that has it. */
static void choose_ledger(struct record_options *record, const struct order_view *v,
			  const struct said *said, struct call *call)
{
	const struct graph *g = v->graph;
	const char *given = options_nth(&call->options, "ledger", 0);

	record->ledger = given;
	record->origin = options_get(&call->options, "origin");
	for (uint32_t i = 0; !record->ledger && i < g->n_statements; i++)
		if (memcmp(g->statements[i].id, said->statement->id, SHA256_BYTES) == 0)
			record->ledger = ledger_path(v->ledgers.list[g->statements[i].ledger]);
}

/* Nothing that would be passed over. */
static enum wm_code check_alone(const struct options *o, struct wm_error *err)
{
	static const char *const others[] = { "obligation", "destroyed", "kept",
					      "told",	    "confirmed", "hold",
					      "released",   "until",	 "subject" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (options_has(o, others[i]))
			return fail(err, REASON_USAGE,
				    "--answered is of a withdrawal, --%s of an order: give them in "
				    "two calls", others[i]);
	return WM_OK;
}

enum wm_code order_answered(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *id = o->operands[0], *key_file = NULL;
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	cleanup_signer struct signer *signer = NULL;
	cleanup_order_view struct order_view v = { 0 };
	cleanup_issued struct issued issued = {
		.composition = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
				 .name = "--answered",
				 .reason = REASON_USAGE },
	};
	struct record_options record = { .ledger = NULL };
	const struct said *said = NULL;
	struct issue_options how;

	TRY(check_alone(o, err));
	TRY(load_signer(&signer, &key_file, call, err));
	TRY(order_view_open(&v, call, err));
	TRY(find_own(&said, v.orders, id, signer, err));
	TRY(compose_answer(&issued.composition, said, o, err));
	TRY(index_directory(&index, err));
	choose_ledger(&record, &v, said, call);
	record.index = index.len > 0 ? buf_str(&index) : NULL;
	how = issue_options(options_get(o, "out"), &record, call);
	how.signer = signer;
	how.issuer = said->statement->header->issuer;
	how.amend = true;
	how.reason = how.reason ? how.reason : "answered";
	TRY(issue_by(&issued, &how, call, err));
	return print_all_issued(&issued, &how, err);
}
