/* SPDX-License-Identifier: Apache-2.0 */
/* What operators may ask, over a cluster and a session that only remember. */
#include "api/ask.h"
#include "base/err.h"
#include "base/version.h"
#include "cluster/status.h"
#include "riak/error_reply.h"
#include "riak/dispatch.h"
#include "support.h"
#include "wire/cluster_msg.h"

#include <stdio.h>
#include <stdlib.h>

struct cluster {
    struct status_node status;
    unsigned partitions; /* that it has */
    unsigned from, max;  /* that were asked for */
    size_t transfers;
    unsigned leaves, reforms, left;
    int stays_err, leave_err, reform_err;
};

void cluster_status(const struct cluster *c, struct status_node *out)
{
    *out = c->status;
}

unsigned cluster_partition_count(const struct cluster *c)
{
    (void)c;
    return ROUTER_PARTITIONS_MAX;
}

unsigned cluster_partitions(const struct cluster *c, struct status_partition *out, unsigned from, unsigned max)
{
    struct cluster *mine = (struct cluster *)(uintptr_t)c;
    mine->from = from;
    mine->max = max;
    unsigned n = 0;
    for (; n < max && from + n < c->partitions; n++)
        out[n] = (struct status_partition){.number = from + n, .keys = UINT64_MAX};
    return n;
}

size_t cluster_transfers(const struct cluster *c, struct status_transfer *out, size_t max)
{
    size_t n = 0;
    for (; n < c->transfers && n < max; n++)
        out[n] = (struct status_transfer){.partition = (unsigned)n, .from = 1, .to = 2};
    return n;
}

int cluster_may_leave(const struct cluster *c, char *why, size_t why_size)
{
    if (c->stays_err)
        snprintf(why, why_size, "its cluster has no majority");
    return c->stays_err;
}

int cluster_leave(struct cluster *c)
{
    c->leaves++;
    return c->leave_err;
}

int cluster_reform_survivors(struct cluster *c, unsigned left, char *why, size_t why_size)
{
    c->left = left;
    c->reforms++;
    if (c->reform_err)
        snprintf(why, why_size, "it is not stranded");
    return c->reform_err;
}

/* The session's side. */
static char error[512];
static int empty_code, broken;

void riak_error(struct session *s, const char *format, ...)
{
    va_list args;
    (void)s;
    va_start(args, format);
    vsnprintf(error, sizeof error, format, args);
    va_end(args);
}

static bool is_current(const struct router *r)
{
    (void)r;
    return true;
}

const struct acl *router_acl(const struct router *r)
{
    (void)r;
    return NULL;
}

void riak_reply_empty(struct session *s, uint8_t code)
{
    (void)s;
    empty_code = code;
}

static bool obstacle(const struct router *r, char *out, size_t size)
{
    (void)r;
    (void)out;
    (void)size;
    return false;
}

void session_broken(struct session *s, int err)
{
    (void)s;
    broken = err;
}

static const struct router_ops few_calls = {.is_current = is_current, .obstacle = obstacle};

static struct cluster cluster;
static struct metrics metrics;
static struct server server;
static struct stream stream;
static struct session_request request;
static struct session session;

static uint64_t some_ms(void *arg)
{
    (void)arg;
    return 1800000000000;
}

static const struct clock a_clock = {.boot_ms = some_ms, .wall_ms = some_ms};

static int set_up(void **state)
{
    (void)state;
    cluster = (struct cluster){.status = {.state = STATUS_MEMBER, .ready = true, .may_lose = 2, .why = ""},
                               .partitions = ROUTER_PARTITIONS_MAX};
    metrics = (struct metrics){0};
    server = (struct server){.cluster = &cluster,
                             .metrics = &metrics,
                             .clock = &a_clock,
                             .api = {.ops = &few_calls, .clock = &a_clock, .metrics = &metrics}};
    request = (struct session_request){.out = &stream.out};
    session = (struct session){.server = &server, .stream = &stream, .request = &request};
    outq_init(&stream.out);
    error[0] = '\0';
    empty_code = -1;
    broken = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    outq_fini(&stream.out);
    return 0;
}

/* The body of the one frame that was answered. */
static struct slice answered(uint8_t code)
{
    struct slice in = buf_slice(outq_tail(&stream.out));
    struct frame f;
    assert_string_equal(error, "");
    assert_int_equal(broken, 0);
    assert_int_equal(frame_take(&in, UINT32_MAX, &f), 1);
    assert_int_equal(in.len, 0);
    assert_int_equal(f.code, code);
    return f.body;
}

static void forget(void)
{
    void *none = NULL;
    tear_down(&none);
    outq_init(&stream.out);
}

static const struct slice empty = {NULL, 0};

static uint64_t resident(void)
{
    return 69;
}

