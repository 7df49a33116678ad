/* SPDX-License-Identifier: Apache-2.0 */
/* What signals do to the daemon, from the first line of main() on.
 *
 *   SIGTERM, SIGINT   before the event loop watches them: the process ends at once, also as process 1 of a container,
 *                     where the kernel drops a signal that nobody handles. Later: the loop's.
 *   SIGHUP            waits until the loop watches it.
 *   SIGPIPE, SIGUSR1, SIGUSR2, timers, realtime signals and the like: ignored. Nobody sends them to a node on purpose,
 *                     and by default each of them would end it, or stop it where it writes to a terminal.
 *   SIGQUIT, SIGTSTP and those of faults keep their default. */
#ifndef EPHEMERALD_SIGNALS_H
#define EPHEMERALD_SIGNALS_H

/* Before any thread is started. */
void signals_prepare(void);

/* The event loop watches SIGTERM, SIGINT and SIGHUP now: one SIGHUP that has waited reaches it. */
void signals_release(void);

/* The event loop watches them no longer: the process is about to end as it was told to, within a second or so, and with
 * the status of that. */
void signals_finish(void);

#endif
