/* SPDX-License-Identifier: Apache-2.0 */
/* Starting libgit2 without anybody's configuration, and handing on its errors. */
#include "git/libgit2.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "git/library.h"
#include "util/limits.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

/* Configuration of the user or machine could name helpers, proxies and other URLs. */
static void start(void)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
				      GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL };

	if (git_libgit2_init() < 0)
		return;
	started = true;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		started &= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "") == 0;
	started &= git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1) == 0;
	/* Nothing of a repository is executed, so that it matters not whose it is. */
	started &= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0) == 0;
}

enum wm_code libgit2_start(struct wm_error *err)
{
	pthread_once(&once, start);
	return started ? WM_OK : fail_libgit2(err, REASON_INTERNAL, "libgit2 does not start");
}

/* What the system fails with, too many open files or a disk that is broken, is no bad data. */
static enum reason reason_of_last(enum reason reason)
{
	const git_error *said = git_error_last();

	return said && said->klass == GIT_ERROR_OS && !error_is_untold(reason_info(reason)->code) ?
		       REASON_READ_FAILED : reason;
}

__attribute__((format(printf, 3, 0))) static enum wm_code
hand_on(struct wm_error *err, enum reason reason, const char *format, va_list args)
{
	char what[LIMIT_MESSAGE];
	const git_error *said = git_error_last();
	const char *why = said && said->message ? said->message : "no reason given";
	enum wm_code code;

	vsnprintf(what, sizeof(what), format, args);
	if (said && said->klass == GIT_ERROR_NOMEMORY)
		code = fail_nomem(err);
	else
		code = fail(err, reason, "%s: %s", what, why);
	git_error_clear();
	return code;
}

enum wm_code fail_libgit2(struct wm_error *err, enum reason reason, const char *format, ...)
{
	enum wm_code code;
	va_list args;

	va_start(args, format);
	code = hand_on(err, reason_of_last(reason), format, args);
	va_end(args);
	return code;
}

enum wm_code fail_lookup(struct wm_error *err, int said, enum reason reason, const char *format,
			 ...)
{
	const bool is_answer = said == GIT_ENOTFOUND || said == GIT_EMISMATCH;
	enum wm_code code;
	va_list args;

	va_start(args, format);
	code = hand_on(err, is_answer ? reason : reason_of_last(reason), format, args);
	va_end(args);
	return code;
}

void git_library(struct library_version *out)
{
	static char running[32];
	int major = 0, minor = 0, revision = 0;

	git_libgit2_version(&major, &minor, &revision);
	snprintf(running, sizeof(running), "%d.%d.%d", major, minor, revision);
	*out = (struct library_version){ "libgit2", LIBGIT2_VERSION, running };
}
