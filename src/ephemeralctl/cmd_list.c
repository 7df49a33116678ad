#include "ephemeralctl/command.h"
#include "ephemeralctl/json.h"

#include <sysexits.h>

static bool print_line(void *arg, struct slice name)
{
    (void)arg;
    fwrite(name.data ? name.data : (const void *)"", 1, name.len, stdout);
    putchar('\n');
    return !ferror(stdout);
}

static bool print_json(void *arg, struct slice name)
{
    json_string(arg, NULL, name);
    return !ferror(stdout);
}

/* Names come as the server finds them; nothing is held back, so that a list of any length needs no memory. */
enum list { LIST_KEYS, LIST_BUCKETS, LIST_TYPES };

static int ask(struct context *x, enum list what, client_each each, struct json *j)
{
    switch (what) {
    case LIST_KEYS:
        return client_list_keys(x->client, command_type(x), command_arg(x, 0), each, j);
    case LIST_BUCKETS:
        return client_list_buckets(x->client, command_type(x), each, j);
    default:
        return client_list_types(x->client, each, j);
    }
}

static int list(struct context *x, enum list what)
{
    struct json j = json_to(stdout);
    bool as_json = x->options->output == OUTPUT_JSON;
    client_each each = as_json ? print_json : print_line;
    if (as_json)
        json_open(&j, NULL, '[');
    int err = ask(x, what, each, &j);
    if (as_json) {
        json_close(&j, ']');
        json_end(&j);
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
