/* SPDX-License-Identifier: Apache-2.0 */
/* What a node tells about its cluster: sent and read again, and read by protobuf-c as proto/ephemeral.proto describes
 * it; then what must not be believed. */
#include "wire/cluster_msg.h"

#include "ephemeral.pb-c.h"
#include "support.h"
#include "written.h"
#include "wire/pb.h"

#include <stdio.h>
#include <stdlib.h>

static struct status_member member(uint64_t id)
{
    struct status_member m = {
        .id = id,
        .incarnation = {{1, 2, 3, [15] = (uint8_t)id}},
        .epmd_port = 4369,
        .handoff_port = UINT16_MAX,
        .state = STATUS_SUSPECT,
        .seat = true,
        .age_ms = 192000,
        .memory_used = 1 << 20,
        .memory_limit = 1 << 30,
        .keys = 5,
        .lag = 6,
        .name = "store-2",
    };
    snprintf(m.address, sizeof m.address, "10.0.0.%u", (unsigned)id);
    return m;
}

static void fill_status(struct status_node *s, size_t members)
{
    *s = (struct status_node){
        .state = STATUS_MEMBER,
        .why = "nothing is amiss",
        .ready = true,
        .id = 3,
        .incarnation = {{9}},
        .name = "prod",
        .cluster_id = {{7, [15] = 8}},
        .epoch = UINT64_MAX - 1,
        .expected = 5,
        .seats = UINT32_MAX,
        .may_lose = 2,
        .partitions_incomplete = 11,
        .partitions_unavailable = 3,
        .partitions_lost = 12,
        .partitions_lost_uncounted = 1,
        .keys_lost = 18816,
        .health = STATUS_DEGRADED,
        .probe = true,
        .member_count = members,
        .memory = {.resident = UINT64_MAX, .data = 5, .logs = 6, .requests_limit = 7},
        .certificates = {.now = 1, .root = 2, .node = 3, .client = 4, .user = "joe"},
        .release = "0.1.0",
    };
    for (size_t i = 0; i < members; i++)
        s->member[i] = member(i + 1);
}

static void status_of_some_members(void **state)
{
    static const size_t counts[] = {0, 1, 2, STATUS_MEMBERS_MAX};
    static struct status_node s, out;
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        fill_status(&s, counts[i]);
        struct slice body = written(cluster_msg_put_status(&b, &s), MSG_CLUSTER_STATUS_RESP);
        assert_int_equal(cluster_msg_decode_status(body, &out), 0);
        assert_int_equal(out.member_count, counts[i]);
        assert_string_equal(out.why, s.why);
        assert_true(out.ready && !out.serving);
        assert_int_equal(out.id, 3);
        assert_memory_equal(out.cluster_id.b, s.cluster_id.b, sizeof s.cluster_id.b);
        assert_true(out.epoch == UINT64_MAX - 1 && out.seats == UINT32_MAX);
        assert_int_equal(out.may_lose, 2);
        assert_int_equal(out.partitions_incomplete, 11);
        assert_int_equal(out.partitions_unavailable, 3);
        assert_true(out.health == STATUS_DEGRADED && out.probe);
        assert_true(out.memory.resident == UINT64_MAX && out.memory.data == 5 && out.memory.logs == 6);
        assert_int_equal(out.memory.requests_limit, 7);
        assert_memory_equal(&out.certificates, &s.certificates, sizeof s.certificates);
        assert_string_equal(out.release, "0.1.0");
        assert_true(out.partitions_lost == 12 && out.partitions_lost_uncounted == 1 && out.keys_lost == 18816);
        for (size_t k = 0; k < counts[i]; k++) {
            assert_string_equal(out.member[k].address, s.member[k].address);
            assert_int_equal(out.member[k].handoff_port, UINT16_MAX);
            assert_int_equal(out.member[k].state, STATUS_SUSPECT);
            assert_true(out.member[k].seat && !out.member[k].leader);
            assert_memory_equal(out.member[k].incarnation.b, s.member[k].incarnation.b, ID_SIZE);
            assert_true(out.member[k].memory_limit == 1 << 30);
            assert_int_equal(out.member[k].lag, 6);
            assert_string_equal(out.member[k].name, "store-2");
        }
    }
}

