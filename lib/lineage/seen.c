/* SPDX-License-Identifier: Apache-2.0 */
/* One place after another, kept only where it matters. */
#include "lineage/seen.h"

#include <string.h>

#include "crypto/sha256.h"
#include "data/record_set.h"
#include "statement/scalar.h"
#include "text/json.h"
#include "util/file.h"
#include "util/hex.h"
#include "weightmark/v1/scalar.pb-c.h"

void seen_release(struct seen *s)
{
	struct seen_scan *scans = s->scans.list;

	for (size_t i = 0; i < s->scans.n; i++)
		gathered_list_release(&scans[i].roots);
	gathered_list_release(&s->scans);
	gathered_list_release(&s->list);
	arena_release(&s->arena);
	*s = (struct seen)SEEN_INIT;
}

/* What is needed of one place. */
struct place {
	struct buf place, object, state;
	bool has_sha256;
	uint8_t sha256[SHA256_BYTES];
};

struct reading {
	struct seen *out;
	const struct graph *g;
	const struct trace *t;
	struct json j;
	struct place p;
	struct seen_scan *scan;
};

static void reading_release(struct reading *r)
{
	json_release(&r->j);
	buf_release(&r->p.place);
	buf_release(&r->p.object);
	buf_release(&r->p.state);
}

static enum wm_code malformed(const struct reading *r, struct wm_error *err)
{
	return fail(err, REASON_SCAN_MALFORMED, "%s: byte %zu: not as scan --json writes it",
		    r->j.name, r->j.at);
}

static bool is_key(const struct json *j, const char *name)
{
	return j->len == strlen(name) && memcmp(j->text, name, j->len) == 0;
}

static enum wm_code take_text(struct buf *out, struct reading *r, struct wm_error *err)
{
	enum json_event event;

	TRY(json_next(&r->j, &event, err));
	if (event != JSON_TEXT)
		return malformed(r, err);
	buf_truncate(out, 0);
	return buf_append(out, r->j.text, r->j.len, err);
}

static enum wm_code skip_value(struct reading *r, struct wm_error *err)
{
	enum json_event event;

	TRY(json_next(&r->j, &event, err));
	return json_skip(&r->j, event, err);
}

static enum wm_code take_sha256(struct reading *r, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PATH);

	TRY(take_text(&text, r, err));
	r->p.has_sha256 = text.len == 2 * SHA256_BYTES &&
			  hex_decode(r->p.sha256, buf_str(&text), text.len);
	return r->p.has_sha256 ? WM_OK : malformed(r, err);
}

static enum wm_code keep(struct reading *r, uint32_t node, struct wm_error *err)
{
	struct seen_copy *copy;
	char *place = NULL;

	TRY(arena_copy(&place, &r->out->arena, r->p.place.data, r->p.place.len, err));
	TRY(gathered_add(&copy, &r->out->list, sizeof(*copy), err));
	*copy = (struct seen_copy){ node, place, r->scan->at };
	return WM_OK;
}

/* A node of the trace that has the digest, where `node` is none. */
static uint32_t find_traced(const struct reading *r, uint32_t node,
			    const uint8_t digest[SHA256_BYTES])
{
	uint32_t n = 0;
	const struct graph_digest *d = graph_find_digest(&n, r->g, digest);

	for (uint32_t i = 0; i < n && (node == GRAPH_NONE || !trace_has(r->t, node)); i++)
		node = d[i].node;
	return node;
}

static enum wm_code end_place(struct reading *r, struct wm_error *err)
{
	uint32_t node = graph_find(r->g, buf_str(&r->p.object));
	uint8_t root[SHA256_BYTES];

	if (r->p.place.len == 0 || r->p.state.len == 0)
		return malformed(r, err);
	r->out->n_failed += strcmp(buf_str(&r->p.state), "failed") == 0;
	if (r->p.has_sha256) {
		node = find_traced(r, node, r->p.sha256);
		TRY(record_content_root(root, r->p.sha256, err));
		node = find_traced(r, node, root);
	}
	return node != GRAPH_NONE && trace_has(r->t, node) ? keep(r, node, err) : WM_OK;
}

static enum wm_code read_place(struct reading *r, struct wm_error *err)
{
	enum json_event event;

