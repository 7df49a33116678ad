/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/servers.h"

#include "bench/bench.h"
#include "bench/probe.h"

#include <stdlib.h>
#include <string.h>

/* The next of a list with commas between, cut from *rest; false at the end. */
static bool next_of_list(const char *option, const char **rest, char out[SERVERS_HOST_MAX])
{
    size_t len = *rest ? strcspn(*rest, ",") : 0;
    if (!*rest)
        return false;
    if (len == 0 || len >= SERVERS_HOST_MAX)
        bench_die("--%s: a list with commas between, each of 1 to %d characters", option, SERVERS_HOST_MAX - 1);
    memcpy(out, *rest, len);
    out[len] = '\0';
    *rest = (*rest)[len] ? *rest + len + 1 : NULL;
    return true;
}

static pid_t parse_pid(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    if (*end || pid < 1 || pid > INT32_MAX)
        bench_die("--pid: '%s' is no process id", text);
    return (pid_t)pid;
}

void servers_parse(const char *hosts, const char *pids, struct servers *out)
{
    char text[SERVERS_HOST_MAX];
    *out = (struct servers){0};
    while (next_of_list("host", &hosts, text)) {
        if (out->hosts == SERVERS_MAX)
            bench_die("--host: at most %d addresses", SERVERS_MAX);
        memcpy(out->host[out->hosts++], text, sizeof text);
    }
    while (next_of_list("pid", &pids, text)) {
        if (out->pids == SERVERS_MAX)
            bench_die("--pid: at most %d processes", SERVERS_MAX);
        out->pid[out->pids++] = parse_pid(text);
    }
}

const char *servers_host(const struct servers *s, uint32_t index)
{
    return s->host[index % s->hosts];
}

uint64_t servers_cpu_ns(const struct servers *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->pids; i++)
        sum += probe_cpu_ns(s->pid[i]);
    return sum;
}

uint64_t servers_rss(const struct servers *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->pids; i++)
        sum += probe_rss(s->pid[i]);
    return sum;
}

uint64_t servers_youngest_ns(const struct servers *s)
{
    uint64_t youngest = UINT64_MAX;
    for (uint32_t i = 0; i < s->pids; i++) {
        uint64_t age = probe_age_ns(s->pid[i]);
        youngest = age < youngest ? age : youngest;
    }
    return youngest;
}