static void what_is_not_known(void **state)
{
    static struct status_node s, out;
    static struct cluster_partitions_resp p = {.total = 64, .count = 1}, p_out;
    (void)state;
    fill_status(&s, 1);
    s.may_lose = s.partitions_incomplete = s.partitions_unavailable = -1;
    s.health = 0; /* an older node says nothing of it */
    s.member[0].memory_used = s.member[0].memory_limit = s.member[0].keys = s.member[0].lag = UINT64_MAX;
    assert_int_equal(cluster_msg_decode_status(written(cluster_msg_put_status(&b, &s), MSG_CLUSTER_STATUS_RESP), &out),
                     0);
    assert_true(out.may_lose == -1 && out.partitions_incomplete == -1 && out.partitions_unavailable == -1);
    assert_int_equal(out.health, 0);
    assert_true(out.member[0].memory_used == UINT64_MAX && out.member[0].memory_limit == UINT64_MAX);
    assert_true(out.member[0].keys == UINT64_MAX && out.member[0].lag == UINT64_MAX);
    p.partition[0] = (struct status_partition){.number = 63,
                                               .keys = UINT64_MAX,
                                               .replica = {{.member = 1, .lag = UINT64_MAX}, {2, true, 0}},
                                               .replica_count = 2};
    assert_int_equal(
        cluster_msg_decode_partitions(written(cluster_msg_put_partitions(&b, &p), MSG_CLUSTER_PARTITIONS_RESP), &p_out),
        0);
    assert_int_equal(p_out.total, 64);
    assert_int_equal(p_out.count, 1);
    assert_int_equal(p_out.partition[0].number, 63);
    assert_true(p_out.partition[0].keys == UINT64_MAX);
    assert_int_equal(p_out.partition[0].replica_count, 2);
    assert_true(p_out.partition[0].replica[0].lag == UINT64_MAX && !p_out.partition[0].replica[0].voter);
    assert_true(p_out.partition[0].replica[1].lag == 0 && p_out.partition[0].replica[1].voter);
}

static void full_lists(void **state)
{
    static struct cluster_partitions_resp p = {.total = 1024, .count = STATUS_PARTITIONS_MAX}, p_out;
    static struct cluster_transfers_resp t = {.count = STATUS_TRANSFERS_MAX}, t_out;
    (void)state;
    for (unsigned i = 0; i < STATUS_PARTITIONS_MAX; i++)
        p.partition[i] = (struct status_partition){.number = i, .replica_count = STATUS_REPLICAS_MAX};
    for (unsigned i = 0; i < STATUS_TRANSFERS_MAX; i++)
        t.transfer[i] = (struct status_transfer){i, 1, 2, 3, 4, 5};
    struct slice body = written(cluster_msg_put_partitions(&b, &p), MSG_CLUSTER_PARTITIONS_RESP);
    assert_int_equal(cluster_msg_decode_partitions(body, &p_out), 0);
    assert_int_equal(p_out.partition[STATUS_PARTITIONS_MAX - 1].replica_count, STATUS_REPLICAS_MAX);
    body = written(cluster_msg_put_transfers(&b, &t), MSG_CLUSTER_TRANSFERS_RESP);
    assert_int_equal(cluster_msg_decode_transfers(body, &t_out), 0);
    assert_memory_equal(&t_out, &t, sizeof t);
}

