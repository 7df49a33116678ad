/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/input.h"

#include "client/conn.h"
#include "ephemeralctl/text.h"

#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

#define STEP 65536 /* a pipe's usual size */

static int complain(int status, const char *why)
{
    text_error("standard input: %s", why);
    return status;
}

int input_read(struct buf *out)
{
    buf_init(out, CLIENT_FRAME_MAX);
    for (;;) {
        uint8_t *room;
        int err = buf_reserve(out, STEP, &room);
        if (err)
            return complain(err == E_NOMEM ? EX_OSERR : EX_DATAERR, err_text(err));
        ssize_t n = read(STDIN_FILENO, room, STEP);
        if (n == 0)
            return 0;
        if (n > 0)
            buf_commit(out, (size_t)n);
        else if (errno != EINTR)
            return complain(EX_IOERR, strerror(errno));
    }
}
