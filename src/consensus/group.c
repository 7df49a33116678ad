#include "consensus/group.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/rule.h"
#include "consensus/rules.h"

#include <raft.h>
#include <stdio.h>
#include <stdlib.h>

/* The next version owns memory differently. */
#if RAFT_VERSION_NUMBER != 2201
#error "this adapter is for cowsql raft 0.22.1, just that"
#endif

/* Of one group's entries in one message: no election waits behind more (a larger entry goes alone). */
#define APPEND_BYTES ((size_t)64 * 1024)
/* Entries fed to the library at once: an array on the stack. */
#define RUN_MAX 256
/* Entries on their way to a follower: more than any log holds, as its bytes are bounded. */
#define INFLIGHT_MAX (1u << 20)
/* Proposals that wait for the end of the turn. */
#define QUEUE_MAX 65536
/* Catching up takes as long as its copy, which has its own ways to fail. */
#define CATCH_UP_MS 600000

struct copy {
    uint64_t destination; /* 0: no copy here */
    uint64_t index;       /* of its end, once the install message was sent; else 0 */
    uint64_t answer_ms;   /* until when that message may be answered */
};

struct group {
    struct raft raft;
    const struct group_hooks *hooks;
    void *arg;
    struct entry_log log;
    uint64_t now_ms, applied;
    uint64_t beat_ms; /* the next heartbeat, where this replica leads */
    unsigned heartbeat_ms;
    size_t log_max;
    unsigned news;
    bool busy;          /* a hook may be running */
    const char *broken; /* why */
    bool broken_told;
    bool tell_stored;                       /* the library has yet to hear that its entries are stored */
    bool installing;                        /* ... and its snapshot */
    bool elected;                           /* leads since this step: an entry of its own term is due */
    struct raft_snapshot_metadata snapshot; /* while installing */
    struct blob **queue;
    unsigned queued, queue_cap;
    struct copy copies[GROUP_MEMBERS_MAX];
};

/* --- small translations --- */

static const int library_role[] = {
    [GROUP_SPARE] = RAFT_SPARE, [GROUP_STANDBY] = RAFT_STANDBY, [GROUP_VOTER] = RAFT_VOTER};

static enum group_role our_role(int role)
{
    return role == RAFT_VOTER ? GROUP_VOTER : role == RAFT_STANDBY ? GROUP_STANDBY : GROUP_SPARE;
}

/* The library wants addresses, all different; we have none here but the id itself. */
struct address {
    char text[24];
};

static struct address address_of(uint64_t id)
{
    struct address a;
    snprintf(a.text, sizeof a.text, "%llu", (unsigned long long)id);
    return a;
}

static unsigned copy_members(const struct raft_configuration *c, struct group_member out[GROUP_MEMBERS_MAX])
{
    for (unsigned i = 0; i < c->n; i++)
        out[i] = (struct group_member){c->servers[i].id, our_role(c->servers[i].role)};
    return c->n;
}

static int build_configuration(const struct group_member *m, unsigned n, struct raft_configuration *out)
{
    raft_configuration_init(out);
    for (unsigned i = 0; i < n; i++)
        if (raft_configuration_add(out, m[i].id, address_of(m[i].id).text, library_role[m[i].role])) {
            raft_configuration_close(out);
            return E_NOMEM;
        }
    return 0;
}

static struct blob *encode_configuration(const struct raft_configuration *c)
{
    struct raft_buffer encoded;
    if (raft_configuration_encode(c, &encoded))
        return NULL;
    struct blob *b = blob_create(encoded.len);
    if (b)
        memcpy(b->data, encoded.base, encoded.len);
    raft_free(encoded.base);
    return b;
}

static int decode_configuration(struct slice encoded, struct raft_configuration *out)
{
    struct raft_buffer b = {(void *)(uintptr_t)encoded.data, encoded.len};
    return raft_configuration_decode(&b, out) ? E_NOMEM : 0; /* its form was checked */
}

static bool leads(const struct group *g)
{
    return g->raft.state == RAFT_LEADER;
}

/* --- messages out --- */

static int encode_entries(const struct group *g, struct buf *out, uint64_t index, uint32_t count)
{
    int err = 0;
    for (; count && !err; count--, index++) {
        const struct entry *e = entry_log_at(&g->log, index);
        struct raft_msg_entry wire = {e->term, e->type, e->data};
        err = raft_msg_put_entry(out, &wire);
    }
    return err;
}

static int send(struct group *g, const struct raft_msg *m)
{
    /* Rule 14: who is not there is sent the whole tail at every heartbeat, so ask before encoding it. */
    struct buf *out = g->hooks->begin(g->arg, m->destination);
    if (!out && rule_holds(RULE_RAFT_14))
        return E_IO;
    struct buf lost;
    if (!out) {
        buf_init(&lost, SIZE_MAX / 2);
        out = &lost;
    }
    int err = raft_msg_encode(out, m);
    if (!err && m->kind == RAFT_MSG_APPEND)
        err = encode_entries(g, out, m->append.prev_index + 1, m->append.count);
    if (out == &lost)
        buf_fini(&lost);
    g->hooks->end(g->arg, m->destination, err);
    return err;
}

