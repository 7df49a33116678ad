/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster_impl.h"

#include "base/assert.h"
#include "base/rule.h"
#include "router/index_match.h"

#include <stdlib.h>

/* --- phases --- */

/* What the phases promise to who asks for them. */
static void check_phase(const struct cluster *c)
{
    bool in_cluster = c->phase != PHASE_SEEKING && c->phase != PHASE_ENDED;
    ASSERT(!in_cluster || (c->meta.state && c->meta.group));
    ASSERT(c->phase != PHASE_MEMBER || (c->meta.whole && c->bootstrap.stage == FORM_NONE));
    ASSERT(c->phase != PHASE_FORMING || c->bootstrap.stage == FORM_STARTED);
    ASSERT(c->phase != PHASE_SEEKING || !c->meta.group);
}

void cluster_set_phase(struct cluster *c, enum cluster_phase phase)
{
    if (c->phase == phase)
        return;
    ASSERT(phase_may_become(c->phase, phase) || !rule_holds(RULE_FORM)); /* without it a late start moves anybody */
    log_debug(c->config.log, "cluster", "%s -> %s", phase_text(c->phase), phase_text(phase));
    c->phase = phase;
    check_phase(c);
    cluster_beacon_now(c);
}

static unsigned listed_nodes(const struct cluster *c)
{
    unsigned aliases = mesh_aliases(&c->mesh);
    return c->listed > aliases ? c->listed - aliases : 0;
}

unsigned cluster_own_n(const struct cluster *c)
{
    unsigned nodes = listed_nodes(c);
    return c->config.expected > nodes ? c->config.expected : nodes;
}

/* A list of peers may leave this node itself out; an orchestrator's does not. */
unsigned cluster_too_few_listed(const struct cluster *c)
{
    unsigned nodes = listed_nodes(c);
    return c->listed_for_certain && c->orchestrator.placed_ms && nodes < c->config.expected ? nodes : 0;
}

unsigned cluster_n(const struct cluster *c)
{
    unsigned n = cluster_own_n(c);
    for (unsigned i = 0; i < c->mesh.peer_count; i++) {
        const struct peer *p = c->mesh.peer[i];
        if (p->has_beacon && p->beacon.n > n && mesh_sees(&c->mesh, p))
            n = p->beacon.n;
    }
    return n < PEER_SEATS_MAX ? n : PEER_SEATS_MAX;
}

uint32_t cluster_seed(const struct cluster *c)
{
    uint32_t seed;
    clock_random(c->config.clock, &seed, sizeof seed);
    return seed;
}

/* --- following the meta state --- */

const struct known_member *cluster_known(const struct cluster *c, struct incarnation incarnation)
{
    for (unsigned i = 0; i < c->meta.known_count; i++)
        if (incarnation_equal(c->meta.known[i].incarnation, incarnation))
            return &c->meta.known[i];
    return NULL;
}

static struct known_member make_known(const struct cluster *c, const struct member *m)
{
    const struct known_member *before = cluster_known(c, m->incarnation);
    struct known_member k = {.since_ms = now_of(c)};
    if (before)
        return *before;
    k.incarnation = m->incarnation;
    return k;
}

static void note_known(struct cluster *c)
{
    struct known_member known[META_MEMBERS_MAX];
    const struct meta_state *s = c->meta.state;
    for (unsigned i = 0; i < s->member_count; i++)
        known[i] = make_known(c, &s->member[i]);
    memcpy(c->meta.known, known, s->member_count * sizeof known[0]);
    c->meta.known_count = s->member_count;
}

bool cluster_proves_dead(const struct cluster *c, const struct member *m)
{
    const struct known_member *known = cluster_known(c, m->incarnation);
    return mesh_proves_dead(&c->mesh, m->incarnation, m->address, m->epmd_port, known ? known->since_ms : now_of(c));
}

