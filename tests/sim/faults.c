/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/faults_impl.h"

#include "sim/drain.h"
#include "sim/world.h"

#include "base/assert.h"
#include "cluster/cluster_impl.h"

#include <stdio.h>
#include <string.h>

#define DRIFT_MAX_PPM 20000
#define JUMP_MAX_MS   (48 * 3600 * 1000)

uint64_t faults_lost_after_us(const struct world *w)
{
    return (w->options.long_times ? 60 : 9) * SECOND_US;
}

uint64_t faults_clock_error_us(const struct world *w)
{
    return (faults_include(&w->options, FAULT_CLOCK) ? 6 : 3) * SECOND_US + w->network.latest_us;
}

uint64_t faults_outage_us(const struct world *w)
{
    return 10 * SECOND_US + faults_clock_error_us(w) + 2 * faults_lost_after_us(w);
}

bool faults_silence_many(const struct world *w)
{
    for (unsigned i = 0; i < w->faults.actors; i++)
        if (w->faults.actor[i].acts && w->faults.actor[i].kind == FAULT_MAJORITY)
            return true;
    return false;
}

bool faults_are_orderly(const struct world *w)
{
    const uint32_t orderly = 1u << FAULT_DELAY | 1u << FAULT_RESET | 1u << FAULT_CLOCK | 1u << FAULT_KILL |
                             1u << FAULT_POWER | 1u << FAULT_LEAVE | 1u << FAULT_ORDERED | 1u << FAULT_DRAIN;
    /* Who is killed after seconds has handed over what it held only where messages take milliseconds. */
    const uint32_t slow = 1u << FAULT_DELAY | 1u << FAULT_RESET;
    if (faults_include(&w->options, FAULT_DRAIN) && w->options.faults & slow)
        return false;
    return !(w->options.faults & ~orderly) && w->places > 1;
}

void faults_tell(const struct actor *a, const char *what, unsigned x, unsigned y)
{
    trace_line(&a->world->trace, LOG_INFO, "fault", "%s (%u, %u)", what, x, y);
    a->world->faults.began++;
}

unsigned faults_any_node(struct world *w)
{
    unsigned count = (unsigned)rng_below(faults_chance(w), w->places), i = 0;
    while (!w->node[i].pod.listed || count--)
        i++;
    return i;
}

uint64_t faults_short_us(struct world *w)
{
    return chance_between(faults_chance(w), SECOND_US / 20, faults_lost_after_us(w) / 2);
}

/* One of those that run; SIM_NODES_MAX: none. */
static unsigned any_that_runs(struct world *w)
{
    unsigned found = SIM_NODES_MAX, seen = 0;
    for (unsigned i = 0; i < w->nodes; i++)
        if (node_runs(&w->node[i]) && rng_below(faults_chance(w), ++seen) == 0)
            found = i;
    return found;
}

static bool all_run(const struct world *w)
{
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].pod.listed && !node_runs(&w->node[i]))
            return false;
    return true;
}

/* --- one node --- */

static uint64_t begin_pause(struct actor *a)
{
    struct world *w = a->world;
    a->node[0] = any_that_runs(w);
    if (a->node[0] == SIM_NODES_MAX)
        return 0;
    faults_tell(a, "pause", a->node[0], 0);
    node_pause(&w->node[a->node[0]], true);
    return faults_short_us(w);
}

static void end_pause(struct actor *a)
{
    for (unsigned i = 0; i < a->count || i == 0; i++)
        node_pause(&a->world->node[a->node[i]], false);
}

static uint64_t begin_slow(struct actor *a)
{
    struct world *w = a->world;
    a->node[0] = faults_any_node(w);
    w->node[a->node[0]].slow_us =
        (uint32_t)chance_between(faults_chance(w), 1000, chance_of(faults_chance(w), 30) ? 60000 : 5000);
    faults_tell(a, "slow", a->node[0], w->node[a->node[0]].slow_us);
    return faults_short_us(w);
}

static void end_slow(struct actor *a)
{
    a->world->node[a->node[0]].slow_us = 0;
}

/* One wall clock may say anything: an epoch is above the median of those who form it, and they are three at least.
 * While somebody lives who knows the last epoch, every wall clock may. */
static bool may_lie(const struct world *w, unsigned one)
{
    return one == 0 && w->nodes >= 5;
}

static bool may_jump(const struct world *w, unsigned one)
{
    return may_lie(w, one) || (!(w->options.faults & 1u << FAULT_ALL) && witness_epoch_is_known(w, NULL));
}

