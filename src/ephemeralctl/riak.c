/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/riak.h"

#include "base/service_link.h"
#include "base/version.h"
#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/partitions.h"
#include "ephemeralctl/riak_view.h"
#include "ephemeralctl/root.h"
#include "ephemeralctl/text.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* A certificate with the role of a node is let in under any name: the configured users may have changed. */
#define PROBE_USER "riak-admin"

/* Orchestrators give a probe one second by default, and end it then. Older ones let it run on. */
#define TIMEOUT_MS 5000

/* Within the life of the certificate that is minted at the start. */
#define SERVICE_WAIT_S (CLIENT_NODE_LIFE_S - 20)

#define ADMIN "riak-admin"
#define RIAK  "riak"
#define READY "readiness-probe.sh"

struct probe {
    struct options options;
    struct connection connection;
    char **args; /* after the command's words */
};

struct riak_command {
    const char *program, *words; /* words: with spaces between them */
    int max;                     /* arguments that may follow */
    int (*run)(struct probe *p);
    bool connects; /* before it runs */
};

/* --- where the node is --- */

static const char *variable(const char *name)
{
    const char *text = getenv(name);
    return text && *text && !service_link_is(name, text) ? text : NULL;
}

static unsigned short port_of(const char *text)
{
    char *end;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    return n > 0 && n <= UINT16_MAX && *end == '\0' ? (unsigned short)n : CLIENT_PORT_DEFAULT;
}

struct riak_node riak_node_here(void)
{
    const char *port = variable("PORT_PROTO"), *listen = variable("EPHEMERAL_STORE_LISTEN");
    bool any = !listen || strcmp(listen, "::") == 0 || strcmp(listen, "0.0.0.0") == 0;
    return (struct riak_node){.host = any ? NULL : listen,
                              .port = port_of(port ? port : variable("EPHEMERAL_STORE_PROTO_PORT"))};
}

/* --- connecting --- */

static int try_host(struct probe *p, const char *host, char *why, size_t why_size)
{
    p->options.host = host;
    return connection_try(&p->options, TIMEOUT_MS, &p->connection, why, why_size);
}

/* Riak's words, where they are true. */
static void say_no_node(int err, bool pings)
{
    if (pings)
        puts("Node is not responding to pings.");
    else if (err == E_CLOSED)
        puts("Node is not running!");
    else
        puts("Node did not answer!");
}

static int connect_here(struct probe *p, bool pings)
{
    char why[TLS_WHY_MAX], other[TLS_WHY_MAX];
    const struct riak_node here = riak_node_here();
    p->options.port = here.port;
    int err = try_host(p, here.host ? here.host : "127.0.0.1", why, sizeof why);
    if (!here.host && (err == E_CLOSED || err == E_IO)) /* a machine of IPv6 alone */
        err = try_host(p, "::1", other, sizeof other);
    if (!err)
        return 0;
    say_no_node(err, pings);
    text_error("%s", why);
    return EX_UNAVAILABLE;
}

static int fail(struct probe *p, int err)
{
    const struct context x = {.options = &p->options, .client = p->connection.client};
    return command_failed(&x, err);
}

/* --- the commands --- */

static int run_test(struct probe *p)
{
    struct client_server_info node;
    int err = client_self_test(p->connection.client, &node);
    if (err)
        return fail(p, err);
    fputs("Successfully completed 1 read/write cycle to '", stdout);
    text_name(node.node, true, stdout);
    puts("'");
    return EX_OK;
}

static int run_ping(struct probe *p)
{
    int err = client_ping(p->connection.client);
    if (err)
        return fail(p, err);
    puts("pong");
    return EX_OK;
}

static int run_version(struct probe *p)
{
    (void)p;
    puts(version_text);
    return EX_OK;
}

static int run_ready(struct probe *p)
{
    struct cluster_ready_resp r;
    int err = client_cluster_ready(p->connection.client, true, &r);
    if (err)
        return fail(p, err);
    printf("%s (%s)%s", r.ready ? "ready" : "not ready", status_node_state_text(r.state), *r.why ? ": " : "");
    text_name(slice_str(r.why), true, stdout);
    putchar('\n');
    return r.ready ? EX_OK : STATUS_NO;
}

static void count_partition(void *arg, const struct status_partition *one)
{
    riak_ring_add(arg, one);
}

static int read_ring(struct probe *p, struct riak_ring *r)
{
    *r = (struct riak_ring){0};
    int err = client_cluster_status(p->connection.client, &r->node);
    if (!err)
        err = partitions_walk(p->connection.client, count_partition, r);
    return err ? fail(p, err) : EX_OK;
}

static int show(struct probe *p, void (*view)(const struct riak_ring *r, FILE *out))
{
    struct riak_ring r;
    int status = read_ring(p, &r);
    if (!status)
        view(&r, stdout);
    return status;
}

