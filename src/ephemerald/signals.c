#include "ephemerald/signals.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Standard error may be a pipe that nobody reads: what would block is not said. */
static void say(const char *text)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, 0) == 1) {
        ssize_t n = write(STDERR_FILENO, text, strlen(text));
        (void)n;
    }
}

/* Only calls that are safe in a handler. The raised signal ends the process when the handler returns, with the status
 * that shells and supervisors know. Process 1 is not ended by it: it exits with the same number. */
static void end_at_once(int signum)
{
    say(signum == SIGTERM ? "ephemerald: SIGTERM: ended before it served\n"
                          : "ephemerald: SIGINT: ended before it served\n");
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
