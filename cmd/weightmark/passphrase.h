/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passphrases, from a descriptor or typed at the terminal without echo; never from
 * arguments or the environment, which others can read.
 */
#ifndef PASSPHRASE_H
#define PASSPHRASE_H

#include "options.h"
#include "util/buf.h"
#include "util/error.h"

/* The option row that goes with it. */
#define PASSPHRASE_OPTION                                                            \
	{ .name = "passphrase-fd", .argument = "N",                                  \
	  .help = "read the key's passphrase, one line, from descriptor N; default: ask the " \
		  "terminal" }

/*
 * Appends the passphrase for `what` to `out`, a secret buffer whose maximum is at least
 * LIMIT_PASSPHRASE: the first line of --passphrase-fd if given, else what is typed.
 * Fails with `passphrase-needed` where there is no terminal, `usage` where it is empty,
 * `passphrase-wrong` where it is longer than any.
 */
MUST_USE enum wm_code passphrase_get(struct buf *out, const struct options *o, const char *what,
				     struct wm_error *err);

/* The same for a new key: typed twice, and both must be equal. Too long a one is `usage`. */
MUST_USE enum wm_code passphrase_new(struct buf *out, const struct options *o, const char *what,
				     struct wm_error *err);

/*
 * Appends what `fd` gives, leaving no copy elsewhere; fails with `wrong` where that is more
 * than out->max bytes. For secrets. `line`: stops before the first newline.
 */
MUST_USE enum wm_code read_secret(struct buf *out, int fd, bool line, const char *name,
				  enum reason wrong, struct wm_error *err);

/* The descriptor that option `name` gives; must be open. -1 where the option is absent. */
MUST_USE enum wm_code options_descriptor(const struct options *o, const char *name, int *fd,
					 struct wm_error *err);

#endif
