/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of a cluster in one process, in virtual time, over a network that can be cut: the whole of src/cluster, with
 * nothing replaced but clock, chance and sockets. */
#ifndef CLUSTER_UNIVERSE_H
#define CLUSTER_UNIVERSE_H

#include "base/rng.h"
#include "cluster/cluster.h"

#define UNIVERSE_MAX 16

/* Other addresses: of machine i, with i + 1 at the end; and of the machine itself that dials. */
#define UNIVERSE_ALIAS    "10.1.0."
#define UNIVERSE_LOOPBACK "127.0.0.1"

struct universe;
struct pipe_end;

struct machine {
    struct universe *universe;
    unsigned number;
    char address[16];
    struct cluster *cluster; /* NULL: does not run */
    struct clock clock;
    struct timers timers;
    struct log log;
    struct metrics metrics;
    struct dialer dialer;
    struct incarnation incarnation;
    struct {
        unsigned count, current;
        uint8_t secret[CLUSTER_TICKET_SECRETS_MAX][CLUSTER_TICKET_SECRET_SIZE];
    } tickets; /* as it was told last */
    bool paused, touched, ended;
    bool placed_later;   /* universe_start() gives no address: universe_place() does */
    unsigned generation; /* how often it was started */
};

struct universe {
    uint64_t now_ms, wall_ms;
    uint64_t latency_ms; /* 1, unless it is set */
    struct rng rng;
    unsigned count;               /* that discovery lists */
    struct cluster_config config; /* what is common */
    struct machine machine[UNIVERSE_MAX];
    bool cut[UNIVERSE_MAX][UNIVERSE_MAX];
    struct list pipes;
    uint64_t delivered;         /* frames' bytes */
    struct router_floor *floor; /* of who makes the requests; NULL: of nobody */
    const char *advertise;      /* what all say that they are reached at; NULL: their own addresses */
    const char *heard;          /* a part of a line of the log; NULL: none */
    unsigned heard_count;       /* how often the nodes have written it */
};

/* `count` machines, none of which runs; times are the defaults. */
void universe_init(struct universe *u, unsigned count, uint64_t seed);
void universe_fini(struct universe *u);

void universe_start(struct universe *u, unsigned i);
void universe_place(struct universe *u, unsigned i);
void universe_kill(struct universe *u, unsigned i);
void universe_pause(struct universe *u, unsigned i, bool on);
void universe_cut(struct universe *u, unsigned a, unsigned b, bool on);

void universe_run(struct universe *u, uint64_t ms);
/* Until f holds; false: it did not within `ms`. */
typedef bool (*universe_f)(struct universe *u);
bool universe_until(struct universe *u, universe_f f, uint64_t ms);

/* Every machine that runs is a member of one epoch, and ready. */
bool universe_is_ready(struct universe *u);
struct status_node universe_status(struct universe *u, unsigned i);

/* --- requests --- */

struct client_op {
    struct router_request request; /* first */
    bool done;
    int err;
    bool live;
    char value[64]; /* its beginning */
    struct revision revision;
};

enum client_op_condition { OP_ALWAYS, OP_CREATE };
/* Begins one; poll `done`, or client_op_wait(). */
void client_op_put(struct universe *u, struct client_op *o, unsigned i, const char *key, const char *value,
                   enum client_op_condition when, uint64_t timeout_ms);
void client_op_get(struct universe *u, struct client_op *o, unsigned i, const char *key, bool any, uint64_t timeout_ms);
void client_op_wait(struct universe *u,
                    struct client_op *o); /* fails the test when its time passes without an answer */

/* Whole ones: the error. */
int universe_put(struct universe *u, unsigned i, const char *key, const char *value);
int universe_create_key(struct universe *u, unsigned i, const char *key, const char *value);
/* Into o->value. */
int universe_get(struct universe *u, unsigned i, const char *key, struct client_op *o);

#endif
