/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

_Noreturn void load_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cluster-load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EX_SOFTWARE);
}

void *load_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p)
        load_die("out of memory");
    return p;
}

void load_pause(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static _Noreturn void usage(void)
{
    fputs("Usage: cluster-load run|races|fill|check --certs DIR --hosts A,B,... [options]\n"
          "  run     writes and reads keys through all hosts, until SIGTERM; then reads them all once more\n"
          "  races   keys that all workers try to create at once, likewise\n"
          "  fill    writes --keys keys, through one host after the other\n"
          "  check   reads what fill has written through each host; --may-lose: counts what is gone\n"
          "  --keys N [192]  --workers N for each host [2]  --pace-ms N [5]  --timeout-ms N [10000]\n"
          "  --seconds N [until SIGTERM]  --patience-s N at the end [60]  --gap-max-ms N [any]  --may-lose\n"
          "  --size N bytes of each value that fill writes [as many as its number has digits]\n",
          stderr);
    exit(EX_USAGE);
}

static unsigned number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (*text == '\0' || *end || errno || n > 10000000)
        usage();
    return (unsigned)n;
}

static void take_hosts(struct load_options *o, char *list)
{
    o->hosts = 0;
    for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
        if (o->hosts == LOAD_HOSTS_MAX)
            load_die("at most %u hosts", LOAD_HOSTS_MAX);
        o->host[o->hosts++] = one;
    }
}

static const struct option names[] = {
    {"certs", required_argument, NULL, 'c'},      {"hosts", required_argument, NULL, 'h'},
    {"keys", required_argument, NULL, 'k'},       {"workers", required_argument, NULL, 'w'},
    {"pace-ms", required_argument, NULL, 'p'},    {"timeout-ms", required_argument, NULL, 't'},
    {"seconds", required_argument, NULL, 's'},    {"patience-s", required_argument, NULL, 'e'},
    {"gap-max-ms", required_argument, NULL, 'g'}, {"may-lose", no_argument, NULL, 'l'},
    {"size", required_argument, NULL, 'z'},       {NULL, 0, NULL, 0}};

static void take_option(struct load_options *o, int name)
{
    switch (name) {
    case 'c':
        o->certs = optarg;
        break;
    case 'h':
        take_hosts(o, optarg);
        break;
    case 'k':
        o->keys = number(optarg);
        break;
    case 'w':
        o->workers_per_host = number(optarg);
        break;
    case 'p':
        o->pace_ms = number(optarg);
        break;
    case 't':
        o->timeout_ms = number(optarg);
        break;
    case 's':
        o->seconds = number(optarg);
        break;
    case 'e':
        o->patience_s = number(optarg);
        break;
    case 'g':
        o->gap_max_ms = number(optarg);
        break;
    case 'z':
        o->size = number(optarg);
        break;
    case 'l':
        o->may_lose = true;
        break;
    default:
        usage();
    }
}

static void read_options(struct load_options *o, int argc, char **argv)
{
    int name;
    *o = (struct load_options){
        .workers_per_host = 2, .keys = 192, .pace_ms = 5, .timeout_ms = CLIENT_TIMEOUT_DEFAULT_MS, .patience_s = 60};
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
        take_option(o, name);
    if (optind != argc || !o->certs || !o->hosts || !o->keys || !o->workers_per_host)
        usage();
    if (o->hosts * o->workers_per_host > LOAD_WORKERS_MAX || o->hosts * o->workers_per_host > o->keys)
        load_die("at most %u workers, and not more than keys", LOAD_WORKERS_MAX);
}

/* --- run, races --- */

static void *wait_for_signal(void *arg)
{
    struct load *l = arg;
    sigset_t set;
    struct timespec limit = {.tv_sec = l->options.seconds};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (l->options.seconds)
        sigtimedwait(&set, NULL, &limit);
    else
        sigwaitinfo(&set, NULL);
    atomic_store(&l->stop, true);
    return NULL;
}

/* Tells whoever started it that all workers are at work. */
static void *announce(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->stop) && atomic_load(&l->running) < l->options.hosts * l->options.workers_per_host)
        load_pause(10);
    printf("running\n");
    fflush(stdout);
    return NULL;
}

static int run(struct load *l)
{
    pthread_t waiter, announcer;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&waiter, NULL, wait_for_signal, l) || pthread_create(&announcer, NULL, announce, l))
        load_die("no thread");
    load_run_workers(l);
    pthread_join(waiter, NULL);
    pthread_join(announcer, NULL);
    if (l->options.races)
        load_races_verify(l);
    else
        load_keys_verify(l);
    return load_report(l);
}

/* --- fill, check --- */

static void name_filled(unsigned i, char out[LOAD_KEY_MAX])
{
    snprintf(out, LOAD_KEY_MAX, "filled-%u", i);
}

static struct client *must_connect(struct load *l, struct client_identity *id, unsigned host)
{
    struct client *c;
    char why[TLS_WHY_MAX] = "";
    struct client_options options = {
        .identity = id, .host = l->options.host[host], .timeout_ms = l->options.timeout_ms};
    if (client_connect(&options, &c, why, sizeof why))
        load_die("%s: %s", l->options.host[host], why);
    return c;
}

static void fill_some(struct load *l, struct client *c, unsigned host)
{
    for (unsigned i = host; i < l->options.keys; i += l->options.hosts) {
        char name[LOAD_KEY_MAX];
        name_filled(i, name);
        if (load_put_number(l, c, name, i + 1, false))
            load_die("%s: key %s was not written: %s", l->options.host[host], name, client_error(c));
    }
}

static unsigned check_all(struct load *l, struct client *c, unsigned host)
{
    unsigned found = 0;
    for (unsigned i = 0; i < l->options.keys; i++) {
        char name[LOAD_KEY_MAX];
        uint32_t got;
        name_filled(i, name);
        if (load_get_number(l, c, name, &got))
            load_die("%s: key %s cannot be read: %s", l->options.host[host], name, client_error(c));
        if (got != 0 && got != i + 1)
            load_die("%s: key %s holds %u, not %u", l->options.host[host], name, got, i + 1);
        found += got != 0;
    }
    return found;
}

static int fill_or_check(struct load *l, bool fill)
{
    struct client_identity *id = load_identity(&l->options);
    int status = 0;
    for (unsigned host = 0; host < l->options.hosts; host++) {
        struct client *c = must_connect(l, id, host);
        if (fill) {
            fill_some(l, c, host);
        } else {
            unsigned found = check_all(l, c, host);
            printf("%s: found %u of %u\n", l->options.host[host], found, l->options.keys);
            if (found < l->options.keys && !l->options.may_lose)
                status = 1;
        }
        client_close(&c);
    }
    client_identity_destroy(&id);
    return status;
}

int main(int argc, char **argv)
{
    static struct load l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const char *word = argc > 1 ? argv[1] : "";
    if (argc > 1)
        read_options(&l.options, argc - 1, argv + 1);
    l.begin_ms = client_now_ms();
    snprintf(l.options.bucket, sizeof l.options.bucket, "filled");
    if (strcmp(word, "fill") == 0 || strcmp(word, "check") == 0)
        return fill_or_check(&l, *word == 'f');
    snprintf(l.options.bucket, sizeof l.options.bucket, "load-%llu-%d", (unsigned long long)l.begin_ms, getpid());
    l.options.races = strcmp(word, "races") == 0;
    if (!l.options.races && strcmp(word, "run") != 0)
        usage();
    if (l.options.races) {
        l.options.keys = 0;
        load_races_init(&l);
    } else {
        load_keys_init(&l);
    }
    return run(&l);
}
