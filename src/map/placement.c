/* SPDX-License-Identifier: Apache-2.0 */
#include "map/placement.h"

#include "base/assert.h"

#include <stdbool.h>
#include <string.h>

#define NOBODY UINT32_MAX

struct plan {
    const uint64_t *live;
    unsigned live_count, replicas;
    struct placement_partition *p;
    unsigned partitions;
    unsigned load[PLACEMENT_MEMBERS_MAX]; /* replicas, or leaders, of each live member */
};

static unsigned index_of(const struct plan *m, uint64_t id)
{
    for (unsigned i = 0; i < m->live_count; i++)
        if (m->live[i] == id)
            return i;
    return NOBODY;
}

static unsigned place_of(const struct placement_partition *p, uint64_t id)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->member[i] == id)
            return i;
    return NOBODY;
}

static void take_out(struct placement_partition *p, unsigned place)
{
    memmove(p->member + place, p->member + place + 1, (p->count - place - 1) * sizeof p->member[0]);
    p->count--;
    p->kept -= place < p->kept;
}

/* --- levelling, of replicas as of leaders --- */

/* Whom each member was reached from, and what would be handed over for it: something of that partition. */
struct search {
    unsigned from[PLACEMENT_MEMBERS_MAX], by[PLACEMENT_MEMBERS_MAX];
    unsigned queue[PLACEMENT_MEMBERS_MAX], head, tail;
};

/* Who could take something over that `at` has in that partition. */
typedef bool (*may_hand)(const struct placement_partition *p, uint64_t from, uint64_t to);
typedef void (*hand)(struct placement_partition *p, uint64_t from, uint64_t to);

static void look_around(const struct plan *m, struct search *s, unsigned at, may_hand may)
{
    for (unsigned i = 0; i < m->partitions; i++)
        for (unsigned to = 0; to < m->live_count; to++)
            if (s->from[to] == NOBODY && may(&m->p[i], m->live[at], m->live[to])) {
                s->from[to] = at;
                s->by[to] = i;
                s->queue[s->tail++] = to;
            }
}

/* Hands one on from `most`, along the shortest chain of members, to the one at whose end has the least. False: all that
 * can be reached have as much, or one less. */
static bool hand_on(struct plan *m, unsigned most, may_hand may, hand give)
{
    struct search s = {.tail = 1};
    unsigned least = most;
    for (unsigned i = 0; i < m->live_count; i++)
        s.from[i] = NOBODY;
    s.from[most] = most;
    s.queue[0] = most;
    while (s.head < s.tail) {
        unsigned at = s.queue[s.head++];
        least = m->load[at] < m->load[least] ? at : least;
        look_around(m, &s, at, may);
    }
    if (m->load[least] + 2 > m->load[most])
        return false;
    m->load[least]++;
    m->load[most]--;
    for (unsigned at = least; at != most; at = s.from[at])
        give(&m->p[s.by[at]], m->live[s.from[at]], m->live[at]);
    return true;
}

/* Those who have the most come first, so that nobody gives what another will have to give back. */
static void level(struct plan *m, may_hand may, hand give)
{
    unsigned highest = 0;
    for (unsigned i = 0; i < m->live_count; i++)
        highest = m->load[i] > highest ? m->load[i] : highest;
    for (unsigned load = highest; load > 1; load--)
        for (unsigned i = 0; i < m->live_count; i++)
            while (m->load[i] == load && hand_on(m, i, may, give))
                ;
}

/* --- replicas --- */

static void drop_the_dead(struct plan *m)
{
    for (unsigned i = 0; i < m->partitions; i++) {
        m->p[i].kept = m->p[i].count;
        for (unsigned k = m->p[i].count; k-- > 0;)
            if (index_of(m, m->p[i].member[k]) == NOBODY)
                take_out(&m->p[i], k);
    }
}

static void count_replicas(struct plan *m)
{
    memset(m->load, 0, sizeof m->load);
    for (unsigned i = 0; i < m->partitions; i++)
        for (unsigned k = 0; k < m->p[i].count; k++)
            m->load[index_of(m, m->p[i].member[k])]++;
}

