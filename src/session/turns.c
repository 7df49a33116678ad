/* SPDX-License-Identifier: Apache-2.0 */
#include "session/turns.h"

#define SLICE_US 1000 /* of one request */
#define SHARE_US 2000 /* of all of them, in one turn of the loop; the last slice may begin before its end */

static void on_turn(struct timer *timer)
{
    struct turns *all = LIST_ENTRY(timer, struct turns, timer);
    all->used_us = 0;
    while (!list_empty(&all->waiting) && all->used_us < SHARE_US) {
        struct turn *t = LIST_ENTRY(all->waiting.next, struct turn, link);
        list_remove(&t->link);
        t->go_on(t);
    }
    if (all->used_us || !list_empty(&all->waiting))
        timer_start(all->timers, &all->timer, 0);
}

void turns_init(struct turns *all, struct timers *timers, const struct clock *clock)
{
    *all = (struct turns){.timers = timers, .clock = clock};
    list_init(&all->waiting);
    timer_init(&all->timer, on_turn);
}

void turns_fini(struct turns *all)
{
    timer_stop(all->timers, &all->timer);
}

void turn_init(struct turn *t, void (*go_on)(struct turn *t))
{
    list_init(&t->link);
    t->go_on = go_on;
}

static void watch(struct turns *all)
{
    if (!timer_runs(&all->timer))
        timer_start(all->timers, &all->timer, 0);
}

void turn_later(struct turns *all, struct turn *t)
{
    list_remove(&t->link);
    list_append(&all->waiting, &t->link);
    watch(all);
}

bool turn_begin(struct turns *all, struct turn *t, uint64_t *end_us)
{
    if (all->used_us >= SHARE_US) {
        turn_later(all, t);
        return false;
    }
    all->began_us = clock_precise_us(all->clock);
    *end_us = all->began_us + SLICE_US;
    return true;
}

void turn_end(struct turns *all)
{
    uint64_t used_us = clock_precise_us(all->clock) - all->began_us;
    all->used_us += used_us ? used_us : 1;
    watch(all);
}

void turn_forget(struct turn *t)
{
    list_remove(&t->link);
}