void faults_keep_clocks(struct world *w)
{
    unsigned set = 0;
    for (unsigned i = 0; i < w->nodes; i++) {
        uint64_t wall = clock_wall_ms(&w->node[i].clock);
        if (may_lie(w, i) || wall >= w->witness.epoch)
            continue;
        w->node[i].wall_ahead_ms += (int64_t)(w->witness.epoch - wall);
        set++;
    }
    if (set)
        trace_line(&w->trace, LOG_INFO, "fault", "nobody lives who knows the last epoch: %u clocks are set right", set);
}

static uint64_t begin_clock(struct actor *a)
{
    struct world *w = a->world;
    unsigned one = faults_any_node(w);
    node_set_drift(&w->node[one], (int32_t)rng_below(faults_chance(w), 2 * DRIFT_MAX_PPM) - DRIFT_MAX_PPM);
    if (may_jump(w, one))
        w->node[one].wall_ahead_ms = (int64_t)rng_below(faults_chance(w), 2 * JUMP_MAX_MS) - JUMP_MAX_MS;
    faults_tell(a, "clock", one, 0);
    return SECOND_US;
}

static uint64_t begin_alloc(struct actor *a)
{
    struct world *w = a->world;
    a->node[0] = faults_any_node(w);
    w->node[a->node[0]].fail_one_in =
        (unsigned)chance_between(faults_chance(w), 50, chance_of(faults_chance(w), 50) ? 500 : 20000);
    faults_tell(a, "its heap fails, once in", a->node[0], w->node[a->node[0]].fail_one_in);
    return faults_short_us(w);
}

static void end_alloc(struct actor *a)
{
    a->world->node[a->node[0]].fail_one_in = 0;
}

/* --- processes --- */

/* As an orchestrator sees it that restarts or ends one node after the other. */
static bool all_are_ready(const struct actor *self)
{
    struct world *w = self->world;
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].pod.listed && !cluster_probe_ready(w->node[i].cluster))
            return false;
    for (unsigned i = 0; i < w->faults.actors; i++) {
        const struct actor *a = &w->faults.actor[i];
        bool ends = a->kind == FAULT_KILL || a->kind == FAULT_POWER || a->kind == FAULT_LEAVE || a->kind == FAULT_DRAIN;
        if (a != self && a->acts && ends)
            return false;
    }
    return true;
}

/* One may end, and another will come. Where the network falls apart and nodes stand still, that they have been ready
 * once says nothing of now. */
bool faults_may_end_one(const struct actor *a)
{
    struct world *w = a->world;
    return all_run(w) && (faults_are_orderly(w) ? all_are_ready(a) : witness_is_whole(w));
}

static uint64_t begin_kill(struct actor *a)
{
    struct world *w = a->world;
    if (!faults_may_end_one(a))
        return 0;
    a->node[0] = faults_any_node(w);
    faults_tell(a, "kill", a->node[0], 0);
    node_kill(&w->node[a->node[0]], a->kind == FAULT_POWER);
    return chance_between(faults_chance(w), 0, 5 * SECOND_US) + 1;
}

static void end_kill(struct actor *a)
{
    node_start(&a->world->node[a->node[0]]);
}

static uint64_t begin_leave(struct actor *a)
{
    struct world *w = a->world;
    if (!faults_may_end_one(a) || w->nodes < 4)
        return 0;
    a->node[0] = faults_any_node(w);
    faults_tell(a, "leave", a->node[0], 0);
    node_leave(&w->node[a->node[0]]);
    return SECOND_US;
}

/* True: it is over. */
static bool go_on_leaving(struct actor *a)
{
    struct node *n = &a->world->node[a->node[0]];
    if (n->cluster)
        return false;
    node_start(n);
    return true;
}

static void pick_nodes(struct actor *a, unsigned count)
{
    struct world *w = a->world;
    bool taken[SIM_NODES_MAX] = {0};
    for (a->count = 0; a->count < count;) {
        unsigned i = faults_any_node(w);
        if (!taken[i])
            a->node[a->count++] = i;
        taken[i] = true;
    }
}

enum { MAJORITY_KILL, MAJORITY_PAUSE, MAJORITY_CUT, MAJORITY_WAYS };

