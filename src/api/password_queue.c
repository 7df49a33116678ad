/* SPDX-License-Identifier: Apache-2.0 */
#include "api/password_queue.h"

#define STEP 1024 /* iterations in a turn: under a millisecond */

static void take_out(struct password_check *g)
{
    g->of = NULL;
    list_remove(&g->place);
}

static void on_turn(struct timer *t)
{
    struct password_queue *q = LIST_ENTRY(t, struct password_queue, turn);
    struct password_check *g = LIST_ENTRY(q->waiting.next, struct password_check, place);
    bool done = password_step(&g->attempt, STEP);
    if (done)
        take_out(g);
    if (!list_empty(&q->waiting))
        timer_start(q->timers, &q->turn, 0);
    if (done)
        g->done(g, password_end(&g->attempt, &g->password));
}

void password_queue_init(struct password_queue *q, struct timers *timers)
{
    q->timers = timers;
    list_init(&q->waiting);
    timer_init(&q->turn, on_turn);
}

void password_queue_fini(struct password_queue *q)
{
    timer_stop(q->timers, &q->turn);
}

void password_check_init(struct password_check *g, void (*done)(struct password_check *g, bool right))
{
    *g = (struct password_check){.done = done};
    list_init(&g->place);
}

int password_check_begin(struct password_queue *q, struct password_check *g, const struct password *password,
                         struct slice text)
{
    int err = password_begin(&g->attempt, password, text);
    if (err)
        return err;
    g->of = q;
    g->password = *password;
    list_append(&q->waiting, &g->place);
    if (!timer_runs(&q->turn))
        timer_start(q->timers, &q->turn, 0);
    return 0;
}

void password_check_forget(struct password_check *g)
{
    struct password_queue *q = g->of;
    if (!q)
        return;
    take_out(g);
    password_end(&g->attempt, &g->password);
    if (list_empty(&q->waiting))
        timer_stop(q->timers, &q->turn);
}
