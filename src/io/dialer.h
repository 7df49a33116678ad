/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between nodes: TLS 1.3 from the first byte, both sides with certificates of the role node, on one of the
 * two ports. Implemented by src/net, and by the simulation. */
#ifndef IO_DIALER_H
#define IO_DIALER_H

#include "io/stream.h"

#include <stdint.h>

struct dialer;

struct dialer_ops {
    /* Begins a connection to a numeric address. `user` hears secure() when it stands or closed() when it cannot, never
     * from inside this call; it is borrowed until closed(). What stands in the queue before secure() is sent after it.
     * secure() says that the peer's certificate is good; that ours is not good enough for the peer is heard as closed()
     * behind it, because TLS 1.3 lets the dialing side finish first. E_NOMEM, E_INVALID (no address), and the like:
     * nothing follows. */
    int (*dial)(struct dialer *d, const char *address, uint16_t port, struct stream_user *user, struct stream **out);
};

struct dialer {
    const struct dialer_ops *ops;
};

/* The other end: what a listener on one of the nodes' ports calls. */
struct acceptor;

struct acceptor_ops {
    /* A connection has come; nothing was said on it yet. Returns its user, which hears secure() or closed(); NULL: it
     * is not wanted (no memory). `address`: "127.0.0.2:40112", for the log, borrowed for the call. */
    struct stream_user *(*accepted)(struct acceptor *a, struct stream *s, const char *address);
    /* Whether a known node has that address (numeric, without a port): under pressure its connections keep their
     * places. NULL: nobody is known before it has authenticated. */
    bool (*expects)(struct acceptor *a, const char *host);
};

struct acceptor {
    const struct acceptor_ops *ops;
};

static inline int dialer_dial(struct dialer *d, const char *address, uint16_t port, struct stream_user *user,
                              struct stream **out)
{
    return d->ops->dial(d, address, port, user, out);
}

#endif
