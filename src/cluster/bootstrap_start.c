/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a cluster, or of its next epoch: the state that all who take part begin with, made by the one who
 * proposed it and taken by the others. */
#include "cluster/cluster_impl.h"

#include "base/rule.h"

struct meta_settings bootstrap_settings(const struct cluster *c)
{
    return (struct meta_settings){.expected = c->config.expected,
                                  .replicas = c->config.replicas,
                                  .partitions = c->config.partitions,
                                  .heartbeat_ms = c->config.times.heartbeat,
                                  .election_ms = c->config.times.election,
                                  .lease_ms = c->config.times.lease,
                                  .margin_ms = c->config.times.margin,
                                  .lost_after_ms = c->config.times.lost_after};
}

struct member bootstrap_member(const struct cluster *c, const struct peer_hello *h)
{
    struct member m = {
        .epmd_port = h->epmd_port, .handoff_port = h->handoff_port, .joined_ms = clock_wall_ms(c->config.clock)};
    m.incarnation = h->incarnation;
    memcpy(m.address, h->address, sizeof m.address);
    memcpy(m.place, h->place, sizeof m.place);
    return m;
}

static void code_start_f(struct coder *c, void *m)
{
    code_start(c, m);
}

static int fresh_state(struct cluster *c, struct meta_state **out)
{
    struct hash_key key;
    uint8_t random[RATCHET_SIZE];
    clock_random(c->config.clock, &key, sizeof key);
    clock_random(c->config.clock, random, sizeof random);
    int err = meta_state_create(&c->memory, &key, out);
    if (!err) {
        (*out)->formed_ms = now_of(c) + c->wall_ahead_ms; /* R-TIME: the wall clock's word counts at the start alone */
        (*out)->settings = bootstrap_settings(c);
        err = ticket_secrets_begin(&(*out)->tickets, random, (*out)->formed_ms);
    }
    explicit_bzero(random, sizeof random);
    return err;
}

/* What this node knows, without those who take no part. */
static int old_state(struct cluster *c, struct meta_state **out)
{
    const struct bootstrap *f = &c->bootstrap;
    uint64_t kept[META_MEMBERS_MAX];
    unsigned n = 0;
    struct buf bytes;
    buf_init(&bytes, SIZE_MAX / 2);
    int err = meta_state_encode(c->meta.state, &bytes);
    if (!err)
        err = meta_state_decode(&c->memory, buf_slice(&bytes), out);
    buf_wipe(&bytes);
    if (!err)
        (*out)->formed_ms = cluster_now_ms(c); /* R-TIME: it goes on from here */
    if (!err)
        memcpy((*out)->keys_before, c->keys_counted, sizeof c->keys_counted);
    kept[n++] = c->meta.self;
    for (unsigned i = 0; !err && i < f->invited_count; i++) {
        const struct member *m = meta_member_by_incarnation(*out, f->invited[i].incarnation);
        if (m && f->invited[i].accepted)
            kept[n++] = m->id;
    }
    if (!err)
        meta_state_reform(*out, kept, n);
    return err;
}

/* All who have accepted, and this node. */
static void add_participants(struct cluster *c, struct meta_state *s)
{
    const struct bootstrap *f = &c->bootstrap;
    struct member self = bootstrap_member(c, &c->mesh.config.self);
    if (!meta_member_by_incarnation(s, c->incarnation))
        meta_state_add(s, &self);
    for (unsigned i = 0; i < f->invited_count; i++) {
        const struct peer *p = mesh_peer(&c->mesh, f->invited[i].incarnation);
        if (!p || !f->invited[i].accepted || meta_member_by_incarnation(s, p->hello.incarnation) ||
            meta_is_dead(s, p->hello.incarnation))
            continue;
        struct member m = bootstrap_member(c, &p->hello);
        meta_state_add(s, &m);
    }
}

/* R-SEATS. Fewer take part than the usual quorum only by an operator's word that nobody else runs. */
static unsigned choose_seats(const struct cluster *c, struct meta_state *s)
{
    unsigned usual = bootstrap_seats(c), all = bootstrap_accepted(&c->bootstrap);
    if (!c->bootstrap.offer.reform || all >= seats_quorum(usual))
        return usual;
    s->settings.lowered_seats = seats_of_all(all);
    return s->settings.lowered_seats;
}

/* Seats without a node are phantoms' (rule 12), whose ids are never given out. */
static void fill_seats(const struct cluster *c, struct meta_state *s, struct peer_start *start)
{
    unsigned seats = choose_seats(c, s);
    for (unsigned i = 0; i < s->member_count && start->voter_count < seats; i++)
        start->voters[start->voter_count++] = s->member[i].id;
    while (start->voter_count < seats && start->voter_count < PEER_SEATS_MAX)
        start->voters[start->voter_count++] = s->next_id++;
}

/* What it says twice agrees; ids are of those that were given out, and an odd number of them votes (R-ID, R-SEATS). */
static bool is_consistent(const struct peer_start *start, const struct meta_state *s)
{
    if (start->epoch != s->epoch || !cluster_id_equal(start->cluster_id, s->cluster_id) || start->voter_count % 2 == 0)
        return false;
    for (unsigned i = 0; i < start->voter_count; i++)
        if (start->voters[i] >= s->next_id)
            return false;
    return true;
}

