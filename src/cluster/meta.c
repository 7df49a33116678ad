/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster_impl.h"

#include "base/assert.h"
#include "base/rule.h"
#include "router/op.h"

#include <stdlib.h>

/* The log of the meta group: small entries; who is further behind is given the state. */
#define META_LOG_MAX ((size_t)1024 * 1024)
/* A part of a copy: no lease waits behind more. */
#define META_CHUNK ((size_t)64 * 1024)
/* The largest state that is taken from another node: a million bucket properties. */
#define META_STATE_MAX ((size_t)256 * 1024 * 1024)
/* What may wait on one control connection: over it, messages are lost. */
#define META_BACKLOG_MAX ((size_t)64 * 1024 * 1024)

/* --- questions --- */

struct link *cluster_link(const struct cluster *c, uint64_t member, enum peer_plane plane)
{
    const struct member *m = c->meta.state ? meta_member(c->meta.state, member) : NULL;
    return m ? mesh_link(&c->mesh, m->incarnation, plane) : NULL;
}

uint64_t meta_leader_id(const struct cluster *c)
{
    return c->meta.group && !c->frozen ? group_leader(c->meta.group) : 0;
}

bool meta_has_seat(const struct cluster *c, uint64_t member)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = c->meta.group ? group_members(c->meta.group, m) : 0;
    for (unsigned i = 0; i < n; i++)
        if (m[i].id == member)
            return m[i].role == GROUP_VOTER;
    return false;
}

unsigned meta_seats(const struct cluster *c)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = c->meta.group ? group_members(c->meta.group, m) : 0, seats = 0;
    for (unsigned i = 0; i < n; i++)
        seats += m[i].role == GROUP_VOTER;
    return seats;
}

static struct peer_envelope envelope_of(const struct cluster *c)
{
    struct peer_envelope e = {.epoch = c->meta.state->epoch, .group = PEER_GROUP_META, .generation = 1};
    e.cluster_id = c->meta.state->cluster_id;
    return e;
}

/* --- the group's hooks --- */

static struct buf *begin_message(void *arg, uint64_t destination)
{
    struct cluster *c = arg;
    struct link *l = cluster_link(c, destination, PLANE_CONTROL);
    if (!l || link_backlog(l) > META_BACKLOG_MAX)
        return NULL;
    struct buf *out = link_begin(l, PEER_RAFT);
    if (!out)
        return NULL;
    struct coder coder = coder_writer(out);
    struct peer_envelope e = envelope_of(c);
    code_envelope(&coder, &e);
    if (coder.err) {
        link_end(l, coder.err);
        return NULL;
    }
    return out;
}

static void end_message(void *arg, uint64_t destination, int err, bool can_wait)
{
    (can_wait ? link_end_later : link_end)(cluster_link(arg, destination, PLANE_CONTROL), err);
}

static void note_waiting(struct cluster *c, uint64_t index, const struct blob *blob, int err)
{
    struct list *n = c->meta.waiting.next;
    while (n != &c->meta.waiting) {
        struct op *w = LIST_ENTRY(n, struct op, place);
        n = n->next;
        if (w->index > index)
            break;
        list_remove(&w->place);
        if (w->entry != blob) { /* overruled: certainly not applied */
            op_wait(w);
            continue;
        }
        w->err = err;
        list_append(&c->meta.answered, &w->place);
    }
}

static void apply_entry(void *arg, uint64_t index, const struct entry *e)
{
    struct cluster *c = arg;
    struct meta_command m = {0};
    struct coder coder = coder_reader(e->data);
    code_meta_command(&coder, &m);
    int err = coder_end(&coder);
    if (!err)
        err = meta_state_apply(c->meta.state, &m);
    if (m.kind == META_TAKE_ID)
        c->meta.taken_id = err ? 0 : m.member;
    if (m.kind == META_ADD_MEMBER || m.kind == META_REMOVE_MEMBER)
        c->meta.members_index = index;
    c->catalog_version += m.kind == META_CATALOG;
    note_waiting(c, index, e->blob, err);
    c->meta.changed = true;
}

static void on_news(void *arg, unsigned news)
{
    struct cluster *c = arg;
    (void)news;
    c->meta.dirty = true;
}

static void on_copy_wanted(void *arg, uint64_t destination)
{
    struct meta *m = &((struct cluster *)arg)->meta;
    if (m->copy_wanted_count < META_MEMBERS_MAX)
        m->copy_wanted[m->copy_wanted_count++] = destination;
    m->dirty = true;
}

