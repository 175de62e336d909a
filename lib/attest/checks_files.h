/* SPDX-License-Identifier: Apache-2.0 */
/* The checks that compare the files at hand with those that were signed. */
#ifndef ATTEST_CHECKS_FILES_H
#define ATTEST_CHECKS_FILES_H

#include "attest/verify.h"

/* Nothing to load is there that the record does not list as such. */
MUST_USE enum wm_code code_allowed(const struct verification *v, struct wm_error *err);
enum wm_code files_listed(const struct verification *v, struct wm_error *err);

/*
 * What is listed to load is there, but for whole parts and folders that are absent, or where
 * a part was named: only that one has to be.
 */
MUST_USE enum wm_code files_present(const struct verification *v, struct wm_error *err);

/*
 * One part is whole, or the one that was named. Unless the user named it, no part is there by
 * halves either: what is absent is absent with all its files, but for those of whole parts.
 */
MUST_USE enum wm_code parts_whole(const struct verification *v, struct wm_error *err);

MUST_USE enum wm_code grammars_equal(const struct verification *v, struct wm_error *err);

/*
 * git-lfs pointers name the bytes that were signed, or that a carried release of the head
 * distributes. What git-lfs extensions made is neither.
 */
MUST_USE enum wm_code pointers_agree(const struct verification *v, struct wm_error *err);

MUST_USE enum wm_code file_digests_equal(const struct verification *v, struct wm_error *err);
MUST_USE enum wm_code weights_equal(const struct verification *v, struct wm_error *err);
MUST_USE enum wm_code sha256_equal(const struct verification *v, struct wm_error *err);

/* Asks for review where git-lfs pointers stand for what was to be judged. */
MUST_USE enum wm_code bytes_fetched(const struct verification *v, struct wm_error *err);

/* Asks for review where one file of a set was judged alone. */
MUST_USE enum wm_code set_judged(const struct verification *v, struct wm_error *err);

/* Whether the file `i` at hand is one to load, by its name or by what was signed. */
bool is_loaded(const struct verification *v, size_t i);

/* Whether the file `i`, a git-lfs pointer, stands for the bytes that were signed. */
bool pointer_agrees(const struct verification *v, size_t i);

/* Whether the bytes of the file `i` at hand were measured, and are those that were signed. */
bool file_is_signed(const struct verification *v, size_t i);

/* What comes after a failed check must not be judged; nor crash, should one be missing. */
enum wm_code nothing_to_judge(struct wm_error *err);

bool digest_is(const Weightmark__V1__Digest *d, const uint8_t digest[SHA256_BYTES]);

/* Whether the record's file is one to load. */
bool is_load(const Weightmark__V1__File *f);

#endif
