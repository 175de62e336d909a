/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of SPDX licence expressions:
 *
 *	expression = term *( (" AND " | " OR ") term )
 *	term       = "(" expression ")" | licence [ " WITH " exception ]
 *	licence    = idstring [ "+" ] | [ "DocumentRef-" idstring ":" ] "LicenseRef-" idstring
 *	idstring   = 1*( letter | digit | "-" | "." )
 *
 * Operands and operators alternate, so one pass with a depth decides.
 */
#include "statement/spdx.h"

#include <string.h>

#include "util/cursor.h"
#include "util/limits.h"

static bool take_word(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if (cursor_left(c) < len || memcmp(c->data + c->off, word, len) != 0)
		return false;
	c->off += len;
	return true;
}

static bool take_idstring(struct cursor *c)
{
	size_t start = c->off;

	for (int b; (b = cursor_peek(c)) >= 0; c->off++)
		if (!(b >= 'a' && b <= 'z') && !(b >= 'A' && b <= 'Z') && !(b >= '0' && b <= '9') &&
		    b != '-' && b != '.')
			break;
	return c->off > start;
}

static bool take_licence(struct cursor *c)
{
	size_t start = c->off;

	if (!take_idstring(c))
		return false;
	if (cursor_peek(c) == ':') {
		struct cursor document = cursor_of(c->data + start, c->off - start);

		c->off++;
		if (!take_word(&document, "DocumentRef-") || cursor_left(&document) == 0 ||
		    !take_word(c, "LicenseRef-") || !take_idstring(c))
			return false;
	} else if (cursor_peek(c) == '+') {
		c->off++;
	}
	return !take_word(c, " WITH ") || take_idstring(c);
}

bool spdx_text(const char *text, size_t len)
{
	struct cursor c = cursor_of(text, len);
	size_t depth = 0;

	if (len > LIMIT_SPDX)
		return false;
	for (;;) {
		while (take_word(&c, "("))
			depth++;
		if (!take_licence(&c))
			return false;
		while (depth > 0 && take_word(&c, ")"))
			depth--;
		if (cursor_left(&c) == 0)
			return depth == 0;
		if (!take_word(&c, " AND ") && !take_word(&c, " OR "))
			return false;
	}
}
