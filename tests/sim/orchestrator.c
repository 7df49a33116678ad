/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/orchestrator.h"

#include "sim/world.h"

#include "cluster/cluster_impl.h"

#define INTERVAL_US (10 * SECOND_US) /* between two questions, as src/discovery has it; */
#define REFRESH_US  SECOND_US        /* between two that the cluster wants */
#define SPARES_MAX  3

bool orchestrator_is(const struct sim_options *o)
{
    return faults_include(o, FAULT_API) || faults_include(o, FAULT_REPLACED) || faults_include(o, FAULT_LIE);
}

unsigned orchestrator_spares(const struct sim_options *o)
{
    unsigned free = SIM_NODES_MAX - o->nodes;
    return !faults_include(o, FAULT_REPLACED) ? 0 : free < SPARES_MAX ? free : SPARES_MAX;
}

uint32_t orchestrator_fence_ms(const struct sim_options *o)
{
    return !faults_include(o, FAULT_FENCE) ? 0 : o->long_times ? 30000 : 6000;
}

static struct rng *chance(struct node *n)
{
    return &n->world->faults.chance;
}

static uint64_t lease_us(const struct world *w)
{
    return (w->options.long_times ? 5 : 2) * SECOND_US;
}

/* --- what it says --- */

static bool was_listed(const struct node *n, uint64_t at_us)
{
    if (n->pod.denied)
        return false;
    return n->pod.listed ? at_us >= n->pod.from_us : at_us >= n->pod.from_us && at_us < n->pod.to_us;
}

/* Of which moment an answer is that was made just now. An answer that is older than a lease comes alone; one cache may
 * stand still for longer, which then never goes back. */
static uint64_t moment_of(struct node *n)
{
    struct pod *p = &n->pod;
    uint64_t now = n->world->now_us, old = 0;
    if (!faults_include(&n->world->options, FAULT_API) || n->world->faults.over)
        return now;
    if (now < p->thaw_us)
        return p->frozen_us;
    if (chance_of(chance(n), 3)) {
        p->frozen_us = now;
        p->thaw_us = now + chance_between(chance(n), SECOND_US, 30 * SECOND_US);
        return now;
    }
    if (chance_of(chance(n), 50))
        old = rng_below(chance(n), lease_us(n->world));
    p->was_old = !p->was_old && chance_of(chance(n), 10);
    if (p->was_old)
        old = rng_below(chance(n), 40 * SECOND_US);
    return old < now ? now - old : 0;
}

enum answer { ANSWER_WHOLE, ANSWER_PART, ANSWER_OTHERS, ANSWER_NONE };

/* What is wrong with its answers stays so for a while. */
static enum answer pick_answer(struct node *n)
{
    struct pod *p = &n->pod;
    const struct world *w = n->world;
    if (p->cut_off)
        return ANSWER_NONE;
    if (!faults_include(&w->options, FAULT_API) || w->faults.over)
        return ANSWER_WHOLE;
    if (w->now_us >= p->wrong_until_us) {
        unsigned percent = (unsigned)rng_below(chance(n), 100);
        p->wrong = percent < 12   ? ANSWER_NONE
                   : percent < 30 ? ANSWER_PART
                   : percent < 45 ? ANSWER_OTHERS
                                  : ANSWER_WHOLE;
        p->wrong_until_us = w->now_us + chance_between(chance(n), SECOND_US, 15 * SECOND_US);
    }
    return p->wrong;
}

static unsigned list_moment(struct node *n, enum answer kind, struct cluster_candidate list[SIM_NODES_MAX])
{
    static const char *const others[] = {"10.0.9.1", "10.0.9.2", "10.0.9.3"};
    struct world *w = n->world;
    uint64_t at_us = moment_of(n);
    unsigned count = 0;
    for (unsigned i = 0; kind == ANSWER_OTHERS && i < 3; i++)
        list[count++] = (struct cluster_candidate){others[i], PORT_EPMD};
    for (unsigned i = 0; kind != ANSWER_OTHERS && i < w->nodes; i++)
        if (was_listed(&w->node[i], at_us) && (kind == ANSWER_WHOLE || &w->node[i] == n || chance_of(chance(n), 60)))
            list[count++] = (struct cluster_candidate){w->node[i].address, PORT_EPMD};
    return count;
}

static void on_answer(struct timer *t)
{
    struct node *n = LIST_ENTRY(t, struct node, pod.answer);
    struct cluster_candidate list[SIM_NODES_MAX + 3];
    if (n->paused) {
        world_timer(n->world, t, SECOND_US);
        return;
    }
    enum answer kind = pick_answer(n);
    n->pod.asking = false;
    if (kind == ANSWER_NONE || !node_runs(n))
        return;
    struct cluster_roster r = {
        .places = list, .count = list_moment(n, kind, list), .asked_ms = n->pod.asked_ms, .whole = kind != ANSWER_PART};
    trace_line(&n->world->trace, LOG_DEBUG, n->name, "the API lists %zu nodes%s", r.count,
               kind == ANSWER_PART     ? ", not all"
               : kind == ANSWER_OTHERS ? ", of another cluster"
                                       : "");
    node_hear_roster(n, &r);
}

/* --- when it is asked --- */

/* A node that seeks others asks more often. */
static bool is_due(const struct node *n)
{
    const struct pod *p = &n->pod;
    bool seeks = n->cluster->phase == PHASE_SEEKING || n->cluster->phase == PHASE_STRANDED;
    return !p->asking && (p->refreshes || seeks || !p->asked_us || n->world->now_us - p->asked_us >= INTERVAL_US);
}

static void on_question(struct timer *t)
{
    struct node *n = LIST_ENTRY(t, struct node, pod.question);
    struct pod *p = &n->pod;
    world_timer(n->world, t, SECOND_US);
    if (!node_runs(n) || !is_due(n))
        return;
    bool late = faults_include(&n->world->options, FAULT_API) && chance_of(chance(n), 20);
    p->refreshes = false;
    p->asking = true;
    p->asked_us = n->world->now_us;
    p->asked_ms = node_boot_us(n) / 1000;
    world_timer(n->world, &p->answer,
                chance_between(chance(n), SECOND_US / 100, late ? 4 * SECOND_US : SECOND_US / 10));
}

void orchestrator_refresh(void *node)
{
    struct node *n = node;
    struct pod *p = &n->pod;
    uint64_t soonest = p->asked_us + REFRESH_US, now = n->world->now_us;
    if (p->refreshes || p->asking)
        return;
    p->refreshes = true;
    timer_stop(&n->world->timers, &p->question);
    world_timer(n->world, &p->question, soonest > now ? soonest - now : 0);
}

void orchestrator_init(struct node *n)
{
    timer_init(&n->pod.question, on_question);
    timer_init(&n->pod.answer, on_answer);
}

void orchestrator_begin(struct node *n)
{
    n->pod.asking = n->pod.refreshes = false;
    n->pod.asked_us = 0;
    if (orchestrator_is(&n->world->options))
        world_timer(n->world, &n->pod.question, rng_below(chance(n), SECOND_US));
}

void orchestrator_end(struct node *n)
{
    timer_stop(&n->world->timers, &n->pod.question);
    timer_stop(&n->world->timers, &n->pod.answer);
}

void orchestrator_list(struct node *n, bool listed)
{
    n->pod.listed = listed;
    if (listed)
        n->pod.from_us = n->world->now_us;
    else
        n->pod.to_us = n->world->now_us;
}
