/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/memory.c: what a verifier remembers of a log, and what he finds out by it. */
#include "logs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/evidence.h"
#include "log/memory.h"
#include "util/file.h"

enum { TREE_SIZE = 300, FORK = 5 };

#define ORIGIN "example.com/a/log"

/* A log with two histories from FORK on, and a place to remember it. */
struct forked {
	struct made_log log;
	struct made_tree left, right;
	char *scratch;
	char *directory; /* is not there yet */
	char *path;	 /* of the file */
};

static void forked_init(struct forked *f)
{
	cleanup_buf struct buf b = BUF_INIT(8192), key = BUF_INIT(LIMIT_NOTE);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	made_log_init(&f->log, ORIGIN);
	made_tree_init(&f->left, TREE_SIZE, UINT64_MAX);
	made_tree_init(&f->right, TREE_SIZE, FORK);
	f->scratch = scratch_new();
	assert_ok(buf_printf(&b, &err, "%s/state/logs", f->scratch), &err);
	f->directory = strdup(buf_str(&b));
	assert_ok(log_key_encode(&key, f->log.key, &err), &err);
	assert_ok(sha256_of(digest, key.data, key.len, &err), &err);
	assert_ok(buf_append_byte(&b, '/', &err), &err);
	assert_ok(buf_append_hex(&b, digest, sizeof(digest), &err), &err);
	assert_ok(buf_append_str(&b, ".json", &err), &err);
	f->path = strdup(buf_str(&b));
}

static void forked_release(struct forked *f)
{
	made_log_release(&f->log);
	made_tree_release(&f->left);
	made_tree_release(&f->right);
	scratch_remove(f->scratch);
	free(f->directory);
	free(f->path);
}

#define cleanup_forked __attribute__((cleanup(forked_release)))

static struct log_memory *load(const struct forked *f)
{
	struct log_memory *m = NULL;
	struct wm_error err = { 0 };

	assert_ok(log_memory_load(&m, f->directory, f->log.key, &err), &err);
	return m;
}

static void store(struct log_memory *m)
{
	struct wm_error err = { 0 };

	assert_ok(log_memory_store(m, &err), &err);
}

static void add(struct log_memory *m, const struct forked *f, const struct made_tree *t,
		uint64_t size, bool linked)
{
	cleanup_note struct note note = { 0 };
	struct wm_error err = { 0 };

	made_note(&note, &f->log, t, size);
	assert_ok(log_memory_add(m, &note, linked, &err), &err);
}

/* How the head of `t` at `size` compares, with the tiles of `have` up to `have_size`. */
static enum linkage compare(struct log_memory *m, const struct forked *f,
			    const struct made_tree *t, uint64_t size, struct made_tree *have,
			    uint64_t have_size)
{
	cleanup_note struct note note = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_evidence struct evidence e = { 0 };
	enum linkage out = (enum linkage)99;
	struct wm_error err = { 0 };

	made_note(&note, &f->log, t, size);
	if (have)
		tiles = made_tiles(have);
	assert_ok(log_memory_compare(&out, m, &note, tiles, have_size, &evidence, &err), &err);
	if (out == LINK_FORK)
		assert_ok(evidence_check(&e, evidence.data, evidence.len, "e", &err), &err);
	else
		assert_int_equal(evidence.len, 0);
	return out;
}

/* Asserts that these sizes are remembered, the head first; negative is linked. */
static void assert_sizes(const struct log_memory *m, const int *sizes, size_t n)
{
	const struct note *head = log_memory_head(m);

	for (size_t i = 0; i < n; i++) {
		const struct note *note = log_memory_at(m, i);

		assert_non_null(note);
		assert_int_equal(note->head.size, abs(sizes[i]));
		assert_true((note == head) == (sizes[i] < 0));
	}
	assert_null(log_memory_at(m, n));
	assert_null(log_memory_at(m, SIZE_MAX));
	if (n == 0 || sizes[0] > 0)
		assert_null(head);
}

