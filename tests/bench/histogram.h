/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies as counts in buckets whose width grows with the value (as HdrHistogram does): 128 buckets to each doubling,
 * so a quantile is right to within one part in 128, at one increment per value. Values in nanoseconds, up to 18
 * minutes.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_BITS     40
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count, max, sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t value);
/* The smallest value that at least `quantile` (0 to 1) of the values do not pass; 0 when there is none. */
uint64_t histogram_quantile(const struct histogram *h, double quantile);

#endif
