/* SPDX-License-Identifier: Apache-2.0 */
/* io/dialer.h over TCP and TLS: connections to the ports of other nodes. Their handshakes go through the same bounded
 * queue as those of accepted ones. */
#ifndef NET_DIALER_H
#define NET_DIALER_H

#include "net/conn.h"

#define DIAL_TIMEOUT_MS ((uint64_t)5000) /* a few retransmissions of a lost packet; a living node answers in less */

struct net_dialer_config {
    struct tls_ctx *tls;       /* a client's, of tls_ctx_create_peer(); borrowed until the dialer has stopped */
    uint64_t timeout_ms;       /* for the connection and its handshake together; 0: DIAL_TIMEOUT_MS */
    uint64_t stall_timeout_ms; /* what cannot be sent for so long ends its connection */
};

struct net_dialer {
    struct dialer dialer;
    struct conn_owner owner;
    bool ended;
    struct timer end;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* `loop` is borrowed until it has stopped. */
void net_dialer_init(struct net_dialer *d, const struct net_dialer_config *config, struct net_loop *loop);
/* Ends all connections; `stopped` is called when the last is gone, never from inside this call. Meanwhile dial() gives
 * E_CLOSED. */
void net_dialer_stop(struct net_dialer *d, void (*stopped)(void *arg), void *arg);

#endif