static int begin(struct cluster *c, const struct peer_start *start)
{
    struct meta_state *s;
    int err = meta_state_decode(&c->memory, start->state, &s);
    const struct member *self = err ? NULL : meta_member_by_incarnation(s, c->incarnation);
    if (!err && (!self || !is_consistent(start, s)))
        err = E_MALFORMED;
    if (err) {
        if (s)
            meta_state_destroy(&s);
        return err;
    }
    struct group_birth birth = {.voters = start->voters,
                                .voter_count = start->voter_count,
                                .index = start->index,
                                .term = start->term,
                                .leads_first = incarnation_equal(c->bootstrap.proposer, c->incarnation)};
    /* R-LEASE: until then a lease of an older epoch may be valid somewhere. */
    uint64_t hold = s->all_fresh ? 0 : now_of(c) + s->settings.lease_ms + s->settings.margin_ms;
    bootstrap_freeze(c);
    meta_stop(c);
    c->frozen = false;
    err = meta_start(c, s, self->id, &birth);
    if (err) { /* what was there before is gone */
        cluster_decide_next(c, NEXT_STRANGER);
        return err;
    }
    memcpy(c->keys_counted, s->keys_before, sizeof c->keys_counted);
    c->lease.hold_ms = hold;
    if (c->next == NEXT_RETURN) /* the start has reached it after all */
        c->next = NEXT_SAME;
    bootstrap_enter(c, FORM_STARTED);
    /* A node that holds something never gives up what it knows: without a leader it is stranded anew. */
    uint64_t random;
    clock_random(c->config.clock, &random, sizeof random);
    unsigned doubled = c->bootstrap.abandoned < 5 ? c->bootstrap.abandoned : 5;
    c->bootstrap.abandon_ms =
        now_of(c) + ((c->times.stranded_after + random % (c->times.stranded_after + 1)) << doubled);
    cluster_set_phase(c, PHASE_FORMING);
    return 0;
}

static void count_participating(const struct cluster *c, struct meta_state *s)
{
    s->all_fresh = !c->bootstrap.offer.reform && s->member_count >= cluster_n(c);
}

static int make_start(struct cluster *c, struct buf *bytes, struct peer_start *start)
{
    const struct bootstrap *f = &c->bootstrap;
    struct meta_state *s = NULL;
    int err = f->offer.reform ? old_state(c, &s) : fresh_state(c, &s);
    if (!err) {
        s->cluster_id = f->offer.cluster_id;
        s->epoch = f->offer.epoch;
        add_participants(c, s);
        count_participating(c, s);
        *start = (struct peer_start){.proposal = f->offer.proposal, .epoch = s->epoch, .index = 2, .term = 1};
        start->cluster_id = s->cluster_id;
        fill_seats(c, s, start);
        err = meta_state_encode(s, bytes);
    }
    if (s)
        meta_state_destroy(&s);
    start->state = buf_slice(bytes);
    return err;
}

void bootstrap_start(struct cluster *c)
{
    struct bootstrap *f = &c->bootstrap;
    struct peer_start m = {0};
    struct buf bytes;
    buf_init(&bytes, SIZE_MAX / 2);
    int err = make_start(c, &bytes, &m);
    for (unsigned i = 0; !err && i < f->invited_count; i++)
        if (f->invited[i].accepted)
            bootstrap_send(bootstrap_link(c, f->invited[i].incarnation), PEER_START, code_start_f, &m);
    if (!err)
        log_info(c->config.log, "cluster", "starting epoch %llu with %u nodes", (unsigned long long)m.epoch,
                 bootstrap_accepted(f));
    if (!err)
        err = begin(c, &m);
    buf_wipe(&bytes);
    if (err) {
        log_error(c->config.log, "cluster", "the cluster could not be started here: %s", err_text(err));
        bootstrap_enter(c, FORM_NONE);
    }
}

int bootstrap_take_start(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_start m;
    struct bootstrap *f = &c->bootstrap;
    code_start(&coder, &m);
    if (coder_end(&coder) || m.index < 2 || m.term == 0 || m.voter_count == 0)
        return E_MALFORMED;
    /* R-FORM: or it was revoked meanwhile. */
    if (rule_holds(RULE_FORM) && (f->stage != FORM_ACCEPTED || m.proposal != f->offer.proposal ||
                                  !incarnation_equal(l->peer->hello.incarnation, f->proposer)))
        return 0;
    int err = begin(c, &m);
    if (err)
        log_error(c->config.log, "cluster", "the cluster could not be started here: %s", err_text(err));
    return err == E_MALFORMED ? err : 0;
}

int bootstrap_alone(struct cluster *c)
{
    struct bootstrap *f = &c->bootstrap;
    struct peer_start m = {0};
    struct buf bytes;
    f->offer = (struct peer_offer){.epoch = bootstrap_next_epoch(c)};
    clock_random(c->config.clock, f->offer.cluster_id.b, sizeof f->offer.cluster_id.b);
    buf_init(&bytes, SIZE_MAX / 2);
    int err = make_start(c, &bytes, &m);
    if (!err)
        err = begin(c, &m);
    buf_wipe(&bytes);
    return err;
}
