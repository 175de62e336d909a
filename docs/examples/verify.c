/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that loads a checkpoint only after libweightmark accepted it.
 *
 *	example-verify KEY.pub MODEL.safetensors
 *
 * It prints the checks, and either reads from the very file that was measured or says
 * why not and what to do. The exit status is that of `weightmark verify`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <weightmark.h>

/* Names in messages come from the input: nothing of them may steer a terminal. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text >= 0x20 && *text < 0x7f ? *text : '?', out);
	fputc('\n', out);
}

/* Says what could not be told; returns the exit status for it. */
static int explain(const struct wm_error *err)
{
	const char *remedy = wm_remedy(err->reason);

	fprintf(stderr, "%s: ", err->reason);
	print_escaped(stderr, err->message);
	if (remedy)
		fprintf(stderr, "fix: %s\n", remedy);
	return wm_exit_status(err->code);
}

static void print_checks(const struct wm_verdict *verdict)
{
	for (size_t i = 0; i < wm_verdict_n_checks(verdict); i++) {
		struct wm_check check = wm_verdict_check(verdict, i);

		printf("%-8s %-20s %s\n", check.outcome, check.name, check.what);
	}
}

/*
 * Stands for your loader. It reads from the descriptor that was measured; to open the
 * path again would be to read a file that nobody has checked.
 */
static int load(int fd)
{
	uint8_t len[8];
	uint64_t header = 0;
	ssize_t n = pread(fd, len, sizeof(len), 0);

	close(fd);
	if (n != (ssize_t)sizeof(len)) {
		fprintf(stderr, "cannot read the header\n");
		return 3;
	}
	for (size_t i = sizeof(len); i > 0; i--)
		header = header << 8 | len[i - 1];
	printf("loading: the header has %" PRIu64 " bytes\n", header);
	return 0;
}

/* Says what was decided and, if it is accept, loads. */
static int act_on(struct wm_verdict *verdict)
{
	const char *reason = wm_verdict_reason(verdict);
	int fd;

	print_checks(verdict);
	if (wm_verdict_decision(verdict) != WM_ACCEPT) {
		fprintf(stderr, "not loading: %s: ", reason);
		print_escaped(stderr, wm_verdict_message(verdict));
		fprintf(stderr, "fix: %s\n", wm_remedy(reason));
		return wm_verdict_exit_status(verdict);
	}
	fd = wm_verdict_take_fd(verdict, 0);
	return fd < 0 ? 3 : load(fd);
}

int main(int argc, char **argv)
{
	struct wm_verify_options options = WM_VERIFY_OPTIONS_INIT;
	struct wm_verdict *verdict = NULL;
	struct wm_keys *keys = NULL;
	struct wm_error err;
	int status;

	if (argc != 3) {
		fprintf(stderr, "usage: %s KEY.pub MODEL.safetensors\n", argv[0]);
		return 2;
	}
	if (wm_keys_new(&keys, &err) != WM_OK || wm_keys_add_file(keys, argv[1], &err) != WM_OK) {
		wm_keys_free(keys);
		return explain(&err);
	}
	options.keys = keys;
	status = wm_verify(&verdict, argv[2], &options, &err) == WM_OK ? act_on(verdict) :
									 explain(&err);
	wm_verdict_free(verdict);
	wm_keys_free(keys);
	return status;
}