/* Members are dialed for data, nobody else. */
static void follow_members(struct cluster *c)
{
    note_known(c);
    for (unsigned i = 0; i < c->mesh.endpoint_count; i++)
        c->mesh.endpoint[i]->wants_data = false;
    for (unsigned i = 0; i < c->meta.state->member_count; i++) {
        const struct member *m = &c->meta.state->member[i];
        struct endpoint *e = m->id == c->meta.self ? NULL : mesh_endpoint(&c->mesh, m->address, m->epmd_port);
        if (e)
            e->wants_data = true;
    }
    mesh_dial(&c->mesh);
}

static void warn_setting(const struct cluster *c, const char *name, uint64_t own, uint64_t theirs)
{
    if (own != theirs)
        log_warn(c->config.log, "cluster",
                 "this cluster was formed with %s %llu: this node's setting of %llu is ignored", name,
                 (unsigned long long)theirs, (unsigned long long)own);
}

/* R-SEATS: never fewer seats than cluster-size, for an older cluster may have had as many, and may run elsewhere. */
static void warn_size(const struct cluster *c)
{
    unsigned nodes = cluster_too_few_listed(c), seats = c->meta.state->settings.expected;
    if (nodes && nodes < seats)
        log_warn(
            c->config.log, "cluster",
            "the orchestrator runs %u nodes, but cluster-size is %u: the cluster needs %u of them and may lose %u. "
            "Run more, or set cluster-size to the number of nodes before the cluster next forms from nothing",
            nodes, seats, seats_quorum(seats), nodes > seats_quorum(seats) ? nodes - seats_quorum(seats) : 0);
}

/* Times, the configured size and the number of replicas are fixed when a cluster forms. */
static void compare_settings(const struct cluster *c)
{
    const struct meta_settings *s = &c->meta.state->settings;
    warn_setting(c, "cluster-size", c->config.expected, s->expected);
    warn_setting(c, "replicas", c->config.replicas, s->replicas);
    warn_setting(c, "heartbeat-ms", c->config.times.heartbeat, s->heartbeat_ms);
    warn_setting(c, "election-ms", c->config.times.election, s->election_ms);
    warn_setting(c, "lease-ms", c->config.times.lease, s->lease_ms);
    warn_setting(c, "lease-margin-ms", c->config.times.margin, s->margin_ms);
    warn_setting(c, "lost-after-ms", c->config.times.lost_after, s->lost_after_ms);
}

uint64_t cluster_gone_for_ms(struct cluster *c, struct incarnation incarnation)
{
    unsigned at = 0;
    while (at < c->gone_count && !incarnation_equal(c->gone[at].incarnation, incarnation))
        at++;
    if (meta_member_by_incarnation(c->meta.state, incarnation)) {
        if (at < c->gone_count) /* it was looked for before its admission was known here */
            c->gone[at] = c->gone[--c->gone_count];
        return 0;
    }
    if (at < c->gone_count)
        return now_of(c) - c->gone[at].since_ms + 1;
    if (c->gone_count == META_MEMBERS_MAX)
        memmove(c->gone, c->gone + 1, --c->gone_count * sizeof c->gone[0]);
    c->gone[c->gone_count].incarnation = incarnation;
    c->gone[c->gone_count++].since_ms = now_of(c);
    return 1;
}

static void note_admission(struct cluster *c)
{
    if ((c->phase != PHASE_FORMING && c->phase != PHASE_JOINING) || !c->meta.was_led ||
        !meta_member(c->meta.state, c->meta.self))
        return;
    bootstrap_stop(c);
    cluster_set_phase(c, PHASE_MEMBER);
    lease_begin(c, c->lease.hold_ms);
    compare_settings(c);
    warn_size(c);
    log_info(c->config.log, "cluster", "this node is member %llu of cluster '%s', epoch %llu, with %u members",
             (unsigned long long)c->meta.self, c->config.name, (unsigned long long)c->meta.state->epoch,
             c->meta.state->member_count);
}

