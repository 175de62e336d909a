/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the signals that end a process. */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

enum { N_CAUGHT = sizeof(caught) / sizeof(caught[0]) };

static struct sigaction old[N_CAUGHT];
static void (*undo_now)(void);

static void interrupted(int number)
{
	undo_now();
	/* SA_RESETHAND took this handler away: now the signal does what it always does. */
	raise(number);
}

void signals_catch(void (*undo)(void))
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND };

	undo_now = undo;
	for (size_t i = 0; i < N_CAUGHT; i++) {
		sigaction(caught[i], NULL, &old[i]);
		if (old[i].sa_handler == SIG_DFL)
			sigaction(caught[i], &action, NULL);
	}
}

void signals_release(void)
{
	for (size_t i = 0; i < N_CAUGHT; i++)
		sigaction(caught[i], &old[i], NULL);
}
