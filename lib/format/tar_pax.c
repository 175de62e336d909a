/* SPDX-License-Identifier: Apache-2.0 */
/* Extended headers of POSIX. */
#include "format/tar_pax.h"

#include <string.h>

#include "util/cursor.h"

/* Numbers that readers fail to read where they are none. */
static const char *const times[] = { "mtime", "atime", "ctime" };
static const char *const owners[] = { "uid", "gid" };

/* Keys about names and attributes; those that end with a dot begin more of them. */
static const char *const harmless[] = {
	"uname", "gname", "comment",
	"LIBARCHIVE.creationtime", "LIBARCHIVE.xattr.", "SCHILY.xattr.", "SCHILY.acl.",
	"SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "SCHILY.fflags", "RHT.security.selinux",
};

struct record {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool key_is(const struct record *r, const char *key)
{
	const size_t len = strlen(key);

	if (key[len - 1] == '.')
		return r->key_len > len && memcmp(r->key, key, len) == 0;
	return r->key_len == len && memcmp(r->key, key, len) == 0;
}

static bool take_record(struct record *r, struct cursor *c)
{
	const size_t start = c->off;
	const char *text, *equals;
	size_t total = 0, len;

	if (cursor_peek(c) == '0')
		return false;
	for (int digit = cursor_peek(c); digit >= '0' && digit <= '9'; digit = cursor_peek(c)) {
		total = total * 10 + (size_t)(digit - '0');
		if (total > c->len)
			return false;
		cursor_take(c, 1);
	}
	if (cursor_peek(c) != ' ' || total <= c->off - start + 1)
		return false;
	cursor_take(c, 1);
	len = total - (c->off - start);
	text = (const char *)cursor_take(c, len);
	equals = text ? memchr(text, '=', len) : NULL;
	if (!equals || equals == text || text[len - 1] != '\n')
		return false;
	*r = (struct record){ text, equals + 1, (size_t)(equals - text),
			      len - (size_t)(equals - text) - 2 };
	return true;
}

static bool read_decimal(uint64_t *out, const struct record *r)
{
	uint64_t value = 0;

	if (r->value_len == 0 || r->value_len > 18)
		return false;
	for (size_t i = 0; i < r->value_len; i++) {
		if (r->value[i] < '0' || r->value[i] > '9')
			return false;
		value = value * 10 + (unsigned)(r->value[i] - '0');
	}
	*out = value;
	return true;
}

static bool is_one_of(const struct record *r, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (key_is(r, keys[i]))
			return true;
	return false;
}

/* Seconds, with or without a sign and a fraction. */
static bool is_time(const struct record *r)
{
	size_t at = r->value_len > 0 && r->value[0] == '-', digits = 0;

	for (; at < r->value_len && r->value[at] >= '0' && r->value[at] <= '9'; at++)
		digits++;
	if (digits == 0 || digits > 15)
		return false;
	if (at < r->value_len && r->value[at++] != '.')
		return false;
	while (at < r->value_len && r->value[at] >= '0' && r->value[at] <= '9')
		at++;
	return at == r->value_len;
}

#define IS_ONE_OF(r, keys) is_one_of(r, keys, sizeof(keys) / sizeof((keys)[0]))

static bool is_harmless(const struct record *r)
{
	uint64_t value;

	if (IS_ONE_OF(r, times))
		return is_time(r);
	if (IS_ONE_OF(r, owners))
		return read_decimal(&value, r) && value <= UINT32_MAX;
	return IS_ONE_OF(r, harmless);
}

static enum wm_code take_path(struct tar_pax *x, const struct record *r, const char *name,
			      struct wm_error *err)
{
	if (x->path)
		return fail(err, REASON_TAR_DUPLICATE, "%s: an extended header with two paths",
			    name);
	x->path = r->value;
	x->path_len = r->value_len;
	return WM_OK;
}

static enum wm_code take_size(struct tar_pax *x, const struct record *r, const char *name,
			      struct wm_error *err)
{
	if (x->has_size)
		return fail(err, REASON_TAR_DUPLICATE, "%s: an extended header with two sizes",
			    name);
	if (!read_decimal(&x->size, r))
		return fail(err, REASON_TAR_SIZE, "%s: an extended header with the size '%.*s'",
			    name, r->value_len < 40 ? (int)r->value_len : 40, r->value);
	x->has_size = true;
	return WM_OK;
}

enum wm_code tar_read_pax(struct tar_pax *x, const uint8_t *data, size_t len, bool global,
			  const char *name, struct wm_error *err)
{
	struct cursor c = cursor_of(data, len);
	struct record r;

	while (cursor_left(&c) > 0) {
		if (!take_record(&r, &c))
			return fail(err, REASON_TAR_PAX, "%s: a record of an extended header that "
				    "does not follow the grammar", name);
		if (!global && key_is(&r, "path"))
			TRY(take_path(x, &r, name, err));
		else if (!global && key_is(&r, "size"))
			TRY(take_size(x, &r, name, err));
		else if (!is_harmless(&r))
			return fail(err, REASON_TAR_PAX,
				    "%s: an extended header with the key '%.*s', unknown or of "
				    "another value", name, r.key_len < 80 ? (int)r.key_len : 80,
				    r.key);
	}
	return WM_OK;
}
