/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/cluster_msg.h"

#include "wire/frame.h"
#include "wire/shape.h"

_Static_assert(sizeof(enum status_node_state) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum status_member_state) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum status_health) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum status_candidate_state) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum cluster_act) == sizeof(uint32_t), "choices are read and written as uint32_t");

static const struct shape_field member_fields[] = {
    FIELD(UINT64, status_member, id),
    FIELD_BYTES(status_member, incarnation),
    FIELD_TEXT(status_member, address),
    FIELD(UINT16, status_member, epmd_port),
    FIELD(UINT16, status_member, handoff_port),
    FIELD_CHOICE(status_member, state, STATUS_UNREACHABLE),
    FIELD(BOOL, status_member, seat),
    FIELD(BOOL, status_member, leader),
    FIELD(UINT64, status_member, age_ms),
    FIELD(UINT64_OR_UNKNOWN, status_member, memory_used),
    FIELD(UINT64_OR_UNKNOWN, status_member, memory_limit),
    FIELD(UINT64_OR_UNKNOWN, status_member, keys),
    FIELD(UINT64_OR_UNKNOWN, status_member, lag),
    FIELD_TEXT(status_member, name),
};
SHAPE(member_shape, member_fields);

static const struct shape_field status_fields[] = {
    FIELD_CHOICE(status_node, state, STATUS_LEAVING),
    FIELD_TEXT(status_node, why),
    FIELD(BOOL, status_node, ready),
    FIELD(BOOL, status_node, serving),
    FIELD(UINT64, status_node, id),
    FIELD_BYTES(status_node, incarnation),
    FIELD_TEXT(status_node, name),
    FIELD_BYTES(status_node, cluster_id),
    FIELD(UINT64, status_node, epoch),
    FIELD(UINT32, status_node, expected),
    FIELD(UINT32, status_node, seats),
    FIELD(INT_OR_UNKNOWN, status_node, may_lose),
    FIELD(INT_OR_UNKNOWN, status_node, partitions_incomplete),
    FIELD_LIST(status_node, member, member_count, member_shape, STATUS_MEMBERS_MAX),
    FIELD_CHOICE_OR_NONE(status_node, health, STATUS_NO_QUORUM),
    FIELD(BOOL, status_node, probe),
    FIELD(INT_OR_UNKNOWN, status_node, partitions_unavailable),
    FIELD(UINT32, status_node, partitions_lost),
    FIELD(UINT64, status_node, keys_lost),
    FIELD(UINT32, status_node, partitions_lost_uncounted),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.resident),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.limit),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.data),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.data_limit),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.logs),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.logs_limit),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.peers),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.requests),
    FIELD(UINT64_OR_UNKNOWN, status_node, memory.requests_limit),
    FIELD(UINT64, status_node, certificates.now),
    FIELD(UINT64, status_node, certificates.root),
    FIELD(UINT64, status_node, certificates.node),
    FIELD(UINT64, status_node, certificates.client),
    FIELD_TEXT(status_node, certificates.user),
    FIELD_TEXT(status_node, release),
};
SHAPE(status_shape, status_fields);

static const struct shape_field replica_fields[] = {
    FIELD(UINT64, status_replica, member),
    FIELD(BOOL, status_replica, voter),
    FIELD(UINT64_OR_UNKNOWN, status_replica, lag),
};
SHAPE(replica_shape, replica_fields);

static const struct shape_field partition_fields[] = {
    FIELD(UINT32, status_partition, number),
    FIELD(UINT32, status_partition, generation),
    FIELD(UINT64, status_partition, leader),
    FIELD(UINT64_OR_UNKNOWN, status_partition, keys),
    FIELD_LIST(status_partition, replica, replica_count, replica_shape, STATUS_REPLICAS_MAX),
};
SHAPE(partition_shape, partition_fields);

static const struct shape_field partitions_req_fields[] = {
    FIELD(UINT32, cluster_partitions_req, from),
    FIELD(UINT32, cluster_partitions_req, max),
};
SHAPE(partitions_req_shape, partitions_req_fields);

static const struct shape_field partitions_fields[] = {
    FIELD(UINT32, cluster_partitions_resp, total),
    FIELD_LIST(cluster_partitions_resp, partition, count, partition_shape, STATUS_PARTITIONS_MAX),
};
SHAPE(partitions_shape, partitions_fields);

static const struct shape_field transfer_fields[] = {
    FIELD(UINT32, status_transfer, partition), FIELD(UINT64, status_transfer, from),
    FIELD(UINT64, status_transfer, to),        FIELD(UINT64, status_transfer, keys),
    FIELD(UINT64, status_transfer, bytes),     FIELD(UINT64, status_transfer, age_ms),
};
SHAPE(transfer_shape, transfer_fields);

static const struct shape_field transfers_fields[] = {
    FIELD_LIST(cluster_transfers_resp, transfer, count, transfer_shape, STATUS_TRANSFERS_MAX),
};
SHAPE(transfers_shape, transfers_fields);

static const struct shape_field ready_req_fields[] = {
    FIELD(BOOL, cluster_ready_req, probe),
};
SHAPE(ready_req_shape, ready_req_fields);

static const struct shape_field ready_fields[] = {
    FIELD(BOOL, cluster_ready_resp, ready),
    FIELD_CHOICE(cluster_ready_resp, state, STATUS_LEAVING),
    FIELD_TEXT(cluster_ready_resp, why),
};
SHAPE(ready_shape, ready_fields);

