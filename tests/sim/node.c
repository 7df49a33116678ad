/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/node.h"

#include "sim/heap.h"
#include "sim/world.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

#define TURN_US      30 /* that a turn of a loop takes */
#define ASKING_US    7  /* between two looks at the clock within a turn */
#define MEMORY_SMALL ((size_t)6 << 20)
#define MEMORY_LARGE ((size_t)256 << 20)
#define OBJECT_MAX   ((size_t)2 << 20)

/* --- its clocks --- */

uint64_t node_boot_us(const struct node *n)
{
    uint64_t elapsed = n->world->now_us - n->boot_at_us;
    return n->boot_us + elapsed + (uint64_t)((int64_t)elapsed * n->drift_ppm / 1000000);
}

void node_set_drift(struct node *n, int32_t ppm)
{
    n->boot_us = node_boot_us(n);
    n->boot_at_us = n->world->now_us;
    n->drift_ppm = ppm;
}

static uint64_t boot_ms(void *arg)
{
    return ((struct node *)arg)->turn_ms;
}

/* Work takes time, so that what is bounded by time ends. */
static uint64_t precise_us(void *arg)
{
    struct node *n = arg;
    return node_boot_us(n) + ASKING_US * ++n->asked;
}

static uint64_t wall_ms(void *arg)
{
    const struct node *n = arg;
    return (uint64_t)((int64_t)(1800000000000 + n->world->now_us / 1000) + n->wall_ahead_ms);
}

static void random_bytes(void *arg, void *out, size_t size)
{
    rng_fill(&((struct node *)arg)->chance, out, size);
}

/* --- its loop --- */

static void arm(struct node *n)
{
    uint64_t due = timers_next_ms(&n->timers), now = node_boot_us(n);
    struct world *w = n->world;
    timer_stop(&w->timers, &n->wake);
    if (due == UINT64_MAX || !node_runs(n))
        return;
    uint64_t wait = due * 1000 > now ? due * 1000 - now : 0;
    /* In true time; a little more rather than less, so that it is due then. */
    world_timer(w, &n->wake, wait * 1000000 / (uint64_t)(1000000 + n->drift_ppm) + 2);
}

static void on_wake(struct timer *t)
{
    node_touch(LIST_ENTRY(t, struct node, wake));
}

void node_touch(struct node *n)
{
    uint64_t now = n->world->now_us;
    if (!timer_runs(&n->turn) && node_runs(n))
        world_timer(n->world, &n->turn, n->busy_until_us > now ? n->busy_until_us - now : 0);
}

/* A process that is stopped may be in the middle of a turn, which has looked at the clock already: what came meanwhile
 * is then taken in by the time of before. */
static void begin_turn(struct node *n)
{
    if (!n->resumes)
        n->turn_ms = node_boot_us(n) / 1000;
    n->resumes = false;
    n->asked = 0;
    heap_fail(&n->chance, n->fail_one_in);
}

static void end_turn(struct node *n)
{
    heap_fail(NULL, 0);
    n->busy_until_us = n->world->now_us + TURN_US + ASKING_US * n->asked;
    if (n->slow_us)
        n->busy_until_us += rng_below(&n->chance, n->slow_us);
    arm(n);
}

static void on_turn(struct timer *t)
{
    struct node *n = LIST_ENTRY(t, struct node, turn);
    if (!node_runs(n))
        return;
    begin_turn(n);
    bool timers_first = rng_below(&n->chance, 2);
    if (timers_first)
        timers_run(&n->timers);
    network_serve(n);
    if (!timers_first)
        timers_run(&n->timers);
    cluster_turn(n->cluster);
    end_turn(n);
    witness_turn(n);
    if (n->ended)
        node_kill(n, false);
}

/* --- its process --- */

static int dial(struct dialer *d, const char *address, uint16_t port, struct stream_user *user, struct stream **out)
{
    struct node *n = LIST_ENTRY(d, struct node, dialer);
    return network_dial(&n->world->network, n, address, port, user, out);
}

static const struct dialer_ops dialer_ops = {dial};

static void write_line(void *arg, enum log_level level, const char *line)
{
    struct node *n = arg;
    trace_line(&n->world->trace, level, n->name, "%s", line);
}

static int identify(void *arg, struct incarnation incarnation)
{
    ((struct node *)arg)->incarnation = incarnation;
    return 0;
}

static void on_ended(void *arg)
{
    ((struct node *)arg)->ended = true;
    node_touch(arg);
}

static struct cluster_times times_of(const struct sim_options *o)
{
    static const struct cluster_times defaults = {.heartbeat = 100,
                                                  .election = 300,
                                                  .lease = 5000,
                                                  .margin = 1000,
                                                  .lost_after = 60000,
                                                  .form_grace = 3000,
                                                  .stranded_after = 10000};
    static const struct cluster_times quick = {.heartbeat = 100,
                                               .election = 300,
                                               .lease = 2000,
                                               .margin = 500,
                                               .lost_after = 9000,
                                               .form_grace = 3000,
                                               .stranded_after = 4000};
    struct cluster_times times = o->long_times ? defaults : quick;
    times.fence_after = orchestrator_fence_ms(o);
    return times;
}

static bool make_cluster(struct node *n)
{
    const struct sim_options *o = &n->world->options;
    struct cluster_config config = {.name = "sim",
                                    .address = n->address,
                                    .epmd_port = PORT_EPMD,
                                    .handoff_port = PORT_HANDOFF,
                                    .place = "",
                                    .expected = o->expected,
                                    .replicas = 3,
                                    .partitions = o->partitions,
                                    .times = times_of(o),
                                    .memory_limit = o->faults & 1u << FAULT_MEMORY ? MEMORY_SMALL : MEMORY_LARGE,
                                    .frame_max = OBJECT_MAX + RIAK_FRAME_SLACK,
                                    .clock = &n->clock,
                                    .timers = &n->timers,
                                    .log = &n->log,
                                    .metrics = &n->metrics,
                                    .dialer = &n->dialer,
                                    .identify = identify,
                                    .refresh = orchestrator_is(o) ? orchestrator_refresh : NULL,
                                    .ended = on_ended,
                                    .arg = n};
    return cluster_create(&config, &n->cluster) == 0;
}

