/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "cluster/status.h"
#include "router_rig.h"
#include "support.h"

#include <stdio.h>

static void ignore_name(void *arg, struct slice name)
{
    (void)arg;
    (void)name;
}

static void test_write_then_read(void **state)
{
    struct rig r;
    static struct status_node node;
    (void)state;
    rig_init(&r);
    cluster_status(r.alone.cluster, &node);
    rig_put(&r, "b", "k", 0);
    assert_true(r.result.exists && r.result.object.live);
    struct revision written = r.result.object.revision;
    assert_int_equal(written.epoch, node.epoch);
    assert_int_equal(written.generation, 1);
    assert_int_equal(written.index, 3); /* 2 is the base of every group */
    assert_int_equal(rig_get(&r, "b", "k"), 0);
    assert_int_equal(revision_cmp(r.result.object.revision, written), 0);
    struct object_cursor c = {0};
    struct object_sibling s;
    assert_true(object_next(&r.result.object, &c, &s));
    assert_slice_is(s.value, "value");
    assert_int_equal(rig_get(&r, "b", "other"), E_NOT_FOUND);
    assert_int_equal(rig_get(&r, "other", "k"), E_NOT_FOUND);
    rig_fini(&r);
}

static void test_read_of_any_replica(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_put(&r, "b", "k", 0);
    struct store_key k = rig_key(&r, "b", "k");
    router_deliver(&r.request, router_read(r.router, &r.request, &k, true));
    assert_int_equal(rig_answer(&r, 1), 0);
    assert_true(r.result.exists);
    rig_fini(&r);
}

/* One command of a partition is one index; the others have their own counters. */
static void test_each_partition_counts_its_commands(void **state)
{
    struct rig r;
    char one[16], two[16];
    (void)state;
    rig_init(&r);
    strcpy(one, rig_key_in(&r, "b", 7));
    strcpy(two, rig_key_in(&r, "b", 8));
    for (unsigned i = 0; i < 10; i++) {
        rig_put(&r, "b", one, 0);
        assert_int_equal(r.result.object.revision.index, 3 + i);
    }
    rig_put(&r, "b", two, 0);
    assert_int_equal(r.result.object.revision.index, 3);
    rig_fini(&r);
}

static void test_many_keys_use_all_partitions(void **state)
{
    struct rig r;
    char key[16];
    unsigned used[ROUTER_PARTITIONS_MAX] = {0};
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        rig_put(&r, "b", key, 0);
        used[rig_partition(&r, "b", key)]++;
    }
    for (int i = 0; i < ROUTER_PARTITIONS_MAX; i++)
        assert_in_range(used[i], 1, 100); /* 31 on average */
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(rig_get(&r, "b", key), 0);
    }
    assert_int_equal(rig_stats(&r).keys, 2000);
    rig_fini(&r);
}

/* R-RETRY is for what goes through a log: the only replica answers at once, and remembers nobody. */
static void test_writes_that_are_alone_have_no_origin(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 3; i++) {
        struct store_command c = rig_command(&r, STORE_PUT, "b", "k");
        assert_int_equal(rig_write(&r, &c), 0);
        assert_int_equal(c.origin.sequence, 0);
    }
    struct store_stats s = rig_partition_stats(&r, rig_partition(&r, "b", "k"));
    assert_int_equal(s.keys, 1);
    assert_int_equal(s.origins, 0);
    assert_int_equal(s.results, 0);
    rig_fini(&r);
}

static void test_conditions_come_through(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    struct store_command c = rig_command(&r, STORE_PUT, "b", "k");
    c.condition = STORE_IF_ABSENT;
    assert_int_equal(rig_write(&r, &c), 0);
    assert_int_equal(rig_write(&r, &c), E_EXISTS);
    assert_true(r.result.exists); /* what stands in the way is told */
    c.condition = STORE_IF_UNMODIFIED;
    c.context = (struct store_context){CONTEXT_SEEN, r.result.object.revision};
    assert_int_equal(rig_write(&r, &c), 0);
    assert_int_equal(rig_write(&r, &c), E_MODIFIED);
    c = rig_command(&r, STORE_PUT, "b", "large");
    c.rules.size_max = 1;
    assert_int_equal(rig_write(&r, &c), E_TOO_LARGE);
    assert_int_equal(r.result.number, 5);
    assert_int_equal(r.metrics.writes_refused_full, 0);
    rig_fini(&r);
}

/* What can be answered is, without `done`; what cannot waits, and is given to `done` after the call. */
static void test_an_answer_is_there_or_comes_later(void **state)
{
    struct rig r;
    struct bucket_props n = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};
    struct router_scan scan = {0};
    (void)state;
    rig_init(&r);
    struct store_command c = rig_command(&r, STORE_PUT, "b", "k");
    assert_int_equal(router_write(r.router, &r.request, &c), ROUTER_DONE);
    assert_true(r.request.has_result && r.request.result.object.live);
    assert_int_equal(r.request.err, 0);
    struct store_key other = rig_key(&r, "b", "other");
    assert_int_equal(router_read(r.router, &r.request, &other, false), ROUTER_DONE);
    assert_int_equal(r.request.err, E_NOT_FOUND);
    assert_int_equal(router_list_keys(r.router, &r.request, &scan, c.key.type, c.key.bucket, ignore_name, NULL),
                     ROUTER_DONE);
    assert_int_equal(r.request.err, 0);
    assert_false(r.request.has_result);
    assert_int_equal(r.answers, 0);
    assert_null(r.request.op);
    assert_int_equal(router_set_bucket(r.router, &r.request, c.key.type, c.key.bucket, &n), ROUTER_PENDING);
    assert_int_equal(r.answers, 0);
    assert_int_equal(rig_turn(&r), 0);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_read_of_any_replica),
        cmocka_unit_test(test_each_partition_counts_its_commands),
        cmocka_unit_test(test_many_keys_use_all_partitions),
        cmocka_unit_test(test_writes_that_are_alone_have_no_origin),
        cmocka_unit_test(test_conditions_come_through),
        cmocka_unit_test(test_an_answer_is_there_or_comes_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
