/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/health.h"

#include <stdio.h>

static enum status_node_state state_of(const struct cluster *c)
{
    static const enum status_node_state states[] = {
        [PHASE_SEEKING] = STATUS_SEEKING, [PHASE_FORMING] = STATUS_FORMING,   [PHASE_JOINING] = STATUS_JOINING,
        [PHASE_MEMBER] = STATUS_MEMBER,   [PHASE_STRANDED] = STATUS_STRANDED, [PHASE_LEAVING] = STATUS_LEAVING,
        [PHASE_ENDED] = STATUS_LEAVING};
    return states[c->phase];
}

static unsigned count_seen(const struct cluster *c)
{
    unsigned n = 1;
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        n += mesh_sees(&c->mesh, c->mesh.peer[i]);
    return n;
}

static void explain_few(const struct cluster *c, unsigned n, unsigned seats, char out[STATUS_TEXT_MAX])
{
    unsigned listed = cluster_too_few_listed(c);
    int len = snprintf(out, STATUS_TEXT_MAX, "in no cluster: sees %u of %u nodes, %u are needed to form one",
                       count_seen(c), n, seats_quorum(seats));
    if (listed && len > 0)
        snprintf(out + len, STATUS_TEXT_MAX - (size_t)len,
                 "; the orchestrator runs %u, but cluster-size is %u: %s; set cluster-size to the number of nodes",
                 listed, c->config.expected,
                 listed < seats_quorum(seats) ? "no cluster can form" : "these wait for the others");
}

static void explain_seeking(const struct cluster *c, char out[STATUS_TEXT_MAX])
{
    unsigned n = cluster_n(c), seats = bootstrap_seats(c);
    if (seats > PEER_SEATS_MAX)
        snprintf(out, STATUS_TEXT_MAX,
                 "in no cluster: %u nodes, where %u are configured (cluster-size), are more than a cluster can have: "
                 "it would need %u seats of %d",
                 n, c->config.expected, seats, PEER_SEATS_MAX);
    else
        explain_few(c, n, seats, out);
}

/* At most a good half of the text, which says more. */
#define MISSING_TEXT_MAX (STATUS_TEXT_MAX / 2)

void cluster_explain_quorum(const struct cluster *c, char *out, size_t size)
{
    struct cluster_health h;
    char missing[MISSING_TEXT_MAX];
    cluster_judge(c, &h);
    unsigned n = cluster_missing(c, missing, sizeof missing);
    snprintf(out, size, "no quorum: %u of %u seats answer, %u are needed%s%s", h.seats_heard, h.seats,
             seats_quorum(h.seats), n ? "; no answer from " : "", missing);
}

bool cluster_explain_obstacle(const struct cluster *c, char *out, size_t size)
{
    struct cluster_health h;
    char missing[MISSING_TEXT_MAX];
    out[0] = '\0';
    cluster_judge(c, &h);
    if (gone_is_fenced(c)) {
        gone_explain_fence(c, out, size);
    } else if (!h.quorum && c->meta.whole) {
        cluster_explain_quorum(c, out, size);
    } else if (h.unavailable) {
        cluster_missing(c, missing, sizeof missing);
        snprintf(out, size, "%u of %u partitions have no majority; no answer from %s", h.unavailable, partitions_of(c),
                 missing);
    }
    return out[0] != '\0';
}

/* Nothing follows an operator's word, or the wait, while these are too few. */
static void explain_stranded(const struct cluster *c, char out[STATUS_TEXT_MAX])
{
    char names[1];
    cluster_explain_quorum(c, out, STATUS_TEXT_MAX);
    size_t len = strlen(out);
    snprintf(out + len, STATUS_TEXT_MAX - len, "; %u of the %u nodes that are needed to form again are here",
             bootstrap_here(c, names, sizeof names), seats_quorum(bootstrap_seats(c)));
}

static void explain_member(const struct cluster *c, const struct cluster_health *h, char out[STATUS_TEXT_MAX])
{
    char missing[MISSING_TEXT_MAX];
    if (gone_is_fenced(c))
        gone_explain_fence(c, out, STATUS_TEXT_MAX);
    else if (!h->quorum)
        cluster_explain_quorum(c, out, STATUS_TEXT_MAX);
    else if (!readiness_is_settled(c))
        snprintf(out, STATUS_TEXT_MAX, "not ready: seats or partitions are not as full as they can be yet");
    else if (cluster_missing(c, missing, sizeof missing))
        snprintf(out, STATUS_TEXT_MAX, "no answer from %s", missing);
    else if (c->meta.state->member_count < cluster_n(c))
        snprintf(out, STATUS_TEXT_MAX, "%u of %u expected nodes are members", c->meta.state->member_count,
                 cluster_n(c));
    else if (!lease_is_valid(c))
        snprintf(out, STATUS_TEXT_MAX, "holds no lease: it waits for the node that leads the cluster");
}

