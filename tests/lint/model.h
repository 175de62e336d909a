/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clang's analyzer cannot see from one file: fail() and its kin never return
 * WM_OK. Included in front of every file but lib/util/error.c, and only by lint.
 */
#include "util/error.h"

#define fail(...) (fail(__VA_ARGS__), WM_INTERNAL)
#define fail_nomem(err) (fail_nomem(err), WM_NOMEM)
#define fail_context(...) (fail_context(__VA_ARGS__), WM_INTERNAL)