/* How many of `count` entries from `index` on go into one message. */
static uint32_t fitting(const struct group *g, uint64_t index, uint32_t count)
{
    size_t bytes = 0;
    uint32_t n = 0;
    while (n < count) {
        bytes += entry_log_at(&g->log, index + n)->data.len + RAFT_MSG_ENTRY_HEAD;
        if (n && bytes > APPEND_BYTES)
            break;
        n++;
    }
    return n;
}

/* One of the library's, in as many as the size of messages asks for. */
static void send_append(struct group *g, struct raft_msg *m, uint32_t left)
{
    for (;;) {
        m->append.count = fitting(g, m->append.prev_index + 1, left);
        if (send(g, m))
            return; /* what follows would only be rejected */
        left -= m->append.count;
        if (left == 0)
            return;
        m->append.prev_index += m->append.count;
        m->append.prev_term = entry_log_term(&g->log, m->append.prev_index);
    }
}

static struct copy *find_copy(struct group *g, uint64_t destination)
{
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
        if (g->copies[i].destination == destination)
            return &g->copies[i];
    return NULL;
}

static bool is_under_way(const struct group *g, const struct copy *c)
{
    return c->index == 0 || g->now_ms < c->answer_ms;
}

/* Rule 6: the library asks for a snapshot again at every rejected heartbeat. */
static void want_copy(struct group *g, uint64_t destination)
{
    struct copy *c = find_copy(g, destination);
    if (c && is_under_way(g, c) && rule_holds(RULE_RAFT_6))
        return;
    if (!c)
        c = find_copy(g, 0);
    if (!c)
        return; /* as many as members: one of them is none any more, and will be ended */
    *c = (struct copy){.destination = destination};
    g->hooks->copy_wanted(g->arg, destination);
}

static void send_one(struct group *g, const struct raft_message *r)
{
    struct raft_msg m = {.source = g->raft.id, .destination = r->server_id};
    switch (r->type) {
    case RAFT_APPEND_ENTRIES:
        m.kind = RAFT_MSG_APPEND;
        m.term = r->append_entries.term;
        m.append.prev_index = r->append_entries.prev_log_index;
        m.append.prev_term = r->append_entries.prev_log_term;
        m.append.commit = r->append_entries.leader_commit;
        send_append(g, &m, r->append_entries.n_entries);
        return;
    case RAFT_APPEND_ENTRIES_RESULT:
        m.kind = RAFT_MSG_APPEND_RESULT;
        m.term = r->append_entries_result.term;
        m.append_result.rejected = r->append_entries_result.rejected;
        m.append_result.last_index = r->append_entries_result.last_log_index;
        break;
    case RAFT_REQUEST_VOTE:
        m.kind = RAFT_MSG_VOTE;
        m.term = r->request_vote.term;
        m.vote.last_index = r->request_vote.last_log_index;
        m.vote.last_term = r->request_vote.last_log_term;
        m.vote.pre_vote = r->request_vote.pre_vote;
        m.vote.disrupt_leader = r->request_vote.disrupt_leader;
        break;
    case RAFT_REQUEST_VOTE_RESULT:
        m.kind = RAFT_MSG_VOTE_RESULT;
        m.term = r->request_vote_result.term;
        m.vote_result.pre_vote = r->request_vote_result.pre_vote;
        m.vote_result.granted = r->request_vote_result.vote_granted;
        break;
    case RAFT_INSTALL_SNAPSHOT:
        want_copy(g, r->server_id);
        return;
    case RAFT_TIMEOUT_NOW:
        m.kind = RAFT_MSG_TIMEOUT_NOW;
        m.term = r->timeout_now.term;
        m.timeout_now.last_index = r->timeout_now.last_log_index;
        m.timeout_now.last_term = r->timeout_now.last_log_term;
        break;
    }
    send(g, &m);
}

/* --- the library's step, and what it asks for --- */

static void break_down(struct group *g, const char *why)
{
    if (!g->broken)
        g->broken = why;
}

/* Of our own making, or, where the library makes an empty one of 8 bytes, without a blob. */
static struct entry keep_entry(const struct raft_entry *e)
{
    struct entry out = {.term = e->term, .type = (uint8_t)e->type};
    if (e->batch == e->buf.base) {
        raft_free(e->batch);
        return out;
    }
    out.data = slice_make(e->buf.base, e->buf.len);
    out.blob = blob_get(e->batch);
    return out;
}

static void take_entries(struct group *g, const struct raft_update *u)
{
    if (u->entries.index <= g->log.last)
        entry_log_truncate(&g->log, u->entries.index);
    ASSERT(u->entries.index == g->log.last + 1);
    for (unsigned i = 0; i < u->entries.n; i++) {
        struct entry e = keep_entry(&u->entries.batch[i]);
        entry_log_append(&g->log, &e);
        if (e.type == ENTRY_CHANGE)
            g->news |= GROUP_NEWS_MEMBERS;
    }
    g->tell_stored = true;
}

