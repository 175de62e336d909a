/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our parsers find in a file, in the words of tests/interop/answers.py, so that it
 * can be compared with what other readers find.
 *
 * The verdict is "accepted" or a reason code. TENSORS, sorted and parted by spaces, are
 * NAME|DTYPE|DIMS|OFFSET|BYTES: dims outermost first, the offset in the file or "-" where
 * there are no bytes, or none that stand in the file as they are; bytes of the name outside of printable ASCII, and % | : , as %xx.
 */
#ifndef TESTS_ANSWERS_H
#define TESTS_ANSWERS_H

#include "util/buf.h"

/*
 * Appends the tensors of the file `path` to `tensors`; the verdict is static. Fails only
 * where the file cannot be opened, or without memory.
 */
MUST_USE enum wm_code answer(const char **verdict, struct buf *tensors, const char *path,
			     struct wm_error *err);

/* Whether two TENSORS agree; "?" as the bytes of `theirs` agrees with every number. */
bool answers_agree(const char *ours, const char *theirs);

#endif
