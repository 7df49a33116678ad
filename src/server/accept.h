/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients' port calls: a session for each connection, which ends with it. */
#ifndef SERVER_ACCEPT_H
#define SERVER_ACCEPT_H

#include "io/dialer.h"
#include "server/session.h"

struct session_acceptor {
    struct acceptor acceptor;
    struct server *server;
    struct stream_user_ops user_ops; /* a session's, whose memory goes when its connection has gone */
};

/* `server` is borrowed, longer than the last connection. */
void session_acceptor_init(struct session_acceptor *a, struct server *server);

#endif