static void take_snapshot(struct group *g, const struct raft_update *u)
{
    g->snapshot = u->snapshot.metadata;
    g->installing = true;
    entry_log_reset(&g->log, g->snapshot.index, g->snapshot.term);
    g->applied = g->snapshot.index;
    g->news |= GROUP_NEWS_MEMBERS;
    g->hooks->installed(g->arg, g->applied);
}

/* One event. 0, or the library's refusal. Room for the entries it may add was made before. */
static int step(struct group *g, struct raft_event *event)
{
    struct raft_update u = {0};
    event->time = g->now_ms;
    int rv = raft_step(&g->raft, event, &u);
    if (rv)
        return rv;
    if (u.flags & RAFT_UPDATE_ENTRIES)
        take_entries(g, &u);
    if (u.flags & RAFT_UPDATE_SNAPSHOT)
        take_snapshot(g, &u);
    /* They lie in the library's array, which the next step overwrites. */
    if (u.flags & RAFT_UPDATE_MESSAGES)
        for (unsigned i = 0; i < u.messages.n && !g->broken; i++)
            send_one(g, &u.messages.batch[i]);
    if (u.flags & (RAFT_UPDATE_STATE | RAFT_UPDATE_CURRENT_TERM))
        g->news |= GROUP_NEWS_LEADERSHIP;
    if (u.flags & RAFT_UPDATE_STATE && leads(g))
        g->elected = true;
    return 0;
}

static void step_or_break(struct group *g, struct raft_event *event)
{
    int rv = step(g, event);
    if (rv)
        break_down(g, raft_strerror(rv));
}

/* What is stored in memory is stored at once. */
static void tell_stored(struct group *g)
{
    struct raft_event e = {.type = RAFT_PERSISTED_ENTRIES, .persisted_entries.index = g->log.last};
    g->tell_stored = false;
    step_or_break(g, &e);
}

static void tell_installed(struct group *g)
{
    struct raft_event e = {
        .type = RAFT_PERSISTED_SNAPSHOT, .persisted_snapshot.metadata = g->snapshot, .persisted_snapshot.last = true};
    g->installing = false;
    step_or_break(g, &e);
}

/* Rules 3 and 9: the library appends an entry of its own term only where it has uncommitted ones. */
static void begin_term(struct group *g)
{
    g->elected = false;
    memset(g->copies, 0, sizeof g->copies);
    g->beat_ms = g->now_ms + g->heartbeat_ms;
    if (entry_log_term(&g->log, g->log.last) == g->raft.current_term || !rule_holds(RULE_RAFT_3))
        return;
    struct raft_entry barrier = {.term = g->raft.current_term, .type = RAFT_BARRIER, .batch = blob_create(0)};
    struct raft_event e = {.type = RAFT_SUBMIT, .submit.entries = &barrier, .submit.n = 1};
    if (!barrier.batch || entry_log_reserve(&g->log, 1)) {
        break_down(g, "out of memory");
        blob_put(barrier.batch);
        return;
    }
    barrier.buf.base = ((struct blob *)barrier.batch)->data;
    step_or_break(g, &e);
    blob_put(barrier.batch);
}

static void apply_change(struct group *g, const struct entry *change)
{
    struct raft_event e = {.type = RAFT_CONFIGURATION, .configuration.index = g->applied};
    if (decode_configuration(change->data, &e.configuration.conf))
        break_down(g, "out of memory");
    else
        step_or_break(g, &e);
}

static bool apply_next(struct group *g)
{
    if (g->applied >= raft_commit_index(&g->raft))
        return false;
    g->applied++;
    const struct entry *e = entry_log_at(&g->log, g->applied);
    if (e->type == ENTRY_COMMAND)
        g->hooks->apply(g->arg, g->applied, e);
    else if (e->type == ENTRY_CHANGE)
        apply_change(g, e);
    return true;
}

/* Up to where entries may go: what follows the end of a copy stays until its receiver has it (R-COPY 5). */
static uint64_t disposable(const struct group *g)
{
    uint64_t index = g->applied;
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
        if (g->copies[i].destination && g->copies[i].index && g->copies[i].index < index)
            index = g->copies[i].index;
    return index;
}

/* Nothing is serialized: a copy is made when somebody needs it, of what is then. Half of what is allowed stays for
 * followers that are a little behind. */
static void compact(struct group *g)
{
    size_t bytes = g->log.bytes;
    uint64_t end = disposable(g), upto = g->log.first - 1;
    while (upto < end && bytes > g->log_max / 2) {
        upto++;
        bytes -= entry_log_at(&g->log, upto)->data.len + sizeof(struct entry);
    }
    if (upto < g->log.first || g->applied == g->raft.trail.snapshot.index)
        return;
    struct raft_event e = {.type = RAFT_SNAPSHOT, .snapshot.trailing = (unsigned)(g->applied - upto)};
    e.snapshot.metadata.index = g->applied;
    e.snapshot.metadata.term = entry_log_term(&g->log, g->applied);
    e.snapshot.metadata.configuration_index = g->raft.configuration_committed_index;
    raft_configuration_init(&e.snapshot.metadata.configuration); /* the library keeps the one that it has */
    step_or_break(g, &e);
    entry_log_trim(&g->log, upto);
}