static void status(void **state)
{
    static struct status_node out;
    (void)state;
    server.config.resident = resident;
    server.config.memory_limit = 1000;
    server.small.limit = 100;
    server.large.limit = 200;
    server.small.purpose[BUDGET_BODIES] = 1;
    server.large.purpose[BUDGET_ANSWERS] = 2;
    cluster.status.memory.data = 5;
    cluster_admin_status(&session, empty);
    assert_int_equal(cluster_msg_decode_status(answered(MSG_CLUSTER_STATUS_RESP), &out), 0);
    assert_int_equal(out.state, STATUS_MEMBER);
    assert_int_equal(out.may_lose, 2);
    assert_true(out.memory.resident == 69 && out.memory.limit == 1000 && out.memory.data == 5);
    assert_string_equal(out.release, version_text);
    assert_true(out.memory.requests == 3 && out.memory.requests_limit == 300);
    assert_true(out.certificates.root == 0 && out.certificates.node == 0 && out.certificates.client == 0);
}

static void describe_certificates(void *arg, struct status_certificates *out)
{
    assert_ptr_equal(arg, &server);
    out->root = 2000;
    out->node = 1000;
}

static void ends_of_certificates(void **state)
{
    static struct status_node out;
    (void)state;
    server.config.certificates = describe_certificates;
    server.config.arg = &server;
    client_certs_open(&server.client_certs, server.clock, NULL, "joe", 9000000000);
    client_certs_open(&server.client_certs, server.clock, NULL, "ann", 8000000000);
    cluster_admin_status(&session, empty);
    assert_int_equal(cluster_msg_decode_status(answered(MSG_CLUSTER_STATUS_RESP), &out), 0);
    assert_int_equal(out.certificates.now, clock_wall_ms(server.clock) / 1000);
    assert_true(out.certificates.root == 2000 && out.certificates.node == 1000);
    assert_true(out.certificates.client == 8000000000);
    assert_string_equal(out.certificates.user, "ann");
    server.config.certificates = NULL;
}

static void pages_of_partitions(void **state)
{
    static struct cluster_partitions_resp out;
    (void)state;
    cluster_admin_partitions(&session, empty);
    assert_int_equal(cluster_msg_decode_partitions(answered(MSG_CLUSTER_PARTITIONS_RESP), &out), 0);
    assert_int_equal(out.total, ROUTER_PARTITIONS_MAX);
    assert_int_equal(out.count, ROUTER_PARTITIONS_MAX);
    assert_int_equal(out.partition[63].number, 63);
    forget();
    cluster_admin_partitions(&session, slice_str("\x08\x3e\x10\x7f")); /* from 62, at most 127 */
    assert_int_equal(cluster_msg_decode_partitions(answered(MSG_CLUSTER_PARTITIONS_RESP), &out), 0);
    assert_int_equal(out.count, 2);
    assert_int_equal(cluster.max, STATUS_PARTITIONS_MAX); /* never more than the answer has room for */
    forget();
    cluster.from = 0;
    cluster_admin_partitions(&session, slice_str("\x08\xff\xff\xff\xff\x0f")); /* from 2^32 - 1 */
    assert_int_equal(cluster_msg_decode_partitions(answered(MSG_CLUSTER_PARTITIONS_RESP), &out), 0);
    assert_int_equal(out.count, 0);
    assert_int_equal(cluster.from, 0);
}

static void transfers(void **state)
{
    static struct cluster_transfers_resp out;
    static const size_t counts[] = {0, 1, STATUS_TRANSFERS_MAX + 1};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        cluster.transfers = counts[i];
        cluster_admin_transfers(&session, empty);
        assert_int_equal(cluster_msg_decode_transfers(answered(MSG_CLUSTER_TRANSFERS_RESP), &out), 0);
        assert_int_equal(out.count, counts[i] > STATUS_TRANSFERS_MAX ? STATUS_TRANSFERS_MAX : counts[i]);
        forget();
    }
}

static unsigned asked_from;

static void describe(void *arg, unsigned from, struct status_discovery *out)
{
    assert_ptr_equal(arg, &asked_from);
    asked_from = from;
    *out = (struct status_discovery){.source_total = 1, .source_count = 1, .source = {{.name = "peers", .size = -1}}};
}

/* A node that seeks is the one that is asked. */
static void discovery(void **state)
{
    static struct status_discovery out;
    (void)state;
    cluster_admin_discovery(&session, empty);
    assert_string_equal(error, "no discovery: this server runs alone and looks for no other nodes");
    error[0] = '\0';
    server.config.discovery = describe;
    server.config.arg = &asked_from;
    cluster_admin_discovery(&session, slice_str("\x08\x40"));
    assert_int_equal(cluster_msg_decode_discovery(answered(MSG_CLUSTER_DISCOVERY_RESP), &out), 0);
    assert_int_equal(asked_from, 64);
    assert_string_equal(out.source[0].name, "peers");
    assert_int_equal(out.candidate_count, 0);
    forget();
    cluster_admin_discovery(&session, slice_str("\x08"));
    assert_non_null(strstr(error, "EphDiscoveryReq could not be decoded"));
    assert_int_equal(metrics.frames_malformed, 1);
}