static uint64_t begin_majority(struct actor *a)
{
    struct world *w = a->world;
    unsigned count = w->nodes > 1 ? (unsigned)chance_between(faults_chance(w), 1, w->nodes - 1) : 1;
    bool side[SIM_NODES_MAX] = {0};
    pick_nodes(a, count);
    a->step = (unsigned)rng_below(faults_chance(w), MAJORITY_WAYS);
    faults_tell(a,
                a->step == MAJORITY_KILL    ? "many killed"
                : a->step == MAJORITY_PAUSE ? "many stand still"
                                            : "many cut off",
                count, 0);
    if (a->step != MAJORITY_KILL)
        witness_lose_all(w);
    for (unsigned i = 0; i < count; i++) {
        side[a->node[i]] = true;
        if (a->step == MAJORITY_KILL)
            node_kill(&w->node[a->node[i]], chance_of(faults_chance(w), 30));
        else if (a->step == MAJORITY_PAUSE)
            node_pause(&w->node[a->node[i]], true);
    }
    if (a->step == MAJORITY_CUT)
        faults_cut_apart(a, side);
    return chance_between(faults_chance(w), SECOND_US / 10,
                          a->step == MAJORITY_KILL ? 4 * SECOND_US : 2 * faults_lost_after_us(w));
}

static void end_majority(struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (a->step == MAJORITY_KILL)
            node_start(&a->world->node[a->node[i]]);
        else if (a->step == MAJORITY_PAUSE)
            node_pause(&a->world->node[a->node[i]], false);
    a->count = 0;
    faults_end_cut(a);
}

/* --- an operator's word --- */

enum { WORD_WAITS, WORD_SAID };
#define WORD_PATIENCE 120 /* seconds, for those that are left to serve */

/* Fewer are left than would form again by themselves. */
static uint64_t begin_word(struct actor *a)
{
    struct world *w = a->world;
    unsigned least = w->nodes - w->nodes / 2;
    if (w->nodes < 3 || !witness_is_whole(w))
        return 0;
    pick_nodes(a, (unsigned)chance_between(faults_chance(w), least, w->nodes - 1));
    a->step = WORD_WAITS;
    a->waited = 0;
    faults_tell(a, "most are killed, for an operator to see", a->count, 0);
    for (unsigned i = 0; i < a->count; i++)
        node_kill(&w->node[a->node[i]], chance_of(faults_chance(w), 30));
    return SECOND_US;
}

/* What an operator knows who has counted the processes. */
static bool say_word(struct actor *a)
{
    struct world *w = a->world;
    char why[512];
    unsigned i = any_that_runs(w), left = w->nodes - a->count;
    if (i == SIM_NODES_MAX || cluster_reform_survivors(w->node[i].cluster, left, why, sizeof why))
        return false;
    faults_tell(a, "the word of an operator", i, left);
    return true;
}

static bool those_left_serve(const struct world *w)
{
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct cluster *c = w->node[i].cluster;
        if (c && (c->phase != PHASE_MEMBER || !readiness_is_settled(c) || !lease_is_valid(c) ||
                  !c->meta.state->settings.lowered_seats))
            return false;
    }
    return true;
}

static void end_word(struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++)
        node_start(&a->world->node[a->node[i]]);
    a->count = 0;
}

/* True: it is over. The others come while those that are left serve. */
static bool go_on_with_word(struct actor *a)
{
    if (a->step == WORD_WAITS && say_word(a))
        a->step = WORD_SAID;
    if ((a->step != WORD_SAID || !those_left_serve(a->world)) && ++a->waited < WORD_PATIENCE)
        return false;
    trace_line(&a->world->trace, LOG_INFO, "fault", "after %u s %s", a->waited,
               a->waited < WORD_PATIENCE ? "those that are left serve" : "nobody has served yet");
    end_word(a);
    return true;
}

static uint64_t begin_all(struct actor *a)
{
    struct world *w = a->world;
    faults_tell(a, "all killed", w->nodes, 0);
    for (unsigned i = 0; i < w->nodes; i++)
        node_kill(&w->node[i], false);
    return chance_between(faults_chance(w), 1, 3 * SECOND_US);
}

/* --- starting --- */

static void end_all(struct actor *a)
{
    faults_start_all(a->world);
}

/* One by one; the next when the one before is ready (Kubernetes' OrderedReady). */
static bool go_on_starting(struct actor *a)
{
    struct world *w = a->world;
    bool ordered = faults_include(&w->options, FAULT_ORDERED);
    if (a->step && ordered && w->node[a->step - 1].cluster && !cluster_probe_ready(w->node[a->step - 1].cluster))
        return false;
    if (a->step < w->places)
        node_start(&w->node[a->step++]);
    return a->step == w->places;
}