/* Until nothing follows from what has happened. */
static void settle(struct group *g)
{
    bool more = true;
    while (more && !g->broken) {
        more = true;
        if (g->tell_stored)
            tell_stored(g);
        else if (g->installing)
            tell_installed(g);
        else if (g->elected)
            begin_term(g);
        else
            more = apply_next(g);
    }
    if (!g->broken && g->log.bytes > g->log_max)
        compact(g);
}

static void enter(struct group *g, uint64_t now_ms)
{
    ASSERT(!g->busy); /* a hook called back */
    g->busy = true;
    /* Rule 8. The caller's clock does not go back; where ours came from is not the library's concern. */
    if (rule_holds(RULE_RAFT_8))
        ASSERT(now_ms >= g->now_ms);
    g->now_ms = now_ms;
}

static void leave(struct group *g)
{
    settle(g);
    unsigned news = g->news;
    g->news = 0;
    if (news && !g->broken)
        g->hooks->news(g->arg, news);
    if (g->broken && !g->broken_told) {
        g->broken_told = true;
        g->hooks->broken(g->arg, g->broken);
    }
    g->busy = false;
}

/* --- life --- */

static int start_fresh(struct group *g, struct raft_event *e, const struct group_member *m, unsigned n)
{
    struct raft_configuration c;
    struct raft_entry first = {.term = 1, .type = RAFT_CHANGE};
    if (build_configuration(m, n, &c))
        return E_NOMEM;
    struct blob *b = encode_configuration(&c);
    raft_configuration_close(&c);
    if (!b || entry_log_reserve(&g->log, 1)) {
        blob_put(b);
        return E_NOMEM;
    }
    first.batch = b;
    first.buf = (struct raft_buffer){b->data, b->size};
    struct entry kept = {.term = 1, .type = ENTRY_CHANGE, .data = slice_make(b->data, b->size), .blob = b};
    entry_log_append(&g->log, &kept);
    g->applied = 1;
    e->start.term = 1;
    e->start.start_index = 1;
    e->start.entries = &first;
    e->start.n_entries = 1;
    return step(g, e) ? E_NOMEM : 0;
}

static int start_rebuilt(struct group *g, struct raft_event *e, const struct group_birth *birth,
                         const struct group_member *m)
{
    struct raft_snapshot_metadata s = {.index = birth->index, .term = birth->term, .configuration_index = birth->index};
    if (build_configuration(m, birth->voter_count, &s.configuration))
        return E_NOMEM;
    entry_log_reset(&g->log, birth->index, birth->term);
    g->applied = birth->index;
    e->start.term = birth->term;
    e->start.metadata = &s;
    e->start.start_index = birth->index + 1;
    return step(g, e) ? E_NOMEM : 0;
}

static int start(struct group *g, const struct group_birth *birth)
{
    struct raft_event e = {.type = RAFT_START, .start.start_index = 1};
    struct group_member m[GROUP_MEMBERS_MAX];
    for (unsigned i = 0; i < birth->voter_count; i++)
        m[i] = (struct group_member){birth->voters[i], GROUP_VOTER};
    if (birth->voter_count == 0)
        return step(g, &e) ? E_NOMEM : 0;
    if (birth->index == 0 || !rule_holds(RULE_RAFT_17))
        return start_fresh(g, &e, m, birth->voter_count);
    return start_rebuilt(g, &e, birth, m);
}

static void set_habits(struct raft *r, const struct group_config *c)
{
    r->tracer = NULL; /* its default costs a third of the time and is not thread-safe */
    raft_seed(r, c->seed);
    raft_set_election_timeout(r, c->election_ms);
    /* Rule 13: every timeout that we give a leader is a heartbeat to everybody. */
    raft_set_heartbeat_timeout(r, rule_holds(RULE_RAFT_13) ? 1 : c->heartbeat_ms);
    raft_set_pre_vote(r, true);
    raft_set_max_inflight_entries(r, INFLIGHT_MAX);
    /* Rule 6. When the log was cut again since a copy was asked for, the library does not notice that the replica still
     * needs one but by this time-out; that it asks too often is no harm (want_copy). */
    raft_set_install_snapshot_timeout(r, c->election_ms);
    raft_set_max_catch_up_round_duration(r, CATCH_UP_MS);
}

int group_create(const struct group_config *config, const struct group_birth *birth, const struct group_hooks *hooks,
                 void *arg, uint64_t now_ms, struct group **out)
{
    if (config->self == 0 || config->heartbeat_ms == 0 || config->election_ms < 3 * config->heartbeat_ms ||
        birth->voter_count > GROUP_MEMBERS_MAX || birth->index == 1)
        return E_INVALID;
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return E_NOMEM;
    g->hooks = hooks;
    g->arg = arg;
    g->heartbeat_ms = config->heartbeat_ms;
    g->log_max = config->log_max;
    entry_log_init(&g->log, 0, 0);
    if (raft_init(&g->raft, NULL, NULL, config->self, address_of(config->self).text)) {
        free(g);
        return E_NOMEM;
    }
    set_habits(&g->raft, config);
    g->now_ms = now_ms;
    int err = start(g, birth);
    settle(g);
    g->news = 0; /* the caller cannot have heard anything yet */
    if (!err && g->broken)
        err = E_NOMEM;
    if (err)
        group_destroy(&g);
    *out = g;
    return err;
}

