/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of connections between nodes over loopback, in one loop: a port, a dialer, and users that note what they
 * hear. */
#ifndef TESTS_NET_PEERS_H
#define TESTS_NET_PEERS_H

#include "net/dialer.h"
#include "net/listener.h"
#include "unit/tls/link.h"

#define ENDS_MAX 64

struct peers;

/* One end of a connection. */
struct end {
    struct stream_user user;
    struct peers *peers;
    struct stream *stream; /* NULL: gone */
    struct stream_peer peer;
    struct buf got;
    unsigned inputs, secured, closed; /* calls */
    char why[160];
    char address[64];
    void (*on_input)(struct end *e); /* may be NULL, as the next */
    void (*on_secure)(struct end *e);
};

struct peers {
    struct link_world world;
    struct cert *cert;
    struct net_loop loop;
    struct metrics metrics;
    struct tls_ctx *server_tls, *client_tls;
    struct acceptor acceptor;
    bool accepts;
    bool trusts;          /* whose handshake is done, where the port does not by itself */
    const char *expected; /* address; NULL: none */
    struct listener listener;
    uint16_t port;
    struct net_dialer dialer;
    struct end server[ENDS_MAX], client[ENDS_MAX];
    size_t server_count, client_count;
    void (*on_server_input)(struct end *e);
    unsigned listener_stopped, dialer_stopped;
};

/* For a whole program: certificates. */
int peers_make(void **state);
int peers_drop(void **state);
/* For each test: a loop, a port, a dialer; and their end. */
int peers_setup(void **state);
int peers_teardown(void **state);

/* The port anew, with other limits. */
struct listener_config peers_listener_config(struct peers *p);
void peers_listen(struct peers *p, const struct listener_config *config);
void peers_stop_listener(struct peers *p);
/* Another dialer in its place. `tls`: NULL: a node's. */
void peers_set_dialer(struct peers *p, struct tls_ctx *tls, uint64_t timeout_ms);

/* The test fails when it cannot be begun. */
struct end *peers_dial(struct peers *p);
struct end *peers_dial_to(struct peers *p, const char *address);
void peers_say(struct end *e, const char *text); /* in a call of its own: with a flush */
/* Turns of the loop until it is so. The loop must have something to wait for. */
void peers_wait(struct peers *p, const unsigned *count, unsigned wanted);
void peers_wait_bytes(struct peers *p, const struct end *e, size_t wanted);

#endif
