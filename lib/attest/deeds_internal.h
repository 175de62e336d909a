/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that compose events share. All is made in the arena of the composition. */
#ifndef ATTEST_DEEDS_INTERNAL_H
#define ATTEST_DEEDS_INTERNAL_H

#include <stdio.h>

#include "attest/deeds.h"

/*
 * A new event among `events`, with an id made of its order, `d->word` and what it `says`; of
 * `d->kind`, at `d->at` or when an equal one was.
 */
MUST_USE enum wm_code event_new(Weightmark__V1__LifecycleEvent **out, struct gathered_list *events,
				struct composition *c, const struct deed_draft *d,
				const struct buf *says, struct wm_error *err);

/* A reference to an object id or a SHA-256. */
MUST_USE enum wm_code event_reference(Weightmark__V1__Reference **out, struct composition *c,
				      const char *text, struct wm_error *err);

/* The id of a party of this name, which the event has or gets; fails beyond LIMIT_PARTIES. */
MUST_USE enum wm_code event_party(Weightmark__V1__PartyId **out, struct composition *c,
				  Weightmark__V1__LifecycleEvent *e, const char *name,
				  struct wm_error *err);

#endif
