#include "cluster/cluster_impl.h"

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

static void explain(const struct cluster *c, char out[STATUS_TEXT_MAX])
{
    unsigned n = cluster_n(c);
    unsigned quorum =
        seats_quorum(seats_count(n, c->meta.state ? c->meta.state->settings.expected : c->config.expected));
    switch (c->phase) {
    case PHASE_SEEKING:
        if (formation_seats(c) > PEER_SEATS_MAX)
            snprintf(
                out, STATUS_TEXT_MAX,
                "in no cluster: %u nodes, where %u are configured (cluster-size), are more than a cluster can have: "
                "it would need %u seats of %d",
                n, c->config.expected, formation_seats(c), PEER_SEATS_MAX);
        else
            snprintf(out, STATUS_TEXT_MAX, "in no cluster: sees %u of %u nodes, %u are needed to form one",
                     count_seen(c), n, quorum);
        break;
    case PHASE_FORMING:
        snprintf(out, STATUS_TEXT_MAX, "waits for the first leader of epoch %llu",
                 (unsigned long long)c->meta.state->epoch);
        break;
    case PHASE_JOINING:
        snprintf(out, STATUS_TEXT_MAX, "admitted, waits for the cluster's state");
        break;
    case PHASE_STRANDED:
        snprintf(out, STATUS_TEXT_MAX,
                 "the cluster has lost its majority: sees %u of %u nodes, %u are needed to re-form it, and the others "
                 "must be known to be gone",
                 count_seen(c), n, quorum);
        break;
    default:
        out[0] = '\0';
        if (c->phase == PHASE_MEMBER && !c->ready)
            snprintf(out, STATUS_TEXT_MAX, "not ready: seats or partitions are not as full as they can be yet");
    }
}

static void describe_member(const struct cluster *c, const struct member *m, struct status_member *out)
{
    *out = (struct status_member){.id = m->id,
                                  .epmd_port = m->epmd_port,
                                  .handoff_port = m->handoff_port,
                                  .state = m->state == MEMBER_LEAVING ? STATUS_MEMBER_LEAVING : STATUS_LIVE,
                                  .seat = meta_has_seat(c, m->id),
                                  .leader = m->id == meta_leader_id(c)};
    memcpy(out->incarnation, m->incarnation, sizeof out->incarnation);
    snprintf(out->address, sizeof out->address, "%s", m->address);
    const struct member *self = meta_member(c->meta.state, c->meta.self);
    out->age_ms = clock_wall_ms(c->config.clock) > m->joined_ms ? clock_wall_ms(c->config.clock) - m->joined_ms : 0;
    for (unsigned i = 0; i < c->lease.member_count; i++) {
        const struct peer_load *l = &c->lease.member[i];
        if (l->member != m->id)
            continue;
        if (m->state == MEMBER_LIVE && l->suspect && m != self)
            out->state = STATUS_SUSPECT;
        out->memory_used = l->memory_used;
        out->memory_limit = l->memory_limit;
        out->keys = l->keys;
        out->lag = l->lag;
    }
}

/* Over all groups, the fewest that may end before one has no majority. */
static int may_lose(const struct cluster *c)
{
    int fewest = (int)((meta_seats(c) - 1) / 2);
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        int voters = 0;
        for (unsigned k = 0; k < map->replica_count; k++)
            voters += map->replica[k].state != REPLICA_ADDING;
        if ((voters - 1) / 2 < fewest)
            fewest = voters ? (voters - 1) / 2 : 0;
    }
    return fewest;
}

static unsigned count_incomplete(const struct cluster *c)
{
    unsigned n = 0, need = c->meta.state->settings.replicas;
    if (c->meta.state->member_count < need)
        need = c->meta.state->member_count;
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        unsigned present = 0;
        for (unsigned k = 0; k < map->replica_count; k++)
            present += map->replica[k].state == REPLICA_PRESENT && meta_member(c->meta.state, map->replica[k].member);
        n += present < need;
    }
    return n;
}

void cluster_status(const struct cluster *c, struct status_node *out)
{
    *out = (struct status_node){
        .state = state_of(c), .ready = cluster_probe_ready(c), .expected = cluster_n(c), .may_lose = -1};
    memcpy(out->incarnation, c->incarnation, sizeof out->incarnation);
    snprintf(out->name, sizeof out->name, "%s", c->config.name);
    explain(c, out->why);
    if (!c->meta.whole)
        return;
    const struct meta_state *s = c->meta.state;
    out->serving = lease_is_valid(c);
    out->id = c->meta.self;
    memcpy(out->cluster_id, s->cluster_id, sizeof out->cluster_id);
    out->epoch = s->epoch;
    out->seats = meta_seats(c);
    out->may_lose = may_lose(c);
    out->partitions_incomplete = count_incomplete(c);
    for (unsigned i = 0; i < s->member_count && i < STATUS_MEMBERS_MAX; i++)
        describe_member(c, &s->member[i], &out->member[out->member_count++]);
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
    const struct partition *p = &c->partition[number];
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
        n += partition_transfers(&c->partition[i], &out[n]);
    return n;
}

/* R-READY. Seeking or stranded: once discovery has answered, for some time, with nobody to join or to form with,
 * because an orchestrator starts the next node only when this one is ready. */
bool cluster_probe_ready(const struct cluster *c)
{
    if (c->ready)
        return true;
    if ((c->phase != PHASE_SEEKING && c->phase != PHASE_STRANDED) || !c->discovery_answered ||
        now_of(c) - c->created_ms < 10000 || c->formation.stage != FORM_NONE || c->formation.quorum_ms)
        return false;
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        if (c->mesh.peer[i]->has_beacon && c->mesh.peer[i]->beacon.serving && mesh_sees(&c->mesh, c->mesh.peer[i]))
            return false;
    return true;
}

int cluster_leave(struct cluster *c)
{
    if (c->phase == PHASE_LEAVING || c->phase == PHASE_ENDED)
        return E_EXISTS;
    if (c->phase != PHASE_MEMBER)
        return E_CLOSED;
    cluster_set_phase(c, PHASE_LEAVING);
    c->leave_ms = now_of(c);
    log_info(c->config.log, "cluster", "leaving: handing over leaderships, seat and replicas");
    lease_renew_now(c);
    return 0;
}

int cluster_reform_survivors(struct cluster *c, char *why, size_t why_size)
{
    if (c->phase != PHASE_STRANDED) {
        snprintf(why, why_size, "this node is not stranded: %s",
                 c->phase == PHASE_MEMBER ? "its cluster has a leader" : "it is in no cluster that lost its majority");
        return E_INVALID;
    }
    log_warn(c->config.log, "cluster",
             "an operator says that whoever is not seen is gone: re-forming with who is here");
    c->formation.survivors = true;
    return 0;
}
