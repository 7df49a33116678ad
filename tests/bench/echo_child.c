/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/echo_child.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void pin(uint32_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        bench_die("cannot pin the echo server to core %u: %s", cpu, strerror(errno));
}

static _Noreturn void become_server(const struct bench_options *o, int out)
{
    char *argv[] = {(char *)"ephemeral-bench", (char *)"echo-server", (char *)"--port", (char *)"0", NULL, NULL};
    if (!o->release)
        argv[4] = (char *)"--no-release-buffers";
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (o->server_cpu)
        pin(o->server_cpu - 1);
    setenv("EPHEMERAL_CERTS", o->certs, 1);
    dup2(out, STDOUT_FILENO);
    execv("/proc/self/exe", argv);
    bench_die("cannot start the echo server: %s", strerror(errno));
}

void echo_child_start(const struct bench_options *o, struct echo_child *out)
{
    int ends[2];
    unsigned port;
    if (!o->certs)
        bench_die("--echo needs --certs with rootCA.key: the echo server mints its certificates as a node does");
    if (pipe(ends) < 0)
        bench_die("pipe: %s", strerror(errno));
    out->pid = fork();
    if (out->pid < 0)
        bench_die("fork: %s", strerror(errno));
    if (out->pid == 0)
        become_server(o, ends[1]);
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    if (!f || fscanf(f, "port %u", &port) != 1)
        bench_die("the echo server did not start");
    fclose(f);
    out->port = (uint16_t)port;
}

void echo_child_stop(struct echo_child *c)
{
    kill(c->pid, SIGTERM);
    waitpid(c->pid, NULL, 0);
}
