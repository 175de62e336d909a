/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark key`: makes keys, prints their public halves and keyids. */
#include <string.h>
#include <unistd.h>

#include "crypto/ssh.h"
#include "keys.h"
#include "log/key.h"
#include "output.h"
#include "util/file.h"
#include "util/limits.h"

enum { ENCODED_MAX = 8192 };

/* A name for the keys directory: a plain file name that needs no quoting anywhere. */
static enum wm_code check_name(const char *name, struct wm_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	if (!*name || *name == '.' || *name == '-' || name[strspn(name, allowed)] != '\0')
		return fail(err, REASON_USAGE,
			    "'%s' is no name for a key: letters, digits, '.', '_' and '-'; "
			    "a path has a slash", name);
	return WM_OK;
}

/* Appends the path of the key pair without its ending, making the keys directory. */
static enum wm_code pair_path(struct buf *path, const char *name, struct wm_error *err)
{
	if (strchr(name, '/')) {
		if (!*file_name(name))
			return fail(err, REASON_USAGE, "'%s' is a directory: add a name", name);
		return buf_append_str(path, name, err);
	}
	TRY(check_name(name, err));
	TRY(config_directory(path, err));
	TRY(buf_append_str(path, "/keys", err));
	TRY(file_mkdirs(buf_str(path), 0700, err));
	return buf_printf(path, err, "/%s", name);
}

/*
 * Writes both halves. The public one goes first, since it may be taken back: whatever
 * fails, no private key is left without its public half, and none is ever removed.
 */
static enum wm_code write_pair(const struct private_key *key, const struct buf *secret,
			       const char *private_path, const char *public_path,
			       struct wm_error *err)
{
	cleanup_secret struct buf private_pem = BUF_INIT(ENCODED_MAX);
	cleanup_buf struct buf public_pem = BUF_INIT(ENCODED_MAX);
	enum wm_code code;

	TRY(buf_reserve(&private_pem, ENCODED_MAX, err));
	TRY(private_key_encode(&private_pem, key, buf_str(secret), secret->len, err));
	TRY(public_key_encode(&public_pem, private_key_public(key), err));
	TRY(file_write(public_path, public_pem.data, public_pem.len, 0644, FILE_EXCLUSIVE, err));
	code = file_write(private_path, private_pem.data, private_pem.len, 0600, FILE_EXCLUSIVE,
			  err);
	if (code != WM_OK)
		unlink(public_path);
	return code;
}

static enum wm_code print_pair(const struct public_key *key, const char *private_path,
			       const char *public_path, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print("private key  %s\npublic key   %s\nkeyid        %s\n", private_path,
		      public_path, public_key_id(key));
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "private_key", private_path, err));
	TRY(node_set_shown(t.root, &t, "public_key", public_path, err));
	TRY(node_set_text(t.root, &t, "keyid", public_key_id(key), err));
	TRY(node_set_text(t.root, &t, "algorithm", key_algorithm_name(public_key_algorithm(key)),
			  err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code new_passphrase(struct buf *secret, const struct options *o, const char *path,
				   struct wm_error *err)
{
	if (!options_has(o, "no-passphrase"))
		return passphrase_new(secret, o, path, err);
	if (options_has(o, "passphrase-fd"))
		return fail(err, REASON_USAGE, "give one of --passphrase-fd and --no-passphrase");
	return WM_OK;
}

static enum wm_code run_new(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	const char *algorithm = options_get(o, "algorithm");
	bool ed25519 = algorithm && strcmp(algorithm, "ed25519") == 0;
	cleanup_buf struct buf private_path = BUF_INIT(LIMIT_PATH);
	cleanup_buf struct buf public_path = BUF_INIT(LIMIT_PATH);
	cleanup_secret struct buf secret = BUF_INIT(LIMIT_PASSPHRASE);
	cleanup_private_key struct private_key *key = NULL;

	TRY(pair_path(&private_path, o->operands[0], err));
	TRY(buf_append(&public_path, private_path.data, private_path.len, err));
	TRY(buf_append_str(&private_path, ".key", err));
	TRY(buf_append_str(&public_path, ".pub", err));
	/* Looked at before anybody types a passphrase; file_write() decides. */
	if (file_exists(buf_str(&private_path)))
		return fail(err, REASON_EXISTS, "%s: exists already", buf_str(&private_path));
	TRY(protect_secrets(err));
	TRY(new_passphrase(&secret, o, buf_str(&private_path), err));
	TRY(private_key_new(&key, ed25519 ? KEY_ED25519 : KEY_P256, err));
	TRY(write_pair(key, &secret, buf_str(&private_path), buf_str(&public_path), err));
	return print_pair(private_key_public(key), buf_str(&private_path), buf_str(&public_path),
			  err);
}

/* The public key in the file `path`, or the public half of the private key there. */
static enum wm_code load_either(struct public_key **public, struct private_key **private,
				const struct public_key **out, const char *path,
				const struct options *o, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (public_key_load(public, path, &why) == WM_OK) {
		*out = *public;
		return WM_OK;
	}
	if (error_reason(&why) != REASON_KEY_PRIVATE)
		return fail_again(err, &why);
	TRY(load_private_key(private, path, o, err));
	*out = private_key_public(*private);
	return WM_OK;
}

/* It is no file of a key that signs statements, and has no keyid. */
static enum wm_code refuse_log_key(const char *path, struct wm_error *err)
{
	cleanup_log_key struct log_key *log = NULL;

	if (log_key_load(&log, path, NULL) != WM_OK)
		return WM_OK;
	return fail(err, REASON_USAGE,
		    "%s: is the verifier key of the log %s, which has no keyid: --log-key of "
		    "verify and audit pins it, 'key public --ssh' prints it for git", path,
		    log_key_origin(log));
}

static enum wm_code print_public(struct call *call, bool pem_wanted, struct wm_error *err)
{
	cleanup_private_key struct private_key *private = NULL;
	cleanup_public_key struct public_key *public = NULL;
	cleanup_buf struct buf pem = BUF_INIT(ENCODED_MAX);
	cleanup_tree struct tree t = TREE_INIT;
	const struct public_key *key = NULL;

	TRY(refuse_log_key(call->options.operands[0], err));
	TRY(load_either(&public, &private, &key, call->options.operands[0], &call->options, err));
	TRY(public_key_encode(&pem, key, err));
	if (!output_is_json()) {
		print_text(pem_wanted ? buf_str(&pem) : public_key_id(key));
		print_text(pem_wanted ? "" : "\n");
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "keyid", public_key_id(key), err));
	TRY(node_set_text(t.root, &t, "algorithm", key_algorithm_name(public_key_algorithm(key)),
			  err));
	if (pem_wanted)
		TRY(node_set_text(t.root, &t, "pem", buf_str(&pem), err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code print_line(const struct buf *line, const struct public_key *key,
			       struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print("%s\n", buf_str(line));
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "allowed_signer", buf_str(line), err));
	TRY(node_set_text(t.root, &t, "algorithm", key_algorithm_name(public_key_algorithm(key)),
			  err));
	print_json(t.root);
	return WM_OK;
}

/*
 * A line of the file that git's gpg.ssh.allowedSignersFile names (ssh-keygen(1), "ALLOWED
 * SIGNERS"). A verifier key of a log stands for the name under which the log commits.
 */
static enum wm_code print_allowed_signer(struct call *call, struct wm_error *err)
{
	const char *path = call->options.operands[0];
	cleanup_private_key struct private_key *private = NULL;
	cleanup_public_key struct public_key *public = NULL;
	cleanup_log_key struct log_key *log = NULL;
	cleanup_buf struct buf line = BUF_INIT(ENCODED_MAX);
	const struct public_key *key = NULL;

	if (log_key_load(&log, path, NULL) == WM_OK) {
		key = log_key_public(log);
		TRY(buf_printf(&line, err, "log@%s", log_key_origin(log)));
	} else {
		TRY(load_either(&public, &private, &key, path, &call->options, err));
		TRY(buf_append_str(&line, "*", err));
	}
	TRY(buf_append_str(&line, " namespaces=\"git\" ", err));
	TRY(ssh_public_encode(&line, key, err));
	return print_line(&line, key, err);
}

static enum wm_code run_public(struct call *call, struct wm_error *err)
{
	if (options_has(&call->options, "ssh"))
		return print_allowed_signer(call, err);
	return print_public(call, true, err);
}

static enum wm_code run_id(struct call *call, struct wm_error *err)
{
	return print_public(call, false, err);
}

static const struct subverb subverbs[] = {
	{ "new", "NAME|PATH", "make a key pair: NAME.key and NAME.pub", run_new, 1, 1 },
	{ "public", "KEY", "print the public half of a key file", run_public, 1, 1 },
	{ "id", "KEY", "print the keyid of a key file, private or public", run_id, 1, 1 },
	{ 0 },
};

static const struct option_spec options[] = {
	{ .name = "algorithm",
	  .argument = "NAME",
	  .kind = VALUE_CHOICE,
	  .choices = "p256 ed25519",
	  .only = "new",
	  .help = "p256 (the default; ECDSA) or ed25519" },
	{ .name = "ssh",
	  .only = "public",
	  .help = "print a line of git's file of allowed signers: of a log's verifier key for "
		  "the name under which the log commits, of another key for any name ('*')" },
	{ .name = "no-passphrase",
	  .only = "new",
	  .help = "write the private key unencrypted: whoever reads the file can sign" },
	PASSPHRASE_OPTION,
};

const struct verb verb_key = {
	.name = "key",
	.summary = "make keys, print public keys and keyids",
	.operands = "new NAME|PATH, public KEY, id KEY",
	.description =
		"A new key pair is two PEM files, which openssl reads too: the private key with "
		"permissions 0600, encrypted under a passphrase, and the public key to give to "
		"whoever verifies. A NAME without slash puts them below "
		"$XDG_CONFIG_HOME/weightmark/keys (default ~/.config); with a slash it is the path "
		"without its ending. Existing files are never overwritten.\n\n"
		"A keyid is the SHA-256 of the public key (its DER form): read it to each other "
		"before you trust a key.\n\n"
		"'key public --ssh' prints a key as git's gpg.ssh.allowedSignersFile has them. Git "
		"compares the committer's e-mail address with the principal that begins the line: "
		"the line of a log's verifier key has log@ORIGIN, under which the log commits; a "
		"key that signs statements is bound to no address, and its line has '*', any: put "
		"the address of who holds it in its place.",
	.examples = "weightmark key new release\n"
		    "weightmark key id ~/.config/weightmark/keys/release.pub\n"
		    "weightmark key new ./ci --no-passphrase --algorithm ed25519\n"
		    "weightmark key public acme.vkey --ssh >> allowed_signers",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.subverbs = subverbs,
};
