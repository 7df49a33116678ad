/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/daemon.h"

#include "base/err.h"
#include "cluster/cluster.h"
#include "discovery/discovery.h"
#include "ephemerald/certificates.h"
#include "ephemerald/descriptors.h"
#include "ephemerald/discovery_report.h"
#include "ephemerald/heap.h"
#include "ephemerald/own_names.h"
#include "ephemerald/ports.h"
#include "ephemerald/service.h"
#include "ephemerald/signals.h"
#include "ephemerald/types.h"
#include "net/dialer.h"
#include "net/http.h"
#include "net/resolver.h"
#include "net/route.h"
#include "riak/riak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Of the memory limit: the data, what requests take meanwhile, and the rest for connections and the program itself. */
#define DATA_NUMERATOR    3
#define DATA_DENOMINATOR  4
#define LARGE_NUMERATOR   3
#define LARGE_DENOMINATOR 32
#define SMALL_DENOMINATOR 16

struct daemon {
    const struct config *config;
    const struct log *log;
    struct descriptor_shares shares;
    struct net_loop loop;
    struct metrics metrics;
    struct certificates certificates;
    struct net_dialer dialer;
    bool dials; /* the dialer is there */
    struct net_resolver resolver;
    struct net_http http;
    struct cluster *cluster;
    struct discovery *discovery;
    struct discovery_report report; /* while `discovery` is there */
    struct own_names *own_names;
    struct types types;
    struct server server;
    struct riak riak;
    struct ports ports;
    uv_signal_t sigterm, sigint, sighup;
    struct heap heap;
    struct service service;
    bool placed;      /* the cluster knows this node's address, */
    char address[46]; /* which is this */
    bool ready, leaving, stopping;
};

/* --- the cluster --- */

static void stop(struct daemon *d);

static int identify(void *arg, struct incarnation incarnation)
{
    struct daemon *d = arg;
    int err = certificates_identify(&d->certificates, incarnation);
    net_loop_refresh_clock(&d->loop); /* what the cluster counts from is now */
    if (err || d->dials)
        return err;
    struct net_dialer_config dialer = {.tls = d->certificates.peer_client,
                                       .stall_timeout_ms = d->config->stall_timeout_ms};
    net_dialer_init(&d->dialer, &dialer, &d->loop);
    d->dials = true;
    return 0;
}

_Static_assert(CLUSTER_TICKET_SECRETS_MAX <= TLS_TICKET_SECRETS_MAX, "TLS takes all of the cluster's secrets");
_Static_assert(CLUSTER_TICKET_SECRET_SIZE == TLS_TICKET_SECRET_SIZE, "and whole");

static void on_tickets(void *arg, const struct cluster_tickets *t)
{
    struct daemon *d = arg;
    struct tls_ticket_secrets secrets = {.count = t->count, .current = t->current};
    if (t->count)
        memcpy(secrets.secret, t->secret, t->count * sizeof secrets.secret[0]);
    certificates_share_tickets(&d->certificates, &secrets);
    explicit_bzero(&secrets, sizeof secrets);
}

static void on_cluster_ended(void *arg)
{
    stop(arg);
}

static void on_refresh(void *arg)
{
    const struct daemon *d = arg;
    if (d->discovery)
        discovery_refresh(d->discovery);
}

static struct cluster_times times_of(const struct config *c)
{
    return (struct cluster_times){.heartbeat = (uint32_t)c->times.heartbeat_ms,
                                  .election = (uint32_t)c->times.election_ms,
                                  .lease = (uint32_t)c->times.lease_ms,
                                  .margin = (uint32_t)c->times.lease_margin_ms,
                                  .lost_after = (uint32_t)c->times.lost_after_ms,
                                  .form_grace = (uint32_t)c->times.form_grace_ms,
                                  .stranded_after = (uint32_t)c->times.stranded_after_ms,
                                  .fence_after = (uint32_t)c->times.fence_after_ms};
}

