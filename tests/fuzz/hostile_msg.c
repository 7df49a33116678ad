/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile_msg.h"

#include "fuzz.h"
#include "wire/command_msg.h"
#include "wire/object_msg.h"

#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MAX  4
#define REPLICAS_MAX 4
#define ROUNDS_MAX   4

/* Who speaks, and what it says. */
struct said {
    const struct world *w;
    unsigned peer, plane;
    struct slice *in;
    struct coder *out;
};

/* --- fields --- */

/* The right value where the input is 0 or used up; else one beside it, or any. */
static uint64_t field(struct said *s, uint64_t right)
{
    unsigned how = fuzz_byte(s->in);
    if (how < 16)
        return right + how;
    if (how < 32)
        return right - (how - 15);
    if (how == 32)
        return UINT64_MAX;
    return how == 33 ? fuzz_number(s->in, 8) : how - 34u;
}

static bool flag(struct said *s, bool right)
{
    return right != (fuzz_byte(s->in) & 1);
}

static const struct meta_state *state_of(const struct said *s)
{
    return s->w->cluster->meta.state;
}

static void put_cluster_id(struct said *s, struct cluster_id *id)
{
    unsigned how = fuzz_byte(s->in);
    *id = state_of(s) ? state_of(s)->cluster_id : s->w->learned.cluster_id;
    if (how)
        id->b[how % ID_SIZE] ^= (uint8_t)how;
}

static uint64_t epoch(struct said *s)
{
    return field(s, state_of(s) ? state_of(s)->epoch : s->w->learned.epoch);
}

static uint64_t own_member(const struct said *s)
{
    const struct member *m = state_of(s) ? meta_member_by_incarnation(state_of(s), s->w->incarnation[s->peer]) : NULL;
    return m ? m->id : 0;
}

/* The member's replica in that group. */
static uint64_t replica_of(const struct said *s, unsigned group, uint64_t member)
{
    const struct replica *r =
        group < META_PARTITIONS_MAX && state_of(s) ? meta_replica_of(&state_of(s)->partition[group], member) : NULL;
    return r ? r->id : member;
}

static const struct group *group_of(const struct said *s, unsigned group)
{
    const struct cluster *c = s->w->cluster;
    return group < META_PARTITIONS_MAX ? c->partitions.at[group].group : c->meta.group;
}

static uint64_t term_of(const struct said *s, unsigned group)
{
    return group_of(s, group) ? group_term(group_of(s, group)) : 1;
}

static uint64_t last_index_of(const struct said *s, unsigned group)
{
    return group_of(s, group) ? group_last_index(group_of(s, group)) : 0;
}

static uint64_t last_term_of(const struct said *s, unsigned group)
{
    return group_of(s, group) ? group_last_term(group_of(s, group)) : 0;
}

static unsigned pick_group(struct said *s)
{
    unsigned how = fuzz_byte(s->in);
    if (how < META_PARTITIONS_MAX)
        return how;
    return how < 250 ? PEER_GROUP_META : (unsigned)fuzz_number(s->in, 2);
}

static uint32_t generation_of(const struct said *s, unsigned group)
{
    return group < META_PARTITIONS_MAX ? s->w->cluster->partitions.at[group].generation : 1;
}

static struct peer_envelope envelope(struct said *s)
{
    struct peer_envelope e = {.group = (uint16_t)pick_group(s)};
    e.epoch = epoch(s);
    e.generation = (uint32_t)field(s, generation_of(s, e.group));
    put_cluster_id(s, &e.cluster_id);
    return e;
}

/* --- bodies within bodies --- */

static void put_key(struct said *s, struct buf *out)
{
    struct coder c = coder_writer(out);
    struct slice type = slice_make(NULL, 0), bucket = slice_str("b"), key = fuzz_take(s->in, fuzz_byte(s->in) % 8);
    code_slice(&c, &type);
    code_slice(&c, &bucket);
    code_slice(&c, &key);
}

static void put_command(struct said *s, struct buf *out)
{
    struct store_command c = {.op = fuzz_byte(s->in) % 4,
                              .rules = {.siblings_max = 100, .size_max = 1 << 20, .reap_ms = 3000}};
    c.stamp_ms = field(s, clock_wall_ms(&s->w->clock));
    c.rules.ttl_ms = fuzz_byte(s->in);
    c.origin.sequence = fuzz_byte(s->in);
    if (c.origin.sequence)
        c.origin.incarnation = s->w->incarnation[s->peer];
    c.key.bucket = slice_str("b");
    c.key.key = fuzz_take(s->in, fuzz_byte(s->in) % 8);
    c.value.bytes = fuzz_take(s->in, fuzz_byte(s->in));
    struct blob *b = command_encode(&c);
    ASSERT(b && buf_append(out, b->data, b->size) == 0);
    blob_put(b);
}