static bool on_copy_complete(void *arg, uint64_t source, uint64_t index)
{
    const struct meta *m = &((struct cluster *)arg)->meta;
    return m->copy_index == index && m->copy_source == source && index != 0;
}

/* R-ID: what stands in the envelope of a copy stands in the state too. */
static bool is_same_epoch(const struct meta_state *a, const struct meta_state *b)
{
    return a->epoch == b->epoch && cluster_id_equal(a->cluster_id, b->cluster_id);
}

static void on_installed(void *arg, uint64_t index)
{
    struct cluster *c = arg;
    struct meta_state *state;
    c->meta.members_index = index;
    int err = meta_state_decode(&c->memory, buf_slice(&c->meta.copy_in), &state);
    if (!err && !is_same_epoch(state, c->meta.state)) {
        meta_state_destroy(&state);
        err = E_MALFORMED;
    }
    buf_wipe(&c->meta.copy_in);
    c->meta.copy_index = 0;
    if (err) {
        log_error(c->config.log, "cluster", "the copy of the cluster's state cannot be read: %s; joining again",
                  err_text(err));
        cluster_decide_next(c, NEXT_STRANGER);
        return;
    }
    meta_state_destroy(&c->meta.state);
    c->meta.state = state;
    c->catalog_version++;
    c->meta.whole = true;
    c->meta.changed = true;
}

static void on_broken(void *arg, const char *why)
{
    struct cluster *c = arg;
    log_error(c->config.log, "cluster",
              "this node's replica of the cluster's state failed (%s): joining again as a new member", why);
    cluster_decide_next(c, NEXT_STRANGER);
}

static uint64_t clock_ms(void *arg)
{
    const struct cluster *c = arg;
    return clock_precise_us(c->config.clock) / 1000;
}

static const struct group_hooks hooks = {clock_ms,       begin_message,    end_message,  apply_entry, on_news,
                                         on_copy_wanted, on_copy_complete, on_installed, on_broken};

/* --- life --- */

static void on_tick(struct timer *t);

void meta_init(struct meta *m)
{
    timer_init(&m->tick, on_tick);
    buf_init(&m->copy_in, META_STATE_MAX);
    list_init(&m->waiting);
    list_init(&m->answered);
}

static void rearm(struct cluster *c)
{
    uint64_t now = now_of(c), due = c->meta.group ? group_deadline_ms(c->meta.group) : UINT64_MAX;
    if (due == UINT64_MAX || c->frozen)
        timer_stop(c->config.timers, &c->meta.tick);
    else
        timer_start(c->config.timers, &c->meta.tick, due > now ? due - now : 0);
}

static void on_tick(struct timer *t)
{
    struct cluster *c = LIST_ENTRY(t, struct cluster, meta.tick);
    group_tick(c->meta.group, now_of(c));
    c->meta.dirty = true;
    rearm(c);
}

int meta_start(struct cluster *c, struct meta_state *state, uint64_t self, const struct group_birth *birth)
{
    struct meta *m = &c->meta;
    struct group_config config = {.self = self,
                                  .seed = cluster_seed(c),
                                  .election_ms = state->settings.election_ms,
                                  .heartbeat_ms = state->settings.heartbeat_ms,
                                  .log_max = META_LOG_MAX};
    m->state = state;
    c->catalog_version++;
    m->self = self;
    cluster_hear_time(c, state->formed_ms);
    m->whole = birth->voter_count != 0;
    m->was_led = false;
    m->leader_seen_ms = now_of(c);
    read_index_init(&m->rounds);
    int err = group_create(&config, birth, &hooks, c, now_of(c), &m->group);
    if (err) {
        meta_state_destroy(&m->state);
        m->whole = false;
        return err;
    }
    m->dirty = m->changed = true;
    rearm(c);
    return 0;
}

static void retry_all(struct list *l)
{
    while (!list_empty(l)) {
        struct op *w = LIST_ENTRY(l->next, struct op, place);
        w->maybe_done = true;
        op_wait(w);
    }
}

void meta_stop(struct cluster *c)
{
    struct meta *m = &c->meta;
    timer_stop(c->config.timers, &m->tick);
    group_destroy(&m->group);
    meta_state_destroy(&m->state);
    buf_wipe(&m->copy_in);
    m->self = m->taken_id = m->copy_index = m->copy_wanted_count = 0;
    m->whole = m->was_led = m->changed = false;
    retry_all(&m->waiting);
    retry_all(&m->answered);
}

