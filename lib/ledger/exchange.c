/* SPDX-License-Identifier: Apache-2.0 */
/* Pull and push: judging each log, then moving it. */
#include "ledger/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/append.h"
#include "ledger/compare.h"
#include "log/memory.h"
#include "log/origin.h"
#include "util/lock.h"

/* One exchange. The view sees the objects of both sides. */
struct session {
	struct ledger *ours;
	const struct exchange_options *o;
	struct remote remote;
	struct quarantine *quarantine;
	struct ledger *view;
	struct remote_refs theirs;
	char **names; /* refs to ask for, ends with NULL; or NULL: all */
	char prefix[LEDGER_REF];
};

static void session_release(struct session *s)
{
	for (char **name = s->names; name && *name; name++)
		free(*name);
	free(s->names);
	remote_refs_release(&s->theirs);
	ledger_close(s->view);
	quarantine_free(s->quarantine);
}
#define cleanup_session __attribute__((cleanup(session_release)))

const char *exchanged_name(enum exchanged_state state)
{
	static const char *const names[] = {
		[EXCHANGED_NEW] = "new",	  [EXCHANGED_FORWARD] = "updated",
		[EXCHANGED_SAME] = "up-to-date",  [EXCHANGED_OLDER] = "behind",
		[EXCHANGED_REFUSED] = "refused",
	};

	return names[state];
}

void exchange_release(struct exchange *x)
{
	for (size_t i = 0; i < x->n; i++) {
		log_key_free(x->list[i].key);
		free(x->list[i].evidence);
	}
	free(x->list);
	*x = (struct exchange){ .n = 0 };
}

/* --- asking ------------------------------------------------------------------------------ */

/* The refs of `origins`. */
static enum wm_code name_refs(struct session *s, const char *const *origins, struct wm_error *err)
{
	char ref[LEDGER_REF];
	size_t n = 0;

	while (origins[n])
		n++;
	if (n > LIMIT_ORIGINS)
		return fail(err, REASON_LIMIT, "more than %d logs", LIMIT_ORIGINS);
	s->names = calloc(n + 1, sizeof(*s->names));
	if (!s->names)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		TRY(origin_check(origins[i], err));
		ledger_ref(ref, origins[i]);
		s->names[i] = strdup(ref);
		if (!s->names[i])
			return fail_nomem(err);
	}
	return WM_OK;
}

static enum wm_code session_start(struct session *s, struct ledger *ours,
				  const struct exchange_options *o, const char *const *origins,
				  struct wm_error *err)
{
	struct repository *r = NULL;

	s->ours = ours;
	s->o = o;
	s->remote = (struct remote){ .url = o->url, .limits = o->limits };
	TRY(url_check(&s->remote.kind, o->url, err));
	ledger_ref(s->prefix, "");
	if (origins)
		TRY(name_refs(s, origins, err));
	TRY(quarantine_new(&s->quarantine, ledger_repository(ours), s->prefix, LIMIT_ORIGINS, err));
	TRY(remote_fetch(&s->theirs, s->quarantine, &s->remote, s->prefix,
			 (const char *const *)s->names, LIMIT_ORIGINS, err));
	TRY(quarantine_open(&r, s->quarantine, err));
	return ledger_take(&s->view, o->url, r, err);
}

static const struct remote_ref *find_theirs(const struct session *s, const char *origin)
{
	char ref[LEDGER_REF];

	ledger_ref(ref, origin);
	for (size_t i = 0; i < s->theirs.n; i++)
		if (strcmp(s->theirs.list[i].name, ref) == 0)
			return &s->theirs.list[i];
	return NULL;
}

/* --- judging ----------------------------------------------------------------------------- */

/* Two copies that do not follow each other: keeps the evidence, and fails. */
static enum wm_code diverged(struct exchanged *e, const struct session *s,
			     const struct ledger_head *larger, const struct ledger_head *smaller,
			     struct wm_error *err)
{
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	struct wm_error why = { 0 };

	(void)compare_forked(&evidence, s->view, e->origin, larger, smaller, s->o->progress, &why);
	if (error_reason(&why) != REASON_LOG_FORK)
		return fail_again(err, &why);
	return fail_forked(&e->evidence, s->o->state, &evidence, why.message, err);
}

/* What `larger` adds to the commit of `smaller`, which it must descend from. */
static enum wm_code added(struct object_list *objects, struct exchanged *e,
			  const struct session *s, const struct ledger_head *larger,
			  const struct ledger_head *smaller, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (compare_added(objects, s->view, e->origin, larger, &smaller->commit, s->o->progress,
			  &why) == WM_OK)
		return WM_OK;
	if (error_reason(&why) != REASON_LEDGER_REWRITTEN)
		return fail_again(err, &why);
	return diverged(e, s, larger, smaller, err);
}

/*
 * Compares the sender's commit with the receiver's, or NULL. `objects` gets what that lacks.
 */
