/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange of logs between repositories on this machine. */
#include "shelf.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/append.h"
#include "ledger/exchange.h"
#include "log/evidence.h"
#include "util/file.h"

/* A writer, and two repositories without logs. */
struct world {
	struct shelf writer;
	char hub_path[LIMIT_PATH], copy_path[LIMIT_PATH], state[LIMIT_PATH];
	struct ledger *hub, *copy;
};

static struct ledger *new_repository(char path[LIMIT_PATH], const struct shelf *s,
				     const char *name)
{
	struct wm_error err = { 0 };
	struct repository *r = NULL;
	struct ledger *l = NULL;

	assert_true(snprintf(path, LIMIT_PATH, "%s/%s", s->scratch, name) < LIMIT_PATH);
	assert_ok(repository_create(&r, path, &err), &err);
	assert_ok(ledger_take(&l, path, r, &err), &err);
	return l;
}

/* A writer with models 1 and 2: eight entries in two commits. */
static void world_open(struct world *w)
{
	shelf_open(&w->writer);
	shelf_fill(&w->writer, SHELF_ORIGIN, 1, 2);
	w->hub = new_repository(w->hub_path, &w->writer, "hub");
	w->copy = new_repository(w->copy_path, &w->writer, "copy");
	snprintf(w->state, sizeof(w->state), "%s/state", w->writer.scratch);
}

static void world_close(struct world *w)
{
	ledger_close(w->hub);
	ledger_close(w->copy);
	shelf_close(&w->writer);
}
#define cleanup_world __attribute__((cleanup(world_close)))

typedef enum wm_code exchange_fn(struct exchange *out, struct ledger *l,
				 const struct exchange_options *o, struct wm_error *err);

/* What became of the one log. */
static void exchange_one(struct exchanged *out, exchange_fn *how, const struct world *w,
			 struct ledger *l, const char *url)
{
	const struct exchange_options o = { .url = url, .state = w->state,
					    .limits = REMOTE_LIMITS };
	cleanup_exchange struct exchange x = { .n = 0 };
	struct wm_error err = { 0 };

	assert_ok(how(&x, l, &o, &err), &err);
	assert_int_equal(x.n, 1);
	assert_string_equal(x.list[0].origin, SHELF_ORIGIN);
	*out = x.list[0];
	log_key_free(out->key);
	x.n = 0;
}

static void assert_exchanged(exchange_fn *how, const struct world *w, struct ledger *l,
			     const char *url, enum exchanged_state state, uint64_t before,
			     uint64_t after)
{
	struct exchanged e;

	exchange_one(&e, how, w, l, url);
	if (e.state != state)
		test_failed(__FILE__, __LINE__, "%s: %s", exchanged_name(e.state), e.why.message);
	assert_int_equal(e.before, before);
	assert_int_equal(e.after, after);
	assert_null(e.evidence);
}

static struct object_id tip_of(const struct ledger *l)
{
	struct ledger_head h;
	struct wm_error err = { 0 };
	struct object_id id;

	assert_ok(ledger_head(&h, l, SHELF_ORIGIN, &err), &err);
	id = h.commit;
	ledger_head_release(&h);
	return id;
}

static void assert_same_tip(const struct ledger *a, const struct ledger *b)
{
	const struct object_id x = tip_of(a), y = tip_of(b);

	assert_true(object_id_equal(&x, &y));
}

/* Every object of the log can be read, and every signature verifies, without the other one. */
static void assert_whole(const char *path, uint64_t size)
{
	cleanup_ledger struct ledger *l = NULL;
	cleanup_ledger_head struct ledger_head h = { .key = NULL };
	struct wm_error err = { 0 };
	struct ledger_visitor v = { .entry = NULL };

	assert_ok(ledger_open(&l, path, &err), &err);
	assert_ok(ledger_head(&h, l, SHELF_ORIGIN, &err), &err);
	assert_int_equal(h.note.head.size, size);
	v.key = h.key;
	assert_ok(ledger_walk(l, SHELF_ORIGIN, &h, NULL, &v, &err), &err);
}

