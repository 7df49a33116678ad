/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured: named numbers in the order in which they were found, printed as text or as one JSON object with a
 * member per line. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/histogram.h"

#include <stdbool.h>
#include <stddef.h>

#define REPORT_ROWS_MAX 48

struct report {
    size_t count;
    struct {
        const char *name, *unit; /* static */
        double value;
    } rows[REPORT_ROWS_MAX];
};

void report_add(struct report *r, const char *name, double value, const char *unit);
/* p50, p99, p99.9 and max in microseconds. `names`: four of them. */
void report_add_latency(struct report *r, const struct histogram *h, const char *const names[4]);
void report_print(const struct report *r, bool json);

#endif