/* --- messages --- */

int meta_raft(struct cluster *c, const struct raft_msg *msg)
{
    if (!c->meta.group || c->frozen)
        return 0;
    int err = group_receive(c->meta.group, now_of(c), msg);
    c->meta.dirty = true;
    rearm(c);
    return err == E_NOMEM ? 0 : err;
}

void meta_leader_ended(struct cluster *c, uint64_t member)
{
    if (!c->meta.group || c->frozen)
        return;
    group_leader_is_gone(c->meta.group, now_of(c), member);
    c->meta.dirty = true;
    rearm(c);
}

void meta_round(struct cluster *c, const struct peer_round *r)
{
    struct meta *m = &c->meta;
    if (!m->group || c->frozen || r->destination != m->self)
        return;
    if (r->yes) {
        read_index_heard(&m->rounds, m->group, r->source, r->term, r->round);
        m->dirty = true;
    } else if (group_promise(m->group, r->source, r->term)) {
        struct peer_round yes = *r;
        yes.source = m->self;
        yes.destination = r->source;
        yes.yes = true;
        round_put(cluster_link(c, r->source, PLANE_CONTROL), c->meta.state, &yes);
    }
}

/* --- copies --- */

static int send_chunk(struct link *l, struct peer_copy *m)
{
    struct buf *out = link_begin(l, PEER_COPY);
    if (!out)
        return E_IO;
    struct coder coder = coder_writer(out);
    code_copy(&coder, m);
    link_end(l, coder.err);
    return coder.err;
}

/* The state is small: it goes at once, in parts, so that nothing waits for long behind it. */
static void send_state(struct cluster *c, uint64_t destination)
{
    struct link *l = cluster_link(c, destination, PLANE_CONTROL);
    struct buf state;
    buf_init(&state, SIZE_MAX / 2);
    int err = l ? meta_state_encode(c->meta.state, &state) : E_IO;
    struct slice rest = buf_slice(&state);
    struct peer_copy m = {.envelope = envelope_of(c),
                          .source = c->meta.self,
                          .destination = destination,
                          .term = group_term(c->meta.group),
                          .number = ++c->meta.copy_count};
    while (!err && rest.len) {
        m.bytes = slice_make(rest.data, rest.len < META_CHUNK ? rest.len : META_CHUNK);
        rest = slice_skip(rest, m.bytes.len);
        m.index = rest.len ? 0 : group_applied_index(c->meta.group);
        err = send_chunk(l, &m);
        m.offset += m.bytes.len;
    }
    buf_wipe(&state);
    if (!err)
        err = group_send_install(c->meta.group, destination);
    if (err)
        group_copy_ended(c->meta.group, destination);
}

int meta_copy(struct cluster *c, const struct peer_copy *m)
{
    struct meta *meta = &c->meta;
    if (!meta->group || c->frozen || m->destination != meta->self)
        return 0;
    if (m->offset == 0) {
        buf_wipe(&meta->copy_in);
        meta->copy_source = m->source;
        meta->copy_term = m->term;
        meta->copy_number = m->number;
        meta->copy_index = 0;
    }
    if (m->source != meta->copy_source || m->number != meta->copy_number || m->term != meta->copy_term ||
        m->offset != buf_len(&meta->copy_in))
        return 0; /* the rest of one that was given up */
    if (buf_append_slice(&meta->copy_in, m->bytes)) {
        meta->copy_number = 0;
        return 0;
    }
    meta->copy_index = m->index;
    return 0;
}

/* --- proposals --- */

int meta_propose(struct cluster *c, struct meta_command *m, uint64_t *index)
{
    struct buf *b = &c->scratch;
    buf_consume(b, buf_len(b));
    struct coder coder = coder_writer(b);
    code_meta_command(&coder, m);
    if (coder.err)
        return coder.err;
    struct slice bytes = buf_slice(b);
    struct blob *blob = blob_create(bytes.len);
    if (!blob)
        return E_NOMEM;
    memcpy(blob->data, bytes.data, bytes.len);
    c->meta.dirty = true;
    return group_propose(c->meta.group, blob, index);
}

/* --- changes of the catalog --- */

