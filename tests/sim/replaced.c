/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that their orchestrator deletes and starts elsewhere, while they run on: for the seconds that an end takes, or
 * beyond a cut until that heals. */
#include "sim/faults_impl.h"

#include "sim/world.h"

/* What was listed before is not listed again before no answer is so old. */
#define REST_US (45 * SECOND_US)

enum { REPLACED_RUNS_ON, REPLACED_CUT, REPLACED_GONE, REPLACED_HEALED };

static struct node *find_spare(struct world *w)
{
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct pod *p = &w->node[i].pod;
        if (!p->listed && !w->node[i].cluster && (!p->to_us || w->now_us - p->to_us > REST_US))
            return &w->node[i];
    }
    return NULL;
}

static unsigned count_spares(struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct pod *p = &w->node[i].pod;
        n += !p->listed && !w->node[i].cluster && (!p->to_us || w->now_us - p->to_us > REST_US);
    }
    return n;
}

static void pick(struct actor *a, unsigned count)
{
    struct world *w = a->world;
    for (a->count = 0; a->count < count;) {
        unsigned i = (unsigned)rng_below(faults_chance(w), w->nodes), k = 0;
        while (k < a->count && a->node[k] != i)
            k++;
        if (w->node[i].pod.listed && k == a->count)
            a->node[a->count++] = i;
    }
}

static void cut_off(struct actor *a, bool on)
{
    bool side[SITES] = {0};
    for (unsigned i = 0; i < a->count; i++) {
        side[a->node[i]] = true;
        a->world->node[a->node[i]].pod.cut_off = on;
    }
    for (unsigned from = 0; from < SIM_NODES_MAX; from++)
        for (unsigned to = 0; to < SIM_NODES_MAX; to++)
            a->cut[from][to] = on && side[from] != side[to];
    faults_apply_cuts(a->world);
}

/* The orchestrator forgets them, and starts others. What only they hold is given up with that (R-GONE). */
static void replace(struct actor *a)
{
    struct world *w = a->world;
    for (unsigned i = 0; i < a->count; i++)
        orchestrator_list(&w->node[a->node[i]], false);
    witness_give_up(w);
    for (unsigned i = 0; i < a->count; i++) {
        struct node *n = find_spare(w);
        faults_tell(a, "replaced", a->node[i], n->number);
        orchestrator_list(n, true);
        node_start(n);
    }
}

static void end_all(struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (!a->world->node[a->node[i]].pod.listed)
            node_kill(&a->world->node[a->node[i]], false);
}

/* How long the cut lasts before they are replaced. With a fence that is when all of them have closed it. */
static uint64_t patience_us(struct world *w)
{
    uint64_t fence_us = orchestrator_fence_ms(&w->options) * (uint64_t)1000;
    if (fence_us)
        return fence_us + fence_us / 10 + SECOND_US;
    return rng_below(faults_chance(w), faults_lost_after_us(w) / 4);
}

/* ... and afterwards. Without a fence it ends before any of them is lost to the others. */
static uint64_t rest_us(struct world *w)
{
    if (orchestrator_fence_ms(&w->options))
        return chance_between(faults_chance(w), SECOND_US, 3 * faults_lost_after_us(w));
    return chance_between(faults_chance(w), SECOND_US, faults_lost_after_us(w) / 2);
}

uint64_t replaced_begin(struct actor *a)
{
    struct world *w = a->world;
    unsigned most = count_spares(w);
    if (!most || !witness_is_whole(w))
        return 0;
    pick(a, (unsigned)chance_between(faults_chance(w), 1, most));
    a->step = chance_of(faults_chance(w), 25) ? REPLACED_RUNS_ON : REPLACED_CUT;
    if (a->step == REPLACED_RUNS_ON) {
        faults_tell(a, "deleted, and running on", a->count, a->node[0]);
        replace(a);
        return chance_between(faults_chance(w), 1, 2 * SECOND_US);
    }
    faults_tell(a, "cut off from the orchestrator and the others", a->count, a->node[0]);
    cut_off(a, true);
    return patience_us(w) + 1;
}

/* Asked again every second once it has begun. */
bool replaced_go_on(struct actor *a)
{
    struct world *w = a->world;
    if (a->step == REPLACED_CUT) {
        replace(a);
        a->step = REPLACED_GONE;
        a->waited = (unsigned)(rest_us(w) / SECOND_US);
        return false;
    }
    if (a->step == REPLACED_GONE) {
        if (a->waited) {
            a->waited--;
            return false;
        }
        cut_off(a, false); /* their ends follow, sooner or later */
        a->step = REPLACED_HEALED;
        a->waited = (unsigned)rng_below(faults_chance(w), 4);
        return false;
    }
    if (a->step == REPLACED_HEALED && a->waited--)
        return false;
    end_all(a);
    a->count = 0;
    return true;
}

void replaced_end(struct actor *a)
{
    cut_off(a, false);
    end_all(a);
    a->count = 0;
}