void faults_start_all(struct world *w)
{
    struct actor *a = &w->faults.actor[0]; /* FAULT_ORDERED's */
    a->acts = true;
    a->step = 0;
    timer_stop(&w->timers, &a->timer);
    world_timer(w, &a->timer, 0);
}

/* --- what discovery says --- */

uint64_t faults_discover(struct node *n)
{
    static char ghost[3][16];
    struct world *w = n->world;
    struct cluster_candidate list[SIM_NODES_MAX + 3];
    bool lies = faults_include(&w->options, FAULT_DISCOVERY) && !w->faults.over && chance_of(faults_chance(w), 70);
    /* While an orchestrator replaces nodes more of them run than there are to be. */
    unsigned count = 0, listed = faults_include(&w->options, FAULT_DRAIN) ? w->options.expected : w->places;
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].pod.listed && (!lies || chance_of(faults_chance(w), 60))) /* too few */
            list[count++] = (struct cluster_candidate){w->node[i].address, PORT_EPMD};
    for (unsigned i = 0; lies && i < 3; i++) { /* what nobody has, or nobody has any more */
        snprintf(ghost[i], sizeof ghost[i], "10.0.9.%u", i + 1);
        if (chance_of(faults_chance(w), 30))
            list[count++] = (struct cluster_candidate){ghost[i], PORT_EPMD};
    }
    bool answered = !lies || chance_of(faults_chance(w), 50);
    cluster_set_candidates(n->cluster, list, count, lies ? count : listed, !lies, answered);
    if (!faults_include(&w->options, FAULT_DISCOVERY))
        return 0;
    return chance_between(faults_chance(w), SECOND_US / 2, 5 * SECOND_US);
}

static uint64_t begin_lie(struct actor *a)
{
    struct world *w = a->world;
    a->count = 1 + (unsigned)rng_below(faults_chance(w), 2);
    for (unsigned i = 0; i < a->count; i++) {
        a->node[i] = faults_any_node(w);
        w->node[a->node[i]].pod.denied = true;
    }
    faults_tell(a, "the API does not list", a->node[0], a->node[a->count - 1]);
    return chance_between(faults_chance(w), SECOND_US, 20 * SECOND_US);
}

static void end_lie(struct actor *a)
{
    for (unsigned i = 0; i < a->count; i++)
        a->world->node[a->node[i]].pod.denied = false;
}

/* --- coming and going --- */

static const struct {
    uint64_t (*begin)(struct actor *a); /* how long it lasts; 0: it could not begin now */
    void (*end)(struct actor *a);
    bool (*go_on)(struct actor *a); /* instead of a length: asked again and again */
    uint64_t rest_s;                /* between two, at most */
} acts[FAULT_COUNT] = {
    [FAULT_DELAY] = {faults_begin_delay, faults_end_delay, NULL, 8},
    [FAULT_LOSS] = {faults_begin_loss, faults_end_loss, NULL, 8},
    [FAULT_RESET] = {faults_begin_reset, NULL, NULL, 4},
    [FAULT_CUT] = {faults_begin_cut, faults_end_cut, NULL, 15},
    [FAULT_ONE_WAY] = {faults_begin_one_way, faults_end_cut, NULL, 15},
    [FAULT_PAUSE] = {begin_pause, end_pause, NULL, 10},
    [FAULT_SLOW] = {begin_slow, end_slow, NULL, 10},
    [FAULT_CLOCK] = {begin_clock, NULL, NULL, 10},
    [FAULT_KILL] = {begin_kill, end_kill, NULL, 10},
    [FAULT_POWER] = {begin_kill, end_kill, NULL, 10},
    [FAULT_MAJORITY] = {begin_majority, end_majority, NULL, 40},
    [FAULT_ALL] = {begin_all, end_all, NULL, 90},
    [FAULT_LEAVE] = {begin_leave, NULL, go_on_leaving, 20},
    [FAULT_ORDERED] = {NULL, NULL, go_on_starting, 0},
    [FAULT_ALLOC] = {begin_alloc, end_alloc, NULL, 10},
    [FAULT_WORD] = {begin_word, end_word, go_on_with_word, 40},
    [FAULT_REPLACED] = {replaced_begin, replaced_end, replaced_go_on, 15},
    [FAULT_LIE] = {begin_lie, end_lie, NULL, 10},
    [FAULT_DRAIN] = {drain_begin, NULL, drain_go_on, 20},
};

