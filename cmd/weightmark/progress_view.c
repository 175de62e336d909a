/* SPDX-License-Identifier: Apache-2.0 */
/* Showing progress on a terminal. */
#include "progress_view.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "signals.h"

enum { SHOW_AFTER_MS = 1000 };

static bool catching;
static const char *counted; /* NULL: bytes */

static void clear_line(void)
{
	static const char clear[] = "\r\033[K";

	if (write(STDERR_FILENO, clear, sizeof(clear) - 1) < 0)
		_exit(3);
}

static void append_time(char *line, size_t size, uint64_t seconds)
{
	size_t len = strlen(line);

	if (seconds >= 3600)
		snprintf(line + len, size - len, ", %u:%02u h left", (unsigned)(seconds / 3600),
			 (unsigned)(seconds / 60 % 60));
	else
		snprintf(line + len, size - len, ", %u:%02u left", (unsigned)(seconds / 60),
			 (unsigned)(seconds % 60));
}

static void show(void *context, uint64_t done, uint64_t total, int64_t elapsed_ms)
{
	char line[120], done_text[16], total_text[16], rate_text[16];
	double rate = (double)done * 1000 / (double)(elapsed_ms > 0 ? elapsed_ms : 1);

	(void)context;
	if (elapsed_ms < SHOW_AFTER_MS)
		return;
	if (counted) {
		snprintf(line, sizeof(line), "%llu %s", (unsigned long long)done, counted);
		status_line(line);
		return;
	}
	format_bytes(done_text, done);
	format_bytes(rate_text, (uint64_t)rate);
	if (total == 0) {
		snprintf(line, sizeof(line), "%s, %s/s", done_text, rate_text);
	} else {
		snprintf(line, sizeof(line), "%s of %s, %u %%, %s/s", done_text,
			 format_bytes(total_text, total),
			 (unsigned)((double)done * 100 / (double)total), rate_text);
		if (done < total && rate >= 1)
			append_time(line, sizeof(line), (uint64_t)((double)(total - done) / rate));
	}
	status_line(line);
}

void progress_view_start(struct progress *p)
{
	const char *term = getenv("TERM");

	if (isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0) {
		p->show = show;
		signals_catch(clear_line);
		catching = true;
	}
	progress_start(p, 0);
}

void progress_view_start_counting(struct progress *p, const char *what)
{
	counted = what;
	progress_view_start(p);
}

void progress_view_end(void)
{
	counted = NULL;
	status_line("");
	if (catching)
		signals_release();
	catching = false;
}