static const struct shape_field act_req_fields[] = {
    FIELD_CHOICE(cluster_act_req, act, CLUSTER_REFORM_SURVIVORS),
    FIELD(UINT32, cluster_act_req, nodes),
};
SHAPE(act_req_shape, act_req_fields);

static const struct shape_field source_fields[] = {
    FIELD_TEXT(status_source, name),
    FIELD(BOOL, status_source, authoritative),
    FIELD(UINT64_OR_UNKNOWN, status_source, answered_age_ms),
    FIELD(UINT64, status_source, took_ms),
    FIELD(UINT32, status_source, nodes),
    FIELD(UINT32, status_source, addresses),
    FIELD(INT_OR_UNKNOWN, status_source, size),
    FIELD_TEXT(status_source, note),
    FIELD_TEXT(status_source, problem),
    FIELD(UINT64_OR_UNKNOWN, status_source, failed_age_ms),
    FIELD_TEXT(status_source, error),
};
SHAPE(source_shape, source_fields);

static const struct shape_field candidate_fields[] = {
    FIELD_TEXT(status_candidate, address),    FIELD(UINT16, status_candidate, epmd_port),
    FIELD(UINT64, status_candidate, sources), FIELD_CHOICE(status_candidate, state, STATUS_CANDIDATE_OTHER),
    FIELD_TEXT(status_candidate, why),
};
SHAPE(candidate_shape, candidate_fields);

static const struct shape_field discovery_req_fields[] = {
    FIELD(UINT32, cluster_discovery_req, from),
};
SHAPE(discovery_req_shape, discovery_req_fields);

static const struct shape_field discovery_fields[] = {
    FIELD(UINT32, status_discovery, source_total),
    FIELD_LIST(status_discovery, source, source_count, source_shape, STATUS_SOURCES_MAX),
    FIELD(UINT32, status_discovery, candidate_total),
    FIELD_LIST(status_discovery, candidate, candidate_count, candidate_shape, STATUS_CANDIDATES_MAX),
};
SHAPE(discovery_shape, discovery_fields);

/* --- the messages --- */

#define DECODE(shape, body, out) shape_decode(&(shape), body, out, sizeof *(out))

int cluster_msg_put_status(struct buf *out, const struct status_node *s)
{
    return shape_put_frame(out, MSG_CLUSTER_STATUS_RESP, &status_shape, s);
}

int cluster_msg_decode_status(struct slice body, struct status_node *out)
{
    return DECODE(status_shape, body, out);
}

int cluster_msg_put_partitions_req(struct buf *out, const struct cluster_partitions_req *req)
{
    return shape_put_frame(out, MSG_CLUSTER_PARTITIONS_REQ, &partitions_req_shape, req);
}

int cluster_msg_decode_partitions_req(struct slice body, struct cluster_partitions_req *out)
{
    return DECODE(partitions_req_shape, body, out);
}

int cluster_msg_put_partitions(struct buf *out, const struct cluster_partitions_resp *p)
{
    return shape_put_frame(out, MSG_CLUSTER_PARTITIONS_RESP, &partitions_shape, p);
}

int cluster_msg_decode_partitions(struct slice body, struct cluster_partitions_resp *out)
{
    return DECODE(partitions_shape, body, out);
}

int cluster_msg_put_transfers(struct buf *out, const struct cluster_transfers_resp *t)
{
    return shape_put_frame(out, MSG_CLUSTER_TRANSFERS_RESP, &transfers_shape, t);
}

int cluster_msg_decode_transfers(struct slice body, struct cluster_transfers_resp *out)
{
    return DECODE(transfers_shape, body, out);
}

int cluster_msg_put_ready_req(struct buf *out, const struct cluster_ready_req *req)
{
    return shape_put_frame(out, MSG_CLUSTER_READY_REQ, &ready_req_shape, req);
}

int cluster_msg_decode_ready_req(struct slice body, struct cluster_ready_req *out)
{
    return DECODE(ready_req_shape, body, out);
}

int cluster_msg_put_ready(struct buf *out, const struct cluster_ready_resp *r)
{
    return shape_put_frame(out, MSG_CLUSTER_READY_RESP, &ready_shape, r);
}

int cluster_msg_decode_ready(struct slice body, struct cluster_ready_resp *out)
{
    return DECODE(ready_shape, body, out);
}

int cluster_msg_put_act_req(struct buf *out, const struct cluster_act_req *req)
{
    return shape_put_frame(out, MSG_CLUSTER_ACT_REQ, &act_req_shape, req);
}

int cluster_msg_decode_act_req(struct slice body, struct cluster_act_req *out)
{
    return DECODE(act_req_shape, body, out);
}

int cluster_msg_put_discovery_req(struct buf *out, const struct cluster_discovery_req *req)
{
    return shape_put_frame(out, MSG_CLUSTER_DISCOVERY_REQ, &discovery_req_shape, req);
}

int cluster_msg_decode_discovery_req(struct slice body, struct cluster_discovery_req *out)
{
    return DECODE(discovery_req_shape, body, out);
}

int cluster_msg_put_discovery(struct buf *out, const struct status_discovery *d)
{
    return shape_put_frame(out, MSG_CLUSTER_DISCOVERY_RESP, &discovery_shape, d);
}

int cluster_msg_decode_discovery(struct slice body, struct status_discovery *out)
{
    return DECODE(discovery_shape, body, out);
}