static void make_server(struct node *n)
{
    static const char *const users[] = {"sim"};
    struct server_config config = {.node_name = "riak@sim",
                                   .version = "3.0.16",
                                   .users = users,
                                   .user_count = 1,
                                   .object_size_max = OBJECT_MAX,
                                   .small_budget = 4 * OBJECT_MAX,
                                   .large_budget = 4 * OBJECT_MAX,
                                   .siblings_max = 100,
                                   .reap_ms = 3000,
                                   .handshake_timeout_ms = 10000,
                                   .auth_failure_delay_ms = 5000,
                                   .stall_timeout_ms = 60000,
                                   .request_timeout_ms = 60000};
    server_init(&n->server, &config, cluster_router(n->cluster), &n->timers, &n->clock, &n->log, &n->metrics);
    n->server.cluster = n->cluster;
    riak_init(&n->riak, &n->timers, &n->clock);
    session_acceptor_init(&n->sessions, &riak_protocol, &n->server, &n->riak);
}

static void on_discovery(struct timer *t)
{
    struct node *n = LIST_ENTRY(t, struct node, discovery);
    if (n->paused)
        world_timer(n->world, t, SECOND_US);
    else
        node_discover(n);
}

void node_discover(struct node *n)
{
    if (!node_runs(n))
        return;
    begin_turn(n);
    uint64_t again_us = faults_discover(n);
    cluster_turn(n->cluster);
    end_turn(n);
    timer_stop(&n->world->timers, &n->discovery);
    if (again_us)
        world_timer(n->world, &n->discovery, again_us);
}

/* Discovery takes its candidates from there, too. */
void node_hear_roster(struct node *n, const struct cluster_roster *r)
{
    begin_turn(n);
    cluster_set_roster(n->cluster, r);
    cluster_set_candidates(n->cluster, r->places, r->count, n->world->places, true, true);
    cluster_turn(n->cluster);
    end_turn(n);
}

void node_start(struct node *n)
{
    if (n->cluster)
        return;
    n->powered = true;
    n->ended = n->paused = n->resumes = n->dying = false;
    n->starts++;
    n->metrics = (struct metrics){0};
    n->turn_ms = node_boot_us(n) / 1000;
    timers_init(&n->timers, boot_ms, NULL, n);
    ASSERT(make_cluster(n));
    make_server(n);
    trace_line(&n->world->trace, LOG_INFO, n->name, "starts, incarnation %02x%02x%02x", n->incarnation.b[0],
               n->incarnation.b[1], n->incarnation.b[2]);
    world_timer(n->world, &n->discovery, rng_below(&n->chance, 2000));
    orchestrator_begin(n);
    node_touch(n);
    arm(n);
}

void node_kill(struct node *n, bool silently)
{
    if (!n->cluster)
        return;
    struct world *w = n->world;
    trace_line(&w->trace, LOG_INFO, n->name, silently ? "its machine is gone" : "its process ends");
    witness_kill(n);
    n->dying = true;
    cluster_close(n->cluster);
    network_end_node(&w->network, n, silently);
    session_acceptor_fini(&n->sessions);
    riak_fini(&n->riak);
    server_fini(&n->server);
    cluster_destroy(&n->cluster);
    timers_fini(&n->timers);
    n->dying = n->paused = false;
    n->powered = !silently;
    timer_stop(&w->timers, &n->turn);
    timer_stop(&w->timers, &n->wake);
    timer_stop(&w->timers, &n->discovery);
    orchestrator_end(n);
}

void node_leave(struct node *n)
{
    if (!node_runs(n))
        return;
    trace_line(&n->world->trace, LOG_INFO, n->name, "is asked to leave");
    begin_turn(n);
    bool leaves = cluster_leave(n->cluster) == 0;
    end_turn(n);
    if (leaves)
        node_touch(n);
    else
        node_kill(n, false);
}

void node_pause(struct node *n, bool on)
{
    if (!n->cluster || n->paused == on)
        return;
    n->paused = on;
    n->resumes = !on;
    trace_line(&n->world->trace, LOG_INFO, n->name, on ? "stands still" : "goes on");
    node_touch(n);
    arm(n);
}

void node_init(struct node *n, struct world *w, unsigned number)
{
    *n = (struct node){.world = w, .number = number, .powered = true};
    snprintf(n->address, sizeof n->address, "10.0.0.%u", number + 1);
    snprintf(n->name, sizeof n->name, "node %u", number);
    rng_seed(&n->chance, rng_next(&w->chance));
    n->boot_us = rng_below(&n->chance, 10000000 * SECOND_US);
    n->boot_at_us = w->now_us;
    n->drift_ppm = (int32_t)rng_below(&n->chance, 100) - 50;
    n->wall_ahead_ms = (int64_t)rng_below(&n->chance, 400) - 200;
    n->clock = (struct clock){boot_ms, precise_us, wall_ms, random_bytes, n};
    n->log = (struct log){.level = LOG_DEBUG, .sink = write_line, .arg = n};
    n->dialer.ops = &dialer_ops;
    list_init(&n->ends);
    timer_init(&n->turn, on_turn);
    timer_init(&n->wake, on_wake);
    timer_init(&n->discovery, on_discovery);
    orchestrator_init(n);
}

void node_fini(struct node *n)
{
    node_kill(n, false);
}
