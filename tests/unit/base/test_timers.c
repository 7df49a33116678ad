/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"
#include "base/rng.h"
#include "base/timers.h"
#include "support.h"

#define TIMERS 200

/* A clock that stands still until the test moves it, and timers that remember when they fired. */
struct rig {
    uint64_t now_ms;
    unsigned rearms;
    struct timers q;
    struct alarm {
        struct timer timer;
        struct rig *rig;
        unsigned fired;
        unsigned order; /* of its last firing, 1 is the first */
        uint64_t again_ms;
        bool again;
        struct alarm *stops;
    } alarm[TIMERS];
    unsigned order;
};

static uint64_t now_ms(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static void rearm(void *arg)
{
    ((struct rig *)arg)->rearms++;
}

static void on_fire(struct timer *t)
{
    struct alarm *a = LIST_ENTRY(t, struct alarm, timer);
    assert_false(timer_runs(t));
    a->fired++;
    a->order = ++a->rig->order;
    if (a->again)
        timer_start(&a->rig->q, t, a->again_ms);
    if (a->stops)
        timer_stop(&a->rig->q, &a->stops->timer);
}

static void rig_init(struct rig *r)
{
    *r = (struct rig){.now_ms = 1000};
    timers_init(&r->q, now_ms, rearm, r);
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&r->alarm[i].timer, on_fire);
        r->alarm[i].rig = r;
    }
}

static void rig_fini(struct rig *r)
{
    for (int i = 0; i < TIMERS; i++)
        timer_stop(&r->q, &r->alarm[i].timer);
    assert_int_equal(timers_next_ms(&r->q), UINT64_MAX);
    timers_fini(&r->q);
}

static void start(struct rig *r, int i, uint64_t delay_ms)
{
    timer_start(&r->q, &r->alarm[i].timer, delay_ms);
}

static void run_at(struct rig *r, uint64_t at_ms)
{
    r->now_ms = at_ms;
    timers_run(&r->q);
}

static void test_nothing(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(timers_next_ms(&r.q), UINT64_MAX);
    timers_run(&r.q);
    timer_stop(&r.q, &r.alarm[0].timer);
    assert_false(timer_runs(&r.alarm[0].timer));
    assert_int_equal(r.rearms, 0);
    rig_fini(&r);
}

static void test_one_fires_once_when_it_is_due(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    start(&r, 0, 50);
    assert_true(timer_runs(&r.alarm[0].timer));
    assert_int_equal(timers_next_ms(&r.q), 1050);
    run_at(&r, 1049);
    assert_int_equal(r.alarm[0].fired, 0);
    run_at(&r, 1050);
    run_at(&r, 9999);
    assert_int_equal(r.alarm[0].fired, 1);
    rig_fini(&r);
}

static void test_two_fire_in_order(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    start(&r, 0, 20);
    start(&r, 1, 10);
    run_at(&r, 1010);
    assert_int_equal(r.alarm[1].fired, 1);
    assert_int_equal(r.alarm[0].fired, 0);
    start(&r, 1, 5);
    run_at(&r, 2000);
    assert_int_equal(r.alarm[1].order, 2); /* due at 1015 */
    assert_int_equal(r.alarm[0].order, 3); /* due at 1020 */
    rig_fini(&r);
}

/* Equal times: the first started is the first to fire, so that a simulation is repeatable. */
static void test_equal_times_in_order_of_start(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    for (int i = 0; i < TIMERS; i++)
        start(&r, i * 7 % TIMERS, 10);
    run_at(&r, 1010);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(r.alarm[i * 7 % TIMERS].order, i + 1);
    rig_fini(&r);
}

static void test_restart_moves_it(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    start(&r, 0, 10);
    start(&r, 0, 100);
    assert_int_equal(timers_next_ms(&r.q), 1100);
    run_at(&r, 1099);
    assert_int_equal(r.alarm[0].fired, 0);
    start(&r, 0, 0);
    run_at(&r, 1099);
    assert_int_equal(r.alarm[0].fired, 1);
    rig_fini(&r);
}

static void test_stop(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    start(&r, 0, 10);
    start(&r, 1, 20);
    timer_stop(&r.q, &r.alarm[0].timer);
    assert_false(timer_runs(&r.alarm[0].timer));
    assert_int_equal(timers_next_ms(&r.q), 1020);
    run_at(&r, 2000);
    assert_int_equal(r.alarm[0].fired, 0);
    assert_int_equal(r.alarm[1].fired, 1);
    rig_fini(&r);
}

