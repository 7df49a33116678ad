/* SPDX-License-Identifier: Apache-2.0 */
/* The meta leader's work on the map: where replicas are to be, step by step, and what is done where none are left. */
#include "cluster/cluster_impl.h"

#include "base/rule.h"

/* Partitions that change for balance at once; those that lack a replica, as it is lost or its member leaves, do not
 * wait for that. Those that could lose what they hold, as most of it is with members that leave, wait for nothing. */
#define BALANCE_MAX 4
#define REPAIR_MAX  16
/* For so long none is moved for balance to where a copy did not fit. */
#define FULL_AGAIN_MS 60000

/* --- who counts --- */

bool controller_is_here(struct cluster *c, uint64_t member)
{
    const struct member_view *w = controller_member_view(c, member);
    return meta_member(c->meta.state, member) && w && !controller_is_suspect(c, w);
}

/* Who was admitted, but has not said anything yet, has nothing to wait for, and is given nothing. */
static bool is_awaited(struct cluster *c, const struct member_view *w)
{
    return !c->meta.state->partition[0].generation || controller_holds_replicas(c, w->member);
}

unsigned controller_live_members(struct cluster *c, uint64_t live[META_MEMBERS_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->meta.state->member_count; i++) {
        const struct member_view *w = controller_member_view(c, c->meta.state->member[i].id);
        if (w && controller_is_live(c, w->member) && (w->renewed || is_awaited(c, w)))
            live[n++] = w->member;
    }
    return n;
}

bool controller_all_renewed(struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        const struct member_view *w = c->controller.view[i];
        if (!w->renewed && !controller_is_suspect(c, w) && is_awaited(c, w))
            return false;
    }
    return true;
}

const struct partition_view *controller_heard(const struct cluster *c, unsigned p)
{
    const struct partition_view *w = &c->controller.partition[p];
    return w->heard_ms && now_of(c) - w->heard_ms < c->times.lease &&
                   w->generation == c->meta.state->partition[p].generation
               ? w
               : NULL;
}

static const struct group_member *member_in(const struct partition_view *w, uint64_t replica)
{
    for (unsigned i = 0; w && i < w->count; i++)
        if (w->member[i].id == replica)
            return &w->member[i];
    return NULL;
}

void controller_add_change(struct meta_command *m, unsigned partition, enum replica_change what, uint64_t id)
{
    if (m->count < META_CHANGES_MAX)
        m->change[m->count++] = (struct meta_change){(uint16_t)partition, what, id};
}

/* --- creating --- */

static void place_all(struct cluster *c, struct placement_partition p[META_PARTITIONS_MAX])
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned n = controller_live_members(c, live);
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
        const struct partition_view *w = controller_heard(c, i);
        for (unsigned k = 0; w && k < map->replica_count; k++) {
            const struct replica *r = &map->replica[k];
            const struct group_member *in = member_in(w, r->id);
            if (r->state == REPLICA_ADDING && in && in->role == GROUP_VOTER)
                controller_add_change(m, i, CHANGE_PRESENT, r->id);
            else if (r->state == REPLICA_REMOVING && !in)
                controller_add_change(m, i, CHANGE_GONE, r->id);
            else if (r->state == REPLICA_PRESENT && !(in && in->role == GROUP_VOTER))
                /* it leaves, and another was there in its place; or it was needed again too late */
                controller_add_change(m, i, CHANGE_REMOVE, r->id);
        }
    }
    m->kind = META_REPLICAS;
    return m->count != 0;
}

static bool is_in_command(const struct meta_command *m, unsigned partition)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->change[i].partition == partition)
            return true;
    return false;
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
    const struct member_view *w = controller_member_view(c, r->member);
    return w && w->replica[i].replica == r->id && w->replica[i].broken;
}

/* A replica that is not to be there: one whose member is gone first. */
static const struct replica *surplus(struct cluster *c, unsigned i, const struct placement_partition *target, bool here)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->replica_count; k++) {
        const struct replica *r = &map->replica[k];
        bool is_surplus = !is_in(target, r->member) && controller_is_here(c, r->member) == here;
        if (r->state != REPLICA_REMOVING && (is_surplus || (!here && is_broken(c, i, r))))
            return r;
    }
    return NULL;
}

/* A copy did not fit there, not long ago. */
static bool is_full(struct cluster *c, uint64_t member)
{
    const struct member_view *w = controller_member_view(c, member);
    return w && w->full_ms && now_of(c) - w->full_ms < FULL_AGAIN_MS;
}

