/* SPDX-License-Identifier: Apache-2.0 */
/* What our parsers find in a file, as other readers say it. */
#include "answers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "format/format.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { TOKEN_MAX = 1 << 20 };

struct tokens {
	char **texts;
	size_t n;
};

static void tokens_release(struct tokens *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->texts[i]);
	free(t->texts);
}

static enum wm_code append_name(struct buf *out, const struct tensor *t, struct wm_error *err)
{
	for (size_t i = 0; i < t->name_len; i++) {
		const unsigned char c = (unsigned char)t->name[i];
		const bool plain = c > 0x20 && c < 0x7f && !strchr("%|:,", c);

		TRY(buf_printf(out, err, plain ? "%c" : "%%%02x", c));
	}
	return WM_OK;
}

static enum wm_code append_token(struct buf *out, const struct layout *l, const struct tensor *t,
				 struct wm_error *err)
{
	TRY(append_name(out, t, err));
	TRY(buf_printf(out, err, "|%s|", dtype_info(t->dtype)->name));
	for (unsigned i = 0; i < t->rank; i++)
		TRY(buf_printf(out, err, "%s%" PRIu64, i ? "," : "", t->dims[i]));
	if (t->segment == SIZE_MAX) /* empty, or gathered */
		return buf_printf(out, err, "|-|%" PRIu64, t->len);
	return buf_printf(out, err, "|%" PRIu64 "|%" PRIu64,
			  layout_file_off(l, l->segments[t->segment].off), t->len);
}

static enum wm_code make_tokens(struct tokens *out, const struct layout *l, struct wm_error *err)
{
	out->texts = calloc(l->n_tensors ? l->n_tensors : 1, sizeof(*out->texts));
	if (!out->texts)
		return fail_nomem(err);
	for (size_t i = 0; i < l->n_tensors; i++) {
		cleanup_buf struct buf token = BUF_INIT(TOKEN_MAX);

		TRY(append_token(&token, l, &l->tensors[i], err));
		out->texts[i] = strdup(buf_str(&token));
		if (!out->texts[i])
			return fail_nomem(err);
		out->n++;
	}
	return WM_OK;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum wm_code append_tensors(struct buf *out, const struct layout *l, struct wm_error *err)
{
	__attribute__((cleanup(tokens_release))) struct tokens tokens = { NULL, 0 };

	TRY(make_tokens(&tokens, l, err));
	TRY(buf_append_str(out, "", err));
	qsort(tokens.texts, tokens.n, sizeof(*tokens.texts), compare);
	for (size_t i = 0; i < tokens.n; i++)
		TRY(buf_printf(out, err, "%s%s", i ? " " : "", tokens.texts[i]));
	return WM_OK;
}

enum wm_code answer(const char **verdict, struct buf *tensors, const char *path,
		    struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct wm_error refusal = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	if (format_parse(&l, fd, (uint64_t)st.st_size, path, &refusal) != WM_OK) {
		*verdict = refusal.reason;
		return WM_OK;
	}
	TRY(append_tensors(tensors, &l, err));
	*verdict = "accepted";
	return WM_OK;
}

bool answers_agree(const char *ours, const char *theirs)
{
	while (*ours && *theirs) {
		if (*theirs == '?') {
			ours += strcspn(ours, " ");
			theirs++;
		} else if (*ours++ != *theirs++) {
			return false;
		}
	}
	return *ours == *theirs;
}
