/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/cache.c: what counts as measured, and what does not any more. */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "checkpoint/cache.h"
#include "made.h"
#include "rewriting.h"
#include "util/file.h"

enum {
	MAGIC_LEN = 22,
	START_LEN = MAGIC_LEN + 36 + 11 * 8 + (sizeof("safetensors/1") - 1) + 8,
	N_SEGMENTS = 2,
	ENTRY_LEN = START_LEN + 16 + (N_SEGMENTS + 3) * SHA256_BYTES,
	N_PLACES = 13,
};

/* A folder with a checkpoint that nobody touched for a while, and a cache. */
struct place {
	char *folder;
	char path[512], cache[512], measured[600];
};

static void write_checkpoint(const char *path, const struct made *m)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
	struct wm_error err = { 0 };

	made_append(&bytes, m);
	assert_ok(file_write(path, bytes.data, bytes.len, 0600, FILE_REPLACE, &err), &err);
}

static const struct made large = {
	HEADER("{\"a\":{\"dtype\":\"U8\",\"shape\":[1048576],\"data_offsets\":[0,1048576]}}"),
	1048576, 0
};

static struct place place_new(void)
{
	struct place p = { .folder = scratch_new() };

	snprintf(p.path, sizeof(p.path), "%s/m.safetensors", p.folder);
	snprintf(p.cache, sizeof(p.cache), "%s/cache", p.folder);
	snprintf(p.measured, sizeof(p.measured), "%s/weightmark/measured", p.cache);
	assert_int_equal(setenv("XDG_CACHE_HOME", p.cache, 1), 0);
	write_checkpoint(p.path, &large);
	return p;
}

/* They are all made at once, so that one sleep settles them. */
static struct place places[N_PLACES];
static size_t n_places;

static struct place place_settled(void)
{
	if (n_places == 0) {
		for (; n_places < N_PLACES; n_places++)
			places[n_places] = place_new();
		usleep(2100000);
	}
	n_places--;
	assert_true(n_places > 0); /* the last is never given out: others would wait again */
	assert_int_equal(setenv("XDG_CACHE_HOME", places[n_places].cache, 1), 0);
	return places[n_places];
}

static void place_remove(const struct place *p)
{
	scratch_remove(p->folder);
}

static void open_one(struct checkpoint **out, const char *path)
{
	const struct checkpoint_open_options options = { NULL };
	struct wm_error err = { 0 };

	assert_ok(checkpoint_open(out, path, &options, &err), &err);
}

/* Measures the file at `path` and keeps the result; false where leases do not hold here. */
static bool keep(const char *path)
{
	const struct checkpoint_measure_options options = { .sha256 = true, .workers = 1 };
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct wm_error err = { 0 };

	open_one(&c, path);
	assert_ok(checkpoint_measure(c, &options, &err), &err);
	assert_ok(cache_store(&c->files[0], &err), &err);
	return c->files[0].writers_excluded;
}

/* Whether the cache knows the file at `path` that is open in `c`. */
static bool hits(const char *path)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct wm_error err = { 0 };

	open_one(&c, path);
	assert_ok(cache_load(&c->files[0], &err), &err);
	assert_int_equal(c->files[0].measured, c->files[0].has_sha256);
	assert_int_equal(c->files[0].measured, c->files[0].from_cache);
	return c->files[0].measured;
}