/* Of those that are to have a replica and have none; 0: of none that has room, unless one `lacks`. While old copies are
 * kept: the one whose own is of the least use, for if there is no room for both, that is the first that can be spared.
 */
static uint64_t missing(struct cluster *c, unsigned partition, const struct placement_partition *target, bool lacks)
{
    const struct partition_map *map = &c->meta.state->partition[partition];
    uint64_t best = 0;
    for (unsigned i = 0; i < target->count; i++) {
        uint64_t member = target->member[i];
        if (meta_replica_of(map, member) || (!lacks && is_full(c, member)))
            continue;
        if (!best || controller_keeps_less(c, partition, member, best))
            best = member;
    }
    return best;
}

unsigned controller_present_here(struct cluster *c, const struct partition_map *map)
{
    unsigned n = 0;
    for (unsigned i = 0; i < map->replica_count; i++)
        n += map->replica[i].state == REPLICA_PRESENT && controller_is_here(c, map->replica[i].member);
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
        here += controller_is_here(c, map->replica[i].member);
    }
    return here >= voters / 2 + 1;
}

/* How many of its replicas in that state are with members that stay. */
static unsigned count_staying(struct cluster *c, const struct partition_map *map, enum replica_state state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < map->replica_count; i++)
        n += map->replica[i].state == state && controller_is_live(c, map->replica[i].member);
    return n;
}

/* A live replica that was to go, when another was lost, or began to leave, meanwhile. */
static const struct replica *needed_again(struct cluster *c, unsigned i, const struct placement_partition *target)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->replica_count && count_staying(c, map, REPLICA_PRESENT) < target->count; k++) {
        const struct replica *r = &map->replica[k];
        const struct group_member *in = member_in(controller_heard(c, i), r->id);
        if (r->state == REPLICA_REMOVING && in && in->role == GROUP_VOTER && controller_is_live(c, r->member))
            return r;
    }
    return NULL;
}

/* --- where there is no room --- */

/* Another has more room only when it has more by this part of what it may hold: less is as much as comes and goes. */
#define ROOM_PART 8

static uint64_t room_at(const struct member_view *w)
{
    return w->memory_limit > w->memory_used ? w->memory_limit - w->memory_used : 0;
}

/* The others that vote are a majority without it, and are here. */
static bool can_go_without(struct cluster *c, const struct partition_map *map, const struct replica *r)
{
    unsigned voters = 0, here = 0;
    for (unsigned i = 0; i < map->replica_count; i++) {
        if (map->replica[i].state == REPLICA_ADDING)
            continue;
        voters++;
        here += map->replica[i].id != r->id && controller_is_here(c, map->replica[i].member);
    }
    return here >= voters / 2 + 1;
}

/* One whose copy does not fit: it is being added, or lags by more than the log holds. */
static const struct replica *cramped(struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->replica_count; k++) {
        const struct replica *r = &map->replica[k];
        const struct member_view *w = controller_member_view(c, r->member);
        bool lags = r->state == REPLICA_PRESENT && w && w->replica[i].replica == r->id && can_go_without(c, map, r);
        if (w && w->replica[i].no_room && (r->state == REPLICA_ADDING || lags))
            return r;
    }
    return NULL;
}

/* Who has the most room of those that have no replica of the partition, and more than that one; NULL: nobody. */
static struct member_view *roomier(struct cluster *c, unsigned i, const struct member_view *than)
{
    struct member_view *best = NULL;
    uint64_t live[META_MEMBERS_MAX], room = room_at(than) + than->memory_limit / ROOM_PART;
    unsigned n = controller_live_members(c, live);
    for (unsigned k = 0; k < n; k++) {
        struct member_view *w = controller_member_view(c, live[k]);
        if (!meta_replica_of(&c->meta.state->partition[i], live[k]) && room_at(w) > room) {
            best = w;
            room = room_at(w);
        }
    }
    return best;
}

/* That much is counted as given, until the member says how much it was. */
static void move_to(struct member_view *to, unsigned i, const struct replica *r, struct meta_command *m)
{
    controller_add_change(m, i, CHANGE_REMOVE, r->id);
    controller_add_change(m, i, CHANGE_ADD, to->member);
    to->memory_used += to->memory_limit / ROOM_PART;
}

