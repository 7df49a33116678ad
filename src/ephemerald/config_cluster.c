/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the configuration that makes one node of several: who the others are, where this one is, and the times
 * that they keep. */
#include "base/assert.h"
#include "base/err.h"
#include "discovery/peers.h"
#include "ephemerald/options.h"
#include "ephemerald/reading.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define RANK_FILE 2 /* of struct option_value */

/* --- names --- */

static bool is_cluster_name(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return len > 0 && len <= CONFIG_CLUSTER_NAME_MAX;
}

static int read_cluster_name(const struct reading *r)
{
    const char *text = reading_text(r, "cluster-name");
    if (!is_cluster_name(text))
        return reading_fail(r, EX_CONFIG, "%s: '%.80s' is no name of a cluster: give 1 to %d letters, digits, - _ or .",
                            reading_origin(r, "cluster-name"), text, CONFIG_CLUSTER_NAME_MAX);
    return reading_copy(r, text, &r->c->cluster_name);
}

/* Empty where the variable is not set. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);
    return text ? text : "";
}

/* A pod's name is its own within its namespace only. */
static void pod_place(char *out, size_t size)
{
    const char *space = variable("NAMESPACE"), *pod = variable("POD_NAME");
    if (!*pod)
        pod = variable("HOSTNAME");
    if (*space && *pod)
        snprintf(out, size, "%s/%s", space, pod);
}

static bool is_place(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!isprint((unsigned char)*p))
            return false;
    return strlen(text) <= CONFIG_PLACE_MAX;
}

static int read_place(const struct reading *r)
{
    const char *text = reading_text(r, "place"), *task = variable("MESOS_TASK_ID");
    char found[CONFIG_PLACE_MAX + 2] = ""; /* one more than there may be: what is too long is seen */
    if (text)
        snprintf(found, sizeof found, "%s", text);
    else if (*task)
        snprintf(found, sizeof found, "%s", task);
    else if (r->c->orchestration == ORCHESTRATION_KUBERNETES)
        pod_place(found, sizeof found);
    if (!is_place(found))
        return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no name of a place: give at most %d printable characters",
                            text    ? reading_origin(r, "place")
                            : *task ? "environment variable MESOS_TASK_ID"
                                    : "environment variables NAMESPACE and POD_NAME or HOSTNAME",
                            found, CONFIG_PLACE_MAX);
    return reading_copy(r, found, &r->c->place);
}

/* --- the others --- */

static bool can_find_others(const struct config *c, const char *peers)
{
    return c->cluster_size == 1 || peers || c->marathon.app_id || config_asks_kubernetes(c);
}

/* A node that can find no other would wait without end: report it at once. */
static int fail_alone(const struct config *c, char *why, size_t why_size)
{
    const char *also =
        c->orchestration == ORCHESTRATION_MARATHON
            ? " (the environment variable MARATHON_APP_ID is not set: Marathon cannot be asked for them)"
        : c->orchestration == ORCHESTRATION_KUBERNETES
            ? " (neither NAMESPACE nor INFO_SERVICE is set, and no service account is mounted: Kubernetes cannot be "
              "asked for them)"
            : "";
    snprintf(why, why_size,
             "cluster-size is %u (%s), but no peers are given%s, so that this node could never find another: set "
             "EPHEMERAL_STORE_PEERS (or --peers) to where the nodes are, as 10.0.0.1,10.0.0.2 or store.example or "
             "srv:_epmd._tcp.store.example, or EPHEMERAL_STORE_CLUSTER_SIZE=1 for a cluster of one",
             c->cluster_size, option_origin(&c->options, "cluster-size"), also);
    return EX_CONFIG;
}

/* *out: a copy of what the option says, or NULL where that is nobody. */
static int check_peers(const char *text, uint16_t port, char **out, char *why, size_t why_size)
{
    struct peer *list;
    size_t count;
    int err = peers_parse(text, port, &list, &count, why, why_size);
    free(list);
    *out = !err && count ? strdup(text) : NULL;
    if (!err && count && !*out)
        err = E_NOMEM;
    if (err == E_NOMEM)
        snprintf(why, why_size, "%s", err_text(err));
    return err == E_NOMEM ? EX_OSERR : err ? EX_CONFIG : 0;
}

static int read_peers(const struct reading *r)
{
    struct config *c = r->c;
    int status = check_peers(reading_text(r, "peers"), c->epmd_port, &c->peers, r->why, r->why_size);
    if (status)
        return reading_fail_at(r, status, "peers");
    return can_find_others(c, c->peers) ? 0 : fail_alone(c, r->why, r->why_size);
}

/* --- where this one is --- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* Whether a node that listens so takes connections to an address of that family. */
static bool serves(const char *listen, int family)
{
    return strcmp(listen, "::") == 0 || family == (strchr(listen, ':') ? AF_INET6 : AF_INET);
}

static int family_of(const char *address)
{
    return strchr(address, ':') ? AF_INET6 : AF_INET;
}