static enum wm_code judge(struct exchanged *e, struct object_list *objects,
			  const struct session *s, const struct object_id *sender,
			  const struct object_id *receiver, struct wm_error *err)
{
	cleanup_ledger_head struct ledger_head from = { .key = NULL }, to = { .key = NULL };
	cleanup_object_list struct object_list surplus = { .n = 0 };
	const struct repository *r = ledger_repository(s->view);
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);

	TRY(ledger_head_at(&from, r, e->origin, sender, err));
	TRY(log_key_new(&e->key, e->origin, log_key_raw(from.key), err));
	e->after = from.note.head.size;
	e->state = EXCHANGED_NEW;
	if (!receiver)
		return compare_added(objects, s->view, e->origin, &from, NULL, s->o->progress, err);
	TRY(ledger_head_at(&to, r, e->origin, receiver, err));
	e->before = to.note.head.size;
	TRY(log_key_encode(&key, to.key, err));
	if (!log_key_same(from.key, to.key))
		return fail(err, REASON_LOG_KEY_CHANGED, "%s: the receiving side has it by %s",
			    e->origin, buf_str(&key));
	e->state = EXCHANGED_SAME;
	if (object_id_equal(sender, receiver))
		return WM_OK;
	if (e->after == e->before)
		return diverged(e, s, &from, &to, err);
	e->state = e->after > e->before ? EXCHANGED_FORWARD : EXCHANGED_OLDER;
	return e->after > e->before ? added(objects, e, s, &from, &to, err) :
				      added(&surplus, e, s, &to, &from, err);
}

/* --- moving ------------------------------------------------------------------------------ */

static bool is_to_move(const struct exchanged *e)
{
	return e->state == EXCHANGED_NEW || e->state == EXCHANGED_FORWARD;
}

/* Copies into the repository of `to` what was judged, and moves the branch. */
static enum wm_code move(const struct exchanged *e, const struct session *s, struct ledger *to,
			 const struct object_list *objects, const struct object_id *sender,
			 const struct object_id *receiver, struct wm_error *err)
{
	struct repository *r = ledger_repository(to);
	__attribute__((cleanup(lock_release))) int lock = -1;
	char ref[LEDGER_REF];

	/* Of ours the quarantine holds it. */
	if (to != s->ours)
		TRY(exchange_lock(&lock, r, err));
	if (ledger_is_writer(to, e->origin))
		return fail(err, REASON_REF_MOVED,
			    "%s: %s writes this log, and the other copy has entries that it "
			    "did not write",
			    e->origin, ledger_path(to));
	TRY(ledger_check_name(to, e->origin, err));
	TRY(copy_objects(r, ledger_repository(s->view), objects, err));
	TRY(repository_sync(r, err));
	ledger_ref(ref, e->origin);
	return ref_move(r, ref, receiver, sender, err);
}

/* One log from a sender to a receiver on this machine; `to` NULL: it is judged alone. */
static enum wm_code exchange_one(struct exchanged *e, const struct session *s, struct ledger *to,
				 const struct object_id *sender, const struct object_id *receiver,
				 struct wm_error *err)
{
	cleanup_object_list struct object_list objects = { .n = 0 };

	TRY(origin_check(e->origin, err));
	TRY(judge(e, &objects, s, sender, receiver, err));
	return is_to_move(e) && to ? move(e, s, to, &objects, sender, receiver, err) : WM_OK;
}

static enum wm_code read_ours(struct object_id *out, const struct object_id **found,
			      const struct session *s, const char *origin, struct wm_error *err)
{
	char ref[LEDGER_REF];
	bool there;

	ledger_ref(ref, origin);
	TRY(ref_read(out, &there, ledger_repository(s->ours), ref, err));
	*found = there ? out : NULL;
	return WM_OK;
}

static int compare_exchanged(const void *a, const void *b)
{
	return strcmp(((const struct exchanged *)a)->origin, ((const struct exchanged *)b)->origin);
}

/* --- pull -------------------------------------------------------------------------------- */

static enum wm_code pull_one(struct exchanged *e, const struct session *s,
			     const struct remote_ref *ref, struct wm_error *err)
{
	const struct object_id *found = NULL;
	struct object_id ours;

	TRY(origin_check(ref->name + strlen(s->prefix), err));
	TRY(read_ours(&ours, &found, s, e->origin, err));
	return exchange_one(e, s, s->ours, &ref->id, found, err);
}

enum wm_code ledger_pull(struct exchange *out, struct ledger *l, const struct exchange_options *o,
			 struct wm_error *err)
{
	cleanup_session struct session s = { .view = NULL };
	cleanup_exchange struct exchange x = { .n = 0 };