static void let_go(struct cluster *c, unsigned i, const struct member_view *w, struct meta_command *m)
{
    char name[MEMBER_NAME_MAX];
    log_info(c->config.log, "cluster", "partition %u: %s drops its old copy: there is no room for both", i,
             cluster_member_name(c, w->member, name));
    controller_add_change(m, i, CHANGE_LET_GO, w->replica[i].replica);
}

/* What finds no room would be tried for ever, and nothing else done meanwhile. Where the partition lacks it, it is
 * added where there is more; or else the old copy beside it goes, if that can be spared (R-REBUILD). One that lags is
 * lacking in all but name. Where nobody has more room, it is taken out: without what it holds, it has the room. */
static bool make_room(struct cluster *c, unsigned i, bool lacks, struct meta_command *m)
{
    const struct replica *r = cramped(c, i);
    if (!r)
        return false;
    bool lags = r->state == REPLICA_PRESENT;
    struct member_view *w = controller_member_view(c, r->member), *other = lacks || lags ? roomier(c, i, w) : NULL;
    if (other)
        move_to(other, i, r, m);
    else if (!lacks || lags)
        controller_add_change(m, i, CHANGE_REMOVE, r->id);
    else if (controller_can_spare(c, i, r->member))
        let_go(c, i, w, m);
    else
        return false;
    w->replica[i].no_room = false; /* until it says so again */
    return true;
}

/* --- step by step --- */

/* Fewer than it is to have are with members that stay. */
static bool lacks_one(struct cluster *c, const struct partition_map *map, const struct placement_partition *target)
{
    return count_staying(c, map, REPLICA_PRESENT) < target->count;
}

static bool is_left_by_some(struct cluster *c, const struct partition_map *map)
{
    for (unsigned i = 0; i < map->replica_count; i++)
        if (controller_is_here(c, map->replica[i].member) && !controller_is_live(c, map->replica[i].member))
            return true;
    return false;
}

/* R-LEAVE: what is done first, when members leave. */
enum urgency {
    LAST_COPIES,   /* nobody who stays has one */
    NO_MAJORITY,   /* those who stay would be no majority */
    NOTHING_URGENT /* everything else */
};

static enum urgency urgency_of(struct cluster *c, const struct partition_map *map,
                               const struct placement_partition *target)
{
    unsigned staying = count_staying(c, map, REPLICA_PRESENT);
    if (staying >= target->count / 2 + 1 || !target->count || !is_left_by_some(c, map) || !rule_holds(RULE_LEAVE))
        return NOTHING_URGENT;
    return staying ? NO_MAJORITY : LAST_COPIES;
}

/* As many as it takes for a majority to be with members that stay; the leader adds one after the other. */
static bool rescue(struct cluster *c, unsigned i, const struct placement_partition *target, unsigned *under_way,
                   struct meta_command *m)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    unsigned need = target->count / 2 + 1, room = META_REPLICAS_MAX - map->replica_count, added = 0;
    unsigned coming = count_staying(c, map, REPLICA_PRESENT) + count_staying(c, map, REPLICA_ADDING);
    for (unsigned k = 0; k < target->count && coming + added < need && added < room; k++) {
        if (meta_replica_of(map, target->member[k]))
            continue;
        controller_add_change(m, i, CHANGE_ADD, target->member[k]);
        added++;
    }
    *under_way += added && !is_changing(map);
    return added != 0;
}

/* Of a replica that is being added at a member that leaves nothing is needed any more. */
static const struct replica *needless(struct cluster *c, const struct partition_map *map)
{
    for (unsigned i = 0; i < map->replica_count; i++)
        if (map->replica[i].state == REPLICA_ADDING && !controller_is_live(c, map->replica[i].member))
            return &map->replica[i];
    return NULL;
}

/* Those that cost nothing. A suspect's or dead replica, and what is being added there, never will be of use. */
static bool take_out_or_back(struct cluster *c, unsigned i, const struct placement_partition *target,
                             struct meta_command *m)
{
    const struct replica *gone = surplus(c, i, target, false), *again = needed_again(c, i, target);
    const struct replica *out = gone ? gone : needless(c, &c->meta.state->partition[i]);
    if (again && !gone)
        controller_add_change(m, i, CHANGE_PRESENT, again->id);
    else if (out)
        controller_add_change(m, i, CHANGE_REMOVE, out->id);
    return again || out;
}

