/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/raft_msg.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"

#define HEAD          25
#define APPEND_HEAD   36 /* the largest body but for what is counted apart */
#define FLAG_PRE_VOTE 1
#define FLAG_SECOND   2 /* of a vote: the leader has asked for it; of its result: granted */

static uint8_t *put_flags(uint8_t *p, bool pre_vote, bool second)
{
    return bytes_put(p, (uint64_t)((pre_vote ? FLAG_PRE_VOTE : 0) | (second ? FLAG_SECOND : 0)), 1);
}

static uint8_t *put_pair(uint8_t *p, uint64_t a, uint64_t b)
{
    return bytes_put(bytes_put(p, a, 8), b, 8);
}

static uint8_t *put_body(uint8_t *p, const struct raft_msg *m)
{
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        p = put_pair(p, m->append.prev_index, m->append.prev_term);
        p = put_pair(p, m->append.commit, m->append.stamp_ms);
        return bytes_put(p, m->append.count, 4);
    case RAFT_MSG_APPEND_RESULT:
        p = put_pair(p, m->append_result.rejected, m->append_result.last_index);
        return bytes_put(p, m->append_result.stamp_ms, 8);
    case RAFT_MSG_VOTE:
        p = put_pair(p, m->vote.last_index, m->vote.last_term);
        return put_flags(p, m->vote.pre_vote, m->vote.disrupt_leader);
    case RAFT_MSG_VOTE_RESULT:
        return put_flags(p, m->vote_result.pre_vote, m->vote_result.granted);
    case RAFT_MSG_INSTALL:
        p = put_pair(p, m->install.last_index, m->install.last_term);
        p = bytes_put(p, m->install.configuration_index, 8);
        memcpy(p, m->install.configuration.data, m->install.configuration.len);
        return p + m->install.configuration.len;
    case RAFT_MSG_TIMEOUT_NOW:
        return put_pair(p, m->timeout_now.last_index, m->timeout_now.last_term);
    case RAFT_MSG_COMMIT:
        return put_pair(p, m->commit.index, m->commit.term);
    }
    ASSERT(false);
    return p;
}

int raft_msg_encode(struct buf *out, const struct raft_msg *m)
{
    size_t room = HEAD + APPEND_HEAD + (m->kind == RAFT_MSG_INSTALL ? m->install.configuration.len : 0);
    uint8_t *p;
    int err = buf_reserve(out, room, &p);
    if (err)
        return err;
    uint8_t *end = bytes_put(p, m->kind, 1);
    end = put_pair(end, m->source, m->destination);
    end = put_body(bytes_put(end, m->term, 8), m);
    buf_commit(out, (size_t)(end - p));
    return 0;
}

int raft_msg_put_entry(struct buf *out, const struct raft_msg_entry *e)
{
    uint8_t *p;
    ASSERT(e->data.len <= RAFT_MSG_ENTRY_MAX);
    int err = buf_reserve(out, RAFT_MSG_ENTRY_HEAD + e->data.len, &p);
    if (err)
        return err;
    p = bytes_put(bytes_put(p, e->term, 8), e->type, 1);
    p = bytes_put(p, e->data.len, 4);
    if (e->data.len)
        memcpy(p, e->data.data, e->data.len);
    buf_commit(out, RAFT_MSG_ENTRY_HEAD + e->data.len);
    return 0;
}

/* --- reading --- */

struct reader {
    struct slice rest;
    bool bad;
};

static uint64_t get(struct reader *r, int size)
{
    if (r->rest.len < (size_t)size) {
        r->bad = true;
        return 0;
    }
    uint64_t value = bytes_get(r->rest.data, size);
    r->rest = slice_skip(r->rest, (size_t)size);
    return value;
}

static void get_flags(struct reader *r, bool *pre_vote, bool *second)
{
    uint64_t flags = get(r, 1);
    *pre_vote = flags & FLAG_PRE_VOTE;
    *second = flags & FLAG_SECOND;
    r->bad |= flags > (FLAG_PRE_VOTE | FLAG_SECOND);
}

struct raft_msg_entry raft_msg_take_entry(struct slice *entries)
{
    struct raft_msg_entry e = {.term = bytes_get(entries->data, 8),
                               .type = entries->data[8],
                               .data.len = (size_t)bytes_get(entries->data + 9, 4)};
    e.data.data = entries->data + RAFT_MSG_ENTRY_HEAD;
    *entries = slice_skip(*entries, RAFT_MSG_ENTRY_HEAD + e.data.len);
    return e;
}

/* `count` entries that fill the rest. */
static void get_entries(struct reader *r, uint32_t count)
{
    for (; count && !r->bad; count--) {
        get(r, 8);
        get(r, 1);
        uint64_t len = get(r, 4);
        r->bad |= len > r->rest.len;
        if (!r->bad)
            r->rest = slice_skip(r->rest, (size_t)len);
    }
}

static void get_body(struct reader *r, struct raft_msg *m)
{
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        m->append.prev_index = get(r, 8);
        m->append.prev_term = get(r, 8);
        m->append.commit = get(r, 8);
        m->append.stamp_ms = get(r, 8);
        m->append.count = (uint32_t)get(r, 4);
        m->append.entries = r->rest;
        get_entries(r, m->append.count);
        break;
    case RAFT_MSG_APPEND_RESULT:
        m->append_result.rejected = get(r, 8);
        m->append_result.last_index = get(r, 8);
        m->append_result.stamp_ms = get(r, 8);
        break;
    case RAFT_MSG_VOTE:
        m->vote.last_index = get(r, 8);
        m->vote.last_term = get(r, 8);
        get_flags(r, &m->vote.pre_vote, &m->vote.disrupt_leader);
        break;
    case RAFT_MSG_VOTE_RESULT:
        get_flags(r, &m->vote_result.pre_vote, &m->vote_result.granted);
        break;
    case RAFT_MSG_INSTALL:
        m->install.last_index = get(r, 8);
        m->install.last_term = get(r, 8);
        m->install.configuration_index = get(r, 8);
        m->install.configuration = r->rest;
        r->rest.len = 0;
        break;
    case RAFT_MSG_TIMEOUT_NOW:
        m->timeout_now.last_index = get(r, 8);
        m->timeout_now.last_term = get(r, 8);
        break;
    case RAFT_MSG_COMMIT:
        m->commit.index = get(r, 8);
        m->commit.term = get(r, 8);
        break;
    default:
        r->bad = true;
    }
}

int raft_msg_decode(struct slice in, struct raft_msg *m)
{
    struct reader r = {.rest = in};
    *m = (struct raft_msg){.kind = (enum raft_msg_kind)get(&r, 1)};
    m->source = get(&r, 8);
    m->destination = get(&r, 8);
    m->term = get(&r, 8);
    get_body(&r, m);
    bool whole = !r.bad && r.rest.len == 0;
    return whole && m->source && m->destination && m->term ? 0 : E_MALFORMED;
}
