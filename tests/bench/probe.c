/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/probe.h"

#include "bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t to_ns(const struct timespec *ts)
{
    return (uint64_t)ts->tv_sec * 1000000000u + (uint64_t)ts->tv_nsec;
}

uint64_t probe_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return to_ns(&ts);
}

uint64_t probe_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec ts;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
        bench_die("cannot read the CPU time of process %d: has the server ended?", (int)pid);
    return to_ns(&ts);
}

uint64_t probe_rss(pid_t pid)
{
    char path[64], line[256];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1)
            break;
    if (f)
        fclose(f);
    if (kib == 0)
        bench_die("cannot read the memory of process %d: has the server ended?", (int)pid);
    return kib * 1024;
}

#define STAT_START_FIELD 20 /* blanks between the state, which follows the name in brackets, and the start time */

uint64_t probe_age_ns(pid_t pid)
{
    char path[64], line[1024] = "";
    struct timespec now;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    const char *p = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    if (f)
        fclose(f);
    for (int i = 0; p && i < STAT_START_FIELD; i++)
        p = strchr(p + 1, ' ');
    if (!p)
        bench_die("cannot read when process %d was started: has the server ended?", (int)pid);
    uint64_t start_ns = strtoull(p, NULL, 10) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
    clock_gettime(CLOCK_BOOTTIME, &now);
    return to_ns(&now) - start_ns;
}
