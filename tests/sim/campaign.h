/* SPDX-License-Identifier: Apache-2.0 */
/* Many seeds, each in a process of its own, so that one that crashes tells so and the others go on; resumable. */
#ifndef SIM_CAMPAIGN_H
#define SIM_CAMPAIGN_H

#include "sim/options.h"

struct campaign {
    bool many;
    uint64_t first, last; /* seeds */
    unsigned jobs;        /* processes at once */
    const char *state;    /* a file with a line for each seed that was lived through; NULL: none */
};

/* `live` gets the options of a seed and returns a process's exit status. 0: all were good. 1: not. */
int campaign_run(const struct campaign *c, const struct sim_options *options,
                 int (*live)(const struct sim_options *options));

#endif