static void drop_queue(struct group *g)
{
    for (unsigned i = 0; i < g->queued; i++)
        blob_put(g->queue[i]);
    g->queued = 0;
}

void group_destroy(struct group **gp)
{
    struct group *g = *gp;
    if (!g)
        return;
    ASSERT(!g->busy);
    drop_queue(g);
    raft_close(&g->raft, NULL);
    entry_log_fini(&g->log);
    free(g->queue);
    free(g);
    *gp = NULL;
}

/* --- time --- */

uint64_t group_deadline_ms(const struct group *g)
{
    if (g->broken)
        return UINT64_MAX;
    /* Rule 13, and with it 7: the library's own deadline of a leader looks at all servers, may lie in the past for
     * ever, and comes at moments that make it take live followers for dead. */
    return leads(g) && rule_holds(RULE_RAFT_13) ? g->beat_ms : raft_timeout(&g->raft);
}

/* Rule 7: an aborted spare keeps the library busy, and nothing would ever take it out. */
static void remove_aborted_spare(struct group *g)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(g, m);
    for (unsigned i = 0; i < n; i++)
        if (m[i].role == GROUP_SPARE && group_catch_up_status(g, m[i].id) == GROUP_CATCH_UP_ABORTED) {
            group_change(g, g->now_ms, GROUP_REMOVE, m[i].id);
            return;
        }
}

void group_tick(struct group *g, uint64_t now_ms)
{
    group_flush(g, now_ms);
    if (g->broken || group_deadline_ms(g) > now_ms)
        return;
    struct raft_event e = {.type = RAFT_TIMEOUT};
    enter(g, now_ms);
    /* On the same milliseconds in all groups: what they say to one peer leaves together. */
    g->beat_ms = (now_ms / g->heartbeat_ms + 1) * g->heartbeat_ms;
    if (entry_log_reserve(&g->log, 1) == 0) /* the library's empty entry of a new term */
        step_or_break(g, &e);
    leave(g);
    if (!g->broken && leads(g) && rule_holds(RULE_RAFT_7))
        remove_aborted_spare(g);
}

/* --- messages in --- */

static struct raft_message from(const struct raft_msg *m, const struct address *a, enum raft_message_type type)
{
    return (struct raft_message){.type = type, .server_id = m->source, .server_address = a->text};
}

static void receive(struct group *g, struct raft_message *m)
{
    struct raft_event e = {.type = RAFT_RECEIVE, .receive.message = m};
    step_or_break(g, &e);
}

/* A place in a log, and what the message says that follows it. */
struct run {
    uint64_t prev_index, prev_term;
    struct slice entries; /* that are still to be taken */
    uint32_t count;
};

/* Takes the next entries that the library may be given together: a change of members alone (rule 4: it takes the
 * place of the first for that of the change, and waits for ever for it to be committed). */
static unsigned take_run(struct run *r, struct raft_msg_entry out[RUN_MAX], size_t *bytes)
{
    unsigned n = 0;
    *bytes = 0;
    while (r->count && n < RUN_MAX) {
        struct slice rest = r->entries;
        struct raft_msg_entry e = raft_msg_take_entry(&rest);
        if (n && e.type == ENTRY_CHANGE && rule_holds(RULE_RAFT_4))
            break;
        out[n++] = e;
        *bytes += e.data.len;
        r->entries = rest;
        r->count--;
        if (e.type == ENTRY_CHANGE && rule_holds(RULE_RAFT_4))
            break;
    }
    return n;
}

/* The bytes of a run, in one blob of their own. */
static struct blob *gather(const struct raft_msg_entry *in, unsigned n, size_t bytes, struct raft_entry *out)
{
    struct blob *b = blob_create(bytes);
    uint8_t *p = b ? b->data : NULL;
    for (unsigned i = 0; b && i < n; i++) {
        if (in[i].data.len)
            memcpy(p, in[i].data.data, in[i].data.len);
        out[i] = (struct raft_entry){
            .term = in[i].term, .type = (enum raft_entry_type)in[i].type, .buf = {p, in[i].data.len}, .batch = b};
        p += in[i].data.len;
    }
    return b;
}

/* 0; E_AGAIN: not taken; E_NOMEM. */
static int feed(struct group *g, struct raft_message *m, const struct raft_msg_entry *entries, unsigned n, size_t bytes)
{
    struct raft_entry batch[RUN_MAX];
    struct blob *b = NULL;
    if (n && (entry_log_reserve(&g->log, n) || !(b = gather(entries, n, bytes, batch))))
        return E_NOMEM;
    m->append_entries.entries = n ? batch : NULL;
    m->append_entries.n_entries = n;
    struct raft_event e = {.type = RAFT_RECEIVE, .receive.message = m};
    ASSERT(!g->tell_stored);
    step_or_break(g, &e);
    /* The library frees the batch of what it does not take; until here nobody else had a reference to it. */
    if (g->tell_stored)
        blob_put(b);
    settle(g);
    return g->log.last < m->append_entries.prev_log_index + n ? E_AGAIN : 0;
}

