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
static int list(struct context *x, bool of_keys)
{
    struct json j = json_to(stdout);
    bool as_json = x->options->output == OUTPUT_JSON;
    client_each each = as_json ? print_json : print_line;
    if (as_json)
        json_open(&j, NULL, '[');
    int err = of_keys ? client_list_keys(x->client, command_type(x), command_arg(x, 0), each, &j)
                      : client_list_buckets(x->client, command_type(x), each, &j);
    if (as_json) {
        json_close(&j, ']');
        json_end(&j);
    }
    return err ? command_failed(x, err) : EX_OK;
}

int cmd_keys(struct context *x)
{
    return list(x, true);
}

int cmd_buckets(struct context *x)
{
    return list(x, false);
}
