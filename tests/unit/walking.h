/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of files for tests of walking, each test in a scratch directory of its own. */
#ifndef WALKING_H
#define WALKING_H

#include "harness.h"

#include "checkpoint/walk.h"

int tree_setup(void **state);
int tree_teardown(void **state);
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

/* `path` beneath the scratch directory. Static, of four calls. */
const char *at(const char *path);

/* New things at `path` beneath the scratch directory, and the directories they need. */
void put(const char *path, const char *content);
void put_directory(const char *path);
void put_link(const char *path, const char *target);

/* The walk of `root` as one line a file: path, D or L for its role, ">" if linked, content. */
void walk_lines(struct buf *out, const char *root, const char *within);

/* The walk of `root` gives just these lines. */
void finds(const char *root, const char *within, const char *lines);

/* The walk is refused for `reason`, with `says` in its message, and leaves its output alone. */
void refuses(const char *root, const char *within, enum reason reason, const char *says);

#endif
