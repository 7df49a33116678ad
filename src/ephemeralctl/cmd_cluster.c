/* SPDX-License-Identifier: Apache-2.0 */
/* What operators look at, and what they do. */
#include "base/err.h"
#include "ephemeralctl/command.h"
#include "ephemeralctl/partitions.h"
#include "ephemeralctl/view.h"

#include <sysexits.h>

static int no_memory(void)
{
    fputs("ephemeralctl: out of memory\n", stderr);
    return EX_OSERR;
}

/* What the shell is told of the cluster's health. An older node does not tell it. */
static int status_of(const struct status_node *s)
{
    switch (s->health) {
    case STATUS_DEGRADED:
        return STATUS_NO;
    case STATUS_NO_QUORUM:
        return EX_TEMPFAIL;
    default:
        return EX_OK;
    }
}

typedef bool (*view_text)(const struct status_node *s, FILE *out);
typedef void (*view_json)(const struct status_node *s, FILE *out);

static int show(struct context *x, view_text text, view_json json, struct status_node *s)
{
    int err = client_cluster_status(x->client, s);
    if (err)
        return command_failed(x, err);
    if (x->options->output == OUTPUT_TEXT)
        return text(s, stdout) ? EX_OK : no_memory();
    json(s, stdout);
    return EX_OK;
}

int cmd_status(struct context *x)
{
    struct status_node s;
    int status = show(x, view_status, view_status_json, &s);
    return status ? status : status_of(&s);
}

int cmd_members(struct context *x)
{
    struct status_node s;
    return show(x, view_members, view_members_json, &s);
}

/* --- partitions --- */

struct partitions {
    struct table table;
    struct json json;
    bool as_json;
    struct status_node node; /* who the members are */
};

static void add_partition(void *arg, const struct status_partition *one)
{
    struct partitions *p = arg;
    if (p->as_json)
        view_partition_json(&p->json, &p->node, one);
    else
        view_partition(&p->table, &p->node, one);
}

static int read_partitions(struct context *x, struct partitions *p)
{
    int err = partitions_walk(x->client, add_partition, p);
    if (err == E_MISMATCH) {
        fputs("ephemeralctl: the server's partitions are in no order: is it of another version?\n", stderr);
        return EX_PROTOCOL;
    }
    return err ? command_failed(x, err) : EX_OK;
}

int cmd_partitions(struct context *x)
{
    struct partitions p = {.json = json_to(stdout), .as_json = x->options->output == OUTPUT_JSON};
    int err = client_cluster_status(x->client, &p.node);
    if (err)
        return command_failed(x, err);
    view_partitions_begin(&p.table);
    if (p.as_json)
        json_open(&p.json, NULL, '[');
    int status = read_partitions(x, &p);
    if (p.as_json) {
        json_close(&p.json, ']');
        json_end(&p.json);
    } else if (status == EX_OK && !table_print(&p.table, stdout)) {
        status = no_memory();
    }
    table_fini(&p.table);
    return status;
}

int cmd_transfers(struct context *x)
{
    struct cluster_transfers_resp t;
    struct status_node s;
    int err = client_cluster_transfers(x->client, &t);
    if (!err)
        err = client_cluster_status(x->client, &s);
    if (err)
        return command_failed(x, err);
    if (x->options->output == OUTPUT_TEXT)
        return view_transfers(&s, t.transfer, t.count, stdout) ? EX_OK : no_memory();
    view_transfers_json(&s, t.transfer, t.count, stdout);
    return EX_OK;
}

/* --- what they do --- */

static int act(struct context *x, const struct cluster_act_req *req, const char *done)
{
    int err = client_cluster_act(x->client, req);
    if (err)
        return command_failed(x, err);
    puts(done);
    return EX_OK;
}

int cmd_leave(struct context *x)
{
    const struct cluster_act_req req = {.act = CLUSTER_LEAVE};
    return act(x, &req, "the node has begun to leave its cluster; `ephemeralctl status` shows how far it is");
}

int cmd_reform(struct context *x)
{
    const struct cluster_act_req req = {.act = CLUSTER_REFORM_SURVIVORS, .nodes = x->options->nodes};
    if (!x->options->survivors) {
        options_complain("reform does nothing without --survivors");
        return EX_USAGE;
    }
    return act(x, &req,
               "the nodes that are left form again, without the members that are missing; `ephemeralctl wait-ready` "
               "waits for it, and `ephemeralctl status` says what is lost");
}
