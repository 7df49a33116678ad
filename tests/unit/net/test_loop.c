/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's turns: timers run once in each, none is forgotten, and reading is shared out fairly. */
#include "net/loop.h"
#include "base/err.h"
#include "support.h"

#include <unistd.h>

struct fixture {
    struct net_loop loop;
    struct timer timer;
    uv_prepare_t turn;
    uint64_t delay_ms;
    uint64_t precise_us; /* what the substituted clock says */
    unsigned fired, fires_wanted, turns;
    unsigned fired_in_turn, fired_in_turn_max;
    unsigned turn_ends, fired_before_end;
};

static uint64_t fake_precise_us(void *arg)
{
    struct fixture *f = arg;
    return f->precise_us;
}

static void on_turn(uv_prepare_t *p)
{
    struct fixture *f = p->data;
    f->turns++;
    f->fired_in_turn = 0;
}

static void on_fire(struct timer *t)
{
    struct fixture *f = LIST_ENTRY(t, struct fixture, timer);
    f->fired++;
    if (++f->fired_in_turn > f->fired_in_turn_max)
        f->fired_in_turn_max = f->fired_in_turn;
    if (f->fired < f->fires_wanted)
        timer_start(&f->loop.timers, t, f->delay_ms);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    assert_int_equal(net_loop_init(&f.loop), 0);
    timer_init(&f.timer, on_fire);
    uv_prepare_init(&f.loop.uv, &f.turn);
    f.turn.data = &f;
    uv_prepare_start(&f.turn, on_turn);
    uv_unref((uv_handle_t *)&f.turn);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    uv_close((uv_handle_t *)&f->turn, NULL);
    net_loop_fini(&f->loop);
    return 0;
}

static void run_timer(struct fixture *f, unsigned times, uint64_t delay_ms)
{
    f->fires_wanted = times;
    f->delay_ms = delay_ms;
    timer_start(&f->loop.timers, &f->timer, delay_ms);
    net_loop_run(&f->loop);
}

/* A mass expiry goes on at once in such a timer: connections are read between its steps. */
static void test_a_timer_that_restarts_itself_at_once_runs_once_per_turn(void **state)
{
    struct fixture *f = *state;
    run_timer(f, 100, 0);
    assert_int_equal(f->fired, 100);
    assert_int_equal(f->fired_in_turn_max, 1);
    assert_true(f->turns >= 100);
}

/* The loop ends when nothing is left to wait for: a wakeup that is lost ends it too soon. */
static void test_no_timer_is_forgotten(void **state)
{
    struct fixture *f = *state;
    run_timer(f, 60, 1);
    assert_int_equal(f->fired, 60);
    /* A wakeup that came early is set anew for the rest, not asked for over and over. */
    assert_true(f->turns < 60 * 20);
}

static void test_a_wakeup_that_comes_too_early(void **state)
{
    struct fixture *f = *state;
    timer_start(&f->loop.timers, &f->timer, 5);
    uv_timer_start(&f->loop.wakeup, f->loop.wakeup.timer_cb, 0, 1);
    net_loop_run(&f->loop);
    assert_int_equal(f->fired, 1);
}

/* The loop ends: nothing is left to wait for. */
static void test_a_timer_that_is_stopped(void **state)
{
    struct fixture *f = *state;
    timer_start(&f->loop.timers, &f->timer, 5);
    timer_stop(&f->loop.timers, &f->timer);
    net_loop_run(&f->loop);
    assert_int_equal(f->fired, 0);
}

static void begin_turn(struct fixture *f)
{
    uv_ref((uv_handle_t *)&f->turn); /* a loop without anything to wait for takes no turn */
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    uv_unref((uv_handle_t *)&f->turn);
}

static void begin_with_fake_clock(struct fixture *f)
{
    f->loop.clock.precise_us = fake_precise_us;
    f->loop.clock.arg = f;
    f->precise_us = 1000;
    begin_turn(f);
}

static void test_once_per_round(void **state)
{
    struct fixture *f = *state;
    uint64_t a = 0, b = 0;
    begin_with_fake_clock(f);
    assert_true(net_loop_may_read(&f->loop, &a));
    assert_false(net_loop_may_read(&f->loop, &a));
    assert_true(net_loop_may_read(&f->loop, &b));
    begin_turn(f);
    assert_true(net_loop_may_read(&f->loop, &a));
    assert_true(net_loop_may_read(&f->loop, &b));
}

/* The kernel names `a` first in each turn: `b` has its share all the same. */
static void test_who_was_refused_comes_first(void **state)
{
    struct fixture *f = *state;
    uint64_t a = 0, b = 0;
    begin_with_fake_clock(f);
    assert_true(net_loop_may_read(&f->loop, &a));
    f->precise_us += LOOP_TURN_US;
    assert_false(net_loop_may_read(&f->loop, &b));
    begin_turn(f);
    assert_false(net_loop_may_read(&f->loop, &a));
    assert_true(net_loop_may_read(&f->loop, &b));
    begin_turn(f);
    assert_true(net_loop_may_read(&f->loop, &a));
}

static void on_turn_end(void *arg)
{
    struct fixture *f = arg;
    f->turn_ends++;
    f->fired_before_end = f->fired;
}

/* Behind the timers of its turn, and as often as there are turns. */
static void test_the_end_of_each_turn(void **state)
{
    struct fixture *f = *state;
    net_loop_on_turn_end(&f->loop, on_turn_end, f);
    run_timer(f, 3, 0);
    assert_int_equal(f->fired, 3);
    assert_int_equal(f->turn_ends, f->turns);
    begin_turn(f);
    assert_int_equal(f->fired_before_end, 3);
    net_loop_on_turn_end(&f->loop, NULL, NULL);
    unsigned before = f->turn_ends;
    begin_turn(f);
    assert_int_equal(f->turn_ends, before);
}

static void start_once(void *arg)
{
    struct fixture *f = arg;
    if (f->turn_ends++ == 0)
        timer_start(&f->loop.timers, &f->timer, 0);
}

/* The loop does not fall asleep over a timer that the turn's last word has started. */
static void test_a_timer_from_the_end_of_a_turn(void **state)
{
    struct fixture *f = *state;
    f->fires_wanted = 1;
    net_loop_on_turn_end(&f->loop, start_once, f);
    begin_turn(f);
    net_loop_run(&f->loop);
    assert_int_equal(f->fired, 1);
}

/* Nothing is left to do: the loop does not sleep until the timer would have been due. */
static void test_a_stopped_timer_wakes_nobody(void **state)
{
    struct fixture *f = *state;
    alarm(60);
    timer_start(&f->loop.timers, &f->timer, (uint64_t)3600 * 1000);
    timer_stop(&f->loop.timers, &f->timer);
    net_loop_run(&f->loop);
    alarm(0);
    assert_int_equal(f->fired, 0);
}

static void test_errors(void **state)
{
    (void)state;
    assert_int_equal(net_error(0), 0);
    assert_int_equal(net_error(UV_EADDRINUSE), E_EXISTS);
    assert_int_equal(net_error(UV_EACCES), E_DENIED);
    assert_int_equal(net_error(UV_ECONNRESET), E_CLOSED);
    assert_int_equal(net_error(UV_EHOSTUNREACH), E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_timer_that_restarts_itself_at_once_runs_once_per_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_timer_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wakeup_that_comes_too_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_timer_that_is_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once_per_round, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_was_refused_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_of_each_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_timer_from_the_end_of_a_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stopped_timer_wakes_nobody, setup, teardown),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
