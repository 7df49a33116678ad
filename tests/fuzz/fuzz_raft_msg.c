/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer sends for a replica: the decoder, then the replica itself. Whatever a peer says, who has a node's
 * certificate and nothing good in mind, this replica neither crashes nor believes an impossible thing twice.
 *
 * Input: messages, each with its length in two bytes in front; a length of 0 lets half an election timeout pass. Source
 * and destination are made to fit, as the envelope is checked before. */
#include "base/buf.h"
#include "base/err.h"
#include "consensus/group.h"
#include "fuzz.h"

#define SELF        2
#define ELECTION_MS 300

struct replica {
    struct group *group;
    struct buf out;
    uint64_t now_ms, applied, commit, term;
    bool broken;
};

static struct buf *on_begin(void *arg, uint64_t destination)
{
    struct replica *r = arg;
    return destination == 1 ? &r->out : NULL;
}

/* What is sent is well-formed, and from us. */
static void on_end(void *arg, uint64_t destination, int err, bool can_wait)
{
    (void)can_wait;
    struct replica *r = arg;
    struct raft_msg m;
    ASSERT(err == 0 && raft_msg_decode(buf_slice(&r->out), &m) == 0);
    ASSERT(m.source == SELF && m.destination == destination);
    buf_consume(&r->out, buf_len(&r->out));
}

static void on_apply(void *arg, uint64_t index, const struct entry *e)
{
    struct replica *r = arg;
    ASSERT(index > r->applied && e->term > 0);
    r->applied = index;
}

static void on_news(void *arg, unsigned news)
{
    (void)arg;
    ASSERT(news);
}

static void on_copy_wanted(void *arg, uint64_t destination)
{
    (void)arg;
    ASSERT(destination != SELF);
}

static bool on_copy_complete(void *arg, uint64_t source, uint64_t index)
{
    (void)arg;
    (void)source;
    return index % 2;
}

static void on_installed(void *arg, uint64_t index)
{
    struct replica *r = arg;
    ASSERT(index > r->applied);
    r->applied = index;
}

static void on_broken(void *arg, const char *why)
{
    struct replica *r = arg;
    ASSERT(!r->broken && why);
    r->broken = true;
}

/* As late as the call that asks. */
static uint64_t on_clock(void *arg)
{
    (void)arg;
    return 0;
}

static const struct group_hooks hooks = {on_clock,       on_begin,         on_end,       on_apply, on_news,
                                         on_copy_wanted, on_copy_complete, on_installed, on_broken};

/* What was decoded says the same when it is written again. */
static void check_written(struct slice in, const struct raft_msg *m)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    ASSERT(raft_msg_encode(&out, m) == 0);
    if (m->kind == RAFT_MSG_APPEND) {
        struct slice rest = m->append.entries;
        for (uint32_t i = 0; i < m->append.count; i++) {
            struct raft_msg_entry e = raft_msg_take_entry(&rest);
            ASSERT(fuzz_inside(e.data, in));
            ASSERT(raft_msg_put_entry(&out, &e) == 0);
        }
        ASSERT(rest.len == 0);
    }
    ASSERT(slice_eq(buf_slice(&out), in));
    buf_fini(&out);
}

static void check(struct replica *r)
{
    if (r->broken)
        return;
    ASSERT(group_term(r->group) >= r->term && group_commit_index(r->group) >= r->commit);
    ASSERT(group_applied_index(r->group) == group_commit_index(r->group));
    ASSERT(group_last_index(r->group) >= group_commit_index(r->group));
    r->term = group_term(r->group);
    r->commit = group_commit_index(r->group);
}

static void give(struct replica *r, struct slice in)
{
    struct raft_msg m;
    int err = raft_msg_decode(in, &m);
    ASSERT(err == 0 || err == E_MALFORMED);
    if (err)
        return;
    check_written(in, &m);
    m.source = 1 + 2 * (m.source % 2); /* 1 or 3, the other voters */
    m.destination = SELF;
    err = group_receive(r->group, r->now_ms, &m);
    ASSERT(err == 0 || err == E_MALFORMED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t voters[] = {1, SELF, 3};
    struct group_config config = {
        .self = SELF, .seed = 1, .election_ms = ELECTION_MS, .heartbeat_ms = ELECTION_MS / 3, .log_max = 1000};
    struct slice in = slice_make(data, size);
    struct replica r = {.now_ms = 1000};
    struct group_birth birth = {.voters = voters, .voter_count = fuzz_byte(&in) % 2 ? 3 : 0};
    buf_init(&r.out, SIZE_MAX / 2);
    ASSERT(group_create(&config, &birth, &hooks, &r, r.now_ms, &r.group) == 0);
    while (in.len && !r.broken) {
        size_t len = (size_t)fuzz_number(&in, 2);
        if (len)
            give(&r, fuzz_take(&in, len));
        else
            r.now_ms += ELECTION_MS / 2;
        group_tick(r.group, r.now_ms);
        check(&r);
    }
    group_destroy(&r.group);
    buf_fini(&r.out);
    return 0;
}
