/* SPDX-License-Identifier: Apache-2.0 */
/* Growing a list of numbers, and listing logs. */
#include "index/hits.h"

#include <stdlib.h>
#include <string.h>

void hits_release(struct hits *h)
{
	free(h->list);
}

enum wm_code hits_add(struct hits *h, int64_t id, struct wm_error *err)
{
	if (h->n == h->room) {
		size_t room = h->room ? 2 * h->room : 64;
		int64_t *list = reallocarray(h->list, room, sizeof(*list));

		if (!list)
			return fail_nomem(err);
		h->list = list;
		h->room = room;
	}
	h->list[h->n++] = id;
	return WM_OK;
}

static bool is_wanted(const char *const *origins, const char *origin)
{
	for (size_t i = 0; origins && origins[i]; i++)
		if (strcmp(origins[i], origin) == 0)
			return true;
	return !origins;
}

enum wm_code list_logs(struct hits *logs, struct index *x, const char *const *origins,
		       struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	TRY(sql_start(&q, x, SQL_LOGS, err));
	for (;;) {
		const void *origin;

		TRY(sql_step(&row, &q, err));
		if (!row)
			return WM_OK;
		origin = sqlite3_column_text(q.stmt, 1);
		if (!origin)
			return fail_malformed(err, x, "a log has no name");
		if (is_wanted(origins, origin))
			TRY(hits_add(logs, sqlite3_column_int64(q.stmt, 0), err));
	}
}
