/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in the network: segments late or lost, connections reset, and cuts. */
#include "sim/faults_impl.h"

#include "sim/world.h"

#include <string.h>

/* Less than that between two cuts is no time to connect again. */
#define RECONNECT_US (2 * SECOND_US)

static void note_cut(struct world *w, unsigned from, unsigned to, bool on)
{
    struct faults *f = &w->faults;
    if (!on)
        f->freed_us[from][to] = w->now_us;
    else if (!f->freed_us[from][to] || w->now_us - f->freed_us[from][to] > RECONNECT_US)
        f->silent_us[from][to] = w->now_us;
}

/* R-GONE: where the API names somebody who runs, that is as if silence counted as death when a lease is over. */
static uint64_t silence_us(const struct world *w)
{
    uint64_t lease_us = (w->options.long_times ? 5 : 2) * SECOND_US;
    return faults_include(&w->options, FAULT_LIE) ? lease_us : faults_lost_after_us(w) - SECOND_US;
}

bool faults_silence_long(const struct world *w)
{
    for (unsigned from = 0; from < w->nodes; from++)
        for (unsigned to = 0; to < w->nodes; to++)
            if (w->network.cut[from][to] && w->now_us - w->faults.silent_us[from][to] >= silence_us(w))
                return true;
    return false;
}

/* What any of the actors cuts is cut. */
void faults_apply_cuts(struct world *w)
{
    for (unsigned from = 0; from < SITES; from++)
        for (unsigned to = 0; to < SITES; to++) {
            bool on = false;
            for (unsigned i = 0; i < w->faults.actors; i++)
                on |= w->faults.actor[i].acts && w->faults.actor[i].cut[from][to];
            if (on == w->network.cut[from][to])
                continue;
            note_cut(w, from, to, on);
            network_cut(&w->network, from, to, on);
        }
}

void faults_cut_apart(struct actor *a, const bool side[SIM_NODES_MAX])
{
    for (unsigned from = 0; from < a->world->nodes; from++)
        for (unsigned to = 0; to < a->world->nodes; to++)
            a->cut[from][to] = side[from] != side[to];
    faults_apply_cuts(a->world);
}

uint64_t faults_begin_delay(struct actor *a)
{
    struct world *w = a->world;
    unsigned one = faults_any_node(w), most = chance_of(faults_chance(w), 50) ? 10000 : 400000;
    uint32_t late = (uint32_t)chance_between(faults_chance(w), 1000, most);
    faults_tell(a, "late, at most by ms", late / 1000, one);
    for (unsigned i = 0; i < SITES; i++)
        w->network.late_us[one][i] = w->network.late_us[i][one] = late;
    a->node[0] = one;
    return faults_short_us(w);
}

void faults_end_delay(struct actor *a)
{
    for (unsigned i = 0; i < SITES; i++)
        a->world->network.late_us[a->node[0]][i] = a->world->network.late_us[i][a->node[0]] = 0;
}

uint64_t faults_begin_loss(struct actor *a)
{
    struct world *w = a->world;
    unsigned one = faults_any_node(w), percent = (unsigned)chance_between(faults_chance(w), 1, 30);
    faults_tell(a, "segments lost, in percent", percent, one);
    for (unsigned i = 0; i < SITES; i++)
        w->network.lost_percent[one][i] = w->network.lost_percent[i][one] = percent;
    a->node[0] = one;
    return faults_short_us(w);
}

void faults_end_loss(struct actor *a)
{
    for (unsigned i = 0; i < SITES; i++)
        a->world->network.lost_percent[a->node[0]][i] = a->world->network.lost_percent[i][a->node[0]] = 0;
}

uint64_t faults_begin_reset(struct actor *a)
{
    unsigned count = (unsigned)chance_between(faults_chance(a->world), 1, 4);
    faults_tell(a, "connections reset", count, 0);
    for (unsigned i = 0; i < count; i++)
        network_reset_one(&a->world->network);
    return 1;
}

uint64_t faults_begin_cut(struct actor *a)
{
    struct world *w = a->world;
    bool side[SIM_NODES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        count += side[i] = chance_of(faults_chance(w), 40);
    faults_tell(a, "two parts, one of", count, 0);
    faults_cut_apart(a, side);
    return faults_short_us(w);
}

uint64_t faults_begin_one_way(struct actor *a)
{
    struct world *w = a->world;
    unsigned one = faults_any_node(w), other = faults_any_node(w);
    bool deaf = chance_of(faults_chance(w), 50), all = chance_of(faults_chance(w), 50);
    faults_tell(a, deaf ? "hears nothing of others" : "is not heard by others", one, all ? 99 : other);
    for (unsigned i = 0; i < w->nodes; i++)
        if (i != one && (all || i == other))
            a->cut[deaf ? i : one][deaf ? one : i] = true;
    faults_apply_cuts(w);
    return faults_short_us(w);
}

void faults_end_cut(struct actor *a)
{
    memset(a->cut, 0, sizeof a->cut);
    faults_apply_cuts(a->world);
}
