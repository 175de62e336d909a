/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint must not be or hold when it is signed. */
#include "attest/signable.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "attest/carriers.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/relpath.h"

enum { SHARD_DIGITS = 5 };

/* --- one shard of a set -------------------------------------------------------------- */

/* Reads "NNNNN" at `at`; false where other than five digits stand there. */
static bool shard_number(unsigned *out, const char *at)
{
	*out = 0;
	for (int i = 0; i < SHARD_DIGITS; i++) {
		if (!isdigit((unsigned char)at[i]))
			return false;
		*out = *out * 10 + (unsigned)(at[i] - '0');
	}
	return true;
}

/*
 * Whether the name is "X-NNNNN-of-MMMMM.EXT" with more shards than one, or TensorFlow's
 * "X.data-NNNNN-of-MMMMM", which is nothing without its index.
 */
static bool is_shard(const char *name)
{
	static const char data[] = ".data-";
	unsigned number, of;

	for (const char *at = name; (at = strstr(at, "-of-")); at++) {
		const size_t before = (size_t)(at - name);
		const char *end;

		if (before <= SHARD_DIGITS || at[-SHARD_DIGITS - 1] != '-' ||
		    !shard_number(&number, at - SHARD_DIGITS) ||
		    !shard_number(&of, at + strlen("-of-")))
			continue;
		end = at + strlen("-of-") + SHARD_DIGITS;
		if (*end == '.' && of > 1)
			return true;
		if (*end == '\0' && before >= SHARD_DIGITS + strlen(data) &&
		    strncmp(at - SHARD_DIGITS - strlen(data), data, strlen(data)) == 0)
			return true;
	}
	return false;
}

/* --- private keys -------------------------------------------------------------------- */

/* Whether a line of the text begins a PEM private key of whatever kind (RFC 7468). */
static bool holds_private_key(const char *text)
{
	static const char begin[] = "-----BEGIN ", what[] = "PRIVATE KEY";

	for (const char *at = text; (at = strstr(at, begin)); at++) {
		const char *label = at + strlen(begin);
		size_t len = strcspn(label, "-\r\n");

		if ((at == text || at[-1] == '\n') && strncmp(label + len, "-----", 5) == 0 &&
		    memmem(label, len, what, strlen(what)))
			return true;
	}
	return false;
}

static enum wm_code refuse_key_text(const struct checkpoint_file *f, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_KEY_FILE);
	uint64_t size = f->layout.size;

	if (f->layout.format != &format_raw || size == 0 || size >= LIMIT_KEY_FILE)
		return WM_OK;
	TRY(buf_reserve(&text, (size_t)size, err));
	TRY(file_read_at(f->fd, text.data, (size_t)size, 0, f->place, err));
	text.len = (size_t)size;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\0')
			text.data[i] = ' ';
	text.data[text.len] = '\0';
	if (holds_private_key(buf_str(&text)))
		return fail(err, REASON_KEY_IN_CHECKPOINT, "%s: is a private key", f->place);
	return WM_OK;
}

/* Whether `path` ends beneath the directory `root`, also where that passes it over. */
static bool is_beneath(const char *path, const char *root)
{
	cleanup_free char *file = realpath(path, NULL), *directory = realpath(root, NULL);
	size_t len = directory ? strlen(directory) : 0;

	if (!file || !directory)
		return false;
	return strncmp(file, directory, len) == 0 && (file[len] == '/' || len == 1);
}

static enum wm_code refuse_own_key(const struct checkpoint *c, const char *key_file,
				   struct wm_error *err)
{
	struct stat st;

	if (!key_file || stat(key_file, &st) < 0)
		return WM_OK;
	for (size_t i = 0; i < c->n_files; i++)
		if (file_is_same(&c->files[i].opened, &st))
			return fail(err, REASON_KEY_IN_CHECKPOINT, "%s: is the key that signs",
				    c->files[i].place);
	if (c->is_directory && is_beneath(key_file, c->path))
		return fail(err, REASON_KEY_IN_CHECKPOINT, "%s: the key that signs lies in %s",
			    key_file, c->path);
	return WM_OK;
}

/* --- all of it ----------------------------------------------------------------------- */

static enum wm_code check_file(const struct checkpoint_file *f, bool pointers,
			       struct wm_error *err)
{
	if (!relpath_valid(f->path))
		return fail(err, REASON_FILE_NAME, "%s: its name cannot be signed", f->place);
	if (f->is_pointer)
		return pointers ? WM_OK :
				  fail(err, REASON_POINTER_ONLY,
				       "%s: is a git-lfs pointer to a file of %llu bytes", f->place,
				       (unsigned long long)f->pointer.size);
	return refuse_key_text(f, err);
}

enum wm_code signable_open(struct checkpoint **out, const char *path,
			   const struct signable_options *options, struct wm_error *err)
{
	const struct checkpoint_open_options opening = { options->links_within };
	cleanup_checkpoint struct checkpoint *c = NULL;

	TRY(carrier_refuse_sidecar(path, err));
	TRY(checkpoint_open(&c, path, &opening, err));
	if (!c->is_directory && is_shard(c->files[0].path))
		return fail(err, REASON_SHARD_ALONE, "%s: is one shard of a set", path);
	TRY(refuse_own_key(c, options->key_file, err));
	for (size_t i = 0; i < c->n_files; i++)
		TRY(check_file(&c->files[i], options->pointers, err));
	*out = take_ptr(&c);
	return WM_OK;
}

bool has_pointers(const struct checkpoint *c)
{
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].is_pointer)
			return true;
	return false;
}
