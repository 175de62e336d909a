/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions: thin, each over the floor that does the work. */
#include "weightmark.h"

#include <string.h>

#include "attest/checks_files.h"
#include "attest/sign.h"
#include "report/verdict_report.h"
#include "text/json.h"
#include "util/file.h"
#include "util/limits.h"

struct wm_keys {
	struct keyring *ring;
	struct log_keys logs;
};

const char *wm_version(void)
{
	return WM_VERSION;
}

int wm_exit_status(enum wm_code code)
{
	return exit_status(code);
}

const char *wm_remedy(const char *reason)
{
	enum reason found = reason ? reason_find(reason) : REASON_NONE;

	return found == REASON_NONE ? NULL : reason_info(found)->remedy;
}

/* Below, everything may rely on an error to fill. */
#define WANTED(err) ((err) ? (err) : &(struct wm_error){ 0 })

enum wm_code wm_keys_new(struct wm_keys **out, struct wm_error *err)
{
	cleanup_free struct wm_keys *keys = calloc(1, sizeof(*keys));

	err = WANTED(err);
	if (!keys)
		return fail_nomem(err);
	TRY(keyring_new(&keys->ring, err));
	*out = take_ptr(&keys);
	return WM_OK;
}

void wm_keys_free(struct wm_keys *keys)
{
	if (!keys)
		return;
	keyring_free(keys->ring);
	log_keys_release(&keys->logs);
	free(keys);
}

enum wm_code wm_keys_add_pem(struct wm_keys *keys, const void *pem, size_t len,
			     struct wm_error *err)
{
	struct public_key *key = NULL;

	err = WANTED(err);
	TRY(public_key_parse(&key, pem, len, "key", err));
	return keyring_add(keys->ring, key, err);
}

enum wm_code wm_keys_add_file(struct wm_keys *keys, const char *path, struct wm_error *err)
{
	struct public_key *key = NULL;

	err = WANTED(err);
	TRY(public_key_load(&key, path, err));
	return keyring_add(keys->ring, key, err);
}

enum wm_code wm_keys_add_log_file(struct wm_keys *keys, const char *path, struct wm_error *err)
{
	struct log_key *key = NULL;

	err = WANTED(err);
	TRY(log_key_load(&key, path, err));
	return log_keys_add(&keys->logs, key, err);
}

enum wm_code wm_verify(struct wm_verdict **out, const char *path,
		       const struct wm_verify_options *options, struct wm_error *err)
{
	err = WANTED(err);
	if (options->size != sizeof(*options) || !options->keys)
		return fail(err, REASON_USAGE, "options of another version, or without keys");
	return verdict_reach(out, path,
			     &(struct verify_options){ .keys = options->keys->ring,
						       .sidecar = options->sidecar,
						       .part = options->part,
						       .part_only = options->part_only,
						       .links_within = options->links_within,
						       .log_keys = &options->keys->logs,
						       .log_state = options->log_state,
						       .full = options->full,
						       .workers = options->workers },
			     err);
}

void wm_verdict_free(struct wm_verdict *v)
{
	verdict_free(v);
}

enum wm_decision wm_verdict_decision(const struct wm_verdict *v)
{
	return v->decision;
}

int wm_verdict_exit_status(const struct wm_verdict *v)
{
	return verdict_exit_status(v);
}

const char *wm_verdict_reason(const struct wm_verdict *v)
{
	const struct check_result *decider = verdict_decider(v);

	return decider ? decider->err.reason : NULL;
}

const char *wm_verdict_message(const struct wm_verdict *v)
{
	const struct check_result *decider = verdict_decider(v);

	return decider ? decider->err.message : NULL;
}

size_t wm_verdict_n_checks(const struct wm_verdict *v)
{
	return v->n_checks;
}

struct wm_check wm_verdict_check(const struct wm_verdict *v, size_t i)
{
	return (struct wm_check){ v->checks[i].name, v->checks[i].what,
				  outcome_name(v->checks[i].outcome) };
}

size_t wm_verdict_n_files(const struct wm_verdict *v)
{
	return v->facts.checkpoint ? v->facts.checkpoint->n_files : 0;
}

const char *wm_verdict_file(const struct wm_verdict *v, size_t i)
{
	return v->facts.checkpoint->files[i].path;
}

int wm_verdict_take_fd(struct wm_verdict *v, size_t i)
{
	if (v->decision != WM_ACCEPT || !file_is_signed(&v->facts, i))
		return -1;
	return take_fd(&v->facts.checkpoint->files[i].fd);
}

enum wm_code wm_verdict_json(char **out, const struct wm_verdict *v, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_SIDECAR);
	char *copy;

	err = WANTED(err);
	TRY(verdict_tree(&t.root, &t, v, false, err));
	TRY(json_write_pretty(&text, t.root, err));
	copy = strdup(buf_str(&text));
	if (!copy)
		return fail_nomem(err);
	*out = copy;
	return WM_OK;
}

enum wm_code wm_sign(const char *path, const struct wm_sign_options *options, struct wm_error *err)
{
	cleanup_secret struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	cleanup_private_key struct private_key *key = NULL;
	cleanup_signer struct signer *signer = NULL;
	cleanup_signing struct signing done = { 0 };

	err = WANTED(err);
	if (options->size != sizeof(*options) || !options->key ||
	    !(options->manifest || options->amend || options->embed || options->release))
		return fail(err, REASON_USAGE,
			    "options of another version, or without manifest or key");
	TRY(file_read_input(&pem, options->key, REASON_KEY_MALFORMED, err));
	TRY(private_key_parse(&key, pem.data, pem.len, options->key, NULL, NULL, err));
	TRY(signer_take_key(&signer, take_ptr(&key), err));
	return checkpoint_sign(&done, path,
			       &(struct sign_options){ .yaml = options->manifest,
						       .yaml_len = options->manifest_len,
						       .yaml_name = "manifest",
						       .signer = signer,
						       .key_file = options->key,
						       .issuer = options->issuer,
						       .sidecar = options->sidecar,
						       .links_within = options->links_within,
						       .amend = options->amend,
						       .reason = options->reason,
						       .no_cache = options->no_cache,
						       .embed = options->embed,
						       .in_place = options->in_place,
						       .release = options->release,
						       .uri = options->uri,
						       .workers = options->workers },
			       err);
}
