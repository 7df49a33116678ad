/* SPDX-License-Identifier: Apache-2.0 */
/* Reads with r = 1, which any replica answers (promise 3), with what it has. It may be behind: so whoever leads the
 * partition is asked, as long as it can be reached and answers soon, and no majority is asked with it. Else the replica
 * that is here answers, or any other.
 *
 * R-FLOOR: how far a replica was is noted for the client that it answered. What is answered later is not older: a
 * replica that is not as far passes the request on. */
#include "router/op.h"

#include "base/rule.h"

/* Whoever leads is waited for so long, and no longer than half the time that the request has. */
#define LATEST_MS 100

/* --- R-FLOOR --- */

struct peer_mark router_mark(const struct partition *p)
{
    if (!p->replica || !p->whole)
        return (struct peer_mark){0};
    return (struct peer_mark){.epoch = partition_state(p)->epoch,
                              .generation = p->generation,
                              .index = p->group ? group_applied_index(p->group) : p->index,
                              .term = p->group ? group_applied_term(p->group) : PARTITION_BASE_TERM};
}

void router_raise(struct router_floor *f, unsigned partition, const struct peer_mark *m)
{
    if (!f || !m->epoch || m->epoch < f->epoch)
        return;
    if (m->epoch > f->epoch) /* what was before may be lost */
        *f = (struct router_floor){.epoch = m->epoch};
    struct router_floor_mark *at = &f->partition[partition];
    if (m->generation < at->generation || (m->generation == at->generation && m->index <= at->index))
        return;
    at->generation = m->generation;
    at->index = m->index;
    at->term = m->term <= UINT32_MAX ? (uint32_t)m->term : 0;
}

static struct peer_mark floor_of(const struct router_floor *f, unsigned partition)
{
    if (!f)
        return (struct peer_mark){0};
    return (struct peer_mark){.epoch = f->epoch,
                              .generation = f->partition[partition].generation,
                              .index = f->partition[partition].index,
                              .term = f->partition[partition].term};
}

/* A partition that was rebuilt holds all that is left. What some replica has applied is committed: where it is in the
 * log here it can be applied here, too, also when nobody leads; but not while writes wait here for their entries, until
 * the end of a turn in which this replica was deposed: they would be answered from within the call of another. */
static bool has_reached(struct partition *p, const struct peer_mark *floor)
{
    uint64_t epoch = partition_state(p)->epoch;
    if (floor->epoch < epoch || !rule_holds(RULE_FLOOR))
        return true;
    if (floor->epoch > epoch || floor->generation != p->generation)
        return floor->epoch == epoch && floor->generation < p->generation;
    if (router_mark(p).index < floor->index && p->group && list_empty(&p->waiting))
        group_learn_commit(p->group, partition_clock_ms(p), floor->index, floor->term);
    return router_mark(p).index >= floor->index;
}

/* --- reading --- */

/* It leads, and has applied all that was ever answered. */
static bool knows_all(const struct partition *p)
{
    return partition_leads(p) && (!p->group || group_has_committed_own(p->group));
}

static bool can_answer(struct op *w)
{
    return w->partition->whole && has_reached(w->partition, &w->floor);
}

static void read_here(struct op *w)
{
    struct store_result result = {0};
    struct partition *p = w->partition;
    int err = store_get(p->store, &w->key, partition_now_ms(p), &result.object);
    if (err == E_DUE) /* stale it may be, but not older than its end */
        err = E_NOT_FOUND;
    result.exists = err == 0;
    router_seen(w);
    op_finish(w, err, &result);
}

/* Another node asks: who leads, or whoever has it. Who is asked as the leader and knows of another says so; who knows
 * of none answers itself. */
static void answer_any(struct op *w)
{
    struct partition *p = w->partition;
    bool leads = partition_leads(p);
    bool leaves_it = w->kind == PEER_GET_LATEST && !knows_all(p) && (leads || op_can_ask(w, p->leader_hint));
    if (!leaves_it && can_answer(w))
        read_here(w);
    else
        op_refuse(w, leads ? 0 : p->leader_hint);
}

static void ask_leader(struct op *w)
{
    struct partition *p = w->partition;
    if (partition_leads(p)) { /* in a moment it knows all */
        op_wait(w);
        return;
    }
    if (!op_can_ask(w, p->leader_hint) && can_answer(w)) {
        read_here(w);
        return;
    }
    w->asks_leader = true;
    op_forward(w, p->leader_hint);
}

/* Each in turn: that it leads is no reason to ask it again. */
static void ask_anybody(struct op *w)
{
    w->asks_leader = false;
    if (can_answer(w))
        read_here(w);
    else
        op_forward(w, 0);
}

void router_begin_any(struct op *w, const struct router_floor *f)
{
    uint64_t now = router_clock_ms(w->router), half = (w->deadline_ms - now) / 2;
    w->leader_until_ms = now + (half < LATEST_MS ? half : LATEST_MS);
    w->floor = floor_of(f, w->partition->number);
}

void router_read_any(struct op *w)
{
    if (w->from)
        answer_any(w);
    else if (knows_all(w->partition) && can_answer(w))
        read_here(w);
    else if (router_clock_ms(w->router) < w->leader_until_ms)
        ask_leader(w);
    else
        ask_anybody(w);
}
