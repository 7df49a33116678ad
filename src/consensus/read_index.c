/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/read_index.h"

#include "base/err.h"
#include "base/rule.h"

void read_index_init(struct read_index *r)
{
    *r = (struct read_index){0};
}

/* What was heard in another term says nothing in this. */
static void enter_term(struct read_index *r, uint64_t term)
{
    if (r->term == term)
        return;
    read_index_init(r);
    r->term = term;
}

int read_index_ask(struct read_index *r, const struct group *g, uint64_t *term, uint64_t *round, uint64_t *index)
{
    if (!group_leads(g))
        return E_CLOSED;
    if (!group_has_committed_own(g) && rule_holds(RULE_RAFT_9))
        return E_AGAIN;
    enter_term(r, group_term(g));
    r->wanted = true;
    *term = r->term;
    *round = rule_holds(RULE_RAFT_9) ? r->sent + 1 : 0;
    *index = group_commit_index(g);
    return 0;
}

uint64_t read_index_last(const struct read_index *r, uint64_t id)
{
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX && r->heard[i].id; i++)
        if (r->heard[i].id == id)
            return r->heard[i].round;
    return 0;
}

/* The latest round that more than half of the voters have answered, and with it every round before. */
static void count(struct read_index *r, const struct group *g)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    uint64_t rounds[GROUP_MEMBERS_MAX]; /* of voters, the latest first */
    unsigned n = group_members(g, m), voters = 0;
    for (unsigned i = 0; i < n; i++) {
        if (m[i].role != GROUP_VOTER)
            continue;
        uint64_t round = read_index_last(r, m[i].id);
        unsigned at = voters++;
        for (; at && rounds[at - 1] < round; at--)
            rounds[at] = rounds[at - 1];
        rounds[at] = round;
    }
    if (voters && rounds[voters / 2] > r->confirmed)
        r->confirmed = rounds[voters / 2];
}

static bool is_member(const struct group *g, uint64_t id)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(g, m);
    for (unsigned i = 0; i < n; i++)
        if (m[i].id == id)
            return true;
    return false;
}

/* There are as many places as members: a full table holds one that is a member no longer. */
static void note(struct read_index *r, const struct group *g, uint64_t id, uint64_t round)
{
    unsigned i = 0;
    while (i < GROUP_MEMBERS_MAX && r->heard[i].id && r->heard[i].id != id)
        i++;
    if (i == GROUP_MEMBERS_MAX)
        for (i = 0; i < GROUP_MEMBERS_MAX - 1 && is_member(g, r->heard[i].id); i++)
            ;
    if (r->heard[i].id != id || r->heard[i].round < round) {
        r->heard[i].id = id;
        r->heard[i].round = round;
    }
}

bool read_index_send(struct read_index *r, const struct group *g)
{
    if (!r->wanted || !group_leads(g) || group_term(g) != r->term)
        return false;
    r->wanted = false;
    r->sent++;
    note(r, g, group_leader(g), r->sent); /* this replica itself, if it votes */
    count(r, g);
    return true;
}

void read_index_heard(struct read_index *r, const struct group *g, uint64_t id, uint64_t term, uint64_t round)
{
    if (!group_leads(g) || group_term(g) != term || r->term != term || round > r->sent || !is_member(g, id))
        return;
    note(r, g, id, round);
    count(r, g);
}