static void adopt_settings(struct cluster *c)
{
    const struct meta_settings *s = &c->meta.state->settings;
    c->times.heartbeat = s->heartbeat_ms;
    c->times.election = s->election_ms;
    c->times.lease = s->lease_ms;
    c->times.margin = s->margin_ms;
    c->times.lost_after = s->lost_after_ms;
}

_Static_assert(CLUSTER_TICKET_SECRETS_MAX == TICKET_SECRETS_MAX && CLUSTER_TICKET_SECRET_SIZE == RATCHET_SIZE,
               "they are given out as they are");

static void call_tickets(const struct cluster *c, const struct cluster_tickets *t)
{
    if (c->config.tickets)
        c->config.tickets(c->config.arg, t);
}

static void follow_tickets(struct cluster *c)
{
    const struct meta_state *s = c->meta.state;
    struct cluster_tickets t = {
        .count = s->tickets.count, .current = ticket_secrets_current(&s->tickets), .secret = s->tickets.secret};
    if (c->tickets_told.shared && c->tickets_told.epoch == s->epoch &&
        c->tickets_told.generation == s->tickets.generation)
        return;
    c->tickets_told.shared = true;
    c->tickets_told.epoch = s->epoch;
    c->tickets_told.generation = s->tickets.generation;
    call_tickets(c, &t);
}

static void forget_tickets(struct cluster *c)
{
    static const struct cluster_tickets none;
    if (c->tickets_told.shared)
        call_tickets(c, &none);
    c->tickets_told.shared = false;
}

static void follow_state(struct cluster *c)
{
    if (!c->meta.changed || !c->meta.whole || c->frozen)
        return;
    c->meta.changed = false;
    if (c->meta.state->epoch > c->highest_epoch)
        c->highest_epoch = c->meta.state->epoch;
    adopt_settings(c);
    follow_tickets(c);
    follow_members(c);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        partition_follow(&c->partitions.at[i]);
    c->controller.dirty = true;
    lease_applied(c);
    if (!readiness_is_settled(c)) /* which depends on what this node has of its replicas now */
        lease_renew_now(c);
    else
        lease_renew_soon(c);
    lease_tell_known(c);
    router_map_changed(&c->router);
}

/* Nodes whose meta group has no leader for long are stranded (R-REFORM). */
static void note_stranded(struct cluster *c)
{
    if (c->phase == PHASE_STRANDED && meta_leader_id(c)) {
        bootstrap_stop(c);
        cluster_set_phase(c, PHASE_MEMBER);
        log_info(c->config.log, "cluster", "the cluster has a leader again: no longer stranded");
        lease_renew_now(c);
    }
    if (c->phase != PHASE_MEMBER || now_of(c) - c->meta.leader_seen_ms < c->times.stranded_after)
        return;
    log_warn(c->config.log, "cluster",
             "stranded: no majority of the %u seats answers for %u ms; quorum operations fail until they are back or "
             "known to be gone",
             meta_seats(c), c->times.stranded_after);
    cluster_set_phase(c, PHASE_STRANDED);
    bootstrap_begin(c);
}

/* --- leaving a cluster behind --- */

static int identify(struct cluster *c)
{
    clock_random(c->config.clock, c->incarnation.b, sizeof c->incarnation.b);
    return c->config.identify(c->config.arg, c->incarnation);
}

uint64_t cluster_now_ms(const struct cluster *c)
{
    uint64_t now = now_of(c);
    return c->time_ms + (now > c->time_boot_ms ? now - c->time_boot_ms : 0);
}

/* By the clock of this very moment, as partition_hear_time(). */
void cluster_hear_time(struct cluster *c, uint64_t time_ms)
{
    if (time_ms <= cluster_now_ms(c))
        return;
    uint64_t moment_ms = precise_now_of(c);
    if (time_ms <= c->time_ms + (moment_ms - c->time_boot_ms))
        return;
    c->time_ms = time_ms;
    c->time_boot_ms = moment_ms;
}