/* More than there should be: of these, who has the most to carry goes first. */
static void shrink(struct plan *m, struct placement_partition *p)
{
    while (p->count > m->replicas) {
        unsigned most = 0;
        for (unsigned k = 1; k < p->count; k++)
            if (m->load[index_of(m, p->member[k])] > m->load[index_of(m, p->member[most])])
                most = k;
        m->load[index_of(m, p->member[most])]--;
        take_out(p, most);
    }
}

/* A number that partition and member have together (splitmix64's finish). */
static uint64_t mixed(unsigned partition, uint64_t id)
{
    uint64_t x = id + (uint64_t)partition * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Who has less to carry; among equals by chance, or the same would sit together in partition after partition, and when
 * one of them is lost, all its partitions would have the same few to choose from. */
static bool is_better(const struct plan *m, unsigned partition, unsigned a, unsigned b)
{
    if (m->load[a] != m->load[b])
        return m->load[a] < m->load[b];
    return mixed(partition, m->live[a]) < mixed(partition, m->live[b]);
}

static void fill(struct plan *m, unsigned partition)
{
    struct placement_partition *p = &m->p[partition];
    while (p->count < m->replicas) {
        unsigned best = NOBODY;
        for (unsigned i = 0; i < m->live_count; i++)
            if (place_of(p, m->live[i]) == NOBODY && (best == NOBODY || is_better(m, partition, i, best)))
                best = i;
        m->load[best]++;
        p->member[p->count++] = m->live[best];
    }
}

/* A replica that is on its way there only. */
static bool may_redirect(const struct placement_partition *p, uint64_t from, uint64_t to)
{
    unsigned place = place_of(p, from);
    return place != NOBODY && place >= p->kept && place_of(p, to) == NOBODY;
}

static bool may_move(const struct placement_partition *p, uint64_t from, uint64_t to)
{
    return place_of(p, from) != NOBODY && place_of(p, to) == NOBODY;
}

static void move(struct placement_partition *p, uint64_t from, uint64_t to)
{
    take_out(p, place_of(p, from));
    p->member[p->count++] = to;
}

/* --- leaders --- */

static void count_leaders(struct plan *m)
{
    memset(m->load, 0, sizeof m->load);
    for (unsigned i = 0; i < m->partitions; i++) {
        struct placement_partition *p = &m->p[i];
        if (place_of(p, p->leader) == NOBODY)
            p->leader = 0;
        if (p->leader)
            m->load[index_of(m, p->leader)]++;
    }
}

static void appoint(struct plan *m)
{
    for (unsigned i = 0; i < m->partitions; i++) {
        struct placement_partition *p = &m->p[i];
        if (p->leader || p->count == 0)
            continue;
        unsigned least = index_of(m, p->member[0]);
        for (unsigned k = 1; k < p->count; k++)
            if (m->load[index_of(m, p->member[k])] < m->load[least])
                least = index_of(m, p->member[k]);
        p->leader = m->live[least];
        m->load[least]++;
    }
}

static bool may_lead(const struct placement_partition *p, uint64_t from, uint64_t to)
{
    return p->leader == from && place_of(p, to) != NOBODY;
}

static void lead(struct placement_partition *p, uint64_t from, uint64_t to)
{
    (void)from;
    p->leader = to;
}

void placement_compute(const uint64_t *live, unsigned live_count, unsigned replicas, struct placement_partition *p,
                       unsigned partitions)
{
    ASSERT(live_count <= PLACEMENT_MEMBERS_MAX && replicas <= PLACEMENT_REPLICAS_MAX);
    struct plan m = {.live = live,
                     .live_count = live_count,
                     .replicas = replicas < live_count ? replicas : live_count,
                     .p = p,
                     .partitions = partitions};
    drop_the_dead(&m);
    count_replicas(&m);
    for (unsigned i = 0; i < partitions; i++)
        shrink(&m, &p[i]);
    for (unsigned i = 0; i < partitions; i++)
        fill(&m, i);
    level(&m, may_redirect, move);
    level(&m, may_move, move);
    count_leaders(&m);
    appoint(&m);
    level(&m, may_lead, lead);
}
