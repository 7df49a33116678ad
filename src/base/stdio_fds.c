/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stdio_fds.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

int stdio_fds_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* The lowest number that is free is this one. */
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return E_IO;
    }
    return 0;
}

void stdio_fds_say(const char *text, int wait_ms)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, wait_ms) == 1) {
        ssize_t written = write(STDERR_FILENO, text, strlen(text));
        (void)written; /* there is nowhere else to say it */
    }
}
