/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include "fuzz.h"

/* --- what obedient peers say --- */

static void accept_f(struct coder *c, void *m)
{
    code_accept(c, m);
}

struct said_raft {
    struct peer_envelope envelope;
    struct raft_msg msg;
};

static void raft_f(struct coder *c, void *arg)
{
    struct said_raft *m = arg;
    code_envelope(c, &m->envelope);
    if (!c->err)
        c->err = raft_msg_encode(c->out, &m->msg);
}

struct said_round {
    struct peer_envelope envelope;
    struct peer_round round;
};

static void round_f(struct coder *c, void *arg)
{
    struct said_round *m = arg;
    code_envelope(c, &m->envelope);
    code_round(c, &m->round);
}

/* --- what the peers hear --- */

static void hear_raft(struct conn *c, struct slice body)
{
    struct world *w = c->world;
    struct coder coder = coder_reader(body);
    struct said_raft m;
    code_envelope(&coder, &m.envelope);
    ASSERT(!coder.err && raft_msg_decode(coder.in, &m.msg) == 0);
    unsigned group = m.envelope.group < META_PARTITIONS_MAX ? m.envelope.group : META_PARTITIONS_MAX;
    w->learned.term[group] = m.msg.term;
    struct raft_msg answer = {.source = m.msg.destination, .destination = m.msg.source, .term = m.msg.term};
    if (m.msg.kind == RAFT_MSG_VOTE) {
        answer.kind = RAFT_MSG_VOTE_RESULT;
        answer.vote_result.pre_vote = m.msg.vote.pre_vote;
        answer.vote_result.granted = true;
        w->learned.last_index[group] = m.msg.vote.last_index;
    } else if (m.msg.kind == RAFT_MSG_APPEND) {
        answer.kind = RAFT_MSG_APPEND_RESULT;
        answer.append_result.last_index = m.msg.append.prev_index + m.msg.append.count;
        answer.append_result.stamp_ms = m.msg.append.stamp_ms;
        w->learned.last_index[group] = answer.append_result.last_index;
    } else {
        return;
    }
    m.msg = answer;
    if (w->obedient)
        world_say(world_conn(w, c->peer, group < META_PARTITIONS_MAX ? PLANE_RAFT : PLANE_CONTROL, false), PEER_RAFT,
                  raft_f, &m);
}

static void hear_rounds(struct conn *c, struct slice body)
{
    struct world *w = c->world;
    struct coder coder = coder_reader(body);
    struct said_round m;
    code_envelope(&coder, &m.envelope);
    while (!coder.err && coder.in.len) {
        code_round(&coder, &m.round);
        if (m.round.yes || !w->obedient)
            continue;
        uint64_t source = m.round.source;
        m.round.source = m.round.destination;
        m.round.destination = source;
        m.round.yes = true;
        world_say(world_conn(w, c->peer, c->plane, false), PEER_ROUNDS, round_f, &m);
    }
    ASSERT(!coder.err);
}

static void hear_offer(struct conn *c, struct slice body)
{
    struct world *w = c->world;
    struct coder coder = coder_reader(body);
    struct peer_offer o;
    code_offer(&coder, &o);
    ASSERT(coder_end(&coder) == 0);
    w->learned.proposal = o.proposal;
    w->learned.epoch = o.epoch;
    w->learned.cluster_id = o.cluster_id;
    struct peer_accept m = {.proposal = o.proposal, .accepted = true};
    if (w->obedient)
        world_say(world_conn(w, c->peer, PLANE_CONTROL, false), PEER_ACCEPT, accept_f, &m);
}

static void hear_hello(struct conn *c, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_hello h;
    code_hello(&coder, &h);
    ASSERT(coder_end(&coder) == 0);
    if (!c->dialed)
        return;
    c->plane = h.plane;
    world_say_hello(c);
}

static void hear(struct conn *c, unsigned kind, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct learned *l = &c->world->learned;
    struct peer_request request;
    struct peer_renew renew;
    switch (kind) {
    case PEER_HELLO:
        hear_hello(c, body);
        break;
    case PEER_RAFT:
        hear_raft(c, body);
        break;
    case PEER_ROUNDS:
        hear_rounds(c, body);
        break;
    case PEER_OFFER:
        hear_offer(c, body);
        break;
    case PEER_REQUEST:
        code_request(&coder, &request);
        ASSERT(coder_end(&coder) == 0);
        l->request = request.number;
        break;
    case PEER_RENEW:
        code_renew(&coder, &renew);
        l->sent_ms = renew.sent_ms;
        break;
    default:
        break;
    }
}

void world_hear(struct conn *c)
{
    struct buf said = c->said;
    struct slice in = buf_slice(&said), body;
    unsigned kind;
    size_t need;
    int more;
    buf_init(&c->said, SIZE_MAX / 2);
    while ((more = peer_frame_next(&in, SIZE_MAX / 2, &kind, &body, &need)) > 0)
        hear(c, kind, body);
    ASSERT(more == 0 && in.len == 0); /* the node says whole frames, and known ones */
    buf_fini(&said);
}