bool config_may_advertise(const char *listen, const char *text, bool loopback_too, char *out)
{
    return peer_address(text, out) == 0 && serves(listen, family_of(out)) && (loopback_too || !is_loopback(out));
}

/* Only Marathon's HOST names the machine for others; elsewhere it may be any shell's variable. */
static const char *marathon_host(const struct config *c)
{
    return c->orchestration == ORCHESTRATION_MARATHON ? variable("HOST") : "";
}

bool config_is_host_name(const char *text)
{
    char why[256];
    struct peer *list;
    size_t count;
    if (peers_parse(text, 1, &list, &count, why, sizeof why))
        return false;
    bool good = count == 1 && list[0].kind == PEER_HOST && !strpbrk(text, ":, \t");
    free(list);
    return good;
}

/* Its address is looked up later: no start waits for a name server. What can only be loopback is no use. */
static int add_advertised_name(const struct reading *r, const char *name)
{
    struct config *c = r->c;
    bool known = c->advertise_name_count && strcasecmp(c->advertise_names[0], name) == 0;
    if (known || strcasecmp(name, "localhost") == 0 || !config_is_host_name(name))
        return 0;
    ASSERT(c->advertise_name_count < CONFIG_ADVERTISE_NAMES_MAX);
    int status = reading_copy(r, name, &c->advertise_names[c->advertise_name_count]);
    c->advertise_name_count += !status;
    return status;
}

static int fail_nowhere(const struct reading *r)
{
    return reading_fail(
        r, EX_CONFIG,
        "advertise is not given, and no address of this node was found: listen is %s, HOST is '%.64s'%s, "
        "POD_IP is '%.64s', the host's name is '%.64s', and none of these is an address that is not loopback and that "
        "listen serves, or a name that may have one: set EPHEMERAL_STORE_ADVERTISE to the address under which the "
        "other nodes reach this one",
        r->c->listen, variable("HOST"),
        *variable("HOST") && !*marathon_host(r->c) ? " (counts only with ORCHESTRATION=marathon)" : "",
        variable("POD_IP"), r->c->host_name);
}

static int read_given_advertise(const struct reading *r, const char *text)
{
    const char *listen = r->c->listen;
    char *out = r->c->advertise;
    bool is_address = peer_address(text, out) == 0;
    if (!is_address)
        out[0] = '\0';
    if (is_address && !serves(listen, family_of(out)))
        return reading_fail(r, EX_CONFIG,
                            "%s: '%.64s' is an %s address, but this node listens on %s alone: the others could not "
                            "connect. Set EPHEMERAL_STORE_LISTEN to ::, which serves IPv4 and IPv6, or advertise an "
                            "address that listen serves",
                            reading_origin(r, "advertise"), text, strchr(out, ':') ? "IPv6" : "IPv4", listen);
    if (is_address)
        return 0;
    if (!config_is_host_name(text))
        return reading_fail(r, EX_CONFIG,
                            "%s: '%.64s' is no address that a node can have, and no name of a host: give one like "
                            "10.1.2.3",
                            reading_origin(r, "advertise"), text);
    r->c->advertise_given = true;
    r->c->advertise_name_count = 1;
    return reading_copy(r, text, &r->c->advertise_names[0]);
}

/* Of what the orchestrator says an address is taken at once; names are for the lookup. */
static int find_advertise(const struct reading *r)
{
    struct config *c = r->c;
    const char *host = marathon_host(c);
    if (config_may_advertise(c->listen, host, false, c->advertise) ||
        config_may_advertise(c->listen, variable("POD_IP"), false, c->advertise))
        return 0;
    int status = add_advertised_name(r, host);
    if (!status)
        status = add_advertised_name(r, c->host_name);
    c->advertise[0] = '\0';
    if (status || c->advertise_name_count)
        return status;
    if (c->cluster_size > 1)
        return fail_nowhere(r);
    strcpy(c->advertise, CONFIG_ADVERTISE_ALONE);
    return 0;
}

static int read_advertise(const struct reading *r)
{
    const char *text = reading_text(r, "advertise"), *listen = r->c->listen;
    if (text)
        return read_given_advertise(r, text);
    if (!config_is_wildcard(listen))
        return peer_address(listen, r->c->advertise) ? fail_nowhere(r) : 0;
    return find_advertise(r);
}

/* --- times --- */

static int read_sizes(const struct reading *r)
{
    int status = reading_u32(r, "cluster-size", &r->c->cluster_size);
    if (!status)
        status = reading_u32(r, "replicas", &r->c->replicas);
    return status ? status : reading_u32(r, "partitions", &r->c->partitions);
}