void cluster_decide_next(struct cluster *c, enum next_life next)
{
    if (next > c->next)
        c->next = next;
}

static void seek(struct cluster *c)
{
    cluster_set_phase(c, PHASE_SEEKING);
    bootstrap_begin(c);
}

static void stop_group(struct cluster *c)
{
    meta_stop(c);
    forget_tickets(c);
    router_end(&c->router);
    c->frozen = false;
}

/* Of the partitions it keeps what it has frozen. */
static void leave_group(struct cluster *c)
{
    lease_end(c);
    controller_stop(c);
    bootstrap_stop(c);
    stop_group(c);
    seek(c);
}

void cluster_forget(struct cluster *c, bool as_stranger)
{
    lease_end(c);
    controller_stop(c);
    bootstrap_stop(c);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        partition_fini(&c->partitions.at[i]);
    stop_group(c);
    c->time_ms = 0;
    c->time_boot_ms = now_of(c);
    memset(c->keys_counted, 0xff, sizeof c->keys_counted);
    if (as_stranger) {
        if (identify(c)) {
            log_error(c->config.log, "cluster", "no certificate could be made for the new incarnation: ending");
            cluster_set_phase(c, PHASE_ENDED);
            c->config.ended(c->config.arg);
            return;
        }
        mesh_set_incarnation(&c->mesh, c->incarnation);
    }
    seek(c);
}

/* --- the end of a turn --- */

/* What an answer of this turn has brought, such as the next change of the catalog by the same client: nothing from
 * outside would end the loop's sleep for it. */
static bool has_more(const struct cluster *c)
{
    /* What changed is followed once the whole state is there: until then a joiner waits for its leader. */
    bool changed = c->meta.changed && c->meta.whole;
    bool meta = c->meta.group && !c->frozen && (c->meta.dirty || changed);
    return meta || c->next != NEXT_SAME || !list_empty(&c->partitions.dirty) || !list_empty(&c->router.queue);
}

static void on_again(struct timer *t)
{
    (void)t; /* the end of a turn follows */
}

static void begin_next_life(struct cluster *c)
{
    enum next_life next = c->next;
    c->next = NEXT_SAME;
    if (next == NEXT_RETURN)
        leave_group(c);
    else if (next == NEXT_STRANGER && (c->phase == PHASE_LEAVING || c->phase == PHASE_ENDED))
        c->left = true; /* it does not come back for that */
    else if (next == NEXT_STRANGER)
        cluster_forget(c, true);
}

void cluster_turn(struct cluster *c)
{
    if (c->closing)
        return;
    partitions_begin_turn(&c->partitions);
    begin_next_life(c);
    meta_turn(c);
    follow_state(c);
    if (c->meta.whole) {
        note_admission(c);
        note_stranded(c);
        controller_turn(c);
    }
    readiness_turn(c);
    cluster_note_left(c);
    cluster_note_full(c);
    router_turn(&c->router);
    partitions_turn(&c->partitions);
    mesh_flush(&c->mesh);
    if (!c->closing && has_more(c))
        timer_start(c->config.timers, &c->again, 0);
}

/* --- life --- */

static void describe_hello(const struct cluster *c, struct peer_hello *h)
{
    const struct cluster_config *config = &c->config;
    *h = (struct peer_hello){
        .version = PEER_VERSION, .epmd_port = config->epmd_port, .handoff_port = config->handoff_port};
    h->incarnation = c->incarnation;
    strncpy(h->name, config->name, sizeof h->name - 1);
    strncpy(h->address, config->address, sizeof h->address - 1);
    strncpy(h->place, config->place, sizeof h->place - 1);
}

/* --- what a partition asks and says --- */

