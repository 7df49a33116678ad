/* SPDX-License-Identifier: Apache-2.0 */
/* What the leader of a partition does about its members: step by step it makes of the group what the map says. */
#include "partition/partition.h"

#include "base/rule.h"
#include "wire/command_msg.h"

/* After a failed transfer, none to that node for so long. A node that leaves cannot wait: an election timeout, after
 * which a transfer is given up, is all that it waits. */
#define TRANSFER_AGAIN_MS 60000

static bool is_leaving(const struct partition *p, const struct partition_map *map, uint64_t replica)
{
    const struct replica *r = meta_replica(map, replica);
    return r && p->set->env.hooks->is_leaving(p->set->env.arg, r->member);
}

/* What is being added at a node that begins to leave would only have to be moved again. */
static bool is_wanted(const struct partition *p, const struct partition_map *map, uint64_t replica)
{
    const struct replica *r = meta_replica(map, replica);
    return r && r->state != REPLICA_REMOVING &&
           !(r->state == REPLICA_ADDING && p->set->env.hooks->is_leaving(p->set->env.arg, r->member));
}

static bool is_connected(const struct partition *p, const struct partition_map *map, uint64_t replica)
{
    const struct replica *r = meta_replica(map, replica);
    return r && p->set->env.hooks->link_to(p->set->env.arg, r->member, PLANE_RAFT);
}

/* The voter that is most likely to lead well: connected, and with most of the log, of which the rest follows before it
 * stands for election. One that stays, if any does; where several are as good, not the same one in every partition. */
static uint64_t successor(const struct partition *p, const struct partition_map *map, const struct group_member *m,
                          unsigned n, bool only_staying)
{
    uint64_t best = 0, best_match = 0;
    bool best_stays = only_staying;
    for (unsigned k = 0; k < n; k++) {
        const struct group_member *one = &m[(k + p->number) % n];
        uint64_t match = group_match_index(p->group, one->id);
        if (one->role != GROUP_VOTER || one->id == p->replica || !match || !is_wanted(p, map, one->id) ||
            !is_connected(p, map, one->id))
            continue;
        bool stays = !is_leaving(p, map, one->id);
        if (stays < best_stays || (stays == best_stays && match <= best_match))
            continue;
        best = one->id;
        best_match = match;
        best_stays = stays;
    }
    return best;
}

/* False: there is nobody, or it was tried not long ago. */
static bool hand_over(struct partition *p, uint64_t to)
{
    const struct partition_env *env = &p->set->env;
    uint64_t now = partition_clock_ms(p);
    if (!to || now < p->no_transfer_until_ms)
        return false;
    p->no_transfer_until_ms =
        now + (env->hooks->is_leaving(env->arg, *env->self) ? 2 * *env->election_ms : TRANSFER_AGAIN_MS);
    return group_transfer(p->group, now, to) == 0;
}

/* R-LEAVE: a node that leaves lets others lead before anything else. Its end then stops nobody, and no copy begins here
 * that would end with it. */
static bool give_up_lead(struct partition *p, const struct partition_map *map, const struct group_member *m, unsigned n)
{
    return rule_holds(RULE_LEAVE) && p->set->env.hooks->is_leaving(p->set->env.arg, *p->set->env.self) &&
           hand_over(p, successor(p, map, m, n, true));
}

/* Whether those that can be reached are a majority without it: else the change could never be committed, and nobody
 * could lead any more. */
static bool can_do_without(const struct partition *p, const struct partition_map *map, const struct group_member *m,
                           unsigned n, uint64_t id)
{
    unsigned voters = 0, reached = 0;
    for (unsigned i = 0; i < n; i++) {
        if (m[i].role != GROUP_VOTER || m[i].id == id)
            continue;
        voters++;
        reached += m[i].id == p->replica || is_connected(p, map, m[i].id);
    }
    return voters && reached >= voters / 2 + 1;
}

