/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the cluster ops, as this node sees it at this moment: who is heard, and which groups have a majority of
 * those. Other files decide by leases and logs; what is here is only told. */
#include "cluster/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Beacons come every BEACON_MS: who has missed so many of them does not answer. */
#define HEARD_MS ((uint64_t)10 * BEACON_MS)

/* A refused or broken connection counts at once, silence on one that stands after HEARD_MS. */
bool cluster_hears(const struct cluster *c, const struct member *m)
{
    if (m->id == c->meta.self)
        return true;
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    return p && mesh_sees(&c->mesh, p) && now_of(c) - p->heard_ms <= HEARD_MS;
}

/* As the meta leader has said last. */
static bool is_suspect(const struct cluster *c, uint64_t member)
{
    for (unsigned i = 0; member != c->meta.self && i < c->lease.member_count; i++)
        if (c->lease.member[i].member == member)
            return c->lease.member[i].suspect;
    return false;
}

static bool answers(const struct cluster *c, uint64_t member)
{
    const struct member *m = meta_member(c->meta.state, member);
    return m && cluster_hears(c, m) && !is_suspect(c, m->id);
}

/* Of a group that counts `voters`, of which `answer` answer: how many more may be lost; -1: it has no majority. */
static int spare(unsigned voters, unsigned answer)
{
    return voters == 0 || answer < seats_quorum(voters) ? -1 : (int)(answer - seats_quorum(voters));
}

static void judge_seats(const struct cluster *c, struct cluster_health *h)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = c->meta.group ? group_members(c->meta.group, m) : 0;
    for (unsigned i = 0; i < n; i++) {
        h->seats += m[i].role == GROUP_VOTER;
        h->seats_heard += m[i].role == GROUP_VOTER && answers(c, m[i].id);
    }
}

static void judge_partition(const struct cluster *c, const struct partition_map *map, struct cluster_health *h)
{
    unsigned voters = 0, answer = 0, present = 0, need = c->meta.state->settings.replicas;
    for (unsigned i = 0; i < map->replica_count; i++) {
        bool is_voter = map->replica[i].state != REPLICA_ADDING, here = answers(c, map->replica[i].member);
        voters += is_voter;
        answer += is_voter && here;
        present += here && map->replica[i].state == REPLICA_PRESENT;
    }
    if (c->meta.state->member_count < need)
        need = c->meta.state->member_count;
    int more = spare(voters, answer);
    h->incomplete += present < need;
    h->unavailable += more < 0;
    if (more < h->may_lose)
        h->may_lose = more < 0 ? 0 : more;
}

static void judge_members(const struct cluster *c, struct cluster_health *h)
{
    for (unsigned i = 0; i < c->meta.state->member_count; i++)
        h->members_heard += answers(c, c->meta.state->member[i].id);
    h->all_here = h->members_heard == c->meta.state->member_count && h->members_heard >= cluster_n(c);
}

void cluster_judge(const struct cluster *c, struct cluster_health *h)
{
    *h = (struct cluster_health){.may_lose = -1};
    if (!c->meta.whole)
        return;
    judge_seats(c, h);
    judge_members(c, h);
    int more = spare(h->seats, h->seats_heard);
    h->quorum = more >= 0 && (c->phase == PHASE_MEMBER || c->phase == PHASE_LEAVING);
    if (!h->quorum)
        return;
    h->may_lose = more;
    for (unsigned i = 0; i < partitions_of(c); i++)
        judge_partition(c, &c->meta.state->partition[i], h);
}

enum status_health cluster_health_word(const struct cluster *c, const struct cluster_health *h)
{
    if (!h->quorum)
        return STATUS_NO_QUORUM;
    bool whole = h->all_here && !h->incomplete && !h->unavailable;
    return whole && readiness_is_settled(c) && c->phase == PHASE_MEMBER && lease_is_valid(c) ? STATUS_HEALTHY
                                                                                             : STATUS_DEGRADED;
}

const char *member_name(const struct member *m, char room[MEMBER_NAME_MAX])
{
    snprintf(room, MEMBER_NAME_MAX, strchr(m->address, ':') ? "[%s]:%u" : "%s:%u", m->address, m->epmd_port);
    return room;
}

const char *cluster_member_name(const struct cluster *c, uint64_t member, char room[MEMBER_NAME_MAX])
{
    const struct member *m = c->meta.state ? meta_member(c->meta.state, member) : NULL;
    if (m)
        return member_name(m, room);
    snprintf(room, MEMBER_NAME_MAX, "member %" PRIu64, member);
    return room;
}

/* Shorter addresses first: 10.0.0.2 before 10.0.0.10. */
static int compare(const void *a, const void *b)
{
    const struct member *const *x = a, *const *y = b;
    size_t n = strlen((*x)->address), m = strlen((*y)->address);
    int order = n != m ? (n > m) - (n < m) : strcmp((*x)->address, (*y)->address);
    return order ? order : (int)(*x)->epmd_port - (int)(*y)->epmd_port;
}

unsigned cluster_members_by_address(const struct cluster *c, const struct member *out[META_MEMBERS_MAX])
{
    unsigned n = c->meta.whole ? c->meta.state->member_count : 0;
    for (unsigned i = 0; i < n; i++)
        out[i] = &c->meta.state->member[i];
    qsort(out, n, sizeof out[0], compare);
    return n;
}

unsigned cluster_missing(const struct cluster *c, char *out, size_t size)
{
    const struct member *member[META_MEMBERS_MAX];
    unsigned missing = 0, told = 0, n = cluster_members_by_address(c, member);
    size_t len = 0;
    char name[MEMBER_NAME_MAX];
    out[0] = '\0';
    for (unsigned i = 0; i < n; i++) {
        if (answers(c, member[i]->id))
            continue;
        missing++;
        size_t need = strlen(member_name(member[i], name)) + 2;
        if (told + 1 == missing && len + need + sizeof " and 63 more" <= size) {
            len += (size_t)snprintf(out + len, size - len, "%s%s", told ? ", " : "", name);
            told++;
        }
    }
    if (told < missing)
        snprintf(out + len, size - len, "%s%u%s", told ? " and " : "", missing - told, told ? " more" : " members");
    return missing;
}
