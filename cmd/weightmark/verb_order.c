/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark order`: drafts and records orders, tells where they stand, records what was done. */
#include <stdlib.h>

#include "issues.h"
#include "keys.h"
#include "order_verbs.h"
#include "output.h"
#include "util/file.h"
#include "util/limits.h"

void order_view_release(struct order_view *v)
{
	if (v->orders)
		orders_free(v->orders);
	if (v->graph)
		graph_free(v->graph);
	free(v->origins);
	ledgers_release(&v->ledgers);
}

static enum wm_code open_view(struct order_view *out, struct call *call, bool tell,
			      struct wm_error *err)
{
	cleanup_keyring struct keyring *keys = NULL;
	struct orders_trust trust = { .later = out->vouched_later };

	TRY(load_keyring(&keys, call, err));
	trust.keys = keys;
	TRY(open_order_ledgers(&out->ledgers, call, err));
	TRY(check_origins(&out->ledgers, call, err));
	TRY(wanted_origins(&out->origins, call, err));
	if (tell)
		TRY(tell_ledgers(&out->ledgers, out->origins, err));
	TRY(join_ledgers(&out->graph, &out->ledgers, out->origins, err));
	return orders_load_trusting(&out->orders, out->graph, out->ledgers.indexes,
				    out->ledgers.n, out->origins, &trust, err);
}

enum wm_code order_view_open(struct order_view *out, struct call *call, struct wm_error *err)
{
	return open_view(out, call, true, err);
}

enum wm_code order_view_reopen(struct order_view *v, struct call *call, struct wm_error *err)
{
	order_view_release(v);
	*v = (struct order_view){ .graph = NULL };
	return open_view(v, call, false, err);
}

/* --- add --------------------------------------------------------------------------------- */

static enum wm_code warn_unknown(const struct order_view *v, const char *path,
				 Weightmark__V1__Reference *const *list, size_t n,
				 struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		__attribute__((cleanup(gathered_list_release))) struct gathered_list nodes = { 0 };
		cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

		TRY(resolve_all(&nodes, v->orders, list[i], err));
		if (nodes.n > 0)
			continue;
		TRY(reference_text(&text, list[i], err));
		warning("%s: no ledger at hand knows %s, which the order reaches", path,
			buf_str(&text));
	}
	return WM_OK;
}

static enum wm_code check_order(struct call *call, const struct composition *c,
				struct wm_error *err)
{
	const Weightmark__V1__Order *o =
		(const Weightmark__V1__Order *)c->statements[0].message;
	cleanup_order_view struct order_view v = { 0 };

	if (!o->trigger_date)
		return fail(err, REASON_YAML_FIELD,
			    "%s: trigger_date is missing: the day from which the order counts",
			    c->name);
	if (!o->time_zone)
		warning("%s: no time_zone is said: days will be those of UTC", c->name);
	TRY(order_view_open(&v, call, err));
	if (v.ledgers.n == 0)
		return WM_OK;
	TRY(warn_unknown(&v, c->name, o->scope_dataset, o->n_scope_dataset, err));
	return warn_unknown(&v, c->name, o->scope_checkpoint, o->n_scope_checkpoint, err);
}

enum wm_code order_add(struct call *call, struct wm_error *err)
{
	static const char *const wanted[] = { "order", NULL };
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH), path = BUF_INIT(LIMIT_PATH);
	cleanup_issued struct issued issued = { 0 };
	struct record_options room = { .ledger = NULL };
	const struct record_options *record = NULL;
	cleanup_signer struct signer *signer = NULL;
	const char *key_file = NULL;
	struct issue_options how;

	TRY(read_statement(&issued, call->options.operands[0], wanted, err));
	TRY(check_order(call, &issued.composition, err));
	TRY(load_signer(&signer, &key_file, call, err)); /* before anything is made */
	TRY(private_record(&record, &room, &path, &index, !options_has(&call->options, "dry-run"),
			   call, err));
	if (options_has(&call->options, "dry-run") && !file_exists(record->ledger))
		record = NULL;
	how = issue_options(options_get(&call->options, "out"), record, call);
	how.signer = signer;
	TRY(issue_by(&issued, &how, call, err));
	return print_all_issued(&issued, &how, err);
}

/* --- the verb ---------------------------------------------------------------------------- */

static const struct subverb subverbs[] = {
	{ "draft", "", "print the YAML of an order to fill in, with the deadlines of a real one",
	  order_draft, 0, 0 },
	{ "add", "FILE", "sign and record the order in a YAML file", order_add, 1, 1 },
	{ "status", "[ID]", "tell what is due when, what is tainted, what is clean",
	  order_status, 0, 1 },
	{ "done", "ID...", "sign and record what was done about orders", order_done, 1,
	  ORDERS_DONE_MAX },
	{ 0 },
};

static const struct option_spec options[] = {
	{ .name = "template", .argument = "NAME", .only = "draft",
	  .help = "avast, cambridge-analytica, edmodo, erasure-request, everalbum, premom, ring, "
		  "rite-aid, undertaking or ww" },
	{ .name = "trigger", .argument = "DATE", .only = "draft",
	  .help = "the day from which days are counted: of issuance, entry, effect; without it "
		  "that is to be filled in too" },
	{ .name = "id", .argument = "ID", .only = "draft",
	  .help = "the order's local id; default: the template's name" },
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .only = "draft, add, done",
	  .help = "write the draft to this new file; what is signed, to this sidecar FILE.wmk "
		  "too, or add it there, for 'verify --lineage'" },
	{ .name = "as-of", .argument = "DATE", .only = "status",
	  .help = "how it stands on this day; later events do not count; default: today in the "
		  "order's time zone" },
	{ .name = "due-within", .argument = "DAYS", .only = "status",
	  .help = "only what is due within so many days, like 14d, or overdue, of orders and of "
		  "withdrawals, in --ics too" },
	{ .name = "ics", .argument = "FILE", .kind = VALUE_FILE, .only = "status",
	  .help = "write what is due as a calendar (iCalendar, RFC 5545); a file that is there is "
		  "replaced where it is such a calendar" },
	{ .name = "plan", .only = "status",
	  .help = "also tell in which order, and from which clean checkpoints, to train anew" },
	{ .name = "commitments", .argument = "FILE.wmc", .kind = VALUE_FILE, .repeatable = true,
	  .only = "status",
	  .help = "commitments of a dataset and of subsets of it: of records, only runs whose "
		  "subset has them count" },
	{ .name = "clean", .only = "status",
	  .help = "also name the checkpoints without a declared path from what one order is "
		  "about" },
	{ .name = "trust", .argument = "FILE", .kind = VALUE_FILE, .setting = "public-key",
	  .repeatable = true, .only = "status",
	  .help = "verify by this public key what is said of orders" },
	{ .name = "obligation", .argument = "ID", .only = "done",
	  .help = "this obligation was met" },
	{ .name = "destroyed", .argument = "TSV", .kind = VALUE_FILE, .only = "done",
	  .help = "what was destroyed, a line each: object or digest, places separated by ';', "
		  "clear, purge, destroy or cryptographic_erase, who, when" },
	{ .name = "kept", .argument = "TSV", .kind = VALUE_FILE, .only = "done",
	  .help = "what was kept, a line each: object or digest, reason, authority, first day, "
		  "last day" },
	{ .name = "told", .argument = "PARTY", .only = "done", .help = "this recipient was told" },
	{ .name = "confirmed", .argument = "PARTY", .only = "done",
	  .help = "this recipient confirmed" },
	{ .name = "hold", .argument = "AUTHORITY", .only = "done",
	  .help = "what the order's scope names has to be kept on this authority" },
	{ .name = "until", .argument = "DATE", .only = "done",
	  .help = "the last day of the hold" },
	{ .name = "released", .only = "done", .help = "all holds have ended" },
	{ .name = "answered", .only = "done",
	  .help = "the withdrawal ID was answered; its own issuer says so, with its key" },
	{ .name = "subject", .argument = "OBJECT", .only = "done", .repeatable = true,
	  .help = "hold or release this object or digest; the recipient was told of it" },
	{ .name = "on", .argument = "DATE", .only = "done",
	  .help = "when it was done, a day in the order's time zone or a time as "
		  "2026-11-20T18:00:00Z; default: now" },
	SIGNING_OPTIONS,
	ISSUE_OPTIONS,
	PRIVATE_OPTIONS,
};

const struct verb verb_order = {
	.name = "order",
	.summary = "keep orders to delete data and what was trained on it",
	.operands = "draft, add FILE, status [ID], done ID...",
	.description =
		"An order, an undertaking or a demand names data, checkpoints, records or a party, "
		"and what has to be done by when. It is a signed statement in a private ledger, "
		"$XDG_DATA_HOME/weightmark/private.git or the setting private-ledger, unless "
		"--ledger names another; 'order add' makes that ledger where it is missing.\n\n"
		"'order draft' prints an order to fill in; what still says TODO is refused by "
		"'order add'. Days are counted as calendar or business days from the trigger, in "
		"the order's time zone; a stated day wins. 'order add --amend' corrects an order; "
		"what an earlier version reached stays tainted.\n\n"
		"'order status' reads all ledgers and tells of each order what is due, done and "
		"overdue, which checkpoints descend from its data in whole or in part, whatever "
		"the role, unless every version of the signed "
		"scope names roles; how many checkpoints have no "
		"declared path from it, and which of the same runs, from before the data came in, "
		"are the first to go on from; who has to be told; what is held and when a "
		"supplement is due. It "
		"repeats what was signed, names the keys, and verifies those that --trust or the "
		"setting public-key names. A correction relaxes nothing until its signature is "
		"verified: of each obligation the earliest day counts.\n\n"
		"Withdrawals of consent and the like ('dataset withdraw') stand behind the orders, "
		"each with the runs that used its data and the day when its answer is due.\n\n"
		"'order done' records what was done, of each ID that is given, so that the same "
		"call twice records it once, and tells how many of the things that the order "
		"reaches are destroyed, kept and open now. A day that has not come is refused; of "
		"days before the order, of things that it does not reach or no ledger knows, and "
		"of recipients that are none of its own it warns. "
		"'order done ID --answered' corrects a withdrawal in the ledger that has it, to "
		"say that it was answered.",
	.examples = "weightmark order draft --template rite-aid --trigger 2024-03-08 "
		    "--out order.yaml\n"
		    "weightmark order add order.yaml --key counsel.key\n"
		    "weightmark order status --due-within 14d --ics deadlines.ics\n"
		    "weightmark order done rite-aid --destroyed gone.tsv --key steward.key",
	.exits = "status: 0 nothing is overdue; 1 something is, or names a key at hand that did "
		 "not sign it; 4 nothing is, but what an order reaches, closed or not, cannot be "
		 "decided: a use of another subset, something that no ledger knows, ancestors "
		 "that are not declared.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.subverbs = subverbs,
};