static int make_cluster(struct daemon *d)
{
    const struct config *c = d->config;
    struct cluster_config cluster = {.name = c->cluster_name,
                                     .address = c->advertise,
                                     .epmd_port = c->epmd_port,
                                     .handoff_port = c->handoff_port,
                                     .place = c->place,
                                     .expected = c->cluster_size,
                                     .replicas = c->replicas,
                                     .partitions = c->partitions,
                                     .times = times_of(c),
                                     .tickets_ms = TLS_SESSION_S * 1000,
                                     .memory_limit = c->memory_bytes / DATA_DENOMINATOR * DATA_NUMERATOR,
                                     .frame_max = c->object_size_max_bytes + RIAK_FRAME_SLACK,
                                     .clock = &d->loop.clock,
                                     .timers = &d->loop.timers,
                                     .log = d->log,
                                     .metrics = &d->metrics,
                                     .dialer = &d->dialer.dialer,
                                     .identify = identify,
                                     .refresh = on_refresh,
                                     .tickets = on_tickets,
                                     .ended = on_cluster_ended,
                                     .arg = d};
    int err = cluster_create(&cluster, &d->cluster);
    if (err)
        log_error(d->log, "node", "the node could not be made: %s", err_text(err));
    return err ? EX_OSERR : 0;
}

/* --- discovery --- */

/* Before the cluster knows where it is itself it wants to know nobody. */
static void on_found(void *arg, const struct discovery_view *view)
{
    struct daemon *d = arg;
    if (!d->placed && d->own_names)
        own_names_routed(d->own_names);
    if (!d->placed)
        return;
    static const struct cluster_candidate none;
    struct cluster_candidate list[DISCOVERY_CANDIDATES_MAX] = {none};
    for (size_t i = 0; i < view->count; i++)
        list[i] = (struct cluster_candidate){view->candidates[i].address, view->candidates[i].epmd_port};
    cluster_set_candidates(d->cluster, list, view->count, view->listed, view->authoritative, view->answered);
}

static void on_listed(void *arg, const struct discovery_roster *roster)
{
    struct daemon *d = arg;
    if (!d->placed)
        return;
    static const struct cluster_candidate none;
    struct cluster_candidate list[DISCOVERY_CANDIDATES_MAX + 1] = {none};
    size_t count = 0;
    for (; count < roster->count; count++)
        list[count] = (struct cluster_candidate){roster->places[count].address, roster->places[count].epmd_port};
    if (roster->lists_self)
        list[count++] = (struct cluster_candidate){d->address, d->config->epmd_port};
    const struct cluster_roster r = {
        .places = list, .count = count, .asked_ms = roster->asked_ms, .whole = roster->whole};
    cluster_set_roster(d->cluster, &r);
}

static void on_placed(void *arg, const char *address)
{
    struct daemon *d = arg;
    net_loop_refresh_clock(&d->loop);
    if (cluster_set_address(d->cluster, address)) {
        log_error(d->log, "node", "the cluster could not be formed: %s", err_text(E_NOMEM));
        stop(d);
        return;
    }
    d->placed = true;
    snprintf(d->address, sizeof d->address, "%s", address);
    on_found(d, discovery_current(d->discovery));
    certificates_add_name(&d->certificates, address);
}

static void on_named(void *arg, const char *full_name)
{
    struct daemon *d = arg;
    certificates_add_name(&d->certificates, full_name);
}

/* The first other node to which a route leads from an address that is not loopback. */
static bool route_to_others(void *arg, char *out)
{
    struct daemon *d = arg;
    const struct discovery_view *view = discovery_current(d->discovery);
    char address[46];
    for (size_t i = 0; i < view->count; i++)
        if (net_route_source(view->candidates[i].address, out) == 0 &&
            config_may_advertise(d->ports.listen, out, false, address))
            return true;
    return false;
}

static int make_own_names(struct daemon *d)
{
    struct own_names_config names = {.config = d->config,
                                     .listen = d->ports.listen,
                                     .resolver = &d->resolver.resolver,
                                     .timers = &d->loop.timers,
                                     .clock = &d->loop.clock,
                                     .log = d->log,
                                     .route = route_to_others,
                                     .placed = on_placed,
                                     .named = on_named,
                                     .arg = d};
    if (own_names_create(&names, &d->own_names)) {
        log_error(d->log, "node", "the node could not be made: %s", err_text(E_NOMEM));
        return EX_OSERR;
    }
    own_names_start(d->own_names);
    return 0;
}

