/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/journal.c, rewrite_recover(): interrupted anywhere, the file is old or new. */
#include "rewriting.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "checkpoint/journal.h"
#include "util/file.h"

enum { BLOCK = 4096, SIZE = 300001, TAIL = 9000, FROM = 290000 };

static char *disk;		/* an ext4 file system, or NULL */
static char program[4096];	/* this one */

static const size_t heads[] = { TAIL, TAIL + 2 * BLOCK, TAIL - 2 * BLOCK };
enum { SAME, GROWS, SHRINKS, N_HEADS };

/* Ends that are replaced: as many bytes as before, more, fewer, and more behind all. */
static const struct {
	size_t from, len;
} ends[] = { { FROM, SIZE - FROM }, { FROM, 14099 }, { FROM, 77 }, { SIZE, 5001 } };
enum {
	END_SAME = N_HEADS, END_GROWS, END_SHRINKS, END_APPENDS,
	N_CHANGES = N_HEADS + sizeof(ends) / sizeof(ends[0])
};

/* One of these changes. */
static void given(struct subject *s, const char *directory, size_t i)
{
	if (i < N_HEADS)
		subject_make(s, directory, SIZE, TAIL, heads[i]);
	else
		subject_make_end(s, directory, SIZE, ends[i - N_HEADS].from,
				 ends[i - N_HEADS].len);
}

static bool missing(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/usr/bin/%s", name);
	return access(path, X_OK) != 0;
}

static struct journal journal_of(const struct subject *s)
{
	struct journal j = {
		.old_size = s->size, .new_size = s->new_size, .from = s->from, .to = s->to,
	};
	size_t stays = s->from > 0 ? s->from : s->size - s->to;
	size_t beside = stays < JOURNAL_BESIDE ? stays : JOURNAL_BESIDE;
	struct wm_error err = { 0 };
	struct stat st;

	assert_int_equal(stat(s->path, &st), 0);
	j.inode = st.st_ino;
	j.bytes = s->new + s->from;
	j.len = s->len;
	assert_ok(sha256_of(j.replaced, s->old + s->from, s->to - s->from, &err), &err);
	assert_ok(sha256_of(j.beside, s->old + (s->from > 0 ? s->from - beside : s->to), beside,
			    &err), &err);
	return j;
}

static void put_journal(const struct subject *s, const struct journal *j)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_JOURNAL);
	struct wm_error err = { 0 };

	assert_ok(journal_encode(&b, j, &err), &err);
	assert_ok(file_write(s->journal, b.data, b.len, 0600, FILE_REPLACE, &err), &err);
}

static void move_bytes(const struct subject *s)
{
	int fd = open(s->path, O_RDWR);
	size_t head = s->len, tail = s->to;

	assert_true(fd >= 0);
	if (head > tail)
		assert_int_equal(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, (off_t)(head - tail)), 0);
	if (head < tail)
		assert_int_equal(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, (off_t)(tail - head)), 0);
	close(fd);
}

static void overwrite(const char *path, const void *bytes, size_t len, off_t off)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, off), (ssize_t)len);
	close(fd);
}

/* --- the bytes of a journal -------------------------------------------------------------- */

static void journals_are_read_back(void **state)
{
	static const uint8_t head[] = "the new head";
	const struct journal good = { 1000, 1000, 0, sizeof(head), 8, { 1 }, { 2 }, head,
				      sizeof(head) };
	struct journal back;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_JOURNAL), small = BUF_INIT(100);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(journal_encode(&b, &good, &err), &err);
	assert_int_equal(b.len, 21 + 6 * 8 + 2 * 32 + 8 + sizeof(head) + 32);
	assert_ok(journal_parse(&back, b.data, b.len, "j", &err), &err);
	assert_true(back.old_size == 1000 && back.new_size == 1000 && back.to == good.to);
	assert_true(back.inode == 8 && back.replaced[0] == 1);
	assert_true(back.beside[0] == 2 && back.len == sizeof(head));
	assert_memory_equal(back.bytes, head, sizeof(head));
	assert_reason(journal_encode(&small, &good, &err), &err, LIMIT);
}

