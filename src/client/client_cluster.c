/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "client/call.h"
#include "wire/cluster_msg.h"

static int undecoded(struct client *c, int err)
{
    return err ? call_fail(c, err, "the server's answer cannot be decoded: is it of another version?") : 0;
}

static int ask(struct client *c, uint8_t code, struct frame *out)
{
    return client_exchange(c, code, slice_make(NULL, 0), (uint8_t)(code + 1), out);
}

int client_cluster_status(struct client *c, struct status_node *out)
{
    struct frame f;
    int err = ask(c, MSG_CLUSTER_STATUS_REQ, &f);
    return err ? err : undecoded(c, cluster_msg_decode_status(f.body, out));
}

int client_cluster_partitions(struct client *c, uint32_t from, struct cluster_partitions_resp *out)
{
    struct cluster_partitions_req req = {.from = from};
    struct frame f;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    int err = call_finish(c, cluster_msg_put_partitions_req(b, &req), CALL_WHOLE, MSG_CLUSTER_PARTITIONS_RESP, &f);
    return err ? err : undecoded(c, cluster_msg_decode_partitions(f.body, out));
}

int client_cluster_transfers(struct client *c, struct cluster_transfers_resp *out)
{
    struct frame f;
    int err = ask(c, MSG_CLUSTER_TRANSFERS_REQ, &f);
    return err ? err : undecoded(c, cluster_msg_decode_transfers(f.body, out));
}

int client_cluster_discovery(struct client *c, uint32_t from, struct status_discovery *out)
{
    struct cluster_discovery_req req = {.from = from};
    struct frame f;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    int err = call_finish(c, cluster_msg_put_discovery_req(b, &req), CALL_WHOLE, MSG_CLUSTER_DISCOVERY_RESP, &f);
    return err ? err : undecoded(c, cluster_msg_decode_discovery(f.body, out));
}

int client_cluster_ready(struct client *c, bool probe, struct cluster_ready_resp *out)
{
    struct cluster_ready_req req = {.probe = probe};
    struct frame f;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    int err = call_finish(c, cluster_msg_put_ready_req(b, &req), CALL_WHOLE, MSG_CLUSTER_READY_RESP, &f);
    return err ? err : undecoded(c, cluster_msg_decode_ready(f.body, out));
}

int client_cluster_act(struct client *c, const struct cluster_act_req *req)
{
    struct frame f;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    return call_finish(c, cluster_msg_put_act_req(b, req), CALL_WHOLE, MSG_CLUSTER_ACT_RESP, &f);
}
