/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs get to see, letter by letter: scripts depend on the JSON, people on the tables. */
#include "ephemeralctl/view.h"

#include "support.h"

#include <stdlib.h>

static char *text;
static size_t length;
static FILE *out;

static int set_up(void **state)
{
    (void)state;
    out = open_memstream(&text, &length);
    return out ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fclose(out);
    free(text);
    return 0;
}

static const char *printed(void)
{
    fflush(out);
    return text;
}

static struct status_node sample = {
    .state = STATUS_MEMBER,
    .why = "no answer from [fd00::3]:14369",
    .ready = true,
    .probe = true,
    .serving = true,
    .health = STATUS_DEGRADED,
    .id = 3,
    .incarnation = {{0xa1, 0xb2, 0xc3, 0xd4}},
    .name = "prod",
    .cluster_id = {{0x0f, 0x1e, 0x2d, 0x3c}},
    .epoch = 1712345678901,
    .expected = 5,
    .seats = 5,
    .may_lose = 1,
    .partitions_incomplete = 2,
    .partitions_unavailable = 0,
    .member = {{.id = 1,
                .incarnation = {{0x11}},
                .address = "10.0.0.1",
                .epmd_port = 4369,
                .handoff_port = 8099,
                .state = STATUS_LIVE,
                .seat = true,
                .leader = true,
                .age_ms = 192000,
                .memory_used = 12 << 20,
                .memory_limit = 1 << 30,
                .keys = 123456},
               {.id = 12,
                .incarnation = {{0xee}},
                .address = "fd00::3",
                .epmd_port = 14369,
                .handoff_port = 18099,
                .state = STATUS_SUSPECT,
                .age_ms = 9000,
                .memory_used = 512,
                .memory_limit = 1 << 30,
                .keys = 7,
                .lag = 42},
               {.id = 3,
                .incarnation = {{0xa1, 0xb2, 0xc3, 0xd4}},
                .address = "10.0.0.3",
                .epmd_port = 4369,
                .handoff_port = 8099,
                .state = STATUS_MEMBER_LEAVING,
                .seat = true,
                .age_ms = 90061000,
                .memory_limit = 1 << 30}},
    .member_count = 3,
    .memory = {.resident = 69 << 20,
               .limit = 1 << 30,
               .data = 3 << 19,
               .data_limit = 768 << 20,
               .logs = 38 << 20,
               .logs_limit = 48 << 20,
               .peers = 512,
               .requests = 1 << 20,
               .requests_limit = 160 << 20},
};

static void status(void **state)
{
    (void)state;
    assert_true(view_status(&sample, out));
    assert_string_equal(
        printed(), "cluster      prod (0f1e2d3c), epoch 1712345678901\n"
                   "this node    10.0.0.3:4369, member 3 (a1b2c3d4), ready, serving\n"
                   "health       degraded: no answer from [fd00::3]:14369\n"
                   "members      3 of 5 expected, 5 seats\n"
                   "may lose     1 more node at once, without loss of a majority anywhere\n"
                   "partitions   2 with fewer replicas than they should have\n"
                   "memory       process 69.0 MiB of 1.0 GiB\n"
                   "             data 1.5 MiB of 768.0 MiB, logs 38.0 MiB of 48.0 MiB, "
                   "requests 1.0 MiB of 160.0 MiB, to nodes 512 B, other 28.4 MiB\n"
                   "\n"
                   "   NODE             STATE    SEAT                   DATA    KEYS  LAG    AGE  ID  INCARNATION\n"
                   "   10.0.0.1:4369    live     leader  12.0 MiB of 1.0 GiB  123456    0  3m12s   1  11000000\n"
                   "   [fd00::3]:14369  suspect  -          512 B of 1.0 GiB       7   42     9s  12  ee000000\n"
                   "*  10.0.0.3:4369    leaving  seat         0 B of 1.0 GiB       0    0  1d01h   3  a1b2c3d4\n");
}

static void status_tells_the_ends_of_certificates(void **state)
{
    struct status_node s = {.state = STATUS_SEEKING,
                            .certificates = {.now = 1800000000, .root = 1800000000 + 86400 * 30}};
    (void)state;
    s.certificates.node = s.certificates.now + 86400 * 20 - 1;
    view_status(&s, out);
    assert_non_null(strstr(printed(), "certificates root ends in 30 days, node's own in 19 days (renewed before)\n"));
    s.certificates.client = s.certificates.now - 1;
    strcpy(s.certificates.user, "joe");
    view_status(&s, out);
    assert_non_null(strstr(printed(), "(renewed before), first client's, joe, in -1 days\n"));
    view_status_json(&s, out);
    assert_non_null(strstr(printed(), "\"certificates\":{\"root\":{\"ends\":\"2027-02-14T08:00:00Z\",\"days\":30},"
                                      "\"node\":{\"ends\":\"2027-02-04T07:59:59Z\",\"days\":19},"
                                      "\"client\":{\"user\":\"joe\",\"ends\":\"2027-01-15T07:59:59Z\",\"days\":-1}}"));
}

