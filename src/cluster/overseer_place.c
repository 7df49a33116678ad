/* The meta leader's work on the map: where replicas are to be, step by step, and what is done where none are left. */
#include "cluster/cluster_impl.h"

#include "base/rule.h"

/* Partitions that change for balance at once; those that lack a replica do not wait for that. */
#define BALANCE_MAX 4
#define REPAIR_MAX  16

/* --- who counts --- */

static bool is_here(struct cluster *c, uint64_t member)
{
    const struct watch *w = overseer_watch(c, member);
    return meta_member(c->meta.state, member) && w && !overseer_is_suspect(c, w);
}

static unsigned live_members(struct cluster *c, uint64_t live[META_MEMBERS_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->meta.state->member_count; i++) {
        const struct member *m = &c->meta.state->member[i];
        if (m->state == MEMBER_LIVE && is_here(c, m->id))
            live[n++] = m->id;
    }
    return n;
}

/* Positions of everybody who can be heard are known. */
static bool all_renewed(struct cluster *c)
{
    for (unsigned i = 0; i < c->overseer.watch_count; i++) {
        const struct watch *w = c->overseer.watch[i];
        if (!w->renewed && !overseer_is_suspect(c, w))
            return false;
    }
    return true;
}

/* What the partition's leader has said of this generation, not long ago; NULL: nothing. */
static const struct watched_partition *heard(const struct cluster *c, unsigned p)
{
    const struct watched_partition *w = &c->overseer.partition[p];
    return w->heard_ms && now_of(c) - w->heard_ms < c->times.lease &&
                   w->generation == c->meta.state->partition[p].generation
               ? w
               : NULL;
}

static const struct group_member *member_in(const struct watched_partition *w, uint64_t replica)
{
    for (unsigned i = 0; w && i < w->count; i++)
        if (w->member[i].id == replica)
            return &w->member[i];
    return NULL;
}

static void add_change(struct meta_command *m, unsigned partition, enum replica_change what, uint64_t id)
{
    if (m->count < META_CHANGES_MAX)
        m->change[m->count++] = (struct meta_change){(uint16_t)partition, what, id};
}

/* --- creating --- */

static void place_all(struct cluster *c, struct placement_partition p[META_PARTITIONS_MAX])
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned n = live_members(c, live);
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        p[i] = (struct placement_partition){.leader = map->leader};
        for (unsigned k = 0; k < map->replica_count && p[i].count < PLACEMENT_REPLICAS_MAX; k++)
            if (map->replica[k].state != REPLICA_REMOVING)
                p[i].member[p[i].count++] = map->replica[k].member;
    }
    placement_compute(live, n, c->meta.state->settings.replicas, p, partitions_of(c));
}

static bool create(struct cluster *c, struct meta_command *m)
{
    struct placement_partition p[META_PARTITIONS_MAX];
    place_all(c, p);
    m->kind = META_CREATE;
    for (unsigned i = 0; i < partitions_of(c); i++) {
        unsigned lead = 0;
        while (lead < p[i].count && p[i].member[lead] != p[i].leader)
            lead++;
        for (unsigned k = 0; k < p[i].count; k++) /* the preferred leader first */
            m->create[i].member[k] = p[i].member[(k + lead) % p[i].count];
        m->create[i].count = p[i].count;
    }
    return true;
}

/* --- what partitions' leaders have done of it --- */

static bool note_done(struct cluster *c, struct meta_command *m)
{
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        const struct watched_partition *w = heard(c, i);
        for (unsigned k = 0; w && k < map->replica_count; k++) {
            const struct replica *r = &map->replica[k];
            const struct group_member *in = member_in(w, r->id);
            if (r->state == REPLICA_ADDING && in && in->role == GROUP_VOTER)
                add_change(m, i, CHANGE_PRESENT, r->id);
            else if (r->state == REPLICA_REMOVING && !in)
                add_change(m, i, CHANGE_GONE, r->id);
            else if (r->state == REPLICA_PRESENT && !(in && in->role == GROUP_VOTER)) /* it was needed again too late */
                add_change(m, i, CHANGE_REMOVE, r->id);
        }
    }
    m->kind = META_REPLICAS;
    return m->count != 0;
}

/* --- what is to be done --- */