/* Those that lack a replica do not wait for those that only move. */
static unsigned limit_of(struct cluster *c, const struct partition_map *map, const struct placement_partition *target)
{
    bool lacks = rule_holds(RULE_LEAVE) ? lacks_one(c, map, target) : controller_present_here(c, map) < target->count;
    return lacks ? REPAIR_MAX : BALANCE_MAX;
}

/* One replica more, or one less. */
static bool change_one(struct cluster *c, unsigned i, const struct placement_partition *target, unsigned *under_way,
                       struct meta_command *m)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    const struct replica *extra = surplus(c, i, target, true);
    uint64_t wanted = missing(c, i, target, lacks_one(c, map, target));
    bool may_drop = !wanted && extra && controller_present_here(c, map) > target->count;
    bool is_free = may_drop && !controller_is_live(c, extra->member); /* no copy is made for it */
    if (is_changing(map) || map->replica_count == META_REPLICAS_MAX || (!wanted && !may_drop) ||
        (!is_free && *under_way >= limit_of(c, map, target)))
        return false;
    controller_add_change(m, i, wanted ? CHANGE_ADD : CHANGE_REMOVE, wanted ? wanted : extra->id);
    *under_way += !is_free;
    return true;
}

/* A suspect's or dead replica: remove, then add. A live one: add, then remove; one at a member that leaves is removed
 * by the partition's leader, as soon as another has a vote in its place. */
static bool step(struct cluster *c, unsigned i, const struct placement_partition *target, unsigned *under_way,
                 struct meta_command *m)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    if (!majority_is_here(c, map))
        return false;
    if (take_out_or_back(c, i, target, m) || make_room(c, i, lacks_one(c, map, target), m))
        return true;
    if (urgency_of(c, map, target) != NOTHING_URGENT && rescue(c, i, target, under_way, m))
        return true;
    return change_one(c, i, target, under_way, m);
}

static void prefer_leader(struct cluster *c, unsigned i, const struct placement_partition *target,
                          struct meta_command *m)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    const struct replica *r = meta_replica_of(map, target->leader);
    if (target->leader && target->leader != map->leader && r && r->state == REPLICA_PRESENT)
        controller_add_change(m, i, CHANGE_LEADER, target->leader);
}

/* Adds to what is in the command already. */
static bool move(struct cluster *c, struct meta_command *m)
{
    struct placement_partition target[META_PARTITIONS_MAX];
    unsigned under_way = 0;
    place_all(c, target);
    for (unsigned i = 0; i < partitions_of(c); i++)
        under_way += is_changing(&c->meta.state->partition[i]) && controller_heard(c, i);
    for (enum urgency now = LAST_COPIES; now <= NOTHING_URGENT; now++)
        for (unsigned i = 0; i < partitions_of(c); i++) {
            const struct partition_map *map = &c->meta.state->partition[i];
            if (map->replica_count == 0 || urgency_of(c, map, &target[i]) != now || is_in_command(m, i))
                continue; /* nothing is left of it: controller_rebuild(); or it will be another first */
            if (!step(c, i, &target[i], &under_way, m))
                prefer_leader(c, i, &target[i], m);
        }
    m->kind = META_REPLICAS;
    return m->count != 0;
}

bool controller_place(struct cluster *c, struct meta_command *m)
{
    if (!c->meta.state->partition[0].generation)
        return create(c, m);
    bool done = note_done(c, m);
    if (!done && controller_end_rebuild(c, m))
        return true;
    return (controller_all_renewed(c) && move(c, m)) || done;
}

/* --- R-READY --- */

static bool seats_are_full(struct cluster *c)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(c->meta.group, m), voters = 0, vacant = 0, standing = 0;
    for (unsigned i = 0; i < n; i++) {
        bool live = controller_is_here(c, m[i].id);
        voters += m[i].role == GROUP_VOTER;
        vacant += m[i].role == GROUP_VOTER && !live;
        standing += m[i].role != GROUP_VOTER && live;
    }
    return voters % 2 && (!vacant || !standing);
}

bool controller_settled(struct cluster *c)
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned live_count = controller_live_members(c, live);
    unsigned need = live_count < c->meta.state->settings.replicas ? live_count : c->meta.state->settings.replicas;
    if (!c->meta.state->partition[0].generation || !controller_all_renewed(c) || !seats_are_full(c))
        return false;
    for (unsigned i = 0; i < partitions_of(c); i++)
        if (!controller_heard(c, i) || controller_present_here(c, &c->meta.state->partition[i]) < need)
            return false;
    return true;
}
