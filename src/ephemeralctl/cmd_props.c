/* SPDX-License-Identifier: Apache-2.0 */
#include "client/props.h"
#include "ephemeralctl/command.h"
#include "ephemeralctl/json.h"
#include "ephemeralctl/text.h"

#include <sysexits.h>

#define NAME_SIZE 64

static void print_function(const struct mod_fun *f)
{
    text_name(f->module, true, stdout);
    putchar(':');
    text_name(f->function, true, stdout);
}

static void print_hooks(const struct commit_hooks *hooks)
{
    for (size_t i = 0; i < hooks->count; i++) {
        const struct commit_hook *h = &hooks->hook[i];
        fputs(i ? ", " : "", stdout);
        if (h->has_modfun)
            print_function(&h->modfun);
        else
            text_name(h->name, true, stdout);
    }
    fputs(hooks->count ? "" : "none", stdout);
}

static void print_number(const struct client_prop *p, uint32_t n)
{
    const char *quorum = p->kind == CLIENT_PROP_QUORUM ? client_quorum_name(n) : NULL;
    if (quorum)
        fputs(quorum, stdout);
    else
        printf("%u", n);
}

static void print_text(const struct client_prop *p, const void *field)
{
    const struct slice *text = field;
    printf("%-16s ", p->name);
    switch (p->kind) {
    case CLIENT_PROP_NUMBER:
    case CLIENT_PROP_QUORUM:
        print_number(p, *(const uint32_t *)field);
        break;
    case CLIENT_PROP_BOOL:
        fputs(*(const bool *)field ? "true" : "false", stdout);
        break;
    case CLIENT_PROP_TEXT:
        text_name(*text, true, stdout);
        break;
    case CLIENT_PROP_FUNCTION:
        print_function(field);
        break;
    case CLIENT_PROP_HOOKS:
        print_hooks(field);
        break;
    }
    putchar('\n');
}

static void json_function(struct json *j, const char *name, const struct mod_fun *f)
{
    json_open(j, name, '{');
    json_string(j, "module", f->module);
    json_string(j, "function", f->function);
    json_close(j, '}');
}

static void json_hooks(struct json *j, const char *name, const struct commit_hooks *hooks)
{
    json_open(j, name, '[');
    for (size_t i = 0; i < hooks->count; i++) {
        if (hooks->hook[i].has_modfun)
            json_function(j, NULL, &hooks->hook[i].modfun);
        else
            json_string(j, NULL, hooks->hook[i].name);
    }
    json_close(j, ']');
}

static void print_json(struct json *j, const struct client_prop *p, const void *field)
{
    const char *quorum = p->kind == CLIENT_PROP_QUORUM ? client_quorum_name(*(const uint32_t *)field) : NULL;
    switch (p->kind) {
    case CLIENT_PROP_NUMBER:
    case CLIENT_PROP_QUORUM:
        if (quorum)
            json_string(j, p->name, slice_str(quorum));
        else
            json_number(j, p->name, *(const uint32_t *)field);
        break;
    case CLIENT_PROP_BOOL:
        json_bool(j, p->name, *(const bool *)field);
        break;
    case CLIENT_PROP_TEXT:
        json_string(j, p->name, *(const struct slice *)field);
        break;
    case CLIENT_PROP_FUNCTION:
        json_function(j, p->name, field);
        break;
    case CLIENT_PROP_HOOKS:
        json_hooks(j, p->name, field);
        break;
    }
}

static void print_all(const struct bucket_props *props, enum output output)
{
    struct json j = json_to(stdout);
    const struct client_prop *p;
    if (output == OUTPUT_JSON)
        json_open(&j, NULL, '{');
    for (size_t i = 0; (p = client_prop_at(i)); i++) {
        const void *field = (const char *)props + p->offset;
        if (!props_has(props, p->id))
            continue;
        if (output == OUTPUT_JSON)
            print_json(&j, p, field);
        else
            print_text(p, field);
    }
    if (output == OUTPUT_JSON) {
        json_close(&j, '}');
        json_end(&j);
    }
}

static int show(struct context *x)
{
    struct bucket_props props;
    int err = client_get_props(x->client, command_type(x), command_arg(x, 0), &props);
    if (err)
        return command_failed(x, err);
    print_all(&props, x->options->output);
    return EX_OK;
}

static int parse_setting(struct bucket_props *props, const char *setting)
{
    char name[NAME_SIZE];
    const char *equals = strchr(setting, '=');
    size_t n = equals ? (size_t)(equals - setting) : 0;
    if (n == 0 || n >= sizeof name) {
        options_complain("a property is set as NAME=VALUE, not '%s'", setting);
        return EX_USAGE;
    }
    memcpy(name, setting, n);
    name[n] = '\0';
    int err = client_prop_parse(props, name, equals + 1);
    if (err == E_NOT_FOUND)
        options_complain("there is no property '%s'", name);
    else if (err == E_UNSUPPORTED)
        options_complain("the property '%s' cannot be set here", name);
    else if (err)
        options_complain("'%s' is not a value for the property '%s'", equals + 1, name);
    return err ? EX_USAGE : 0;
}

/* NAME=VALUE after the first argument. */
static int parse_settings(struct context *x, struct bucket_props *props)
{
    int status = 0;
    *props = (struct bucket_props){0};
    for (int i = 1; !status && i < x->arg_count; i++)
        status = parse_setting(props, x->args[i]);
    return status;
}

static int change(struct context *x)
{
    struct bucket_props props;
    int status = parse_settings(x, &props);
    if (status)
        return status;
    int err = x->options->reset ? client_reset_props(x->client, command_type(x), command_arg(x, 0)) : 0;
    if (!err && props.set)
        err = client_set_props(x->client, command_type(x), command_arg(x, 0), &props);
    return err ? command_failed(x, err) : 0;
}

int cmd_props(struct context *x)
{
    int status = change(x);
    return status ? status : show(x);
}

/* --- bucket types --- */

int cmd_type_status(struct context *x)
{
    struct bucket_props props;
    int err = client_get_type(x->client, command_arg(x, 0), &props);
    if (err)
        return command_failed(x, err);
    print_all(&props, x->options->output);
    return EX_OK;
}

int cmd_type_create(struct context *x)
{
    struct bucket_props props;
    int status = parse_settings(x, &props);
    if (status)
        return status;
    int err = client_create_type(x->client, command_arg(x, 0), &props);
    return err ? command_failed(x, err) : cmd_type_status(x);
}

int cmd_type_update(struct context *x)
{
    struct bucket_props props;
    int status = parse_settings(x, &props);
    if (status)
        return status;
    int err = client_set_type(x->client, command_arg(x, 0), &props);
    return err ? command_failed(x, err) : cmd_type_status(x);
}

/* A type is active as soon as it is created: every node knows it by then. */
int cmd_type_activate(struct context *x)
{
    struct bucket_props props;
    int err = client_get_type(x->client, command_arg(x, 0), &props);
    if (err)
        return command_failed(x, err);
    text_name(command_arg(x, 0), true, stdout);
    puts(" is active");
    return EX_OK;
}
