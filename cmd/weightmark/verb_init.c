/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark init`: makes a log. */
#include "ledger/append.h"
#include "ledgers.h"
#include "output.h"
#include "util/file.h"
#include "util/limits.h"

/* Where the key can be written is known before anything is made. */
static enum wm_code write_key(struct new_file *f, const struct buf *key, const char *path,
			      struct wm_error *err)
{
	TRY(file_write_fd(f->fd, key->data, key->len, path, err));
	TRY(file_write_fd(f->fd, "\n", 1, path, err));
	return new_file_finish(f, FILE_EXCLUSIVE, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *origin = o->operands[0], *out = options_get(o, "out"), *path;
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	cleanup_ledger struct ledger *l = NULL;
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_new_file struct new_file key_file = NEW_FILE_INIT;
	cleanup_tree struct tree t = TREE_INIT;

	TRY(need_ledger(&path, call, err));
	if (out && file_exists(out))
		return fail(err, REASON_EXISTS, "%s: exists already", out);
	if (out)
		TRY(new_file_open(&key_file, out, 0644, err));
	TRY(ledger_create(&l, path, origin, err));
	TRY(ledger_head(&head, l, origin, err));
	TRY(log_key_encode(&key, head.key, err));
	if (out)
		TRY(write_key(&key_file, &key, out, err));
	if (!output_is_json()) {
		print("log      %s\nledger   %s\nlog key  %s\n", origin, path, buf_str(&key));
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "origin", origin, err));
	TRY(node_set_shown(t.root, &t, "ledger", path, err));
	TRY(node_set_text(t.root, &t, "log_key", buf_str(&key), err));
	print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .setting = "ledger",
	  .help = "the git repository; a bare one is made where nothing is there" },
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "write the log's verifier key to this new file too" },
};

const struct verb verb_init = {
	.name = "init",
	.summary = "make a log in a ledger",
	.operands = "ORIGIN",
	.description =
		"Makes the log ORIGIN, a name like acme.example/models, as the branch "
		"weightmark/ORIGIN of a git repository, with a key of its own. From then on this "
		"copy of the repository, and no clone of it, can append to the log. The private "
		"half stays in the git directory below weightmark/, mode 0600: back it up "
		"together with the state beside it, or not at all.\n\n"
		"The verifier key that is printed is what others pin: --log-key of verify and "
		"audit.",
	.examples = "weightmark init acme.example/models --ledger ledger.git --out acme.vkey",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
