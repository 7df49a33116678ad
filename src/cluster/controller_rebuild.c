/* SPDX-License-Identifier: Apache-2.0 */
/* The meta leader's work where too few replicas of a partition are left: it is built anew, of the best of what
 * survived (R-LOST, R-REBUILD). */
#include "cluster/cluster_impl.h"

#include "base/rule.h"

#include <stdio.h>

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
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
                                      : controller_is_here(c, map->replica[i].member);
    }
    return map->generation && left < voters / 2 + 1;
}

/* R-READ: a leader that lives, and has not heard yet that its generation ends, reads by lease for an election time-out
 * at most after one of those who are dead has answered it. The next generation does not begin, and nothing is written
 * to it, before that. */
static bool leases_are_over(struct cluster *c, unsigned i, bool lost)
{
    struct partition_view *v = &c->controller.partition[i];
    uint32_t generation = c->meta.state->partition[i].generation;
    if (!lost) {
        v->lost_generation = 0;
    } else if (v->lost_generation != generation) { /* counted from the look that finds it so, not from the one before */
        v->lost_generation = generation;
        v->lost_ms = precise_now_of(c);
    }
    return !lost || now_of(c) - v->lost_ms >= c->times.election;
}

/* Nobody leads, though all who have it are here or dead. */
static bool lacks_leader(struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    if (!map->generation || controller_heard(c, i))
        return false;
    for (unsigned k = 0; k < map->replica_count; k++)
        if (meta_member(c->meta.state, map->replica[k].member) && !controller_is_here(c, map->replica[k].member))
            return false;
    return true;
}

/* A group that changed its members as one of them died may have no leader for ever, though most of its replicas live.
 * When the others are dead, what any majority has seen is with those who live, and the best of their logs has it. */
static bool is_stuck(struct cluster *c, unsigned i)
{
    struct partition_view *w = &c->controller.partition[i];
    uint32_t generation = c->meta.state->partition[i].generation;
    if (!lacks_leader(c, i) || w->stuck_generation != generation) {
        w->stuck_generation = generation;
        w->stuck_ms = now_of(c);
    }
    return now_of(c) - w->stuck_ms >= c->times.stranded_after;
}

static bool is_kept(const struct partition_map *map, uint64_t replica)
{
    for (unsigned i = 0; i < map->frozen_count; i++)
        if (map->frozen[i].id == replica)
            return true;
    return false;
}

static bool is_better(const struct replica_view *a, const struct replica_view *b)
{
    if (a->generation != b->generation)
        return a->generation > b->generation;
    return a->last_term != b->last_term ? a->last_term > b->last_term : a->last_index > b->last_index;
}

/* The best (generation, last term, last index) of the survivors' logs. One whose copy is unfinished holds nothing. */
static const struct member_view *find_donor(struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    const struct member_view *best = NULL;
    for (unsigned k = 0; k < c->controller.view_count; k++) {
        const struct member_view *w = c->controller.view[k];
        const struct replica_view *r = &w->replica[i];
        if (!r->whole || !controller_is_here(c, w->member) ||
            !(is_kept(map, r->replica) || meta_replica(map, r->replica)))
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
        if (meta_member(c->meta.state, map->replica[i].member) && !controller_is_here(c, map->replica[i].member))
            return true;
    for (unsigned i = 0; i < map->frozen_count; i++)
        if (meta_member(c->meta.state, map->frozen[i].member) && !controller_is_here(c, map->frozen[i].member))
            return true;
    return false;
}

static uint64_t anybody(struct cluster *c, unsigned i)
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned n = controller_live_members(c, live);
    return n ? live[i % n] : 0;
}

static void count_rebuild(struct cluster *c, unsigned i, const struct member_view *donor)
{
    struct controller *o = &c->controller;
    uint64_t before = c->keys_counted[i];
    bool counted = before != UINT64_MAX;
    uint32_t generation = c->meta.state->partition[i].generation + 1;
    char name[MEMBER_NAME_MAX];
    if (donor) {
        o->rebuilt.partitions++;
        o->rebuilt.uncounted += !counted;
        o->rebuilt.keys_before += counted ? before : 0;
        o->rebuilt.keys += counted ? donor->replica[i].keys : 0;
        log_debug(c->config.log, "cluster", "partition %u: building generation %u from what %s holds (%llu keys)", i,
                  generation, cluster_member_name(c, donor->member, name), (unsigned long long)donor->replica[i].keys);
    } else {
        o->emptied.partitions++;
        o->emptied.uncounted += !counted;
        o->emptied.keys_before += counted ? before : 0;
        log_debug(c->config.log, "cluster", "partition %u: no replica survived: generation %u begins empty", i,
                  generation);
    }
}

static const char *uncounted(unsigned n, char room[64])
{
    room[0] = '\0';
    if (n)
        snprintf(room, 64, ", without %u that nobody had counted", n);
    return room;
}

/* What was lost is counted and said, once for all that was lost together. Of writes that were acknowledged after the
 * last count, and of changed values, no survivor knows. */
