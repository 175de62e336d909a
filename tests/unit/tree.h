/* SPDX-License-Identifier: Apache-2.0 */
<<<<<<< HEAD
/* Checkpoint directories that tests make, each file described by a line of text. */
=======
/* Trees of files for tests of walking, each test in a scratch directory of its own. */
>>>>>>> 09518be (checkpoint: part the tests of walking by file)
#ifndef TREE_H
#define TREE_H

#include "harness.h"

<<<<<<< HEAD
/*
 * What a file holds: "tensors: a b" is safetensors with these tensors of one byte each (see
 * tree_write_tensors), "pointer" a git-lfs pointer, anything else the text itself.
 */
struct tree_file {
	const char *path; /* folders are made as needed; NULL ends a list */
	const char *what;
};

/* Writes one file beneath `folder`. */
void tree_write(const char *folder, const struct tree_file *file);
void tree_write_all(const char *folder, const struct tree_file *files);

/* Safetensors bytes with the tensors of these names, parted by spaces; "a=7" has the byte 7. */
void tree_write_tensors(struct buf *out, const char *names);
=======
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
>>>>>>> 09518be (checkpoint: part the tests of walking by file)

#endif
