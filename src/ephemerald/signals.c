/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/signals.h"

#include "base/stdio_fds.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* Only calls that are safe in a handler. The raised signal ends the process when the handler returns, with the status
 * that shells and supervisors know. Process 1 is not ended by it: it exits with the same number. */
static void end_at_once(int signum)
{
    stdio_fds_say(signum == SIGTERM ? "ephemerald: SIGTERM: ended before it served\n"
                                    : "ephemerald: SIGINT: ended before it served\n",
                  0);
    if (getpid() == 1)
        _exit(128 + signum);
    signal(signum, SIG_DFL);
    raise(signum);
}

void signals_prepare(void)
{
    static const int ignored[] = {SIGPIPE,   SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                                  SIGSTKFLT, SIGIO,   SIGPWR,  SIGXFSZ, SIGTTIN,   SIGTTOU};
    sigset_t later;
    signal(SIGTERM, end_at_once);
    signal(SIGINT, end_at_once);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
        signal(i, SIG_IGN);
    sigemptyset(&later);
    sigaddset(&later, SIGHUP);
    sigprocmask(SIG_BLOCK, &later, NULL);
}

void signals_release(void)
{
    sigset_t waiting;
    sigemptyset(&waiting);
    sigaddset(&waiting, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &waiting, NULL);
}

void signals_finish(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}
