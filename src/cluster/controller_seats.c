/* SPDX-License-Identifier: Apache-2.0 */
/* The meta leader's work on the seats of its own group: who votes in it, and who follows it without. */
#include "cluster/health.h"

/* Members who hold no seat follow the meta group all the same. */
static bool add_standby(struct cluster *c, const struct group_member *m, unsigned n)
{
    for (unsigned i = 0; i < c->meta.state->member_count; i++) {
        uint64_t id = c->meta.state->member[i].id;
        unsigned k = 0;
        while (k < n && m[k].id != id)
            k++;
        if (k == n)
            return group_change(c->meta.group, now_of(c), GROUP_ADD_STANDBY, id) == 0;
    }
    return false;
}

/* One without a seat that could vote at once; not `but`. 0: there is none. */
static uint64_t find_standby(struct cluster *c, const struct group_member *m, unsigned n, uint64_t but)
{
    for (unsigned i = 0; i < n; i++)
        if (m[i].role == GROUP_STANDBY && controller_can_sit(c, m[i].id) && m[i].id != but)
            return m[i].id;
    return 0;
}

/* A phantom's or a dead member's, or one that leaves. */
static bool gives_up_seat(struct cluster *c, uint64_t id)
{
    const struct member *m = meta_member(c->meta.state, id);
    return !m || (m->state == MEMBER_LEAVING && id != c->meta.self);
}

/* A phantom's or one of who is no member any more: nobody comes back to it. */
static bool is_left(struct cluster *c, uint64_t id)
{
    return !meta_member(c->meta.state, id);
}

/* A suspect is worked around, as in the partitions: it stays a member, without a seat. */
static bool is_absent(struct cluster *c, uint64_t id)
{
    return id != c->meta.self && !controller_is_here(c, id);
}

static unsigned count_voters(const struct group_member *m, unsigned n)
{
    unsigned voters = 0;
    for (unsigned i = 0; i < n; i++)
        voters += m[i].role == GROUP_VOTER;
    return voters;
}

static uint64_t find_voter(struct cluster *c, const struct group_member *m, unsigned n,
                           bool (*is_one)(struct cluster *c, uint64_t id))
{
    for (unsigned i = 0; i < n; i++)
        if (m[i].role == GROUP_VOTER && is_one(c, m[i].id))
            return m[i].id;
    return 0;
}

static unsigned count_left(struct cluster *c, const struct group_member *m, unsigned n)
{
    unsigned left = 0;
    for (unsigned i = 0; i < n; i++)
        left += m[i].role == GROUP_VOTER && is_left(c, m[i].id);
    return left;
}

/* Those that nobody sits on come first: who leaves votes until then, and may be what makes the majority. */
static uint64_t find_vacated(struct cluster *c, const struct group_member *m, unsigned n)
{
    uint64_t id = find_voter(c, m, n, is_left);
    id = id ? id : find_voter(c, m, n, is_absent);
    return id ? id : find_voter(c, m, n, gives_up_seat);
}

/* The second half of a change, for a group never rests at an even number: who was to sit down is gone, so a phantom
 * does (rule 12), whose id is taken first. */
static bool even_out(struct cluster *c, uint64_t live)
{
    uint64_t id = live ? live : c->meta.taken_id;
    c->controller.wants_id = !id;
    if (!id)
        return false;
    bool done = group_change(c->meta.group, now_of(c), live ? GROUP_PROMOTE_VOTER : GROUP_ADD_VOTER, id) == 0;
    if (done && !live)
        c->meta.taken_id = 0;
    return done;
}

/* E0: that of the cluster, or as it was raised since, by which nodes that start again reckon. */
static unsigned configured_size(const struct cluster *c)
{
    unsigned own = c->config.expected, formed = c->meta.state->settings.expected;
    return own > formed ? own : formed;
}

/* R-SEATS: seats that others have left go, two by two, for a group never rests at an even number, down to as many as
 * there are members, and never under E0: no older group can have a quorum any more since this one was formed, and
 * whoever forms the next one reckons with E0. Several that leave at once leave no group behind that lacks a majority.
 */
static bool drops_seat(struct cluster *c, const struct group_member *m, unsigned n)
{
    unsigned voters = count_voters(m, n), left = count_left(c, m, n);
    unsigned least = seats_least(configured_size(c), c->meta.state->member_count);
    return voters % 2 ? left >= 2 && voters >= least + 2 : left && voters > least;
}

/* Whether those that are heard now are a majority of the voters as they will be: else the change could never be
 * committed, and nobody could lead any more. Of those that count as here some may have just failed. 0: nobody. */
static bool majority_is_heard(const struct cluster *c, const struct group_member *m, unsigned n, uint64_t without,
                              uint64_t with)
{
    unsigned voters = 0, heard = 0;
    for (unsigned i = 0; i < n; i++) {
        if (m[i].id == without || (m[i].role != GROUP_VOTER && m[i].id != with))
            continue;
        const struct member *who = meta_member(c->meta.state, m[i].id);
        voters++;
        heard += who && cluster_hears(c, who);
    }
    return heard >= seats_quorum(voters);
}

/* R-SEATS: who is dead, or silent, keeps its seat until a live one takes it over; only from an odd number, remove then
 * add. More seats are made by two single changes, with who is to sit there at hand. */
static bool move_seat(struct cluster *c, const struct group_member *m, unsigned n)
{
    unsigned voters = count_voters(m, n), seats = seats_count(cluster_n(c), c->meta.state->settings.expected);
    uint64_t live = find_standby(c, m, n, 0), next = find_standby(c, m, n, live);
    uint64_t vacated = find_vacated(c, m, n);
    if (drops_seat(c, m, n))
        return group_change(c->meta.group, now_of(c), GROUP_REMOVE, find_voter(c, m, n, is_left)) == 0;
    if (voters % 2 == 0)
        return even_out(c, live);
    if (live && next && voters < seats)
        return majority_is_heard(c, m, n, 0, live) &&
               group_change(c->meta.group, now_of(c), GROUP_PROMOTE_VOTER, live) == 0;
    return live && vacated && majority_is_heard(c, m, n, vacated, 0) &&
           group_change(c->meta.group, now_of(c), GROUP_REMOVE, vacated) == 0;
}

static bool drop_standby(struct cluster *c, const struct group_member *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (m[i].role != GROUP_VOTER && !meta_member(c->meta.state, m[i].id))
            return group_change(c->meta.group, now_of(c), GROUP_REMOVE, m[i].id) == 0;
    return false;
}

/* R-SEATS: a group that has been made larger cannot be outvoted by itself as it was before, so that its old size needs
 * no guard any more. Both configurations of a change under way are to be that large. */
bool controller_raise_seats(struct cluster *c, struct meta_command *m)
{
    const struct meta_settings *s = &c->meta.state->settings;
    struct group_member now[GROUP_MEMBERS_MAX], committed[GROUP_MEMBERS_MAX];
    unsigned seats = count_voters(now, group_members(c->meta.group, now));
    unsigned before = count_voters(committed, group_members_committed(c->meta.group, committed));
    if (!s->lowered_seats || seats != before || seats <= s->lowered_seats || seats % 2 == 0)
        return false;
    bool enough = seats >= seats_count(cluster_n(c), s->expected);
    *m = (struct meta_command){.kind = META_SEATS, .count = enough ? 0 : seats};
    return true;
}

void controller_arrange_seats(struct cluster *c)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(c->meta.group, m);
    if (!drop_standby(c, m, n) && !add_standby(c, m, n))
        move_seat(c, m, n);
}
