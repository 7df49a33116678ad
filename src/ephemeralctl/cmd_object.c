/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/command.h"
#include "ephemeralctl/input.h"
#include "ephemeralctl/object.h"
#include "ephemeralctl/text.h"

#include <stdio.h>
#include <sysexits.h>

#define META_MAX 4096

/* A terminal gets its line ended. */
static int print_value(struct slice value)
{
    bool terminal = text_is_terminal(stdout);
    text_value(value, terminal, stdout);
    if (terminal && (value.len == 0 || value.data[value.len - 1] != '\n'))
        putchar('\n');
    return EX_OK;
}

static int print_siblings(struct context *x, const struct kv_resp *r)
{
    object_print_siblings(r);
    fprintf(stderr,
            "ephemeralctl: %zu siblings were written without knowing of each other; --sibling N prints one alone,\n"
            "and a put with --vclock (from get -o json) replaces them all\n",
            r->count + r->more);
    (void)x;
    return EX_DATAERR;
}

static int print_object(struct context *x, const struct kv_resp *r)
{
    uint32_t sibling = x->options->sibling;
    if (x->options->output == OUTPUT_JSON) {
        object_print_json(command_type(x), command_arg(x, 0), command_arg(x, 1), r);
        return EX_OK;
    }
    if (sibling > r->count) {
        text_error("there is no sibling %u, there %s %zu", sibling, r->count == 1 ? "is" : "are", r->count);
        return STATUS_NO;
    }
    if (r->count == 1 || sibling)
        return print_value(r->content[sibling ? sibling - 1 : 0].content.value);
    return print_siblings(x, r);
}

int cmd_get(struct context *x)
{
    struct kv_resp resp;
    struct kv_get_req req = client_get_request(command_type(x), command_arg(x, 0), command_arg(x, 1));
    int err = client_get(x->client, &req, &resp);
    if (!err)
        return print_object(x, &resp);
    if (err != E_NOT_FOUND || *client_error(x->client))
        return command_failed(x, err);
    text_error("no such key: %s/%s", x->args[0], x->args[1]);
    return STATUS_NO;
}

static int build_meta(const struct options *o, struct buf *meta)
{
    char seconds[16];
    int err = kv_meta_put_text(meta, 2, slice_str(o->content_type ? o->content_type : "application/octet-stream"));
    if (err || !o->ttl_s)
        return err;
    snprintf(seconds, sizeof seconds, "%u", o->ttl_s);
    struct kv_item item = {
        .kind = KV_USERMETA, .key = slice_str("X-Ephemeral-TTL"), .value = slice_str(seconds), .has_value = true};
    return kv_meta_put_item(meta, &item);
}

static int put(struct context *x, struct slice value)
{
    struct kv_resp resp;
    struct buf meta;
    struct kv_put_req req = client_put_request(command_type(x), command_arg(x, 0), command_arg(x, 1), value);
    req.has_key = true; /* an empty key is for the server to refuse, not a wish for a generated one */
    req.if_none_match = x->options->if_none_match;
    req.vclock = slice_make(x->options->vclock, x->options->vclock_len);
    buf_init(&meta, META_MAX);
    int err = build_meta(x->options, &meta);
    if (!err)
        err = client_put(x->client, &req, buf_slice(&meta), &resp);
    buf_fini(&meta);
    if (err == E_EXISTS) {
        text_error("the key exists already: %s/%s", x->args[0], x->args[1]);
        return STATUS_NO;
    }
    return err ? command_failed(x, err) : EX_OK;
}

int cmd_put(struct context *x)
{
    struct buf input;
    if (x->arg_count == 3 && strcmp(x->args[2], "-") != 0)
        return put(x, command_arg(x, 2));
    int status = input_read(&input);
    if (!status)
        status = put(x, buf_slice(&input));
    buf_fini(&input);
    return status;
}

int cmd_del(struct context *x)
{
    struct kv_del_req req = client_del_request(command_type(x), command_arg(x, 0), command_arg(x, 1));
    req.vclock = slice_make(x->options->vclock, x->options->vclock_len);
    int err = client_del(x->client, &req);
    return err ? command_failed(x, err) : EX_OK;
}