#define ASSERT_SIZES(m, ...)                                                     \
	do {                                                                     \
		static const int sizes_[] = { __VA_ARGS__ };                     \
		assert_sizes(m, sizes_, sizeof(sizes_) / sizeof(*sizes_));       \
	} while (0)

/* --- comparing ------------------------------------------------------------------------- */

static void names(void **state)
{
	(void)state;
	assert_string_equal(linkage_name(LINK_FIRST), "first-seen");
	assert_string_equal(linkage_name(LINK_LINKED), "linked");
	assert_string_equal(linkage_name(LINK_UNLINKED), "unlinked");
	assert_string_equal(linkage_name(LINK_FORK), "fork");
	assert_string_equal(linkage_name(LINK_BEHIND), "behind");
}

static void compares_without_trees(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	assert_sizes(m, NULL, 0);
	assert_int_equal(compare(m, &f, &f.left, 10, NULL, 0), LINK_FIRST);
	add(m, &f, &f.left, 10, true);
	assert_int_equal(compare(m, &f, &f.left, 10, NULL, 0), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.left, 12, NULL, 0), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.left, 9, NULL, 0), LINK_BEHIND);
	assert_int_equal(compare(m, &f, &f.right, 10, NULL, 0), LINK_FORK);
	/* Without trees nothing else shows that it is another history. */
	assert_int_equal(compare(m, &f, &f.right, 12, NULL, 0), LINK_UNLINKED);

	add(m, &f, &f.left, 12, false);
	add(m, &f, &f.left, 8, false);
	assert_int_equal(compare(m, &f, &f.left, 12, NULL, 0), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.left, 8, NULL, 0), LINK_BEHIND);
	assert_int_equal(compare(m, &f, &f.right, 12, NULL, 0), LINK_FORK);
	assert_int_equal(compare(m, &f, &f.right, 8, NULL, 0), LINK_FORK);
	assert_int_equal(compare(m, &f, &f.left, 10, NULL, 0), LINK_LINKED);
}

static void compares_with_trees(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	add(m, &f, &f.left, 10, true);
	assert_int_equal(compare(m, &f, &f.left, 12, &f.left, 12), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.left, 12, &f.left, 300), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.left, 12, &f.left, 11), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.left, 9, &f.left, 10), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.left, 9, &f.left, 9), LINK_BEHIND);
	assert_int_equal(compare(m, &f, &f.left, 0, &f.left, 10), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.right, 12, &f.right, 12), LINK_FORK);
	assert_int_equal(compare(m, &f, &f.right, 257, &f.right, 300), LINK_FORK);
	assert_int_equal(compare(m, &f, &f.right, 9, &f.left, 10), LINK_FORK);
	assert_int_equal(compare(m, &f, &f.right, FORK, &f.left, 10), LINK_LINKED);
	/* Of these heads neither is in the tree at hand as it has to be. */
	assert_int_equal(compare(m, &f, &f.right, 12, &f.left, 300), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.right, 9, &f.right, 300), LINK_BEHIND);
}

/* Heads that were only seen are compared too. */
static void compares_with_what_was_seen(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	add(m, &f, &f.left, 10, false);
	ASSERT_SIZES(m, 10);
	assert_int_equal(compare(m, &f, &f.left, 10, NULL, 0), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.left, 9, NULL, 0), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.left, 12, &f.left, 12), LINK_LINKED);
	add(m, &f, &f.left, 20, false);
	assert_int_equal(compare(m, &f, &f.left, 10, NULL, 0), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.left, 15, &f.left, 15), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.left, 15, &f.left, 20), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.right, 15, &f.right, 15), LINK_FORK);
	add(m, &f, &f.left, 8, true);
	ASSERT_SIZES(m, -8, 10, 20);
	assert_int_equal(compare(m, &f, &f.left, 15, &f.left, 15), LINK_LINKED);
	assert_int_equal(compare(m, &f, &f.left, 15, NULL, 0), LINK_UNLINKED);
}

