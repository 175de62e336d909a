/* SPDX-License-Identifier: Apache-2.0 */
/* TZif, RFC 8536: transitions, then the rule in the footer (POSIX 2017, 8.3 "TZ"). */
#include "lineage/zone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lineage/zone_rule.h"
#include "statement/scalar.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/cursor.h"
#include "util/file.h"
#include "util/limits.h"

struct zone {
	int64_t *times; /* ascending; at each a type begins */
	uint8_t *types;
	size_t n;
	int32_t *offsets; /* of types */
	size_t n_offsets;
	struct zone_rule rule; /* after the last */
};

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->times);
	free(z->types);
	free(z->offsets);
	free(z);
}

/* --- the file ---------------------------------------------------------------------------- */

struct counts {
	uint32_t utc, standard, leap, time, type, chars;
};

enum { MAGIC = 4, RESERVED = 15, TYPE_BYTES = 6, OFFSET_MAX = 26 * 3600 };

static bool read_counts(struct counts *out, struct cursor *c)
{
	const uint8_t *magic = cursor_take(c, MAGIC), *version = cursor_take(c, 1);

	return magic && version && memcmp(magic, "TZif", MAGIC) == 0 && *version >= '2' &&
	       cursor_take(c, RESERVED) && cursor_u32be(c, &out->utc) &&
	       cursor_u32be(c, &out->standard) && cursor_u32be(c, &out->leap) &&
	       cursor_u32be(c, &out->time) && cursor_u32be(c, &out->type) &&
	       cursor_u32be(c, &out->chars);
}

/* The bytes after the types: names, leap seconds, indicators. */
static uint64_t rest_bytes(const struct counts *n, unsigned time_bytes)
{
	return (uint64_t)n->chars + (uint64_t)n->leap * (time_bytes + 4) + n->standard + n->utc;
}

/* The first block has times of 32 bits, for readers of 1990. */
static bool skip_first(struct cursor *c)
{
	struct counts n;
	uint64_t len;

	if (!read_counts(&n, c))
		return false;
	len = (uint64_t)n.time * 5 + (uint64_t)n.type * TYPE_BYTES + rest_bytes(&n, 4);
	return len <= cursor_left(c) && cursor_take(c, (size_t)len);
}

static bool read_times(struct zone *z, struct cursor *c)
{
	const uint8_t *types;

	for (size_t i = 0; i < z->n; i++) {
		uint64_t time;

		if (!cursor_u64be(c, &time))
			return false;
		memcpy(&z->times[i], &time, sizeof(time));
		if (i > 0 && z->times[i] <= z->times[i - 1])
			return false;
	}
	types = cursor_take(c, z->n);
	for (size_t i = 0; types && i < z->n; i++) {
		z->types[i] = types[i];
		if (types[i] >= z->n_offsets)
			return false;
	}
	return types;
}

static bool read_offsets(struct zone *z, struct cursor *c)
{
	for (size_t i = 0; i < z->n_offsets; i++) {
		uint32_t offset;

		if (!cursor_u32be(c, &offset) || !cursor_take(c, TYPE_BYTES - 4))
			return false;
		memcpy(&z->offsets[i], &offset, sizeof(offset));
		if (z->offsets[i] < -OFFSET_MAX || z->offsets[i] > OFFSET_MAX)
			return false;
	}
	return true;
}

static bool read_footer(struct zone *z, struct cursor *c)
{
	const uint8_t *at = cursor_take(c, 1);
	size_t len = cursor_left(c);
	const uint8_t *text = cursor_take(c, len);

	return at && *at == '\n' && len > 0 && text[len - 1] == '\n' &&
	       zone_rule_parse(&z->rule, (const char *)text, len - 1);
}

static enum wm_code malformed(const char *name, struct wm_error *err)
{
	return fail(err, REASON_ZONE_UNKNOWN, "'%.64s': the system's file of this time zone is "
					      "malformed", name);
}

static enum wm_code make_room(struct zone *z, const struct counts *n, struct wm_error *err)
{
	z->n = n->time;
	z->n_offsets = n->type;
	z->times = calloc(z->n + 1, sizeof(*z->times));
	z->types = calloc(z->n + 1, sizeof(*z->types));
	z->offsets = calloc(z->n_offsets + 1, sizeof(*z->offsets));
	return z->times && z->types && z->offsets ? WM_OK : fail_nomem(err);
}

enum wm_code zone_parse(struct zone **out, const void *data, size_t len, const char *name,
			struct wm_error *err)
{
	cleanup_zone struct zone *z = NULL;
	struct cursor c = cursor_of(data, len);
	struct counts n;
	uint64_t rest;

	if (!skip_first(&c) || !read_counts(&n, &c) || n.type == 0 || n.time > len || n.type > 256)
		return malformed(name, err);
	z = calloc(1, sizeof(*z));
	if (!z)
		return fail_nomem(err);
	TRY(make_room(z, &n, err));
	rest = rest_bytes(&n, 8);
	if (!read_times(z, &c) || !read_offsets(z, &c) || rest > cursor_left(&c) ||
	    !cursor_take(&c, (size_t)rest) || !read_footer(z, &c))
		return malformed(name, err);
	*out = take_ptr(&z);
	return WM_OK;
}

/* --- finding it -------------------------------------------------------------------------- */

static bool is_zone_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";

	/* Those count leap seconds, or are the same zones once more. */
	if (strncmp(name, "right/", 6) == 0 || strncmp(name, "posix/", 6) == 0)
		return false;
	return *name && *name != '/' && strlen(name) <= LIMIT_ZONE_NAME &&
	       name[strspn(name, allowed)] == '\0';
}

enum wm_code zone_open(struct zone **out, const char *name, struct wm_error *err)
{
	const char *directory = getenv("TZDIR");
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_ZONE_FILE);
	struct wm_error why = { 0 };
	enum wm_code code;

	if (!is_zone_name(name))
		return fail(err, REASON_ZONE_UNKNOWN, "'%.64s' is not the name of a time zone",
			    name);
	TRY(buf_printf(&path, err, "%s/%s",
		       directory && *directory == '/' ? directory : "/usr/share/zoneinfo", name));
	code = file_read_input(&bytes, buf_str(&path), REASON_ZONE_UNKNOWN, &why);
	if (error_reason(&why) == REASON_NOT_FOUND || error_reason(&why) == REASON_ZONE_UNKNOWN)
		return fail(err, REASON_ZONE_UNKNOWN, "the system has no time zone '%.64s'", name);
	if (code != WM_OK)
		return fail_again(err, &why);
	return zone_parse(out, bytes.data, bytes.len, name, err);
}

/* --- asking it --------------------------------------------------------------------------- */

int32_t zone_offset(const struct zone *z, int64_t time)
{
	size_t low = 0, high = z->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (z->times[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->n && z->rule.present)
		return zone_rule_offset(&z->rule, time);
	return low == 0 ? z->offsets[0] : z->offsets[z->types[low - 1]];
}
