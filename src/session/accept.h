/* SPDX-License-Identifier: Apache-2.0 */
/* What a clients' port calls: a session for each connection, which ends with it. */
#ifndef SESSION_ACCEPT_H
#define SESSION_ACCEPT_H

#include "io/dialer.h"
#include "session/session.h"

struct session_acceptor {
    struct acceptor acceptor;
    struct session_door door;
    struct stream_user_ops user_ops; /* a session's, whose memory goes when its connection has gone */
};

/* All is borrowed, longer than the last connection; `arg`: the protocol's own. */
void session_acceptor_init(struct session_acceptor *a, const struct protocol *protocol, struct server *server,
                           void *arg);
void session_acceptor_fini(struct session_acceptor *a); /* there are no connections any more */

#endif
