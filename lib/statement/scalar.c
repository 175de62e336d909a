/* SPDX-License-Identifier: Apache-2.0 */
/* The table of semantic scalars: parsing, checking and printing each. */
#include "statement/scalar.h"

#include <stdio.h>
#include <string.h>

#include "crypto/sha256.h"
#include "statement/message.h"
#include "statement/spdx.h"
#include "util/hex.h"
#include "util/limits.h"
#include "weightmark/v1/scalar.pb-c.h"

#define DAYS_MIN      (-719162) /* 0001-01-01 */
#define DAYS_MAX      2932896	/* 9999-12-31 */

enum { DATE_TEXT = 10, NONCE_BYTES = 16 };

/* --- the calendar: days since 1970-01-01 in the proleptic Gregorian calendar -------- */

int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* Reads `n` decimal digits. */
static bool digits(const char *text, size_t n, int *out)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*out = value;
	return true;
}

static bool parse_day(const char *text, int64_t *days)
{
	int year, month, day, y, m, d;

	if (!digits(text, 4, &year) || text[4] != '-' || !digits(text + 5, 2, &month) ||
	    text[7] != '-' || !digits(text + 8, 2, &day) || year < 1)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*days = days_from_civil(year, month, day);
	civil_from_days(*days, &y, &m, &d);
	return y == year && m == month && d == day;
}

static bool date_parse(ProtobufCMessage *m, const char *text, size_t len, char *room)
{
	int64_t days;

	(void)room;
	if (len != DATE_TEXT || !parse_day(text, &days))
		return false;
	((Weightmark__V1__Date *)m)->days = (int32_t)days;
	return true;
}

static bool date_valid(const ProtobufCMessage *m)
{
	int32_t days = ((const Weightmark__V1__Date *)m)->days;

	return days >= DAYS_MIN && days <= DAYS_MAX;
}

static enum wm_code date_print(struct buf *out, const ProtobufCMessage *m, struct wm_error *err)
{
	int year, month, day;

	civil_from_days(((const Weightmark__V1__Date *)m)->days, &year, &month, &day);
	return buf_printf(out, err, "%04d-%02d-%02d", year, month, day);
}

static bool time_parse(ProtobufCMessage *m, const char *text, size_t len, char *room)
{
	int hour, minute, second;
	int64_t days;
	int rest;

	(void)room;
	if (len != TIME_TEXT || !parse_day(text, &days) || text[10] != 'T' ||
	    !digits(text + 11, 2, &hour) || text[13] != ':' || !digits(text + 14, 2, &minute) ||
	    text[16] != ':' || !digits(text + 17, 2, &second) || text[19] != 'Z')
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	rest = hour * 3600 + minute * 60 + second;
	((Weightmark__V1__Time *)m)->seconds = days * SECONDS_A_DAY + rest;
	return true;
}

static bool time_valid(const ProtobufCMessage *m)
{
	int64_t seconds = ((const Weightmark__V1__Time *)m)->seconds;

	return seconds >= (int64_t)DAYS_MIN * SECONDS_A_DAY &&
	       seconds < ((int64_t)DAYS_MAX + 1) * SECONDS_A_DAY;
}

void time_text(char out[TIME_TEXT + 1], int64_t seconds)
{
	int64_t days = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0);
	int rest = (int)(seconds - days * SECONDS_A_DAY);
	char text[64];
	int year, month, day;

	civil_from_days(days, &year, &month, &day);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
		 rest / 3600, rest / 60 % 60, rest % 60);
	memcpy(out, text, TIME_TEXT);
	out[TIME_TEXT] = '\0';
}

static enum wm_code time_print(struct buf *out, const ProtobufCMessage *m, struct wm_error *err)
{
	char text[TIME_TEXT + 1];

	time_text(text, ((const Weightmark__V1__Time *)m)->seconds);
	return buf_append(out, text, TIME_TEXT, err);
}

/* --- fixed runs of bytes in hexadecimal ------------------------------------------------ */

static bool hex_parse(ProtobufCBinaryData *out, const char *text, size_t len, size_t n_bytes,
		      char *room)
{
	uint8_t *bytes = (uint8_t *)room;

	if (len != 2 * n_bytes || !hex_decode(bytes, text, len))
		return false;
	*out = (ProtobufCBinaryData){ n_bytes, bytes };
	return true;
}

#define HEX_SCALAR(name, type, field, before, n_bytes)                                       \
	static bool name##_parse(ProtobufCMessage *m, const char *text, size_t len,          \
				 char *room)                                                 \
	{                                                                                    \
		const size_t n = sizeof(before) - 1;                                         \
		return len >= n && memcmp(text, before, n) == 0 &&                           \
		       hex_parse(&((type *)m)->field, text + n, len - n, n_bytes, room);     \
	}                                                                                    \
	static bool name##_valid(const ProtobufCMessage *m)                                  \
	{                                                                                    \
		return ((const type *)m)->field.len == (n_bytes);                            \
	}                                                                                    \
	static enum wm_code name##_print(struct buf *out, const ProtobufCMessage *m,         \
					 struct wm_error *err)                               \
	{                                                                                    \
		const ProtobufCBinaryData *d = &((const type *)m)->field;                    \
		TRY(buf_append_str(out, before, err));                                       \
		return buf_append_hex(out, d->data, d->len, err);                            \
	}

