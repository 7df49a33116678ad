/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that take many slices of time, lists, queries and map/reduce, share what they take of each turn of the loop:
 * however many there are, others wait no longer for them. Who comes when it is used up goes on in a later turn, in
 * line. */
#ifndef SESSION_TURNS_H
#define SESSION_TURNS_H

#include "base/list.h"
#include "base/timers.h"
#include "io/clock.h"

struct turns {
    struct timers *timers;
    const struct clock *clock;
    struct list waiting;
    uint64_t used_us;   /* of this turn's share */
    uint64_t began_us;  /* the slice that is under way */
    struct timer timer; /* the next turn */
};

struct turn {
    struct list link;
    void (*go_on)(struct turn *t); /* may begin and end another slice */
};

void turns_init(struct turns *all, struct timers *timers, const struct clock *clock);
void turns_fini(struct turns *all); /* nobody waits any more */

void turn_init(struct turn *t, void (*go_on)(struct turn *t));
static inline bool turn_waits(const struct turn *t)
{
    return !list_empty(&t->link);
}

/* Begins a slice: true, and *end_us is when it should end. False: the share is used up, and go_on is called later. */
bool turn_begin(struct turns *all, struct turn *t, uint64_t *end_us);
void turn_end(struct turns *all);
/* go_on is called in a later turn. */
void turn_later(struct turns *all, struct turn *t);
void turn_forget(struct turn *t);

#endif
