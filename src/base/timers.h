/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of timers with a given clock: no time of its own, so that a simulation drives it as it likes. A timer is
 * embedded in what it belongs to, stays where it is while it runs, and never needs memory: starting one cannot fail. */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timer;
typedef void (*timer_fire)(struct timer *t);

struct timer {
    uint64_t due_ms;
    uint64_t number; /* of its start, which decides between equal times */
    timer_fire fire;
    bool runs;
    struct timer *child, *next, *before; /* the queue's */
};

struct timers {
    struct timer *first;
    uint64_t started; /* how often a timer was started */
    uint64_t (*now_ms)(void *arg);
    /* Called when the earliest due time has changed, so that the driver can wake up in time; may be NULL. */
    void (*rearm)(void *arg);
    void *arg;
};

void timers_init(struct timers *q, uint64_t (*now_ms)(void *arg), void (*rearm)(void *arg), void *arg);
void timers_fini(struct timers *q); /* no timer may run any more */

static inline void timer_init(struct timer *t, timer_fire fire)
{
    *t = (struct timer){.fire = fire};
}

static inline bool timer_runs(const struct timer *t)
{
    return t->runs;
}

/* Starts or restarts: fires once, delay_ms from now, out of timers_run(). */
void timer_start(struct timers *q, struct timer *t, uint64_t delay_ms);
void timer_stop(struct timers *q, struct timer *t); /* also when it does not run */

/* UINT64_MAX: none runs. */
uint64_t timers_next_ms(const struct timers *q);
/* Fires what is due, by time, then in the order of their starts; a timer started by these at delay 0 fires at the next
 * call. */
void timers_run(struct timers *q);

#endif
