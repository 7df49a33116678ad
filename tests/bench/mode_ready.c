/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes have just been started: when is the last of them ready? They are asked again and again, because at first they
 * may not even listen. */
#include "bench/bench.h"
#include "bench/probe.h"
#include "client/client.h"

#include <time.h>

#define ASK_EVERY_NS 5000000
#define GIVE_UP_NS   120000000000u
#define TIMEOUT_MS   2000u

static void pause_a_little(void)
{
    struct timespec t = {.tv_nsec = ASK_EVERY_NS};
    nanosleep(&t, NULL);
}

static struct client *try_connect(struct bench *b, const char *host)
{
    char why[TLS_WHY_MAX];
    struct client *c = NULL;
    struct client_options options = {
        .identity = b->identity, .host = host, .port = b->port, .timeout_ms = TIMEOUT_MS, .direct_tls = true};
    return client_connect(&options, &c, why, sizeof why) ? NULL : c;
}

static bool is_ready(struct client *c)
{
    struct cluster_ready_resp answer;
    return client_cluster_ready(c, false, &answer) == 0 && answer.ready;
}

static void wait_for(struct bench *b, const char *host)
{
    uint64_t end_ns = probe_now_ns() + GIVE_UP_NS;
    struct client *c = NULL;
    while (!(c || (c = try_connect(b, host))) || !is_ready(c)) {
        if (probe_now_ns() > end_ns)
            bench_die("%s is not ready after 120 seconds", host);
        if (c && !client_alive(c))
            client_close(&c);
        pause_a_little();
    }
    client_close(&c);
}

/* A node that is ready stays so while others start: one after the other. */
void mode_ready(struct bench *b)
{
    if (!b->servers.pids || b->options->echo)
        bench_die("ready needs --pid of the nodes");
    for (uint32_t i = 0; i < b->servers.hosts; i++)
        wait_for(b, servers_host(&b->servers, i));
    report_add(&b->report, "ready_after_ms", (double)servers_youngest_ns(&b->servers) / 1e6, "ms");
}
