/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections of the client library's machine on one epoll: sockets, handshakes, bytes. Requests of a connection
 * that are queued together are encrypted together and leave in one write, as a pipelining client does it. What is sent
 * and what is measured is for the modes. A connection that fails ends the program: a benchmark with failures measures
 * nothing. */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include "bench/bench.h"
#include "client/conn.h"

struct fleet;

struct fleet_conn {
    struct client_conn *core; /* NULL while closed */
    int fd;
    bool connected, ready, watches_write;
    uint32_t index;     /* in the fleet */
    uint32_t host;      /* the server that it is a connection of */
    uint32_t in_flight; /* for the owner of the fleet, as the next two */
    uint32_t head;      /* of a ring */
    void *owner;
};

struct fleet_callbacks {
    /* The connection is authenticated; requests may be appended to client_conn_requests(). */
    void (*on_ready)(void *arg, struct fleet_conn *c);
    void (*on_response)(void *arg, struct fleet_conn *c, const struct frame *f);
    /* All responses that came together have been told; requests may be appended, or the connection closed. */
    void (*on_drained)(void *arg, struct fleet_conn *c);
    void *arg;
};

struct fleet *fleet_create(const struct bench *b, uint32_t size, const struct fleet_callbacks *callbacks);
void fleet_destroy(struct fleet *f);
struct fleet_conn *fleet_at(struct fleet *f, uint32_t index);

/* Begins to connect; `resume` may be NULL. */
void fleet_open(struct fleet *f, struct fleet_conn *c, const struct client_conn *resume);
/* Says goodbye and closes. Allowed within on_drained. */
void fleet_close(struct fleet *f, struct fleet_conn *c);
/* That, and connects again with the session that it had: to the same server, or with --elsewhere to the next. */
void fleet_reopen(struct fleet *f, struct fleet_conn *c);
/* Opens all, some at a time, and returns when all are ready. */
void fleet_open_all(struct fleet *f);
/* Encrypts and sends what was appended outside of a callback. */
void fleet_send(struct fleet *f, struct fleet_conn *c);
/* When the bytes that are being told came in, of probe_now_ns(). */
uint64_t fleet_now_ns(const struct fleet *f);
/* Waits for events, at most `wait_ms`, and serves them. */
void fleet_turn(struct fleet *f, int wait_ms);
/* Serves events until then (of probe_now_ns()). */
void fleet_run_until(struct fleet *f, uint64_t end_ns);

#endif
