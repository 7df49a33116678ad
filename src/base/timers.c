/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timers.h"

#include "base/assert.h"

#include <stddef.h>

/* A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) of the timers themselves: a node's children are a list, of
 * which each knows what stands before it, the parent before the first. */

void timers_init(struct timers *q, uint64_t (*now_ms)(void *arg), void (*rearm)(void *arg), void *arg)
{
    *q = (struct timers){.now_ms = now_ms, .rearm = rearm, .arg = arg};
}

void timers_fini(struct timers *q)
{
    ASSERT(!q->first);
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

/* Two heaps of which each is whole or NULL become one. */
static struct timer *join(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    struct timer *top = is_before(a, b) ? a : b, *under = top == a ? b : a;
    under->before = top;
    under->next = top->child;
    if (under->next)
        under->next->before = under;
    top->child = under;
    return top;
}

static struct timer *cut_next(struct timer **list)
{
    struct timer *t = *list;
    if (!t)
        return NULL;
    *list = t->next;
    t->next = t->before = NULL;
    return t;
}

/* Children that have lost their parent: joined in pairs from the front, then the pairs from the back. */
static struct timer *join_all(struct timer *list)
{
    struct timer *pairs = NULL, *whole = NULL;
    while (list) {
        struct timer *a = cut_next(&list), *b = cut_next(&list), *pair = join(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs)
        whole = join(whole, cut_next(&pairs));
    return whole;
}

static void take_out(struct timers *q, struct timer *t)
{
    struct timer *rest = join_all(t->child);
    t->child = NULL;
    t->runs = false;
    if (t == q->first) {
        q->first = rest;
        return;
    }
    if (t->before->child == t)
        t->before->child = t->next;
    else
        t->before->next = t->next;
    if (t->next)
        t->next->before = t->before;
    t->next = t->before = NULL;
    q->first = join(q->first, rest);
}

void timer_start(struct timers *q, struct timer *t, uint64_t delay_ms)
{
    uint64_t before = timers_next_ms(q), now = q->now_ms(q->arg);
    if (t->runs)
        take_out(q, t);
    t->due_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX - 1;
    t->number = q->started++;
    t->runs = true;
    q->first = join(q->first, t);
    if (q->rearm && timers_next_ms(q) != before)
        q->rearm(q->arg);
}

void timer_stop(struct timers *q, struct timer *t)
{
    if (t->runs)
        take_out(q, t);
}

uint64_t timers_next_ms(const struct timers *q)
{
    return q->first ? q->first->due_ms : UINT64_MAX;
}

void timers_run(struct timers *q)
{
    uint64_t now = q->now_ms(q->arg), end = q->started;
    /* Only what runs now: a timer that restarts itself at once must not keep the loop here. Such a one is due now at
     * the earliest, so that none of those that ran before comes after it. */
    while (q->first && q->first->due_ms <= now && q->first->number < end) {
        struct timer *t = q->first;
        take_out(q, t);
        t->fire(t);
    }
}
