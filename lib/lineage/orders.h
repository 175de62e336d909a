/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders, and where each stands: what it reaches, what became of that, who has to be told, what is
 * due when.
 *
 * All orders, events, certificates, revocations and transfers of the ledgers are read. Statements
 * about one object by one key are its versions: the newest counts, but the scopes of all versions
 * of an order unite, since a correction never clears taint, and so do the roles of those that
 * count (version_counts()). The same object by another key is another order: nobody corrects what
 * he did not sign. Events count for the order that they name, and those that name none, of things
 * gone before, for each.
 *
 * What the keys at hand did not sign, though it names them, is known by its signature: it counts
 * only where it adds to what is demanded. What is by other keys cannot be verified (attest/vouch.h
 * tells which is counted on): all is what an issuer says, and who shows it names him.
 *
 *	orders_load(&orders, graph, indexes, n, NULL, &err);
 *	orders_find(&order, &n, orders, "acme.example/ftc-1", &err);
 *	order_assess(&state, orders, order, DAY_NONE, time(NULL), &err);
 */
#ifndef LINEAGE_ORDERS_H
#define LINEAGE_ORDERS_H

#include "lineage/calendar.h"
#include "lineage/gather.h"
#include "lineage/subsets.h"
#include "lineage/trace.h"
#include "lineage/when.h"
#include "statement/statement.h"
#include "trust/keyring.h"
#include "weightmark/v1/order.pb-c.h"
#include "weightmark/v1/revocation.pb-c.h"
#include "weightmark/v1/transfer.pb-c.h"

/* --- what was said ------------------------------------------------------------------------ */

/* Whether the key that a statement names made it. */
enum said_signature {
	SIGNATURE_UNKNOWN, /* the key is not at hand */
	SIGNATURE_BAD,
	SIGNATURE_VERIFIED,
};

/* A statement of one of these kinds. */
struct said {
	struct statement *statement; /* owned by the orders */
	uint8_t keyid[SHA256_BYTES];
	enum said_signature signature;
	bool newest; /* of its object, by this key, but for those with a bad signature */
	bool superseded; /* by a newer one that was verified */
};

/* What signatures are verified by while reading. */
struct orders_trust {
	const struct keyring *keys; /* or NULL */
	bool later; /* all are taken for verified: the caller verifies what he counts on */
};

/* Borrowed statements. */
struct said_list {
	const struct said **list; /* owned */
	size_t n;
};

struct order {
	const char *object;
	const Weightmark__V1__Order *said; /* the newest version */
	const struct said *newest;	   /* that one: of a bad signature only if all are */
	const struct said *versions;	   /* oldest first */
	size_t n_versions;
	size_t n_bad; /* of them, those whose signature is not that of the key */
	const struct said *const *events; /* the newest of each, by object */
	size_t n_events;
	const struct said *const *certificates;
	size_t n_certificates;
};

struct orders {
	const struct graph *graph; /* this and the next are borrowed */
	struct index *const *indexes;
	size_t n_indexes;
	const char *const *origins;
	struct gathered_list said; /* of struct said, by kind, object, key, sequence */
	struct order *list;	   /* by object, key */
	size_t n;
	/* The newest of each, by object: */
	struct said_list transfers, revocations, certificates;
	struct said_list loose; /* events that name no order: they count for each */
	struct gathered_list deeds; /* of those: struct deed */
	struct said_list about; /* events, then certificates, of orders: parts of it are theirs */
	size_t n_stray;	     /* events and certificates whose order is not here, or cannot be
			      * told from others */
	size_t n_bad;	     /* statements that the keys at hand did not sign */
	size_t n_unreadable; /* statements of these kinds that cannot be read */
	struct order_name *names; /* by which orders are called, sorted */
	size_t n_names;
	struct order_by_id *by_id; /* statement ids, to resolve references; by id */
	uint32_t *unknown; /* by node: what of unknown origin it descends from (unknown.h) */
	struct node_digests *digests; /* by node: how many are stated for it */
	const struct subsets *subsets; /* at hand, or NULL; borrowed, set by the caller */
	struct arena arena;
};

void orders_free(struct orders *o);
DEFINE_CLEANUP(orders, struct orders, orders_free)
#define cleanup_orders __attribute__((cleanup(orders_cleanup_)))

/*
 * Reads the orders of the `n` indexes, which are those that `g` was made of, in the same order.
 * All must outlive it. Fails as index_query() and index_read_entry() do.
 */
MUST_USE enum wm_code orders_load(struct orders **out, const struct graph *g,
				  struct index *const *indexes, size_t n,
				  const char *const *origins, struct wm_error *err);

