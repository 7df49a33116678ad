/* SPDX-License-Identifier: Apache-2.0 */
/* What one life of a simulated world depends on, and what came of it. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NODES_MAX   9
#define SIM_CLIENTS_MAX 16

/* X(NAME, word, help) */
#define FAULT_TABLE(X)                                                                                                 \
    X(DELAY, "delay", "segments are late, each by another time, for a while")                                          \
    X(LOSS, "loss", "segments are lost and sent again, as TCP does")                                                   \
    X(RESET, "reset", "connections end, and what was under way still arrives, behind what the next one brings")        \
    X(CUT, "cut", "the network falls into two parts")                                                                  \
    X(ONE_WAY, "one-way", "a node is heard and hears nothing, or the other way round")                                 \
    X(PAUSE, "pause", "nodes stand still, past their lease too, and go on")                                            \
    X(SLOW, "slow", "a node takes milliseconds for each turn of its loop")                                             \
    X(CLOCK, "clock", "boot clocks run fast or slow by a fiftieth, and wall clocks jump, with `all` only one")         \
    X(KILL, "kill", "a process ends and another starts, one at a time, when all replicas are there")                   \
    X(POWER, "power", "the same, but the machine vanishes without a word on its connections")                          \
    X(MAJORITY, "majority",                                                                                            \
      "up to all but one node are killed, cut off or stand still, at once or in a row, for long")                      \
    X(ALL, "all", "all nodes are killed")                                                                              \
    X(LEAVE, "leave", "a node leaves in good order, and another comes")                                                \
    X(ORDERED, "ordered", "nodes start one by one, each when the one before says that it is ready")                    \
    X(DISCOVERY, "discovery", "discovery answers late, names too few, too many, or what was there before")             \
    X(MEMORY, "memory", "nodes have little memory, and clients write large values")                                    \
    X(ALLOC, "alloc", "the heap fails now and then in a node")                                                         \
    X(WORD, "word",                                                                                                    \
      "most nodes are killed, and an operator says how many are left, who serve until others come; only when asked "   \
      "for, and not with cut, one-way, pause or majority: an operator would be wrong there")                           \
    X(API, "api",                                                                                                      \
      "an orchestrator's API lists the nodes: old by up to a lease, once in a while by much more, late, in parts, of " \
      "another cluster, or not at all; this and what follows only when asked for, and not with majority, all, leave, " \
      "ordered, discovery or word")                                                                                    \
    X(REPLACED, "replaced",                                                                                            \
      "the orchestrator deletes nodes and starts others elsewhere, while those run on: for seconds, or beyond a cut "  \
      "that ends before a silent node is lost")                                                                        \
    X(FENCE, "fence", "fence-after-ms is set, and those beyond the cut are replaced after that; the cut lasts")        \
    X(LIE, "lie", "the API does not list one or two that run")                                                         \
    X(DRAIN, "drain",                                                                                                  \
      "fresh nodes start, as many as --nodes is more than --expected, and as many others are told to leave at once "   \
      "and killed 2 or 5 s later; only when asked for, and not with cut, one-way, pause or majority: more processes "  \
      "run than nodes know of")

enum fault {
#define X(name, word, help) FAULT_##name,
    FAULT_TABLE(X)
#undef X
        FAULT_COUNT
};

struct sim_options {
    uint64_t seed;
    unsigned nodes;        /* 1 to SIM_NODES_MAX */
    unsigned expected;     /* that nodes are told before they hear of others; 0: all */
    unsigned clients;      /* at most SIM_CLIENTS_MAX */
    unsigned keys;         /* at most SIM_KEYS_MAX; 0: by the faults */
    unsigned partitions;   /* P */
    uint64_t milliseconds; /* of faults */
    uint32_t faults;       /* bits of enum fault */
    bool long_times;       /* the daemon's defaults; else a node is lost after seconds */
    bool faults_given, times_given;
    bool verbose;         /* shows all that is logged, as it happens */
    const char *trace;    /* a file for every event; NULL: none */
    const char *schedule; /* a file of faults that begin instead of those by chance (sim/schedule.h); NULL: none */
    const char *record;   /* a file for such a schedule; NULL: none */
    const char *history;  /* a file for what the clients saw; NULL: none */
};

struct sim_result {
    uint64_t simulated_ms;
    uint64_t trace; /* a hash of every event */
    uint64_t operations, answered;
    uint64_t began;  /* times that a fault began */
    uint64_t losses; /* times that a partition lost what it held, because all who held it were gone */
};

/* What is not given, the seed decides. */
void sim_options_complete(struct sim_options *o);
/* As they are given on the command line. */
void sim_options_text(const struct sim_options *o, char *out, size_t size);

#endif
