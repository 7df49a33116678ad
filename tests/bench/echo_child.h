/* SPDX-License-Identifier: Apache-2.0 */
/* The echo server as a process of its own, so that its CPU time is its own. */
#ifndef BENCH_ECHO_CHILD_H
#define BENCH_ECHO_CHILD_H

#include "bench/bench.h"

struct echo_child {
    pid_t pid;
    uint16_t port;
};

/* Starts this program again as `echo-server` and waits for its port. It dies with us. */
void echo_child_start(const struct bench_options *o, struct echo_child *out);
void echo_child_stop(struct echo_child *c);

#endif