static int run_members(struct probe *p)
{
    return show(p, riak_view_members);
}

static int run_ring(struct probe *p)
{
    return show(p, riak_view_ring);
}

static int run_cluster(struct probe *p)
{
    return show(p, riak_view_cluster);
}

static int run_status(struct probe *p)
{
    return show(p, riak_view_status);
}

static int run_ringready(struct probe *p)
{
    struct riak_ring r;
    int status = read_ring(p, &r);
    if (status)
        return status;
    riak_view_ready(&r, stdout);
    return riak_ring_is_ready(&r) ? EX_OK : STATUS_NO;
}

static int run_transfers(struct probe *p)
{
    struct cluster_transfers_resp t;
    struct status_node s;
    int err = client_cluster_transfers(p->connection.client, &t);
    if (!err)
        err = client_cluster_status(p->connection.client, &s);
    if (err)
        return fail(p, err);
    riak_view_transfers(&s, t.transfer, t.count, stdout);
    return EX_OK;
}

/* Of the services that Riak has, data is what this store serves. A second argument, Riak's node name, is this node. */
static int run_wait(struct probe *p)
{
    const char *service = p->args[0];
    if (!service || strcmp(service, "riak_kv") != 0) {
        text_error("wait-for-service knows the service riak_kv alone, not '%s'", service ? service : "");
        return EX_USAGE;
    }
    const struct riak_node here = riak_node_here();
    p->options.host = here.host ? here.host : "127.0.0.1";
    p->options.port = here.port;
    p->options.wait_s = SERVICE_WAIT_S;
    struct context x = {.options = &p->options};
    int status = cmd_wait_ready(&x);
    printf("%s is %s\n", service, status ? "not up" : "up");
    return status;
}

static const struct riak_command commands[] = {
    {ADMIN, "test", 0, run_test, true},
    {ADMIN, "member-status", 0, run_members, true},
    {ADMIN, "member_status", 0, run_members, true},
    {ADMIN, "ring-status", 0, run_ring, true},
    {ADMIN, "ring_status", 0, run_ring, true},
    {ADMIN, "ringready", 0, run_ringready, true},
    {ADMIN, "transfers", 0, run_transfers, true},
    {ADMIN, "wait-for-service", 2, run_wait, false},
    {ADMIN, "cluster status", 0, run_cluster, true},
    {ADMIN, "status", 0, run_status, true},
    {RIAK, "ping", 0, run_ping, true},
    {RIAK, "version", 0, run_version, false},
    {READY, "", 0, run_ready, true},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

/* --- which command it is --- */

static const char *last_part(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

bool riak_is_name(const char *argv0)
{
    const char *name = last_part(argv0);
    return strcmp(name, ADMIN) == 0 || strcmp(name, RIAK) == 0 || strcmp(name, READY) == 0;
}

/* How many arguments these words are, or -1: those given are others. */
static int match(const char *words, int count, char **args)
{
    int n = 0;
    for (; *words; words += strspn(words, " "), n++) {
        size_t len = strcspn(words, " ");
        if (n == count || strlen(args[n]) != len || memcmp(args[n], words, len) != 0)
            return -1;
        words += len;
    }
    return n;
}

static const struct riak_command *find(const char *program, int count, char **args, int *used)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct riak_command *c = &commands[i];
        *used = strcmp(c->program, program) == 0 ? match(c->words, count, args) : -1;
        if (*used >= 0 && count - *used <= c->max)
            return c;
    }
    return NULL;
}

static int usage(const char *program)
{
    fprintf(stderr, "Usage: %s", program);
    const char *between = " { ";
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].program, program) == 0 && *commands[i].words && !strchr(commands[i].words, '_')) {
            fprintf(stderr, "%s%s", between, commands[i].words);
            between = " | ";
        }
    fputs(*between == ' ' && between[1] == '|' ? " }\n" : "\n", stderr);
    return STATUS_NO;
}

static int run(const struct riak_command *c, struct probe *p)
{
    if (!c->connects)
        return c->run(p);
    int status = connection_prepare(&p->options, &p->connection);
    if (!status)
        status = connect_here(p, c->run == run_ping);
    if (!status)
        status = c->run(p);
    connection_close(&p->connection);
    return status;
}

int riak_main(int argc, char **argv)
{
    struct probe p = {
        .options = {.user = PROBE_USER, .any_server_name = true, .direct_tls = true, .timeout_ms = TIMEOUT_MS},
    };
    const char *program = last_part(argv[0]);
    int used;
    const struct riak_command *c = find(program, argc - 1, argv + 1, &used);
    if (!c)
        return usage(program);
    p.args = argv + 1 + used;
    root_choose(&p.options, true);
    return run(c, &p) == EX_OK ? EX_OK : STATUS_NO;
}
