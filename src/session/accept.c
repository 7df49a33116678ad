/* SPDX-License-Identifier: Apache-2.0 */
#include "session/accept.h"

#include <stdlib.h>

static void on_closed(struct stream_user *u, const char *why)
{
    struct session *s = LIST_ENTRY(u, struct session, user);
    (void)why; /* how a client left is nobody's worry; what failed was logged where it did */
    session_fini(s);
    free(s);
}

static struct stream_user *on_accepted(struct acceptor *acceptor, struct stream *stream, const char *address)
{
    struct session_acceptor *a = LIST_ENTRY(acceptor, struct session_acceptor, acceptor);
    struct session *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    session_init(s, &a->door, stream, address);
    a->user_ops = *s->user.ops;
    a->user_ops.closed = on_closed;
    s->user.ops = &a->user_ops;
    return &s->user;
}

void session_acceptor_init(struct session_acceptor *a, const struct protocol *protocol, struct server *server,
                           void *arg)
{
    static const struct acceptor_ops ops = {.accepted = on_accepted};
    *a = (struct session_acceptor){.acceptor = {&ops}};
    session_door_init(&a->door, protocol, server, arg);
}

void session_acceptor_fini(struct session_acceptor *a)
{
    session_door_fini(&a->door);
}