static void requests(void **state)
{
    struct cluster_partitions_req p = {.from = 64, .max = UINT32_MAX}, p_out;
    struct cluster_ready_req r = {.probe = true}, r_out;
    struct cluster_ready_resp ready = {.state = STATUS_STRANDED, .why = "alone"}, ready_out;
    struct cluster_act_req act = {CLUSTER_REFORM_SURVIVORS, 2}, act_out;
    (void)state;
    struct slice body = written(cluster_msg_put_partitions_req(&b, &p), MSG_CLUSTER_PARTITIONS_REQ);
    assert_int_equal(cluster_msg_decode_partitions_req(body, &p_out), 0);
    assert_int_equal(p_out.from, 64);
    assert_int_equal(p_out.max, UINT32_MAX);
    assert_int_equal(cluster_msg_decode_partitions_req(slice_make(NULL, 0), &p_out), 0);
    assert_int_equal(p_out.from, 0);
    body = written(cluster_msg_put_ready_req(&b, &r), MSG_CLUSTER_READY_REQ);
    assert_int_equal(cluster_msg_decode_ready_req(body, &r_out), 0);
    assert_true(r_out.probe);
    assert_int_equal(cluster_msg_decode_ready_req(slice_make(NULL, 0), &r_out), 0);
    assert_false(r_out.probe);
    body = written(cluster_msg_put_ready(&b, &ready), MSG_CLUSTER_READY_RESP);
    assert_int_equal(cluster_msg_decode_ready(body, &ready_out), 0);
    assert_int_equal(ready_out.state, STATUS_STRANDED);
    assert_string_equal(ready_out.why, "alone");
    body = written(cluster_msg_put_act_req(&b, &act), MSG_CLUSTER_ACT_REQ);
    assert_int_equal(cluster_msg_decode_act_req(body, &act_out), 0);
    assert_true(act_out.act == CLUSTER_REFORM_SURVIVORS && act_out.nodes == 2);
    assert_int_equal(cluster_msg_decode_act_req(slice_make(NULL, 0), &act_out), E_MALFORMED);
    assert_int_equal(cluster_msg_decode_act_req(slice_str("\x08\x03"), &act_out), E_MALFORMED);
}

static void fill_discovery(struct status_discovery *d)
{
    *d = (struct status_discovery){.source_total = 70, .candidate_total = 3, .source_count = 2, .candidate_count = 2};
    d->source[0] = (struct status_source){.name = "Marathon's API, app /s",
                                          .authoritative = true,
                                          .answered_age_ms = 900,
                                          .took_ms = 12,
                                          .nodes = 5,
                                          .addresses = 4,
                                          .size = 0,
                                          .note = "4 of 5",
                                          .problem = "old",
                                          .failed_age_ms = 60000,
                                          .error = "refused"};
    d->source[1] = (struct status_source){
        .name = "peer a", .answered_age_ms = UINT64_MAX, .size = -1, .failed_age_ms = UINT64_MAX};
    d->candidate[0] = (struct status_candidate){.address = "fd00::1",
                                                .epmd_port = 4369,
                                                .sources = UINT64_C(1) << 63 | 1,
                                                .state = STATUS_CANDIDATE_SILENT,
                                                .why = "connection refused"};
    d->candidate[1] = (struct status_candidate){.address = "10.0.0.2", .state = STATUS_CANDIDATE_OTHER};
}

static void discovery(void **state)
{
    static struct status_discovery d, out;
    struct cluster_discovery_req req = {.from = 64}, req_out;
    (void)state;
    fill_discovery(&d);
    struct slice body = written(cluster_msg_put_discovery(&b, &d), MSG_CLUSTER_DISCOVERY_RESP);
    assert_int_equal(cluster_msg_decode_discovery(body, &out), 0);
    assert_memory_equal(&out, &d, sizeof d);
    d.source_count = STATUS_SOURCES_MAX;
    d.candidate_count = STATUS_CANDIDATES_MAX;
    for (size_t i = 1; i < STATUS_SOURCES_MAX; i++)
        d.source[i] = d.source[0];
    for (size_t i = 1; i < STATUS_CANDIDATES_MAX; i++)
        d.candidate[i] = d.candidate[0];
    body = written(cluster_msg_put_discovery(&b, &d), MSG_CLUSTER_DISCOVERY_RESP);
    assert_int_equal(cluster_msg_decode_discovery(body, &out), 0);
    assert_memory_equal(&out, &d, sizeof d);
    body = written(cluster_msg_put_discovery_req(&b, &req), MSG_CLUSTER_DISCOVERY_REQ);
    assert_int_equal(cluster_msg_decode_discovery_req(body, &req_out), 0);
    assert_int_equal(req_out.from, 64);
    assert_int_equal(cluster_msg_decode_discovery_req(slice_make(NULL, 0), &req_out), 0);
    assert_int_equal(req_out.from, 0);
}