/* One that is due, but is stopped by one that fires before it, does not fire. */
static void test_stopped_while_others_fire(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.alarm[0].stops = &r.alarm[1];
    start(&r, 0, 10);
    start(&r, 1, 20);
    start(&r, 2, 30);
    run_at(&r, 1030);
    assert_int_equal(r.alarm[1].fired, 0);
    assert_int_equal(r.alarm[2].fired, 1);
    rig_fini(&r);
}

/* A timer that starts itself anew at delay 0 waits for the next call, however many others there are. */
static void test_restart_at_once_waits_for_the_next_call(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.alarm[0].again = true;
    start(&r, 0, 0);
    for (int i = 1; i < 100; i++)
        start(&r, i, i < 50 ? 0 : 5000);
    timers_run(&r.q);
    for (int i = 0; i < 50; i++)
        assert_int_equal(r.alarm[i].fired, 1);
    assert_int_equal(timers_next_ms(&r.q), 1000);
    timers_run(&r.q);
    assert_int_equal(r.alarm[0].fired, 2);
    rig_fini(&r);
}

/* One that is far behind fires once for each start, not once for each period that it missed. */
static void test_periodic(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.alarm[0].again = true;
    r.alarm[0].again_ms = 100;
    start(&r, 0, 100);
    run_at(&r, 1100);
    run_at(&r, 1550);
    assert_int_equal(r.alarm[0].fired, 2);
    assert_int_equal(timers_next_ms(&r.q), 1650);
    rig_fini(&r);
}

static void test_tells_the_driver_of_an_earlier_time(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    start(&r, 0, 100);
    assert_int_equal(r.rearms, 1);
    start(&r, 1, 200);
    assert_int_equal(r.rearms, 1);
    start(&r, 2, 50);
    assert_int_equal(r.rearms, 2);
    start(&r, 2, 300); /* the earliest is later now */
    assert_int_equal(r.rearms, 3);
    rig_fini(&r);
}

static void test_works_without_a_driver(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.q.rearm = NULL;
    start(&r, 0, 1);
    run_at(&r, 1001);
    assert_int_equal(r.alarm[0].fired, 1);
    rig_fini(&r);
}

/* UINT64_MAX means that none runs: no timer is ever due then. */
static void test_longest_delay(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    start(&r, 0, UINT64_MAX);
    assert_true(timers_next_ms(&r.q) > UINT64_MAX - 2000 && timers_next_ms(&r.q) < UINT64_MAX);
    run_at(&r, UINT64_MAX - 2000);
    assert_int_equal(r.alarm[0].fired, 0);
    rig_fini(&r);
}

static uint64_t earliest(const struct rig *r)
{
    uint64_t due = UINT64_MAX;
    for (int i = 0; i < TIMERS; i++)
        if (timer_runs(&r->alarm[i].timer) && r->alarm[i].timer.due_ms < due)
            due = r->alarm[i].timer.due_ms;
    return due;
}

/* Each start is answered by one firing, at its time, unless it is stopped or started again before. */
static void test_many_at_random(void **state)
{
    struct rig r;
    struct rng rng;
    (void)state;
    rng_seed(&rng, 1);
    rig_init(&r);
    for (int step = 0; step < 20000; step++) {
        int i = (int)rng_below(&rng, TIMERS);
        if (rng_below(&rng, 4))
            start(&r, i, rng_below(&rng, 1000));
        else
            timer_stop(&r.q, &r.alarm[i].timer);
        assert_int_equal(timers_next_ms(&r.q), earliest(&r));
        run_at(&r, r.now_ms + rng_below(&rng, 5));
        assert_true(earliest(&r) > r.now_ms);
    }
    assert_true(r.order > 1000);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_one_fires_once_when_it_is_due),
        cmocka_unit_test(test_two_fire_in_order),
        cmocka_unit_test(test_equal_times_in_order_of_start),
        cmocka_unit_test(test_restart_moves_it),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stopped_while_others_fire),
        cmocka_unit_test(test_restart_at_once_waits_for_the_next_call),
        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_tells_the_driver_of_an_earlier_time),
        cmocka_unit_test(test_works_without_a_driver),
        cmocka_unit_test(test_longest_delay),
        cmocka_unit_test(test_many_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
