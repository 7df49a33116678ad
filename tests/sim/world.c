/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include "sim/heap.h"

#include "base/assert.h"
#include "history/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US  (300 * SECOND_US) /* until a first cluster is whole */
#define FINAL_US  (300 * SECOND_US) /* from the end of all faults until all is well */
#define SETTLE_US (40 * SECOND_US)  /* for what is still applied or copied: at most 16 s between tries */
#define SURVEY_US (60 * SECOND_US)

void world_fail(struct world *w, const char *format, ...)
{
    va_list args;
    if (w->failed)
        return;
    w->failed = true;
    va_start(args, format);
    vsnprintf(w->failure, sizeof w->failure, format, args);
    va_end(args);
    trace_line(&w->trace, LOG_ERROR, "sim", "FAILED: %s", w->failure);
}

void world_timer(struct world *w, struct timer *t, uint64_t delay_us)
{
    timer_start(&w->timers, t, delay_us);
}

static uint64_t now_us(void *arg)
{
    return ((struct world *)arg)->now_us;
}

/* To the next thing that happens, or to `end`. */
static void step(struct world *w, uint64_t end)
{
    uint64_t next = timers_next_ms(&w->timers);
    if (next > end) {
        w->now_us = end;
        return;
    }
    if (next > w->now_us)
        w->now_us = next;
    timers_run(&w->timers);
}

void world_run(struct world *w, uint64_t us)
{
    for (uint64_t end = w->now_us + us; w->now_us < end && !w->failed;)
        step(w, end);
}

bool world_until(struct world *w, world_f f, uint64_t us)
{
    for (uint64_t end = w->now_us + us; w->now_us < end && !w->failed; world_run(w, SECOND_US / 5))
        if (f(w))
            return true;
    return false;
}

static bool clients_are_done(struct world *w)
{
    for (unsigned i = 0; i < w->clients; i++)
        if (!client_is_done(&w->client[i]))
            return false;
    return true;
}

/* --- a life --- */

static struct world *world_create(const struct sim_options *options)
{
    struct world *w = calloc(1, sizeof *w);
    ASSERT(w);
    w->options = *options;
    w->now_us = 1;
    w->places = options->nodes;
    w->nodes = options->nodes + orchestrator_spares(options);
    w->clients = options->clients;
    rng_seed(&w->chance, options->seed);
    timers_init(&w->timers, now_us, NULL, w);
    trace_init(&w->trace, &w->now_us);
    w->trace.verbose = options->verbose;
    if (options->trace)
        w->trace.file = fopen(options->trace, "w");
    history_init(&w->history);
    network_init(&w->network, w, rng_next(&w->chance));
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        node_init(&w->node[i], w, i);
    for (unsigned i = 0; i < w->clients; i++)
        client_init(&w->client[i], w, i);
    for (unsigned i = 0; i < w->places; i++)
        w->node[i].pod.listed = true;
    faults_init(&w->faults, w);
    witness_init(&w->witness, w);
    return w;
}

/* Nothing of the nodes may be left. */
static void end_nodes(struct world *w)
{
    for (unsigned i = 0; i < w->clients; i++)
        client_fini(&w->client[i]);
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        node_fini(&w->node[i]);
    network_fini(&w->network);
    faults_fini(w);
}

static void world_destroy(struct world *w)
{
    trace_fini(&w->trace);
    history_fini(&w->history);
    timers_fini(&w->timers);
    free(w);
}

static void form(struct world *w)
{
    faults_start_all(w);
    witness_begin(&w->witness);
    for (unsigned i = 0; i < w->clients; i++)
        client_begin(&w->client[i]);
    if (faults_include(&w->options, FAULT_DISCOVERY) || faults_include(&w->options, FAULT_ORDERED) ||
        world_until(w, witness_is_whole, START_US))
        return;
    witness_explain(w);
    world_fail(w, "%u nodes that were started have not formed a cluster within %llu s", w->places,
               (unsigned long long)(START_US / SECOND_US));
}

/* Who was still leaving when the faults ended comes back. */
static bool is_mended(struct world *w)
{
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].pod.listed)
            node_start(&w->node[i]);
    return witness_is_whole(w);
}

static void mend(struct world *w)
{
    faults_end(w);
    if (world_until(w, is_mended, FINAL_US))
        return;
    witness_explain(w);
    world_fail(w, "%llu s after the last fault the cluster is not whole", (unsigned long long)(FINAL_US / SECOND_US));
}

/* Each node says the same of each key; then all replicas are the same. */
static void survey(struct world *w)
{
    for (unsigned i = 0; i < w->clients; i++)
        client_quiet(&w->client[i]);
    world_until(w, clients_are_done, SURVEY_US);
    for (unsigned i = 0, k = 0; i < w->nodes && k < w->clients; i++)
        if (w->node[i].pod.listed)
            client_survey(&w->client[k++], i);
    if (!world_until(w, clients_are_done, SURVEY_US))
        world_fail(w, "not every key could be read through every node in %llu s, when nothing was wrong any more",
                   (unsigned long long)(SURVEY_US / SECOND_US));
    if (!world_until(w, witness_replicas_are_equal, SETTLE_US) && !w->failed)
        witness_compare_replicas(w);
}

static void write_history(const struct world *w)
{
    FILE *f = fopen(w->options.history, "w");
    if (!f)
        return;
    history_write(&w->history, f);
    fclose(f);
}

static void judge(struct world *w)
{
    static struct check_report report;
    witness_stop(&w->witness);
    if (w->options.history)
        write_history(w);
    if (history_check(&w->history, &report) == CHECK_RIGHT)
        return;
    world_fail(w, "what the clients were told is not right%s",
               report.verdict == CHECK_WRONG ? "" : ", or not known to be");
    fprintf(stderr, "%s", report.story);
}

/* For a crash: the one that lives now. */
static const struct world *living;

static void on_crash(int signum)
{
    signal(signum, SIG_DFL);
    if (living) {
        trace_story(&living->trace, stderr);
        fprintf(stderr, "crashed at %.6f s\n", (double)living->now_us / SECOND_US);
    }
    raise(signum);
}

static void tell_crashes(const struct world *w)
{
    living = w;
    signal(SIGABRT, w ? on_crash : SIG_DFL);
    signal(SIGSEGV, w ? on_crash : SIG_DFL);
}

bool world_live(const struct sim_options *options, struct sim_result *result)
{
    size_t blocks = heap_blocks();
    struct world *w = world_create(options);
    tell_crashes(w);
    form(w);
    faults_begin(w);
    world_run(w, options->milliseconds * 1000);
    if (!w->failed)
        mend(w);
    if (!w->failed)
        survey(w);
    judge(w);
    uint64_t losses = w->witness.losses;
    if (w->failed) {
        trace_story(&w->trace, stderr);
        fprintf(stderr, "%s\n", w->failure);
    }
    end_nodes(w);
    tell_crashes(NULL);
    *result = (struct sim_result){.simulated_ms = w->now_us / 1000,
                                  .trace = w->trace.hash,
                                  .operations = w->history.count,
                                  .answered = w->witness.answered,
                                  .began = w->faults.began,
                                  .losses = losses};
    bool good = !w->failed;
    world_destroy(w);
    if (good && heap_blocks() != blocks) {
        fprintf(stderr, "%zu blocks of memory are left when all has ended\n", heap_blocks() - blocks);
        good = false;
    }
    return good;
}