static void put_meta_command(struct said *s, struct buf *out)
{
    struct meta_command *m = calloc(1, sizeof *m);
    struct coder c = coder_writer(out);
    ASSERT(m);
    m->kind = fuzz_byte(s->in) % (META_COMMAND_MAX + 1);
    m->member = field(s, own_member(s));
    m->who = (struct member){.epmd_port = 4369, .handoff_port = 8099, .address = "10.0.0.9"};
    memset(m->who.incarnation.b, 0x40 + fuzz_byte(s->in), ID_SIZE);
    m->partition = fuzz_byte(s->in) % META_PARTITIONS_MAX;
    m->generation = (uint32_t)field(s, generation_of(s, m->partition));
    m->donor = field(s, 0);
    m->count = fuzz_byte(s->in) % 4;
    for (unsigned i = 0; i < m->count && m->kind == META_REPLICAS; i++) {
        uint16_t partition = fuzz_byte(s->in) % META_PARTITIONS_MAX;
        m->change[i] = (struct meta_change){partition, fuzz_byte(s->in) % (REPLICA_CHANGE_MAX + 1), 0};
        m->change[i].id = field(s, m->change[i].what == CHANGE_ADD || m->change[i].what == CHANGE_LEADER
                                       ? own_member(s)
                                       : replica_of(s, partition, own_member(s)));
    }
    for (unsigned i = 0; i < META_PARTITIONS_MAX && m->kind == META_CREATE; i++) {
        m->create[i].count = 1;
        m->create[i].member[0] = own_member(s);
    }
    if (m->kind == META_CATALOG)
        m->body = fuzz_take(s->in, fuzz_byte(s->in));
    code_meta_command(&c, m);
    free(m);
}

static uint8_t *put_le(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

/* The members of a group as the library writes them down (consensus/rules.c reads it): the replicas of the first
 * three members, in roles that the input says. */
static void put_configuration(struct said *s, struct buf *out, unsigned group)
{
    uint8_t bytes[128] = {1}, *at = put_le(bytes + 1, 3);
    unsigned roles = fuzz_byte(s->in);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t id = field(s, replica_of(s, group, i + 1));
        at = put_le(at, id);
        at += snprintf((char *)at, 24, "%llu", (unsigned long long)id) + 1;
        *at++ = (uint8_t)(1 + (roles >> 2 * i) % 4) % 4; /* 1 votes */
    }
    size_t len = (size_t)(at - bytes + 7) / 8 * 8;
    ASSERT(len <= sizeof bytes && buf_append(out, bytes, len) == 0);
}

/* What it is made of, or any bytes. */
static void put_any(struct said *s, struct buf *out, unsigned how, unsigned group)
{
    struct slice raw;
    switch (how % 5) {
    case 4:
        put_configuration(s, out, group);
        break;
    case 0:
        put_command(s, out);
        break;
    case 1:
        put_meta_command(s, out);
        break;
    case 2:
        put_key(s, out);
        break;
    default:
        raw = fuzz_take(s->in, fuzz_byte(s->in));
        ASSERT(buf_append_slice(out, raw) == 0);
    }
}

/* --- messages --- */

static void put_hello(struct said *s)
{
    struct peer_hello h = world_hello(s->w, s->peer, s->plane);
    h.version = (uint16_t)field(s, PEER_VERSION);
    h.plane = (h.plane + fuzz_byte(s->in)) % PLANE_COUNT;
    h.incarnation.b[0] ^= fuzz_byte(s->in);
    h.epmd_port = (uint16_t)field(s, h.epmd_port);
    h.place[0] = (char)fuzz_byte(s->in);
    code_hello(s->out, &h);
}

