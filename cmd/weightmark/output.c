/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output through one checked buffer, and messages. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "print_format.h"
#include "text/json.h"
#include "util/buf.h"
#include "util/file.h"

enum { FLUSH_AT = 1 << 16, ANSWER_MAX = 1 << 30, MESSAGE_MAX = 1 << 16 };

/* The process has one standard output, so there is one of these. */
static struct {
	struct buf answer;
	struct wm_error lost; /* why an answer could not be written; WM_OK if it could */
	const char *verb;
	bool json;
	bool status_shown;
} out = { .answer = BUF_INIT(ANSWER_MAX) };

void output_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (int fd = 0; fd <= 2; fd++) {
		/* Read-only, so that writing to a missing standard output fails. */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd)
			_exit(3);
	}
}

void output_set_json(bool json)
{
	out.json = json;
}

bool output_is_json(void)
{
	return out.json;
}

void output_set_verb(const char *verb)
{
	out.verb = verb;
}

/* Keeps the first failure. */
static void lose(const struct wm_error *why)
{
	if (out.lost.code != WM_OK)
		return;
	if (error_reason(why) == REASON_WRITE_FAILED || error_reason(why) == REASON_LIMIT)
		fail(&out.lost, REASON_OUTPUT_LOST, "%s", why->message);
	else
		fail_again(&out.lost, why);
}

static void flush(void)
{
	struct wm_error why = { 0 };

	if (out.lost.code == WM_OK &&
	    file_write_fd(STDOUT_FILENO, out.answer.data, out.answer.len, "standard output",
			  &why) != WM_OK)
		lose(&why);
	buf_truncate(&out.answer, 0);
}

/* After each append: keeps the first failure, and the buffer small. */
static void appended(enum wm_code code, const struct wm_error *err)
{
	if (code != WM_OK)
		lose(err);
	if (out.answer.len >= FLUSH_AT)
		flush();
}

void print(const char *format, ...)
{
	struct wm_error err = { 0 };
	va_list args;

	va_start(args, format);
	appended(format_escaped(&out.answer, format, args, &err), &err);
	va_end(args);
}

void print_text(const char *text)
{
	struct wm_error err = { 0 };

	appended(buf_append_str(&out.answer, text, &err), &err);
}

void print_json(const struct node *root)
{
	struct wm_error err = { 0 };

	appended(json_write_pretty(&out.answer, root, &err), &err);
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 &&
	       isatty(STDOUT_FILENO);
}

void print_word(enum colour colour, const char *word)
{
	static const char *const start[] = {
		[COLOUR_GOOD] = "\033[32m", [COLOUR_BAD] = "\033[31m", [COLOUR_DOUBT] = "\033[33m",
	};
	bool coloured = wants_colour();

	print_text(coloured ? start[colour] : "");
	print_text(word);
	print_text(coloured ? "\033[0m" : "");
}

/* Messages that cannot be written have nowhere left to go. */
static void write_message(const struct buf *text)
{
	status_line("");
	if (file_write_fd(STDERR_FILENO, text->data, text->len, "standard error", NULL) != WM_OK)
		return;
}

__attribute__((format(printf, 2, 0)))
static void write_line(const char *kind, const char *format, va_list args)
{
	cleanup_buf struct buf line = BUF_INIT(MESSAGE_MAX);

	if (buf_printf(&line, NULL, "weightmark: %s%s%s", out.verb ? out.verb : "",
		       out.verb ? ": " : "", kind) == WM_OK &&
	    format_escaped(&line, format, args, NULL) == WM_OK &&
	    buf_append_byte(&line, '\n', NULL) == WM_OK)
		write_message(&line);
}

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("", format, args);
	va_end(args);
}

void warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("warning: ", format, args);
	va_end(args);
}

static enum wm_code error_members(struct node *map, struct tree *t, const struct wm_error *err,
				  const char *fix, struct wm_error *failed)
{
	struct node *error = NULL;

	TRY(node_set_new(&error, map, t, "error", NODE_MAP, failed));
	TRY(node_set_text(error, t, "reason", err->reason, failed));
	TRY(node_set_shown(error, t, "message", err->message, failed));
	TRY(node_set_text(error, t, "fix", fix, failed));
	return node_set_integer(map, t, "exit", (uint64_t)exit_status(err->code), failed);
}

static enum wm_code error_object(struct tree *t, const struct wm_error *err, const char *fix,
				 struct wm_error *failed)
{
	TRY(node_new(&t->root, t, NODE_MAP, failed));
	return error_members(t->root, t, err, fix, failed);
}

enum wm_code print_json_refused(struct tree *t, const struct wm_error *why, struct wm_error *err)
{
	const char *fix = reason_info(error_reason(why))->remedy;

	TRY(error_members(t->root, t, why, fix, err));
	print_json(t->root);
	message("%s [%s]\nfix: %s", why->message, why->reason, fix);
	return WM_OK;
}

int report_error(const struct wm_error *err)
{
	const char *fix = reason_info(error_reason(err))->remedy;
	char usage[80];

	if (error_reason(err) == REASON_USAGE) {
		snprintf(usage, sizeof(usage), "see 'weightmark %s%s--help'",
			 out.verb ? out.verb : "", out.verb ? " " : "");
		fix = usage;
	}
	message("%s [%s]\nfix: %s", err->message, err->reason, fix);
	if (out.json) {
		cleanup_tree struct tree t = TREE_INIT;
		struct wm_error failed = { 0 };

		buf_truncate(&out.answer, 0);
		appended(error_object(&t, err, fix, &failed), &failed);
		if (failed.code == WM_OK)
			print_json(t.root);
	}
	return exit_status(err->code);
}

int worst_status(int a, int b)
{
	static const int order[] = { 2, 1, 3, 4, 0 };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return 3;
}

int output_finish(int status)
{
	status_line("");
	flush();
	buf_release(&out.answer);
	/* A network file system may tell only now that it has no room. */
	if (close(STDOUT_FILENO) < 0 && errno != EBADF && out.lost.code == WM_OK)
		fail(&out.lost, REASON_OUTPUT_LOST, "standard output: %s", strerror(errno));
	if (out.lost.code == WM_OK)
		return status;
	out.json = false;
	return worst_status(status, report_error(&out.lost));
}

void status_line(const char *text)
{
	char line[160];
	int n;

	if (!*text && !out.status_shown)
		return;
	n = snprintf(line, sizeof(line), "\r\033[K%s", text);
	if (n < 0 || file_write_fd(STDERR_FILENO, line, strlen(line), "standard error", NULL))
		return;
	out.status_shown = *text != '\0';
}

const char *format_bytes(char to[16], uint64_t bytes)
{
	static const char units[] = "kMGTPE";
	double value = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(to, 16, "%u B", (unsigned)bytes);
		return to;
	}
	for (; value >= 999.95 && units[unit + 1]; unit++)
		value /= 1000;
	snprintf(to, 16, "%.1f %cB", value, units[unit]);
	return to;
}
