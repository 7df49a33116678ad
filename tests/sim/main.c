/* SPDX-License-Identifier: Apache-2.0 */
/* ephemeral-sim: lives through seeds (docs/testing.md). */
#include "sim/main.h"

#include "sim/campaign.h"
#include "sim/heap.h"
#include "sim/world.h"

#include "commit.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "Usage: ephemeral-sim --seed N [OPTION...]           one life, told on standard output\n"
    "       ephemeral-sim --seeds FIRST-LAST [OPTION...] many, in processes of their own; failures are told\n"
    "\n"
    "What is not given, the seed decides.\n"
    "  --nodes N        nodes of the cluster, 1 to 9\n"
    "  --expected N     nodes that each is told of before it hears of others [all]\n"
    "  --minutes M      of faults, before all is mended and looked at [2]\n"
    "  --faults LIST    none, every, or words with commas, as listed below\n"
    "  --long           the daemon's own times: a node is lost after a minute (--quick: after 9 s)\n"
    "  --partitions P   [8]\n"
    "  --clients N      [8], at most 16\n"
    "  --keys N         [24, with little memory 256], at most 512\n"
    "  --verbose        all that the nodes log, as it happens\n"
    "  --trace FILE     every event\n"
    "  --history FILE   what the clients saw, for history-check\n"
    "  --record FILE    which faults began when: a schedule\n"
    "  --schedule FILE  faults begin as a recorded schedule says, whatever the code does\n"
    "  --jobs N         processes at once, with --seeds [2]\n"
    "  --state FILE     with --seeds: what has been lived through stands there, is not lived through again, and "
    "counts\n"
    "                   in the totals\n"
    "\n"
    "Faults:\n";

static void show_usage(FILE *f)
{
    fputs(usage, f);
#define X(name, word, help) fprintf(f, "  %-10s %s\n", word, help);
    FAULT_TABLE(X)
#undef X
}

static _Noreturn void refuse(const char *what, const char *text)
{
    fprintf(stderr, "ephemeral-sim: %s '%s'; see --help\n", what, text);
    exit(EX_USAGE);
}

static unsigned long number(const char *name, const char *text, unsigned long min, unsigned long max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || end == text || n < min || n > max) {
        fprintf(stderr, "ephemeral-sim: --%s is a whole number from %lu to %lu, not '%s'\n", name, min, max, text);
        exit(EX_USAGE);
    }
    return n;
}

static uint32_t parse_faults(char *list)
{
    static const char *const words[] = {
#define X(name, word, help) word,
        FAULT_TABLE(X)
#undef X
    };
    uint32_t set = 0;
    if (strcmp(list, "none") == 0)
        return 0;
    if (strcmp(list, "every") == 0)
        return (1u << FAULT_COUNT) - 1;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        unsigned i = 0;
        while (i < FAULT_COUNT && strcmp(word, words[i]) != 0)
            i++;
        if (i == FAULT_COUNT)
            refuse("there is no fault", word);
        set |= 1u << i;
    }
    return set;
}

enum {
    OPTION_SEED = 1,
    OPTION_SEEDS,
    OPTION_NODES,
    OPTION_EXPECTED,
    OPTION_MINUTES,
    OPTION_FAULTS,
    OPTION_LONG,
    OPTION_QUICK,
    OPTION_PARTITIONS,
    OPTION_CLIENTS,
    OPTION_KEYS,
    OPTION_VERBOSE,
    OPTION_TRACE,
    OPTION_HISTORY,
    OPTION_SCHEDULE,
    OPTION_RECORD,
    OPTION_JOBS,
    OPTION_STATE,
    OPTION_HELP
};

static const struct option long_options[] = {{"seed", required_argument, NULL, OPTION_SEED},
                                             {"seeds", required_argument, NULL, OPTION_SEEDS},
                                             {"nodes", required_argument, NULL, OPTION_NODES},
                                             {"expected", required_argument, NULL, OPTION_EXPECTED},
                                             {"minutes", required_argument, NULL, OPTION_MINUTES},
                                             {"faults", required_argument, NULL, OPTION_FAULTS},
                                             {"long", no_argument, NULL, OPTION_LONG},
                                             {"quick", no_argument, NULL, OPTION_QUICK},
                                             {"partitions", required_argument, NULL, OPTION_PARTITIONS},
                                             {"clients", required_argument, NULL, OPTION_CLIENTS},
                                             {"keys", required_argument, NULL, OPTION_KEYS},
                                             {"verbose", no_argument, NULL, OPTION_VERBOSE},
                                             {"trace", required_argument, NULL, OPTION_TRACE},
                                             {"history", required_argument, NULL, OPTION_HISTORY},
                                             {"schedule", required_argument, NULL, OPTION_SCHEDULE},
                                             {"record", required_argument, NULL, OPTION_RECORD},
                                             {"jobs", required_argument, NULL, OPTION_JOBS},
                                             {"state", required_argument, NULL, OPTION_STATE},
                                             {"help", no_argument, NULL, OPTION_HELP},
                                             {0}};