/* The same, verifying signatures of the statements by keys that are at hand. */
MUST_USE enum wm_code orders_load_trusting(struct orders **out, const struct graph *g,
					   struct index *const *indexes, size_t n,
					   const char *const *origins,
					   const struct orders_trust *trust, struct wm_error *err);

/*
 * Whether what a version demands has to be met: the newest verified one and all that say to be
 * newer, which nobody verified, so that these can only add to it.
 */
static inline bool version_counts(const struct order *o, const struct said *version)
{
	return version->signature == SIGNATURE_BAD ? o->newest->signature == SIGNATURE_BAD :
						     !version->superseded;
}

/*
 * The order of this object id, local id or statement id: the first, and in `*n` how many, beside
 * it in the list, have the same object, by other keys. Fails with `order-unknown`, and with
 * `usage` where a local id is that of several objects.
 */
MUST_USE enum wm_code orders_find(const struct order **out, size_t *n, const struct orders *o,
				  const char *id, struct wm_error *err);

/* When an event was, something was destroyed, or data was withdrawn. */
static inline struct when when_of_event(const Weightmark__V1__LifecycleEvent *e)
{
	return when_said(e->at, e->day);
}
static inline struct when when_destroyed(const Weightmark__V1__Destroyed *d)
{
	return when_said(d->at, d->day);
}
static inline struct when when_withdrawn(const Weightmark__V1__Revocation *r)
{
	return when_said(r->effective_at, r->effective_day);
}

/* --- words --------------------------------------------------------------------------------- */

/* "ordered", "undertook", "requested", "demanded": what was done by an order of this kind. */
const char *order_verb(Weightmark__V1__Order__Kind__Value kind);

/* "court order", "voluntary undertaking" ... */
const char *order_kind_text(Weightmark__V1__Order__Kind__Value kind);

/* "court_order", "delete_data" ... as the schema has it. */
const char *order_kind_name(Weightmark__V1__Order__Kind__Value kind);
const char *obligation_kind_name(Weightmark__V1__Obligation__Kind kind);

/* The name of the party `id` of a statement: its legal name, else the id. `id` may be NULL. */
const char *party_name(const struct statement *s, const Weightmark__V1__PartyId *id);

/* --- where it stands ----------------------------------------------------------------------- */

/* Why a node is in scope; of several reasons the first. */
enum order_scope {
	SCOPE_DATASET,
	SCOPE_CHECKPOINT,
	SCOPE_PARTY,  /* a dataset whose statements name the party */
	SCOPE_RECORD, /* records of the dataset */
	SCOPE_SUBSET, /* of the dataset, uses of these subset roots */
};

/* "dataset", "checkpoint" ...; static. */
const char *order_scope_name(enum order_scope scope);

enum item_state { ITEM_OPEN, ITEM_DESTROYED, ITEM_KEPT };

/* "open", "destroyed", "kept"; static. */
const char *item_state_name(enum item_state state);

/* A dataset or checkpoint that is in scope or tainted. */
struct order_item {
	uint32_t node;
	uint32_t place; /* in the trace: depth, path, step */
	enum item_state state;
	bool in_part; /* a dataset of which records or subsets alone are in scope */
	bool by_part; /* open, and one of several digests that are stated for it is accounted for */
	const struct said *by; /* the event that says so, or NULL; no hold that ended */
};

/* Something that the scope names and no ledger has. */
struct order_missing {
	enum order_scope scope;
	const char *text; /* object, digest, party */
};

/* Who got data or weights that are in scope or tainted, but for those who have to act. */
struct order_recipient {
	const char *name;
	uint32_t node;
	const struct said *transfer;
	const struct said *told, *confirmed; /* events, or NULL */
};

/* Two sides that say different things of one transfer. */
struct order_conflict {
	uint32_t node;
	const struct said *one, *other;
	const char *field; /* "contract", "recipient_class", "related_party", "date" */
};

struct order_hold {
	const struct said *event;
	const Weightmark__V1__Retained *kept;
	uint32_t node; /* what is held, or GRAPH_NONE */
	int32_t start, end; /* DAY_NONE: not said; a release ends it */
	int32_t due;	    /* of the supplement, or DAY_NONE while no end is known */
	const struct said *supplement; /* says that it was given, or NULL */
};

struct order_obligation {
	const Weightmark__V1__Obligation *said;
	const struct said *version; /* that has it, with the earliest day of those that count */
	int32_t due;
	const struct said *by; /* event, certificate or order that says that it is done, or NULL */
	size_t n_open;	       /* items or recipients for which it is not: then it is not done */
	size_t n_kept;	       /* items that are kept: not done, but accounted for */
	size_t n_unknown;      /* things in its scope that no ledger has, and undecided uses */
	bool done;	       /* or accounted for */
	bool undecided;	       /* said to be done, and not of what is unknown */
	int32_t done_on; /* DAY_NONE: not said */
	int32_t left;	 /* days until it is due; below 0: overdue by; 0: due today */
};

