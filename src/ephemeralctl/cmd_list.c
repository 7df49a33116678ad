/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/command.h"
#include "ephemeralctl/json.h"
#include "ephemeralctl/text.h"

#include <sysexits.h>

struct listing {
    struct json json;
    bool terminal;
};

static bool print_line(void *arg, struct slice name)
{
    const struct listing *l = arg;
    text_name(name, l->terminal, stdout);
    putchar('\n');
    return !ferror(stdout);
}

static bool print_json(void *arg, struct slice name)
{
    struct listing *l = arg;
    json_string(&l->json, NULL, name);
    return !ferror(stdout);
}

/* Names come as the server finds them; nothing is held back, so that a list of any length needs no memory. */
enum list { LIST_KEYS, LIST_BUCKETS, LIST_TYPES };

static int ask(struct context *x, enum list what, client_each each, struct listing *l)
{
    switch (what) {
    case LIST_KEYS:
        return client_list_keys(x->client, command_type(x), command_arg(x, 0), each, l);
    case LIST_BUCKETS:
        return client_list_buckets(x->client, command_type(x), each, l);
    default:
        return client_list_types(x->client, each, l);
    }
}

static int list(struct context *x, enum list what)
{
    struct listing l = {json_to(stdout), text_is_terminal(stdout)};
    bool as_json = x->options->output == OUTPUT_JSON;
    client_each each = as_json ? print_json : print_line;
    if (as_json)
        json_open(&l.json, NULL, '[');
    int err = ask(x, what, each, &l);
    if (as_json) {
        json_close(&l.json, ']');
        json_end(&l.json);
    }
    return err ? command_failed(x, err) : EX_OK;
}

int cmd_keys(struct context *x)
{
    return list(x, LIST_KEYS);
}

int cmd_buckets(struct context *x)
{
    return list(x, LIST_BUCKETS);
}

int cmd_types(struct context *x)
{
    return list(x, LIST_TYPES);
}
