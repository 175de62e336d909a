/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what our parsers find in the files whose paths come on standard input, one line
 * a file: FILE, weightmark, verdict, TENSORS, tab separated (tests/unit/answers.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/answers.h"
#include "util/cleanup.h"
#include "util/error.h"

int main(void)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		cleanup_buf struct buf tensors = BUF_INIT(1 << 26);
		struct wm_error err = { 0 };
		const char *verdict;

		line[strcspn(line, "\n")] = '\0';
		if (answer(&verdict, &tensors, line, &err) != WM_OK) {
			fprintf(stderr, "answers: %s\n", err.message);
			return 3;
		}
		printf("%s\tweightmark\t%s\t%s\n", line, verdict, buf_str(&tensors));
	}
	return fflush(stdout) == 0 ? 0 : 3;
}