static void discovery_as_the_proto_file_says(void **state)
{
    static struct status_discovery d;
    (void)state;
    fill_discovery(&d);
    struct slice body = written(cluster_msg_put_discovery(&b, &d), MSG_CLUSTER_DISCOVERY_RESP);
    EphDiscoveryResp *resp = eph_discovery_resp__unpack(NULL, body.len, body.data);
    assert_non_null(resp);
    assert_true(resp->source_total == 70 && resp->candidate_total == 3 && resp->n_source == 2);
    const EphSource *s = resp->source[0];
    assert_string_equal(s->name, "Marathon's API, app /s");
    assert_true(s->authoritative && s->answered_age_ms == 900 && s->took_ms == 12 && s->nodes == 5);
    assert_true(s->addresses == 4 && s->has_size && s->size == 0 && s->failed_age_ms == 60000);
    assert_string_equal(s->note, "4 of 5");
    assert_string_equal(s->problem, "old");
    assert_string_equal(s->error, "refused");
    assert_false(resp->source[1]->has_answered_age_ms || resp->source[1]->has_size);
    assert_false(resp->source[1]->has_failed_age_ms);
    const EphCandidate *c = resp->candidate[0];
    assert_string_equal(c->address, "fd00::1");
    assert_true(c->epmd_port == 4369 && c->sources == (UINT64_C(1) << 63 | 1));
    assert_int_equal(c->state, EPH_CANDIDATE_STATE__CANDIDATE_SILENT);
    assert_string_equal(c->why, "connection refused");
    assert_int_equal(resp->candidate[1]->state, EPH_CANDIDATE_STATE__CANDIDATE_OTHER);
    assert_int_equal(s->base.n_unknown_fields + c->base.n_unknown_fields + resp->base.n_unknown_fields, 0);
    eph_discovery_resp__free_unpacked(resp, NULL);
}