/* Tiles that are wrong connect nothing and accuse nobody. */
static void tiles_are_not_believed(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;
	cleanup_tiles struct tiles *tiles = NULL;
	cleanup_note struct note note = { 0 };
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	enum linkage out = LINK_FIRST;
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	m = load(&f);
	add(m, &f, &f.left, 10, true);
	f.left.damaged = true;
	assert_int_equal(compare(m, &f, &f.left, 12, &f.left, 12), LINK_UNLINKED);
	assert_int_equal(compare(m, &f, &f.right, 12, &f.left, 12), LINK_UNLINKED);
	f.left.unreadable = true;
	tiles = made_tiles(&f.left);
	made_note(&note, &f.log, &f.left, 12);
	assert_reason(log_memory_compare(&out, m, &note, tiles, 12, &evidence, &err), &err,
		      READ_FAILED);
	assert_int_equal(out, LINK_FIRST);
}

/* --- adding ---------------------------------------------------------------------------- */

static void adds(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	add(m, &f, &f.left, 10, true);
	ASSERT_SIZES(m, -10);
	add(m, &f, &f.left, 10, false);
	ASSERT_SIZES(m, -10);
	add(m, &f, &f.left, 20, false);
	add(m, &f, &f.left, 15, false);
	ASSERT_SIZES(m, -10, 20, 15);
	add(m, &f, &f.left, 15, false);
	ASSERT_SIZES(m, -10, 20, 15);
	/* The newest linked head comes first, and not as one seen; older ones stay as seen. */
	add(m, &f, &f.left, 12, true);
	ASSERT_SIZES(m, -12, 20, 15, 10);
	add(m, &f, &f.left, 11, true);
	ASSERT_SIZES(m, -12, 20, 15, 10);
	add(m, &f, &f.left, 15, true);
	ASSERT_SIZES(m, -15, 20, 10, 12);
	add(m, &f, &f.left, 20, true);
	ASSERT_SIZES(m, -20, 10, 12, 15);
	/* Two heads of a size are kept both, whatever is said of them. */
	add(m, &f, &f.right, 20, true);
	ASSERT_SIZES(m, -20, 10, 12, 15, 20);
	assert_int_equal(compare(m, &f, &f.left, 20, NULL, 0), LINK_FORK);
}

static void forgets_the_oldest_beyond_the_limit(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL, *again = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	for (int i = 1; i <= LIMIT_HEADS; i++)
		add(m, &f, &f.left, (uint64_t)(100 + i), false);
	assert_int_equal(log_memory_at(m, 0)->head.size, 101);
	add(m, &f, &f.left, 200, true);
	assert_int_equal(log_memory_at(m, 0)->head.size, 200);
	assert_int_equal(log_memory_at(m, 1)->head.size, 102);
	assert_int_equal(log_memory_at(m, LIMIT_HEADS - 1)->head.size, 100 + LIMIT_HEADS);
	add(m, &f, &f.left, 5, false);
	assert_int_equal(log_memory_at(m, 0)->head.size, 200);
	assert_int_equal(log_memory_at(m, 1)->head.size, 103);
	assert_int_equal(log_memory_at(m, LIMIT_HEADS - 1)->head.size, 5);
	assert_null(log_memory_at(m, LIMIT_HEADS));
	store(m);
	again = load(&f);
	for (size_t i = 0; i < LIMIT_HEADS; i++)
		assert_int_equal(log_memory_at(again, i)->head.size,
				 log_memory_at(m, i)->head.size);
	assert_null(log_memory_at(again, LIMIT_HEADS));
	add(again, &f, &f.left, 6, false);
	store(again);
	assert_int_equal(log_memory_at(again, 0)->head.size, 200);
	assert_int_equal(log_memory_at(again, 1)->head.size, 104);
	assert_null(log_memory_at(again, LIMIT_HEADS));
}

/* --- the file -------------------------------------------------------------------------- */