static bool is_in(const struct placement_partition *target, uint64_t member)
{
    for (unsigned i = 0; i < target->count; i++)
        if (target->member[i] == member)
            return true;
    return false;
}

static bool is_changing(const struct partition_map *map)
{
    for (unsigned i = 0; i < map->replica_count; i++)
        if (map->replica[i].state != REPLICA_PRESENT)
            return true;
    return false;
}

/* Its member says that it is of no use any more. */
static bool is_broken(struct cluster *c, unsigned i, const struct replica *r)
{
    const struct watch *w = overseer_watch(c, r->member);
    return w && w->replica[i].replica == r->id && w->replica[i].broken;
}

/* A replica that is not to be there: one whose member is gone first. */
static const struct replica *surplus(struct cluster *c, unsigned i, const struct placement_partition *target, bool here)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->replica_count; k++) {
        const struct replica *r = &map->replica[k];
        bool is_surplus = !is_in(target, r->member) && is_here(c, r->member) == here;
        if (r->state != REPLICA_REMOVING && (is_surplus || (!here && is_broken(c, i, r))))
            return r;
    }
    return NULL;
}

static uint64_t missing(const struct partition_map *map, const struct placement_partition *target)
{
    for (unsigned i = 0; i < target->count; i++)
        if (!meta_replica_of(map, target->member[i]))
            return target->member[i];
    return 0;
}

static unsigned present_here(struct cluster *c, const struct partition_map *map)
{
    unsigned n = 0;
    for (unsigned i = 0; i < map->replica_count; i++)
        n += map->replica[i].state == REPLICA_PRESENT && is_here(c, map->replica[i].member);
    return n;
}

/* R-LOST: a suspect is worked around only where a majority remains. */
static bool majority_is_here(struct cluster *c, const struct partition_map *map)
{
    unsigned voters = 0, here = 0;
    for (unsigned i = 0; i < map->replica_count; i++) {
        if (map->replica[i].state == REPLICA_ADDING)
            continue;
        voters++;
        here += is_here(c, map->replica[i].member);
    }
    return here >= voters / 2 + 1;
}

/* A live replica that was to go, when another was lost meanwhile. */
static const struct replica *needed_again(struct cluster *c, unsigned i, const struct placement_partition *target)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->replica_count && present_here(c, map) < target->count; k++) {
        const struct replica *r = &map->replica[k];
        const struct group_member *in = member_in(heard(c, i), r->id);
        const struct member *m = meta_member(c->meta.state, r->member);
        if (r->state == REPLICA_REMOVING && in && in->role == GROUP_VOTER && m && m->state == MEMBER_LIVE &&
            is_here(c, r->member))
            return r;
    }
    return NULL;
}

/* A suspect's or dead replica: remove, then add. A live one: add, then remove. */
static bool step(struct cluster *c, unsigned i, const struct placement_partition *target, unsigned limit,
                 unsigned *under_way, struct meta_command *m)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    const struct replica *gone = surplus(c, i, target, false), *extra = surplus(c, i, target, true);
    const struct replica *again = needed_again(c, i, target);
    uint64_t wanted = missing(map, target);
    if (!majority_is_here(c, map))
        return false;
    if (gone) { /* costs nothing, and what is being added there never will be */
        add_change(m, i, CHANGE_REMOVE, gone->id);
        return true;
    }
    if (again) {
        add_change(m, i, CHANGE_PRESENT, again->id);
        return true;
    }
    if (is_changing(map) || *under_way >= limit || map->replica_count == META_REPLICAS_MAX)
        return false;
    if (wanted)
        add_change(m, i, CHANGE_ADD, wanted);
    else if (extra && present_here(c, map) > target->count)
        add_change(m, i, CHANGE_REMOVE, extra->id);
    else
        return false;
    ++*under_way;
    return true;
}

static void prefer_leader(struct cluster *c, unsigned i, const struct placement_partition *target,
                          struct meta_command *m)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    const struct replica *r = meta_replica_of(map, target->leader);
    if (target->leader && target->leader != map->leader && r && r->state == REPLICA_PRESENT)
        add_change(m, i, CHANGE_LEADER, target->leader);
}

