/* SPDX-License-Identifier: Apache-2.0 */
/* Why a candidate of discovery is a member of this node's cluster, or is none: for operators. */
#include "cluster/cluster_impl.h"

#include "cluster/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* For so long counts what a node has said of itself that is not talked to: it is dialed every second. */
#define REFUSAL_MS 60000

_Static_assert(STATUS_ADDRESS_MAX >= PEER_ADDRESS_SIZE, "every address is told whole");

static void say(struct status_candidate *out, enum status_candidate_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct status_candidate *out, enum status_candidate_state state, const char *format, ...)
{
    va_list args;
    out->state = state;
    va_start(args, format);
    vsnprintf(out->why, sizeof out->why, format, args);
    va_end(args);
}

const struct member *cluster_member_at(const struct cluster *c, const char *address, uint16_t port)
{
    for (unsigned i = 0; c->meta.whole && i < c->meta.state->member_count; i++) {
        const struct member *m = &c->meta.state->member[i];
        if (m->epmd_port == port && strcmp(m->address, address) == 0)
            return m;
    }
    return NULL;
}

static void judge_silent(const struct cluster *c, const struct endpoint *e, struct status_candidate *out)
{
    const struct member *m = cluster_member_at(c, e->address, e->port);
    char member[64] = "";
    if (m)
        snprintf(member, sizeof member, "; member %" PRIu64 " is expected there", m->id);
    if (e->refusal && now_of(c) - e->refused_ms <= REFUSAL_MS)
        say(out, STATUS_CANDIDATE_REFUSED, "%s%s", e->refusal, member);
    else if (e->failure[0])
        say(out, STATUS_CANDIDATE_SILENT, "%s%s", e->failure, member);
    else
        say(out, STATUS_CANDIDATE_NEW, "%s", "the first connection to it is being made");
}

static bool is_of_this_cluster(const struct cluster *c, const struct peer_beacon *b)
{
    return c->meta.state && cluster_id_equal(b->cluster_id, c->meta.state->cluster_id);
}

static void judge_member(const struct cluster *c, const struct peer_beacon *b, struct status_candidate *out)
{
    const uint8_t *id = b->cluster_id.b;
    if (is_of_this_cluster(c, b))
        say(out, STATUS_CANDIDATE_WAITING, "%s", "it is admitted; this node has not received that change yet");
    else
        say(out, STATUS_CANDIDATE_OTHER, "a member of the cluster %02x%02x%02x%02x, epoch %" PRIu64 "%s", id[0], id[1],
            id[2], id[3], b->epoch, c->phase == PHASE_SEEKING ? ", which this node is to join" : "");
}

static void judge_beacon(const struct cluster *c, const struct peer_beacon *b, struct status_candidate *out)
{
    bool is_member = c->phase == PHASE_MEMBER || c->phase == PHASE_LEAVING;
    switch (b->state) {
    case PEER_MEMBER:
        judge_member(c, b, out);
        break;
    case PEER_STRANDED:
        say(out, STATUS_CANDIDATE_STRANDED, "%s", "its cluster has lost its majority");
        break;
    case PEER_FORMING:
    case PEER_REFORMING:
        say(out, STATUS_CANDIDATE_FORMING, "epoch %" PRIu64, b->epoch);
        break;
    default:
        say(out, is_member ? STATUS_CANDIDATE_WAITING : STATUS_CANDIDATE_SEEKING, "%s",
            is_member ? "it waits to be admitted to this node's cluster" : "in no cluster");
    }
}

static void judge_peer(const struct cluster *c, const struct endpoint *e, const struct peer *p,
                       struct status_candidate *out)
{
    const struct peer_hello *h = &p->hello;
    const struct member *m = c->meta.whole ? meta_member_by_incarnation(c->meta.state, h->incarnation) : NULL;
    if (h->epmd_port != e->port || strcmp(h->address, e->address) != 0)
        say(out, STATUS_CANDIDATE_ALIAS, "another address of the node that advertises %s port %u", h->address,
            h->epmd_port);
    else if (!mesh_sees(&c->mesh, p))
        say(out, STATUS_CANDIDATE_ONE_WAY,
            "it answers, but has no connection to this node: can it reach %s port %u, which this node advertises?",
            c->mesh.config.self.address, c->mesh.config.self.epmd_port);
    else if (m)
        say(out, STATUS_CANDIDATE_MEMBER, "member %" PRIu64, m->id);
    else if (p->has_beacon)
        judge_beacon(c, &p->beacon, out);
    else
        say(out, STATUS_CANDIDATE_NEW, "%s", "connected; it has not said yet whether it is in a cluster");
}

static void judge_self(const struct cluster *c, const struct endpoint *e, struct status_candidate *out)
{
    const struct peer_hello *self = &c->mesh.config.self;
    if (e->port == self->epmd_port && strcmp(e->address, self->address) == 0)
        say(out, STATUS_CANDIDATE_SELF, "%s", "");
    else
        say(out, STATUS_CANDIDATE_SELF, "another address of it; it advertises %s port %u", self->address,
            self->epmd_port);
}

void cluster_judge_candidate(const struct cluster *c, const char *address, uint16_t epmd_port,
                             struct status_candidate *out)
{
    const struct endpoint *e = mesh_find(&c->mesh, address, epmd_port);
    const struct link *l = e ? e->out[PLANE_CONTROL] : NULL;
    if (!c->mesh.config.self.address[0])
        say(out, STATUS_CANDIDATE_NEW, "%s", "this node does not know its own address yet (advertise)");
    else if (!e)
        say(out, STATUS_CANDIDATE_NEW, "%s", "this node knows too many addresses to try this one");
    else if (e->self)
        judge_self(c, e, out);
    else if (l && l->peer)
        judge_peer(c, e, l->peer, out);
    else
        judge_silent(c, e, out);
}

bool cluster_seeks(const struct cluster *c)
{
    return c->phase == PHASE_SEEKING || c->phase == PHASE_FORMING || c->phase == PHASE_JOINING ||
           c->phase == PHASE_STRANDED;
}

bool cluster_place(const struct cluster *c, size_t i, char address[STATUS_ADDRESS_MAX], uint16_t *epmd_port)
{
    if (i >= c->mesh.endpoint_count)
        return false;
    snprintf(address, STATUS_ADDRESS_MAX, "%s", c->mesh.endpoint[i]->address);
    *epmd_port = c->mesh.endpoint[i]->port;
    return true;
}
