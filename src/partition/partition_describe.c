/* SPDX-License-Identifier: Apache-2.0 */
/* What a member says of its replica with each renewal of its lease. */
#include "partition/partition.h"

static uint64_t last_index(const struct partition *p)
{
    return p->group ? group_last_index(p->group) : p->index;
}

static void describe_members(const struct partition *p, struct peer_replica *out)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    if (!p->group) {
        out->member_count = 1;
        out->member[0].replica = p->replica;
        out->member[0].voter = true;
        return;
    }
    /* The map goes by it: who is told to be gone throws away what it holds, who is told to be there is counted on. */
    unsigned n = group_members_committed(p->group, m);
    uint64_t last = group_last_index(p->group);
    for (unsigned i = 0; i < n && i < PEER_SEATS_MAX; i++) {
        uint64_t match = group_match_index(p->group, m[i].id);
        out->member[i].replica = m[i].id;
        out->member[i].voter = m[i].role == GROUP_VOTER;
        out->member[i].lag = match ? last - match : UINT64_MAX;
        out->member_count = i + 1;
    }
}

void partition_describe(struct partition *p, struct peer_replica *out)
{
    struct store_stats stats = {0};
    const struct store *s = p->replica && p->whole ? p->store : p->frozen;
    *out = (struct peer_replica){.partition = (uint16_t)p->number, .generation = p->generation, .replica = p->replica};
    if (s)
        store_stats_get(s, &stats);
    out->keys = stats.keys;
    out->no_room = p->no_room;
    if (!(p->replica && p->whole) && p->frozen) {
        out->generation = p->frozen_generation;
        out->replica = p->frozen_replica;
        out->frozen = out->whole = true;
        out->last_term = p->frozen_term;
        out->last_index = p->frozen_index;
        return;
    }
    out->whole = p->whole && !p->broken;
    out->broken = p->broken;
    out->leads = partition_leads(p) && (!p->group || group_has_committed_own(p->group));
    out->last_term = p->group ? group_last_term(p->group) : PARTITION_BASE_TERM;
    out->last_index = last_index(p);
    if (out->leads)
        describe_members(p, out);
}
