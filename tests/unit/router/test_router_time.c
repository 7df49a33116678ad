/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "router_rig.h"
#include "support.h"

#include <stdio.h>

/* R-TIME: wall clock at the start, monotonic time since. */
static void test_wall_clock_counts_only_at_the_start(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.wall_ms -= 3600000;
    r.boot_ms += 250;
    struct store_command c = rig_command(&r, STORE_PUT, "b", "k");
    assert_int_equal(rig_write(&r, &c), 0);
    assert_int_equal(c.stamp_ms, 1700000000250);
    rig_fini(&r);
}

static void test_key_goes_when_it_is_due(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_put(&r, "b", "k", 100);
    rig_wait(&r, 99);
    assert_int_equal(rig_get(&r, "b", "k"), 0);
    assert_int_equal(rig_stats(&r).expired, 0);
    rig_wait(&r, 1);
    assert_int_equal(rig_stats(&r).keys, 0); /* freed without being read */
    assert_int_equal(rig_stats(&r).expired, 1);
    assert_int_equal(rig_get(&r, "b", "k"), E_NOT_FOUND);
    assert_int_equal(rig_expiry_ms(&r), UINT64_MAX); /* nothing is left to wait for */
    rig_fini(&r);
}

/* The read commits a stamp first, so that no replica gives out what another denied. */
static void test_read_of_a_due_key_before_the_timer(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_put(&r, "b", "k", 100);
    r.boot_ms += 100; /* the timer is late */
    assert_int_equal(rig_get(&r, "b", "k"), E_NOT_FOUND);
    assert_false(r.result.exists);
    rig_put(&r, "b", "k", 0);
    assert_int_equal(r.result.object.revision.index, 5); /* put, stamp, put */
    rig_fini(&r);
}

static void test_earlier_key_moves_the_timer(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_put(&r, "b", "late", 1000);
    assert_int_equal(rig_expiry_ms(&r), 6000);
    rig_put(&r, "b", "later", 2000);
    assert_int_equal(rig_expiry_ms(&r), 6000);
    rig_put(&r, "b", "soon", 10);
    assert_int_equal(rig_expiry_ms(&r), 5010);
    rig_wait(&r, 10);
    assert_int_equal(rig_stats(&r).keys, 2);
    assert_int_equal(rig_expiry_ms(&r), 6000);
    rig_wait(&r, 990);
    assert_int_equal(rig_stats(&r).keys, 1);
    assert_int_equal(rig_expiry_ms(&r), 7000);
    rig_fini(&r);
}

static void test_timer_for_what_is_gone(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_put(&r, "b", "k", 100);
    rig_drop(&r, "b", "k");
    rig_put(&r, "b", "kept", 0);
    rig_wait(&r, 200);
    assert_int_equal(rig_stats(&r).keys, 1);
    assert_int_equal(rig_stats(&r).expired, 0);
    assert_int_equal(rig_expiry_ms(&r), UINT64_MAX);
    rig_fini(&r);
}

static void test_tombstone_is_reaped(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_put(&r, "b", "k", 0);
    struct store_command c = rig_command(&r, STORE_DELETE, "b", "k");
    assert_int_equal(rig_write(&r, &c), 0);
    assert_int_equal(rig_stats(&r).tombstones, 1);
    assert_int_equal(rig_get(&r, "b", "k"), 0);
    assert_false(r.result.object.live);
    rig_wait(&r, 3000);
    assert_int_equal(rig_stats(&r).tombstones, 0);
    assert_int_equal(rig_get(&r, "b", "k"), E_NOT_FOUND);
    rig_fini(&r);
}

static void put_many(struct rig *r, unsigned count, uint64_t ttl_ms)
{
    char key[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "key %u", i);
        rig_put(r, "b", key, ttl_ms);
    }
}

/* However many keys are due together, and however many timers run, one turn takes about a millisecond of them. */
static void test_many_due_together_share_the_turns(void **state)
{
    struct rig r;
    struct timer other[50];
    unsigned turns = 0;
    (void)state;
    rig_init(&r);
    put_many(&r, 20000, 100);
    for (int i = 0; i < 50; i++) {
        timer_init(&other[i], NULL);
        timer_start(&r.timers, &other[i], 60000);
    }
    r.boot_ms += 100;
    r.precise_step_us = 400;
    while (timers_next_ms(&r.timers) <= r.boot_ms) {
        uint64_t before = r.precise_us, keys = rig_stats(&r).keys;
        timers_run(&r.timers);
        cluster_turn(r.alone.cluster);
        assert_true(r.precise_us - before <= 2000);
        assert_true(rig_stats(&r).keys < keys);
        turns++;
    }
    assert_true(turns > 10);
    assert_int_equal(rig_stats(&r).keys, 0);
    assert_int_equal(rig_stats(&r).expired, 20000);
    for (int i = 0; i < 50; i++)
        timer_stop(&r.timers, &other[i]);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall_clock_counts_only_at_the_start),
        cmocka_unit_test(test_key_goes_when_it_is_due),
        cmocka_unit_test(test_read_of_a_due_key_before_the_timer),
        cmocka_unit_test(test_earlier_key_moves_the_timer),
        cmocka_unit_test(test_timer_for_what_is_gone),
        cmocka_unit_test(test_tombstone_is_reaped),
        cmocka_unit_test(test_many_due_together_share_the_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
