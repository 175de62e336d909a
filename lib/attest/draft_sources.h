/* SPDX-License-Identifier: Apache-2.0 */
/* What config.json and a model card's front matter say that a manifest has a place for. */
#ifndef ATTEST_DRAFT_SOURCES_H
#define ATTEST_DRAFT_SOURCES_H

#include "checkpoint/checkpoint.h"
#include "text/node.h"
#include "util/buf.h"

struct draft_sources {
	char *config_path, *card_path;
	struct buf architecture; /* of config.json; empty where it names none */
	struct tree card;	 /* the front matter; root is a MAP or NULL */
	char config_note[256];	 /* why a file that is there was not used; "" otherwise */
	char card_note[256];
};

/* Reads both files in or beside the checkpoint. Malformed ones are noted, not fatal. */
MUST_USE enum wm_code draft_sources_read(struct draft_sources *out, const struct checkpoint *c,
					 struct wm_error *err);
void draft_sources_release(struct draft_sources *s);
#define cleanup_draft_sources __attribute__((cleanup(draft_sources_release)))

/*
 * The SPDX id for a licence tag as model hubs write it ("apache-2.0"), or NULL where the
 * tag does not name one licence. Static.
 */
const char *spdx_of_tag(const char *tag);

#endif
