/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the blocking client share: a request that was queued is sent, and its answer awaited. Not for
 * users of the library. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "base/arena.h"
#include "client/answer.h"
#include "client/client.h"

struct client {
    int fd;
    unsigned timeout_ms;
    struct client_conn *conn;
    struct arena arena; /* of the last call's decoded answer */
    bool dead;
    bool changes;              /* the call is to have an effect */
    bool announced;            /* the node knows how long this client waits */
    struct answer_error error; /* of the last call */
};

/* Forgets the last error; where the request is to be encoded, or NULL when the connection is dead. */
struct buf *call_begin(struct client *c);
/* Ends the frame begun at `mark` (CALL_WHOLE: what was encoded is a whole frame), sends, and waits for the first
 * answer, which must have the code `expected`. `err` is what encoding returned. */
#define CALL_WHOLE SIZE_MAX
int call_finish(struct client *c, int err, size_t mark, uint8_t expected, struct frame *out);
/* The next answer of a stream. */
int call_next(struct client *c, uint8_t expected, struct frame *out);
/* Waits until the connection is READY. */
int call_ready(struct client *c);
/* How long the node is to take for an answer: less than this client waits for it, so that its answer, with the cause,
 * is there in time. */
static inline unsigned call_server_ms(const struct client *c)
{
    return c->timeout_ms > 10 ? c->timeout_ms - c->timeout_ms / 10 : 1;
}
/* Once in a connection, before a request whose message has no field for it. A node that does not know that message
 * takes its own time. */
int call_announce(struct client *c);
/* Ends the connection with an error of our own. Returns err. */
int call_fail(struct client *c, int err, const char *text);

#endif
