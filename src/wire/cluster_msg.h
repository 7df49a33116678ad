/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between ephemeralctl and a node about its cluster: codes 240 to 251 of the client protocol, which Riak
 * does not use. proto/ephemeral.proto describes them for other programs; the values are those of status.h.
 *
 * cluster_msg_put_X() appends a whole frame: E_NOMEM, E_TOO_LARGE, then nothing was appended. cluster_msg_decode_X()
 * takes a body and fills all of *out, whatever it returns; unknown fields are skipped, a missing one is 0, empty, or
 * what stands for "not known". E_MALFORMED: not such a message, a text that is too long or holds a NUL, a number or a
 * state out of its range. E_TOO_MANY: more elements than status.h allows. */
#ifndef WIRE_CLUSTER_MSG_H
#define WIRE_CLUSTER_MSG_H

#include "base/buf.h"
#include "wire/status.h"

/* The request has no fields: an empty frame. */
int cluster_msg_put_status(struct buf *out, const struct status_node *s);
int cluster_msg_decode_status(struct slice body, struct status_node *out);

struct cluster_partitions_req {
    uint32_t from; /* a partition's number */
    uint32_t max;  /* 0: as many as one answer holds */
};
int cluster_msg_put_partitions_req(struct buf *out, const struct cluster_partitions_req *req);
int cluster_msg_decode_partitions_req(struct slice body, struct cluster_partitions_req *out);

struct cluster_partitions_resp {
    uint32_t total; /* that the cluster has */
    struct status_partition partition[STATUS_PARTITIONS_MAX];
    size_t count; /* none: there are no more */
};
int cluster_msg_put_partitions(struct buf *out, const struct cluster_partitions_resp *p);
int cluster_msg_decode_partitions(struct slice body, struct cluster_partitions_resp *out);

/* The request has no fields. */
struct cluster_transfers_resp {
    struct status_transfer transfer[STATUS_TRANSFERS_MAX];
    size_t count;
};
int cluster_msg_put_transfers(struct buf *out, const struct cluster_transfers_resp *t);
int cluster_msg_decode_transfers(struct slice body, struct cluster_transfers_resp *out);

struct cluster_ready_req {
    bool probe; /* the orchestrator's question: not only within a cluster (R-READY) */
};
int cluster_msg_put_ready_req(struct buf *out, const struct cluster_ready_req *req);
int cluster_msg_decode_ready_req(struct slice body, struct cluster_ready_req *out);

struct cluster_ready_resp {
    bool ready;
    enum status_node_state state;
    char why[STATUS_TEXT_MAX]; /* why not */
};
int cluster_msg_put_ready(struct buf *out, const struct cluster_ready_resp *r);
int cluster_msg_decode_ready(struct slice body, struct cluster_ready_resp *out);

/* What only a connection of a node may ask for. The answer has no fields. */
enum cluster_act { CLUSTER_LEAVE = 1, CLUSTER_REFORM_SURVIVORS };
struct cluster_act_req {
    enum cluster_act act;
    uint32_t nodes; /* of CLUSTER_REFORM_SURVIVORS: how many run in all; 0: that is not said */
};
int cluster_msg_put_act_req(struct buf *out, const struct cluster_act_req *req);
int cluster_msg_decode_act_req(struct slice body, struct cluster_act_req *out);

struct cluster_discovery_req {
    uint32_t from; /* so many candidates are skipped */
};
int cluster_msg_put_discovery_req(struct buf *out, const struct cluster_discovery_req *req);
int cluster_msg_decode_discovery_req(struct slice body, struct cluster_discovery_req *out);
int cluster_msg_put_discovery(struct buf *out, const struct status_discovery *d);
int cluster_msg_decode_discovery(struct slice body, struct status_discovery *out);

#endif
