#include "base/assert.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_MS  20   /* for the thread that writes the log to write what was logged just before */
#define ROOM_MS 1000 /* for a reader to make room */

/* Standard error may be a pipe that nobody reads: a process that must end must not wait there. */
void assert_fail(const char *expression, const char *file, int line, const char *function)
{
    char text[1024];
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n =
        snprintf(text, sizeof text, "assertion failed: %s at %s:%d in %s(): this is a bug of ours, please report it\n",
                 expression, file, line, function);
    poll(NULL, 0, LOG_MS);
    if (poll(&room, 1, ROOM_MS) == 1) {
        ssize_t written = write(STDERR_FILENO, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
        (void)written;
    }
    abort();
}
