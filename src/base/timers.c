#include "base/timers.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

void timers_init(struct timers *q, uint64_t (*now_ms)(void *arg), void (*rearm)(void *arg), void *arg)
{
    *q = (struct timers){.now_ms = now_ms, .rearm = rearm, .arg = arg};
}

void timers_fini(struct timers *q)
{
    ASSERT(q->len == 0);
    free(q->heap);
    q->heap = NULL;
}

static void place(struct timers *q, size_t i, struct timer *t)
{
    q->heap[i] = t;
    t->place = i + 1;
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void up(struct timers *q, size_t i)
{
    struct timer *t = q->heap[i];
    for (; i > 0 && is_before(t, q->heap[(i - 1) / 2]); i = (i - 1) / 2)
        place(q, i, q->heap[(i - 1) / 2]);
    place(q, i, t);
}

static void down(struct timers *q, size_t i)
{
    struct timer *t = q->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->len)
            break;
        if (child + 1 < q->len && is_before(q->heap[child + 1], q->heap[child]))
            child++;
        if (!is_before(q->heap[child], t))
            break;
        place(q, i, q->heap[child]);
        i = child;
    }
    place(q, i, t);
}

static void take_out(struct timers *q, struct timer *t)
{
    size_t i = t->place - 1;
    struct timer *last = q->heap[--q->len];
    t->place = 0;
    if (last == t)
        return;
    place(q, i, last);
    up(q, i);
    down(q, last->place - 1);
}

static int reserve(struct timers *q)
{
    if (q->len < q->cap)
        return 0;
    size_t cap = q->cap ? q->cap * 2 : 16;
    struct timer **heap = realloc(q->heap, cap * sizeof(struct timer *));
    if (!heap)
        return E_NOMEM;
    q->heap = heap;
    q->cap = cap;
    return 0;
}

static void tell_driver(struct timers *q, uint64_t before)
{
    if (q->rearm && timers_next_ms(q) != before)
        q->rearm(q->arg);
}

int timer_start(struct timers *q, struct timer *t, uint64_t delay_ms)
{
    uint64_t before = timers_next_ms(q);
    if (t->place)
        take_out(q, t);
    int err = reserve(q);
    if (err)
        return err;
    uint64_t now = q->now_ms(q->arg);
    t->due_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX - 1;
    t->number = q->started++;
    q->len++;
    place(q, q->len - 1, t);
    up(q, q->len - 1);
    tell_driver(q, before);
    return 0;
}

void timer_stop(struct timers *q, struct timer *t)
{
    if (t->place)
        take_out(q, t);
}

uint64_t timers_next_ms(const struct timers *q)
{
    return q->len ? q->heap[0]->due_ms : UINT64_MAX;
}

void timers_run(struct timers *q)
{
    uint64_t now = q->now_ms(q->arg), end = q->started;
    /* Only what runs now: a timer that restarts itself at once must not keep the loop here. Such a one is due now at
     * the earliest, so that none of those that ran before stands behind it. */
    while (q->len && q->heap[0]->due_ms <= now && q->heap[0]->number < end) {
        struct timer *t = q->heap[0];
        take_out(q, t);
        t->fire(t);
    }
}