static void contradictions_are_malformed(void **state)
{
	static const uint8_t head[200];
	const struct journal good = { 1000, 1000, 0, 200, 8, { 0 }, { 0 }, head, 200 };
	const struct {
		uint64_t old_size, new_size, from, to;
		bool fits;
	} rows[] = {
		{ 1000, 1000, 0, 200, true },
		{ 201, 201, 0, 200, true },
		{ 200, 200, 0, 200, false },
		{ 5096, 1000, 0, 200 + BLOCK, true },
		{ 199, 199, 0, 200, false },
		{ 1000, 1001, 0, 200, false },
		{ 1000, 1001, 0, 199, false },
		{ 1000, 1000 + BLOCK, 0, 200, false },
		{ UINT64_MAX, UINT64_MAX, 0, 200, false },
		{ (uint64_t)INT64_MAX + 1, (uint64_t)INT64_MAX + 1, 0, 200, false },
		{ INT64_MAX, INT64_MAX, 0, 200, true },
		{ 100, 0, 0, 300, false },
		{ 1000, 199, 0, 1001, false },
		/* Ends. */
		{ 1000, 1200, 1000, 1000, true },
		{ 1000, 1000, 800, 1000, true },
		{ 1000, 201, 1, 1000, true },
		{ 1000, 1000, 800, 999, false },
		{ 1000, 1001, 800, 1000, false },
		{ 1000, 1200, 1001, 1000, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT(LIMIT_JOURNAL);
		struct wm_error err = { 0 };
		struct journal j = good, back;

		j.old_size = rows[i].old_size;
		j.new_size = rows[i].new_size;
		j.from = rows[i].from;
		j.to = rows[i].to;
		assert_ok(journal_encode(&b, &j, &err), &err);
		if (rows[i].fits)
			assert_ok(journal_parse(&back, b.data, b.len, "j", &err), &err);
		else
			assert_reason(journal_parse(&back, b.data, b.len, "j", &err), &err,
				      JOURNAL_MALFORMED);
	}
}

/* Neither file nor journal is touched then. */
static void assert_refused(const struct subject *s, enum reason reason)
{
	cleanup_buf struct buf file = BUF_INIT(1 << 20), journal = BUF_INIT(1 << 20);
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };

	read_file(&file, s->path);
	read_file(&journal, s->journal);
	assert_int_not_equal(rewrite_recover(&recovery, s->path, &err), WM_OK);
	if (error_reason(&err) != reason)
		test_failed(__FILE__, __LINE__, "%s: %s", err.reason, err.message);
	assert_int_equal(recovery, RECOVERY_NONE);
	assert_true(holds_bytes(s->path, file.data, file.len));
	assert_true(holds_bytes(s->journal, journal.data, journal.len));
	assert_true(rewrite_unfinished(s->path));
}

static void every_flip_and_every_length_is_malformed(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	cleanup_buf struct buf b = BUF_INIT(LIMIT_JOURNAL);
	struct wm_error err = { 0 };
	struct journal j, back;

	(void)state;
	subject_make(&s, d, 5000, 33, 33);
	j = journal_of(&s);
	assert_ok(journal_encode(&b, &j, &err), &err);
	assert_ok(journal_parse(&back, b.data, b.len, "j", &err), &err);
	for (size_t len = 0; len < b.len; len++) {
		/* Of its own size, so that a read beyond it is seen. */
		cleanup_free uint8_t *cut = malloc(len + !len);

		assert_non_null(cut);
		memcpy(cut, b.data, len);
		assert_reason(journal_parse(&back, cut, len, "j", &err), &err, JOURNAL_MALFORMED);
	}
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_reason(journal_parse(&back, b.data, b.len, "j", &err), &err,
			      JOURNAL_MALFORMED);
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(buf_append_byte(&b, 0, &err), &err);
	assert_reason(journal_parse(&back, b.data, b.len, "j", &err), &err, JOURNAL_MALFORMED);
	assert_ok(file_write(s.journal, b.data, b.len, 0600, FILE_REPLACE, &err), &err);
	assert_refused(&s, REASON_JOURNAL_MALFORMED);
	assert_int_equal(unlink(s.journal) | mkdir(s.journal, 0700), 0);
	assert_true(rewrite_unfinished(s.path));
	assert_reason(rewrite_recover(&(enum recovery){ 0 }, s.path, &err), &err,
		      JOURNAL_MALFORMED);
	scratch_remove(d);
}