/* protobuf-c stands for every program that was made from the .proto file. */
static void as_the_proto_file_says(void **state)
{
    static struct status_node s;
    static struct cluster_partitions_resp p = {.total = 64, .count = 1};
    struct cluster_transfers_resp t = {.count = 1, .transfer = {{9, 1, 2, 3, 4, 5}}};
    (void)state;
    fill_status(&s, 2);
    struct slice body = written(cluster_msg_put_status(&b, &s), MSG_CLUSTER_STATUS_RESP);
    EphStatusResp *status = eph_status_resp__unpack(NULL, body.len, body.data);
    assert_non_null(status);
    assert_int_equal(status->state, EPH_NODE_STATE__MEMBER);
    assert_string_equal(status->why, s.why);
    assert_string_equal(status->name, "prod");
    assert_string_equal(status->release, "0.1.0");
    assert_true(status->ready && !status->serving && status->id == 3 && status->epoch == UINT64_MAX - 1);
    assert_int_equal(status->cluster_id.len, ID_SIZE);
    assert_true(status->expected == 5 && status->seats == UINT32_MAX && status->has_may_lose && status->may_lose == 2);
    assert_int_equal(status->partitions_incomplete, 11);
    assert_true(status->has_health && status->health == EPH_HEALTH__DEGRADED && status->probe);
    assert_true(status->partitions_unavailable == 3 && status->partitions_lost == 12 && status->keys_lost == 18816);
    assert_int_equal(status->partitions_lost_uncounted, 1);
    assert_true(!status->has_memory_resident && status->memory_data == 5 && status->memory_requests_limit == 7);
    assert_true(status->certificates_now == 1 && status->certificate_root_ends == 2);
    assert_true(status->certificate_node_ends == 3 && status->certificate_client_ends == 4);
    assert_string_equal(status->certificate_client_user, "joe");
    assert_int_equal(status->n_member, 2);
    const EphMember *m = status->member[1];
    assert_string_equal(m->address, "10.0.0.2");
    assert_true(m->id == 2 && m->epmd_port == 4369 && m->handoff_port == UINT16_MAX && m->seat && !m->leader);
    assert_int_equal(m->state, EPH_MEMBER_STATE__SUSPECT);
    assert_true(m->age_ms == 192000 && m->memory_used == 1 << 20 && m->memory_limit == 1 << 30);
    assert_true(m->keys == 5 && m->lag == 6 && m->incarnation.data[15] == 2);
    assert_int_equal(status->base.n_unknown_fields + m->base.n_unknown_fields, 0);
    eph_status_resp__free_unpacked(status, NULL);

    p.partition[0] = (struct status_partition){
        .number = 7, .generation = 8, .leader = 9, .keys = 10, .replica = {{11, true, UINT64_MAX}}, .replica_count = 1};
    body = written(cluster_msg_put_partitions(&b, &p), MSG_CLUSTER_PARTITIONS_RESP);
    EphPartitionsResp *partitions = eph_partitions_resp__unpack(NULL, body.len, body.data);
    assert_non_null(partitions);
    const EphPartition *one = partitions->partition[0];
    assert_true(partitions->total == 64 && one->number == 7 && one->generation == 8 && one->leader == 9);
    assert_true(one->keys == 10 && one->n_replica == 1 && one->replica[0]->member == 11 && one->replica[0]->voter);
    assert_false(one->replica[0]->has_lag);
    eph_partitions_resp__free_unpacked(partitions, NULL);

    body = written(cluster_msg_put_transfers(&b, &t), MSG_CLUSTER_TRANSFERS_RESP);
    EphTransfersResp *transfers = eph_transfers_resp__unpack(NULL, body.len, body.data);
    assert_non_null(transfers);
    const EphTransfer *copy = transfers->transfer[0];
    assert_true(copy->partition == 9 && copy->from == 1 && copy->to == 2 && copy->keys == 3 && copy->bytes == 4);
    assert_int_equal(copy->age_ms, 5);
    eph_transfers_resp__free_unpacked(transfers, NULL);
}

/* Every message cut anywhere decodes to an error or to less, and never reads past its end (the sanitizers see to it).
 */
static void cut_anywhere(void **state)
{
    static struct status_node s, out;
    (void)state;
    fill_status(&s, 3);
    struct slice body = written(cluster_msg_put_status(&b, &s), MSG_CLUSTER_STATUS_RESP);
    for (size_t n = 0; n < body.len; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, body.data, n);
        int err = cluster_msg_decode_status(slice_make(copy, n), &out);
        assert_true(err == E_MALFORMED || (err == 0 && out.release[0] == '\0'));
        free(copy);
    }
}

#define STATE "\x08\x04" /* the one field that must come */

