/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask about the cluster, and what they ask of it (wire/cluster_msg.h): a picture of this node's
 * knowledge at this moment, never an answer that waits for others. */
#include "api/authorize.h"
#include "base/err.h"
#include "base/version.h"
#include "cluster/status.h"
#include "riak/dispatch.h"
#include "riak/error_reply.h"
#include "wire/cluster_msg.h"

#include <stdio.h>

/* The cluster, or NULL after an answer that says why not. */
static struct cluster *cluster_of(struct session *s)
{
    if (!s->server->cluster)
        riak_error(s, "no cluster: this server runs alone, there is nothing to tell about others");
    return s->server->cluster;
}

static void answer(struct session *s, int err)
{
    if (err)
        session_broken(s, err);
}

static void add_memory(const struct server *server, struct status_memory *m)
{
    m->resident = server->config.resident ? server->config.resident() : UINT64_MAX;
    m->limit = server->config.memory_limit ? server->config.memory_limit : UINT64_MAX;
    m->requests = server_memory_of(server, BUDGET_BODIES) + server_memory_of(server, BUDGET_ANSWERS);
    m->requests_limit = server->small.limit + server->large.limit;
}

static void add_certificates(const struct server *server, struct status_certificates *c)
{
    const struct client_cert *first = client_certs_first(&server->client_certs);
    *c = (struct status_certificates){.now = clock_wall_ms(server->clock) / 1000};
    if (server->config.certificates)
        server->config.certificates(server->config.arg, c);
    if (!first)
        return;
    c->client = (uint64_t)first->not_after;
    snprintf(c->user, sizeof c->user, "%s", first->user);
}

void cluster_admin_status(struct session *s, struct slice body)
{
    struct status_node status;
    (void)body;
    struct cluster *c = cluster_of(s);
    if (!c)
        return;
    cluster_status(c, &status);
    add_memory(s->server, &status.memory);
    add_certificates(s->server, &status.certificates);
    snprintf(status.release, sizeof status.release, "%s", version_text);
    answer(s, cluster_msg_put_status(session_out(s), &status));
}

void cluster_admin_partitions(struct session *s, struct slice body)
{
    struct cluster_partitions_req req;
    struct cluster_partitions_resp resp;
    struct cluster *c = cluster_of(s);
    if (!c)
        return;
    if (cluster_msg_decode_partitions_req(body, &req)) {
        riak_refuse_malformed(s, "EphPartitionsReq");
        return;
    }
    resp.total = cluster_partition_count(c);
    resp.count = 0;
    if (req.max == 0 || req.max > STATUS_PARTITIONS_MAX)
        req.max = STATUS_PARTITIONS_MAX;
    if (req.from < resp.total)
        resp.count = cluster_partitions(c, resp.partition, req.from, req.max);
    answer(s, cluster_msg_put_partitions(session_out(s), &resp));
}

void cluster_admin_transfers(struct session *s, struct slice body)
{
    struct cluster_transfers_resp resp;
    (void)body;
    struct cluster *c = cluster_of(s);
    if (!c)
        return;
    resp.count = cluster_transfers(c, resp.transfer, STATUS_TRANSFERS_MAX);
    answer(s, cluster_msg_put_transfers(session_out(s), &resp));
}

/* R-READY: an orchestrator that starts nodes one after the other is told "ready" also by a node that waits for those
 * that are still to be started; a program that wants to work with the cluster is not. */
static void judge(const struct cluster *c, bool probe, struct cluster_ready_resp *out)
{
    struct status_node status;
    cluster_status(c, &status);
    *out = (struct cluster_ready_resp){
        .state = status.state,
        .ready = probe ? status.probe : status.ready,
    };
    if (!out->ready)
        snprintf(out->why, sizeof out->why, "%s", status.why);
}

void cluster_admin_ready(struct session *s, struct slice body)
{
    struct cluster_ready_req req;
    struct cluster_ready_resp resp;
    struct cluster *c = cluster_of(s);
    if (!c)
        return;
    if (cluster_msg_decode_ready_req(body, &req)) {
        riak_refuse_malformed(s, "EphReadyReq");
        return;
    }
    judge(c, req.probe, &resp);
    answer(s, cluster_msg_put_ready(session_out(s), &resp));
}

void cluster_admin_discovery(struct session *s, struct slice body)
{
    const struct server_config *config = &s->server->config;
    struct cluster_discovery_req req;
    struct status_discovery resp;
    if (cluster_msg_decode_discovery_req(body, &req)) {
        riak_refuse_malformed(s, "EphDiscoveryReq");
        return;
    }
    if (!config->discovery) {
        riak_error(s, "no discovery: this server runs alone and looks for no other nodes");
        return;
    }
    config->discovery(config->arg, req.from, &resp);
    answer(s, cluster_msg_put_discovery(session_out(s), &resp));
}

static const char *act_name(enum cluster_act act)
{
    return act == CLUSTER_LEAVE ? "leave" : "reform --survivors";
}

static int carry_out(struct cluster *c, const struct cluster_act_req *req, char *why, size_t why_size)
{
    if (req->act == CLUSTER_REFORM_SURVIVORS)
        return cluster_reform_survivors(c, req->nodes, why, why_size);
    int err = cluster_may_leave(c, why, why_size);
    if (!err)
        err = cluster_leave(c);
    if (err == E_EXISTS)
        snprintf(why, why_size, "it leaves already; ephemeralctl status shows how far it is");
    else if (err == E_CLOSED)
        snprintf(why, why_size, "it is in no cluster; it can be ended as it is");
    return err;
}

/* Who may end a member or declare others gone holds the root's key, as the nodes do: a user's certificate is not
 * enough. */
void cluster_admin_act(struct session *s, struct slice body)
{
    struct cluster_act_req req;
    char why[STATUS_TEXT_MAX + STATUS_TEXT_MAX / 2] = "";
    struct cluster *c = cluster_of(s);
    if (!c)
        return;
    if (cluster_msg_decode_act_req(body, &req)) {
        riak_refuse_malformed(s, "EphActReq");
        return;
    }
    struct riak_words words = {.subject = act_name(req.act)};
    struct outcome refused;
    if (!authorize_admin(&s->server->api, &s->who, &refused)) {
        riak_refuse(s, &words, &refused);
        return;
    }
    int err = carry_out(c, &req, why, sizeof why);
    if (err == E_AGAIN)
        riak_error(s, "unavailable: %s: %s", act_name(req.act), why);
    else if (err)
        riak_error(s, "%s is refused by this node: %s", act_name(req.act), *why ? why : err_text(err));
    else
        riak_reply_empty(s, MSG_CLUSTER_ACT_RESP);
}
