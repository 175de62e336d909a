/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/attributes.c: nobody gains rights by a file's being written anew. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "checkpoint/attributes.h"

enum { WITHOUT_NAME = 0xff };

#define ENTRY(tag, perm, id) (tag), 0, (perm), 0, (id), (id), (id), (id)

/* user::rw- user:0x01010101:r-- group::--- mask::r-- other::---; its mode is 0640. */
static const uint8_t list[] = {
	2, 0, 0, 0, ENTRY(0x01, 6, WITHOUT_NAME), ENTRY(0x02, 4, 1), ENTRY(0x04, 0, WITHOUT_NAME),
	ENTRY(0x10, 4, WITHOUT_NAME), ENTRY(0x20, 0, WITHOUT_NAME),
};
static const char access_list[] = "system.posix_acl_access";
static const char default_list[] = "system.posix_acl_default";

struct pair {
	char *folder;
	int from, to;
	struct stat old;
};

static int make(const char *folder, const char *name, mode_t mode)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (mode != 0600)
		assert_int_equal(fchmod(fd, mode), 0);
	return fd;
}

static struct pair pair_new(mode_t mode)
{
	struct pair p = { .folder = scratch_new(), .to = -1 };

	p.from = make(p.folder, "from", mode);
	return p;
}

static void pair_remove(struct pair *p)
{
	close(p->from);
	if (p->to >= 0)
		close(p->to);
	scratch_remove(p->folder);
}

static void keep(struct pair *p)
{
	assert_int_equal(fstat(p->from, &p->old), 0);
	if (p->to < 0)
		p->to = make(p->folder, "to", 0600);
	assert_int_equal(attributes_keep(p->to, p->from, &p->old), 0);
}

static void assert_mode(const struct pair *p, mode_t mode)
{
	struct stat st;

	assert_int_equal(fstat(p->to, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static bool has(int fd, const char *name)
{
	return fgetxattr(fd, name, NULL, 0) >= 0;
}

static void keeps_permissions(void **state)
{
	static const mode_t modes[] = { 0600, 0604, 0640, 0664, 0755, 0400, 0000 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct pair p = pair_new(modes[i]);

		keep(&p);
		assert_mode(&p, modes[i]);
		pair_remove(&p);
	}
}

static void keeps_attributes(void **state)
{
	static uint8_t large[2000];
	struct pair p = pair_new(0640);
	uint8_t found[sizeof(large) + 1];

	(void)state;
	memset(large, 7, sizeof(large));
	if (fsetxattr(p.from, "user.origin", "here", 4, 0) < 0) {
		pair_remove(&p);
		skip();
	}
	assert_int_equal(fsetxattr(p.from, "user.large", large, sizeof(large), 0), 0);
	assert_int_equal(fsetxattr(p.from, "user.empty", "", 0, 0), 0);
	if (geteuid() == 0)
		assert_int_equal(fsetxattr(p.from, "trusted.ours", "x", 1, 0), 0);
	keep(&p);
	assert_int_equal(fgetxattr(p.to, "user.origin", found, sizeof(found)), 4);
	assert_memory_equal(found, "here", 4);
	assert_int_equal(fgetxattr(p.to, "user.large", found, sizeof(found)), sizeof(large));
	assert_memory_equal(found, large, sizeof(large));
	assert_int_equal(fgetxattr(p.to, "user.empty", found, sizeof(found)), 0);
	assert_int_equal(has(p.to, "trusted.ours"), geteuid() == 0);
	assert_mode(&p, 0640);
	pair_remove(&p);
}

/* They would vouch for bytes that they were not made for. */
static void leaves_out_what_is_of_the_bytes(void **state)
{
	static const uint8_t capability[20] = { 0, 0, 0, 2, 1 };
	struct pair p = pair_new(0640);

	(void)state;
	if (fsetxattr(p.from, "security.capability", capability, sizeof(capability), 0) < 0) {
		pair_remove(&p);
		skip();
	}
	keep(&p);
	assert_true(has(p.from, "security.capability"));
	assert_false(has(p.to, "security.capability"));
	pair_remove(&p);
}

static bool give_list(struct pair *p)
{
	return fsetxattr(p->from, access_list, list, sizeof(list), 0) == 0;
}

static void keeps_lists(void **state)
{
	struct pair p = pair_new(0600);
	uint8_t found[sizeof(list) + 1];

	(void)state;
	if (!give_list(&p)) {
		pair_remove(&p);
		skip();
	}
	keep(&p);
	assert_int_equal(fgetxattr(p.to, access_list, found, sizeof(found)), sizeof(list));
	assert_memory_equal(found, list, sizeof(list));
	assert_mode(&p, 0640);
	pair_remove(&p);
}

/* The group of the new file is another one, which neither the mask nor the list is for. */
static void gives_others_nothing_where_a_list_is_lost(void **state)
{
	struct pair p = pair_new(0600);

	(void)state;
	if (geteuid() != 0 || !give_list(&p)) {
		pair_remove(&p);
		skip();
	}
	p.to = make(p.folder, "to", 0600);
	assert_int_equal(fchown(p.to, 65534, 65534), 0);
	assert_int_equal(setegid(65534) | seteuid(65534), 0);
	keep(&p);
	assert_int_equal(seteuid(0) | setegid(0), 0);
	assert_false(has(p.to, access_list));
	assert_mode(&p, 0600);
	pair_remove(&p);
}

/* On huge pages there are no lists; the mask must not become the group's rights. */
static void gives_others_nothing_elsewhere(void **state)
{
	struct pair p = pair_new(0600);

	(void)state;
	if (!give_list(&p) || (p.to = memfd_create("to", MFD_CLOEXEC | MFD_HUGETLB)) < 0) {
		pair_remove(&p);
		skip();
	}
	if (fsetxattr(p.to, access_list, list, sizeof(list), 0) == 0) {
		pair_remove(&p);
		skip();
	}
	keep(&p);
	assert_mode(&p, 0600);
	pair_remove(&p);
}

static void takes_no_list_of_the_directory(void **state)
{
	struct pair p = pair_new(0660);

	(void)state;
	if (setxattr(p.folder, default_list, list, sizeof(list), 0) < 0) {
		pair_remove(&p);
		skip();
	}
	p.to = make(p.folder, "to", 0600);
	assert_true(has(p.to, access_list));
	keep(&p);
	assert_false(has(p.to, access_list));
	assert_mode(&p, 0660);
	pair_remove(&p);
}

static void fails_with_errno(void **state)
{
	struct pair p = pair_new(0600);

	(void)state;
	assert_int_equal(fstat(p.from, &p.old), 0);
	assert_int_equal(attributes_keep(-1, p.from, &p.old), -1);
	assert_int_equal(errno, EBADF);
	pair_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_permissions),
		cmocka_unit_test(keeps_attributes),
		cmocka_unit_test(leaves_out_what_is_of_the_bytes),
		cmocka_unit_test(keeps_lists),
		cmocka_unit_test(gives_others_nothing_where_a_list_is_lost),
		cmocka_unit_test(gives_others_nothing_elsewhere),
		cmocka_unit_test(takes_no_list_of_the_directory),
		cmocka_unit_test(fails_with_errno),
	};

	return run_tests(tests);
}