static struct cluster_ready_resp ask_ready(bool probe)
{
    static struct cluster_ready_resp out;
    forget();
    cluster_admin_ready(&session, probe ? slice_str("\x08\x01") : empty);
    assert_int_equal(cluster_msg_decode_ready(answered(MSG_CLUSTER_READY_RESP), &out), 0);
    return out;
}

/* R-READY */
static void two_kinds_of_ready(void **state)
{
    (void)state;
    assert_true(ask_ready(false).ready);
    assert_false(ask_ready(true).ready);
    cluster.status.state = STATUS_SEEKING;
    cluster.status.ready = false;
    cluster.status.probe = true;
    strcpy(cluster.status.why, "no other node is found");
    assert_false(ask_ready(false).ready);
    assert_string_equal(ask_ready(false).why, "no other node is found");
    assert_int_equal(ask_ready(false).state, STATUS_SEEKING);
    assert_true(ask_ready(true).ready);
    assert_string_equal(ask_ready(true).why, "");
}

#define LEAVE  slice_str("\x08\x01")
#define REFORM slice_str("\x08\x02")

static void acts_of_a_user(void **state)
{
    (void)state;
    cluster_admin_act(&session, LEAVE);
    assert_non_null(strstr(error, "Permission denied: leave takes"));
    assert_non_null(strstr(error, "--root-ca-key"));
    cluster_admin_act(&session, REFORM);
    assert_non_null(strstr(error, "Permission denied: reform"));
    assert_int_equal(cluster.leaves + cluster.reforms, 0);
    assert_int_equal(empty_code, -1);
}

static void acts_of_a_node(void **state)
{
    (void)state;
    session.who.is_node = true;
    cluster_admin_act(&session, LEAVE);
    assert_int_equal(empty_code, MSG_CLUSTER_ACT_RESP);
    assert_int_equal(cluster.leaves, 1);
    empty_code = -1;
    cluster_admin_act(&session, REFORM);
    assert_int_equal(empty_code, MSG_CLUSTER_ACT_RESP);
    assert_true(cluster.reforms == 1 && cluster.left == 0);
    cluster_admin_act(&session, slice_str("\x08\x02\x10\x03")); /* three nodes are left */
    assert_true(cluster.reforms == 2 && cluster.left == 3);
    assert_string_equal(error, "");
}

static void refused_acts(void **state)
{
    static const struct {
        int err;
        const char *text;
    } leaves[] = {{E_EXISTS, "leaves already"}, {E_CLOSED, "in no cluster"}, {E_NOMEM, "out of memory"}};
    (void)state;
    session.who.is_node = true;
    for (size_t i = 0; i < 3; i++) {
        cluster.leave_err = leaves[i].err;
        cluster_admin_act(&session, LEAVE);
        assert_non_null(strstr(error, leaves[i].text));
    }
    cluster.stays_err = E_AGAIN;
    cluster.leaves = 0;
    cluster_admin_act(&session, LEAVE);
    assert_string_equal(error, "unavailable: leave: its cluster has no majority");
    assert_int_equal(cluster.leaves, 0);
    cluster.reform_err = E_INVALID;
    cluster_admin_act(&session, REFORM);
    assert_string_equal(error, "reform --survivors is refused by this node: it is not stranded");
    cluster.reform_err = E_AGAIN;
    cluster_admin_act(&session, REFORM);
    assert_string_equal(error, "unavailable: reform --survivors: it is not stranded");
    assert_int_equal(empty_code, -1);
}

static void malformed(void **state)
{
    (void)state;
    session.who.is_node = true;
    cluster_admin_act(&session, slice_str("\x08\x03"));
    assert_non_null(strstr(error, "EphActReq"));
    cluster_admin_act(&session, empty);
    cluster_admin_partitions(&session, slice_str("\x08"));
    assert_non_null(strstr(error, "EphPartitionsReq"));
    cluster_admin_ready(&session, slice_str("\x0a"));
    assert_non_null(strstr(error, "EphReadyReq"));
    assert_int_equal(metrics.frames_malformed, 4);
    assert_int_equal(cluster.leaves + cluster.reforms, 0);
    assert_int_equal(buf_len(outq_tail(&stream.out)), 0);
}

static void without_a_cluster(void **state)
{
    static void (*const handlers[])(struct session *, struct slice) = {cluster_admin_status, cluster_admin_partitions,
                                                                       cluster_admin_transfers, cluster_admin_ready,
                                                                       cluster_admin_act};
    (void)state;
    server.cluster = NULL;
    session.who.is_node = true;
    for (size_t i = 0; i < 5; i++) {
        error[0] = '\0';
        handlers[i](&session, empty);
        assert_non_null(strstr(error, "no cluster"));
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ends_of_certificates),
        CASE(status),
        CASE(pages_of_partitions),
        CASE(transfers),
        CASE(discovery),
        CASE(two_kinds_of_ready),
        CASE(acts_of_a_user),
        CASE(acts_of_a_node),
        CASE(refused_acts),
        CASE(malformed),
        CASE(without_a_cluster),
    };
    return cmocka_run_group_tests_name("riak/cluster_admin", tests, NULL, NULL);
}