static void test_through_hub(void **state)
{
	cleanup_world struct world w;

	(void)state;
	world_open(&w);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_NEW, 0, 8);
	assert_exchanged(ledger_pull, &w, w.copy, w.hub_path, EXCHANGED_NEW, 0, 8);
	assert_exchanged(ledger_pull, &w, w.copy, w.hub_path, EXCHANGED_SAME, 8, 8);
	shelf_fill(&w.writer, SHELF_ORIGIN, 3, 5);
	assert_exchanged(ledger_pull, &w, w.writer.ledger, w.hub_path, EXCHANGED_OLDER, 20, 8);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_FORWARD, 8, 20);
	assert_exchanged(ledger_push, &w, w.copy, w.hub_path, EXCHANGED_OLDER, 20, 8);
	assert_exchanged(ledger_pull, &w, w.copy, w.hub_path, EXCHANGED_FORWARD, 8, 20);
	assert_same_tip(w.writer.ledger, w.hub);
	assert_same_tip(w.writer.ledger, w.copy);
	assert_whole(w.hub_path, 20);
	assert_whole(w.copy_path, 20);
}

/* The hub goes back: nobody follows it, and whoever has more brings it forward again. */
static void test_rewound(void **state)
{
	cleanup_world struct world w;
	struct object_id old, new;
	struct wm_error err = { 0 };
	char ref[LEDGER_REF];

	(void)state;
	world_open(&w);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_NEW, 0, 8);
	old = tip_of(w.hub);
	shelf_fill(&w.writer, SHELF_ORIGIN, 3, 3);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_FORWARD, 8, 12);
	assert_exchanged(ledger_pull, &w, w.copy, w.hub_path, EXCHANGED_NEW, 0, 12);
	new = tip_of(w.copy);
	ledger_ref(ref, SHELF_ORIGIN);
	assert_ok(ref_move(ledger_repository(w.hub), ref, &new, &old, &err), &err);
	assert_exchanged(ledger_pull, &w, w.copy, w.hub_path, EXCHANGED_OLDER, 12, 8);
	assert_same_tip(w.copy, w.writer.ledger);
	assert_exchanged(ledger_push, &w, w.copy, w.hub_path, EXCHANGED_FORWARD, 8, 12);
	assert_same_tip(w.copy, w.hub);
}

static void assert_evidence(const char *path, uint64_t first, uint64_t second)
{
	cleanup_evidence struct evidence e = { .key = NULL };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_EVIDENCE);
	struct wm_error err = { 0 };

	assert_non_null(path);
	assert_ok(file_read(&text, path, &err), &err);
	assert_ok(evidence_check(&e, text.data, text.len, path, &err), &err);
	assert_int_equal(e.first.head.size, first);
	assert_int_equal(e.second.head.size, second);
}

