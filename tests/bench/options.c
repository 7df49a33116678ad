/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum kind { TEXT, U16, U32, U64, SECONDS, FLAG, UNFLAG, RATIO, SIZE, CPU, JSON };

struct entry {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *argument, *help;
};

#define FIELD(f) offsetof(struct bench_options, f)

static const struct entry table[] = {
    {"host", TEXT, FIELD(hosts), "ADDRESS,..", "of the servers: connections go round [127.0.0.1]"},
    {"port", U16, FIELD(port), "PORT", "of the server [8087]; for echo-server, 0: any"},
    {"certs", TEXT, FIELD(certs), "DIR",
     "rootCA.crt, myuser.crt, myuser.key (and rootCA.key for echo) [EPHEMERAL_CERTS]"},
    {"ca", TEXT, FIELD(ca), "FILE", "in place of the one in --certs; so too:"},
    {"cert", TEXT, FIELD(cert), "FILE", ""},
    {"key", TEXT, FIELD(key), "FILE", ""},
    {"user", TEXT, FIELD(user), "NAME", "[the certificate's common name]"},
    {"tls", TEXT, FIELD(tls), "VERSION", "1.2 or 1.3 [1.3]"},
    {"suites", TEXT, FIELD(suites), "LIST", "for TLS 1.2, as OpenSSL names them"},
    {"starttls", FLAG, FIELD(starttls), NULL, "RpbStartTls first [TLS from the first byte]"},
    {"echo", FLAG, FIELD(echo), NULL, "start and drive a bare TLS echo server: 120 bytes each way"},
    {"no-release-buffers", UNFLAG, FIELD(release), NULL, "the echo server keeps record buffers while idle"},
    {"server-cpu", CPU, FIELD(server_cpu), "N", "core on which the echo server is pinned"},
    {"pid", TEXT, FIELD(pids), "PID,..", "of the servers: their CPU time and memory are reported"},
    {"connections", U32, FIELD(connections), "N", "[50]"},
    {"pipeline", U32, FIELD(pipeline), "N", "requests in flight on each connection [1]"},
    {"ratio", RATIO, 0, "GETS:PUTS", "the mix [1:0]"},
    {"r", U32, FIELD(r), "N", "of gets: 1 is answered by any replica [the bucket's: a quorum]"},
    {"rate", U32, FIELD(rate), "N", "operations a second, over all connections [as many as are answered]"},
    {"keys", U32, FIELD(keys), "N", "[10000; load and expire 1000000, index 200000]"},
    {"key-size", SIZE, FIELD(key_size), "BYTES", "[16]"},
    {"value-size", SIZE, FIELD(value_size), "BYTES", "[100]"},
    {"bucket", TEXT, FIELD(bucket), "NAME", "[bench]"},
    {"ttl-bucket", U32, FIELD(ttl_s), "SECONDS", "set as the bucket's property first"},
    {"seconds", SECONDS, FIELD(seconds), "S", "to measure [5]"},
    {"requests", U64, FIELD(requests), "N", "to measure, in place of --seconds"},
    {"warmup", SECONDS, FIELD(warmup_s), "S", "before that [1]"},
    {"until", TEXT, FIELD(until), "FILE", "run: measuring ends when it is there"},
    {"victim", U32, FIELD(victim), "PID", "outage: ends this process with SIGKILL first"},
    {"settle", SECONDS, FIELD(settle_s), "S", "of quiet before memory is read [2]"},
    {"resume", FLAG, FIELD(resume), NULL, "handshakes: each resumes the session of the one before"},
    {"elsewhere", FLAG, FIELD(elsewhere), NULL, "handshakes: each with the next --host, not with the same"},
    {"seed", U64, FIELD(seed), "N", "of the choice of keys [1]"},
    {"output", JSON, 0, "FORMAT", "text or json [text]"},
    {"help", FLAG, 0, NULL, "this help"},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])
#define HELP        ((int)TABLE_COUNT - 1)

static void help(void)
{
    puts("Usage: ephemeral-bench [MODE] [OPTION...]\n\nModes:\n"
         "  run          gets and puts, as many as the server can answer [default]\n"
         "  load         stores --keys keys and reports the server's memory for each\n"
         "  handshakes   connects, authenticates and closes, --connections at a time\n"
         "  idle         opens --connections connections and reports the server's memory for each\n"
         "  expire       --keys keys expire within one second while other keys are read\n"
         "  index        stores --keys objects with an index entry each, then queries ranges that have 10 of them\n"
         "  ready        waits until each --host is ready; reports the time since the youngest --pid was started\n"
         "  outage       ends --victim: how long until --keys writes, sent at once, have all succeeded\n"
         "  echo-server  the bare TLS echo server alone; prints its port\n\nOptions:");
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        int n = printf("  --%s %s", table[i].name, table[i].argument ? table[i].argument : "");
        printf("%*s%s\n", n < 26 ? 26 - n : 1, "", table[i].help);
    }
}