static void parse_seeds(const char *text, struct campaign *c)
{
    char *end;
    c->first = strtoull(text, &end, 10);
    c->last = *end == '-' ? strtoull(end + 1, &end, 10) : c->first;
    if (*end || c->last < c->first)
        refuse("--seeds is FIRST-LAST, not", text);
}

static void take(int option, struct sim_options *o, struct campaign *c)
{
    switch (option) {
    case OPTION_SEED:
        c->first = c->last = number("seed", optarg, 0, UINT64_MAX);
        break;
    case OPTION_SEEDS:
        c->many = true;
        parse_seeds(optarg, c);
        break;
    case OPTION_NODES:
        o->nodes = (unsigned)number("nodes", optarg, 1, SIM_NODES_MAX);
        break;
    case OPTION_EXPECTED:
        o->expected = (unsigned)number("expected", optarg, 1, SIM_NODES_MAX);
        break;
    case OPTION_MINUTES:
        o->milliseconds = number("minutes", optarg, 1, 100000) * 60000;
        break;
    case OPTION_FAULTS:
        o->faults = parse_faults(optarg);
        o->faults_given = true;
        break;
    case OPTION_LONG:
    case OPTION_QUICK:
        o->long_times = option == OPTION_LONG;
        o->times_given = true;
        break;
    case OPTION_PARTITIONS:
        o->partitions = (unsigned)number("partitions", optarg, 1, 64);
        break;
    case OPTION_CLIENTS:
        o->clients = (unsigned)number("clients", optarg, 1, SIM_CLIENTS_MAX);
        break;
    case OPTION_KEYS:
        o->keys = (unsigned)number("keys", optarg, 1, SIM_KEYS_MAX);
        break;
    case OPTION_VERBOSE:
        o->verbose = true;
        break;
    case OPTION_TRACE:
        o->trace = optarg;
        break;
    case OPTION_HISTORY:
        o->history = optarg;
        break;
    case OPTION_SCHEDULE:
        o->schedule = optarg;
        break;
    case OPTION_RECORD:
        o->record = optarg;
        break;
    case OPTION_JOBS:
        c->jobs = (unsigned)number("jobs", optarg, 1, 64);
        break;
    case OPTION_STATE:
        c->state = optarg;
        break;
    case OPTION_HELP:
        show_usage(stdout);
        exit(0);
    default:
        exit(EX_USAGE); /* getopt has said why */
    }
}

static int live_once(const struct sim_options *given)
{
    struct sim_options o = *given;
    struct sim_result r;
    char text[512];
    sim_options_complete(&o);
    sim_options_text(&o, text, sizeof text);
    printf("seed %llu: %s\n", (unsigned long long)o.seed, text);
    fflush(stdout);
    bool good = world_live(&o, &r);
    printf("%s: %.1f simulated minutes, %llu operations, %llu answered, %llu faults, %llu losses, trace %016llx\n",
           good ? "good" : "FAILED", (double)r.simulated_ms / 60000, (unsigned long long)r.operations,
           (unsigned long long)r.answered, (unsigned long long)r.began, (unsigned long long)r.losses,
           (unsigned long long)r.trace);
    if (!good)
        printf("seed %llu, commit %s\n", (unsigned long long)o.seed, SIM_COMMIT);
    return good ? 0 : 1;
}

int sim_main(int argc, char **argv)
{
    struct sim_options o = {.milliseconds = 120000, .partitions = 8, .clients = 8};
    struct campaign c = {.jobs = 2, .first = 1, .last = 1};
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        take(option, &o, &c);
    if (optind < argc)
        refuse("what is this:", argv[optind]);
    if (c.many && (o.schedule || o.record))
        refuse("with --seeds, one file cannot serve many lives:", o.schedule ? "--schedule" : "--record");
    heap_watch_libraries();
    if (c.many)
        return campaign_run(&c, &o, live_once);
    o.seed = c.first;
    return live_once(&o);
}
