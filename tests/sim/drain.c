/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/drain.h"

#include "sim/faults_impl.h"

#include "sim/world.h"

#include "cluster/cluster_impl.h"

#define GRACE_MIN_US (2 * SECOND_US) /* the least that a kubelet gives */
#define GRACE_MAX_US (5 * SECOND_US) /* Mesos' Docker executor */
/* Nobody counts as lost by then. */
#define SERVES_AGAIN_US (3 * SECOND_US)

/* Places are emptied; fresh nodes start there; as many others are told to leave; those that still run are killed. */
enum { DRAIN_EMPTY, DRAIN_FRESH, DRAIN_LEAVE, DRAIN_JUDGE };

static void tell(struct actor *a, const char *what, unsigned count)
{
    trace_line(&a->world->trace, LOG_INFO, "fault", "%s (%u)", what, count);
}

/* `count` of those that run. */
static void pick(struct actor *a, unsigned count)
{
    struct world *w = a->world;
    unsigned running = 0;
    a->count = 0;
    for (unsigned i = 0; i < w->nodes; i++)
        running += node_runs(&w->node[i]);
    for (unsigned i = 0; i < w->nodes && a->count < count; i++) {
        if (!node_runs(&w->node[i]))
            continue;
        if (rng_below(faults_chance(w), running--) < count - a->count)
            a->node[a->count++] = i;
    }
}

static bool all_have_left(const struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (a->world->node[a->node[i]].cluster)
            return false;
    return true;
}

static void leave_all(struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++)
        node_leave(&a->world->node[a->node[i]]);
}

/* As many nodes run as are more than the cluster is to have. */
uint64_t drain_begin(struct actor *a)
{
    struct world *w = a->world;
    if (!faults_may_end_one(a) || w->nodes <= w->options.expected)
        return 0;
    pick(a, w->nodes - w->options.expected);
    faults_tell(a, "places are emptied", a->count, 0);
    leave_all(a);
    a->step = DRAIN_EMPTY;
    return SECOND_US;
}

/* Where the fresh nodes are to be, nobody is left. */
static void start_fresh(struct actor *a)
{
    struct world *w = a->world;
    tell(a, "fresh nodes start", a->count);
    for (unsigned i = 0; i < a->count; i++)
        node_start(&w->node[a->node[i]]);
    a->step = DRAIN_FRESH;
    a->again_us = chance_between(faults_chance(w), 1, chance_of(faults_chance(w), 50) ? SECOND_US : 5 * SECOND_US);
}

static bool are_members(const struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++) {
        const struct cluster *c = a->world->node[a->node[i]].cluster;
        if (!c || c->phase != PHASE_MEMBER)
            return false;
    }
    return true;
}

/* Others than the fresh ones. */
static void tell_others(struct actor *a)
{
    struct world *w = a->world;
    unsigned fresh[SIM_NODES_MAX], count = a->count, left = w->nodes - count;
    a->joined = are_members(a);
    memcpy(fresh, a->node, sizeof fresh);
    a->count = 0;
    for (unsigned i = 0; i < w->nodes; i++) {
        bool is_fresh = false;
        for (unsigned k = 0; k < count; k++)
            is_fresh |= fresh[k] == i;
        if (!is_fresh && rng_below(faults_chance(w), left--) < count - a->count)
            a->node[a->count++] = i;
    }
    tell(a,
         a->joined ? "as many others are told to leave" : "as many others are told to leave, before those are members",
         a->count);
    leave_all(a);
    a->step = DRAIN_LEAVE;
    a->again_us = chance_of(faults_chance(w), 50) ? GRACE_MIN_US : GRACE_MAX_US;
}

static void kill_all(struct actor *a)
{
    struct world *w = a->world;
    for (unsigned i = 0; i < a->count; i++)
        node_kill(&w->node[a->node[i]], false);
    a->step = DRAIN_JUDGE;
    a->again_us = SERVES_AGAIN_US;
}

/* Nobody had to be waited for until it counts as lost: the cluster serves all of its partitions. */
static void judge(const struct actor *a)
{
    static struct status_node s;
    struct world *w = a->world;
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        if (!n->cluster || !a->joined || !faults_are_orderly(w))
            continue;
        cluster_status(n->cluster, &s);
        if (s.state != STATUS_MEMBER || !s.serving || s.partitions_unavailable)
            world_fail(w, "%s does not serve all partitions %u s after several have left: %s", n->name,
                       (unsigned)(SERVES_AGAIN_US / SECOND_US), s.why);
    }
}

bool drain_go_on(struct actor *a)
{
    struct world *w = a->world;
    a->again_us = SECOND_US;
    if (a->step == DRAIN_EMPTY && all_have_left(a))
        start_fresh(a);
    else if (a->step == DRAIN_FRESH)
        tell_others(a);
    else if (a->step == DRAIN_LEAVE)
        kill_all(a);
    else if (a->step == DRAIN_JUDGE) {
        judge(a);
        for (unsigned i = 0; i < a->count; i++)
            node_start(&w->node[a->node[i]]);
        return true;
    }
    return false;
}
