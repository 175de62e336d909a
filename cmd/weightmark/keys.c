/* SPDX-License-Identifier: Apache-2.0 */
/* Loading private keys, signers and keyrings. */
#include "keys.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "output.h"
#include "util/file.h"
#include "util/limits.h"

enum wm_code protect_secrets(struct wm_error *err)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(err, REASON_PROTECT_FAILED, "core files cannot be turned off: %s",
			    strerror(errno));
	return WM_OK;
}

struct question {
	const struct options *options;
	const char *name;
};

static enum wm_code answer(void *context, struct buf *out, struct wm_error *err)
{
	const struct question *q = context;

	return passphrase_get(out, q->options, q->name, err);
}

static enum wm_code parse_private(struct private_key **out, int fd, const char *name,
				  const struct options *o, struct wm_error *err)
{
	cleanup_secret struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	struct question question = { o, name };

	TRY(read_secret(&pem, fd, false, name, REASON_KEY_MALFORMED, err));
	return private_key_parse(out, pem.data, pem.len, name, answer, &question, err);
}

enum wm_code load_private_key(struct private_key **out, const char *path, const struct options *o,
			      struct wm_error *err)
{
	cleanup_private_key struct private_key *key = NULL;
	cleanup_fd int fd = -1;
	struct wm_error why = { 0 };
	struct stat st;
	uint64_t size;

	TRY(protect_secrets(err));
	if (file_open(&fd, &size, path, &why) != WM_OK)
		return fail_input(err, &why, REASON_KEY_MALFORMED);
	if (fstat(fd, &st) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	TRY(parse_private(&key, fd, path, o, err));
	if (st.st_mode & (S_IRGRP | S_IROTH))
		warning("%s: others may read this private key; chmod 600 it", path);
	*out = take_ptr(&key);
	return WM_OK;
}

static enum wm_code key_from_descriptor(struct signer **out, int fd, const struct options *o,
					struct wm_error *err)
{
	struct private_key *key = NULL;

	TRY(protect_secrets(err));
	TRY(parse_private(&key, fd, "the key's descriptor", o, err));
	return signer_take_key(out, key, err);
}

enum wm_code load_signer(struct signer **out, const char **key_file, struct call *call,
			 struct wm_error *err)
{
	const struct options *o = &call->options;
	struct setting_value command, path;
	struct private_key *key = NULL;
	struct public_key *public = NULL;
	int fd = -1;

	*key_file = NULL;
	TRY(options_descriptor(o, "key-fd", &fd, err));
	if (fd >= 0 && (options_has(o, "key") || options_has(o, "signer")))
		return fail(err, REASON_USAGE, "give one of --key, --key-fd and --signer");
	if (fd >= 0)
		return key_from_descriptor(out, fd, o, err);
	TRY(settings_find(&command, &call->settings, o, "signer", err));
	TRY(settings_find(&path, &call->settings, o, "key", err));
	if (command.n && !path.n)
		return fail(err, REASON_KEY_NEEDED, "a signer needs --key with its public key");
	if (!path.n)
		return fail(err, REASON_KEY_NEEDED, "no key to sign with was named");
	if (command.n && command.source <= path.source) {
		TRY(public_key_load(&public, path.values[0], err));
		return signer_take_command(out, command.values[0], public, err);
	}
	*key_file = path.values[0];
	TRY(load_private_key(&key, path.values[0], o, err));
	return signer_take_key(out, key, err);
}

enum wm_code load_keyring(struct keyring **out, struct call *call, struct wm_error *err)
{
	cleanup_keyring struct keyring *ring = NULL;
	struct setting_value paths;

	TRY(settings_find(&paths, &call->settings, &call->options, "public-key", err));
	TRY(keyring_new(&ring, err));
	for (size_t i = 0; i < paths.n; i++) {
		struct public_key *key = NULL;

		TRY(public_key_load(&key, paths.values[i], err));
		TRY(keyring_add(ring, key, err));
	}
	*out = take_ptr(&ring);
	return WM_OK;
}

enum wm_code load_log_keys(struct log_keys *out, struct call *call, struct wm_error *err)
{
	struct setting_value paths;

	TRY(settings_find(&paths, &call->settings, &call->options, "log-key", err));
	for (size_t i = 0; i < paths.n; i++) {
		struct log_key *key = NULL;

		TRY(log_key_load(&key, paths.values[i], err));
		TRY(log_keys_add(out, key, err));
	}
	return WM_OK;
}
