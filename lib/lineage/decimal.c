/* SPDX-License-Identifier: Apache-2.0 */
/* Adding by hand, digit by digit. */
#include "lineage/decimal.h"

#include <string.h>

static size_t count_digits(const char *text)
{
	return strspn(text, "0123456789");
}

static bool is_number(const char *text, size_t *n_whole, size_t *n_fraction)
{
	*n_whole = count_digits(text);
	*n_fraction = text[*n_whole] == '.' ? count_digits(text + *n_whole + 1) : 0;
	if (*n_whole == 0 || *n_whole > LIMIT_ID || *n_fraction > LIMIT_ID)
		return false;
	if (text[*n_whole] == '.')
		return *n_fraction > 0 && text[*n_whole + 1 + *n_fraction] == '\0';
	return text[*n_whole] == '\0';
}

/* Adds a digit and a carry to a place; the carry of that. */
static unsigned add_digit(uint8_t *place, unsigned digit, unsigned carry)
{
	const unsigned sum = *place + digit + carry;

	*place = (uint8_t)(sum % 10);
	return sum / 10;
}

bool decimal_add(struct decimal *sum, const char *digits)
{
	size_t n_whole, n_fraction;
	const char *fraction;
	unsigned carry = 0;

	if (!is_number(digits, &n_whole, &n_fraction))
		return false;
	fraction = digits + n_whole + 1;
	for (size_t i = n_fraction; i > 0; i--)
		carry = add_digit(&sum->fraction[i - 1], (unsigned)(fraction[i - 1] - '0'), carry);
	for (size_t i = 0; i < DECIMAL_PLACES && (i < n_whole || carry); i++)
		carry = add_digit(&sum->whole[i],
				  i < n_whole ? (unsigned)(digits[n_whole - 1 - i] - '0') : 0,
				  carry);
	sum->n++;
	return true;
}

void decimal_text(char out[DECIMAL_TEXT + 1], const struct decimal *sum)
{
	size_t n_whole = DECIMAL_PLACES, n_fraction = LIMIT_ID, n = 0;

	while (n_whole > 1 && sum->whole[n_whole - 1] == 0)
		n_whole--;
	while (n_fraction > 0 && sum->fraction[n_fraction - 1] == 0)
		n_fraction--;
	for (size_t i = n_whole; i > 0; i--)
		out[n++] = (char)('0' + sum->whole[i - 1]);
	if (n_fraction > 0)
		out[n++] = '.';
	for (size_t i = 0; i < n_fraction; i++)
		out[n++] = (char)('0' + sum->fraction[i]);
	out[n] = '\0';
}