static void what_is_refused(void **state)
{
    static const struct {
        const char *body;
        size_t len;
    } bad[] = {
#define BODY(text) {text, sizeof text - 1}
        BODY(""),                  /* no state */
        BODY("\x08\x00"),          /* states begin with 1 */
        BODY("\x08\x07"),          /* and end with 6 */
        BODY("\x0a\x01x"),         /* a state of another type */
        BODY(STATE "\x10\x01"),    /* a text that is a number */
        BODY(STATE "\x12\x02x\0"), /* a NUL in it */
        BODY(STATE "\x32\x0f"
                   "123456789012345"),                  /* an id of 15 bytes */
        BODY(STATE "\x50\x80\x80\x80\x80\x10"),         /* 2^32 nodes */
        BODY(STATE "\x60\x80\x80\x80\x80\x08"),         /* may lose 2^31 */
        BODY(STATE "\x72\x02\x30\x05"),                 /* a member's state */
        BODY(STATE "\x78\x04"),                         /* a health */
        BODY(STATE "\x72\x00"),                         /* a member without one */
        BODY(STATE "\x72\x06\x30\x01\x20\x80\x80\x04"), /* port 65536 */
#undef BODY
    };
    static struct status_node out;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cluster_msg_decode_status(slice_make(bad[i].body, bad[i].len), &out), E_MALFORMED);
    assert_int_equal(cluster_msg_decode_status(slice_str(STATE "\xc0\x02\x01\xc2\x02\x01x"), &out),
                     0); /* unknown fields */
    /* A text may have 255 bytes, not 256; the second of two counts. */
    struct buf in;
    buf_init(&in, 2000);
    for (unsigned len = STATUS_TEXT_MAX - 1; len <= STATUS_TEXT_MAX; len++) {
        uint8_t head[] = {0x08, 4, 0x12, (uint8_t)(len | 0x80), (uint8_t)(len >> 7)};
        char filler[STATUS_TEXT_MAX];
        memset(filler, 'x', sizeof filler);
        buf_consume(&in, buf_len(&in));
        assert_int_equal(buf_append(&in, head, sizeof head), 0);
        assert_int_equal(buf_append(&in, filler, len), 0);
        assert_int_equal(cluster_msg_decode_status(buf_slice(&in), &out), len < STATUS_TEXT_MAX ? 0 : E_MALFORMED);
        if (len < STATUS_TEXT_MAX) {
            assert_int_equal(strlen(out.why), len);
            assert_int_equal(buf_append(&in, "\x12\x01y", 3), 0);
            assert_int_equal(cluster_msg_decode_status(buf_slice(&in), &out), 0);
            assert_string_equal(out.why, "y");
        }
    }
    buf_fini(&in);
}

static int decode_repeated(const char *element, size_t len, size_t times, size_t *count)
{
    static struct cluster_partitions_resp out;
    struct buf in;
    buf_init(&in, 1 << 20);
    for (size_t i = 0; i < times; i++)
        assert_int_equal(buf_append(&in, element, len), 0);
    int err = cluster_msg_decode_partitions(buf_slice(&in), &out);
    *count = out.count;
    buf_fini(&in);
    return err;
}

static void too_many(void **state)
{
    size_t count;
    char replicas[2 + 2 * (STATUS_REPLICAS_MAX + 1)] = {0x12, 2 * (STATUS_REPLICAS_MAX + 1)};
    (void)state;
    assert_int_equal(decode_repeated("\x12\x00", 2, STATUS_PARTITIONS_MAX, &count), 0);
    assert_int_equal(count, STATUS_PARTITIONS_MAX);
    assert_int_equal(decode_repeated("\x12\x00", 2, STATUS_PARTITIONS_MAX + 1, &count), E_TOO_MANY);
    for (size_t i = 2; i < sizeof replicas; i += 2)
        replicas[i] = 0x2a; /* an empty replica */
    assert_int_equal(decode_repeated(replicas, sizeof replicas, 1, &count), E_TOO_MANY);
}

static void a_full_buffer(void **state)
{
    static struct status_node s;
    struct buf small;
    (void)state;
    fill_status(&s, 2);
    buf_init(&small, 100);
    assert_int_equal(cluster_msg_put_status(&small, &s), E_TOO_LARGE);
    assert_int_equal(buf_len(&small), 0);
    buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_of_some_members),
        cmocka_unit_test(what_is_not_known),
        cmocka_unit_test(full_lists),
        cmocka_unit_test(requests),
        cmocka_unit_test(as_the_proto_file_says),
        cmocka_unit_test(discovery),
        cmocka_unit_test(discovery_as_the_proto_file_says),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(too_many),
        cmocka_unit_test(a_full_buffer),
    };
    return cmocka_run_group_tests_name("wire/cluster_msg", tests, set_up, tear_down);
}