/* --- recovering -------------------------------------------------------------------------- */

/* How far a change came: only the journal, bytes moved, half the head, all of it. */
enum stage { STORED, MOVED, HALF, WRITTEN, N_STAGES };

static void interrupt_at(const struct subject *s, enum stage stage)
{
	struct journal j = journal_of(s);

	put_journal(s, &j);
	if (stage >= MOVED && s->from == 0)
		move_bytes(s);
	if (stage >= HALF)
		overwrite(s->path, s->new + s->from, stage == HALF ? s->len / 2 : s->len,
			  (off_t)s->from);
}

static void recovers_from_each_stage(void **state)
{
	char *d = disk ? disk : scratch_new();

	(void)state;
	for (size_t i = 0; i < N_CHANGES; i++) {
		if (!disk && i != SAME && i < N_HEADS)
			continue;
		for (enum stage stage = STORED; stage < N_STAGES; stage++) {
			cleanup_subject struct subject s = { .fd = -1 };
			enum recovery recovery = RECOVERY_NONE;
			struct wm_error err = { 0 };
			bool undone = i < N_HEADS ? stage == STORED && i != SAME : stage <= MOVED;

			given(&s, d, i);
			interrupt_at(&s, stage);
			assert_true(rewrite_unfinished(s.path));
			assert_reason(subject_change(&s, &err), &err, UNFINISHED);
			assert_ok(rewrite_recover(&recovery, s.path, &err), &err);
			assert_int_equal(recovery, undone ? RECOVERY_UNDONE : RECOVERY_FINISHED);
			if (undone)
				assert_old(&s);
			else
				assert_new(&s);
			assert_ok(rewrite_recover(&recovery, s.path, &err), &err);
			assert_int_equal(recovery, RECOVERY_NONE);
			unlink(s.path);
		}
	}
	if (d != disk)
		scratch_remove(d);
}

static void recovers_through_links(void **state)
{
	char *d = scratch_new(), link_path[4096];
	cleanup_subject struct subject s = { .fd = -1 };
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };

	(void)state;
	subject_make(&s, d, SIZE, TAIL, TAIL);
	interrupt_at(&s, HALF);
	snprintf(link_path, sizeof(link_path), "%s/elsewhere", d);
	assert_int_equal(symlink("model", link_path), 0);
	assert_true(rewrite_unfinished(link_path));
	assert_ok(rewrite_recover(&recovery, link_path, &err), &err);
	assert_int_equal(recovery, RECOVERY_FINISHED);
	assert_false(rewrite_unfinished(link_path));
	assert_new(&s);
	scratch_remove(d);
}

/* What is done to a journal and its file in a directory where others may make files. */
static void belongs_to_another(const struct subject *s, const char *other)
{
	(void)other;
	assert_int_equal(chown(s->journal, 1234, 0), 0);
}

static void is_for_the_group(const struct subject *s, const char *other)
{
	(void)other;
	assert_int_equal(chmod(s->journal, 0620), 0);
}

static void is_for_everybody(const struct subject *s, const char *other)
{
	(void)other;
	assert_int_equal(chmod(s->journal, 0602), 0);
}

static void has_two_names(const struct subject *s, const char *other)
{
	assert_int_equal(link(s->journal, other), 0);
}

static void is_linked_to(const struct subject *s, const char *other)
{
	assert_int_equal(rename(s->journal, other) | symlink("other", s->journal), 0);
}

static void its_file_has_two_names(const struct subject *s, const char *other)
{
	assert_int_equal(link(s->path, other), 0);
}

