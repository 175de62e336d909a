/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the tables of lineage from end to end, log by log. */
#include "index/lineage.h"

#include "index/hits.h"

/* Column `i` as a digest; NULL where it is NULL or of another length. */
static const uint8_t *column_digest(const struct sql *q, int i)
{
	return sqlite3_column_bytes(q->stmt, i) == SHA256_BYTES ? sqlite3_column_blob(q->stmt, i) :
								  NULL;
}

static int64_t column_number(const struct sql *q, int i, int64_t absent)
{
	return sqlite3_column_type(q->stmt, i) == SQLITE_NULL ? absent :
								sqlite3_column_int64(q->stmt, i);
}

typedef enum wm_code row_fn(const struct lineage_visitor *v, const struct sql *q,
			    struct wm_error *err);

static enum wm_code on_object(const struct lineage_visitor *v, const struct sql *q,
			      struct wm_error *err)
{
	const void *text = sqlite3_column_text(q->stmt, 1);

	if (!text)
		return fail_malformed(err, q->x, "an object has no id");
	return v->object(v->context, sqlite3_column_int64(q->stmt, 0), text, err);
}

static enum wm_code on_statement(const struct lineage_visitor *v, const struct sql *q,
				 struct wm_error *err)
{
	const void *kind = sqlite3_column_text(q->stmt, 3);
	const struct indexed_statement s = {
		.entry = sqlite3_column_int64(q->stmt, 0),
		.statement = column_digest(q, 1),
		.keyid = column_digest(q, 2),
		.kind = kind,
		.object = sqlite3_column_int64(q->stmt, 4),
		.issuer = column_number(q, 5, 0),
		.sequence = (uint64_t)column_number(q, 6, 0),
		.issued_at = column_number(q, 7, INT64_MIN),
		.begins = column_number(q, 8, INT64_MIN),
		.ends = column_number(q, 9, INT64_MIN),
		.flags = (unsigned)column_number(q, 10, 0),
	};

	if (!s.statement || !s.keyid || !s.kind)
		return fail_malformed(err, q->x, "an entry lacks its ids");
	return v->statement(v->context, &s, err);
}

static enum wm_code on_edge(const struct lineage_visitor *v, const struct sql *q,
			    struct wm_error *err)
{
	const struct indexed_edge e = {
		.entry = sqlite3_column_int64(q->stmt, 0),
		.kind = (enum edge_kind)sqlite3_column_int(q->stmt, 1),
		.detail = column_number(q, 2, NO_NUMBER),
		.derivation = column_number(q, 3, NO_NUMBER),
		.object = column_number(q, 4, 0),
		.statement = column_digest(q, 5),
		.weights = column_digest(q, 6),
		.sha256 = column_digest(q, 7),
		.from_step = column_number(q, 8, NO_NUMBER),
		.to_step = column_number(q, 9, NO_NUMBER),
		.subset = column_digest(q, 10),
	};

	return v->edge(v->context, &e, err);
}

static enum wm_code on_digest(const struct lineage_visitor *v, const struct sql *q,
			      struct wm_error *err)
{
	const uint8_t *digest = column_digest(q, 0);

	if (!digest)
		return fail_malformed(err, q->x, "a digest has another length");
	return v->digest(v->context, digest, (enum digest_role)sqlite3_column_int(q->stmt, 1),
			 sqlite3_column_int64(q->stmt, 2), err);
}

/* Hands out what the rows of `name` hold; of one log where it is not 0. */
static enum wm_code visit_rows(struct index *x, enum sql_name name, int64_t log, row_fn *row_do,
			       const struct lineage_visitor *v, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	TRY(sql_start(&q, x, name, err));
	if (log) {
		sql_int(&q, entry_first(log));
		sql_int(&q, entry_last(log));
	}
	for (;;) {
		TRY(sql_step(&row, &q, err));
		if (!row)
			return WM_OK;
		TRY(row_do(v, &q, err));
	}
}

enum wm_code index_lineage(struct index *x, const char *const *origins,
			   const struct lineage_visitor *visitor, struct wm_error *err)
{
	static const struct {
		enum sql_name name;
		row_fn *row_do;
	} passes[] = {
		{ SQL_GRAPH_ENTRIES, on_statement },
		{ SQL_GRAPH_DIGESTS, on_digest },
		{ SQL_GRAPH_EDGES, on_edge },
	};
	cleanup_hits struct hits logs = { .n = 0 };

	TRY(list_logs(&logs, x, origins, err));
	TRY(visit_rows(x, SQL_GRAPH_OBJECTS, 0, on_object, visitor, err));
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		for (size_t j = 0; j < logs.n; j++)
			TRY(visit_rows(x, passes[i].name, logs.list[j], passes[i].row_do, visitor,
				       err));
	return WM_OK;
}
