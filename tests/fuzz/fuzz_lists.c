/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists that others made, by the first byte of the input: inventories and lists of digests, as scan
 * reads them, and tables of what is gone, as retire does. What is refused makes no statement; what
 * is read makes the same ones again.
 */
#include <string.h>
#include <unistd.h>

#include "attest/retire.h"
#include "lineage/inventory.h"
#include "memory_file.h"
#include "statement/message.h"

enum { NOW = 1700000000 };

enum reader { INVENTORY, SUMS, RETIRE, N_READERS };

static enum wm_code note(void *context, const struct listed_copy *row, struct wm_error *err)
{
	uint64_t *n = context;

	(void)err;
	require(row->key && strlen(row->key) <= LIMIT_TABLE_ROW);
	require(row->has_sha256 || row->why);
	++*n;
	return WM_OK;
}

static enum wm_code compose_list(struct composition *out, const char *path, struct wm_error *err)
{
	static const uint8_t keyid[SHA256_BYTES] = { 0 };
	struct retire_options retire = { .keyid = keyid, .now = NOW, .unknown = true };
	cleanup_graph struct graph *g = NULL;
	cleanup_orders struct orders *orders = NULL;
	struct retired retired;

	TRY(graph_load(&g, NULL, 0, NULL, err));
	TRY(orders_load(&orders, g, NULL, 0, NULL, err));
	retire.graph = g;
	retire.orders = orders;
	return retire_compose(out, &retired, path, &retire, err);
}

/* What is said, without the messages' own memory. */
static void encode_all(struct buf *out, const struct composition *c)
{
	for (size_t i = 0; i < c->n_statements; i++)
		require(message_encode(out, c->statements[i].message, NULL) == WM_OK);
}

static void check_statements(const char *path)
{
	cleanup_composition struct composition c = { .n_statements = 0 }, d = { .n_statements = 0 };
	cleanup_buf struct buf once = BUF_INIT(SIZE_MAX / 4), again = BUF_INIT(SIZE_MAX / 4);
	struct wm_error err = { 0 };

	if (compose_list(&c, path, &err) != WM_OK) {
		require(refused_well(&err) && c.n_statements == 0);
		return;
	}
	require(compose_list(&d, path, &err) == WM_OK);
	encode_all(&once, &c);
	encode_all(&again, &d);
	require(once.len == again.len);
	require(once.len == 0 || memcmp(once.data, again.data, once.len) == 0);
}

static void check_copies(enum reader reader, const char *path)
{
	struct wm_error err = { 0 };
	enum wm_code code;
	uint64_t n = 0;

	code = reader == SUMS ? sums_read(path, note, &n, &err) :
				inventory_read(path, note, &n, &err);
	require(code == WM_OK || refused_well(&err));
}

static void check_list(enum reader reader, const uint8_t *data, size_t size)
{
	char path[MEMORY_PATH];
	int fd;

	memory_file(&fd, path, data, size);
	if (reader < RETIRE)
		check_copies(reader, path);
	else
		check_statements(path);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		check_list(data[0] % N_READERS, data + 1, size - 1);
	return 0;
}
