/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests over a universe of five nodes do again and again. Each fails the test that calls it when it cannot. */
#ifndef CLUSTER_SCENARIO_H
#define CLUSTER_SCENARIO_H

#include "universe.h"

#define KEYS 200

/* For cmocka: *state is a universe of five machines, of SEED in the environment, or 1. */
int setup(void **state);
int teardown(void **state);

void start_all(struct universe *u); /* all that discovery lists, until they are ready */
void restart(struct universe *u, unsigned i);
/* The first so many end at once, and start again after that time. */
void restart_first(struct universe *u, unsigned count, uint64_t after_ms);
/* Until all that run are ready; else what each node thinks of it is shown. */
void await_ready(struct universe *u, uint64_t ms);
void show(struct universe *u);

/* The keys key_of(0) to key_of(KEYS - 1), through that node; a value of NULL is the key itself. */
const char *key_of(unsigned i); /* borrowed until the next call */
void write_all(struct universe *u, unsigned through, const char *value);
void expect_all(struct universe *u, unsigned through, const char *value);
/* How many of them can be written, each within a second. */
unsigned count_written(struct universe *u, unsigned through, const char *value);

/* One that goes by itself after that time. */
#define LIFE_MS 20000
int put_for_a_while(struct universe *u, unsigned through, const char *key, const char *value);

struct cluster *cluster_at(struct universe *u, unsigned i); /* NULL: does not run */

unsigned partition_of(struct universe *u, unsigned through, const char *key);
/* The node that leads it, or the meta group; UNIVERSE_MAX: nobody does. */
unsigned leader_of(struct universe *u, unsigned partition);
unsigned meta_leader(struct universe *u);

#endif
