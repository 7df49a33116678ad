/* SPDX-License-Identifier: Apache-2.0 */
#include "server/guess.h"

#define STEP 1024 /* iterations in a turn: under a millisecond */

static void take_out(struct guess *g)
{
    g->of = NULL;
    list_remove(&g->place);
}

static void on_turn(struct timer *t)
{
    struct guesses *q = LIST_ENTRY(t, struct guesses, turn);
    struct guess *g = LIST_ENTRY(q->waiting.next, struct guess, place);
    bool done = password_step(&g->attempt, STEP);
    if (done)
        take_out(g);
    if (!list_empty(&q->waiting))
        timer_start(q->timers, &q->turn, 0);
    if (done)
        g->done(g, password_end(&g->attempt, &g->password));
}

void guesses_init(struct guesses *q, struct timers *timers)
{
    q->timers = timers;
    list_init(&q->waiting);
    timer_init(&q->turn, on_turn);
}

void guesses_fini(struct guesses *q)
{
    timer_stop(q->timers, &q->turn);
}

void guess_init(struct guess *g, void (*done)(struct guess *g, bool right))
{
    *g = (struct guess){.done = done};
    list_init(&g->place);
}

int guess_begin(struct guesses *q, struct guess *g, const struct password *password, struct slice text)
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

void guess_forget(struct guess *g)
{
    struct guesses *q = g->of;
    if (!q)
        return;
    take_out(g);
    password_end(&g->attempt, &g->password);
    if (list_empty(&q->waiting))
        timer_stop(q->timers, &q->turn);
}