static struct discovery_marathon marathon_of(const struct config_marathon *m)
{
    return (struct discovery_marathon){.urls = m->urls,
                                       .app_id = m->app_id,
                                       .task_id = m->task_id,
                                       .token_file = m->token_file,
                                       .user = m->user,
                                       .password_file = m->password_file,
                                       .root_file = m->root_ca_file};
}

static struct discovery_kubernetes kubernetes_of(const struct config *c)
{
    const struct config_kubernetes *k = &c->kubernetes;
    return (struct discovery_kubernetes){.api = k->space ? k->api : NULL,
                                         .account = k->account,
                                         .space = k->space,
                                         .selector = k->selector,
                                         .pod = k->pod,
                                         .address = c->advertise,
                                         .service = k->service};
}

static void end_discovery(struct daemon *d)
{
    discovery_report_fini(&d->report);
    discovery_destroy(&d->discovery);
    net_http_stop(&d->http);
    net_resolver_stop(&d->resolver);
}

/* From the configuration, all that may be asked. */
static int create_discovery(struct daemon *d)
{
    const struct config *c = d->config;
    const struct discovery_marathon marathon = marathon_of(&c->marathon);
    const struct discovery_kubernetes kubernetes = kubernetes_of(c);
    char why[512] = "";
    struct discovery_config discovery = {.peers = c->peers,
                                         .epmd_port = c->epmd_port,
                                         .marathon = marathon.app_id ? &marathon : NULL,
                                         .kubernetes = kubernetes.api || kubernetes.service ? &kubernetes : NULL,
                                         .http = &d->http.http,
                                         .listed = on_listed,
                                         .timers = &d->loop.timers,
                                         .clock = &d->loop.clock,
                                         .resolver = &d->resolver.resolver,
                                         .log = d->log,
                                         .found = on_found,
                                         .arg = d};
    if (discovery_create(&discovery, &d->discovery, why, sizeof why) == 0)
        return 0;
    log_error(d->log, "discovery", "%s", why);
    return EX_CONFIG;
}

static int start_discovery(struct daemon *d)
{
    int status = create_discovery(d);
    if (status)
        return status;
    d->placed = *d->config->advertise;
    snprintf(d->address, sizeof d->address, "%s", d->config->advertise);
    status = make_own_names(d); /* first, as no other name matters before its own: a name server may take its time */
    if (status)
        return status;
    discovery_start(d->discovery);
    discovery_report_init(&d->report, d->discovery, d->cluster, &d->loop.timers, &d->loop.clock, d->log);
    return 0;
}

static int make_discovery(struct daemon *d)
{
    if (net_resolver_init(&d->resolver, &d->loop, 0)) {
        log_error(d->log, "node", "the resolver could not be made: %s", err_text(E_NOMEM));
        return EX_OSERR;
    }
    net_http_init(&d->http, &d->loop, &d->resolver.resolver);
    int status = start_discovery(d);
    if (status)
        end_discovery(d);
    return status;
}

static void on_sighup(uv_signal_t *handle, int signum)
{
    struct daemon *d = handle->data;
    char *peers = NULL, why[512] = "";
    (void)signum;
    if (d->stopping) /* what would be read again may be gone */
        return;
    service_reloading(&d->service);
    if (config_reread_peers(d->config, &peers, why, sizeof why) ||
        discovery_reload(d->discovery, peers, why, sizeof why))
        log_error(d->log, "discovery", "the list of peers could not be read again: %s; the old list stays in use", why);
    else
        log_info(d->log, "discovery", "the list of peers was read again");
    free(peers);
    certificates_reread(&d->certificates);
    service_reloaded(&d->service);
}

/* --- the server --- */

static void describe_certificates(void *arg, struct status_certificates *out)
{
    const struct daemon *d = arg;
    out->root = (uint64_t)certificates_root_end(&d->certificates);
    out->node = (uint64_t)certificates_own_end(&d->certificates);
}

static void describe_discovery(void *arg, unsigned from, struct status_discovery *out)
{
    const struct daemon *d = arg;
    *out = (struct status_discovery){.source_count = 0};
    if (d->report.discovery)
        discovery_report_fill(&d->report, from, out);
}