static void put_beacon(struct said *s)
{
    const struct world *w = s->w;
    struct peer_beacon b = {.state = fuzz_byte(s->in) % (PEER_STATE_MAX + 1), .leader_port = 4369};
    b.serving = flag(s, false);
    b.n = (uint32_t)field(s, 3);
    put_cluster_id(s, &b.cluster_id);
    b.epoch = epoch(s);
    b.highest_epoch = field(s, w->cluster->highest_epoch);
    b.wall_ms = field(s, clock_wall_ms(&w->clock));
    b.meta_term = field(s, last_term_of(s, PEER_GROUP_META));
    b.meta_index = field(s, last_index_of(s, PEER_GROUP_META));
    b.leads = flag(s, false);
    strcpy(b.leader_address, "10.0.0.2");
    b.leader_address[7] = (char)('2' + fuzz_byte(s->in) % 8);
    b.leader_port = (uint16_t)field(s, b.leader_port);
    code_beacon(s->out, &b);
}

static void put_offer(struct said *s)
{
    struct peer_offer o = {.proposal = field(s, 1), .reform = flag(s, false)};
    put_cluster_id(s, &o.cluster_id);
    o.epoch = field(s, s->w->cluster->highest_epoch + 1);
    o.left = (uint32_t)field(s, 0);
    code_offer(s->out, &o);
}

static void put_accept(struct said *s)
{
    struct peer_accept a = {.proposal = field(s, s->w->learned.proposal), .accepted = flag(s, true)};
    code_accept(s->out, &a);
}

/* The state of the cluster as the node knows it, or as it was formed, under the epoch that was offered. */
static void put_start(struct said *s)
{
    const struct bootstrap *f = &s->w->cluster->bootstrap;
    struct peer_start m = {.proposal = field(s, f->offer.proposal), .index = field(s, 2), .term = field(s, 1)};
    struct meta_state *state = s->w->state;
    struct buf bytes;
    m.epoch = field(s, f->offer.epoch);
    m.cluster_id = f->offer.cluster_id;
    m.voter_count = (unsigned)field(s, 3) % (PEER_SEATS_MAX + 1);
    for (unsigned i = 0; i < m.voter_count; i++)
        m.voters[i] = i + 1;
    uint64_t old_epoch = state->epoch;
    struct cluster_id old_id = state->cluster_id;
    state->epoch = m.epoch;
    state->cluster_id = m.cluster_id;
    buf_init(&bytes, SIZE_MAX / 2);
    ASSERT(meta_state_encode(state, &bytes) == 0);
    state->epoch = old_epoch;
    state->cluster_id = old_id;
    size_t at = (size_t)fuzz_number(s->in, 2) % buf_len(&bytes);
    bytes.data[bytes.start + at] ^= fuzz_byte(s->in);
    m.state = buf_slice(&bytes);
    code_start(s->out, &m);
    buf_fini(&bytes);
}

static void put_admit(struct said *s)
{
    struct peer_admit m;
    put_cluster_id(s, &m.cluster_id);
    m.epoch = epoch(s);
    m.member = field(s, 0);
    m.leader = field(s, own_member(s));
    code_admit(s->out, &m);
}

static void put_replica(struct said *s)
{
    struct peer_replica r = {.partition = (uint16_t)pick_group(s)};
    unsigned flags = fuzz_byte(s->in);
    r.generation = (uint32_t)field(s, generation_of(s, r.partition));
    r.replica = field(s, replica_of(s, r.partition, own_member(s)));
    r.leads = flags & 1;
    r.whole = flags & 2;
    r.frozen = flags & 4;
    r.broken = flags & 8;
    r.no_room = flags & 64;
    r.last_term = field(s, term_of(s, r.partition));
    r.last_index = field(s, last_index_of(s, r.partition));
    r.keys = field(s, 0);
    r.member_count = (unsigned)field(s, 3) % (PEER_SEATS_MAX + 1);
    for (unsigned i = 0; i < r.member_count; i++) {
        r.member[i].replica = replica_of(s, r.partition, i + 1);
        r.member[i].voter = !(flags & 16);
        r.member[i].lag = flags & 32 ? UINT64_MAX : i;
    }
    code_replica(s->out, &r);
}

static void put_renew(struct said *s)
{
    struct peer_renew r;
    put_cluster_id(s, &r.cluster_id);
    r.epoch = epoch(s);
    r.member = field(s, own_member(s));
    r.sent_ms = field(s, s->w->now_ms);
    r.applied = field(s, last_index_of(s, PEER_GROUP_META));
    r.memory_used = field(s, 1000);
    r.memory_limit = field(s, (uint64_t)16 << 20);
    r.unreachable = field(s, 0);
    r.leaving = flag(s, false);
    r.replica_count = fuzz_byte(s->in) % (REPLICAS_MAX + 1);
    code_renew(s->out, &r);
    for (unsigned i = 0; i < r.replica_count; i++)
        put_replica(s);
}

