/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving the terminal as it was found, also when a signal ends the process.
 *
 *	signals_catch(undo);
 *	... the terminal is silent, or shows a passing line ...
 *	signals_release();
 */
#ifndef SIGNALS_H
#define SIGNALS_H

/*
 * From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT call `undo`, which must be safe in a
 * signal handler, before they do what they always do. Those that are ignored (nohup)
 * stay ignored. One at a time.
 */
void signals_catch(void (*undo)(void));

/* Ends that. */
void signals_release(void);

#endif
