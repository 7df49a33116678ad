/* The end of a member's leaving: it has left, or waits no longer for others to take over what it holds. */
#include "cluster/cluster_impl.h"

/* How long leaving may take. */
#define LEAVE_MS 30000
/* Every node says several times in this time, if only that it is there. */
#define HEARD_MS 3000

/* One that was silent as the leaving began, over a connection that stands, has as long to be heard. */
static bool is_there(const struct cluster *c, const struct peer *p)
{
    uint64_t since = p->in[PLANE_CONTROL] && p->heard_ms < c->leave_ms ? c->leave_ms : p->heard_ms;
    return p->has_beacon && now_of(c) - since <= HEARD_MS;
}

static bool stays(const struct cluster *c, const struct member *m)
{
    const struct peer *p = m->id == c->meta.self ? NULL : mesh_peer(&c->mesh, m->incarnation);
    return p && is_there(c, p) && p->beacon.state == PEER_MEMBER && !p->beacon.leaving;
}

static bool somebody_stays(const struct cluster *c)
{
    for (unsigned i = 0; i < c->meta.state->member_count; i++)
        if (stays(c, &c->meta.state->member[i]))
            return true;
    return false;
}

/* Elections take far less. Without a leader nobody can be given anything. */
static bool is_led(const struct cluster *c)
{
    return meta_leader_id(c) || now_of(c) - c->meta.leader_seen_ms < c->times.stranded_after / 2;
}

bool cluster_is_leaving(const struct cluster *c, uint64_t member)
{
    const struct member *m = meta_member(c->meta.state, member);
    if (!m || m->state == MEMBER_LEAVING)
        return m != NULL;
    if (member == c->meta.self)
        return c->phase == PHASE_LEAVING;
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    return p && p->has_beacon && p->beacon.leaving;
}

static bool has_left(const struct cluster *c)
{
    return c->left || (c->meta.whole && !meta_member(c->meta.state, c->meta.self));
}

/* True: it leaves no longer. */
static bool is_over(const struct cluster *c)
{
    const struct log *log = c->config.log;
    if (has_left(c))
        log_info(log, "cluster", "left the cluster");
    else if (c->meta.whole && !somebody_stays(c))
        log_info(log, "cluster", "no member stays that could take over what this node holds: ending without waiting");
    else if (c->meta.whole && !is_led(c))
        log_warn(log, "cluster",
                 "the cluster has no majority, so nobody can take over what this node holds: ending without waiting");
    else if (now_of(c) - c->leave_ms >= LEAVE_MS)
        log_warn(log, "cluster", "leaving took longer than %d s: ending all the same", LEAVE_MS / 1000);
    else
        return false;
    return true;
}

void cluster_note_left(struct cluster *c)
{
    if (c->phase != PHASE_LEAVING || !is_over(c))
        return;
    cluster_set_phase(c, PHASE_ENDED);
    c->config.ended(c->config.arg);
}