/* Makes the log once more from the first `models` on, with its own key and from its old state. */
static void assert_forks(exchange_fn *how, unsigned ours, unsigned theirs)
{
	cleanup_world struct world w;
	char command[3 * LIMIT_PATH], other[LIMIT_PATH];
	struct exchanged e;
	struct object_id before, after;
	struct wm_error err = { 0 };

	world_open(&w);
	snprintf(other, sizeof(other), "%s/forked", w.writer.scratch);
	snprintf(command, sizeof(command), "cp -r '%s' '%s'", w.writer.repository, other);
	assert_int_equal(system(command), 0);
	shelf_fill(&w.writer, SHELF_ORIGIN, 10, 9 + theirs);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_NEW, 0,
			 8 + 4 * theirs);
	/* The copy of the writer writes on. */
	ledger_close(w.writer.ledger);
	w.writer.ledger = NULL;
	snprintf(command, sizeof(command), "rm -r '%s' && mv '%s' '%s'", w.writer.repository, other,
		 w.writer.repository);
	assert_int_equal(system(command), 0);
	assert_ok(ledger_open(&w.writer.ledger, w.writer.repository, &err), &err);
	shelf_fill(&w.writer, SHELF_ORIGIN, 100, 99 + ours);
	before = how == ledger_pull ? tip_of(w.writer.ledger) : tip_of(w.hub);
	exchange_one(&e, how, &w, w.writer.ledger, w.hub_path);
	assert_int_equal(e.state, EXCHANGED_REFUSED);
	assert_string_equal(e.why.reason, "log-fork");
	assert_non_null(strstr(e.why.message, "evidence"));
	assert_evidence(e.evidence, 8 + 4 * (ours < theirs ? ours : theirs),
			8 + 4 * (ours < theirs ? theirs : ours));
	free(e.evidence);
	after = how == ledger_pull ? tip_of(w.writer.ledger) : tip_of(w.hub);
	assert_true(object_id_equal(&before, &after));
}

static void test_forked(void **state)
{
	(void)state;
	assert_forks(ledger_pull, 1, 1);
	assert_forks(ledger_pull, 1, 3);
	assert_forks(ledger_pull, 3, 1);
	assert_forks(ledger_push, 1, 1);
	assert_forks(ledger_push, 1, 3);
	assert_forks(ledger_push, 3, 1);
}

/* More than a tile of entries, so that the evidence goes through full ones. */
static void test_forked_late(void **state)
{
	(void)state;
	assert_forks(ledger_pull, 1, 80);
	assert_forks(ledger_pull, 80, 2);
}

/* Whose lock cannot be had is not written to. */
static void test_receiver_without_lock(void **state)
{
	char directory[LIMIT_PATH + 16], path[LIMIT_PATH + 32];
	cleanup_world struct world w;
	struct exchanged e;

	(void)state;
	world_open(&w);
	snprintf(directory, sizeof(directory), "%s/weightmark", w.hub_path);
	snprintf(path, sizeof(path), "%s/.exchange", directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	exchange_one(&e, ledger_push, &w, w.writer.ledger, w.hub_path);
	assert_int_equal(e.state, EXCHANGED_REFUSED);
	assert_string_equal(e.why.reason, "write-failed");
	assert_int_equal(unlink(path), 0);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_NEW, 0, 8);
}

static void test_foreign_key(void **state)
{
	cleanup_world struct world w;
	cleanup_shelf struct shelf other;
	struct exchanged e;

	(void)state;
	world_open(&w);
	shelf_open(&other);
	shelf_fill(&other, SHELF_ORIGIN, 1, 3);
	assert_exchanged(ledger_push, &w, w.writer.ledger, w.hub_path, EXCHANGED_NEW, 0, 8);
	exchange_one(&e, ledger_push, &w, other.ledger, w.hub_path);
	assert_int_equal(e.state, EXCHANGED_REFUSED);
	assert_string_equal(e.why.reason, "log-key-changed");
	assert_null(e.evidence);
	exchange_one(&e, ledger_pull, &w, w.hub, other.repository);
	assert_int_equal(e.state, EXCHANGED_REFUSED);
	assert_string_equal(e.why.reason, "log-key-changed");
	assert_same_tip(w.writer.ledger, w.hub);
}