static int read_each_time(const struct reading *r)
{
    struct config_times *t = &r->c->times;
    const struct {
        const char *name;
        uint64_t *out;
    } all[] = {{"heartbeat-ms", &t->heartbeat_ms},   {"election-ms", &t->election_ms},
               {"lease-ms", &t->lease_ms},           {"lease-margin-ms", &t->lease_margin_ms},
               {"form-grace-ms", &t->form_grace_ms}, {"stranded-after-ms", &t->stranded_after_ms},
               {"lost-after-ms", &t->lost_after_ms}, {"fence-after-ms", &t->fence_after_ms}};
    int status = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && !status; i++)
        status = reading_number(r, all[i].name, all[i].out);
    return status;
}

/* `name` must be at least `least`, which is what `than` says. */
static int check_least(const struct reading *r, const char *name, uint64_t value, uint64_t least, const char *than)
{
    if (value >= least)
        return 0;
    return reading_fail(r, EX_CONFIG, "%s is %llu (%s), but must be at least %llu: %s", name, (unsigned long long)value,
                        reading_origin(r, name), (unsigned long long)least, than);
}

/* R-FENCE. */
static int check_fence(const struct reading *r, const struct config_times *t)
{
    if (!t->fence_after_ms)
        return 0;
    if (r->c->orchestration == ORCHESTRATION_NONE)
        return reading_fail(r, EX_CONFIG,
                            "fence-after-ms is given (%s), but no orchestrator's API lists the nodes: say which "
                            "(orchestration), or leave it out",
                            reading_origin(r, "fence-after-ms"));
    return check_least(r, "fence-after-ms", t->fence_after_ms, t->lease_ms + t->lease_margin_ms,
                       "lease-ms and lease-margin-ms together, or a node that ends would interrupt the service");
}

static int read_times(const struct reading *r)
{
    const struct config_times *t = &r->c->times;
    int status = read_each_time(r);
    if (!status)
        status = check_least(r, "election-ms", t->election_ms, 3 * t->heartbeat_ms,
                             "three times heartbeat-ms, or a heartbeat that is late would cost a leader");
    /* R-LEASE: elections take far less than a lease. */
    if (!status)
        status = check_least(r, "lease-ms", t->lease_ms, 4 * t->election_ms,
                             "four times election-ms, or every election would interrupt the service");
    if (!status)
        status = check_least(r, "stranded-after-ms", t->stranded_after_ms, 10 * t->election_ms,
                             "ten times election-ms, or a few failed elections would strand the nodes");
    if (!status)
        status = check_least(r, "lost-after-ms", t->lost_after_ms, t->lease_ms + t->lease_margin_ms + 1,
                             "more than lease-ms and lease-margin-ms, or a node would count as lost while it serves");
    return status ? status : check_fence(r, t);
}

/* --- all of it --- */

int config_read_cluster(const struct reading *r)
{
    static int (*const steps[])(const struct reading *r) = {read_sizes, read_cluster_name, read_times,
                                                            read_peers, read_place,        read_advertise};
    int status = 0;
    for (size_t i = 0; !status && i < sizeof steps / sizeof steps[0]; i++)
        status = steps[i](r);
    return status;
}

/* `again`: what the file says now. */
static int peers_of_file(const struct config *c, struct option_set *again, char **peers, char *why, size_t why_size)
{
    int err = option_read_file(again, "config", option_text(&c->options, "config"), why, why_size);
    if (err)
        return err == E_NOMEM ? EX_OSERR : err == E_IO ? EX_NOINPUT : EX_CONFIG;
    int status = check_peers(option_text(again, "peers"), c->epmd_port, peers, why, why_size);
    return status || can_find_others(c, *peers) ? status : fail_alone(c, why, why_size);
}

static int copy_peers(const struct config *c, char **peers, char *why, size_t why_size)
{
    return check_peers(c->peers, c->epmd_port, peers, why, why_size);
}

int config_reread_peers(const struct config *c, char **peers, char *why, size_t why_size)
{
    struct option_set again;
    int row = option_find(&c->options, "peers");
    *peers = NULL;
    if (c->options.values[row].rank > RANK_FILE || !option_text(&c->options, "config"))
        return copy_peers(c, peers, why, why_size);
    int status = EX_OSERR;
    if (option_set_init(&again, daemon_options, daemon_option_count) == 0)
        status = peers_of_file(c, &again, peers, why, why_size);
    else
        snprintf(why, why_size, "%s", err_text(E_NOMEM));
    option_set_fini(&again);
    return status;
}

void config_log_cluster(const struct config *c, const struct log *log)
{
    log_info(log, "config", "cluster %s of %u, %u replica(s), this node at %s%s%s%s, peers %.200s", c->cluster_name,
             c->cluster_size, c->replicas, *c->advertise ? "" : "the address of ",
             *c->advertise ? c->advertise : c->advertise_names[0], *c->place ? ", place " : "", c->place,
             c->peers ? c->peers : "none");
    if (c->cluster_size > 1 && c->replicas < 3)
        log_warn(log, "config",
                 "replicas is %u: with less than 3, the loss of one node stops some keys, or loses them; set "
                 "EPHEMERAL_STORE_REPLICAS=3",
                 c->replicas);
}
