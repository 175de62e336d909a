/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of safetensors files (docs/format.md, "Slots").
 *
 * The insertion goes right behind the '{' of a present __metadata__, else behind that of
 * the header:
 *
 *	a = "__metadata__":{"format":"pt","weightmark":"VALUE"},	no __metadata__, some tensor
 *	b = "__metadata__":{"format":"pt","weightmark":"VALUE"}		neither
 *	c = "weightmark":"VALUE",					__metadata__ with entries
 *	d = "weightmark":"VALUE"					__metadata__ without
 *
 * A file without __metadata__ is taken for PyTorch's by the loaders that ask for a format,
 * and one that has it without a format is refused by them: hence a and b say what was
 * understood before.
 *
 * The file is read strictly as it stands, and is not read again without its slot, because
 * the one implies the other. Behind the comma of a and c a key must follow, and behind b
 * and d we look for the '}': so what remains is well formed, holds the same tensors and the
 * same metadata but for ours, and is of the kind for which that form is the one to embed. A
 * second __metadata__ or weightmark behind an insertion would have been refused as twice
 * there. Every limit that the file keeps is kept by a part of it.
 */
#include "format/safetensors_internal.h"

#include <string.h>

#include "format/slot.h"
#include "text/json.h"

enum { INSERTION_MAX = 2 * LIMIT_SLOT };

struct insertion {
	char form;
	bool whole; /* brings __metadata__ along */
	const char *before, *after;
};

#define METADATA "\"__metadata__\":{\"format\":\"pt\","

static const struct insertion insertions[] = {
	{ 'a', true, METADATA "\"" SLOT_KEY "\":\"", "\"}," },
	{ 'b', true, METADATA "\"" SLOT_KEY "\":\"", "\"}" },
	{ 'c', false, "\"" SLOT_KEY "\":\"", "\"," },
	{ 'd', false, "\"" SLOT_KEY "\":\"", "\"" },
};

enum { FORM_A, FORM_B, FORM_C, FORM_D, N_FORMS };

/* Offsets into the header, and which insertion it gets. */
struct place {
	size_t map;	 /* behind the '{' of the header */
	size_t metadata; /* behind that of __metadata__, where there is one */
	const struct insertion *kind;
};

static const uint8_t *header_of(const struct layout *l)
{
	return l->head.data + SAFETENSORS_LENGTH_BYTES;
}

static size_t header_len(const struct layout *l)
{
	return l->head.len - SAFETENSORS_LENGTH_BYTES;
}

static void write_length(uint8_t out[SAFETENSORS_LENGTH_BYTES], uint64_t length)
{
	for (int i = 0; i < SAFETENSORS_LENGTH_BYTES; i++)
		out[i] = (uint8_t)(length >> 8 * i);
}

/* Over a header that was read strictly before: no event can be another than expected. */
static enum wm_code find_place(struct place *p, const struct layout *l, const char *name,
			       struct wm_error *err)
{
	static const char wanted[] = "__metadata__";
	cleanup_json struct json j = json_parser(header_of(l), header_len(l), name);
	enum json_event event;

	j.reason = REASON_INTERNAL;
	TRY(json_next(&j, &event, err));
	p->map = j.at + 1;
	p->kind = &insertions[FORM_B];
	for (;;) {
		bool found;

		TRY(json_next(&j, &event, err));
		if (event != JSON_KEY)
			return WM_OK;
		p->kind = &insertions[FORM_A];
		found = j.len == strlen(wanted) && memcmp(j.text, wanted, j.len) == 0;
		TRY(json_next(&j, &event, err));
		if (found)
			break;
		TRY(json_skip(&j, event, err));
	}
	p->metadata = j.at + 1;
	TRY(json_next(&j, &event, err));
	p->kind = &insertions[event == JSON_KEY ? FORM_C : FORM_D];
	return WM_OK;
}

static enum wm_code write_insertion(struct buf *out, const struct insertion *kind,
				    const void *carried, size_t len, struct wm_error *err)
{
	const size_t around = strlen(kind->before) + strlen(kind->after);

	TRY(buf_append_str(out, kind->before, err));
	TRY(slot_write_value(out, kind->form, around, SLOT_UNIT, carried, len, err));
	return buf_append_str(out, kind->after, err);
}

/* Whether `inserted` stands at `at`, and embedding would put it there. */
static bool stands_at(const struct layout *l, const struct insertion *kind,
		      const struct buf *inserted, size_t at)
{
	const uint8_t *header = header_of(l);
	const size_t len = header_len(l);

	if (inserted->len > len - at || memcmp(header + at, inserted->data, inserted->len) != 0)
		return false;
	if (kind == &insertions[FORM_A] || kind == &insertions[FORM_C])
		return true;
	at = safetensors_skip_spaces(header, len, at + inserted->len);
	return at < len && header[at] == '}';
}

/* Removes `len` bytes at `at` of the header, and what they said from the metadata. */
static void take_out(struct layout *l, const struct insertion *kind, size_t at, size_t len)
{
	uint8_t *start = l->head.data + SAFETENSORS_LENGTH_BYTES + at;

	memmove(start, start + len, header_len(l) - at - len);
	buf_truncate(&l->head, l->head.len - len);
	write_length(l->head.data, header_len(l));
	if (kind->whole)
		l->metadata.root = NULL;
	else
		node_take(l->metadata.root, SLOT_KEY);
	l->slot_len = len;
}