static void on_applied(void *arg, struct partition *p, uint64_t index, const struct blob *blob, int err,
                       const struct store_result *result)
{
    struct cluster *c = arg;
    router_applied(&c->router, p, index, blob, err, result);
}

static void on_deposed(void *arg, struct partition *p)
{
    (void)arg;
    router_deposed(p);
}

static void on_serve_reads(void *arg, struct partition *p)
{
    (void)arg;
    router_serve_reads(p);
}

static struct link *link_to(const void *arg, uint64_t member, enum peer_plane plane)
{
    return cluster_link(arg, member, plane);
}

static bool is_leaving(const void *arg, uint64_t member)
{
    return cluster_is_leaving(arg, member);
}

static uint64_t gone_for_ms(void *arg, struct incarnation incarnation)
{
    return cluster_gone_for_ms(arg, incarnation);
}

static uint64_t time_of_cluster(const void *arg)
{
    return cluster_now_ms(arg);
}

static void renew_soon(void *arg)
{
    lease_renew_soon(arg);
}

static void init_partitions(struct cluster *c)
{
    static const struct partition_hooks hooks = {on_applied, on_deposed,  on_serve_reads,  link_to,
                                                 is_leaving, gone_for_ms, time_of_cluster, renew_soon};
    struct partition_env env = {.hooks = &hooks,
                                .arg = c,
                                .clock = c->config.clock,
                                .timers = c->config.timers,
                                .log = c->config.log,
                                .metrics = c->config.metrics,
                                .memory = &c->memory,
                                .next_term = index_match_next_term,
                                .frame_max = c->config.frame_max,
                                .forget_after_ms = ROUTER_TIMEOUT_MS,
                                .state = &c->meta.state,
                                .self = &c->meta.self,
                                .frozen = &c->frozen,
                                .heartbeat_ms = &c->times.heartbeat,
                                .election_ms = &c->times.election};
    partitions_init(&c->partitions, &env);
}

/* --- what the router asks --- */

/* Of a follower's memory: over that it takes nothing more. */
#define FOLLOWER_FULL    49
#define FOLLOWER_FULL_OF 50

static const char *explain_unavailable(const void *arg)
{
    const struct cluster *c = arg;
    switch (c->phase) {
    case PHASE_SEEKING:
        return "this node is in no cluster yet: it looks for one, or for enough others to form one";
    case PHASE_ENDED:
        return "this node has left its cluster";
    default:
        return "this node is joining its cluster";
    }
}

static bool explain_obstacle(const void *arg, char *out, size_t size)
{
    return cluster_explain_obstacle(arg, out, size);
}

static bool has_lease(const void *arg)
{
    return lease_is_valid(arg);
}

/* R-MEMORY: by what the followers have said of their fill. */
static bool is_full(const void *arg, const struct partition_map *map)
{
    const struct cluster *c = arg;
    for (unsigned i = 0; i < c->lease.member_count; i++) {
        const struct peer_load *l = &c->lease.member[i];
        if (l->memory_used > l->memory_limit / FOLLOWER_FULL_OF * FOLLOWER_FULL && meta_replica_of(map, l->member))
            return true;
    }
    return false;
}

static void propose_catalog(void *arg, struct op *w)
{
    meta_catalog(arg, w);
}

static void init_router(struct cluster *c)
{
    static const struct router_hooks hooks = {explain_unavailable, explain_obstacle, has_lease, link_to, is_full,
                                              propose_catalog};
    struct router_env env = {.hooks = &hooks,
                             .arg = c,
                             .clock = c->config.clock,
                             .timers = c->config.timers,
                             .metrics = c->config.metrics,
                             .mesh = &c->mesh,
                             .silent_ms = UINT64_C(5) * BEACON_MS,
                             .partitions = &c->partitions,
                             .memory = &c->memory,
                             .state = &c->meta.state,
                             .whole = &c->meta.whole,
                             .self = &c->meta.self,
                             .incarnation = &c->incarnation,
                             .catalog_version = &c->catalog_version};
    router_init(&c->router, &env);
}