static void put_known(struct said *s)
{
    struct peer_known m;
    put_cluster_id(s, &m.cluster_id);
    m.epoch = epoch(s);
    m.member = field(s, own_member(s));
    m.applied = field(s, last_index_of(s, PEER_GROUP_META));
    code_known(s->out, &m);
}

static void put_grant(struct said *s)
{
    struct peer_grant g;
    put_cluster_id(s, &g.cluster_id);
    g.epoch = epoch(s);
    g.sent_ms = field(s, s->w->now_ms);
    g.index = field(s, last_index_of(s, PEER_GROUP_META));
    g.settled = flag(s, true);
    g.member_count = (unsigned)field(s, 3) % (PEER_SEATS_MAX + 1);
    for (unsigned i = 0; i < g.member_count; i++)
        g.member[i] = (struct peer_load){.member = i + 1, .memory_limit = field(s, (uint64_t)16 << 20)};
    code_grant(s->out, &g);
}

static void put_entries(struct said *s, unsigned count, unsigned group)
{
    for (unsigned i = 0; i < count; i++) {
        struct buf data;
        buf_init(&data, SIZE_MAX / 2);
        unsigned how = fuzz_byte(s->in);
        put_any(s, &data, how ? how : group == PEER_GROUP_META, group);
        struct raft_msg_entry e = {
            .term = field(s, term_of(s, group)), .type = fuzz_byte(s->in), .data = buf_slice(&data)};
        ASSERT(raft_msg_put_entry(s->out->out, &e) == 0);
        buf_fini(&data);
    }
}

static void put_raft_body(struct said *s, struct raft_msg *m, unsigned group, struct buf *configuration)
{
    uint64_t index = field(s, last_index_of(s, group)), term = field(s, last_term_of(s, group));
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        m->append.prev_index = index;
        m->append.prev_term = term;
        m->append.count = fuzz_byte(s->in) % (ENTRIES_MAX + 1);
        m->append.commit = field(s, index + m->append.count);
        break;
    case RAFT_MSG_APPEND_RESULT:
        m->append_result.rejected = field(s, 0);
        m->append_result.last_index = index;
        m->append_result.stamp_ms = s->w->now_ms;
        break;
    case RAFT_MSG_VOTE:
        m->vote.last_index = index;
        m->vote.last_term = term;
        m->vote.pre_vote = flag(s, false);
        m->vote.disrupt_leader = flag(s, false);
        break;
    case RAFT_MSG_VOTE_RESULT:
        m->vote_result.pre_vote = flag(s, true);
        m->vote_result.granted = flag(s, true);
        break;
    case RAFT_MSG_INSTALL:
        m->install.last_index = index;
        m->install.last_term = term;
        m->install.configuration_index = field(s, 1);
        put_configuration(s, configuration, group);
        m->install.configuration = buf_slice(configuration);
        break;
    case RAFT_MSG_TIMEOUT_NOW:
        m->timeout_now.last_index = index;
        m->timeout_now.last_term = term;
        break;
    case RAFT_MSG_COMMIT:
        m->commit.index = index;
        m->commit.term = term;
        break;
    }
}

static void put_raft(struct said *s)
{
    struct peer_envelope e = envelope(s);
    struct raft_msg m = {.kind = RAFT_MSG_APPEND + fuzz_byte(s->in) % RAFT_MSG_KIND_MAX};
    struct buf configuration;
    m.source = field(s, replica_of(s, e.group, own_member(s)));
    m.destination = field(s, replica_of(s, e.group, s->w->cluster->meta.self));
    m.term = field(s, term_of(s, e.group));
    buf_init(&configuration, SIZE_MAX / 2);
    put_raft_body(s, &m, e.group, &configuration);
    code_envelope(s->out, &e);
    ASSERT(raft_msg_encode(s->out->out, &m) == 0);
    if (m.kind == RAFT_MSG_APPEND)
        put_entries(s, m.append.count, e.group);
    buf_fini(&configuration);
}