/* Rule 5: what we have committed, the leader has too. Fed to the library, a duplicate or a latecomer would take the
 * commit index back. */
static void skip_committed(const struct group *g, struct run *r)
{
    uint64_t commit = raft_commit_index(&g->raft);
    if (r->prev_index >= commit)
        return;
    for (uint64_t known = commit - r->prev_index; known && r->count; known--, r->count--)
        raft_msg_take_entry(&r->entries);
    r->prev_index = commit;
    r->prev_term = entry_log_term(&g->log, commit);
}

static int receive_append(struct group *g, const struct raft_msg *in)
{
    struct address a = address_of(in->source);
    struct raft_message m = from(in, &a, RAFT_APPEND_ENTRIES);
    struct run r = {in->append.prev_index, in->append.prev_term, in->append.entries, in->append.count};
    struct raft_msg_entry entries[RUN_MAX];
    size_t bytes;
    int err = 0;
    if (in->term < g->raft.current_term)
        r.count = 0; /* all that matters is our term in the answer */
    else if (rule_holds(RULE_RAFT_5))
        skip_committed(g, &r);
    do {
        unsigned n = take_run(&r, entries, &bytes);
        m.append_entries.term = in->term;
        m.append_entries.prev_log_index = r.prev_index;
        m.append_entries.prev_log_term = r.prev_term;
        m.append_entries.leader_commit = in->append.commit;
        err = feed(g, &m, entries, n, bytes);
        if (n) {
            r.prev_index += n;
            r.prev_term = entries[n - 1].term;
        }
    } while (r.count && !err && !g->broken);
    return err == E_NOMEM ? err : 0;
}

static void receive_append_result(struct group *g, const struct raft_msg *in)
{
    struct address a = address_of(in->source);
    struct raft_message m = from(in, &a, RAFT_APPEND_ENTRIES_RESULT);
    m.append_entries_result.version = 2;
    m.append_entries_result.term = in->term;
    m.append_entries_result.rejected = in->append_result.rejected;
    m.append_entries_result.last_log_index = in->append_result.last_index;
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX && !in->append_result.rejected; i++)
        if (g->copies[i].destination == in->source && g->copies[i].index &&
            in->append_result.last_index >= g->copies[i].index)
            g->copies[i].destination = 0; /* it has taken the copy */
    receive(g, &m);
}

static void receive_vote(struct group *g, const struct raft_msg *in)
{
    struct address a = address_of(in->source);
    struct raft_message m = from(in, &a, RAFT_REQUEST_VOTE);
    m.request_vote.version = 2;
    m.request_vote.term = in->term;
    m.request_vote.candidate_id = in->source;
    m.request_vote.last_log_index = in->vote.last_index;
    m.request_vote.last_log_term = in->vote.last_term;
    m.request_vote.pre_vote = in->vote.pre_vote;
    m.request_vote.disrupt_leader = in->vote.disrupt_leader;
    receive(g, &m);
}

static int receive_vote_result(struct group *g, const struct raft_msg *in)
{
    struct address a = address_of(in->source);
    struct raft_message m = from(in, &a, RAFT_REQUEST_VOTE_RESULT);
    m.request_vote_result.version = 2;
    m.request_vote_result.term = in->term;
    m.request_vote_result.pre_vote = in->vote_result.pre_vote;
    m.request_vote_result.vote_granted = in->vote_result.granted;
    /* Else the library looks into a union for what only candidates have there. */
    if (g->raft.state != RAFT_CANDIDATE)
        return 0;
    if (entry_log_reserve(&g->log, 1)) /* it may be the vote that makes us lead */
        return E_NOMEM;
    receive(g, &m);
    return 0;
}

static int receive_install(struct group *g, const struct raft_msg *in)
{
    struct address a = address_of(in->source);
    struct raft_message m = from(in, &a, RAFT_INSTALL_SNAPSHOT);
    if (in->term >= g->raft.current_term && !g->hooks->copy_complete(g->arg, in->source, in->install.last_index))
        return 0; /* the leader makes another */
    m.install_snapshot.term = in->term;
    m.install_snapshot.last_index = in->install.last_index;
    m.install_snapshot.last_term = in->install.last_term;
    m.install_snapshot.conf_index = in->install.configuration_index;
    if (decode_configuration(in->install.configuration, &m.install_snapshot.conf))
        return E_NOMEM;
    receive(g, &m);
    return 0;
}

static void receive_timeout_now(struct group *g, const struct raft_msg *in)
{
    struct address a = address_of(in->source);
    struct raft_message m = from(in, &a, RAFT_TIMEOUT_NOW);
    m.timeout_now.term = in->term;
    m.timeout_now.last_log_index = in->timeout_now.last_index;
    m.timeout_now.last_log_term = in->timeout_now.last_term;
    receive(g, &m);
}