/* One node after the other is ended as soon as it may be, more often than not. */
/* What a schedule says for the actor is done next. */
static void follow_schedule(struct actor *a)
{
    struct faults *f = &a->world->faults;
    const struct schedule_entry *e = schedule_find(&f->schedule, a->kind, a->next);
    uint64_t now = a->world->now_us - f->began_us;
    if (!e || f->over)
        return;
    a->next = (size_t)(e - f->schedule.entry);
    world_timer(a->world, &a->timer, e->at_us > now ? e->at_us - now : 0);
}

static void rest(struct actor *a)
{
    if (a->world->faults.schedule.replays) {
        a->acts = false;
        follow_schedule(a);
        return;
    }
    uint64_t us = acts[a->kind].rest_s * SECOND_US;
    if (a->kind == FAULT_KILL && faults_are_orderly(a->world) && chance_of(faults_chance(a->world), 80))
        us = SECOND_US / 10;
    a->acts = false;
    if (us && !a->world->faults.over)
        world_timer(a->world, &a->timer, rng_below(faults_chance(a->world), us));
}

/* Of a schedule: as it could not begin now. */
#define BEGIN_AGAIN_US (SECOND_US / 10)

static void begin(struct actor *a)
{
    struct faults *f = &a->world->faults;
    if (f->schedule.replays)
        f->chance = f->schedule.entry[a->next].chance;
    struct schedule_entry e = {a->world->now_us - f->began_us, a->kind, f->chance};
    a->acts = true;
    uint64_t us = acts[a->kind].begin(a);
    if (us) {
        schedule_record(&f->schedule, &e);
        a->next++;
        world_timer(a->world, &a->timer, us);
    } else if (f->schedule.replays) {
        a->acts = false;
        world_timer(a->world, &a->timer, BEGIN_AGAIN_US);
    } else {
        rest(a);
    }
}

static void go_on(struct actor *a)
{
    if (acts[a->kind].go_on(a))
        rest(a);
    else
        world_timer(a->world, &a->timer,
                    a->kind == FAULT_ORDERED ? chance_between(faults_chance(a->world), 1000, 400000)
                    : a->again_us            ? a->again_us
                                             : SECOND_US);
}

static void on_timer(struct timer *t)
{
    struct actor *a = LIST_ENTRY(t, struct actor, timer);
    if (!a->acts) {
        begin(a);
    } else if (acts[a->kind].go_on) {
        go_on(a);
    } else {
        if (acts[a->kind].end)
            acts[a->kind].end(a);
        rest(a);
        faults_apply_cuts(a->world);
    }
}

static void add_actor(struct world *w, enum fault kind)
{
    struct actor *a = &w->faults.actor[w->faults.actors++];
    *a = (struct actor){.world = w, .kind = kind};
    timer_init(&a->timer, on_timer);
}

void faults_init(struct faults *f, struct world *w)
{
    *f = (struct faults){0};
    schedule_init(&f->schedule, w->options.schedule, w->options.record);
    rng_seed(&f->chance, rng_next(&w->chance));
    add_actor(w, FAULT_ORDERED); /* the first: it starts nodes in any world */
    for (unsigned kind = 0; kind < FAULT_COUNT; kind++)
        if (acts[kind].begin && faults_include(&w->options, kind))
            add_actor(w, kind);
}

void faults_begin(struct world *w)
{
    w->faults.began_us = w->now_us;
    for (unsigned i = 1; i < w->faults.actors; i++)
        rest(&w->faults.actor[i]);
}

void faults_end(struct world *w)
{
    w->faults.over = true;
    trace_line(&w->trace, LOG_INFO, "fault", "all is mended");
    for (unsigned i = 0; i < w->faults.actors; i++) {
        struct actor *a = &w->faults.actor[i];
        timer_stop(&w->timers, &a->timer);
        if (a->acts && acts[a->kind].end && i)
            acts[a->kind].end(a);
        a->acts = false;
        timer_stop(&w->timers, &a->timer);
    }
    faults_apply_cuts(w);
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        node_set_drift(n, 0);
        if (n->cluster)
            node_discover(n);
        else if (n->pod.listed)
            node_start(n);
    }
}

void faults_fini(struct world *w)
{
    schedule_fini(&w->faults.schedule);
    for (unsigned i = 0; i < w->faults.actors; i++)
        timer_stop(&w->timers, &w->faults.actor[i].timer);
}
