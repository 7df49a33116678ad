/* SPDX-License-Identifier: Apache-2.0 */
/* A seeded generator of pseudo-random numbers (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64). For tests,
 * jitter and generated names; never for keys. The same seed gives the same numbers everywhere. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, n), n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
void rng_fill(struct rng *r, void *out, size_t n);

#endif
