/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer sends: every decoder, and the frames around it. What can be decoded is written again as the very same
 * bytes.
 *
 * Input: a kind and its body; a kind of 0: frames, as they come over a link. */
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "wire/peer_msg.h"

#define FRAME_MAX 512

/* One message of every kind that is a single struct, and what is counted behind some. */
union any {
    struct peer_hello hello;
    struct peer_beacon beacon;
    struct peer_offer offer;
    struct peer_accept accept;
    struct peer_start start;
    struct peer_admit admit;
    struct peer_renew renew;
    struct peer_known known;
    struct peer_grant grant;
    struct peer_copy copy;
    struct peer_request request;
    struct peer_answer answer;
    struct peer_envelope envelope;
    struct peer_not_reached not_reached;
};

static void code_head(struct coder *c, unsigned kind, union any *m)
{
    switch (kind) {
    case PEER_HELLO:
        code_hello(c, &m->hello);
        break;
    case PEER_BEACON:
        code_beacon(c, &m->beacon);
        break;
    case PEER_OFFER:
        code_offer(c, &m->offer);
        break;
    case PEER_ACCEPT:
        code_accept(c, &m->accept);
        break;
    case PEER_START:
        code_start(c, &m->start);
        break;
    case PEER_ADMIT:
        code_admit(c, &m->admit);
        break;
    case PEER_RENEW:
        code_renew(c, &m->renew);
        break;
    case PEER_GRANT:
        code_grant(c, &m->grant);
        break;
    case PEER_KNOWN:
        code_known(c, &m->known);
        break;
    case PEER_NOT_REACHED:
        code_not_reached(c, &m->not_reached);
        break;
    case PEER_COPY:
        code_copy(c, &m->copy);
        break;
    case PEER_REQUEST:
        code_request(c, &m->request);
        break;
    case PEER_ANSWER:
        code_answer(c, &m->answer);
        break;
    case PEER_RAFT:
    case PEER_ROUNDS:
        code_envelope(c, &m->envelope);
        break;
    default:
        break;
    }
}

/* What comes behind the head: read from one and written to the other. */
static void code_tail(struct coder *from, struct coder *to, unsigned kind, const union any *m)
{
    for (unsigned i = 0; kind == PEER_RENEW && i < m->renew.replica_count && !from->err; i++) {
        struct peer_replica r;
        code_replica(from, &r);
        ASSERT(r.member_count <= PEER_SEATS_MAX);
        code_replica(to, &r);
    }
    while (kind == PEER_ROUNDS && from->in.len && !from->err) {
        struct peer_round r;
        code_round(from, &r);
        code_round(to, &r);
    }
    if (kind == PEER_RAFT) { /* fuzz_raft_msg goes on here */
        code_bytes(to, (void *)(uintptr_t)from->in.data, from->in.len);
        from->in = slice_skip(from->in, from->in.len);
    }
}

static void check_views(unsigned kind, const union any *m, struct slice body)
{
    if (kind == PEER_START)
        ASSERT(fuzz_inside(m->start.state, body) && m->start.voter_count <= PEER_SEATS_MAX);
    if (kind == PEER_COPY)
        ASSERT(fuzz_inside(m->copy.bytes, body));
    if (kind == PEER_REQUEST)
        ASSERT(fuzz_inside(m->request.body, body) && m->request.kind <= PEER_REQUEST_KIND_MAX);
    if (kind == PEER_ANSWER)
        ASSERT(fuzz_inside(m->answer.body, body) && m->answer.status <= PEER_ANSWER_STATUS_MAX);
    if (kind == PEER_HELLO)
        ASSERT(m->hello.plane < PLANE_COUNT && memchr(m->hello.name, 0, sizeof m->hello.name) &&
               memchr(m->hello.address, 0, sizeof m->hello.address) &&
               memchr(m->hello.place, 0, sizeof m->hello.place));
    if (kind == PEER_BEACON)
        ASSERT(memchr(m->beacon.leader_address, 0, sizeof m->beacon.leader_address));
}

static void take(unsigned kind, struct slice body)
{
    union any m;
    struct buf again;
    buf_init(&again, SIZE_MAX / 2);
    memset(&m, 0xa5, sizeof m);
    struct coder in = coder_reader(body), out = coder_writer(&again);
    code_head(&in, kind, &m);
    if (!in.err) {
        check_views(kind, &m, body);
        code_head(&out, kind, &m);
        code_tail(&in, &out, kind, &m);
    }
    int err = coder_end(&in);
    ASSERT(err == 0 || err == E_MALFORMED);
    ASSERT(out.err == 0);
    if (!err)
        ASSERT(slice_eq(buf_slice(&again), body));
    buf_fini(&again);
}

static void take_frames(struct slice in)
{
    struct slice body = in;
    unsigned kind = 0;
    size_t need = 0;
    int more;
    for (;;) {
        struct slice before = in;
        more = peer_frame_next(&in, FRAME_MAX, &kind, &body, &need);
        if (more <= 0)
            break;
        ASSERT(fuzz_inside(body, before) && body.len < FRAME_MAX && need == PEER_FRAME_HEAD + body.len);
        ASSERT(before.len - in.len == need && kind && kind < PEER_KIND_COUNT);
        take(kind, body);
    }
    ASSERT(more == 0 || more == E_MALFORMED || more == E_TOO_LARGE);
    if (more == 0)
        ASSERT(need > in.len && need <= FRAME_MAX + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    unsigned kind = fuzz_byte(&in);
    if (kind)
        take(kind, in);
    else
        take_frames(in);
    return 0;
}
