/* SPDX-License-Identifier: Apache-2.0 */
/* Reading passphrases. */
#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "signals.h"
#include "util/cleanup.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/limits.h"

enum wm_code read_secret(struct buf *out, int fd, bool line, const char *name,
			 enum reason wrong, struct wm_error *err)
{
	/* All room at once: a buffer that moves when it grows leaves copies behind. */
	TRY(buf_reserve(out, out->max - out->len, err));
	for (;;) {
		uint8_t byte;
		/* By single bytes, so that what follows the line stays for its reader. */
		ssize_t n = line ? read(fd, &byte, 1)
				 : read(fd, out->data + out->len, out->max - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, REASON_READ_FAILED, "%s: %s", name, strerror(errno));
		if (n == 0 || (line && byte == '\n'))
			break;
		if (out->len == out->max)
			return fail(err, wrong, "%s: more than %zu bytes", name, out->max);
		if (line)
			out->data[out->len] = byte;
		out->len += (size_t)n;
		if (!line && out->len == out->max)
			return fail(err, wrong, "%s: more than %zu bytes", name, out->max - 1);
	}
	out->data[out->len] = 0;
	return WM_OK;
}

enum wm_code options_descriptor(const struct options *o, const char *name, int *fd,
				struct wm_error *err)
{
	uint64_t number = UINT64_MAX;

	*fd = -1;
	TRY(options_number(o, name, 0, INT_MAX, &number, err));
	if (number > INT_MAX)
		return WM_OK;
	if (fcntl((int)number, F_GETFD) < 0)
		return fail(err, REASON_USAGE, "option '--%s': descriptor %d is not open", name,
			    (int)number);
	*fd = (int)number;
	return WM_OK;
}

/* For signals, which must give the terminal its echo back. */
static struct termios with_echo;
static int terminal = -1;

static void restore_echo(void)
{
	tcsetattr(terminal, TCSAFLUSH, &with_echo);
}

static enum wm_code read_without_echo(struct buf *out, int tty, enum reason too_long,
				      struct wm_error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_stop;
	struct termios silent;
	enum wm_code code;

	if (tcgetattr(tty, &with_echo) < 0)
		return fail(err, REASON_READ_FAILED, "the terminal: %s", strerror(errno));
	terminal = tty;
	signals_catch(restore_echo);
	sigaction(SIGTSTP, &ignore, &old_stop);
	silent = with_echo;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &silent) < 0)
		code = fail(err, REASON_READ_FAILED, "the terminal: %s", strerror(errno));
	else
		code = read_secret(out, tty, true, "the terminal", too_long, err);
	restore_echo();
	signals_release();
	sigaction(SIGTSTP, &old_stop, NULL);
	return code;
}

/* Asks once. */
static enum wm_code ask(struct buf *out, const char *question, const char *what, bool new,
			struct wm_error *err)
{
	cleanup_buf struct buf prompt = BUF_INIT(8 * LIMIT_PATH);
	cleanup_fd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (tty < 0)
		return fail(err, REASON_PASSPHRASE_NEEDED,
			    "%s: no terminal to ask for the passphrase; give --passphrase-fd N%s",
			    what, new ? " or --no-passphrase" : "");
	TRY(buf_append_str(&prompt, question, err));
	TRY(escape_append(&prompt, what, strlen(what), err));
	TRY(buf_append_str(&prompt, ": ", err));
	TRY(file_write_fd(tty, prompt.data, prompt.len, "the terminal", err));
	return read_without_echo(out, tty, new ? REASON_USAGE : REASON_PASSPHRASE_WRONG, err);
}

/* Stores whether the passphrase came from --passphrase-fd. */
static enum wm_code from_descriptor(bool *found, struct buf *out, const struct options *o,
				    enum reason too_long, struct wm_error *err)
{
	int fd = -1;

	TRY(options_descriptor(o, "passphrase-fd", &fd, err));
	*found = fd >= 0;
	if (*found)
		TRY(read_secret(out, fd, true, "the passphrase's descriptor", too_long, err));
	return WM_OK;
}

static enum wm_code not_empty(const struct buf *secret, const char *what, struct wm_error *err)
{
	if (secret->len == 0)
		return fail(err, REASON_USAGE, "%s: the passphrase is empty", what);
	return WM_OK;
}

enum wm_code passphrase_get(struct buf *out, const struct options *o, const char *what,
			    struct wm_error *err)
{
	bool found = false;

	TRY(from_descriptor(&found, out, o, REASON_PASSPHRASE_WRONG, err));
	if (!found)
		TRY(ask(out, "passphrase of ", what, false, err));
	return not_empty(out, what, err);
}

enum wm_code passphrase_new(struct buf *out, const struct options *o, const char *what,
			    struct wm_error *err)
{
	cleanup_secret struct buf again = BUF_INIT(LIMIT_PASSPHRASE);
	bool found = false;

	TRY(from_descriptor(&found, out, o, REASON_USAGE, err));
	if (found)
		return not_empty(out, what, err);
	TRY(ask(out, "new passphrase for ", what, true, err));
	TRY(not_empty(out, what, err));
	TRY(ask(&again, "once more, for ", what, true, err));
	if (again.len != out->len || memcmp(again.data, out->data, out->len) != 0)
		return fail(err, REASON_USAGE, "%s: the two passphrases differ", what);
	return WM_OK;
}