	TRY(session_start(&s, l, o, o->origins, err));
	for (size_t i = 0; o->origins && o->origins[i]; i++)
		if (!find_theirs(&s, o->origins[i]))
			return fail(err, REASON_ORIGIN_UNKNOWN, "%s: has no log %s", o->url,
				    o->origins[i]);
	x.list = calloc(s.theirs.n + 1, sizeof(*x.list));
	if (!x.list)
		return fail_nomem(err);
	for (; x.n < s.theirs.n; x.n++) {
		struct exchanged *e = &x.list[x.n];

		snprintf(e->origin, sizeof(e->origin), "%.*s", LIMIT_ORIGIN,
			 s.theirs.list[x.n].name + strlen(s.prefix));
		if (pull_one(e, &s, &s.theirs.list[x.n], &e->why) != WM_OK)
			e->state = EXCHANGED_REFUSED;
	}
	qsort(x.list, x.n, sizeof(*x.list), compare_exchanged);
	*out = x;
	x.list = NULL;
	x.n = 0;
	return WM_OK;
}

/* --- push -------------------------------------------------------------------------------- */

static enum wm_code push_one(struct exchanged *e, const struct session *s, struct ledger *to,
			     struct wm_error *err)
{
	const struct remote_ref *theirs = find_theirs(s, e->origin);
	const struct object_id *found = NULL;
	struct object_id ours;

	TRY(read_ours(&ours, &found, s, e->origin, err));
	if (!found)
		return fail(err, REASON_ORIGIN_UNKNOWN, "%s: has no log %s", ledger_path(s->ours),
			    e->origin);
	return exchange_one(e, s, to, found, theirs ? &theirs->id : NULL, err);
}

static void refuse(struct exchanged *e, const struct wm_error *why)
{
	(void)fail_again(&e->why, why);
	e->state = EXCHANGED_REFUSED;
}

static struct exchanged *find_exchanged(struct exchange *x, const struct session *s,
					const char *ref)
{
	if (strncmp(ref, s->prefix, strlen(s->prefix)) != 0)
		return NULL;
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(ref + strlen(s->prefix), x->list[i].origin) == 0)
			return &x->list[i];
	return NULL;
}

/* Marks those that the other side did not take. */
static void mark_refused(struct exchange *x, const struct session *s,
			 const struct remote_refs *refused)
{
	for (size_t i = 0; i < refused->n; i++) {
		struct exchanged *e = find_exchanged(x, s, refused->list[i].name);
		struct wm_error why = { 0 };

		if (!e)
			continue;
		(void)fail(&why, REASON_REMOTE_REFUSED, "%s: it says: %s", e->origin,
			   refused->list[i].said);
		refuse(e, &why);
	}
}

/* Through git's own protocol, all at once, each from where we saw it and forward only. */
static enum wm_code push_far(struct exchange *x, const struct session *s, struct wm_error *err)
{
	enum { SPEC = 3 * LEDGER_REF };
	cleanup_remote_refs struct remote_refs refused = { .n = 0 };
	cleanup_free char(*text)[SPEC] = calloc(x->n + 1, sizeof(*text));
	cleanup_free const char **specs = calloc(x->n + 1, sizeof(*specs));
	struct wm_error why = { 0 };
	size_t n = 0;

	if (!text || !specs)
		return fail_nomem(err);
	for (size_t i = 0; i < x->n; i++) {
		if (!is_to_move(&x->list[i]))
			continue;
		snprintf(text[n], sizeof(text[n]), "%s%s:%s%s", QUARANTINE_REFS, x->list[i].origin,
			 s->prefix, x->list[i].origin);
		specs[n] = text[n];
		n++;
	}
	if (n == 0)
		return WM_OK;
	if (remote_push(&refused, s->quarantine, &s->remote, specs, n, &why) == WM_OK)
		mark_refused(x, s, &refused);
	for (size_t i = 0; why.code != WM_OK && i < x->n; i++)
		if (is_to_move(&x->list[i]))
			refuse(&x->list[i], &why);
	return WM_OK;
}

enum wm_code ledger_push(struct exchange *out, struct ledger *l, const struct exchange_options *o,
			 struct wm_error *err)
{
	cleanup_session struct session s = { .view = NULL };
	cleanup_exchange struct exchange x = { .n = 0 };
	cleanup_origins char **all = NULL;
	cleanup_ledger struct ledger *to = NULL;
	const char *const *origins = o->origins;

	TRY(ledger_origins(&all, l, err));
	if (!origins)
		origins = (const char *const *)all;
	TRY(session_start(&s, l, o, origins, err));
	if (s.remote.kind == URL_LOCAL)
		TRY(ledger_open(&to, o->url, err));
	for (size_t n = 0; !x.list; n++)
		if (!origins[n] && !(x.list = calloc(n + 1, sizeof(*x.list))))
			return fail_nomem(err);
	for (; origins[x.n]; x.n++) {
		struct exchanged *e = &x.list[x.n];

		snprintf(e->origin, sizeof(e->origin), "%s", origins[x.n]);
		if (push_one(e, &s, to, &e->why) != WM_OK)
			e->state = EXCHANGED_REFUSED;
	}
	if (!to)
		TRY(push_far(&x, &s, err));
	qsort(x.list, x.n, sizeof(*x.list), compare_exchanged);
	*out = x;
	x = (struct exchange){ .n = 0 };
	return WM_OK;
}
