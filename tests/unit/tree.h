/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint directories that tests make, each file described by a line of text. */
#ifndef TREE_H
#define TREE_H

#include "harness.h"

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

#endif