static void file_is_as_documented(void **state)
{
	static const char start[] = "{\"heads\":[{\"linked\":true,\"note\":\"" ORIGIN "\\n10\\n";
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL, *again = NULL;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_MEMORY);
	struct stat st;

	(void)state;
	forked_init(&f);
	m = load(&f);
	store(m);
	assert_false(file_exists(f.directory));
	add(m, &f, &f.left, 10, true);
	add(m, &f, &f.left, 20, false);
	store(m);
	ASSERT_SIZES(m, -10, 20);
	read_file(&b, f.path);
	assert_memory_equal(b.data, start, sizeof(start) - 1);
	assert_non_null(strstr(buf_str(&b), "\"},{\"linked\":false,\"note\":\"" ORIGIN "\\n20\\n"));
	assert_non_null(strstr(buf_str(&b), "\"}],\"kind\":\"weightmark-heads/1\"}"));
	assert_int_equal(b.data[b.len - 1], '}');
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(f.directory, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	again = load(&f);
	ASSERT_SIZES(again, -10, 20);
}

/* Nothing new: nothing is written. */
static void writes_only_what_changed(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	add(m, &f, &f.left, 10, true);
	store(m);
	assert_int_equal(remove(f.path), 0);
	store(m);
	assert_false(file_exists(f.path));
	add(m, &f, &f.left, 10, true);
	store(m);
	assert_false(file_exists(f.path));
}

/* Who loses the file has forgotten, and is told so. */
static void loss_is_told(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL, *again = NULL;

	(void)state;
	forked_init(&f);
	m = load(&f);
	add(m, &f, &f.left, 10, true);
	store(m);
	assert_int_equal(remove(f.path), 0);
	again = load(&f);
	assert_int_equal(compare(again, &f, &f.right, 10, NULL, 0), LINK_FIRST);
	/* What is new since then is kept all the same. */
	add(m, &f, &f.left, 12, true);
	store(m);
	log_memory_free(take_ptr(&again));
	again = load(&f);
	ASSERT_SIZES(again, -12);
}

static void merges(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	forked_init(&f);
	a = load(&f);
	add(a, &f, &f.left, 10, true);
	store(a);
	b = load(&f);
	c = load(&f);
	/* Each adds what it saw. */
	add(a, &f, &f.left, 14, false);
	add(b, &f, &f.left, 16, false);
	store(a);
	store(b);
	ASSERT_SIZES(b, -10, 14, 16);
	/* One links a larger head, on top of the one that both had. */
	add(a, &f, &f.left, 20, true);
	store(a);
	ASSERT_SIZES(a, -20, 14, 16, 10);
	/* Nothing connects the one that another links meanwhile: it was seen. */
	add(c, &f, &f.left, 18, true);
	store(c);
	ASSERT_SIZES(c, -20, 14, 16, 10, 18);
	add(b, &f, &f.left, 30, true);
	store(b);
	ASSERT_SIZES(b, -30, 14, 16, 10, 18, 20);
	/* What another saw is linked, and the same is added by two. */
	log_memory_free(take_ptr(&c));
	c = load(&f);
	ASSERT_SIZES(c, -30, 14, 16, 10, 18, 20);
	add(b, &f, &f.left, 40, false);
	add(c, &f, &f.left, 40, true);
	store(b);
	store(c);
	ASSERT_SIZES(c, -40, 14, 16, 10, 18, 20, 30);
	add(b, &f, &f.left, 40, true);
	store(b);
	ASSERT_SIZES(b, -40, 14, 16, 10, 18, 20, 30);
}

/* Two that begin at once, shown two histories: neither head is lost. */
static void merges_forks(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *a = NULL, *b = NULL;

	(void)state;
	forked_init(&f);
	a = load(&f);
	b = load(&f);
	add(a, &f, &f.left, 10, true);
	add(b, &f, &f.right, 10, true);
	store(a);
	store(b);
	ASSERT_SIZES(b, -10, 10);
	assert_int_equal(compare(b, &f, &f.left, 10, NULL, 0), LINK_FORK);
	assert_int_equal(compare(b, &f, &f.right, 10, NULL, 0), LINK_FORK);
}

enum { PROCESSES = 6, STORES = 8 };

