/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark clone`: a new ledger with the logs of another repository. */
#include <string.h>

#include "exchanges.h"
#include "util/file.h"
#include "util/limits.h"

/* Appends the last component of the address, ending with ".git". */
static enum wm_code path_of(struct buf *out, const char *url, struct wm_error *err)
{
	size_t len = strlen(url), from;

	while (len > 0 && url[len - 1] == '/')
		len--;
	for (from = len; from > 0 && url[from - 1] != '/' && url[from - 1] != ':';)
		from--;
	if (len == from || (len - from <= 2 && url[from] == '.'))
		return fail(err, REASON_USAGE, "'%s' gives the new ledger no name: give a PATH",
			    url);
	TRY(buf_append(out, url + from, len - from, err));
	return file_has_suffix(buf_str(out), ".git") ? WM_OK : buf_append_str(out, ".git", err);
}

/* One without logs may be what an interrupted clone left. */
static enum wm_code open_new(struct ledger **out, const char *path, struct wm_error *err)
{
	cleanup_ledger struct ledger *l = NULL;
	cleanup_origins char **origins = NULL;
	struct repository *r = NULL;

	if (!file_exists(path)) {
		TRY(repository_create(&r, path, err));
		return ledger_take(out, path, r, err);
	}
	if (ledger_open(&l, path, NULL) != WM_OK || ledger_origins(&origins, l, NULL) != WM_OK ||
	    origins[0])
		return fail(err, REASON_EXISTS, "%s: exists already", path);
	*out = take_ptr(&l);
	return WM_OK;
}

/* Nothing is made for what is not there. */
static enum wm_code check_there(const char *path, struct wm_error *err)
{
	cleanup_ledger struct ledger *l = NULL;

	return ledger_open(&l, path, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PATH);
	cleanup_ledger struct ledger *l = NULL;
	enum url_kind kind;

	TRY(url_check(&kind, o->operands[0], err));
	if (o->n_operands > 1)
		TRY(buf_append_str(&path, o->operands[1], err));
	else
		TRY(path_of(&path, o->operands[0], err));
	if (kind == URL_LOCAL)
		TRY(check_there(o->operands[0], err));
	TRY(open_new(&l, buf_str(&path), err));
	return exchange_with(call, l, o->operands[0], ledger_pull, true, err);
}

static const struct option_spec options[] = { EXCHANGE_ORIGIN };

const struct verb verb_clone = {
	.name = "clone",
	.summary = "make a ledger of another repository's logs",
	.operands = "URL [PATH]",
	.description =
		"Makes the bare git repository PATH, by default named as URL ends, and pulls the "
		"logs of URL into it. Each log's verifier key is printed: it is what the "
		"repository says, and nothing is pinned. A clone can be read, audited and "
		"pushed on, but not be appended to.\n\n"
		"URL is as for pull.",
	.examples = "weightmark clone https://git.example/acme/ledger acme.git",
	.exits = "1 where a log was refused; the others were taken all the same.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 2,
};
