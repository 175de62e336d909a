/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: which are allowed, and that all others are refused. */
#include "harness.h"

#include <stdio.h>

#include "git/url.h"

static const struct {
	const char *text;
	enum url_kind kind;
} allowed[] = {
	{ "https://example.org/a", URL_HTTPS },
	{ "https://example.org:8443/a/b.git/", URL_HTTPS },
	{ "https://a-b.example/~x/y+z_1-2", URL_HTTPS },
	{ "https://127.0.0.1:65535/x", URL_HTTPS },
	{ "ssh://git@example.org/a.git", URL_SSH },
	{ "ssh://example.org:22/~git/a.git", URL_SSH },
	{ "ssh://a.b-c_d@h/x", URL_SSH },
	{ "git@example.org:a/b.git", URL_SSH },
	{ "git@example.org:/srv/b.git", URL_SSH },
	{ "git@example.org:~x/b.git", URL_SSH },
	{ "/srv/a.git", URL_LOCAL },
	{ "/srv/a b/\xc3\xa9.git", URL_LOCAL },
	{ "/srv/a:b", URL_LOCAL },
	{ "./ext::sh -c id", URL_LOCAL }, /* a file of that name, and nothing else */
	{ "../a.git", URL_LOCAL },
	{ "..", URL_LOCAL },
	{ ".", URL_LOCAL },
	{ "a.git", URL_LOCAL },
	{ "dir/a.git", URL_LOCAL },
	{ "a@b", URL_LOCAL },
};

static const char *const refused[] = {
	"",
	"ext::sh -c id",
	"ext::sh",
	"fd::17",
	"-oProxyCommand=x",
	"--upload-pack=x",
	"http://example.org/a",
	"HTTPS://example.org/a",
	"git://example.org/a",
	"file:///srv/a",
	"ftp://example.org/a",
	"ssh+git://git@example.org/a",
	"git+ssh://git@example.org/a",
	"example.org:a",
	"host:path",
	"c:\\a",
	"~/a.git",
	"https://example.org",
	"https://example.org/",
	"https:///a",
	"https://user@example.org/a",
	"https://user:secret@example.org/a",
	"https://example.org/a?b",
	"https://example.org/a#b",
	"https://example.org/a b",
	"https://example.org/a%2fb",
	"https://example.org/..%2fb",
	"https://example.org/../b",
	"https://example.org/a/./b",
	"https://example.org/a//b",
	"https://example.org/a\\b",
	"https://example.org/a'b",
	"https://example.org/a:b",
	"https://example.org/a@b",
	"https://example.org/-a",
	"https://example.org:0/a",
	"https://example.org:65536/a",
	"https://example.org:/a",
	"https://example.org:080/a",
	"https://example.org:22x/a",
	"https://-example.org/a",
	"https://example-.org/a",
	"https://example..org/a",
	"https://.example.org/a",
	"https://example.org./a",
	"https://ex_ample.org/a",
	"https://[::1]/a",
	"https://ex\xc3\xa4mple.org/a",
	"https://example.org/\xc3\xa4",
	"https://good.example@evil.example/a",
	"ssh://-oProxyCommand=x/a",
	"ssh://-oProxyCommand=x@example.org/a",
	"ssh://git@-oProxyCommand=x/a",
	"ssh://git:secret@example.org/a",
	"ssh://a@b@example.org/a",
	"ssh://@example.org/a",
	"ssh://git@/a",
	"ssh://git@example.org",
	"-git@example.org:a",
	"@example.org:a",
	"git@:a",
	"git@example.org:",
	"git@example.org:/",
	"git@example.org:-a",
	"git@example.org:a/../b",
	"git@example.org:a b",
	"git@example.org:a;id",
	"git@example.org:$(id)",
	"git@example.org:2222:a",
	"git@-h:a",
	"a:b@c",
	"/srv/a\nb",
	"/srv/a\x1b[2J",
	"a\tb",
	"https://example.org/a\n",
	"\x7f",
};

static void test_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		struct wm_error err = { 0 };
		enum url_kind kind = (enum url_kind)99;

		assert_ok(url_check(&kind, allowed[i].text, &err), &err);
		assert_int_equal(kind, allowed[i].kind);
	}
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct wm_error err = { 0 };
		enum url_kind kind = (enum url_kind)99;

		if (url_check(&kind, refused[i], &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "allowed: %s", refused[i]);
		assert_string_equal(err.reason, "url-refused");
		assert_int_equal(kind, 99);
		assert_null(strstr(err.message, "secret"));
	}
}

/* A label of 63 bytes, a host of 253, an address of URL_BYTES - 1, and one more of each. */
static void test_lengths(void **state)
{
	char text[URL_BYTES + 64];
	enum url_kind kind;

	(void)state;
	for (int n = 63; n <= 64; n++) {
		snprintf(text, sizeof(text), "https://%0*d/a", n, 0);
		assert_int_equal(url_check(&kind, text, NULL) == WM_OK, n == 63);
	}
	for (int n = 61; n <= 62; n++) {
		snprintf(text, sizeof(text), "https://%063d.%063d.%063d.%0*d/a", 0, 0, 0, n, 0);
		assert_int_equal(url_check(&kind, text, NULL) == WM_OK, n == 61);
	}
	for (int n = URL_BYTES - 1; n <= URL_BYTES; n++) {
		snprintf(text, sizeof(text), "/%0*d", n - 1, 0);
		assert_int_equal(strlen(text), n);
		assert_int_equal(url_check(&kind, text, NULL) == WM_OK, n < URL_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),
	};

	return run_tests(tests);
}
