/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/rules.h"

#include "base/err.h"
#include "base/rule.h"

#include <stdio.h>

/* --- messages --- */

static bool is_pair(uint64_t index, uint64_t term)
{
    return (index == 0) == (term == 0);
}

/* What is added to an index never passes 64 bits. */
#define INDEX_MAX (UINT64_MAX / 2)

static int check_entries(const struct raft_msg *m)
{
    struct slice rest = m->append.entries;
    uint64_t term = m->append.prev_term;
    for (uint32_t i = 0; i < m->append.count; i++) {
        struct raft_msg_entry e = raft_msg_take_entry(&rest);
        if (e.term == 0 || e.term < term || e.term > m->term)
            return E_MALFORMED;
        if (e.type != ENTRY_COMMAND && e.type != ENTRY_BARRIER && e.type != ENTRY_CHANGE)
            return E_MALFORMED;
        if (e.type == ENTRY_CHANGE && rules_check_configuration(e.data))
            return E_MALFORMED;
        term = e.term;
    }
    return 0;
}

static int check_append(const struct rules_view *v, const struct raft_msg *m)
{
    if (!is_pair(m->append.prev_index, m->append.prev_term) || m->append.prev_term > m->term)
        return E_MALFORMED;
    if (m->append.prev_index > INDEX_MAX || m->append.commit > INDEX_MAX)
        return E_MALFORMED;
    /* Two leaders of one term: one of them forgot that it had voted. */
    if (v->leads && m->term == v->term)
        return E_MALFORMED;
    if (m->append.prev_index == v->commit && v->commit && m->term >= v->term && m->append.prev_term != v->commit_term)
        return E_MALFORMED;
    return check_entries(m);
}

static int check_append_result(const struct rules_view *v, const struct raft_msg *m)
{
    /* R-READ: it repeats what this leader has said, which it has not said yet. */
    if (m->append_result.stamp_ms > v->now_ms && v->leads && m->term == v->term)
        return E_MALFORMED;
    /* From another term it says nothing but that: whoever is in a later one rejects all, and an earlier one is past. */
    if (!m->append_result.rejected || m->term != v->term || !v->leads)
        return 0;
    /* In the leader's term it says where the logs part, which is before what was rejected. */
    if (m->append_result.last_index >= m->append_result.rejected)
        return E_MALFORMED;
    /* A log that was known to agree up to there is not shorter now: the rejection is older than that. */
    return m->append_result.last_index < v->match ? E_AGAIN : 0;
}

static int check_install(const struct rules_view *v, const struct raft_msg *m)
{
    if (m->install.last_index == 0 || m->install.last_index > INDEX_MAX || m->install.last_term == 0 ||
        m->install.last_term > m->term)
        return E_MALFORMED;
    if (m->install.configuration_index == 0 || m->install.configuration_index > m->install.last_index)
        return E_MALFORMED;
    if (v->leads && m->term == v->term)
        return E_MALFORMED;
    return rules_check_configuration(m->install.configuration);
}

int rules_check_message(const struct rules_view *v, const struct raft_msg *m)
{
    if (m->source == v->self)
        return E_MALFORMED;
    if (m->term > v->term && m->term - v->term > RULES_TERM_JUMP)
        return E_MALFORMED;
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        return check_append(v, m);
    case RAFT_MSG_APPEND_RESULT:
        return check_append_result(v, m);
    case RAFT_MSG_VOTE:
        return is_pair(m->vote.last_index, m->vote.last_term) && m->vote.last_term <= m->term ? 0 : E_MALFORMED;
    case RAFT_MSG_VOTE_RESULT:
        /* The promise to vote in the next term, which nobody asked for beyond that. */
        return m->vote_result.pre_vote && m->vote_result.granted && m->term > v->term + 1 ? E_MALFORMED : 0;
    case RAFT_MSG_INSTALL:
        return check_install(v, m);
    case RAFT_MSG_TIMEOUT_NOW:
        return m->timeout_now.last_index && m->timeout_now.last_term ? 0 : E_MALFORMED;
    case RAFT_MSG_COMMIT:
        return m->commit.index && m->commit.term && m->commit.term <= m->term ? 0 : E_MALFORMED;
    }
    return E_MALFORMED;
}

/* --- R-READ: the voter's promise --- */

uint64_t rules_lease_ms(unsigned election_ms)
{
    const unsigned rounding_ms = 2; /* the leader's now, and the voter's moment of receiving */
    return election_ms - (2 * election_ms + RULES_DRIFT_PART - 1) / RULES_DRIFT_PART - rounding_ms;
}

bool rules_may_stand(const struct rules_promise *p, uint64_t now_ms)
{
    return now_ms >= p->until_ms || !rule_holds(RULE_READ_PROMISE);
}

/* A candidate that was told says so in the term after that of the leader who told it, and in no other (group_send.c).
 * If that is the promise's leader, it reads by lease no more. If it is a later one, that was elected by a majority,
 * each of whom had been told too, or was free of its promise: so the lease of the promise's leader is over as well. */
bool rules_may_vote(const struct rules_promise *p, uint64_t now_ms, const struct raft_msg *m)
{
    bool is_told = m->vote.disrupt_leader && !m->vote.pre_vote && m->term > p->term;
    return rules_may_stand(p, now_ms) || m->source == p->leader || is_told;
}