static void tell_rebuilt(struct cluster *c)
{
    struct controller *o = &c->controller;
    char without[64];
    if (o->rebuilt.partitions)
        log_warn(c->config.log, "cluster",
                 "%u partitions had lost their majority and are rebuilt, each from its best survivor; these hold %llu "
                 "keys, where %llu were last counted%s; writes that only the lost replicas had are gone, and cannot be "
                 "counted",
                 o->rebuilt.partitions, (unsigned long long)o->rebuilt.keys, (unsigned long long)o->rebuilt.keys_before,
                 uncounted(o->rebuilt.uncounted, without));
    if (o->emptied.partitions)
        log_error(
            c->config.log, "cluster",
            "%u partitions are lost because none of their replicas survived: they start empty; they held %llu keys "
            "as last counted%s",
            o->emptied.partitions, (unsigned long long)o->emptied.keys_before,
            uncounted(o->emptied.uncounted, without));
    memset(&o->rebuilt, 0, sizeof o->rebuilt);
    memset(&o->emptied, 0, sizeof o->emptied);
}

/* What they hold is known as it will stay: nobody who takes part still can add to it. */
static bool all_are_frozen(struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    for (unsigned k = 0; k < map->frozen_count; k++) {
        const struct member_view *w = controller_member_view(c, map->frozen[k].member);
        if (w && w->replica[i].replica == map->frozen[k].id && !w->replica[i].frozen)
            return false;
    }
    return true;
}

static bool rebuild(struct cluster *c, unsigned i, struct meta_command *m)
{
    const struct member_view *donor = find_donor(c, i);
    m->kind = META_REBUILD;
    m->donor = donor ? donor->replica[i].replica : 0;
    m->create[0].member[0] = donor ? donor->member : anybody(c, i);
    if (!m->create[0].member[0])
        return false;
    m->keys = c->keys_counted[i];
    count_rebuild(c, i, donor);
    return true;
}

/* R-REBUILD: where most of its replicas live, they are frozen first, or they might go on while it is built anew. */
bool controller_rebuild(struct cluster *c, struct meta_command *m)
{
    if (!controller_all_renewed(c) || !c->meta.state->partition[0].generation)
        return false;
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        bool lost = is_lost(c, map), stuck = is_stuck(c, i), over = leases_are_over(c, i, lost);
        if (!over || (!lost && !stuck) || (holder_is_silent(c, map) && rule_holds(RULE_LOST)) || !all_are_frozen(c, i))
            continue;
        m->kind = META_FREEZE;
        m->partition = (uint16_t)i;
        m->generation = map->generation;
        return !lost || rebuild(c, i, m);
    }
    tell_rebuilt(c);
    return false;
}

/* --- what is kept meanwhile --- */

/* What the member keeps of an older generation; NULL: nothing, or it has not said so. */
static const struct replica_view *kept_by(struct cluster *c, unsigned i, const struct member_view *w)
{
    const struct replica_view *r = w ? &w->replica[i] : NULL;
    return r && r->frozen && is_kept(&c->meta.state->partition[i], r->replica) ? r : NULL;
}

bool controller_keeps_less(struct cluster *c, unsigned i, uint64_t member, uint64_t than)
{
    const struct replica_view *a = kept_by(c, i, controller_member_view(c, member));
    const struct replica_view *b = kept_by(c, i, controller_member_view(c, than));
    return b && (!a || is_better(b, a));
}

/* Would `old` be gone, the partition could be built anew of this one, and nothing would be missing. */
static bool is_as_good(struct cluster *c, unsigned i, const struct member_view *w, const struct replica_view *old)
{
    const struct replica_view *r = &w->replica[i];
    const struct replica *used = meta_replica(&c->meta.state->partition[i], r->replica);
    if (!r->whole || w->leaving || !controller_is_live(c, w->member))
        return false;
    return used ? used->state == REPLICA_PRESENT : kept_by(c, i, w) && !is_better(old, r);
}

bool controller_keeps(const struct partition_map *map, uint64_t member)
{
    for (unsigned i = 0; i < map->frozen_count; i++)
        if (map->frozen[i].member == member)
            return true;
    return false;
}

bool controller_can_spare(struct cluster *c, unsigned i, uint64_t member)
{
    const struct meta_state *s = c->meta.state;
    const struct member_view *holder = controller_member_view(c, member);
    const struct replica_view *old = kept_by(c, i, holder);
    unsigned nodes = s->member_count > s->settings.expected ? s->member_count : s->settings.expected;
    unsigned need = smaller(s->settings.replicas / 2 + 1, (nodes - 1) / 2 + 1), others = 0;
    if (!old || !controller_heard(c, i))
        return false;
    for (unsigned k = 0; k < c->controller.view_count; k++) {
        const struct member_view *w = c->controller.view[k];
        others += w != holder && is_as_good(c, i, w, old);
    }
    return others >= need;
}

/* --- its end --- */

/* R-REBUILD: the new generation has as many caught-up voters as it needs to take writes: the old copies can go. */
static bool is_whole(struct cluster *c, unsigned i)
{
    uint64_t live[META_MEMBERS_MAX];
    const struct partition_map *map = &c->meta.state->partition[i];
    unsigned need = smaller(c->meta.state->settings.replicas / 2 + 1, controller_live_members(c, live));
    return controller_heard(c, i) && (controller_present_here(c, map) >= need || !rule_holds(RULE_REBUILD));
}

bool controller_end_rebuild(struct cluster *c, struct meta_command *m)
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
