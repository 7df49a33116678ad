/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/text.h"

#include <sysexits.h>

int command_failed(const struct context *x, int err)
{
    const char *text = client_error(x->client);
    if (ferror(stdout)) /* what it is about: main() says so */
        return EX_IOERR;
    text_error("%s", *text ? text : err_text(err));
    if (client_alive(x->client) && (err == E_EXISTS || err == E_MODIFIED))
        return STATUS_NO;
    return exit_status(err);
}