static void foreign_journals_are_not_believed(void **state)
{
	static const struct {
		void (*spoil)(const struct subject *s, const char *other);
		enum reason reason;
	} rows[] = {
		{ is_for_the_group, REASON_JOURNAL_FOREIGN },
		{ is_for_everybody, REASON_JOURNAL_FOREIGN },
		{ has_two_names, REASON_JOURNAL_FOREIGN },
		{ is_linked_to, REASON_JOURNAL_MALFORMED },
		{ its_file_has_two_names, REASON_HARD_LINKED },
		{ belongs_to_another, REASON_JOURNAL_FOREIGN },
	};
	size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < (geteuid() == 0 ? n : n - 1); i++) {
		char *d = scratch_new(), other[4096];
		cleanup_subject struct subject s = { .fd = -1 };

		snprintf(other, sizeof(other), "%s/other", d);
		subject_make(&s, d, SIZE, TAIL, TAIL);
		interrupt_at(&s, HALF);
		rows[i].spoil(&s, other);
		assert_refused(&s, rows[i].reason);
		scratch_remove(d);
	}
}

/* Root's journal is finished by the owner of the file. */
static void journals_of_root_are_believed(void **state)
{
	char *d;
	cleanup_subject struct subject s = { .fd = -1 };
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };
	enum wm_code code;

	(void)state;
	if (geteuid() != 0)
		skip();
	d = scratch_new();
	subject_make(&s, d, SIZE, TAIL, TAIL);
	interrupt_at(&s, HALF);
	assert_int_equal(chmod(s.journal, 0644) | chown(s.path, 1234, 0) | chown(d, 1234, 0), 0);
	assert_int_equal(seteuid(1234), 0);
	code = rewrite_recover(&recovery, s.path, &err);
	assert_int_equal(seteuid(0), 0);
	assert_ok(code, &err);
	assert_new(&s);
	scratch_remove(d);
}

/* A journal that nothing of the present file has to match: it would replace all of it. */
static void journals_of_everything_are_malformed(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	struct journal j;

	(void)state;
	subject_make(&s, d, SIZE, SIZE, SIZE);
	j = journal_of(&s);
	put_journal(&s, &j);
	assert_refused(&s, REASON_JOURNAL_MALFORMED);
	scratch_remove(d);
}

/* As journals were written that say where the file was: the number may be another by now. */
static void devices_do_not_matter(void **state)
{
	enum { DEVICE = 21 + 4 * 8 };
	cleanup_buf struct buf b = BUF_INIT(LIMIT_JOURNAL);
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };
	struct journal j;

	(void)state;
	subject_make(&s, d, SIZE, TAIL, heads[SAME]);
	j = journal_of(&s);
	assert_ok(journal_encode(&b, &j, &err), &err);
	memset(b.data + DEVICE, 0x5a, 8);
	b.len -= SHA256_BYTES;
	assert_ok(sha256_of(b.data + b.len, b.data, b.len, &err), &err);
	b.len += SHA256_BYTES;
	assert_ok(file_write(s.journal, b.data, b.len, 0600, FILE_REPLACE, &err), &err);
	assert_ok(rewrite_recover(&recovery, s.path, &err), &err);
	assert_int_equal(recovery, RECOVERY_FINISHED);
	assert_true(holds_bytes(s.path, s.new, s.new_size));
	scratch_remove(d);
}

static void other_files_are_left_alone(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };
	struct journal j;

	(void)state;
	subject_make(&s, d, SIZE, TAIL, heads[GROWS]);
	j = journal_of(&s);
	j.inode++;
	put_journal(&s, &j);
	assert_refused(&s, REASON_JOURNAL_MISMATCH);
	j.inode--;
	put_journal(&s, &j);
	assert_int_equal(truncate(s.path, SIZE + 1), 0);
	assert_refused(&s, REASON_JOURNAL_MISMATCH);
	assert_int_equal(truncate(s.path, SIZE - 1), 0);
	assert_refused(&s, REASON_JOURNAL_MISMATCH);
	assert_int_equal(unlink(s.path), 0);
	assert_reason(rewrite_recover(&recovery, s.path, &err), &err, NOT_FOUND);
	assert_true(file_exists(s.journal));
	scratch_remove(d);
}

