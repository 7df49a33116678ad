#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"

#include <stdio.h>

int command_failed(const struct context *x, int err)
{
    const char *text = client_error(x->client);
    fprintf(stderr, "ephemeralctl: %s\n", *text ? text : err_text(err));
    if (client_alive(x->client) && (err == E_EXISTS || err == E_MODIFIED))
        return STATUS_NO;
    return exit_status(err);
}