HEX_SCALAR(digest, Weightmark__V1__Digest, sha256, "", SHA256_BYTES)
HEX_SCALAR(statement_id, Weightmark__V1__StatementId, sha256, STATEMENT_PREFIX, SHA256_BYTES)
HEX_SCALAR(nonce, Weightmark__V1__Nonce, random, "", NONCE_BYTES)

/* --- text of a certain form --------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool decimal_text(const char *text, size_t len)
{
	size_t i = len > 0 && text[0] == '-';
	size_t whole = i;

	if (len > LIMIT_ID)
		return false;
	while (i < len && is_digit(text[i]))
		i++;
	if (i == whole || (text[whole] == '0' && i > whole + 1))
		return false;
	if (i == len)
		return !(len == 2 && text[0] == '-' && text[1] == '0');
	if (text[i] != '.' || i + 1 == len || text[len - 1] == '0')
		return false;
	for (i++; i < len; i++)
		if (!is_digit(text[i]))
			return false;
	return true;
}

static bool country_text(const char *text, size_t len)
{
	if (len < 2 || !is_upper(text[0]) || !is_upper(text[1]))
		return false;
	if (len == 2)
		return true;
	if (text[2] != '-' || len < 4 || len > 6)
		return false;
	for (size_t i = 3; i < len; i++)
		if (!is_upper(text[i]) && !is_digit(text[i]))
			return false;
	return true;
}

static bool id_text(const char *text, size_t len)
{
	static const char marks[] = "._-@:+";

	if (len == 0 || len > LIMIT_ID || !is_alphanumeric(text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alphanumeric(text[i]) && !memchr(marks, text[i], sizeof(marks) - 1))
			return false;
	return true;
}

static bool object_id_text(const char *text, size_t len)
{
	const char *slash = memrchr(text, '/', len);
	size_t issuer = slash ? (size_t)(slash - text) : 0;

	if (issuer == 0 || len > LIMIT_OBJECT || !id_text(slash + 1, len - issuer - 1))
		return false;
	for (size_t i = 0; i < issuer; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

#define TEXT_SCALAR(name, type, field, form_of)                                              \
	static bool name##_parse(ProtobufCMessage *m, const char *text, size_t len,          \
				 char *room)                                                 \
	{                                                                                    \
		if (!form_of(text, len))                                                     \
			return false;                                                        \
		((type *)m)->field = memcpy(room, text, len);                                \
		return true;                                                                 \
	}                                                                                    \
	static bool name##_valid(const ProtobufCMessage *m)                                  \
	{                                                                                    \
		const char *text = ((const type *)m)->field;                                 \
		return form_of(text, strlen(text));                                          \
	}                                                                                    \
	static enum wm_code name##_print(struct buf *out, const ProtobufCMessage *m,         \
					 struct wm_error *err)                               \
	{                                                                                    \
		return buf_append_str(out, ((const type *)m)->field, err);                   \
	}

TEXT_SCALAR(decimal, Weightmark__V1__Decimal, digits, decimal_text)
TEXT_SCALAR(spdx, Weightmark__V1__SpdxExpression, text, spdx_text)
TEXT_SCALAR(country, Weightmark__V1__Country, code, country_text)
TEXT_SCALAR(id, Weightmark__V1__Id, text, id_text)
TEXT_SCALAR(object_id, Weightmark__V1__ObjectId, text, object_id_text)
TEXT_SCALAR(party_id, Weightmark__V1__PartyId, id, id_text)

#define ROW(name, form) \
	{ &weightmark__v1__##name##__descriptor, form, name##_parse, name##_valid, name##_print }

static const struct scalar scalars[] = {
	ROW(date, "a date like 2026-11-20"),
	ROW(time, "a time like 2026-11-20T18:00:00Z"),
	ROW(digest, "a SHA-256 digest of 64 lower-case hexadecimal digits"),
	ROW(statement_id, "a statement id: wm: and 64 hexadecimal digits"),
	ROW(nonce, "32 hexadecimal digits"),
	ROW(decimal, "a decimal number like 12.5, without exponent or needless zeros"),
	{ &weightmark__v1__spdx_expression__descriptor,
	  "an SPDX licence expression like Apache-2.0", spdx_parse, spdx_valid, spdx_print },
	ROW(country, "a country code like DE or US-CA"),
	ROW(id, "an id of letters, digits and . _ - @ : +"),
	ROW(object_id, "an object id: ISSUER/ID"),
	ROW(party_id, "the id of a party of this statement"),
};

const struct scalar *scalar_find(const ProtobufCMessageDescriptor *descriptor)
{
	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
		if (scalars[i].descriptor == descriptor)
			return &scalars[i];
	return NULL;
}

enum wm_code scalar_read(ProtobufCMessage **out, const struct scalar *scalar, const char *text,
			 size_t len, struct arena *a, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	void *room = NULL;

	TRY(message_new(&m, scalar->descriptor, a, err));
	TRY(arena_alloc(&room, a, len + 1, err));
	*out = scalar->parse(m, text, len, room) ? m : NULL;
	return WM_OK;
}
