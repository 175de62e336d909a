/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives: the members of what is accepted tile the file up to the directory, their local
 * records say what the directory does, no two names are alike, pieces are bytes of the file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "format/zip.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/relpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_members(const struct zip *z, const uint8_t *data)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < z->n_members; i++) {
		const struct zip_member *m = &z->members[i];

		require(strlen(m->name) == m->name_len && m->name_len > 0);
		require(zip_find(z, m->name) == m);
		require(m->off >= m->header_off + 30 + m->name_len);
		require(m->stored_len <= z->directory_off - m->off);
		require(m->deflated || m->stored_len == m->len);
		require(memcmp(data + m->header_off, "PK\3\4", 4) == 0);
		require(memcmp(data + m->header_off + 30, m->name, m->name_len) == 0);
		bytes += m->off - m->header_off + m->stored_len;
		if (i > 0)
			require(!zip_same_name(z->members[z->by_name[i - 1]].name,
					       z->members[z->by_name[i]].name));
	}
	/* Descriptors are all that is besides. */
	require(bytes <= z->directory_off && z->directory_off - bytes <= 24 * z->n_members);
}

static void check_pieces(const struct layout *l, const uint8_t *data, size_t size)
{
	uint64_t at = 0;

	for (size_t i = 0; i < l->n_pieces; i++) {
		const struct piece *p = &l->pieces[i];

		require(p->off >= at && p->len <= size - p->off);
		require(memcmp(p->data, data + p->off, p->len) == 0);
		at = p->off + p->len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const struct window w = { .fd = fd, .size = size, .name = "fuzz" };
	struct wm_error err = { 0 };

	if (size == 0)
		return 0;
	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (zip_read(&z, &l, &w, &err) != WM_OK) {
		require(err.reason && strcmp(err.reason, "internal") != 0);
		return 0;
	}
	check_members(&z, data);
	require(zip_take_slot(&z, &l, &w, "archive/extra/weightmark", &err) == WM_OK);
	require(zip_close(&z, &l, &err) == WM_OK);
	require(l.size + l.slot_len == size);
	if (l.slot_len == 0)
		check_pieces(&l, data, size);
	return 0;
}
