/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate as people read, print and sign it: schedules A (destroyed), B (kept), C
 * (recipients) and the text to be sworn, with blanks for a person's signature. It says who asserted
 * what, and never that it is true.
 */
#ifndef REPORT_CERTIFICATE_H
#define REPORT_CERTIFICATE_H

#include "attest/certify.h"

struct certificate_report {
	const Weightmark__V1__DeletionCertificate *certificate;
	const char *statement;	     /* its id, as text */
	const char *issuer;
	const char *keyid;
	int64_t issued_at;	     /* seconds */
	const struct order_state *state; /* NULL: of a clean checkpoint */
	const struct account *account;	 /* as state */
};

/* How each page begins. */
#define CERTIFICATE_HTML_BEGINS \
	"<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n" \
	"<head>\n<meta charset=\"utf-8\"/>\n" \
	"<meta http-equiv=\"Content-Security-Policy\" "

/* Appends lines of text; everything that was read is escaped. */
MUST_USE enum wm_code certificate_text(struct buf *out, const struct certificate_report *r,
				       struct wm_error *err);

/* Appends a page of HTML that needs nothing else, and no script; it is well-formed XML too. */
MUST_USE enum wm_code certificate_html(struct buf *out, const struct certificate_report *r,
				       struct wm_error *err);

#endif