/* An end that does not follow what it followed. */
static void other_beginnings_are_left_alone(void **state)
{
	char *d = scratch_new();

	(void)state;
	for (size_t i = END_SAME; i < N_CHANGES; i++) {
		cleanup_subject struct subject s = { .fd = -1 };
		struct journal j;

		given(&s, d, i);
		j = journal_of(&s);
		put_journal(&s, &j);
		overwrite(s.path, s.new + s.from, 1, (off_t)s.from - 1);
		assert_refused(&s, REASON_JOURNAL_MISMATCH);
		overwrite(s.path, s.old + s.from - 1, 1, (off_t)s.from - 1);
		assert_int_equal(truncate(s.path, (off_t)s.from - 1), 0);
		assert_refused(&s, REASON_JOURNAL_MISMATCH);
		assert_int_equal(truncate(s.path, (off_t)(s.size + s.new_size)), 0);
		assert_refused(&s, REASON_JOURNAL_MISMATCH);
	}
	scratch_remove(d);
}

/* What a power cut may leave where a file system moves many extents in several steps. */
static void half_moved_files_are_left_alone(void **state)
{
	static const uint8_t zeros[2 * BLOCK];
	char *d = scratch_new();

	(void)state;
	for (size_t i = GROWS; i < N_HEADS; i++) {
		cleanup_subject struct subject s = { .fd = -1 };
		struct journal j;

		subject_make(&s, d, SIZE, TAIL, heads[i]);
		j = journal_of(&s);
		put_journal(&s, &j);
		if (i == GROWS) /* the size first, the bytes from the end */
			assert_int_equal(truncate(s.path, (off_t)s.new_size), 0);
		else /* the bytes from the beginning, the size last */
			overwrite(s.path, zeros, sizeof(zeros), 0);
		assert_refused(&s, REASON_JOURNAL_MISMATCH);
	}
	scratch_remove(d);
}

static void busy_files_are_not_recovered(void **state)
{
	cleanup_subject struct subject s = { .fd = -1 };
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };

	(void)state;
	if (!disk)
		skip();
	subject_make(&s, disk, SIZE, TAIL, heads[GROWS]);
	interrupt_at(&s, HALF);
	s.fd = open(s.path, O_RDONLY);
	assert_refused(&s, REASON_FILE_BUSY);
	close(take_fd(&s.fd));
	assert_ok(rewrite_recover(&recovery, s.path, &err), &err);
	assert_new(&s);
	unlink(s.path);
}

static enum wm_code recover(void *context, struct wm_error *err)
{
	enum recovery recovery;

	return rewrite_recover(&recovery, context, err);
}

static void survives_failing_allocations(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };

	(void)state;
	subject_make(&s, d, SIZE, TAIL, TAIL);
	interrupt_at(&s, HALF);
	with_every_allocation_failing(recover, s.path);
	assert_new(&s);
	scratch_remove(d);
}

/* --- killed ------------------------------------------------------------------------------ */

/* What this program does when it runs under strace; its exit status says how it ended. */
enum { ENDED = 0, LEFT = 10, REFUSED = 11 };

static int act(const char *what, const char *directory, const char *number)
{
	const size_t i = strtoul(number, NULL, 10);
	cleanup_subject struct subject s = { .fd = -1 };
	struct wm_error err = { 0 };
	enum recovery recovery;
	enum wm_code code;

	if (i < N_HEADS)
		subject_plan(&s, directory, SIZE, TAIL, heads[i]);
	else
		subject_plan_end(&s, directory, SIZE, ends[i - N_HEADS].from,
				 ends[i - N_HEADS].len);
	code = strcmp(what, "change") == 0 ? subject_change(&s, &err) :
					     rewrite_recover(&recovery, s.path, &err);
	if (code == WM_OK)
		return ENDED;
	return error_reason(&err) == REASON_LEFT_UNFINISHED ? LEFT : REFUSED;
}