/* Adds each of the notes to the file by itself; no assertions, since it runs in a child. */
static enum wm_code store_each(const struct forked *f, const struct note *notes)
{
	for (int i = 0; i < STORES; i++) {
		cleanup_log_memory struct log_memory *m = NULL;

		TRY(log_memory_load(&m, f->directory, f->log.key, NULL));
		TRY(log_memory_add(m, &notes[i], false, NULL));
		TRY(log_memory_store(m, NULL));
	}
	return WM_OK;
}

/* What each of several processes adds at once is there in the end. */
static void processes_lose_nothing(void **state)
{
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL;
	struct note notes[PROCESSES * STORES];
	bool there[TREE_SIZE + 1] = { false };
	int status;

	(void)state;
	forked_init(&f);
	for (int i = 0; i < PROCESSES * STORES; i++)
		made_note(&notes[i], &f.log, &f.left, (uint64_t)(10 + i));
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(store_each(&f, &notes[STORES * i]) == WM_OK ? 0 : 1);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	m = load(&f);
	for (size_t i = 0; log_memory_at(m, i); i++)
		there[log_memory_at(m, i)->head.size] = true;
	for (int i = 0; i < PROCESSES * STORES; i++) {
		assert_true(there[10 + i]);
		note_release(&notes[i]);
	}
}

static void refuses_malformed_files(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"heads\":[]}",
		"{\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[],\"kind\":\"weightmark-heads/2\"}",
		"{\"heads\":[],\"kind\":\"weightmark-heads/1\"}\n",
		"{\"heads\": [],\"kind\":\"weightmark-heads/1\"}",
		"{\"kind\":\"weightmark-heads/1\",\"heads\":[]}",
		"{\"heads\":{},\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[],\"kind\":\"weightmark-heads/1\",\"more\":1}",
		"{\"heads\":[1],\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[{}],\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[{\"linked\":true}],\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[{\"linked\":true,\"note\":\"\"}],\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[{\"linked\":true,\"note\":1}],\"kind\":\"weightmark-heads/1\"}",
		"{\"heads\":[{\"linked\":1,\"note\":\"\"}],\"kind\":\"weightmark-heads/1\"}",
	};
	static const char good[] = "{\"heads\":[],\"kind\":\"weightmark-heads/1\"}";
	cleanup_forked struct forked f;
	cleanup_log_memory struct log_memory *m = NULL, *other = NULL;
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	other = load(&f);
	add(other, &f, &f.left, 10, true);
	assert_ok(file_mkdirs(f.directory, 0700, &err), &err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_ok(file_write(f.path, rows[i], strlen(rows[i]), 0600, FILE_REPLACE, &err),
			  &err);
		assert_reason(log_memory_load(&m, f.directory, f.log.key, &err), &err,
			      STATE_MALFORMED);
		assert_null(m);
		assert_int_equal(err.code, WM_INVALID);
		assert_reason(log_memory_store(other, &err), &err, STATE_MALFORMED);
	}
	assert_ok(file_write(f.path, good, strlen(good), 0600, FILE_REPLACE, &err), &err);
	m = load(&f);
	assert_sizes(m, NULL, 0);
	assert_int_equal(remove(f.path), 0);
	assert_ok(file_mkdirs(f.path, 0700, &err), &err);
	log_memory_free(take_ptr(&m));
	assert_reason(log_memory_load(&m, f.directory, f.log.key, &err), &err, STATE_MALFORMED);
}

/* Puts the file with `n` heads of the same `note`, the `linked`th of them linked. */
static void put_heads(const struct forked *f, const struct note *const *notes, size_t n,
		      size_t linked)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_MEMORY);
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&b, "{\"heads\":[", &err), &err);
	for (size_t i = 0; i < n; i++) {
		assert_ok(buf_printf(&b, &err, "%s{\"linked\":%s,\"note\":\"", i ? "," : "",
				     i == linked ? "true" : "false"), &err);
		for (const char *c = notes[i]->text; *c; c++)
			assert_ok(*c == '\n' ? buf_append_str(&b, "\\n", &err) :
				  buf_append_byte(&b, (uint8_t)*c, &err), &err);
		assert_ok(buf_append_str(&b, "\"}", &err), &err);
	}
	assert_ok(buf_append_str(&b, "],\"kind\":\"weightmark-heads/1\"}", &err), &err);
	assert_ok(file_mkdirs(f->directory, 0700, &err), &err);
	assert_ok(file_write(f->path, b.data, b.len, 0600, FILE_REPLACE, &err), &err);
}

