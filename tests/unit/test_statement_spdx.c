/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/spdx.c: the grammar of licence expressions. */
#include "harness.h"

#include "statement/spdx.h"
#include "util/limits.h"

static void well_formed_expressions(void **state)
{
	static const char *const good[] = {
		"MIT",
		"Apache-2.0",
		"GPL-2.0+",
		"0BSD",
		"LicenseRef-own",
		"LicenseRef-1.0-x",
		"DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2",
		"GPL-2.0-or-later WITH Bison-exception-2.2",
		"GPL-2.0+ WITH Classpath-exception-2.0",
		"LicenseRef-own WITH Bison-exception-2.2",
		"DocumentRef-a:LicenseRef-b WITH Bison-exception-2.2",
		"MIT AND ISC",
		"MIT OR ISC AND Zlib",
		"MIT OR (ISC AND (Zlib OR BSL-1.0))",
		"(MIT)",
		"((MIT) AND (ISC))",
		"(MIT OR ISC WITH x) AND Zlib",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!spdx_text(good[i], strlen(good[i])))
			test_failed(__FILE__, __LINE__, "'%s' was refused", good[i]);
}

static void other_text(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		" MIT",
		"MIT ",
		"MIT  OR ISC",
		"MIT\tOR ISC",
		"MIT or ISC",
		"MIT And ISC",
		"MIT ISC",
		"MIT OR",
		"MIT OR ",
		"OR MIT OR",
		"AND ",
		"MIT OR  ISC",
		"MIT/ISC",
		"MIT, ISC",
		"GPL 2.0",
		"+",
		"MIT++",
		"MIT +",
		"(",
		")",
		"()",
		"(MIT",
		"MIT)",
		"(MIT))",
		"((MIT)",
		"( MIT)",
		"(MIT )",
		"(MIT) ISC",
		"MIT(ISC)",
		"(MIT) WITH x",
		"MIT WITH",
		"MIT WITH ",
		"MIT WITH x WITH y",
		"MIT WITH x+",
		"MIT WITH (x)",
		"MIT with x",
		"a:LicenseRef-b",
		"DocumentRef-:LicenseRef-b",
		"DocumentRef-a:",
		"DocumentRef-a:LicenseRef-",
		"DocumentRef-a:b",
		"DocumentRef-a:LicenseRef-b+",
		"DocumentRef-a:DocumentRef-b:LicenseRef-c",
		"documentref-a:LicenseRef-b",
		"Licens\xc3\xa9",
		"MIT\n",
		"MIT_1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (spdx_text(bad[i], strlen(bad[i])))
			test_failed(__FILE__, __LINE__, "'%s' was taken", bad[i]);
	assert_false(spdx_text("MIT\0", 4));
}

static void length_and_depth(void **state)
{
	char text[LIMIT_SPDX + 2];
	const size_t half = (LIMIT_SPDX - 2) / 2;

	(void)state;
	memset(text, '(', sizeof(text));
	memset(text + half, 'a', 2);
	memset(text + half + 2, ')', half);
	assert_true(spdx_text(text, 2 * half + 2));
	assert_false(spdx_text(text, 2 * half + 1));
	memset(text, 'a', sizeof(text));
	assert_true(spdx_text(text, LIMIT_SPDX));
	assert_false(spdx_text(text, LIMIT_SPDX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_expressions),
		cmocka_unit_test(other_text),
		cmocka_unit_test(length_and_depth),
	};

	return run_tests(tests);
}