static int propose_catalog(struct cluster *c, struct op *w)
{
    struct meta_command m = {.kind = META_CATALOG, .body = slice_make(w->blob->data, w->blob->size)};
    struct buf *b = &c->scratch;
    buf_consume(b, buf_len(b));
    struct coder coder = coder_writer(b);
    code_meta_command(&coder, &m);
    struct slice bytes = buf_slice(b);
    struct blob *entry = coder.err ? NULL : blob_create(bytes.len);
    if (!entry)
        return E_NOMEM;
    memcpy(entry->data, bytes.data, bytes.len);
    int err = group_propose(c->meta.group, blob_get(entry), &w->index);
    w->entry = err ? NULL : entry;
    if (err)
        blob_put(entry);
    return err;
}

static bool is_of_roster(const struct blob *change)
{
    return change->size && change->data[0] == CATALOG_SECURITY;
}

void meta_catalog(struct cluster *c, struct op *w)
{
    if (!c->meta.group || !group_leads(c->meta.group) || !lease_is_valid(c)) {
        op_forward(w, meta_leader_id(c));
        return;
    }
    /* The acl has bounds of its own: who may do what can be changed when memory is full, too. */
    if (!is_of_roster(w->blob) && !memory_has_room(&c->memory, 2 * w->blob->size)) {
        op_finish(w, E_FULL, NULL);
        return;
    }
    if (propose_catalog(c, w)) {
        op_wait(w);
        return;
    }
    c->meta.dirty = true;
    op_move(w, OP_PROPOSED, &c->meta.waiting, NULL);
    op_until_deadline(w);
}

/* R-KNOWN: before the answer goes out, on all nodes that hold a lease. */
static bool is_known_everywhere(const struct cluster *c, uint64_t index)
{
    const struct controller *o = &c->controller;
    for (unsigned i = 0; rule_holds(RULE_KNOWN) && i < o->view_count; i++)
        if (o->view[i]->known < index && o->view[i]->lease_until_ms > now_of(c) && o->view[i]->member != c->meta.self)
            return false;
    return true;
}

/* Who does not lead any more does not know who knows it. */
static void give_up_answered(struct meta *m)
{
    while (!list_empty(&m->answered))
        op_finish(LIST_ENTRY(m->answered.next, struct op, place), E_UNKNOWN, NULL);
}

static void answer_catalog(struct cluster *c)
{
    struct list now; /* whoever is answered may forget any of the others */
    list_take(&c->meta.answered, &now);
    while (!list_empty(&now)) {
        struct op *w = LIST_ENTRY(now.next, struct op, place);
        list_remove(&w->place);
        if (c->controller.leads && is_known_everywhere(c, w->index))
            op_finish(w, w->err, NULL);
        else
            list_append(&c->meta.answered, &w->place);
    }
}

/* --- the end of a turn --- */

static void ask_round(struct cluster *c)
{
    struct meta *m = &c->meta;
    struct group_member members[GROUP_MEMBERS_MAX];
    if (!read_index_send(&m->rounds, m->group))
        return;
    unsigned n = group_members(m->group, members);
    for (unsigned i = 0; i < n; i++) {
        struct peer_round r = {.group = PEER_GROUP_META,
                               .generation = 1,
                               .source = m->self,
                               .destination = members[i].id,
                               .term = m->rounds.term,
                               .round = m->rounds.sent};
        if (members[i].role == GROUP_VOTER && members[i].id != m->self)
            round_put(cluster_link(c, members[i].id, PLANE_CONTROL), c->meta.state, &r);
    }
}

static void send_copies(struct cluster *c)
{
    struct meta *m = &c->meta;
    while (m->copy_wanted_count) {
        uint64_t destination = m->copy_wanted[--m->copy_wanted_count];
        if (m->whole)
            send_state(c, destination);
        else
            group_copy_ended(m->group, destination);
    }
}

void meta_turn(struct cluster *c)
{
    struct meta *m = &c->meta;
    if (!m->group || c->frozen || !m->dirty)
        return;
    m->dirty = false;
    group_flush(m->group, now_of(c));
    if (!group_leads(m->group)) {
        retry_all(&m->waiting);
        give_up_answered(m);
    }
    ask_round(c);
    send_copies(c);
    if (group_leader(m->group)) {
        m->was_led = true;
        m->leader_seen_ms = now_of(c);
    }
    answer_catalog(c);
    group_tell_commit(m->group);
    rearm(c);
    if (group_leader(m->group) != m->leader_told) {
        m->leader_told = group_leader(m->group);
        lease_renew_now(c);
    }
}
