/* SPDX-License-Identifier: Apache-2.0 */
/* A command of ephemeralctl: a row of the table in main.c, from which the dispatch and the help come. Commands
 * return their exit status: 0, STATUS_NO, or one of sysexits.h. */
#ifndef EPHEMERALCTL_COMMAND_H
#define EPHEMERALCTL_COMMAND_H

#include "client/client.h"
#include "ephemeralctl/options.h"

#define STATUS_NO 1 /* the answer is no: the key is not there, or is there already, or has changed */

struct context {
    const struct options *options;
    char **args; /* those after the command's name */
    int arg_count;
    struct client *client; /* connected, unless the command does it by itself */
};

struct command {
    const char *name;
    const char *arguments; /* as the help shows them */
    int min, max;          /* number of arguments; max < 0: any */
    unsigned scopes;       /* of options.h */
    int (*run)(struct context *x);
    const char *help;
    unsigned needs;       /* scopes of which an option must be given */
    bool connects_itself; /* context.client is NULL */
    const char *more;     /* of its own help, after the options; NULL: nothing */
};

/* One per family. */
int cmd_get(struct context *x);
int cmd_put(struct context *x);
int cmd_del(struct context *x);
int cmd_user(struct context *x);
int cmd_group(struct context *x);
int cmd_ping(struct context *x);
int cmd_info(struct context *x);
int cmd_keys(struct context *x);
int cmd_buckets(struct context *x);
int cmd_props(struct context *x);
int cmd_types(struct context *x);
int cmd_type_create(struct context *x);
int cmd_type_activate(struct context *x);
int cmd_type_update(struct context *x);
int cmd_type_status(struct context *x);
int cmd_status(struct context *x);
int cmd_members(struct context *x);
int cmd_partitions(struct context *x);
int cmd_transfers(struct context *x);
int cmd_discovery(struct context *x);
int cmd_wait_ready(struct context *x);
int cmd_leave(struct context *x);
int cmd_reform(struct context *x);
int cmd_cert(struct context *x);

static inline struct slice command_type(const struct context *x)
{
    return slice_str(x->options->type);
}

static inline struct slice command_arg(const struct context *x, int i)
{
    return slice_str(x->args[i]);
}

/* Prints why a call of the client failed, and returns the exit status. */
int command_failed(const struct context *x, int err);

#endif
