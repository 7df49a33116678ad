/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a connection among themselves: conn.c is its life, conn_send.c what goes out, conn_receive.c what comes
 * in. */
#ifndef NET_CONN_IMPL_H
#define NET_CONN_IMPL_H

#include "net/conn.h"
#include "net/strangers.h"

#define FLUSH_MAX     (4 * LOOP_CHUNK)    /* sent at once by one connection in one turn; the rest when that has left */
#define HANDSHAKE_MAX ((size_t)64 * 1024) /* bytes of a handshake that wait for their turn: a flight is a few KB */

/* CONNECTING -> OPEN -> ENDING (what is queued leaves, nothing is read) -> SHUT (FIN is on its way) -> CLOSING (libuv
 * closes); any -> CLOSING */
enum conn_state { CONN_CONNECTING, CONN_OPEN, CONN_ENDING, CONN_SHUT, CONN_CLOSING };

struct conn {
    struct stream stream;
    struct stream_user *user; /* NULL: nobody wanted it, it is closing */
    struct conn_owner *owner;
    const char *why; /* the first reason for its end, static or the engine's; NULL: none yet */
    enum conn_state state;
    bool reading, paused, trusted, secure, writing, flushing, wants_tls;
    bool bare;        /* its peer may be without a certificate */
    bool is_node;     /* its peer has shown a certificate with the role node */
    uint64_t read_in; /* the loop's round */
    uv_tcp_t tcp;
    union { /* one at a time, in this order */
        uv_connect_t connect;
        uv_write_t write;
        uv_shutdown_t shutdown;
    } request;
    struct buf unsent;  /* ciphertext that libuv is writing: as long as it is, no longer */
    struct buf waiting; /* what the engine has to say meanwhile */
    struct buf held;    /* ciphertext of a handshake that waits for its turn */
    struct tls_engine *engine;
    struct list link;   /* of the owner */
    struct list queue;  /* of the loop: handshakes */
    struct list busy;   /* of the loop: it keeps its record buffers */
    struct timer timer; /* the handshake's end, then the next progress in sending */
    struct stranger stranger;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

#define CONN_NAME_SIZE 64

/* "127.0.0.2:40112", for the log. Returns `out`. */
const char *conn_name(const struct conn *c, char out[CONN_NAME_SIZE]);

/* Why a connection ended that the peer can make end so over and over. */
enum conn_cause { CONN_TLS_FAILED, CONN_NO_HANDSHAKE, CONN_STALLED, CONN_REFUSED, CONN_GAVE_WAY, CONN_ACCEPT_FAILED };
/* Whether the log is to be told of it now: once in a minute for each address and `why`. `again` is for the end of the
 * line. */
bool conn_is_news(struct conn *c, enum conn_cause cause, const char *why, char again[REPEATS_TEXT_SIZE]);

static inline struct net_loop *conn_loop(const struct conn *c)
{
    return c->owner->loop;
}

/* At once; `why` is static, or the engine's, and counts when it is the first reason. The user hears it from the loop.
 */
void conn_close_now(struct conn *c, const char *why);
/* What is queued leaves, then it closes. */
void conn_leave(struct conn *c, const char *why);
/* False: there is no place for one more. */
bool conn_trust(struct conn *c);
/* As long as it is a stranger: it has sent something, or what it waited for here is done. */
void conn_heard(struct conn *c);

/* --- conn_send.c --- */

/* Sends, lets the user go on where it waited for room, and so on; not for longer than its share of a turn. */
void conn_flush(struct conn *c);
/* Sends what the engine has written to the loop's buffer, and empties that. Before any call to a user: that one may
 * have another connection sent, through the same buffer. */
void conn_send_said(struct conn *c);
/* Closes it when nothing of what is being sent has left for the time that is allowed. */
void conn_watch_stall(struct conn *c);
/* The handshake is done: from now on the timer watches what is sent. */
void conn_end_deadline(struct conn *c);

/* --- conn_receive.c --- */

/* Reads, or stops, as the state asks. */
void conn_set_reading(struct conn *c);
/* It gives its record buffers back. */
void conn_calm(struct conn *c);
/* TLS begins with what comes next; a client's first word is put into the queue of handshakes. */
void conn_begin_tls(struct conn *c, bool as_client);

#endif