static unsigned count_voters(const struct group_member *m, unsigned n)
{
    unsigned voters = 0;
    for (unsigned i = 0; i < n; i++)
        voters += m[i].role == GROUP_VOTER;
    return voters;
}

/* One more is to come, at a node that stays. */
static bool is_growing(const struct partition *p, const struct partition_map *map)
{
    for (unsigned i = 0; i < map->replica_count; i++)
        if (map->replica[i].state == REPLICA_ADDING && is_wanted(p, map, map->replica[i].id))
            return true;
    return false;
}

/* R-LEAVE: a replica at a node that leaves votes until another is there in its place, and no longer: of four voters, of
 * whom two are about to end, the two that stay are no majority. The map follows what is done here. */
static bool has_successor(const struct partition *p, const struct partition_map *map, const struct replica *r,
                          unsigned voters)
{
    return voters > partition_state(p)->settings.replicas || (r->state == REPLICA_REMOVING && !is_growing(p, map));
}

static bool may_go(const struct partition *p, const struct partition_map *map, const struct group_member *who,
                   unsigned voters)
{
    const struct replica *r = meta_replica(map, who->id);
    const struct member *at = r ? meta_member(partition_state(p), r->member) : NULL;
    bool here = who->id == p->replica || is_connected(p, map, who->id);
    if (who->role == GROUP_VOTER && at && at->state == MEMBER_LEAVING && here)
        return has_successor(p, map, r, voters);
    return !is_wanted(p, map, who->id);
}

/* One that may go; one that cannot be reached first, this node itself last. 0: there is none, or none that can go now.
 */
static uint64_t unwanted(const struct partition *p, const struct partition_map *map, const struct group_member *m,
                         unsigned n)
{
    uint64_t id = 0;
    unsigned voters = count_voters(m, n);
    for (unsigned i = 0; i < n; i++) {
        if (!may_go(p, map, &m[i], voters) || !can_do_without(p, map, m, n, m[i].id))
            continue;
        if (m[i].id != p->replica && !is_connected(p, map, m[i].id))
            return m[i].id;
        if (!id || id == p->replica)
            id = m[i].id;
    }
    return id;
}

/* True: there was something to do. */
static bool remove_one(struct partition *p, const struct partition_map *map, const struct group_member *m, unsigned n)
{
    uint64_t id = unwanted(p, map, m, n);
    if (!id)
        return false;
    if (id == p->replica)
        hand_over(p, successor(p, map, m, n, false));
    else
        group_change(p->group, partition_clock_ms(p), GROUP_REMOVE, id);
    return true;
}

static const struct group_member *find(const struct group_member *m, unsigned n, uint64_t id)
{
    for (unsigned i = 0; i < n; i++)
        if (m[i].id == id)
            return &m[i];
    return NULL;
}

/* R-TIME: the others know a partition's time by what is committed, and by when they heard of it. Whoever has heard it
 * late would live in the past as a leader, and what expires by its time would be gone too early when another leads. So
 * the time is committed now and then, and again before a newcomer has a voice. */
#define TIME_IDLE_MS 5000
#define TIME_NEW_MS  1000

static bool time_is_older(struct partition *p, uint64_t ms)
{
    return partition_now_ms(p) - store_stamp_ms(p->store) >= ms;
}

static void keep_time(struct partition *p)
{
    if (!p->tick_index && time_is_older(p, TIME_IDLE_MS))
        partition_tick(p);
}

/* Spare -> copy -> caught up -> voter. */
static void bring_up(struct partition *p, const struct group_member *spare)
{
    uint64_t now = partition_clock_ms(p);
    switch (group_catch_up_status(p->group, spare->id)) {
    case GROUP_CATCH_UP_FINISHED:
        if (!time_is_older(p, TIME_NEW_MS))
            group_change(p->group, now, GROUP_PROMOTE_VOTER, spare->id);
        else if (!p->tick_index)
            partition_tick(p);
        break;
    case GROUP_CATCH_UP_RUNNING:
        break;
    default:
        group_catch_up(p->group, now, spare->id);
    }
}