	buf_truncate(&r->p.place, 0);
	buf_truncate(&r->p.object, 0);
	buf_truncate(&r->p.state, 0);
	r->p.has_sha256 = false;
	for (;;) {
		TRY(json_next(&r->j, &event, err));
		if (event == JSON_MAP_END)
			return end_place(r, err);
		if (is_key(&r->j, "place"))
			TRY(take_text(&r->p.place, r, err));
		else if (is_key(&r->j, "object"))
			TRY(take_text(&r->p.object, r, err));
		else if (is_key(&r->j, "state"))
			TRY(take_text(&r->p.state, r, err));
		else if (is_key(&r->j, "sha256"))
			TRY(take_sha256(r, err));
		else
			TRY(skip_value(r, err));
	}
}

static enum wm_code read_places(struct reading *r, struct wm_error *err)
{
	enum json_event event;

	TRY(json_next(&r->j, &event, err));
	if (event != JSON_LIST)
		return malformed(r, err);
	for (;;) {
		TRY(json_next(&r->j, &event, err));
		if (event == JSON_LIST_END)
			return WM_OK;
		if (event != JSON_MAP)
			return malformed(r, err);
		TRY(read_place(r, err));
	}
}

/* "scanned": what the call named. */
static enum wm_code read_roots(struct reading *r, struct wm_error *err)
{
	enum json_event event;
	const char **root;
	char *text = NULL;

	TRY(json_next(&r->j, &event, err));
	if (event != JSON_LIST || r->scan->roots.n > 0)
		return malformed(r, err);
	for (;;) {
		TRY(json_next(&r->j, &event, err));
		if (event == JSON_LIST_END)
			return WM_OK;
		if (event != JSON_TEXT)
			return malformed(r, err);
		TRY(arena_copy(&text, &r->out->arena, r->j.text, r->j.len, err));
		TRY(gathered_add(&root, &r->scan->roots, sizeof(*root), err));
		*root = text;
	}
}

/* It comes first, so that every place has it. */
static enum wm_code read_time(struct reading *r, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_PATH);
	ProtobufCMessage *m = NULL;

	TRY(take_text(&r->p.place, r, err));
	TRY(scalar_read(&m, scalar_find(&weightmark__v1__time__descriptor), buf_str(&r->p.place),
			r->p.place.len, &a, err));
	if (!m)
		return malformed(r, err);
	r->scan->at = ((const Weightmark__V1__Time *)m)->seconds;
	return WM_OK;
}

static enum wm_code read_report(struct reading *r, struct wm_error *err)
{
	enum json_event event;
	bool found = false;

	TRY(json_next(&r->j, &event, err));
	if (event != JSON_MAP)
		return malformed(r, err);
	TRY(json_next(&r->j, &event, err));
	if (event != JSON_KEY || !is_key(&r->j, "scanned_at"))
		return malformed(r, err);
	TRY(read_time(r, err));
	for (;;) {
		TRY(json_next(&r->j, &event, err));
		if (event == JSON_MAP_END)
			break;
		if (is_key(&r->j, "scanned")) {
			TRY(read_roots(r, err));
			continue;
		}
		if (!is_key(&r->j, "places")) {
			TRY(skip_value(r, err));
			continue;
		}
		if (found)
			return malformed(r, err);
		found = true;
		TRY(read_places(r, err));
	}
	TRY(json_next(&r->j, &event, err));
	return found ? WM_OK : malformed(r, err);
}

enum wm_code seen_load(struct seen *out, const char *path, const struct graph *g,
		       const struct trace *t, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_SCAN_REPORT);
	__attribute__((cleanup(reading_release))) struct reading r = {
		.out = out, .g = g, .t = t,
		.p = { BUF_INIT(LIMIT_TABLE_ROW), BUF_INIT(LIMIT_TABLE_ROW),
		       BUF_INIT(LIMIT_PATH), false, { 0 } },
	};

	TRY(file_read_input(&text, path, REASON_SCAN_MALFORMED, err));
	TRY(gathered_add(&r.scan, &out->scans, sizeof(*r.scan), err));
	*r.scan = (struct seen_scan){ .at = 0 };
	TRY(sha256_of(r.scan->sha256, text.data, text.len, err));
	r.j = json_parser(text.data, text.len, path);
	r.j.reason = REASON_SCAN_MALFORMED;
	return read_report(&r, err);
}
