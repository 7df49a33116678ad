/* SPDX-License-Identifier: Apache-2.0 */
/* A fault schedule: which fault began when, and by which chances. A seed alone names a course of events only for one
 * state of the code: what the code does decides when the next fault can begin. A schedule that was recorded says it for
 * any state of the code, so what a seed has found once stays a test.
 *
 * A file of lines "MICROSECONDS FAULT CHANCE": the time since the first fault could begin, the fault's word, and the
 * state of the generator before it began, in hexadecimal. Ordered by time. */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include "base/rng.h"
#include "sim/options.h"

#include <stdio.h>

#define SCHEDULE_MAX 100000 /* lines of a file */

struct schedule_entry {
    uint64_t at_us;
    enum fault kind;
    struct rng chance;
};

struct schedule {
    FILE *record; /* NULL: nothing is recorded */
    bool replays;
    struct schedule_entry *entry;
    size_t count;
};

/* `replay` and `record` are names of files; NULL: none. Ends the program with a message when a file cannot be opened or
 * is malformed. */
void schedule_init(struct schedule *s, const char *replay, const char *record);
void schedule_fini(struct schedule *s);

/* A fault has begun. Does nothing where nothing is recorded. */
void schedule_record(struct schedule *s, const struct schedule_entry *e);
/* The first entry of that fault at position `from` or later; NULL: there is none. */
const struct schedule_entry *schedule_find(const struct schedule *s, enum fault kind, size_t from);

#endif
