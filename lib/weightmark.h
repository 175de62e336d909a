/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weightmark: signed provenance for model checkpoints.
 *
 * The one public header of libweightmark. A function that can fail returns an
 * enum wm_code (WM_OK is 0) and fills the struct wm_error that the caller
 * provides (NULL: not wanted); its outputs are untouched on failure. The library
 * never prints, never exits and keeps no state between calls. An out-parameter
 * `T **` is owned by the caller and freed with the function named beside it; a
 * returned pointer is borrowed from the object it was asked of.
 */
#ifndef WEIGHTMARK_H
#define WEIGHTMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WM_API __attribute__((visibility("default")))

#define WM_VERSION "0.1.0"

/* What class of thing went wrong. */
enum wm_code {
	WM_OK = 0,
	WM_IO,	      /* the operating system said no: could not tell */
	WM_FORMAT,    /* malformed checkpoint, sidecar or statement: refused */
	WM_LIMIT,     /* larger or deeper than a named limit: refused */
	WM_MISMATCH,  /* bytes differ from what was signed: refused */
	WM_SIGNATURE, /* no valid signature by a trusted key: refused */
	WM_POLICY,    /* a check or a rule says no: refused */
	WM_NOTFOUND,  /* something required is absent: refused */
	WM_INVALID,   /* the caller's own input (options, keys, YAML) is wrong */
	WM_NOMEM,     /* out of memory: could not tell */
	WM_INTERNAL,  /* a bug of weightmark: could not tell */
};

/* What happened, filled by the function that detected it. */
struct wm_error {
	enum wm_code code;
	int saved_errno;     /* errno where code is WM_IO, else 0 */
	const char *reason;  /* reason code, "signature-invalid"; static */
	char message[256];   /* one sentence; may hold bytes of the input: escape before showing */
};

/* The version of the library, as "1.2.3". */
WM_API const char *wm_version(void);

#ifdef __cplusplus
}
#endif

#endif