/* Nobody who can write to the file makes the log look guilty. */
static void drops_what_does_not_verify(void **state)
{
	cleanup_forked struct forked f;
	cleanup_made_log struct made_log other;
	cleanup_log_memory struct log_memory *m = NULL;
	cleanup_note struct note ours = { 0 }, theirs = { 0 }, twelve = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	made_log_init(&other, ORIGIN);
	made_note(&ours, &f.log, &f.left, 10);
	made_note(&twelve, &f.log, &f.left, 12);
	made_note(&theirs, &other, &f.right, 10);
	put_heads(&f, (const struct note *const[]){ &theirs, &ours }, 2, 0);
	m = load(&f);
	ASSERT_SIZES(m, 10);
	assert_int_equal(compare(m, &f, &f.left, 10, NULL, 0), LINK_LINKED);
	log_memory_free(take_ptr(&m));

	put_heads(&f, (const struct note *const[]){ &ours, &twelve }, 2, 0);
	m = load(&f);
	ASSERT_SIZES(m, -10, 12);
	log_memory_free(take_ptr(&m));
	/* A linked head elsewhere than in front, and one that stands there twice. */
	put_heads(&f, (const struct note *const[]){ &ours, &twelve }, 2, 1);
	assert_reason(log_memory_load(&m, f.directory, f.log.key, &err), &err, STATE_MALFORMED);
	put_heads(&f, (const struct note *const[]){ &ours, &ours }, 2, 0);
	assert_reason(log_memory_load(&m, f.directory, f.log.key, &err), &err, STATE_MALFORMED);
}

static void bounds_what_it_reads(void **state)
{
	cleanup_forked struct forked f;
	cleanup_made_log struct made_log other;
	cleanup_log_memory struct log_memory *m = NULL;
	cleanup_note struct note note = { 0 };
	const struct note *notes[LIMIT_HEADS + 1];
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	made_log_init(&other, ORIGIN);
	made_note(&note, &other, &f.left, 10);
	for (size_t i = 0; i <= LIMIT_HEADS; i++)
		notes[i] = &note;
	put_heads(&f, notes, LIMIT_HEADS, 0);
	m = load(&f);
	assert_sizes(m, NULL, 0);
	log_memory_free(take_ptr(&m));
	put_heads(&f, notes, LIMIT_HEADS + 1, 0);
	assert_reason(log_memory_load(&m, f.directory, f.log.key, &err), &err, STATE_MALFORMED);
}

/* Logs of one name and other keys are remembered apart. */
static void keys_are_apart(void **state)
{
	cleanup_forked struct forked f;
	cleanup_made_log struct made_log other;
	cleanup_log_memory struct log_memory *m = NULL, *n = NULL;
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	made_log_init(&other, ORIGIN);
	m = load(&f);
	add(m, &f, &f.left, 10, true);
	store(m);
	assert_ok(log_memory_load(&n, f.directory, other.key, &err), &err);
	assert_sizes(n, NULL, 0);
}

/* --- evidence -------------------------------------------------------------------------- */

