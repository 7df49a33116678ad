/* SPDX-License-Identifier: Apache-2.0 */
/* A load on all nodes of a cluster at once that knows what it may expect: it remembers what was acknowledged, and says
 * what is not there any more. For the fault tests: they break something while it runs.
 *
 * Keys are written by one worker each, with rising numbers, and read by all, through all nodes: a read that begins
 * after a number was acknowledged or read finds that number or a later one. A write of which nobody knows whether it
 * happened leaves its key alone from then on, so that at most one number of a key is in doubt. Races are keys that all
 * workers try to create at once: at most one is told that it has, and nobody whose value is there is told that somebody
 * else was first. */
#ifndef CLUSTER_LOAD_H
#define CLUSTER_LOAD_H

#include "client/client.h"
#include "client/socket.h"

#include <pthread.h>
#include <stdatomic.h>

#define LOAD_HOSTS_MAX   16
#define LOAD_WORKERS_MAX 64 /* one bit each in a race */
#define LOAD_KEY_MAX     32 /* bytes, with its NUL */
#define LOAD_TEXT_MAX    96

struct load_options {
    const char *certs;
    const char *host[LOAD_HOSTS_MAX];
    unsigned hosts, workers_per_host;
    unsigned keys;       /* written again and again; of fill and check: how many */
    unsigned pace_ms;    /* between two requests of a worker */
    unsigned timeout_ms; /* of a request */
    unsigned seconds;    /* 0: until SIGTERM */
    unsigned patience_s; /* for the last reading of everything */
    unsigned size;       /* of fill and check: bytes of a value at least; the number comes first */
    unsigned gap_max_ms; /* longest time without success, over which it has failed; 0: any */
    bool races, may_lose;
    char bucket[LOAD_KEY_MAX]; /* of fill and check always the same, else of this run alone */
};

/* --- what went wrong, by node and kind --- */

struct load_errors {
    struct {
        unsigned host;
        char text[LOAD_TEXT_MAX];
        unsigned long count;
    } kind[128];
    unsigned kinds;
    unsigned long more; /* of further kinds */
};

/* --- keys, each with one writer --- */

struct load_key {
    char name[LOAD_KEY_MAX];
    unsigned generation; /* how many of this slot's keys have been given up */
    uint32_t floor;      /* acknowledged or read: no later read finds less */
    uint32_t tried;      /* the highest number that was sent */
    uint64_t success_ms; /* last */
    uint64_t gap_ms;     /* the longest time without one */
};

struct load_doubt {
    char name[LOAD_KEY_MAX];
    uint32_t floor, tried;
};

/* --- races --- */

struct load_race {
    uint64_t told_exists; /* a bit for each worker */
    unsigned tried;
    int winner; /* a worker that was told so, or -1 */
};

struct load {
    struct load_options options;
    pthread_mutex_t lock; /* of all below */
    struct load_errors errors;
    struct load_key *key;
    struct load_doubt *doubt;
    size_t doubts;
    struct load_race *race;
    unsigned races_max;
    unsigned long written, created, read, refused, unsure, violations, lost;
    uint64_t begin_ms;
    atomic_bool stop;
    atomic_uint running; /* workers that have had a first answer */
};

struct load_worker {
    struct load *load;
    unsigned number, host;
    struct client_identity *identity;
    struct client *client;
    uint64_t chance;
    unsigned next_key, next_race;
    bool answered;
    pthread_t thread;
};

_Noreturn void load_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *load_alloc(size_t count, size_t size);
void load_pause(unsigned ms);

/* load_connect.c. False: not connected, and why was counted. */
struct client_identity *load_identity(const struct load_options *o);
bool load_connect(struct load *l, struct client_identity *id, unsigned host, struct client **client);
/* Certainly without effect: a node that is in no cluster yet says so before it looks at a request. */
bool load_refused(const struct client *c);
/* Counts the error of the last call, and closes a connection that is dead. */
void load_failed(struct load *l, unsigned host, struct client **client, int err);

/* load_report.c */
void load_count_error(struct load *l, unsigned host, const char *text);                             /* takes the lock */
void load_violation(struct load *l, const char *format, ...) __attribute__((format(printf, 2, 3))); /* under the lock */
int load_report(struct load *l); /* the exit status */

/* load_keys.c */
void load_keys_init(struct load *l);
void load_keys_write(struct load_worker *w);
void load_keys_read(struct load_worker *w);
/* Reads the number of a key; 0 where there is none. As client_get(). */
int load_get_number(const struct load *l, struct client *c, const char *name, uint32_t *out);
int load_put_number(const struct load *l, struct client *c, const char *name, uint32_t number, bool create);
/* All keys, once more, at the end. */
void load_keys_verify(struct load *l);

/* load_races.c */
void load_races_init(struct load *l);
void load_races_try(struct load_worker *w);
void load_races_verify(struct load *l);

/* load_verify.c: reads through one node after the other until one answers. False: none did in time. */
struct load_reader {
    struct load *load;
    struct client_identity *identity;
    struct client *client;
    unsigned host;
    uint64_t deadline_ms;
};
void load_reader_init(struct load_reader *r, struct load *l);
void load_reader_fini(struct load_reader *r);
bool load_reader_get(struct load_reader *r, const char *name, uint32_t *out);

/* load_worker.c: until load->stop. */
void load_run_workers(struct load *l);

#endif