static bool move(struct cluster *c, struct meta_command *m)
{
    struct placement_partition target[META_PARTITIONS_MAX];
    unsigned under_way = 0;
    place_all(c, target);
    for (unsigned i = 0; i < partitions_of(c); i++)
        under_way += is_changing(&c->meta.state->partition[i]) && heard(c, i);
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        if (map->replica_count == 0)
            continue; /* nothing is left of it: overseer_rebuild() */
        bool lacks = present_here(c, map) < target[i].count;
        if (!step(c, i, &target[i], lacks ? REPAIR_MAX : BALANCE_MAX, &under_way, m))
            prefer_leader(c, i, &target[i], m);
    }
    m->kind = META_REPLICAS;
    return m->count != 0;
}

/* --- rebuilding --- */

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* R-REBUILD: the new generation has as many caught-up voters as it needs to take writes: the old copies can go. */
static bool is_whole(struct cluster *c, unsigned i)
{
    uint64_t live[META_MEMBERS_MAX];
    const struct partition_map *map = &c->meta.state->partition[i];
    unsigned need = smaller(c->meta.state->settings.replicas / 2 + 1, live_members(c, live));
    return heard(c, i) && (present_here(c, map) >= need || !rule_holds(RULE_REBUILD));
}

static bool end_rebuild(struct cluster *c, struct meta_command *m)
{
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        if (map->frozen_count && map->replica_count && is_whole(c, i)) {
            *m = (struct meta_command){.kind = META_WHOLE, .partition = (uint16_t)i, .generation = map->generation};
            return true;
        }
    }
    return false;
}

/* R-LOST: so many of its voters are dead that those who are left are no majority. A suspect may come back. */
static bool is_lost(struct cluster *c, const struct partition_map *map)
{
    unsigned voters = 0, left = 0;
    for (unsigned i = 0; i < map->replica_count; i++) {
        if (map->replica[i].state == REPLICA_ADDING)
            continue;
        voters++;
        left += rule_holds(RULE_LOST) ? meta_member(c->meta.state, map->replica[i].member) != NULL
                                      : is_here(c, map->replica[i].member);
    }
    return map->generation && left < voters / 2 + 1;
}

/* Nobody leads, though all who have it are here or dead. */
static bool lacks_leader(struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    if (!map->generation || heard(c, i))
        return false;
    for (unsigned k = 0; k < map->replica_count; k++)
        if (meta_member(c->meta.state, map->replica[k].member) && !is_here(c, map->replica[k].member))
            return false;
    return true;
}

/* A group that changed its members as one of them died may have no leader for ever, though most of its replicas live.
 * When the others are dead, what any majority has seen is with those who live, and the best of their logs has it. */
static bool is_stuck(struct cluster *c, unsigned i)
{
    struct watched_partition *w = &c->overseer.partition[i];
    uint32_t generation = c->meta.state->partition[i].generation;
    if (!lacks_leader(c, i) || w->stuck_generation != generation) {
        w->stuck_generation = generation;
        w->stuck_ms = now_of(c);
    }
    return now_of(c) - w->stuck_ms >= c->times.stranded_after;
}

static bool is_known(const struct partition_map *map, uint64_t replica)
{
    for (unsigned i = 0; i < map->frozen_count; i++)
        if (map->frozen[i].id == replica)
            return true;
    return meta_replica(map, replica) != NULL;
}

static bool is_better(const struct watched_replica *a, const struct watched_replica *b)
{
    if (a->generation != b->generation)
        return a->generation > b->generation;
    return a->last_term != b->last_term ? a->last_term > b->last_term : a->last_index > b->last_index;
}

/* The best (generation, last term, last index) of the survivors' logs. One whose copy is unfinished holds nothing. */
static const struct watch *find_donor(struct cluster *c, unsigned i)
{
    const struct watch *best = NULL;
    for (unsigned k = 0; k < c->overseer.watch_count; k++) {
        const struct watch *w = c->overseer.watch[k];
        const struct watched_replica *r = &w->replica[i];
        if (!r->whole || !is_here(c, w->member) || !is_known(&c->meta.state->partition[i], r->replica))
            continue;
        if (!best || is_better(r, &best->replica[i]))
            best = w;
    }
    return best;
}

/* R-LOST: somebody who may hold it is silent, and not dead: what it has may be better, or all that is left. */
static bool holder_is_silent(struct cluster *c, const struct partition_map *map)
{
    for (unsigned i = 0; i < map->replica_count; i++)
        if (meta_member(c->meta.state, map->replica[i].member) && !is_here(c, map->replica[i].member))
            return true;
    for (unsigned i = 0; i < map->frozen_count; i++)
        if (meta_member(c->meta.state, map->frozen[i].member) && !is_here(c, map->frozen[i].member))
            return true;
    return false;
}

