/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/options.h"

#include "base/rng.h"

#include <stdio.h>

/* Few, so that clients meet at them; and as many as are more than nodes with little memory can hold. */
#define KEYS         24
#define KEYS_TO_FILL 256

static bool with_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

static uint32_t pick_faults(struct rng *r)
{
    uint32_t set = 0;
    for (unsigned kind = 0; kind < FAULT_WORD; kind++) {
        bool is_hard = kind == FAULT_MAJORITY || kind == FAULT_ALL || kind == FAULT_MEMORY || kind == FAULT_ALLOC;
        if (with_chance(r, is_hard ? 15 : 40))
            set |= 1u << kind;
    }
    return set;
}

void sim_options_complete(struct sim_options *o)
{
    static const unsigned sizes[] = {5, 5, 5, 5, 5, 5, 3, 6, 7, 9};
    struct rng r;
    rng_seed(&r, o->seed ^ 0x5eedf00d);
    uint32_t faults = pick_faults(&r);
    unsigned nodes = sizes[rng_below(&r, sizeof sizes / sizeof sizes[0])];
    bool long_times = with_chance(&r, 25);
    if (!o->faults_given)
        o->faults = faults;
    if (!o->nodes)
        o->nodes = nodes;
    if (!o->expected)
        o->expected = o->nodes;
    if (!o->times_given)
        o->long_times = long_times;
    if (!o->keys)
        o->keys = o->faults & 1u << FAULT_MEMORY ? KEYS_TO_FILL : KEYS;
}

void sim_options_text(const struct sim_options *o, char *out, size_t size)
{
    static const char *const words[] = {
#define X(name, word, help) word,
        FAULT_TABLE(X)
#undef X
    };
    int n = snprintf(out, size, "--nodes %u --partitions %u --minutes %llu %s ", o->nodes, o->partitions,
                     (unsigned long long)o->milliseconds / 60000, o->long_times ? "--long" : "--quick");
    const char *comma = "";
    if (o->expected != o->nodes)
        n += snprintf(out + n, size - (size_t)n, "--expected %u ", o->expected);
    n += snprintf(out + n, size - (size_t)n, "--faults ");
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (o->faults & 1u << i) {
            n += snprintf(out + n, size - (size_t)n, "%s%s", comma, words[i]);
            comma = ",";
        }
    if (!o->faults)
        snprintf(out + n, size - (size_t)n, "none");
}
