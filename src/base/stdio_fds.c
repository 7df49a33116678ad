#include "base/stdio_fds.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
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