/* --- the library's encoding of a configuration --- */

#define CONFIGURATION_FORMAT 1

static uint64_t get_le(const uint8_t *p)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

/* The address that this adapter gives every member: its id in decimal. So addresses differ where ids do. */
static bool is_address_of(const uint8_t *text, size_t len, uint64_t id)
{
    char expected[24];
    int n = snprintf(expected, sizeof expected, "%llu", (unsigned long long)id);
    return len == (size_t)n && memcmp(text, expected, len) == 0;
}

/* Takes one member from the front. 0: that is none. */
static uint64_t take_member(struct slice *s)
{
    const uint8_t *end = s->len > 8 ? memchr(s->data + 8, '\0', s->len - 8) : NULL;
    uint64_t id = end ? get_le(s->data) : 0;
    if (id == 0 || !is_address_of(s->data + 8, (size_t)(end - s->data) - 8, id))
        return 0;
    *s = slice_skip(*s, (size_t)(end + 1 - s->data));
    if (s->len == 0 || s->data[0] > 2)
        return 0;
    *s = slice_skip(*s, 1);
    return id;
}

int rules_check_configuration(struct slice s)
{
    uint64_t ids[GROUP_MEMBERS_MAX];
    if (s.len < 9 || s.data[0] != CONFIGURATION_FORMAT)
        return E_MALFORMED;
    uint64_t count = get_le(s.data + 1);
    if (count == 0 || count > GROUP_MEMBERS_MAX)
        return E_MALFORMED;
    s = slice_skip(s, 9);
    for (unsigned i = 0; i < count; i++) {
        ids[i] = take_member(&s);
        for (unsigned k = 0; k < i; k++)
            if (ids[k] == ids[i])
                return E_MALFORMED;
        if (ids[i] == 0)
            return E_MALFORMED;
    }
    return 0;
}

/* --- changes of members --- */

static unsigned find(const struct group_member *m, unsigned count, uint64_t id)
{
    unsigned i = 0;
    while (i < count && m[i].id != id)
        i++;
    return i;
}

static unsigned voters(const struct group_member *m, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += m[i].role == GROUP_VOTER;
    return n;
}

static int add(struct group_member *m, unsigned *n, uint64_t id, enum group_role role)
{
    if (id == 0 || find(m, *n, id) < *n || *n == GROUP_MEMBERS_MAX)
        return E_INVALID;
    m[(*n)++] = (struct group_member){id, role};
    return 0;
}

static int promote(struct group_member *m, unsigned n, uint64_t id, enum group_role role)
{
    unsigned i = find(m, n, id);
    if (i == n || m[i].role >= role)
        return E_INVALID;
    m[i].role = role;
    return 0;
}

static int remove_one(struct group_member *m, unsigned *n, uint64_t id)
{
    unsigned i = find(m, *n, id);
    if (i == *n)
        return E_INVALID;
    memmove(m + i, m + i + 1, (*n - i - 1) * sizeof *m);
    (*n)--;
    return 0;
}

static int edit(struct group_member *m, unsigned *n, enum group_change what, uint64_t id)
{
    switch (what) {
    case GROUP_ADD_SPARE:
        return add(m, n, id, GROUP_SPARE);
    case GROUP_ADD_STANDBY:
        return add(m, n, id, GROUP_STANDBY);
    case GROUP_ADD_VOTER:
        return add(m, n, id, GROUP_VOTER);
    case GROUP_PROMOTE_STANDBY:
        return promote(m, *n, id, GROUP_STANDBY);
    case GROUP_PROMOTE_VOTER:
        return promote(m, *n, id, GROUP_VOTER);
    case GROUP_REMOVE:
        return remove_one(m, n, id);
    }
    return E_INVALID;
}

int rules_change(const struct group_member *now, unsigned now_count, enum group_change what, uint64_t id, uint64_t self,
                 struct group_member out[GROUP_MEMBERS_MAX], unsigned *n)
{
    memcpy(out, now, now_count * sizeof *now);
    *n = now_count;
    int err = edit(out, n, what, id);
    if (err)
        return err;
    unsigned left = voters(out, *n), me = find(out, *n, self);
    /* Rule 16: the library lets the last voter lead at once, in the same term. If that is not the leader, both lead. */
    bool leads = me < *n && out[me].role == GROUP_VOTER;
    if (left == 0 || (left == 1 && !leads && rule_holds(RULE_RAFT_16)))
        return E_INVALID;
    return 0;
}

bool rules_is_one_change(const struct group_member *before, unsigned before_count, const struct group_member *after,
                         unsigned after_count)
{
    if (!rule_holds(RULE_RAFT_15))
        return true;
    unsigned same = 0, roles = 0, i = 0;
    unsigned shorter = before_count < after_count ? before_count : after_count;
    while (same < shorter && before[same].id == after[same].id) {
        roles += before[same].role != after[same].role;
        same++;
    }
    if (before_count == after_count)
        return same == before_count && roles == 1;
    if (after_count == before_count + 1)
        return same == before_count && roles == 0;
    if (before_count != after_count + 1 || roles)
        return false;
    for (i = same; i < after_count; i++)
        if (before[i + 1].id != after[i].id || before[i + 1].role != after[i].role)
            return false;
    return true;
}