static void explain(const struct cluster *c, const struct cluster_health *h, char out[STATUS_TEXT_MAX])
{
    out[0] = '\0';
    switch (c->phase) {
    case PHASE_SEEKING:
        explain_seeking(c, out);
        break;
    case PHASE_FORMING:
        snprintf(out, STATUS_TEXT_MAX, "waits for the first leader of epoch %llu",
                 (unsigned long long)c->meta.state->epoch);
        break;
    case PHASE_JOINING:
        snprintf(out, STATUS_TEXT_MAX, "admitted, waits for the cluster's state");
        break;
    case PHASE_STRANDED:
        explain_stranded(c, out);
        break;
    case PHASE_LEAVING:
        if (h->quorum)
            cluster_explain_leaving(c, out, STATUS_TEXT_MAX);
        else
            explain_member(c, h, out);
        break;
    case PHASE_MEMBER:
        explain_member(c, h, out);
        break;
    default:
        break;
    }
}

static enum status_member_state member_state_of(const struct cluster *c, const struct member *m, bool suspect)
{
    if (suspect)
        return STATUS_SUSPECT;
    if (!cluster_hears(c, m))
        return STATUS_UNREACHABLE;
    return m->state == MEMBER_LEAVING ? STATUS_MEMBER_LEAVING : STATUS_LIVE;
}

/* What the meta leader has said last; NULL: nothing that is not too old. */
static const struct peer_load *load_of(const struct cluster *c, uint64_t member)
{
    for (unsigned i = 0; lease_is_valid(c) && i < c->lease.member_count; i++)
        if (c->lease.member[i].member == member)
            return &c->lease.member[i];
    return NULL;
}

static void describe_member(const struct cluster *c, const struct member *m, struct status_member *out)
{
    const struct peer_load *load = load_of(c, m->id);
    bool is_self = m->id == c->meta.self;
    uint64_t now = clock_wall_ms(c->config.clock);
    *out = (struct status_member){.id = m->id,
                                  .epmd_port = m->epmd_port,
                                  .handoff_port = m->handoff_port,
                                  .state = member_state_of(c, m, load && load->suspect && !is_self),
                                  .seat = meta_has_seat(c, m->id),
                                  .leader = m->id == meta_leader_id(c),
                                  .age_ms = now > m->joined_ms ? now - m->joined_ms : 0,
                                  .memory_used = load ? load->memory_used : UINT64_MAX,
                                  .memory_limit = load ? load->memory_limit : UINT64_MAX,
                                  .keys = load ? load->keys : UINT64_MAX,
                                  .lag = load ? load->lag : UINT64_MAX};
    if (is_self) {
        out->memory_used = c->memory.used;
        out->memory_limit = c->memory.limit;
    }
    out->incarnation = m->incarnation;
    snprintf(out->address, sizeof out->address, "%s", m->address);
    snprintf(out->name, sizeof out->name, "%s", m->place);
}

static uint64_t backlog_of(const struct list *links)
{
    uint64_t bytes = 0;
    for (const struct list *n = links->next; n != links; n = n->next)
        bytes += link_backlog(LIST_ENTRY(n, struct link, place));
    return bytes;
}

/* What requests take, and the process as a whole, others know. */
static struct status_memory memory_of(const struct cluster *c)
{
    size_t meta = c->meta.group ? group_log_bytes(c->meta.group) : 0;
    return (struct status_memory){.resident = UINT64_MAX,
                                  .limit = UINT64_MAX,
                                  .data = c->memory.used,
                                  .data_limit = c->memory.limit,
                                  .logs = c->partitions.log_bytes + meta,
                                  .logs_limit = partitions_logs_max(&c->partitions),
                                  .peers = backlog_of(&c->mesh.links) + backlog_of(&c->mesh.dirty_links),
                                  .requests = UINT64_MAX,
                                  .requests_limit = UINT64_MAX};
}

void cluster_status(const struct cluster *c, struct status_node *out)
{
    struct cluster_health h;
    cluster_judge(c, &h);
    *out = (struct status_node){.state = state_of(c),
                                .ready = readiness_is_settled(c) && c->phase == PHASE_MEMBER && h.quorum,
                                .probe = cluster_probe_ready(c),
                                .health = cluster_health_word(c, &h),
                                .expected = cluster_n(c),
                                .may_lose = h.may_lose,
                                .memory = memory_of(c),
                                .partitions_incomplete = h.quorum ? (int)h.incomplete : -1,
                                .partitions_unavailable = h.quorum ? (int)h.unavailable : -1};
    out->incarnation = c->incarnation;
    snprintf(out->name, sizeof out->name, "%s", c->config.name);
    explain(c, &h, out->why);
    if (!c->meta.whole)
        return;
    const struct meta_state *s = c->meta.state;
    out->serving = lease_is_valid(c);
    out->id = c->meta.self;
    out->cluster_id = s->cluster_id;
    out->epoch = s->epoch;
    out->seats = h.seats;
    out->partitions_lost = (unsigned)s->lost;
    out->partitions_lost_uncounted = (unsigned)s->lost_uncounted;
    out->keys_lost = s->lost_keys;
    const struct member *member[META_MEMBERS_MAX];
    unsigned n = cluster_members_by_address(c, member);
    for (unsigned i = 0; i < n; i++)
        describe_member(c, member[i], &out->member[out->member_count++]);
}