static size_t n_entries(const struct place *p)
{
	DIR *d = opendir(p->measured);
	size_t n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void entry_path(char out[1200], const struct place *p)
{
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	snprintf(out, 1200, "%s/%llx-%llx", p->measured, (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
}

/* Skips the test where a lease cannot be had. */
#define KEPT(p)                       \
	do {                          \
		if (!keep((p)->path)) { \
			place_remove(p); \
			skip();       \
		}                     \
	} while (0)

static void remembers(void **state)
{
	const struct checkpoint_measure_options options = { .sha256 = true, .workers = 1 };
	cleanup_checkpoint struct checkpoint *c = NULL, *d = NULL;
	struct place p = place_settled();
	struct wm_error err = { 0 };
	struct stat st;
	char entry[1200];

	(void)state;
	KEPT(&p);
	open_one(&c, p.path);
	assert_ok(checkpoint_measure(c, &options, &err), &err);
	open_one(&d, p.path);
	assert_ok(checkpoint_find_parts(d, &err), &err);
	assert_ok(cache_load(&d->files[0], &err), &err);
	assert_true(d->files[0].measured && d->files[0].has_sha256 && d->files[0].from_cache);
	assert_memory_equal(c->files[0].file_digest, d->files[0].file_digest, SHA256_BYTES);
	assert_memory_equal(c->files[0].sha256, d->files[0].sha256, SHA256_BYTES);
	/* What came from the cache is not measured, and parts are made of it. */
	d->files[0].file_digest[0] ^= 1;
	assert_ok(checkpoint_measure(d, &options, &err), &err);
	assert_int_equal(c->files[0].file_digest[0] ^ 1, d->files[0].file_digest[0]);
	assert_true(d->parts[0].has_weights);
	assert_int_equal(n_entries(&p), 1);
	entry_path(entry, &p);
	assert_int_equal(stat(entry, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, ENTRY_LEN);
	assert_int_equal(stat(p.measured, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	/* It is not written again. */
	assert_int_equal(unlink(entry), 0);
	assert_ok(cache_store(&d->files[0], &err), &err);
	assert_int_equal(n_entries(&p), 0);
	place_remove(&p);
}

static void touches(const struct place *p)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT }, { 1, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, p->path, times, 0), 0);
}

static void writes_and_hides_it(const struct place *p)
{
	struct timespec times[2];
	struct stat st;
	int fd = open(p->path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void replaces(const struct place *p)
{
	write_checkpoint(p->path, &large);
}

static void makes_mode_wide(const struct place *p)
{
	char entry[1200];

	entry_path(entry, p);
	assert_int_equal(chmod(entry, 0620), 0);
}

static void makes_folder_wide(const struct place *p)
{
	assert_int_equal(chmod(p->measured, 0702), 0);
}

static void makes_it_a_link(const struct place *p)
{
	char entry[1200], other[1300];

	entry_path(entry, p);
	snprintf(other, sizeof(other), "%s.other", entry);
	assert_int_equal(rename(entry, other), 0);
	assert_int_equal(symlink(other, entry), 0);
}

static void goes_elsewhere(const struct place *p)
{
	assert_int_equal(setenv("XDG_CACHE_HOME", p->folder, 1), 0);
}

static void forgets_what_changed(void **state)
{
	static void (*const changes[])(const struct place *p) = {
		touches, writes_and_hides_it, replaces, makes_mode_wide, makes_folder_wide,
		makes_it_a_link, goes_elsewhere,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct place p = place_settled();

		KEPT(&p);
		assert_true(hits(p.path));
		changes[i](&p);
		assert_false(hits(p.path));
		place_remove(&p);
	}
}

/* Whether ids of mounts are not used again. */
static bool kernel_tells_mounts(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 8));
}

/* What lies on a device may be changed while it is not mounted. */
static void forgets_what_was_mounted_anew(void **state)
{
	char *disk = kernel_tells_mounts() ? disk_new("mkfs.ext4 -q", 64) : NULL;
	cleanup_free char *path = NULL, *again = NULL;
	struct stat before, after;
	struct place p;

	(void)state;
	if (!disk)
		skip();
	p = place_new();
	assert_true(asprintf(&path, "%s/m.safetensors", disk) > 0);
	assert_true(asprintf(&again, "mount -o loop '%s/../image' '%s'", disk, disk) > 0);
	write_checkpoint(path, &large);
	usleep(2100000);
	assert_true(keep(path));
	assert_true(hits(path));
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(umount(disk), 0);
	assert_int_equal(system(again), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(file_unchanged(&before, &after));
	assert_false(hits(path));
	assert_true(keep(path));
	assert_true(hits(path));
	place_remove(&p);
	disk_remove(disk);
}

static void write_entry(const struct place *p, const struct buf *bytes, bool mend)
{
	cleanup_buf struct buf entry = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	char path[1200];

	assert_ok(buf_append(&entry, bytes->data, bytes->len, &err), &err);
	if (mend)
		assert_ok(sha256_of(entry.data + entry.len - SHA256_BYTES, entry.data,
				    entry.len - SHA256_BYTES, &err), &err);
	entry_path(path, p);
	assert_ok(file_write(path, entry.data, entry.len, 0600, FILE_REPLACE, &err), &err);
}

/* Whether the cache is of use with these bytes as its entry. One open file serves all tries. */
static bool believed(const struct place *p, struct checkpoint_file *f, const struct buf *bytes,
		     bool mend)
{
	struct wm_error err = { 0 };

	write_entry(p, bytes, mend);
	f->measured = f->has_sha256 = f->from_cache = false;
	assert_ok(cache_load(f, &err), &err);
	return f->measured;
}

/* Each byte, with the sum at the end as it was and made right again. */
static void forgets_odd_entries(void **state)
{
	const size_t made = START_LEN, sha256 = ENTRY_LEN - 2 * SHA256_BYTES;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct place p = place_settled();
	struct wm_error err = { 0 };
	char path[1200];

	(void)state;
	KEPT(&p);
	entry_path(path, &p);
	read_file(&bytes, path);
	open_one(&c, p.path);
	assert_true(believed(&p, &c->files[0], &bytes, false));
	assert_true(believed(&p, &c->files[0], &bytes, true));
	for (size_t i = 0; i < ENTRY_LEN; i += i < START_LEN ? 1 : 7) {
		bool is_made = i >= made && i < made + 16, is_sha256 = i >= sha256;

		bytes.data[i] ^= 0x80;
		assert_false(believed(&p, &c->files[0], &bytes, false));
		if (!is_made && !is_sha256)
			assert_false(believed(&p, &c->files[0], &bytes, true));
		bytes.data[i] ^= 0x80;
	}
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		buf_truncate(&bytes, bytes.len - 1);
		assert_false(believed(&p, &c->files[0], &bytes, true));
	}
	buf_truncate(&bytes, 0);
	assert_false(believed(&p, &c->files[0], &bytes, false));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_ok(cache_load(&c->files[0], &err), &err);
	assert_false(c->files[0].measured);
	place_remove(&p);
}

static void put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

/* The entry was made 2 s after the file changed, or a nanosecond less. */
static void forgets_entries_made_too_soon(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct place p = place_settled();
	char path[1200];
	struct stat st;

	(void)state;
	KEPT(&p);
	entry_path(path, &p);
	read_file(&bytes, path);
	open_one(&c, p.path);
	assert_int_equal(stat(p.path, &st), 0);
	put_u64(bytes.data + START_LEN, (uint64_t)st.st_ctim.tv_sec + 2);
	put_u64(bytes.data + START_LEN + 8, (uint64_t)st.st_ctim.tv_nsec);
	assert_true(believed(&p, &c->files[0], &bytes, true));
	put_u64(bytes.data + START_LEN + 8, (uint64_t)st.st_ctim.tv_nsec - 1);
	assert_false(believed(&p, &c->files[0], &bytes, true));
	put_u64(bytes.data + START_LEN, UINT64_C(1) << 63);
	assert_false(believed(&p, &c->files[0], &bytes, true));
	place_remove(&p);
}

static void keeps_nothing_doubtful(void **state)
{
	const struct checkpoint_measure_options options = { .sha256 = true, .workers = 1 };
	const struct checkpoint_measure_options plain = { .workers = 1 };
	cleanup_checkpoint struct checkpoint *c = NULL, *d = NULL;
	struct place p = place_new();
	char path[600], entry[1200];
	struct wm_error err = { 0 };
	int writer;

	(void)state;
	/* Changed just now. */
	keep(p.path);
	assert_int_equal(n_entries(&p), 0);
	snprintf(path, sizeof(path), "%s/small.safetensors", p.folder);
	write_checkpoint(path, &(struct made){ HEADER("{}"), 0, 0 });
	usleep(2100000);
	/* Not worth it. */
	keep(path);
	assert_int_equal(n_entries(&p), 0);
	/* Not measured, or without SHA-256. */
	open_one(&c, p.path);
	assert_ok(cache_store(&c->files[0], &err), &err);
	assert_ok(checkpoint_measure(c, &plain, &err), &err);
	assert_ok(cache_store(&c->files[0], &err), &err);
	assert_int_equal(n_entries(&p), 0);
	/* No lease: a writer has it open. */
	writer = open(p.path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (writer < 0) { /* the lease of c keeps it out */
		checkpoint_free(take_ptr(&c));
		writer = open(p.path, O_WRONLY | O_CLOEXEC);
	}
	assert_true(writer >= 0);
	assert_false(keep(p.path));
	assert_int_equal(n_entries(&p), 0);
	close(writer);
	KEPT(&p);
	assert_int_equal(n_entries(&p), 1);
	/* Nor is an entry believed then, or once somebody asked for the lease to be broken. */
	writer = open(p.path, O_WRONLY | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_false(hits(p.path));
	close(writer);
	assert_true(hits(p.path));
	open_one(&d, p.path);
	writer = open(p.path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	assert_true(writer < 0);
	assert_ok(cache_load(&d->files[0], &err), &err);
	assert_false(d->files[0].measured);
	entry_path(entry, &p);
	assert_int_equal(unlink(entry), 0);
	d->files[0].writers_excluded = false;
	assert_ok(checkpoint_measure(d, &options, &err), &err);
	assert_ok(cache_store(&d->files[0], &err), &err);
	assert_int_equal(n_entries(&p), 0);
	place_remove(&p);
}

static void does_without(void **state)
{
	struct place p = place_settled();
	char path[600];

	(void)state;
	/* A file stands where the folder should be; a relative path; nothing at all. */
	write_checkpoint(p.cache, &(struct made){ HEADER("{}"), 0, 0 });
	keep(p.path);
	assert_false(hits(p.path));
	assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
	assert_int_equal(setenv("HOME", "", 1), 0);
	keep(p.path);
	assert_false(hits(p.path));
	assert_false(file_exists("relative"));
	assert_int_equal(unsetenv("XDG_CACHE_HOME") + unsetenv("HOME"), 0);
	keep(p.path);
	assert_false(hits(p.path));
	/* The folder of caches in the home. */
	assert_int_equal(setenv("HOME", p.folder, 1), 0);
	snprintf(path, sizeof(path), "%s/.cache/weightmark/measured", p.folder);
	if (keep(p.path)) {
		assert_true(file_exists(path));
		assert_true(hits(p.path));
	}
	place_remove(&p);
}

static enum wm_code keep_and_load(void *context, struct wm_error *err)
{
	const struct checkpoint_open_options options = { NULL };
	const struct checkpoint_measure_options measuring = { .sha256 = true, .workers = 1 };
	cleanup_checkpoint struct checkpoint *c = NULL, *d = NULL;

	TRY(checkpoint_open(&c, context, &options, err));
	TRY(checkpoint_measure(c, &measuring, err));
	TRY(cache_store(&c->files[0], err));
	TRY(checkpoint_open(&d, context, &options, err));
	return cache_load(&d->files[0], err);
}

static void survives_failing_allocations(void **state)
{
	struct place p = place_settled();

	(void)state;
	with_every_allocation_failing(keep_and_load, p.path);
	place_remove(&p);
	while (n_places > 0)
		place_remove(&places[--n_places]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers),
		cmocka_unit_test(forgets_what_changed),
		cmocka_unit_test(forgets_what_was_mounted_anew),
		cmocka_unit_test(forgets_odd_entries),
		cmocka_unit_test(forgets_entries_made_too_soon),
		cmocka_unit_test(keeps_nothing_doubtful),
		cmocka_unit_test(does_without),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
