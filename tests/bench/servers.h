/* SPDX-License-Identifier: Apache-2.0 */
/* The servers under test: where they listen, and what their processes cost, all together. */
#ifndef BENCH_SERVERS_H
#define BENCH_SERVERS_H

#include <stdint.h>
#include <sys/types.h>

#define SERVERS_MAX      64
#define SERVERS_HOST_MAX 64 /* an address as text, with its NUL */

struct servers {
    uint32_t hosts, pids;
    char host[SERVERS_MAX][SERVERS_HOST_MAX];
    pid_t pid[SERVERS_MAX];
};

/* Reads the lists with commas between: addresses (at least one), and process ids (may be NULL: unknown, costs are not
 * reported). The program ends on a list that is none. */
void servers_parse(const char *hosts, const char *pids, struct servers *out);
/* Connections go round: the host of connection `index`. */
const char *servers_host(const struct servers *s, uint32_t index);
/* As probe_cpu_ns() and probe_rss(), the sum over all processes; 0 when none is known. */
uint64_t servers_cpu_ns(const struct servers *s);
uint64_t servers_rss(const struct servers *s);
/* For how long the process that was started last has run, to within 10 ms; at least one is known. */
uint64_t servers_youngest_ns(const struct servers *s);

#endif