static void make_server(struct daemon *d)
{
    const struct config *c = d->config;
    struct server_config server = {.node_name = c->node_name,
                                   .version = c->server_version,
                                   .users = (const char *const *)c->user_names,
                                   .user_count = c->user_count,
                                   .object_size_max = c->object_size_max_bytes,
                                   .small_budget = c->memory_bytes / SMALL_DENOMINATOR,
                                   .large_budget = c->memory_bytes / LARGE_DENOMINATOR * LARGE_NUMERATOR,
                                   .siblings_max = c->siblings_max,
                                   .reap_ms = c->delete_reap_ms,
                                   .handshake_timeout_ms = c->handshake_timeout_ms,
                                   .auth_failure_delay_ms = c->auth_failure_delay_ms,
                                   .stall_timeout_ms = c->stall_timeout_ms,
                                   .request_timeout_ms = c->request_timeout_ms,
                                   .memory_limit = c->memory_bytes,
                                   .resident = heap_resident,
                                   .discovery = describe_discovery,
                                   .certificates = describe_certificates,
                                   .arg = d};
    struct router *router = cluster_router(d->cluster);
    server_init(&d->server, &server, router, &d->loop.timers, &d->loop.clock, d->log, &d->metrics);
    d->server.cluster = d->cluster;
    riak_init(&d->riak, &d->loop.timers, &d->loop.clock);
    ports_serve(&d->ports, &d->server, &d->riak);
    types_init(&d->types, c, d->log, &d->loop.timers, router);
}

/* What a connection takes, about, when it has nothing to say. */
#define CONNECTION_BYTES ((size_t)24 * 1024)

static size_t memory_of_requests(const struct daemon *d)
{
    return server_memory_of(&d->server, BUDGET_BODIES) + server_memory_of(&d->server, BUDGET_ANSWERS) +
           d->metrics.connections_open * CONNECTION_BYTES;
}

static void on_turn_end(void *arg)
{
    struct daemon *d = arg;
    heap_turn(&d->heap, clock_boot_ms(&d->loop.clock), memory_of_requests(d));
    types_turn(&d->types);
    client_certs_turn(&d->server.client_certs, &d->loop.clock, d->log);
    cluster_turn(d->cluster);
    if (d->report.discovery)
        discovery_report_turn(&d->report);
    if (!d->ready && !router_unavailable(cluster_router(d->cluster))) {
        d->ready = true;
        log_info(d->log, "node", "serving clients on %s port %u", d->ports.listen, d->config->proto_port);
    }
}

/* --- the end: the clients first, then what lets this node be one of the cluster --- */

static void end_loop(struct daemon *d)
{
    certificates_end(&d->certificates);
    service_end(&d->service);
    uv_close((uv_handle_t *)&d->sigterm, NULL);
    uv_close((uv_handle_t *)&d->sigint, NULL);
    uv_close((uv_handle_t *)&d->sighup, NULL);
    signals_finish();
    /* The only other handle that keeps the loop alive is its timer. */
    uv_stop(&d->loop.uv);
}

static void on_dialer_stopped(void *arg)
{
    end_loop(arg);
}

/* No client is there any more. */
static void end_cluster(struct daemon *d)
{
    types_fini(&d->types);
    own_names_destroy(&d->own_names);
    end_discovery(d);
    cluster_close(d->cluster);
}

static void close_next_port(void *arg)
{
    struct daemon *d = arg;
    if (ports_clients_are_closed(&d->ports))
        end_cluster(d);
    if (!ports_close_last(&d->ports, close_next_port, d))
        net_dialer_stop(&d->dialer, on_dialer_stopped, d);
}

static void stop(struct daemon *d)
{
    if (d->stopping)
        return;
    d->stopping = true;
    service_stopping(&d->service);
    log_info(d->log, "node", "closing %zu connections and ending", ports_count_clients(&d->ports));
    close_next_port(d);
}