struct order_state {
	const struct orders *orders;
	const struct order *order;
	int32_t today;
	struct zone *zone;  /* owned; NULL: UTC */
	bool zone_unknown;  /* the system does not know the order's: days are those of UTC */
	struct arena arena;
	uint64_t roles; /* that taint, bits, of versions that count; 0: every role */
	int32_t supplement_days;
	bool infeasible_allowed;
	struct trace_seed *seeds; /* by node */
	enum order_scope *scopes; /* of each seed */
	size_t n_seeds;
	const uint8_t **roots; /* subset roots of all versions; owned */
	struct subset_answers subsets; /* which of those at hand have the records in scope */
	struct trace trace;
	struct order_item *items; /* by node */
	size_t n_items, n_open_data, n_open_models; /* what is called both counts as both */
	size_t n_data;	  /* datasets */
	size_t n_tainted; /* checkpoints */
	size_t n_unknown; /* checkpoints that are not tainted, with an ancestor that is unknown */
	struct order_missing *missing;
	size_t n_missing;
	struct order_recipient *recipients; /* by name, node */
	size_t n_recipients, n_untold, n_unconfirmed;
	struct order_conflict *conflicts;
	size_t n_conflicts;
	struct order_hold *holds;
	size_t n_holds;
	struct order_obligation *obligations; /* by due day */
	size_t n_obligations;
	bool open;    /* an obligation is not done, or a supplement not given */
	bool closed;  /* all are, and none is undecided */
	bool overdue; /* one is open, and its day is over */
};

void order_state_release(struct order_state *s);
#define cleanup_order_state __attribute__((cleanup(order_state_release)))

/*
 * Computes where `order` stands on the day `as_of`; DAY_NONE: on the day that it is at `now`, in
 * the order's time zone. What is said to have happened later does not count. Linear in the graph,
 * n log n in what was said. `out` is zeroed memory, to be released also after a failure.
 */
MUST_USE enum wm_code order_assess(struct order_state *out, const struct orders *orders,
				   const struct order *order, int32_t as_of, int64_t now,
				   struct wm_error *err);

/*
 * The first day on which something is due that is not done, supplements too; DAY_NONE: nothing
 * is.
 */
int32_t order_next_due(const struct order_state *s);

/* "open", "overdue", "closed", or "undecided": nothing is open, and something is unknown. */
const char *order_status_text(const struct order_state *s);

/* Whether it is a checkpoint that is not tainted, and may be: an ancestor of it is unknown. */
static inline bool order_may_reach(const struct order_state *s, uint32_t node)
{
	return s->orders->graph->nodes[node].kind == GRAPH_CHECKPOINT &&
	       s->orders->unknown[node] != GRAPH_NONE && !trace_has(&s->trace, node);
}

/* The item of a node, or NULL. */
const struct order_item *order_item(const struct order_state *s, uint32_t node);

/*
 * Whether something keeps the order from being decided: uses, scope or ancestors that are
 * unknown.
 */
static inline bool order_is_undecided(const struct order_state *s)
{
	return s->zone_unknown || s->trace.n_undecided + s->n_missing + s->n_unknown +
						  s->orders->n_unreadable >
					  0;
}

/*
 * Appends the nodes (uint32_t) that a reference may mean to `nodes`: its object, all that have its
 * digests, and where it names no object, that of its statement. A node may be there twice. For what
 * adds: scopes, withdrawals, transfers. Nobody takes a node away by referring to another.
 */
MUST_USE enum wm_code resolve_all(struct gathered_list *nodes, const struct orders *o,
				  const Weightmark__V1__Reference *r, struct wm_error *err);

/*
 * The same, of what is said to be done: only its object, else all that have its digest, else the
 * object of its statement. What more than LIMIT_EQUAL_FILES have is done to none of them.
 */
MUST_USE enum wm_code resolve_reference(struct gathered_list *nodes, const struct orders *o,
					const Weightmark__V1__Reference *r, struct wm_error *err);

/*
 * Appends to `out` where two sides say different things of one transfer of what `reached` has
 * (struct order_conflict), whether or not an order is about it.
 */
MUST_USE enum wm_code orders_conflicts(struct gathered_list *out, const struct orders *o,
				       const struct trace *reached, struct wm_error *err);

/* What a reference says, for people: object, digest, statement id or URI. Appended to `out`. */
MUST_USE enum wm_code reference_text(struct buf *out, const Weightmark__V1__Reference *r,
				     struct wm_error *err);

/* Days from the end of a hold to its supplement: what the order says, else 30. */
int32_t hold_supplement_days(const struct order_state *s);

#endif
