/* SPDX-License-Identifier: Apache-2.0 */
/* Looking over runs that are signed now. */
#include "run_warnings.h"

#include "ledgers.h"
#include "output.h"
#include "statement/scalar.h"

static enum wm_code on_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	bool *known = context;

	(void)e;
	(void)err;
	*known = true;
	return WM_OK;
}

/* A reference that has a statement was made here, of what is at hand. */
static enum wm_code warn_unknown(const struct composition *c, const struct ledgers *l,
				 const Weightmark__V1__Run *r, struct wm_error *err)
{
	for (size_t i = 0; i < r->n_uses; i++) {
		const Weightmark__V1__Reference *d = r->uses[i]->dataset;
		bool known = false;

		if (!d || !d->object || d->statement)
			continue;
		TRY(index_query(l->indexes[0], QUERY_OBJECT, d->object->text, NULL, 1, on_entry,
				&known, err));
		if (!known)
			warning("%s: no statement in the ledger is about the dataset %s, which "
				"the run %s uses", c->name, d->object->text, r->id->text);
	}
	return WM_OK;
}

enum wm_code warn_runs(const struct composition *c, const char *ledger, struct wm_error *err)
{
	cleanup_ledgers struct ledgers l = { .n = 0 };

	for (size_t i = 0; i < c->n_statements; i++) {
		const ProtobufCMessage *m = c->statements[i].message;
		const Weightmark__V1__Run *r = (const Weightmark__V1__Run *)m;
		char at[TIME_TEXT + 1];

		if (m->descriptor != &weightmark__v1__run__descriptor || c->statements[i].reused)
			continue;
		if (r->start && r->start->seconds > c->now) {
			time_text(at, r->start->seconds);
			warning("%s: the run %s starts in the future, at %s", c->name, r->id->text,
				at);
		}
		if (ledger && l.n == 0)
			TRY(open_ledgers_at(&l, &ledger, 1, err));
		if (ledger)
			TRY(warn_unknown(c, &l, r, err));
	}
	return WM_OK;
}
