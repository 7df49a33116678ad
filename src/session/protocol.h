/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection speaks. The engine (session.h) reads, keeps and cuts the input, orders requests and answers, and
 * keeps accounts of memory and time; a protocol knows the bytes and has the words. Each is a constant table of calls,
 * and takes part in no other: src/riak is one.
 *
 * The calls are made on the thread of the node's loop, and never from within a call of the protocol to the engine, but
 * where session.h says so. A protocol may keep state of its own: of a node in door->arg, of a connection in
 * s->connection, of a request in session_state(). */
#ifndef SESSION_PROTOCOL_H
#define SESSION_PROTOCOL_H

#include "api/outcome.h"
#include "base/slice.h"

#include <stdint.h>

struct session;

enum cut_result {
    CUT_MORE,      /* where the next request ends cannot be said yet, or not all of its head is there */
    CUT_REQUEST,   /* *out says it; its body need not be there yet */
    CUT_REFUSED,   /* *out says it, and it is not to be read: refuse_cut() is called when all before it are answered */
    CUT_MALFORMED, /* the stream cannot be followed: the connection is closed when all before it are answered */
};

struct cut {
    size_t head;   /* bytes in front of the body that handle() does not need: all there */
    size_t body;   /* bytes that handle() is given; both together are at least 1 */
    unsigned kind; /* the protocol's own: given to the calls below */
    bool alone;    /* R-ORDER: it concerns more than one key: it waits for all before it, and holds back all after it */
};

struct protocol {
    const char *name; /* for the log */
    /* Bytes of a request's own state. They are zeroed when the request is begun the first time. */
    size_t state_size;

    /* The next request, from the bytes at the front of the input; `in` is not empty. */
    enum cut_result (*cut)(const struct session *s, struct slice in, struct cut *out);
    /* A body that is not small (BODY_SMALL), before it is read: false, and answered, when it will not be served. */
    bool (*admits)(struct session *s, const struct cut *c);
    /* Answers a request, or begins to (session_begin_wait(), session_ask()), or finds that it has to wait for another
     * of its key (session_claim()). The answer goes to session_queue(). `body` is borrowed for the call, also where the
     * state holds what is left of a call before: a request whose answer found no memory is begun again. */
    void (*handle)(struct session *s, unsigned kind, struct slice body);
    /* The request has left the line, answered or not: gives back what its state holds. */
    void (*release)(struct session *s);

    /* Answers what the engine refuses by itself: OVERLOAD (name: what needs the memory), NO_MEMORY (number: bytes of
     * the message; 0: of a scan), TOO_MANY_CONNECTIONS, and SCAN_... (name: scan->what). */
    void (*refuse)(struct session *s, const struct outcome *why);
    /* Answers a CUT_REFUSED. True: its bytes are thrown away as they come. False: the connection is closed. */
    bool (*refuse_cut)(struct session *s, const struct cut *c);
    /* Answers session_login(): `refused` is NULL for a user that is let in. Strangers are not told why. */
    void (*logged_in)(struct session *s, const struct outcome *refused);
    /* The connection is gone: frees s->connection. May be called twice. */
    void (*closed)(struct session *s);
};

#endif