static int dispatch(struct group *g, const struct raft_msg *m)
{
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        return receive_append(g, m);
    case RAFT_MSG_APPEND_RESULT:
        receive_append_result(g, m);
        break;
    case RAFT_MSG_VOTE:
        receive_vote(g, m);
        break;
    case RAFT_MSG_VOTE_RESULT:
        return receive_vote_result(g, m);
    case RAFT_MSG_INSTALL:
        return receive_install(g, m);
    case RAFT_MSG_TIMEOUT_NOW:
        receive_timeout_now(g, m);
        break;
    }
    return 0;
}

int group_receive(struct group *g, uint64_t now_ms, const struct raft_msg *m)
{
    /* Rule 2: the library does not look whom a message is for. */
    if (g->broken || (m->destination != g->raft.id && rule_holds(RULE_RAFT_2)))
        return 0;
    group_flush(g, now_ms);
    uint64_t commit = raft_commit_index(&g->raft);
    struct rules_view v = {.self = g->raft.id,
                           .term = g->raft.current_term,
                           .commit = commit,
                           .commit_term = commit ? entry_log_term(&g->log, commit) : 0,
                           .last = g->log.last,
                           .match = group_match_index(g, m->source),
                           .leads = leads(g)};
    int err = rule_holds(RULE_RAFT_10) ? rules_check_message(&v, m) : 0;
    if (err)
        return err == E_AGAIN ? 0 : err;
    enter(g, now_ms);
    err = dispatch(g, m);
    leave(g);
    return err;
}

/* --- commands --- */

static int make_room(struct group *g)
{
    if (g->queued < g->queue_cap)
        return 0;
    if (g->queued == QUEUE_MAX)
        return E_TOO_MANY;
    unsigned cap = g->queue_cap ? 2 * g->queue_cap : 16;
    struct blob **queue = realloc(g->queue, cap * sizeof(struct blob *));
    if (!queue)
        return E_NOMEM;
    g->queue = queue;
    g->queue_cap = cap;
    return 0;
}

int group_propose(struct group *g, struct blob *command, uint64_t *index)
{
    int err = g->broken || !leads(g) || raft_transferee(&g->raft) ? E_CLOSED : 0;
    if (!err)
        err = make_room(g);
    if (!err)
        err = entry_log_reserve(&g->log, (uint64_t)g->queued + 1);
    if (err) {
        blob_put(command);
        return err;
    }
    g->queue[g->queued++] = command;
    *index = g->log.last + g->queued;
    return 0;
}

/* Nothing has come between a proposal and this: every event of the group flushes first. So this replica leads still. */
static void submit(struct group *g, unsigned from_queue, unsigned n)
{
    struct raft_entry batch[RUN_MAX];
    for (unsigned i = 0; i < n; i++) {
        struct blob *b = g->queue[from_queue + i];
        batch[i] = (struct raft_entry){
            .term = g->raft.current_term, .type = RAFT_COMMAND, .buf = {b->data, b->size}, .batch = b};
    }
    struct raft_event e = {.type = RAFT_SUBMIT, .submit.entries = batch, .submit.n = n};
    step_or_break(g, &e);
}

void group_flush(struct group *g, uint64_t now_ms)
{
    if (g->queued == 0 || g->broken)
        return;
    enter(g, now_ms);
    for (unsigned i = 0; i < g->queued && !g->broken; i += RUN_MAX) {
        unsigned left = g->queued - i;
        submit(g, i, left < RUN_MAX ? left : RUN_MAX);
        settle(g);
    }
    drop_queue(g);
    leave(g);
}

/* --- what is known --- */

bool group_leads(const struct group *g)
{
    return !g->broken && leads(g);
}

uint64_t group_leader(const struct group *g)
{
    if (leads(g))
        return g->raft.id;
    return g->raft.state == RAFT_FOLLOWER ? g->raft.follower_state.current_leader.id : 0;
}

uint64_t group_term(const struct group *g)
{
    return g->raft.current_term;
}

uint64_t group_last_index(const struct group *g)
{
    return g->log.last;
}

uint64_t group_last_term(const struct group *g)
{
    return entry_log_term(&g->log, g->log.last);
}

uint64_t group_commit_index(const struct group *g)
{
    return raft_commit_index(&g->raft);
}

uint64_t group_applied_index(const struct group *g)
{
    return g->applied;
}

bool group_has_committed_own(const struct group *g)
{
    return group_leads(g) && entry_log_term(&g->log, raft_commit_index(&g->raft)) == g->raft.current_term;
}

unsigned group_members(const struct group *g, struct group_member out[GROUP_MEMBERS_MAX])
{
    return copy_members(&g->raft.configuration, out);
}

uint64_t group_match_index(const struct group *g, uint64_t id)
{
    raft_index index = 0;
    return leads(g) && raft_match_index(&g->raft, id, &index) == 0 ? index : 0;
}

size_t group_log_bytes(const struct group *g)
{
    return g->log.bytes;
}

/* --- members --- */

