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

/* The version of the library, as "1.2.3". Static. */
WM_API const char *wm_version(void);

/* The exit status that a command should end with for `code`: 0, 1, 2 or 3. */
WM_API int wm_exit_status(enum wm_code code);

/* What to do about reason code `reason`; NULL for NULL and for an unknown one. Static. */
WM_API const char *wm_remedy(const char *reason);

/* --- keys that a verifier pins --------------------------------------------------------- */

/* A set of public keys, trusted because the caller named them. */
struct wm_keys;
WM_API enum wm_code wm_keys_new(struct wm_keys **out, struct wm_error *err);
WM_API void wm_keys_free(struct wm_keys *keys);

/* Adds a PEM "PUBLIC KEY" (RFC 7468): ECDSA P-256 or Ed25519, canonically encoded. */
WM_API enum wm_code wm_keys_add_pem(struct wm_keys *keys, const void *pem, size_t len,
				    struct wm_error *err);
WM_API enum wm_code wm_keys_add_file(struct wm_keys *keys, const char *path,
				     struct wm_error *err);

/*
 * Pins a log: adds the verifier key in the file `path` (C2SP signed-note; the line that
 * 'weightmark init' prints). Proofs of inclusion count where the key of their log is there.
 */
WM_API enum wm_code wm_keys_add_log_file(struct wm_keys *keys, const char *path,
					 struct wm_error *err);

/* --- verifying ------------------------------------------------------------------------- */

enum wm_decision { WM_REFUSE, WM_REVIEW, WM_ACCEPT };

/* Initialise with WM_VERIFY_OPTIONS_INIT; `keys` must be set. */
struct wm_verify_options {
	size_t size;		    /* sizeof(struct wm_verify_options) */
	const struct wm_keys *keys; /* at least one */
	const char *sidecar;	    /* its path; NULL: beside the checkpoint */
	const char *part;	    /* the part that must be whole; NULL: any one */
	const char *links_within;   /* links that end beneath it are followed too, or NULL */
	bool part_only;		    /* judge one file of a set alone: at best review */
	bool full;		    /* recompute the plain SHA-256 too */
	unsigned workers;	    /* threads; 0: one a processor */
	const char *log_state;	    /* folder where tree heads of pinned logs are remembered, made
				       as needed; NULL: none are, and no later fork is found out */
};
#define WM_VERIFY_OPTIONS_INIT \
	{ sizeof(struct wm_verify_options), NULL, NULL, NULL, NULL, false, false, 0, NULL }

struct wm_verdict;

/*
 * Verifies the checkpoint `path`, a file or a directory, offline. WM_OK means that there is
 * a verdict, not that it is accept; an error, that nothing could be told (wm_exit_status():
 * 2 or 3).
 */
WM_API enum wm_code wm_verify(struct wm_verdict **out, const char *path,
			      const struct wm_verify_options *options, struct wm_error *err);
WM_API void wm_verdict_free(struct wm_verdict *v);

WM_API enum wm_decision wm_verdict_decision(const struct wm_verdict *v);

/* 0 accept, 1 refuse, 4 review; 3 where a check itself could not be carried out. */
WM_API int wm_verdict_exit_status(const struct wm_verdict *v);

/* Reason code and message of the check that decided; NULL where the verdict is accept. */
WM_API const char *wm_verdict_reason(const struct wm_verdict *v);
WM_API const char *wm_verdict_message(const struct wm_verdict *v);

/* One row of the verdict. Borrowed from it. */
struct wm_check {
	const char *name;    /* "file-digests-equal" */
	const char *what;    /* the sentence that holds where it passed */
	const char *outcome; /* "passed", "failed", "review", "not-run" */
};
WM_API size_t wm_verdict_n_checks(const struct wm_verdict *v);
/* The row `i` < wm_verdict_n_checks(v). */
WM_API struct wm_check wm_verdict_check(const struct wm_verdict *v, size_t i);

/*
 * The files that were looked at, and their paths within the checkpoint (of a lone file its
 * name). Borrowed from `v`.
 */
WM_API size_t wm_verdict_n_files(const struct wm_verdict *v);
/* The file `i` < wm_verdict_n_files(v). */
WM_API const char *wm_verdict_file(const struct wm_verdict *v, size_t i);

/*
 * The descriptor of file `i` that was measured, to load it from instead of opening the path
 * again; -1 unless the verdict is accept and the file's bytes are those that were signed. It
 * moves to the caller. Its file offset is 0. A directory has one open descriptor a file.
 *
 * The read lease under which it was measured, where the system granted one, stays on it
 * until it is closed, so that a program that opens the file for writing meanwhile waits
 * (/proc/sys/fs/lease-break-time). fcntl(fd, F_SETLEASE, F_UNLCK) gives the lease back.
 */
WM_API int wm_verdict_take_fd(struct wm_verdict *v, size_t i);

/* The whole verdict as one JSON object; free() it. */
WM_API enum wm_code wm_verdict_json(char **out, const struct wm_verdict *v, struct wm_error *err);

/* --- signing --------------------------------------------------------------------------- */

/*
 * Initialise with WM_SIGN_OPTIONS_INIT. The key must be set, and the manifest where nothing
 * was signed before.
 */
struct wm_sign_options {
	size_t size;		  /* sizeof(struct wm_sign_options) */
	const char *manifest;	  /* YAML: manifest, datasets, runs; NULL: as was signed */
	size_t manifest_len;	  /* bytes */
	const char *key;	  /* path of a private key in PKCS #8 PEM, not encrypted */
	const char *issuer;	  /* who answers; NULL: who did before, else "key:<keyid>" */
	const char *sidecar;	  /* where to write; NULL: beside the checkpoint, or in it */
	unsigned workers;	  /* threads; 0: one a processor */
	const char *links_within; /* links that end beneath it are followed too; or NULL */
	bool amend;		  /* correct what was signed before */
	const char *reason;	  /* why; or NULL */
	bool no_cache;		  /* read every file, and keep nothing of what was measured */
	bool embed;		  /* put the statements into the files too; makes a release */
	bool in_place;		  /* change the files where they lie */
	bool release;		  /* make a release of the files as they are */
	const char *uri;	  /* where the release is to be found; or NULL */
};
#define WM_SIGN_OPTIONS_INIT                                                                  \
	{                                                                                     \
		sizeof(struct wm_sign_options), NULL, 0, NULL, NULL, NULL, 0, NULL, false, NULL, \
			false, false, false, false, NULL                                      \
	}

/* Measures and signs the checkpoint `path`, a file or a directory, and writes its sidecar. */
WM_API enum wm_code wm_sign(const char *path, const struct wm_sign_options *options,
			    struct wm_error *err);

#ifdef __cplusplus
}
#endif

#endif