/* Three of five are gone: nothing may read as if all were well. */
static void status_without_a_quorum(void **state)
{
    struct status_node s = sample;
    (void)state;
    s.state = STATUS_STRANDED;
    s.ready = s.serving = false;
    s.health = STATUS_NO_QUORUM;
    strcpy(s.why, "no quorum: 2 of 5 seats answer, 3 are needed");
    s.may_lose = s.partitions_incomplete = s.partitions_unavailable = -1;
    s.member_count = 1;
    s.memory = (struct status_memory){.resident = UINT64_MAX, .requests = UINT64_MAX, .requests_limit = UINT64_MAX};
    s.member[0].state = STATUS_UNREACHABLE;
    s.member[0].memory_used = s.member[0].memory_limit = s.member[0].keys = s.member[0].lag = UINT64_MAX;
    strcpy(s.member[0].name, "store-0");
    assert_true(view_status(&s, out));
    assert_string_equal(printed(),
                        "cluster      prod (0f1e2d3c), epoch 1712345678901\n"
                        "this node    stranded 3 (a1b2c3d4), not ready, not serving\n"
                        "health       no quorum: 2 of 5 seats answer, 3 are needed\n"
                        "members      1 of 5 expected, 5 seats\n"
                        "may lose     not known\n"
                        "partitions   not known\n"
                        "memory       data 0 B of 0 B, logs 0 B of 0 B, to nodes 0 B\n"
                        "\n"
                        "  NODE           NAME     STATE        SEAT    DATA  KEYS  LAG    AGE  ID  INCARNATION\n"
                        "  10.0.0.1:4369  store-0  unreachable  leader     -     -    -  3m12s   1  11000000\n");
}

static void what_is_lost(void **state)
{
    struct status_node s = sample;
    (void)state;
    s.partitions_unavailable = 1;
    s.partitions_lost = 12;
    s.keys_lost = 18816;
    assert_true(view_status(&s, out));
    assert_non_null(strstr(printed(), "partitions   2 with fewer replicas than they should have, 1 of them without a "
                                      "majority: their keys are unavailable\n"
                                      "lost         12 partitions, with all replicas, since the cluster was first "
                                      "formed: 18816 keys as last counted\n"));
    s.partitions_lost_uncounted = 2;
    assert_true(view_status(&s, out));
    assert_non_null(strstr(printed(), "formed: 18816 keys as last counted, and 2 whose keys nobody had counted\n"));
    s.partitions_lost = s.partitions_lost_uncounted = 1;
    assert_true(view_status(&s, out));
    assert_non_null(strstr(printed(), "lost         1 partition, with all replicas, since the cluster was first "
                                      "formed: 1 whose keys nobody had counted\n"));
}

static void status_of_a_seeker(void **state)
{
    static const struct status_node seeker = {.state = STATUS_SEEKING,
                                              .name = "prod",
                                              .incarnation = {{1}},
                                              .health = STATUS_NO_QUORUM,
                                              .why = "2 of 3\x1b[31m found",
                                              .memory.data = UINT64_MAX, /* an older release says nothing */
                                              .may_lose = -1,
                                              .partitions_incomplete = -1};
    (void)state;
    assert_true(view_status(&seeker, out));
    assert_string_equal(printed(), "cluster      none yet, looks for 'prod'\n"
                                   "this node    seeking (01000000), not ready, not serving\n"
                                   "health       no quorum: 2 of 3\\x1b[31m found\n");
}

static void may_lose(void **state)
{
    struct status_node s = {.state = STATUS_STRANDED, .cluster_id = {{1}}, .may_lose = -1};
    (void)state;
    assert_true(view_status(&s, out));
    assert_non_null(strstr(printed(), "may lose     not known\n"));
    assert_non_null(strstr(printed(), "partitions   all have their replicas\n"));
    s.may_lose = 2;
    assert_true(view_status(&s, out));
    assert_non_null(strstr(printed(), "may lose     2 more nodes at once"));
}