static int submit_change(struct group *g, const struct group_member *m, unsigned n)
{
    struct raft_configuration c;
    if (build_configuration(m, n, &c))
        return E_NOMEM;
    struct blob *b = encode_configuration(&c);
    raft_configuration_close(&c);
    if (!b || entry_log_reserve(&g->log, 1)) {
        blob_put(b);
        return E_NOMEM;
    }
    struct raft_entry entry = {
        .term = g->raft.current_term, .type = RAFT_CHANGE, .buf = {b->data, b->size}, .batch = b};
    struct raft_event e = {.type = RAFT_SUBMIT, .submit.entries = &entry, .submit.n = 1};
    int rv = step(g, &e);
    blob_put(b);
    return rv == 0 ? 0 : rv == RAFT_NOTLEADER ? E_CLOSED : rv == RAFT_NOMEM ? E_NOMEM : E_AGAIN;
}

int group_change(struct group *g, uint64_t now_ms, enum group_change what, uint64_t id)
{
    struct group_member now[GROUP_MEMBERS_MAX], then[GROUP_MEMBERS_MAX];
    unsigned then_count;
    group_flush(g, now_ms);
    if (!group_leads(g) || raft_transferee(&g->raft))
        return E_CLOSED;
    /* Rule 3: before that, an older change that we have not seen may be in force (Ongaro's single-server bug). */
    if (!group_has_committed_own(g) && rule_holds(RULE_RAFT_3))
        return E_AGAIN;
    if (g->raft.configuration_uncommitted_index || g->raft.leader_state.promotee_id)
        return E_AGAIN;
    unsigned now_count = group_members(g, now);
    int err = rules_change(now, now_count, what, id, g->raft.id, then, &then_count);
    if (err)
        return err;
    /* Rule 15: the library finds a member's progress by its place, and moves it only when the number changes. */
    ASSERT(rules_is_one_change(now, now_count, then, then_count));
    enter(g, now_ms);
    err = submit_change(g, then, then_count);
    leave(g);
    return err;
}

int group_catch_up(struct group *g, uint64_t now_ms, uint64_t id)
{
    int status;
    group_flush(g, now_ms);
    if (!group_leads(g))
        return E_CLOSED;
    if (raft_catch_up(&g->raft, id, &status))
        return E_NOT_FOUND;
    if (g->raft.leader_state.promotee_id || status == RAFT_CATCH_UP_RUNNING)
        return E_AGAIN;
    struct raft_event e = {.type = RAFT_CATCH_UP, .catch_up.server_id = id};
    enter(g, now_ms);
    step_or_break(g, &e);
    leave(g);
    return 0;
}

enum group_catch_up group_catch_up_status(const struct group *g, uint64_t id)
{
    int status;
    if (!group_leads(g) || raft_catch_up(&g->raft, id, &status))
        return GROUP_CATCH_UP_NONE;
    switch (status) {
    case RAFT_CATCH_UP_RUNNING:
        return GROUP_CATCH_UP_RUNNING;
    case RAFT_CATCH_UP_ABORTED:
        return GROUP_CATCH_UP_ABORTED;
    case RAFT_CATCH_UP_FINISHED:
        return GROUP_CATCH_UP_FINISHED;
    default:
        return GROUP_CATCH_UP_NONE;
    }
}

int group_transfer(struct group *g, uint64_t now_ms, uint64_t id)
{
    group_flush(g, now_ms);
    if (!group_leads(g) || raft_transferee(&g->raft))
        return E_CLOSED;
    struct raft_event e = {.type = RAFT_TRANSFER, .transfer.server_id = id};
    enter(g, now_ms);
    int rv = step(g, &e);
    leave(g);
    return rv == 0 ? 0 : rv == RAFT_BADID ? E_NOT_FOUND : E_NOMEM;
}

bool group_is_transferring(const struct group *g)
{
    return raft_transferee(&g->raft) != 0;
}

/* --- the log's length, and copies --- */

void group_set_log_max(struct group *g, size_t bytes)
{
    g->log_max = bytes;
}

int group_send_install(struct group *g, uint64_t destination)
{
    struct copy *copy = find_copy(g, destination);
    if (!copy || !group_leads(g))
        return E_CLOSED;
    struct blob *b = encode_configuration(&g->raft.configuration_committed);
    if (!b)
        return E_NOMEM;
    struct raft_msg m = {.kind = RAFT_MSG_INSTALL,
                         .source = g->raft.id,
                         .destination = destination,
                         .term = g->raft.current_term,
                         .install = {.last_index = g->applied,
                                     .last_term = entry_log_term(&g->log, g->applied),
                                     .configuration_index = g->raft.configuration_committed_index,
                                     .configuration = slice_make(b->data, b->size)}};
    int err = send(g, &m);
    if (!err) {
        copy->index = g->applied;
        copy->answer_ms = g->now_ms + g->raft.election_timeout;
    }
    blob_put(b);
    return err;
}

void group_copy_ended(struct group *g, uint64_t destination)
{
    struct copy *copy = find_copy(g, destination);
    if (copy)
        copy->destination = 0;
}
