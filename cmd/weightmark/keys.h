/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as options and settings name them: what signs, and whom to trust.
 *
 * Before a private key is read, the process is made undumpable and without core
 * files. A private key file that group or others may read draws a warning.
 */
#ifndef KEYS_H
#define KEYS_H

#include "crypto/key.h"
#include "crypto/signer.h"
#include "log/key.h"
#include "passphrase.h"
#include "trust/keyring.h"
#include "verb.h"

/* Rows for the options table of a verb that calls load_signer(). */
#define SIGNING_OPTIONS                                                                \
	{ .name = "key", .argument = "FILE", .kind = VALUE_FILE, .setting = "key",     \
	  .help = "sign with this private key; beside --signer: the public key it signs with" }, \
	{ .name = "key-fd", .argument = "N",                                           \
	  .help = "read the private key from descriptor N" },                          \
	PASSPHRASE_OPTION,                                                             \
	{ .name = "signer", .argument = "COMMAND", .setting = "signer",                \
	  .help = "sign by running this shell command, which holds the key elsewhere: message " \
		  "in, raw signature out" }

/* Row for the options table of a verb that calls load_keyring(). */
#define KEYRING_OPTION                                                                 \
	{ .name = "key", .argument = "FILE", .kind = VALUE_FILE, .setting = "public-key", \
	  .repeatable = true, .help = "trust this public key" }

/* Row for the options table of a verb that calls load_log_keys(). */
#define LOG_KEY_OPTION                                                                 \
	{ .name = "log-key", .argument = "FILE", .kind = VALUE_FILE, .setting = "log-key", \
	  .repeatable = true, .help = "pin this verifier key of a log" }

/* The verifier keys of logs that --log-key or the setting log-key name. */
MUST_USE enum wm_code load_log_keys(struct log_keys *out, struct call *call, struct wm_error *err);

/* Makes the memory of this process invisible to others and to core files (`protect-failed`). */
MUST_USE enum wm_code protect_secrets(struct wm_error *err);

/* Reads the private key file `path`, asking for its passphrase where it has one. */
MUST_USE enum wm_code load_private_key(struct private_key **out, const char *path,
				       const struct options *o, struct wm_error *err);

/*
 * What the call signs with: --key-fd, else --signer with --key as its public key, else
 * --key, each by option or setting. A signer counts if it was named at least as near
 * (option before environment before file) as the key. Fails with `key-needed` where
 * nothing was named. `key_file`: where the private key is, or NULL where no file has it.
 */
MUST_USE enum wm_code load_signer(struct signer **out, const char **key_file, struct call *call,
				  struct wm_error *err);

/*
 * The public keys that --key or the setting public-key name; empty where none is
 * named. A private key among them is `key-private`.
 */
MUST_USE enum wm_code load_keyring(struct keyring **out, struct call *call, struct wm_error *err);

#endif
