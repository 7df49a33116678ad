/* SPDX-License-Identifier: Apache-2.0 */
/* A node without sockets and clocks: a server over a cluster of one, a virtual clock, and streams that only remember
 * what was asked of them. Tests say what comes in and read what went out. */
#ifndef FAKE_NODE_H
#define FAKE_NODE_H

#include "alone.h"
#include "late_router.h"
#include "riak/riak.h"
#include "wire/kv_msg.h"

struct fake_node {
    uint64_t now_ms;
    uint64_t random;
    struct clock clock;
    struct timers timers;
    struct metrics metrics;
    struct alone alone;
    struct router *router;   /* its */
    struct late_router late; /* answers at once unless told otherwise */
    struct server_config config;
    struct server server;
    struct riak riak;
    struct session_door door;
};

struct fake_conn {
    struct stream stream;
    struct session session;
    struct fake_node *node;
    bool tls, bare, paused, closed;
    bool full; /* there is no place for one more that has authenticated */
    unsigned flushes;
};

/* object_size_max 1 MiB, body budget 256 KiB, siblings 10, tombstones 3 s, one user "myuser", memory 16 MiB; change
 * node->config before the first connection where a test needs it otherwise. */
void fake_node_init(struct fake_node *n);
void fake_node_restart(struct fake_node *n); /* takes a changed config */
void fake_node_fini(struct fake_node *n);
/* What the loop does at the end of a turn: done behind all that the functions below give to a session. */
void fake_node_turn(struct fake_node *n);
/* Time passes; timers fire. */
void fake_node_wait(struct fake_node *n, uint64_t ms);

void fake_conn_open(struct fake_conn *c, struct fake_node *n);
/* At another door of the node's server. */
void fake_conn_open_at(struct fake_conn *c, struct fake_node *n, struct session_door *door);
/* Opens, secures and authenticates. */
void fake_conn_open_ready(struct fake_conn *c, struct fake_node *n);
void fake_conn_close(struct fake_conn *c);
void fake_conn_secure(struct fake_conn *c, const struct stream_peer *peer);
void fake_conn_drained(struct fake_conn *c);
/* Bytes come in; returns how many were taken. */
size_t fake_conn_give(struct fake_conn *c, struct slice bytes);
void fake_conn_give_frame(struct fake_conn *c, uint8_t code, struct slice body);
/* Takes the first frame of the output; fails the test when there is none. The body is borrowed until the next call on
 * `c`. */
struct frame fake_conn_take(struct fake_conn *c);
bool fake_conn_silent(struct fake_conn *c); /* nothing stands in the output */
/* The output as one run of bytes, taken. */
struct slice fake_conn_take_all(struct fake_conn *c);
/* The first frame is RpbErrorResp with just this text. */
void fake_conn_expect_error(struct fake_conn *c, const char *text);
void fake_conn_expect_empty(struct fake_conn *c, uint8_t code);

#endif