static void status_json(void **state)
{
    (void)state;
    struct status_node s = sample;
    s.member_count = 1;
    view_status_json(&s, out);
    assert_string_equal(
        printed(),
        "{\"state\":\"member\",\"why\":\"no answer from [fd00::3]:14369\",\"health\":\"degraded\",\"ready\":true,"
        "\"probe\":true,\"serving\":true,\"id\":3,"
        "\"incarnation\":\"a1b2c3d4000000000000000000000000\",\"cluster_name\":\"prod\","
        "\"cluster_id\":\"0f1e2d3c000000000000000000000000\",\"epoch\":1712345678901,\"expected\":5,\"seats\":5,"
        "\"may_lose\":1,\"partitions_incomplete\":2,\"partitions_unavailable\":0,\"partitions_lost\":0,"
        "\"partitions_lost_uncounted\":0,\"keys_lost\":0,\"memory\":{\"resident\":72351744,\"limit\":1073741824,"
        "\"data\":1572864,\"data_limit\":805306368,\"logs\":39845888,\"logs_limit\":50331648,\"peers\":512,"
        "\"requests\":1048576,\"requests_limit\":167772160},\"certificates\":{\"root\":null,\"node\":null,\"client\":"
        "null},"
        "\"members\":[{\"id\":1,"
        "\"incarnation\":\"11000000000000000000000000000000\",\"address\":\"10.0.0.1\",\"name\":null,\"epmd_port\":"
        "4369,"
        "\"handoff_port\":8099,\"state\":\"live\",\"seat\":true,\"leader\":true,\"age_ms\":192000,"
        "\"memory_used\":12582912,\"memory_limit\":1073741824,\"keys\":123456,\"lag\":0}]}\n");
}

static void status_json_of_a_seeker(void **state)
{
    static const struct status_node seeker = {.state = STATUS_SEEKING,
                                              .health = STATUS_NO_QUORUM,
                                              .why = "\"alone\"",
                                              .probe = true,
                                              .memory = {.resident = UINT64_MAX, .data = UINT64_MAX},
                                              .may_lose = -1,
                                              .partitions_incomplete = -1,
                                              .partitions_unavailable = -1};
    (void)state;
    view_status_json(&seeker, out);
    assert_string_equal(printed(),
                        "{\"state\":\"seeking\",\"why\":\"\\\"alone\\\"\",\"health\":\"no_quorum\","
                        "\"ready\":false,\"probe\":true,\"serving\":false,\"id\":null,"
                        "\"incarnation\":null,\"cluster_name\":\"\",\"cluster_id\":null,\"epoch\":0,\"expected\":0,"
                        "\"seats\":0,\"may_lose\":null,\"partitions_incomplete\":null,\"partitions_unavailable\":null,"
                        "\"partitions_lost\":0,\"partitions_lost_uncounted\":0,\"keys_lost\":0,"
                        "\"memory\":{\"resident\":null,\"limit\":0,\"data\":null,\"data_limit\":0,\"logs\":0,"
                        "\"logs_limit\":0,\"peers\":0,\"requests\":0,\"requests_limit\":0},"
                        "\"certificates\":{\"root\":null,\"node\":null,\"client\":null},\"members\":[]}\n");
}

static void members(void **state)
{
    (void)state;
    assert_true(view_members(&sample, out));
    assert_string_equal(printed(), "NODE             STATE    ID\n"
                                   "10.0.0.1:4369    live      1\n"
                                   "[fd00::3]:14369  suspect  12\n"
                                   "10.0.0.3:4369    leaving   3\n");
}

static void members_json(void **state)
{
    struct status_node s = sample;
    (void)state;
    s.member_count = 2;
    view_members_json(&s, out);
    assert_string_equal(printed(),
                        "[{\"id\":1,\"incarnation\":\"11000000000000000000000000000000\",\"address\":\"10.0.0.1\","
                        "\"name\":null,\"epmd_port\":4369,\"handoff_port\":8099,\"state\":\"live\"},"
                        "{\"id\":12,\"incarnation\":\"ee000000000000000000000000000000\",\"address\":\"fd00::3\","
                        "\"name\":null,\"epmd_port\":14369,\"handoff_port\":18099,\"state\":\"suspect\"}]\n");
}

static const struct status_partition some[] = {
    {.number = 0,
     .generation = 1,
     .leader = 3,
     .keys = 1000,
     .replica = {{1, true, 0}, {3, true, 17}, {12, false, UINT64_MAX}},
     .replica_count = 3},
    {.number = 63, .generation = 2, .keys = UINT64_MAX, .replica = {{1, true, UINT64_MAX}}, .replica_count = 1},
    {.number = 64, .generation = 1},
};