static void test_origins(void **state)
{
	cleanup_world struct world w;
	const char *const one[] = { "a.example", NULL }, *const none[] = { "no.example", NULL };
	const char *const bad[] = { "../x", NULL };
	struct exchange_options o = { .origins = one, .limits = REMOTE_LIMITS };
	struct exchange x = { .n = 0 };
	struct wm_error err = { 0 };

	(void)state;
	world_open(&w);
	shelf_fill(&w.writer, "a.example", 1, 1);
	o.url = w.hub_path;
	assert_ok(ledger_push(&x, w.writer.ledger, &o, &err), &err);
	assert_int_equal(x.n, 1);
	assert_string_equal(x.list[0].origin, "a.example");
	exchange_release(&x);
	o.origins = none;
	assert_reason(ledger_pull(&x, w.copy, &o, &err), &err, ORIGIN_UNKNOWN);
	o.origins = bad;
	assert_reason(ledger_pull(&x, w.copy, &o, &err), &err, ORIGIN_INVALID);
	o.origins = NULL;
	o.url = "ext::sh -c id";
	assert_reason(ledger_pull(&x, w.copy, &o, &err), &err, URL_REFUSED);
	assert_reason(ledger_push(&x, w.writer.ledger, &o, &err), &err, URL_REFUSED);
	o.url = w.writer.repository;
	assert_ok(ledger_pull(&x, w.copy, &o, &err), &err);
	assert_int_equal(x.n, 2);
	assert_string_equal(x.list[0].origin, "a.example");
	assert_string_equal(x.list[1].origin, SHELF_ORIGIN);
	exchange_release(&x);
}

static void test_limits(void **state)
{
	/* The log has 8 entries, 3 commits, trees and notes, 1 key, 3 edges: objects enough. */
	static const struct {
		struct remote_limits limits;
		const char *reason;
	} cases[] = {
		{ { 64, 2048, 8, 1000, 60 }, "limit" },
		{ { 0, 2048, 1000, 1000, 60 }, NULL }, /* `limit` or what libgit2 makes of it */
		{ { 64, 2048, 1000, 0, 60 }, "limit" },
		{ { 64, 2048, 1000, 1000, 0 }, "remote-failed" },
	};
	cleanup_world struct world w;
	struct exchange x = { .n = 0 };
	struct wm_error err = { 0 };
	struct exchange_options o = { .url = NULL };
	struct ledger_head none = { .key = NULL };

	(void)state;
	world_open(&w);
	o.url = w.writer.repository;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o.limits = cases[i].limits;
		assert_int_not_equal(ledger_pull(&x, w.copy, &o, &err), WM_OK);
		if (cases[i].reason)
			assert_string_equal(err.reason, cases[i].reason);
		assert_reason(ledger_head(&none, w.copy, SHELF_ORIGIN, &err), &err, ORIGIN_UNKNOWN);
	}
	o.limits = (struct remote_limits)REMOTE_LIMITS;
	assert_ok(ledger_pull(&x, w.copy, &o, &err), &err);
	assert_int_equal(x.list[0].state, EXCHANGED_NEW);
	exchange_release(&x);
}

static enum wm_code pull_body(void *context, struct wm_error *err)
{
	struct world *w = context;
	cleanup_exchange struct exchange x = { .n = 0 };
	const struct exchange_options o = { .url = w->writer.repository, .state = w->state,
					    .limits = REMOTE_LIMITS };

	TRY(ledger_pull(&x, w->copy, &o, err));
	return x.list[0].why.code == WM_OK ? WM_OK : fail_again(err, &x.list[0].why);
}

static void test_allocations(void **state)
{
	cleanup_world struct world w;

	(void)state;
	world_open(&w);
	/* The child counts its own, so that the harness cannot tell when all have failed. */
	for (size_t n = 1; n < 10000; n++) {
		struct wm_error err = { 0 };
		enum wm_code code;

		fail_allocation(n);
		code = pull_body(&w, &err);
		fail_allocation(0);
		if (code == WM_OK)
			break;
		if (code != WM_NOMEM)
			test_failed(__FILE__, __LINE__, "allocation %zu: %s", n, err.message);
	}
	assert_whole(w.copy_path, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_through_hub), cmocka_unit_test(test_rewound),
		cmocka_unit_test(test_forked),	    cmocka_unit_test(test_forked_late),
		cmocka_unit_test(test_receiver_without_lock),
		cmocka_unit_test(test_foreign_key), cmocka_unit_test(test_origins),
		cmocka_unit_test(test_limits),	    cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
