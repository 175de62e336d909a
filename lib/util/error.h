/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a function fails.
 *
 * Whoever detects an error calls fail() once, with the reason code and what
 * happened this time; everyone above returns the code with TRY. A caller that
 * knows more may prefix context once with fail_context(). Messages may hold
 * bytes of the input: whoever prints them escapes them (util/escape.h). A caller
 * that wants the code alone passes NULL for `err`.
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include "weightmark.h"

#define MUST_USE __attribute__((warn_unused_result))

/* The reason codes, one a row of reason.def. */
enum reason {
	REASON_NONE,
#define REASON(id, text, class, sentence, remedy) REASON_##id,
#include "util/reason.def"
#undef REASON
	N_REASONS
};

/* One row of reason.def. */
struct reason_info {
	const char *id;	      /* "signature-invalid" */
	enum wm_code code;    /* its class */
	const char *sentence; /* what it means */
	const char *remedy;   /* what to do about it */
};

/* The row of `reason`, which must be below N_REASONS. Static. */
const struct reason_info *reason_info(enum reason reason);

/* The reason with the textual id `id`; REASON_NONE where there is none. */
enum reason reason_find(const char *id);

/*
 * The exit status that a reason of class `code` stands for (docs/design.md, "Checks and
 * verdict"): 0 done, 1 refused, 2 usage, 3 could not tell.
 */
int exit_status(enum wm_code code);

/* Whether a failure of class `code` answers nothing: I/O, memory, a bug of ours. */
static inline bool error_is_untold(enum wm_code code)
{
	return exit_status(code) == 3;
}

/*
 * Fills `err` with `reason`, the present errno where the reason's
 * class is IO, and the formatted message, cut at LIMIT_MESSAGE bytes.
 * Returns the reason's class, never WM_OK.
 */
enum wm_code fail(struct wm_error *err, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* Hands on what a step before said: fills `err` with `from`, returns its code. */
enum wm_code fail_again(struct wm_error *err, const struct wm_error *from);

/* fail() with REASON_NO_MEMORY. */
enum wm_code fail_nomem(struct wm_error *err) __attribute__((cold));

/* Puts "CONTEXT: " before the message of `err`, which a call that returned `code` filled. */
enum wm_code fail_context(enum wm_code code, struct wm_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* The reason enumerator of a filled `err`. */
enum reason error_reason(const struct wm_error *err);

/* Returns from the calling function with the code of `call` unless it is WM_OK. */
#define TRY(call)                                 \
	do {                                      \
		enum wm_code try_code_ = (call);  \
		if (try_code_ != WM_OK)           \
			return try_code_;         \
	} while (0)

#endif
