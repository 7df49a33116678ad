/* SPDX-License-Identifier: Apache-2.0 */
/* Many who want slices of time share what is theirs of each turn of the loop. */
#include "support.h"

#include "session/turns.h"

#define MANY 10

struct worker {
    struct turn turn;
    unsigned slices, cost_us, left;
};

static struct {
    uint64_t now_ms, now_us;
    struct timers timers;
    struct clock clock;
    struct turns turns;
    struct worker worker[MANY];
} r;

static uint64_t now_ms(void *arg)
{
    (void)arg;
    return r.now_ms;
}

static uint64_t now_us(void *arg)
{
    (void)arg;
    return r.now_us;
}

static void work(struct turn *t)
{
    struct worker *w = LIST_ENTRY(t, struct worker, turn);
    uint64_t end_us;
    if (!turn_begin(&r.turns, t, &end_us))
        return;
    assert_int_equal(end_us, r.now_us + 1000);
    w->slices++;
    r.now_us += w->cost_us;
    turn_end(&r.turns);
    if (--w->left)
        turn_later(&r.turns, t);
}

static void begin(unsigned cost_us)
{
    memset(&r, 0, sizeof r);
    r.clock = (struct clock){now_ms, now_us, now_ms, NULL, NULL};
    timers_init(&r.timers, now_ms, NULL, NULL);
    turns_init(&r.turns, &r.timers, &r.clock);
    for (unsigned i = 0; i < MANY; i++) {
        r.worker[i] = (struct worker){.cost_us = cost_us, .left = 5};
        turn_init(&r.worker[i].turn, work);
    }
}

static void end(void)
{
    turns_fini(&r.turns);
    timers_fini(&r.timers);
}

/* However they come, and however many they are. */
static void test_a_share_of_each_turn(void **state)
{
    (void)state;
    begin(1000);
    for (unsigned i = 0; i < MANY; i++)
        work(&r.worker[i].turn); /* all in one turn: two slices fit */
    assert_int_equal(r.now_us, 2000);
    unsigned turns = 1;
    for (; timers_next_ms(&r.timers) != UINT64_MAX; turns++) {
        uint64_t before_us = r.now_us;
        timers_run(&r.timers);
        assert_true(r.now_us - before_us <= 3000);
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(r.worker[i].slices, 5);
    assert_true(turns >= MANY * 5 / 2);
    end();
}

/* Each has one before any has two. */
static void test_in_line(void **state)
{
    (void)state;
    begin(1000);
    for (unsigned i = 0; i < MANY; i++)
        turn_later(&r.turns, &r.worker[i].turn);
    for (unsigned i = 0; i < MANY / 2; i++)
        timers_run(&r.timers);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(r.worker[i].slices, 1);
    for (unsigned i = 0; i < MANY; i++)
        turn_forget(&r.worker[i].turn);
    timers_run(&r.timers);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(r.worker[i].slices, 1);
    end();
}

/* What one has used before is no other turn's. */
static void test_a_turn_begins_anew(void **state)
{
    (void)state;
    begin(2000);
    work(&r.worker[0].turn);
    work(&r.worker[1].turn);
    assert_int_equal(r.worker[1].slices, 0);
    timers_run(&r.timers);
    assert_int_equal(r.worker[0].slices + r.worker[1].slices, 2);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_share_of_each_turn),
        cmocka_unit_test(test_in_line),
        cmocka_unit_test(test_a_turn_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
