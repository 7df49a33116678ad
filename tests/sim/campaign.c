/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/campaign.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
#define TOLD_MAX (64 * 1024) /* of what a failed seed has said */

struct job {
    pid_t pid; /* 0: none */
    uint64_t seed;
    FILE *output;
};

struct totals {
    uint64_t seeds, failed, answered;
    double minutes;
};

/* --- the file of those that are done: "SEED good|FAILED MINUTES ANSWERED" --- */

static bool *read_state(const struct campaign *c, struct totals *t)
{
    bool *done = calloc(c->last - c->first + 1, sizeof *done);
    FILE *f = c->state ? fopen(c->state, "r") : NULL;
    unsigned long long seed, answered;
    char verdict[16];
    double minutes;
    ASSERT(done);
    while (f && fscanf(f, "%llu %15s %lf %llu", &seed, verdict, &minutes, &answered) == 4) {
        t->seeds++;
        t->failed += strcmp(verdict, "good") != 0;
        t->minutes += minutes;
        t->answered += answered;
        if (seed >= c->first && seed <= c->last)
            done[seed - c->first] = true;
    }
    if (f)
        fclose(f);
    return done;
}

static void write_state(const struct campaign *c, uint64_t seed, bool good, double minutes, unsigned long long answered)
{
    FILE *f = c->state ? fopen(c->state, "a") : NULL;
    if (!f)
        return;
    fprintf(f, "%llu %s %.1f %llu\n", (unsigned long long)seed, good ? "good" : "FAILED", minutes, answered);
    fclose(f);
}

/* --- processes --- */

static void start(struct job *j, const struct sim_options *options, uint64_t seed,
                  int (*live)(const struct sim_options *))
{
    j->seed = seed;
    j->output = tmpfile();
    ASSERT(j->output);
    fflush(stdout);
    j->pid = fork();
    ASSERT(j->pid >= 0);
    if (j->pid)
        return;
    struct sim_options o = *options;
    o.seed = seed;
    dup2(fileno(j->output), STDOUT_FILENO);
    dup2(fileno(j->output), STDERR_FILENO);
    exit(live(&o));
}

static void tell_end(FILE *output)
{
    static char text[TOLD_MAX + 1];
    long size = ftell(output);
    fseek(output, size > TOLD_MAX ? size - TOLD_MAX : 0, SEEK_SET);
    size_t n = fread(text, 1, TOLD_MAX, output);
    fwrite(text, 1, n, stdout);
    fflush(stdout);
}

static void end(const struct campaign *c, struct job *j, int status, struct totals *t)
{
    char line[1024];
    double minutes = 0;
    unsigned long long answered = 0;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    rewind(j->output);
    while (fgets(line, sizeof line, j->output))
        sscanf(line, "%*[a-zA-Z]: %lf simulated minutes, %*u operations, %llu answered", &minutes, &answered);
    fseek(j->output, 0, SEEK_END);
    if (!good) {
        printf("--- seed %llu failed", (unsigned long long)j->seed);
        printf(WIFSIGNALED(status) ? ": signal %d\n" : ": status %d\n",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        tell_end(j->output);
    }
    fclose(j->output);
    t->seeds++;
    t->failed += !good;
    t->minutes += minutes;
    t->answered += answered;
    write_state(c, j->seed, good, minutes, answered);
    j->pid = 0;
}

static void await_one(const struct campaign *c, struct job *jobs, struct totals *t)
{
    int status;
    pid_t pid = wait(&status);
    ASSERT(pid > 0);
    for (unsigned i = 0; i < c->jobs; i++)
        if (jobs[i].pid == pid)
            end(c, &jobs[i], status, t);
}

static struct job *find_free(struct job *jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!jobs[i].pid)
            return &jobs[i];
    return NULL;
}

int campaign_run(const struct campaign *c, const struct sim_options *options,
                 int (*live)(const struct sim_options *options))
{
    static struct job jobs[JOBS_MAX];
    struct totals t = {0};
    bool *done = read_state(c, &t);
    unsigned running = 0;
    for (uint64_t seed = c->first; seed <= c->last; seed++) {
        if (done[seed - c->first])
            continue;
        struct job *j = find_free(jobs, c->jobs);
        if (!j) {
            await_one(c, jobs, &t);
            running--;
            j = find_free(jobs, c->jobs);
        }
        start(j, options, seed, live);
        running++;
    }
    for (; running; running--)
        await_one(c, jobs, &t);
    free(done);
    printf("%llu seeds, %.1f simulated cluster-hours, %llu requests answered: %llu failed\n",
           (unsigned long long)t.seeds, t.minutes / 60, (unsigned long long)t.answered, (unsigned long long)t.failed);
    return t.failed ? 1 : 0;
}