static uint64_t lag_of(const struct partition *p, uint64_t replica)
{
    if (!p->group || !group_leads(p->group))
        return replica == p->replica ? 0 : UINT64_MAX;
    uint64_t match = group_match_index(p->group, replica);
    return match ? group_last_index(p->group) - match : UINT64_MAX;
}

static void describe_partition(const struct cluster *c, unsigned number, struct status_partition *out)
{
    const struct partition *p = &c->partitions.at[number];
    const struct partition_map *map = &c->meta.state->partition[number];
    struct store_stats stats;
    *out = (struct status_partition){
        .number = number, .generation = map->generation, .leader = p->leader_hint, .keys = UINT64_MAX};
    if (p->replica && p->whole && p->store) {
        store_stats_get(p->store, &stats);
        out->keys = stats.keys;
    }
    for (unsigned i = 0; i < map->replica_count && out->replica_count < PLACEMENT_REPLICAS_MAX + 1; i++)
        out->replica[out->replica_count++] = (struct status_replica){.member = map->replica[i].member,
                                                                     .voter = map->replica[i].state != REPLICA_ADDING,
                                                                     .lag = lag_of(p, map->replica[i].id)};
}

unsigned cluster_partition_count(const struct cluster *c)
{
    return c->meta.whole ? partitions_of(c) : 0;
}

unsigned cluster_partitions(const struct cluster *c, struct status_partition *out, unsigned from, unsigned max)
{
    unsigned n = 0;
    for (; c->meta.whole && n < max && from + n < partitions_of(c); n++)
        describe_partition(c, from + n, &out[n]);
    return n;
}

size_t cluster_transfers(const struct cluster *c, struct status_transfer *out, size_t max)
{
    size_t n = 0;
    for (unsigned i = 0; i < partitions_of(c) && n + 2 <= max; i++)
        n += partition_transfers(&c->partitions.at[i], &out[n]);
    return n;
}

int cluster_leave(struct cluster *c)
{
    if (c->phase == PHASE_LEAVING || c->phase == PHASE_ENDED)
        return E_EXISTS;
    if (c->phase != PHASE_MEMBER)
        return E_CLOSED;
    cluster_set_phase(c, PHASE_LEAVING);
    c->leave_ms = now_of(c);
    cluster_tell_leaving(c);
    lease_renew_now(c);
    for (unsigned i = 0; i < partitions_of(c); i++)
        partition_mark_dirty(&c->partitions.at[i]); /* to let others lead */
    return 0;
}

int cluster_may_leave(const struct cluster *c, char *why, size_t why_size)
{
    struct cluster_health h;
    cluster_judge(c, &h);
    if (c->phase != PHASE_STRANDED && (c->phase != PHASE_MEMBER || h.quorum))
        return 0;
    snprintf(
        why, why_size,
        "its cluster has no majority, so no node can take over the data of this one, which would be lost: start the "
        "missing nodes again, or say that they are gone (ephemeralctl reform --survivors)");
    return E_AGAIN;
}

static int refuse_unstranded(const struct cluster *c, char *why, size_t why_size)
{
    struct cluster_health h;
    cluster_judge(c, &h);
    if (c->phase == PHASE_MEMBER && !h.quorum) {
        snprintf(why, why_size, "it has had no leader for less than %u ms (stranded-after-ms): try again then",
                 c->times.stranded_after);
        return E_AGAIN;
    }
    snprintf(why, why_size, "it is not stranded: %s",
             c->phase == PHASE_MEMBER ? "its cluster has a leader" : "it is in no cluster that lost its majority");
    return E_INVALID;
}

int cluster_reform_survivors(struct cluster *c, unsigned left, char *why, size_t why_size)
{
    char names[STATUS_TEXT_MAX / 2];
    unsigned needed = seats_quorum(bootstrap_seats(c)), heard = bootstrap_heard(c);
    if (c->phase != PHASE_STRANDED)
        return refuse_unstranded(c, why, why_size);
    unsigned here = bootstrap_here(c, names, sizeof names);
    if (left && (left != heard || left != here)) {
        snprintf(why, why_size, "%u nodes run, you say, but %u are heard here, of which %u would take part: %s", left,
                 heard, here, names);
        return E_INVALID;
    }
    log_warn(c->config.log, "cluster",
             "an operator says that the members which are missing are gone for good%s: forming again with %s",
             left ? ", and that no other node runs" : "", names);
    c->bootstrap.survivors = true;
    c->bootstrap.left = left;
    cluster_beacon_now(c);
    if (left || here >= needed)
        return 0;
    snprintf(why, why_size,
             "%u of %u nodes that are needed are here (%s): they form again with %u more. If no other node runs, "
             "anywhere, add --nodes %u",
             here, needed, names, needed - here, here);
    return E_AGAIN;
}