static void keeps_evidence(void **state)
{
	cleanup_forked struct forked f;
	cleanup_note struct note x = { 0 }, y = { 0 };
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE), kept = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_buf struct buf want = BUF_INIT(8192);
	cleanup_free char *path = NULL, *again = NULL;
	uint8_t digest[SHA256_BYTES];
	struct stat st;
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	made_note(&x, &f.log, &f.left, 10);
	made_note(&y, &f.log, &f.right, 10);
	assert_ok(evidence_encode(&b, f.log.key, &x, &y, NULL, &err), &err);
	assert_ok(evidence_store(&path, f.directory, &b, &err), &err);
	assert_ok(sha256_of(digest, b.data, b.len, &err), &err);
	assert_ok(buf_printf(&want, &err, "%s/evidence/example.com-a-log-10-", f.directory), &err);
	assert_ok(buf_append_hex(&want, digest, 4, &err), &err);
	assert_ok(buf_append_str(&want, ".fork.json", &err), &err);
	assert_string_equal(path, buf_str(&want));
	read_file(&kept, path);
	assert_int_equal(kept.len, b.len);
	assert_memory_equal(kept.data, b.data, b.len);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_ok(evidence_store(&again, f.directory, &b, &err), &err);
	assert_string_equal(path, again);
	free(take_ptr(&again));
	/* Another file of that name is not written over. */
	assert_ok(file_write(path, "other", 5, 0600, FILE_REPLACE, &err), &err);
	assert_reason(evidence_store(&again, f.directory, &b, &err), &err, EXISTS);
	assert_null(again);
	/* A fork is one, whatever becomes of the evidence. */
	assert_reason(fail_forked(&again, f.directory, &b, "two", &err), &err, LOG_FORK);
	assert_null(again);
	assert_non_null(strstr(err.message, "two; evidence could not be kept: "));
	assert_reason(fail_forked(&again, NULL, &b, "two", &err), &err, LOG_FORK);
	assert_null(again);
	/* Nor is anything kept that is none. */
	buf_truncate(&b, b.len - 1);
	assert_reason(evidence_store(&again, f.directory, &b, &err), &err, EVIDENCE_MALFORMED);
}

/* --- allocations ----------------------------------------------------------------------- */

struct use {
	struct forked *f;
	struct note x, y;
};

static enum wm_code use_memory(void *context, struct wm_error *err)
{
	struct use *u = context;
	cleanup_log_memory struct log_memory *m = NULL;
	cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_free char *path = NULL;
	enum linkage linkage = LINK_FIRST;

	TRY(log_memory_load(&m, u->f->directory, u->f->log.key, err));
	TRY(log_memory_add(m, &u->x, true, err));
	TRY(log_memory_compare(&linkage, m, &u->y, NULL, 0, &evidence, err));
	assert_int_equal(linkage, LINK_FORK);
	TRY(log_memory_add(m, &u->y, false, err));
	TRY(log_memory_store(m, err));
	return evidence_store(&path, u->f->directory, &evidence, err);
}

static void survives_failed_allocations(void **state)
{
	cleanup_forked struct forked f;
	struct use use = { .f = &f };

	(void)state;
	forked_init(&f);
	made_note(&use.x, &f.log, &f.left, 10);
	made_note(&use.y, &f.log, &f.right, 10);
	with_every_allocation_failing(use_memory, &use);
	/* Again, with a file that is there. */
	with_every_allocation_failing(use_memory, &use);
	note_release(&use.x);
	note_release(&use.y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(compares_without_trees),
		cmocka_unit_test(compares_with_trees),
		cmocka_unit_test(compares_with_what_was_seen),
		cmocka_unit_test(tiles_are_not_believed),
		cmocka_unit_test(adds),
		cmocka_unit_test(forgets_the_oldest_beyond_the_limit),
		cmocka_unit_test(file_is_as_documented),
		cmocka_unit_test(writes_only_what_changed),
		cmocka_unit_test(loss_is_told),
		cmocka_unit_test(merges),
		cmocka_unit_test(merges_forks),
		cmocka_unit_test(processes_lose_nothing),
		cmocka_unit_test(refuses_malformed_files),
		cmocka_unit_test(drops_what_does_not_verify),
		cmocka_unit_test(bounds_what_it_reads),
		cmocka_unit_test(keys_are_apart),
		cmocka_unit_test(keeps_evidence),
		cmocka_unit_test(survives_failed_allocations),
	};

	return run_tests(tests);
}
