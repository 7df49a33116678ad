/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds of a partition's leader (consensus/read_index.h): the question whether its term is still that of the voters,
 * and their yes. Both say what time it is (R-TIME). */
#include "partition/partition.h"

void round_put(struct link *l, const struct meta_state *state, const struct peer_round *r)
{
    struct buf *out = link_begin(l, PEER_ROUNDS);
    if (!out)
        return;
    struct coder coder = coder_writer(out);
    struct peer_envelope e = {.epoch = state->epoch, .group = r->group, .generation = r->generation};
    struct peer_round copy = *r;
    e.cluster_id = state->cluster_id;
    code_envelope(&coder, &e);
    code_round(&coder, &copy);
    link_end(l, coder.err);
}

static void put_question(struct partition *p, uint64_t to)
{
    struct peer_round r = {.group = (uint16_t)p->number,
                           .generation = p->generation,
                           .source = p->replica,
                           .destination = to,
                           .term = p->rounds.term,
                           .round = p->rounds.sent,
                           .time_ms = partition_now_ms(p),
                           .stamp_ms = partition_clock_ms(p)};
    round_put(partition_link(p, to), partition_state(p), &r);
}

void partition_ask_all(struct partition *p)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(p->group, m);
    for (unsigned i = 0; i < n; i++)
        if (m[i].role == GROUP_VOTER && m[i].id != p->replica)
            put_question(p, m[i].id);
}

/* As many as make a majority are asked, those who answered last before others. */
static void ask_majority(struct partition *p)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(p->group, m), voters = 0;
    for (unsigned i = 0; i < n; i++)
        voters += m[i].role == GROUP_VOTER;
    for (unsigned asked = 0; asked < voters / 2; asked++) {
        struct group_member *best = NULL;
        for (unsigned i = 0; i < n; i++)
            if (m[i].role == GROUP_VOTER && m[i].id != p->replica && m[i].id && partition_link(p, m[i].id) &&
                (!best || read_index_last(&p->rounds, m[i].id) > read_index_last(&p->rounds, best->id)))
                best = &m[i];
        if (!best)
            return;
        put_question(p, best->id);
        best->id = 0;
    }
}

void partition_ask_round(struct partition *p)
{
    if (!read_index_send(&p->rounds, p->group))
        return;
    if (p->rounds.confirmed + 1 < p->rounds.sent) /* the last is not answered: somebody may be slow, or gone */
        partition_ask_all(p);
    else
        ask_majority(p);
}

bool partition_knows_time(const struct partition *p)
{
    return !p->group || (p->rounds.term == group_term(p->group) && p->rounds.confirmed);
}

void partition_ask_time(struct partition *p)
{
    uint64_t term, round, index;
    if (!partition_knows_time(p) && (p->rounds.term != group_term(p->group) || !p->rounds.sent))
        read_index_ask(&p->rounds, p->group, &term, &round, &index);
}

/* R-READ. As with a round, the partition's time is that of the voters (R-TIME). */
bool partition_may_read_now(struct partition *p)
{
    return !p->group || (partition_knows_time(p) && group_may_read(p->group));
}

void partition_round(struct partition *p, const struct peer_round *r)
{
    if (!p->group || p->broken || r->destination != p->replica)
        return;
    if (r->yes) {
        partition_hear_time(p, r->time_ms);
        read_index_heard(&p->rounds, p->group, r->source, r->term, r->round);
        if (r->stamp_ms <= partition_clock_ms(p)) /* else this node has not sent it */
            group_hear_promise(p->group, r->source, r->term, r->stamp_ms);
        partition_mark_dirty(p);
    } else if (group_promise(p->group, r->source, r->term)) {
        partition_hear_time(p, r->time_ms);
        struct peer_round yes = *r;
        yes.time_ms = partition_now_ms(p);
        yes.source = p->replica;
        yes.destination = r->source;
        yes.yes = true;
        round_put(partition_link(p, r->source), partition_state(p), &yes);
    }
}