/* One that is not wanted any more, as its member is gone: no other change could be made while it is waited for. */
static void give_up_spares(struct partition *p, const struct partition_map *map, const struct group_member *m,
                           unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (m[i].role == GROUP_SPARE && !is_wanted(p, map, m[i].id) &&
            group_catch_up_status(p->group, m[i].id) == GROUP_CATCH_UP_RUNNING)
            group_catch_up_abort(p->group, m[i].id);
}

static bool add_one(struct partition *p, const struct partition_map *map, const struct group_member *m, unsigned n)
{
    for (unsigned i = 0; i < map->replica_count; i++) {
        uint64_t id = map->replica[i].id;
        const struct group_member *there = find(m, n, id);
        if (map->replica[i].state != REPLICA_ADDING || (there && there->role == GROUP_VOTER) || !is_wanted(p, map, id))
            continue;
        if (there)
            bring_up(p, there);
        else if (is_connected(p, map, id))
            group_change(p->group, partition_clock_ms(p), GROUP_ADD_SPARE, id);
        return true;
    }
    return false;
}

static void prefer(struct partition *p, const struct partition_map *map, const struct group_member *m, unsigned n)
{
    const struct replica *r = map->leader ? meta_replica_of(map, map->leader) : NULL;
    const struct group_member *there = r ? find(m, n, r->id) : NULL;
    if (there && there->role == GROUP_VOTER && r->id != p->replica && is_connected(p, map, r->id) &&
        !is_leaving(p, map, r->id) && group_match_index(p->group, r->id) == group_last_index(p->group))
        hand_over(p, r->id);
}

/* How often it is looked. An origin is forgotten when nothing that it sent is on its way any more, and the clients
 * whose requests it carried have gone elsewhere. */
#define FORGET_LOOK_MS 10000

static void commit(struct partition *p, struct store_command *c)
{
    uint64_t index;
    struct store_result ignored;
    struct blob *b = p->group ? command_encode(c) : NULL;
    if (b)
        group_propose(p->group, b, &index);
    else if (!p->group)
        partition_commit_solo(p, c, &ignored);
}

/* R-RETRY: the results of an origin that is dead are dropped when its clients' time is over. */
void partition_forget_origins(struct partition *p)
{
    uint64_t now = partition_clock_ms(p);
    const struct incarnation *incarnation;
    if (now < p->forget_ms)
        return;
    p->forget_ms = now + FORGET_LOOK_MS;
    for (unsigned i = 0; (incarnation = store_origin(p->store, i)) != NULL; i++) {
        struct store_command forget = {.op = STORE_FORGET, .stamp_ms = partition_now_ms(p)};
        if (p->set->env.hooks->gone_for_ms(p->set->env.arg, *incarnation) <
            p->set->env.forget_after_ms + FORGET_LOOK_MS)
            continue;
        forget.origin.incarnation = *incarnation;
        commit(p, &forget);
    }
}

void partition_remember_origins(struct partition *p)
{
    if (partition_clock_ms(p) >= p->forget_ms)
        partition_mark_dirty(p);
}

void partition_lead(struct partition *p)
{
    const struct partition_map *map = partition_map(p);
    struct group_member m[GROUP_MEMBERS_MAX];
    if (!group_leads(p->group)) {
        p->no_transfer_until_ms = 0;
        return;
    }
    if (!group_has_committed_own(p->group) || group_is_transferring(p->group))
        return;
    unsigned n = group_members(p->group, m);
    partition_forget_origins(p);
    keep_time(p);
    give_up_spares(p, map, m, n);
    if (!give_up_lead(p, map, m, n) && !remove_one(p, map, m, n) && !add_one(p, map, m, n))
        prefer(p, map, m, n);
}
