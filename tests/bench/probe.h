/* SPDX-License-Identifier: Apache-2.0 */
/* What the server under test costs, seen from outside through /proc and its CPU clock. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* User and system time of all threads of the process, in nanoseconds; the program ends when it cannot be read. */
uint64_t probe_cpu_ns(pid_t pid);
/* Resident memory in bytes. */
uint64_t probe_rss(pid_t pid);
/* For how long the process has run, to within the kernel's tick of 10 ms. */
uint64_t probe_age_ns(pid_t pid);
/* CLOCK_MONOTONIC. */
uint64_t probe_now_ns(void);

#endif
