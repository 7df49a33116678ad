/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/input.h"
#include "ephemeralctl/security_text.h"

#include <stdio.h>
#include <sys/random.h>
#include <sysexits.h>

/* --- looking --- */

/* Without a name: of groups which there are, of users everything. */
static bool concerns(const struct security_change *c, const struct security_change *wanted)
{
    if (*wanted->name || wanted->role == ROLE_ALL)
        return c->role == wanted->role && strcmp(c->name, wanted->name) == 0;
    return wanted->role == ROLE_USER || (c->role == ROLE_GROUP && c->act <= SECURITY_ALTER);
}

static void show(const struct security_change *c, struct json *j, enum output output)
{
    if (output == OUTPUT_JSON)
        security_text_json(c, j);
    else
        security_text_print(c, stdout);
}

static int list(struct context *x, const struct security_change *wanted)
{
    static struct security_list_resp page;
    struct json j = json_to(stdout);
    uint32_t from = 0, shown = 0;
    int err;
    if (x->options->output == OUTPUT_JSON)
        json_open(&j, NULL, '[');
    while ((err = client_list_security(x->client, from, &page)) == 0 && page.count) {
        for (size_t i = 0; i < page.count; i++)
            if (concerns(&page.change[i], wanted)) {
                show(&page.change[i], &j, x->options->output);
                shown++;
            }
        from += (uint32_t)page.count;
    }
    if (err)
        return command_failed(x, err);
    if (x->options->output == OUTPUT_JSON) {
        json_close(&j, ']');
        json_end(&j);
    }
    return *wanted->name && !shown ? STATUS_NO : EX_OK;
}

/* --- changing --- */

static int read_password(struct security_change *c)
{
    struct buf in;
    int status = input_read(&in);
    struct slice text = buf_slice(&in);
    const uint8_t *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
    if (end)
        text.len = (size_t)(end - text.data);
    if (!status && !text.len) {
        options_complain("the password, standard input's first line, is empty");
        status = EX_USAGE;
    }
    if (!status && getrandom(c->password.salt, sizeof c->password.salt, 0) != sizeof c->password.salt)
        status = EX_OSERR;
    c->password.iterations = PASSWORD_ITERATIONS;
    c->has_password = true;
    if (!status && password_make(&c->password, text))
        status = EX_OSERR;
    buf_fini(&in);
    return status;
}

static void warn(const struct security_change *c)
{
    if (c->act == SECURITY_ADD_SOURCE && c->method != METHOD_CERTIFICATE)
        fprintf(stderr,
                "ephemeralctl: from %s clients are let in without a certificate now, by %s; where certificates are all "
                "that is wanted, delete this source\n",
                c->range, c->method == METHOD_TRUST ? "their name alone" : "a password");
}

/* For each of those with commas between; the first that is refused ends it. */
static int change(struct context *x, enum security_role role, struct security_change *c, const char *who)
{
    struct slice left = slice_str(who);
    do {
        struct slice word = security_text_word(&left);
        if (!security_text_role(word, role, c))
            return EX_USAGE;
        const char *why = security_change_refused(c);
        if (why) {
            options_complain("%.*s: %s", (int)word.len, (const char *)word.data, why);
            return EX_USAGE;
        }
        int err = client_change_security(x->client, c);
        if (err)
            return command_failed(x, err);
    } while (left.len);
    warn(c);
    return EX_OK;
}

/* What is wrong with the words is said before anybody is asked. */
static int run(struct context *x, enum security_role role)
{
    struct security_change c = {.role = role};
    struct connection connection;
    const char *who;
    bool lists = strcmp(x->args[0], "list") == 0 && x->arg_count <= 2, reads_password = false;
    if (lists ? x->arg_count == 2 && !security_text_role(command_arg(x, 1), role, &c)
              : !security_text_parse(role, x->args, x->arg_count, &c, &who, &reads_password))
        return EX_USAGE;
    int status = reads_password ? read_password(&c) : EX_OK;
    if (!status)
        status = connection_open(x->options, &connection);
    if (status)
        return status;
    x->client = connection.client;
    status = lists ? list(x, &c) : change(x, role, &c, who);
    connection_close(&connection);
    return status;
}

int cmd_user(struct context *x)
{
    return run(x, ROLE_USER);
}

int cmd_group(struct context *x)
{
    return run(x, ROLE_GROUP);
}
