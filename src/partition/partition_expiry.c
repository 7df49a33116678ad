/* SPDX-License-Identifier: Apache-2.0 */
/* A partition's commands that nobody asked for: its time moves on, and what is due goes; and those of one that is
 * alone.
 */
#include "partition/partition.h"

#include "wire/command_msg.h"

/* How long one turn of the loop may free what is due. */
#define EXPIRE_SLICE_US 500

int partition_commit_solo(struct partition *p, struct store_command *c, struct store_result *result)
{
    c->stamp_ms = partition_now_ms(p);
    c->revision = (struct revision){partition_state(p)->epoch, p->generation, ++p->index};
    return store_apply(p->store, c, result);
}

static void propose_tick(struct partition *p)
{
    struct store_command tick = {.op = STORE_TICK, .stamp_ms = partition_now_ms(p)};
    struct store_result ignored;
    if (!p->group) {
        partition_commit_solo(p, &tick, &ignored);
        return;
    }
    struct blob *b = p->tick_index ? NULL : command_encode(&tick);
    if (b && group_propose(p->group, b, &p->tick_index))
        p->tick_index = 0;
    partition_mark_dirty(p);
}

void partition_tick(struct partition *p)
{
    propose_tick(p);
}

void partition_schedule_expiry(struct partition *p)
{
    struct timers *timers = p->set->env.timers;
    uint64_t due = p->store && partition_leads(p) ? store_due_ms(p->store) : UINT64_MAX, now = partition_now_ms(p);
    if (due == UINT64_MAX)
        return;
    uint64_t delay = due > now ? due - now : 0;
    if (p->group && group_is_transferring(p->group) && delay < *p->set->env.heartbeat_ms)
        delay = *p->set->env.heartbeat_ms; /* until it is over, nothing can be proposed */
    if (timer_runs(&p->expiry) && p->expiry.due_ms <= partition_clock_ms(p) + delay)
        return;
    timer_start(timers, &p->expiry, delay);
}

/* However many partitions have something due, together they have one slice of a turn. */
static bool may_expire(struct partitions *s)
{
    if (s->expiry_over)
        return false;
    uint64_t now_us = clock_precise_us(s->env.clock);
    if (!s->expiry_end_us)
        s->expiry_end_us = now_us + EXPIRE_SLICE_US;
    s->expiry_over = now_us >= s->expiry_end_us;
    return !s->expiry_over;
}

/* Frees for a bounded time, where nobody else is to agree; through the log a step at a time. */
void partition_on_expiry(struct timer *t)
{
    struct partition *p = LIST_ENTRY(t, struct partition, expiry);
    if (!partition_leads(p))
        return;
    while (store_due_ms(p->store) <= partition_now_ms(p) && may_expire(p->set)) {
        propose_tick(p);
        if (p->group)
            break;
    }
    if (!p->tick_index)
        partition_schedule_expiry(p);
}