/* Runs act() under strace with one option more; returns its exit status, -1 where killed. */
static int run_under_strace(const char *what, size_t i, const char *calls,
			    const char *option, const char *trace)
{
	char number[32], traced[64];
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	snprintf(number, sizeof(number), "%zu", i);
	snprintf(traced, sizeof(traced), "trace=%s", calls);
	if (child == 0) {
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		execlp("strace", "strace", "-qq", "-o", trace, "-e", traced, "-e", option, program,
		       what, disk, number, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t count_lines(const char *path)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	size_t n = 0;

	read_file(&b, path);
	for (size_t i = 0; i < b.len; i++)
		n += b.data[i] == '\n';
	return n;
}

/* Whether the file is old or new once recovery had its turn. */
static void assert_recovers(const struct subject *s, int status, const char *rule)
{
	bool left = file_exists(s->journal);
	enum recovery recovery = RECOVERY_NONE;
	struct wm_error err = { 0 };
	bool is_old, is_new;

	if (status == ENDED ? left : status != LEFT && status != REFUSED && status != -1)
		test_failed(__FILE__, __LINE__, "%s: status %d, journal %d", rule, status, left);
	if (rewrite_recover(&recovery, s->path, &err) != WM_OK)
		test_failed(__FILE__, __LINE__, "%s: %s", rule, err.message);
	is_old = holds_bytes(s->path, s->old, s->size);
	is_new = holds_bytes(s->path, s->new, s->new_size);
	if (!is_old && !is_new)
		test_failed(__FILE__, __LINE__, "%s: half", rule);
	if (status == ENDED && !is_new)
		test_failed(__FILE__, __LINE__, "%s: done, and the file is old", rule);
	if (status == REFUSED && (left || !is_old))
		test_failed(__FILE__, __LINE__, "%s: nothing changed, it said", rule);
	if (rewrite_unfinished(s->path) || count_names(disk) != 1)
		test_failed(__FILE__, __LINE__, "%s: something is left", rule);
}

/* Each call in turn is the last one, or fails. */
static size_t break_at_every(const char *call, const char *what, size_t i)
{
	static const char *const faults[] = { "signal=KILL", "error=EIO", "error=ENOSPC" };
	const size_t n_faults = strcmp(call, "all") == 0 ? 1 : 3;
	char rule[96], *trace = scratch_new(), path[4200];
	size_t n_calls = 0, n_points = 0;
	bool recovers = strcmp(what, "recover") == 0;

	snprintf(path, sizeof(path), "%s/trace", trace);
	for (size_t n = 0; n == 0 || n <= n_calls; n++) {
		for (size_t k = 0; k < n_faults; k++) {
			cleanup_subject struct subject s = { .fd = -1 };
			int status;

			given(&s, disk, i);
			if (recovers)
				interrupt_at(&s, HALF);
			snprintf(rule, sizeof(rule), "inject=%s:%s:when=%zu", call, faults[k], n);
			status = run_under_strace(what, i, call, n ? rule : "status=all",
						  path);
			if (n == 0) {
				n_calls = count_lines(path);
				assert_int_equal(status, ENDED);
				assert_new(&s);
				break;
			}
			if (recovers && status == REFUSED)
				assert_true(file_exists(s.journal));
			assert_recovers(&s, recovers && status == REFUSED ? LEFT : status, rule);
			if (recovers)
				assert_new(&s);
			n_points++;
		}
	}
	unlink(path);
	scratch_remove(trace);
	return n_points;
}

static void old_or_new_wherever_it_is_killed(void **state)
{
	static const char *const calls[] = { "write",  "pwrite64", "fallocate", "fsync", "linkat",
					     "unlinkat", "dup3", "flock", "fstatfs", "fcntl",
					     "ftruncate" };
	size_t n_points = 0;

	(void)state;
	if (!disk || missing("strace")) {
		print_message("# skipped: needs a mounted image and strace\n");
		skip();
	}
	for (size_t i = 0; i < N_CHANGES; i++)
		for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
			n_points += break_at_every(calls[k], "change", i);
			n_points += break_at_every(calls[k], "recover", i);
		}
	print_message("# %zu points of failure\n", n_points);
	assert_true(n_points > 400);
}

/* Not only those that change something. */
static void old_or_new_at_whatever_call_it_is_killed(void **state)
{
	size_t n_points = 0;

	(void)state;
	if (!disk || missing("strace"))
		skip();
	n_points += break_at_every("all", "change", END_GROWS);
	n_points += break_at_every("all", "recover", END_GROWS);
	print_message("# %zu points of failure\n", n_points);
	assert_true(n_points > 150);
}

/* The calls that a signal may break off are made again: moving bytes, too. */
static void carries_on_when_interrupted(void **state)
{
	static const char *const calls[] = { "fallocate", "pwrite64" };
	char rule[96], *d, path[4200];

	(void)state;
	if (!disk || missing("strace"))
		skip();
	d = scratch_new();
	snprintf(path, sizeof(path), "%s/trace", d);
	for (size_t i = 0; i < N_CHANGES; i++)
		for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++)
			for (int n = 1; n <= 3; n++) {
				cleanup_subject struct subject s = { .fd = -1 };

				given(&s, disk, i);
				snprintf(rule, sizeof(rule), "inject=%s:error=EINTR:when=%d..%d",
					 calls[k], n, n + 1);
				assert_int_equal(run_under_strace("change", i, calls[k], rule, path),
						 ENDED);
				assert_new(&s);
			}
	scratch_remove(d);
}