static void partitions(void **state)
{
    struct table t;
    (void)state;
    view_partitions_begin(&t);
    for (size_t i = 0; i < 3; i++)
        view_partition(&t, &sample, &some[i]);
    assert_true(table_print(&t, out));
    table_fini(&t);
    assert_string_equal(
        printed(), "NUMBER  GENERATION  LEADER         REPLICAS                                        KEYS  LAG\n"
                   "     0           1  10.0.0.3:4369  10.0.0.1:4369, 10.0.0.3:4369, +[fd00::3]:14369  1000   17\n"
                   "    63           2  -              10.0.0.1:4369                                      -    -\n"
                   "    64           1  -                                                                 0    -\n");
}

/* Where all have the same port it is left out; a member that is gone has its id alone. */
static void short_names(void **state)
{
    struct status_node s = sample;
    struct status_partition p = some[0];
    struct table t;
    (void)state;
    s.member[1] = s.member[2];
    s.member_count = 2;
    view_partitions_begin(&t);
    view_partition(&t, &s, &p);
    assert_true(table_print(&t, out));
    table_fini(&t);
    assert_non_null(strstr(printed(), "  10.0.0.3  10.0.0.1, 10.0.0.3, +member 12  1000"));
}

/* The most that a cell must hold. */
static void all_replicas(void **state)
{
    struct status_partition p = {.replica_count = STATUS_REPLICAS_MAX};
    struct table t;
    (void)state;
    for (size_t i = 0; i < STATUS_REPLICAS_MAX; i++)
        p.replica[i].member = UINT64_MAX;
    view_partitions_begin(&t);
    view_partition(&t, &sample, &p);
    assert_true(table_print(&t, out));
    table_fini(&t);
    const char *at = printed();
    for (size_t i = 0; i < STATUS_REPLICAS_MAX; i++, at++) {
        at = strstr(at, "+member 18446744073709551615");
        assert_non_null(at);
    }
}

static void partitions_json(void **state)
{
    struct json j = json_to(out);
    (void)state;
    view_partition_json(&j, &sample, &some[0]);
    view_partition_json(&j, &sample, &some[1]);
    assert_string_equal(
        printed(),
        "{\"number\":0,\"generation\":1,\"leader\":3,\"leader_address\":\"10.0.0.3\",\"keys\":1000,\"replicas\":["
        "{\"member\":1,\"address\":\"10.0.0.1\",\"voter\":true,\"lag\":0},"
        "{\"member\":3,\"address\":\"10.0.0.3\",\"voter\":true,\"lag\":17},"
        "{\"member\":12,\"address\":\"fd00::3\",\"voter\":false,\"lag\":null}]},"
        "{\"number\":63,\"generation\":2,\"leader\":null,\"leader_address\":null,\"keys\":null,\"replicas\":["
        "{\"member\":1,\"address\":\"10.0.0.1\",\"voter\":true,\"lag\":null}]}");
}

static void transfers(void **state)
{
    static const struct status_transfer list[] = {{7, 1, 13, 1000, 3 << 20, 65000}, {63, 3, 1, 0, 0, 0}};
    (void)state;
    assert_true(view_transfers(&sample, list, 0, out));
    assert_true(view_transfers(&sample, list, 2, out));
    view_transfers_json(&sample, list, 1, out);
    view_transfers_json(&sample, list, 0, out);
    assert_string_equal(printed(), "this node sends and receives no copies now\n"
                                   "PARTITION  FROM           TO             KEYS   COPIED    AGE\n"
                                   "        7  10.0.0.1:4369  member 13      1000  3.0 MiB  1m05s\n"
                                   "       63  10.0.0.3:4369  10.0.0.1:4369     0      0 B     0s\n"
                                   "[{\"partition\":7,\"from\":1,\"from_address\":\"10.0.0.1\",\"to\":13,"
                                   "\"to_address\":null,\"keys\":1000,\"bytes\":3145728,"
                                   "\"age_ms\":65000}]\n"
                                   "[]\n");
}

static void states(void **state)
{
    (void)state;
    assert_string_equal(status_node_state_text(STATUS_SEEKING), "seeking");
    assert_string_equal(status_node_state_text(STATUS_LEAVING), "leaving");
    assert_string_equal(status_node_state_text((enum status_node_state)0), "unknown");
    assert_string_equal(status_node_state_text((enum status_node_state)7), "unknown");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(status),
        CASE(status_tells_the_ends_of_certificates),
        CASE(status_without_a_quorum),
        CASE(what_is_lost),
        CASE(status_of_a_seeker),
        CASE(may_lose),
        CASE(status_json),
        CASE(status_json_of_a_seeker),
        CASE(members),
        CASE(members_json),
        CASE(partitions),
        CASE(short_names),
        CASE(all_replicas),
        CASE(partitions_json),
        CASE(transfers),
        CASE(states),
    };
    return cmocka_run_group_tests_name("ephemeralctl/view", tests, NULL, NULL);
}