enum wm_code safetensors_take_slot(struct layout *l, const char *name, struct wm_error *err)
{
	const struct node *root = l->metadata.root;
	const struct node *value = root ? node_find(root, SLOT_KEY) : NULL;
	cleanup_buf struct buf inserted = BUF_INIT(INSERTION_MAX);
	const struct insertion *kind = insertions;
	bool is_slot = false;
	struct place p = { 0 };
	size_t at;
	char form;

	if (value)
		TRY(slot_read_value(&is_slot, &form, &l->carried, value->text, value->len, err));
	if (!is_slot)
		return WM_OK;
	l->displaced = true;
	while (kind < insertions + N_FORMS && kind->form != form)
		kind++;
	if (kind == insertions + N_FORMS)
		return WM_OK;
	TRY(find_place(&p, l, name, err));
	TRY(write_insertion(&inserted, kind, l->carried.data, l->carried.len, err));
	at = kind->whole ? p.map : p.metadata;
	if (!stands_at(l, kind, &inserted, at))
		return WM_OK;
	l->displaced = false;
	take_out(l, kind, at, inserted.len);
	return WM_OK;
}

static enum wm_code check_free(const struct layout *l, const char *name, struct wm_error *err)
{
	if (l->displaced)
		return fail(err, REASON_SLOT_DISPLACED,
			    "%s: __metadata__ has statements where weightmark puts none", name);
	if (l->metadata.root && node_find(l->metadata.root, SLOT_KEY))
		return fail(err, REASON_SLOT_KEY_TAKEN,
			    "%s: __metadata__ has a '" SLOT_KEY "' of its own", name);
	return WM_OK;
}

enum wm_code safetensors_embed(struct buf *head, const struct layout *l, const void *carried,
			       size_t len, const char *name, struct wm_error *err)
{
	cleanup_buf struct buf inserted = BUF_INIT(INSERTION_MAX);
	uint8_t length[SAFETENSORS_LENGTH_BYTES];
	struct place p = { 0 };
	enum wm_code code;
	size_t at;

	TRY(check_free(l, name, err));
	TRY(find_place(&p, l, name, err));
	code = write_insertion(&inserted, p.kind, carried, len, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	if (inserted.len > LIMIT_HEADER - header_len(l))
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: its header would have %zu bytes, over %d", name,
			    header_len(l) + inserted.len, LIMIT_HEADER);
	write_length(length, header_len(l) + inserted.len);
	at = p.kind->whole ? p.map : p.metadata;
	TRY(buf_reserve(head, l->head.len + inserted.len, err));
	TRY(buf_append(head, length, sizeof(length), err));
	TRY(buf_append(head, header_of(l), at, err));
	TRY(buf_append(head, inserted.data, inserted.len, err));
	return buf_append(head, header_of(l) + at, header_len(l) - at, err);
}

/* Offsets into the header of the entry of __metadata__ that is ours, and its neighbours. */
struct entry_place {
	size_t key, next; /* where it begins, and the next key or '}' behind it */
	bool first, last;
};

/* Over a header that has the entry: no event can be another than expected. */
static enum wm_code find_entry(struct entry_place *e, const struct layout *l, size_t metadata,
			       const char *name, struct wm_error *err)
{
	/* Read as a map of its own, from the '{' on; what follows its '}' is not looked at. */
	cleanup_json struct json j = json_parser(header_of(l) + metadata - 1,
						 header_len(l) - metadata + 1, name);
	enum json_event event;
	bool found = false;

	j.reason = REASON_INTERNAL;
	TRY(json_next(&j, &event, err));
	for (e->first = true;; e->first = false) {
		TRY(json_next(&j, &event, err));
		if (event != JSON_KEY)
			return fail(err, REASON_INTERNAL, "%s: its entry is gone", name);
		e->key = metadata - 1 + j.at;
		found = j.len == strlen(SLOT_KEY) && memcmp(j.text, SLOT_KEY, j.len) == 0;
		TRY(json_next(&j, &event, err));
		if (found)
			break;
	}
	TRY(json_next(&j, &event, err));
	e->next = metadata - 1 + j.at;
	e->last = event != JSON_KEY;
	return WM_OK;
}

static size_t before_spaces(const uint8_t *header, size_t at)
{
	while (at > 0 && safetensors_skip_spaces(header, at, at - 1) == at)
		at--;
	return at;
}

enum wm_code safetensors_take_displaced(struct buf *head, const struct layout *l, const char *name,
					struct wm_error *err)
{
	static const char spaces[] = "        ";
	const uint8_t *header = header_of(l);
	uint8_t length[SAFETENSORS_LENGTH_BYTES];
	struct entry_place e = { 0 };
	struct place p = { 0 };
	size_t from, to, pad;

	TRY(find_place(&p, l, name, err));
	TRY(find_entry(&e, l, p.metadata, name, err));
	from = e.key;
	to = e.next;
	if (e.last) {
		to = before_spaces(header, e.next);
		if (!e.first)
			from = before_spaces(header, e.key) - 1;
	}
	pad = (to - from) % (sizeof(spaces) - 1);
	write_length(length, header_len(l) - (to - from) + pad);
	TRY(buf_append(head, length, sizeof(length), err));
	TRY(buf_append(head, header, from, err));
	TRY(buf_append(head, header + to, header_len(l) - to, err));
	return buf_append(head, spaces, pad, err);
}