#define END_CALLS                                                               \
	"write fsync linkat fsync fallocate pwrite64 ftruncate fsync unlinkat fsync "

/* The order that checkpoint/rewrite.h states, which alone outlasts a power cut. */
static void calls_come_in_their_order(void **state)
{
	static const char *const orders[] = {
		[SAME] = "write fsync linkat fsync fallocate fsync pwrite64 fsync unlinkat fsync ",
		[GROWS] = "write fsync linkat fsync fallocate fallocate fsync pwrite64 fsync "
			  "unlinkat fsync ",
		[SHRINKS] = "write fsync linkat fsync fallocate fallocate fsync pwrite64 fsync "
			    "unlinkat fsync ",
		[END_SAME] = END_CALLS, [END_GROWS] = END_CALLS, [END_SHRINKS] = END_CALLS,
		[END_APPENDS] = END_CALLS,
	};
	char *d, path[4200];

	(void)state;
	if (!disk || missing("strace"))
		skip();
	d = scratch_new();
	snprintf(path, sizeof(path), "%s/trace", d);
	for (size_t i = 0; i < N_CHANGES; i++) {
		cleanup_subject struct subject s = { .fd = -1 };
		cleanup_buf struct buf b = BUF_INIT(1 << 20), order = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		char *line, *rest = NULL;

		given(&s, disk, i);
		assert_int_equal(run_under_strace("change", i,
						  "write,pwrite64,fallocate,ftruncate,fsync,linkat,unlinkat",
						  "status=all", path), ENDED);
		read_file(&b, path);
		for (line = strtok_r((char *)b.data, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			assert_ok(buf_printf(&order, &err, "%.*s ", (int)strcspn(line, "("), line),
				  &err);
		assert_string_equal(buf_str(&order), orders[i]);
	}
	scratch_remove(d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(journals_are_read_back),
		cmocka_unit_test(contradictions_are_malformed),
		cmocka_unit_test(every_flip_and_every_length_is_malformed),
		cmocka_unit_test(recovers_from_each_stage),
		cmocka_unit_test(recovers_through_links),
		cmocka_unit_test(foreign_journals_are_not_believed),
		cmocka_unit_test(journals_of_root_are_believed),
		cmocka_unit_test(journals_of_everything_are_malformed),
		cmocka_unit_test(devices_do_not_matter),
		cmocka_unit_test(other_files_are_left_alone),
		cmocka_unit_test(other_beginnings_are_left_alone),
		cmocka_unit_test(half_moved_files_are_left_alone),
		cmocka_unit_test(busy_files_are_not_recovered),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(old_or_new_wherever_it_is_killed),
		cmocka_unit_test(old_or_new_at_whatever_call_it_is_killed),
		cmocka_unit_test(carries_on_when_interrupted),
		cmocka_unit_test(calls_come_in_their_order),
	};
	int n_failed;

	if (argc == 4)
		return act(argv[1], argv[2], argv[3]);
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	disk = disk_new("mkfs.ext4 -q", 64);
	n_failed = run_tests(tests);
	if (disk)
		disk_remove(disk);
	return n_failed;
}