static void init_parts(struct cluster *c)
{
    struct mesh_config mesh = {.frame_max = c->config.frame_max,
                               .clock = c->config.clock,
                               .timers = c->config.timers,
                               .log = c->config.log,
                               .dialer = c->config.dialer,
                               .hooks = &cluster_mesh_hooks,
                               .arg = c};
    describe_hello(c, &mesh.self);
    mesh_init(&c->mesh, &mesh);
    meta_init(&c->meta);
    lease_init(&c->lease);
    controller_init(&c->controller);
    bootstrap_init(&c->bootstrap);
    gone_init(c);
    init_partitions(c);
    init_router(c);
    timer_init(&c->beacon, cluster_on_beacon_timer);
    timer_init(&c->again, on_again);
    buf_init(&c->scratch, SIZE_MAX / 2);
}

int cluster_create(const struct cluster_config *config, struct cluster **out)
{
    struct cluster *c = calloc(1, sizeof *c);
    if (!c)
        return E_NOMEM;
    c->config = *config;
    c->times = config->times;
    c->memory.limit = config->memory_limit;
    c->created_ms = now_of(c);
    memset(c->keys_counted, 0xff, sizeof c->keys_counted);
    int err = identify(c);
    if (err) {
        free(c);
        return err;
    }
    c->wall_ahead_ms = clock_wall_ms(config->clock) - now_of(c);
    init_parts(c);
    err = config->expected == 1 && *config->address ? bootstrap_alone(c) : 0;
    if (err) {
        cluster_close(c);
        cluster_destroy(&c);
        return err;
    }
    if (config->expected != 1)
        bootstrap_begin(c);
    timer_start(config->timers, &c->beacon, BEACON_MS);
    do
        cluster_turn(c);
    while (config->expected == 1 && has_more(c));
    *out = c;
    return 0;
}

int cluster_set_address(struct cluster *c, const char *address)
{
    mesh_set_address(&c->mesh, address);
    if (c->config.expected == 1)
        return bootstrap_alone(c);
    bootstrap_begin(c); /* nobody could be heard before */
    return 0;
}

void cluster_close(struct cluster *c)
{
    if (c->closing)
        return;
    mesh_end(&c->mesh);
    c->closing = true;
    timer_stop(c->config.timers, &c->beacon);
    timer_stop(c->config.timers, &c->again);
}

bool cluster_is_closed(const struct cluster *c)
{
    return mesh_is_empty(&c->mesh);
}

void cluster_destroy(struct cluster **cp)
{
    struct cluster *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    c->closing = true;
    lease_end(c);
    controller_stop(c);
    bootstrap_stop(c);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        partition_fini(&c->partitions.at[i]);
    meta_stop(c);
    router_fini(&c->router);
    mesh_fini(&c->mesh);
    buf_fini(&c->scratch);
    free(c);
}

struct acceptor *cluster_acceptor(struct cluster *c)
{
    return &c->mesh.acceptor;
}

struct router *cluster_router(struct cluster *c)
{
    return &c->router;
}

void cluster_set_candidates(struct cluster *c, const struct cluster_candidate *list, size_t count, unsigned listed,
                            bool authoritative, bool answered)
{
    struct endpoint *e = calloc(count ? count : 1, sizeof *e);
    size_t n = 0;
    for (size_t i = 0; e && i < count; i++) {
        if (strlen(list[i].address) >= sizeof e->address)
            continue;
        strcpy(e[n].address, list[i].address);
        e[n++].port = list[i].epmd_port;
    }
    if (e)
        mesh_set_candidates(&c->mesh, e, n);
    free(e);
    /* N falls only on a fresh answer of an authoritative source. */
    if (authoritative || listed > c->listed)
        c->listed = listed;
    c->listed_for_certain = authoritative && answered;
    c->discovery_answered = c->discovery_answered || answered;
}