static uint64_t anybody(struct cluster *c, unsigned i)
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned n = live_members(c, live);
    return n ? live[i % n] : 0;
}

static void count_rebuild(struct cluster *c, unsigned i, const struct watch *donor)
{
    struct overseer *o = &c->overseer;
    uint32_t generation = c->meta.state->partition[i].generation + 1;
    if (donor) {
        o->rebuilt++;
        log_debug(c->config.log, "cluster",
                  "partition %u: building generation %u from what member %llu holds (%llu keys)", i, generation,
                  (unsigned long long)donor->member, (unsigned long long)donor->replica[i].keys);
    } else {
        o->emptied++;
        log_debug(c->config.log, "cluster", "partition %u: no replica survived: generation %u begins empty", i,
                  generation);
    }
}

/* What was lost is counted and said, once for all that was lost together. */
static void tell_rebuilt(struct cluster *c)
{
    struct overseer *o = &c->overseer;
    if (o->rebuilt)
        log_warn(
            c->config.log, "cluster",
            "%u partitions had lost their majority: they are built anew from the best of the survivors; writes that "
            "only the lost replicas had are gone",
            o->rebuilt);
    if (o->emptied)
        log_error(c->config.log, "cluster", "%u partitions are lost, no replica of theirs survived: they begin empty",
                  o->emptied);
    o->rebuilt = o->emptied = 0;
}

/* What they hold is known as it will stay: nobody who takes part still can add to it. */
static bool all_are_frozen(struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->frozen_count; k++) {
        const struct watch *w = overseer_watch(c, map->frozen[k].member);
        if (w && w->replica[i].replica == map->frozen[k].id && !w->replica[i].frozen)
            return false;
    }
    return true;
}

static bool rebuild(struct cluster *c, unsigned i, struct meta_command *m)
{
    const struct watch *donor = find_donor(c, i);
    m->kind = META_REBUILD;
    m->donor = donor ? donor->replica[i].replica : 0;
    m->create[0].member[0] = donor ? donor->member : anybody(c, i);
    if (!m->create[0].member[0])
        return false;
    count_rebuild(c, i, donor);
    return true;
}

/* R-REBUILD: where most of its replicas live, they are frozen first, or they might go on while it is built anew. */
bool overseer_rebuild(struct cluster *c, struct meta_command *m)
{
    if (!all_renewed(c) || !c->meta.state->partition[0].generation)
        return false;
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        bool lost = is_lost(c, map), stuck = is_stuck(c, i);
        if ((!lost && !stuck) || (holder_is_silent(c, map) && rule_holds(RULE_LOST)) || !all_are_frozen(c, i))
            continue;
        m->kind = META_FREEZE;
        m->partition = (uint16_t)i;
        m->generation = map->generation;
        return !lost || rebuild(c, i, m);
    }
    tell_rebuilt(c);
    return false;
}

bool overseer_place(struct cluster *c, struct meta_command *m)
{
    if (!c->meta.state->partition[0].generation)
        return create(c, m);
    return note_done(c, m) || end_rebuild(c, m) || (all_renewed(c) && move(c, m));
}

/* --- R-READY --- */

static bool seats_are_full(struct cluster *c)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(c->meta.group, m), voters = 0, vacant = 0, standing = 0;
    for (unsigned i = 0; i < n; i++) {
        bool live = is_here(c, m[i].id);
        voters += m[i].role == GROUP_VOTER;
        vacant += m[i].role == GROUP_VOTER && !live;
        standing += m[i].role != GROUP_VOTER && live;
    }
    return voters % 2 && (!vacant || !standing);
}

bool overseer_settled(struct cluster *c)
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned need = smaller(c->meta.state->settings.replicas, live_members(c, live));
    if (!c->meta.state->partition[0].generation || !all_renewed(c) || !seats_are_full(c))
        return false;
    for (unsigned i = 0; i < partitions_of(c); i++)
        if (!heard(c, i) || present_here(c, &c->meta.state->partition[i]) < need)
            return false;
    return true;
}