static void put_rounds(struct said *s)
{
    struct peer_envelope e = envelope(s);
    code_envelope(s->out, &e);
    for (unsigned i = fuzz_byte(s->in) % ROUNDS_MAX + 1; i; i--) {
        struct peer_round r = {.group = e.group};
        r.generation = e.generation;
        r.source = field(s, replica_of(s, r.group, own_member(s)));
        r.destination = field(s, replica_of(s, r.group, s->w->cluster->meta.self));
        r.term = field(s, term_of(s, r.group));
        r.round = field(s, 1);
        r.stamp_ms = s->w->now_ms;
        r.yes = flag(s, false);
        code_round(s->out, &r);
        e.group = (uint16_t)pick_group(s);
    }
}

static void put_copy(struct said *s)
{
    struct peer_copy m = {.envelope = envelope(s)};
    struct buf state;
    buf_init(&state, SIZE_MAX / 2);
    m.source = field(s, replica_of(s, m.envelope.group, own_member(s)));
    m.destination = field(s, replica_of(s, m.envelope.group, s->w->cluster->meta.self));
    m.term = field(s, term_of(s, m.envelope.group));
    m.number = field(s, 1);
    m.offset = field(s, 0);
    m.index = field(s, last_index_of(s, m.envelope.group));
    if (flag(s, false)) /* a whole state, as a joiner gets it */
        ASSERT(meta_state_encode(s->w->state, &state) == 0);
    m.bytes = buf_len(&state) ? buf_slice(&state) : fuzz_take(s->in, fuzz_byte(s->in));
    code_copy(s->out, &m);
    buf_fini(&state);
}

static void put_request(struct said *s)
{
    struct peer_request m = {.number = field(s, 1), .kind = fuzz_byte(s->in) % (PEER_REQUEST_KIND_MAX + 1)};
    struct buf body;
    buf_init(&body, SIZE_MAX / 2);
    m.partition = (uint16_t)field(s, 0);
    m.wants_object = flag(s, true);
    m.time_ms = (uint32_t)field(s, 60000);
    m.cursor = field(s, 0);
    m.end = field(s, UINT64_MAX);
    if (m.cursor) /* it may be far ahead */
        m.floor = (struct peer_mark){s->w->state->epoch, 1, m.cursor, m.end};
    unsigned how = fuzz_byte(s->in);
    put_any(s, &body, how ? how : m.kind == PEER_WRITE ? 0 : 2, m.partition);
    m.body = buf_slice(&body);
    code_request(s->out, &m);
    buf_fini(&body);
}

static void put_answer(struct said *s)
{
    struct peer_answer m = {.number = field(s, s->w->learned.request)};
    struct store_result nothing = {0};
    struct buf body;
    buf_init(&body, SIZE_MAX / 2);
    m.status = fuzz_byte(s->in) % (PEER_ANSWER_STATUS_MAX + 1);
    m.leader = field(s, own_member(s));
    if (m.leader)
        m.mark = (struct peer_mark){s->w->state->epoch, 1, m.leader, 1};
    nothing.err = fuzz_byte(s->in) % 4;
    unsigned how = fuzz_byte(s->in);
    if (how == 0)
        ASSERT(object_msg_encode(&body, &nothing) == 0);
    else
        put_any(s, &body, how, 0);
    m.body = buf_slice(&body);
    code_answer(s->out, &m);
    buf_fini(&body);
}

static void put_not_reached(struct said *s)
{
    struct peer_not_reached m = {"connection refused"};
    code_not_reached(s->out, &m);
}

typedef void (*put_f)(struct said *s);
static const put_f put[PEER_KIND_COUNT] = {
    [PEER_HELLO] = put_hello,   [PEER_BEACON] = put_beacon, [PEER_OFFER] = put_offer,
    [PEER_ACCEPT] = put_accept, [PEER_START] = put_start,   [PEER_ADMIT] = put_admit,
    [PEER_RENEW] = put_renew,   [PEER_GRANT] = put_grant,   [PEER_RAFT] = put_raft,
    [PEER_ROUNDS] = put_rounds, [PEER_COPY] = put_copy,     [PEER_REQUEST] = put_request,
    [PEER_ANSWER] = put_answer, [PEER_KNOWN] = put_known,   [PEER_NOT_REACHED] = put_not_reached};

void hostile_message(const struct world *w, unsigned peer, unsigned plane, unsigned kind, struct slice *in,
                     struct buf *body)
{
    struct coder out = coder_writer(body);
    struct said s = {w, peer, plane, in, &out};
    if (kind < PEER_KIND_COUNT && put[kind])
        put[kind](&s);
}