static _Noreturn void usage(const struct entry *e, const char *arg)
{
    fprintf(stderr, "ephemeral-bench: --%s does not take '%s'; see --help\n", e->name, arg);
    exit(EX_USAGE);
}

static uint64_t number(const struct entry *e, const char *arg, uint64_t max)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(arg, &end, 10);
    if (*arg < '0' || *arg > '9' || *end || errno || n > max)
        usage(e, arg);
    return n;
}

static double seconds(const struct entry *e, const char *arg)
{
    char *end;
    double s = strtod(arg, &end);
    if (end == arg || *end || !(s >= 0 && s <= 86400))
        usage(e, arg);
    return s;
}

static void set_ratio(struct bench_options *o, const struct entry *e, const char *arg)
{
    int used = 0;
    if (sscanf(arg, "%u:%u%n", &o->gets, &o->puts, &used) != 2 || arg[used] || o->gets > 1000 || o->puts > 1000 ||
        o->gets + o->puts == 0)
        usage(e, arg);
}

static void set(struct bench_options *o, const struct entry *e, const char *arg)
{
    void *field = (char *)o + e->offset;
    switch (e->kind) {
    case TEXT:
        *(const char **)field = arg;
        break;
    case U16:
        *(uint16_t *)field = (uint16_t)number(e, arg, UINT16_MAX);
        break;
    case U32:
        *(uint32_t *)field = (uint32_t)number(e, arg, UINT32_MAX);
        break;
    case SIZE:
        *(uint32_t *)field = (uint32_t)number(e, arg, 50u * 1024 * 1024);
        break;
    case U64:
        *(uint64_t *)field = number(e, arg, UINT64_MAX);
        break;
    case CPU:
        *(uint32_t *)field = (uint32_t)number(e, arg, 1023) + 1;
        break;
    case SECONDS:
        *(double *)field = seconds(e, arg);
        break;
    case FLAG:
    case UNFLAG:
        *(bool *)field = e->kind == FLAG;
        break;
    case RATIO:
        set_ratio(o, e, arg);
        break;
    case JSON:
        o->json = strcmp(arg, "json") == 0;
        if (!o->json && strcmp(arg, "text") != 0)
            usage(e, arg);
        break;
    }
}

static void set_defaults(struct bench_options *o)
{
    *o = (struct bench_options){
        .hosts = "127.0.0.1",
        .port = 8087,
        .certs = getenv("EPHEMERAL_CERTS"),
        .tls = "1.3",
        .release = true,
        .connections = 50,
        .pipeline = 1,
        .gets = 1,
        .key_size = 16,
        .value_size = 100,
        .bucket = "bench",
        .seconds = 5,
        .warmup_s = 1,
        .settle_s = 2,
        .seed = 1,
    };
}

static void check(const struct bench_options *o)
{
    if (o->connections == 0 || o->connections > 100000)
        bench_die("--connections must be between 1 and 100000");
    if (o->pipeline == 0 || o->pipeline > 4096)
        bench_die("--pipeline must be between 1 and 4096");
    if (o->key_size < 8 || o->key_size > 1024)
        bench_die("--key-size must be between 8 and 1024: a key is a number with leading zeros");
    if (strcmp(o->tls, "1.2") != 0 && strcmp(o->tls, "1.3") != 0)
        bench_die("--tls is 1.2 or 1.3");
}

void bench_options_parse(int argc, char **argv, struct bench_options *o, const char **mode)
{
    struct option longs[TABLE_COUNT + 1] = {0};
    int i;
    set_defaults(o);
    for (size_t k = 0; k < TABLE_COUNT; k++)
        longs[k] = (struct option){table[k].name, table[k].argument != NULL, NULL, (int)k};
    while ((i = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
        if (i == '?')
            exit(EX_USAGE);
        if (i == 'h' || i == HELP) {
            help();
            exit(0);
        }
        set(o, &table[i == 'o' ? HELP - 1 : i], optarg);
    }
    *mode = optind < argc ? argv[optind] : "run";
    check(o);
}