/* SIGTERM gives up what this node holds to the others before it ends; SIGINT, or a second one, ends at once. */
static void on_signal(uv_signal_t *handle, int signum)
{
    struct daemon *d = handle->data;
    log_info(d->log, "node", "%s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
    if (signum == SIGTERM && !d->leaving && cluster_leave(d->cluster) == 0) {
        d->leaving = true;
        service_stopping(&d->service);
    } else
        stop(d);
}

static void watch_signals(struct daemon *d)
{
    uv_signal_init(&d->loop.uv, &d->sigterm);
    uv_signal_init(&d->loop.uv, &d->sigint);
    uv_signal_init(&d->loop.uv, &d->sighup);
    d->sigterm.data = d->sigint.data = d->sighup.data = d;
    uv_signal_start(&d->sigterm, on_signal, SIGTERM);
    uv_signal_start(&d->sigint, on_signal, SIGINT);
    uv_signal_start(&d->sighup, on_sighup, SIGHUP);
    signals_release();
}

/* --- the service manager --- */

static void describe(void *arg, char *out, size_t size)
{
    const struct daemon *d = arg;
    struct status_node status;
    cluster_status(d->cluster, &status);
    service_describe(&status, out, size);
}

static void tell_manager(struct daemon *d)
{
    struct service_config service = {.socket = getenv("NOTIFY_SOCKET"),
                                     .watchdog_usec = getenv("WATCHDOG_USEC"),
                                     .watchdog_pid = getenv("WATCHDOG_PID"),
                                     .timers = &d->loop.timers,
                                     .log = d->log,
                                     .describe = describe,
                                     .arg = d};
    service_start(&d->service, &service);
}

/* --- the whole --- */

static int serve(struct daemon *d)
{
    int status = ports_open(&d->ports, &d->shares, cluster_acceptor(d->cluster), &d->metrics);
    if (!status)
        status = make_discovery(d);
    if (status) {
        ports_abandon(&d->ports);
        return status;
    }
    watch_signals(d);
    certificates_watch(&d->certificates);
    tell_manager(d);
    net_loop_on_turn_end(&d->loop, on_turn_end, d);
    net_loop_watch(&d->loop, d->log, &d->metrics);
    net_loop_run(&d->loop);
    net_loop_on_turn_end(&d->loop, NULL, NULL);
    log_info(d->log, "node", "ended");
    return 0;
}

static int run(struct daemon *d)
{
    int status = make_cluster(d);
    if (status)
        return status;
    make_server(d);
    status = serve(d);
    if (status)
        cluster_close(d->cluster);
    types_fini(&d->types);
    ports_fini(&d->ports);
    riak_fini(&d->riak);
    server_fini(&d->server);
    cluster_destroy(&d->cluster);
    return status;
}

static int make_loop(struct daemon *d)
{
    int status = descriptors_init(&d->shares, d->config, d->log);
    if (!status && net_loop_init(&d->loop)) {
        log_error(d->log, "node", "the event loop could not be made: not enough memory or file descriptors");
        status = EX_OSERR;
    }
    return status;
}

/* --- the check --- */

/* What asks an orchestrator's API is only loaded when it is needed. */
static int check_http(const struct daemon *d)
{
    char why[256];
    if (!d->config->marathon.app_id && !d->config->kubernetes.space)
        return 0;
    if (net_http_check(why, sizeof why) == 0)
        return 0;
    log_error(d->log, "discovery", "the orchestrator's API cannot be asked: %s", why);
    return EX_UNAVAILABLE;
}

static int check(struct daemon *d)
{
    int status = ports_check(&d->ports);
    return status ? status : check_http(d);
}

/* --- both ways to begin --- */

static int begin(const struct config *config, const struct log *log, int (*go_on)(struct daemon *d))
{
    struct daemon d = {.config = config, .log = log};
    int status = make_loop(&d);
    if (status)
        return status;
    status = certificates_init(&d.certificates, config, log, &d.loop);
    ports_init(&d.ports, config, log, &d.loop, &d.certificates);
    if (!status)
        status = go_on(&d);
    net_loop_fini(&d.loop);
    certificates_fini(&d.certificates);
    return status;
}

int daemon_check(const struct config *config, const struct log *log)
{
    return begin(config, log, check);
}

int daemon_run(const struct config *config, const struct log *log)
{
    heap_init();
    return begin(config, log, run);
}
