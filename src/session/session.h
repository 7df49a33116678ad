/* SPDX-License-Identifier: Apache-2.0 */
/* One client connection as a machine: bytes in, answers into the stream's output queue. It never touches a socket.
 *
 *   PLAIN --StartTls or a TLS record--> HANDSHAKE --secure--> STRANGER --RpbAuthReq--> READY
 *     any state --session_end or closed--> CLOSED
 *
 * R-ORDER: many requests of a connection are under way at once, and their answers leave in the order of the requests.
 * Requests on one key take effect in the order in which they were sent. A request that concerns more than one key waits
 * for all before it and holds back all after it. session_line.c has the line in which they stand.
 *
 * While the line is full, a request waits for another one, a body or an answer waits for memory, or the output queue is
 * long, what comes in is kept and the stream is asked to pause, so that what is kept is bounded by what one read
 * brings.
 *
 * Memory: what stands in the output queue, the answers that wait for their turn, and the line itself are charged to the
 * user's share of the small budget; bodies over BODY_SMALL and answers over ANSWER_SMALL are taken from a budget before
 * they are there (server.h). */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "api/login.h"
#include "api/target.h"
#include "io/stream.h"
#include "session/protocol.h"
#include "session/server.h"

#include <stddef.h>

#define AUTH_TRIES   3                   /* then the connection is closed (riak-protocol.md section 15) */
#define BODY_SMALL   ((size_t)16 * 1024) /* larger bodies are charged, once it is known that they are allowed */
#define ANSWER_SMALL ((size_t)4 * 1024)  /* larger answers wait for memory */

enum session_state { SESSION_PLAIN, SESSION_HANDSHAKE, SESSION_STRANGER, SESSION_READY, SESSION_CLOSED };

/* What a session waits for at a budget. */
enum session_wait { WAIT_NOTHING, WAIT_BODY, WAIT_ANSWER, WAIT_TO_GO_ON };

struct scan;
struct session;
typedef void (*session_go_on)(struct session *s);

/*   BEGUN --session_begin_wait--> WAITS --session_finish--> ANSWERED --first in the line--> gone
 *     its handler returns: ANSWERED
 *     WAITS --no memory for its answer--> SHELVED --first, and there is room--> BEGUN
 *     ANSWERED --its kept answer makes room for others--> SHELVED */
enum request_state { REQUEST_BEGUN, REQUEST_WAITS, REQUEST_SHELVED, REQUEST_ANSWERED };

#define REQUEST_FRAME_INLINE 192 /* a get's frame */

/* One request under way, and what its answer will need when the frame is long gone: a handler writes the part that is
 * its own, its `done` reads it. */
struct session_request {
    struct router_request router;
    struct session *session;
    struct list link; /* in the session's line, or among those that are free */
    enum request_state state;
    unsigned kind;    /* the protocol's */
    bool entered;     /* its handler is on the stack */
    bool alone;       /* it waited for all before it, and holds back all after it */
    bool repeatable;  /* it has no effect, and may be begun again */
    bool no_room;     /* there was no room for its answer */
    bool claims;      /* no other of its key is begun */
    uint64_t key_tag; /* of the key that session_claim() was given: it stands in the answer's vclock */
    size_t size;      /* bytes that it counts for in the line */
    struct outq *out; /* where its answer goes: the stream's queue for the first in the line, else `answer` */
    struct outq answer;
    size_t kept;       /* bytes in `answer` of the small budget, */
    size_t kept_large; /* and what it holds of the large one */
    size_t frame_len;  /* body of the frame, for a request that may be begun again; it stands in one of the two */
    struct blob *frame_blob;
    uint8_t frame[REQUEST_FRAME_INLINE];
    struct scan *scan;   /* scan.h: under way; else NULL */
    struct blob *body;   /* of a frame that is not small, */
    size_t body_len;     /* its bytes, */
    size_t body_charged; /* and what is charged for them */
    max_align_t own[];   /* the protocol's */
};

/* Why the next request is not begun. */
enum session_hold {
    HOLD_NOTHING,
    HOLD_KEY,   /* `held_by` is about the same key */
    HOLD_READS, /* reads are under way, whose answers may need memory */
    HOLD_ALL    /* anything is under way */
};

struct session {
    struct stream_user user; /* the transport's side */
    struct session_door *door;
    const struct protocol *protocol; /* the door's, as the following */
    struct server *server;
    struct stream *stream;
    void *connection; /* the protocol's: NULL at first */
    enum session_state state;
    bool paused;  /* the stream was asked to pause */
    bool overdue; /* it has waited for memory too long: go_on gives up */
    enum session_wait waits;
    struct list line;                /* of requests, in the order in which they came */
    struct session_request *request; /* the one at work: handlers and their callbacks are about it */
    unsigned in_flight, reads;       /* in the line; of those, how many are under way and may be begun again */
    size_t line_bytes;               /* what they count for, */
    size_t kept_answers;             /* and bytes of answers that wait for their turn, of the small budget */
    enum session_hold hold;
    const struct session_request *held_by;
    struct list unflushed; /* of the server's */
    unsigned auth_failures;
    struct principal who; /* its user: whom it has shown to be, or says to be while the password is checked */
    bool cert_is_noted;   /* the peer's certificate counts as in use: client_certs.h */
    struct login login;
    uint64_t login_ms; /* when the one under way began */
    struct buf kept;   /* input that could not be taken yet, or a part of a small frame */
    uint64_t discard;  /* bytes of a refused frame still to be thrown away */
    size_t body_len;   /* of the large body being read; 0: none */
    size_t body_have;
    size_t body_charged; /* bytes of a budget, as budget_charge() says */
    size_t body_mark;    /* how many there were when the deadline was set */
    uint64_t body_end_ms;
    struct cut body_cut;
    struct blob *body;
    struct share *share; /* the user's, from which all of that is taken */
    size_t granted;      /* bytes of the budget waiter.budget that came to a request that waited for them */
    struct budget *granted_of;
    size_t answer_held; /* bytes of the large budget that answers in the queue hold, */
    size_t queue_held;  /* and of the small one */
    struct budget_waiter waiter;
    struct list holder;       /* of the server's, */
    size_t holder_mark;       /* by what its progress is seen, */
    uint64_t progress_ms;     /* and when there was some */
    struct timer wait_timer;  /* the end of its waiting for memory, */
    uint64_t waits_since_ms;  /* and the beginning */
    struct timer deadline;    /* to be authenticated; later, for the next bytes of a large body */
    struct turn turn;         /* of a request that takes many */
    struct timer pause_timer; /* goes on after the delay of a failed authentication, or in the next turn of a listing */
    session_go_on go_on;
    struct router_floor floor; /* what was shown on this connection */
    uint32_t timeout_ms;       /* of requests that name none; 0: the node's */
    char name[64];             /* the peer's address, for the log */
};

/* A protocol at a node, for all its connections. */
struct session_door {
    const struct protocol *protocol;
    struct server *server;
    void *arg;        /* the protocol's own */
    struct list free; /* places for requests */
    unsigned free_count;
};

/* All is borrowed, longer than the last connection. */
void session_door_init(struct session_door *d, const struct protocol *protocol, struct server *server, void *arg);
void session_door_fini(struct session_door *d);

/* `stream` is borrowed until session_fini(); who implements it calls `user` (io/stream.h). */
void session_init(struct session *s, struct session_door *door, struct stream *stream, const char *peer_address);
void session_fini(struct session *s);

/* --- for protocols --- */

/* The peer continues in TLS after the present request. Of a protocol that begins in the clear, in SESSION_PLAIN. */
void session_start_tls(struct session *s);
/* Whether that user is let in, with that password; protocol->logged_in() answers, in this call or later, which ends the
 * request. Who is refused is answered after a delay, and closed after AUTH_TRIES. */
void session_login(struct session *s, struct slice user, struct slice password);
/* Bytes outside of any request, sent as soon as may be: in front of answers that are not complete, never within one
 * that is being written. False: the peer reads too slowly, or there is no memory; nothing was sent. */
bool session_push(struct session *s, struct slice bytes);

/* Writing failed for memory: a half-written answer cannot be mended, the connection is closed. */
void session_broken(struct session *s, int err);
/* Closes after what stands in the queue is sent. The answer of a request at the router is no longer waited for. */
void session_end(struct session *s);

/* The request is about this key. False: one before it is about the same key, and the handler returns without an answer;
 * it is called again when that one is over. */
bool session_claim(struct session *s, uint64_t key_tag);

/* The request goes on later: session_finish() ends it, once its answer is written. Both may happen within the handler's
 * call; what is kept beside a frame is gone with the end. */
void session_begin_wait(struct session *s);
void session_finish(struct session *s);
/* session_begin_wait() for a request to the router: what to give to the one call of router.h that follows, after which
 * the handler touches nothing any more; wants_object is to be set between them where the answer needs one. `done` finds
 * the session by session_of(), answers, and ends with session_finish(). timeout_ms 0: the
 * connection's, or else the node's. */
struct router_request *session_ask(struct session *s, uint64_t timeout_ms, router_done done);
/* The same for the next part of a request that waits already. */
struct router_request *session_ask_on(struct session *s, uint64_t timeout_ms, router_done done);
static inline struct session *session_of(struct router_request *q)
{
    struct session_request *rq = LIST_ENTRY(q, struct session_request, router);
    rq->session->request = rq;
    return rq->session;
}

/* Calls go_on in a later turn (delay_ms 0: the next) while busy. */
void session_later(struct session *s, uint64_t delay_ms, session_go_on go_on);
/* Begins a slice of work, to end at *end_us with turn_end(); false: go_on is called when there is time for one. */
bool session_turn(struct session *s, uint64_t *end_us, session_go_on go_on);
/* Calls go_on in a later turn, when there is time for a slice. */
void session_next_turn(struct session *s, session_go_on go_on);
/* Calls go_on when the output queue has run low, while busy. */
void session_when_drained(struct session *s, session_go_on go_on);
/* Sends what was written outside of all calls of the transport, by a request that is not finished by it. */
void session_flush(struct session *s);

/* Of a request without effect, after session_begin_wait(): its answer may have to wait for memory. */
void session_may_repeat(struct session *s);
/* Takes the memory for an answer of `size` bytes, which is written next; session_may_repeat() went before. False: it
 * has to wait, and the handler finishes without an answer; the request is begun again when there is room. */
bool session_take_answer(struct session *s, size_t size);
/* The same for an answer that cannot wait, because the request has had its effect. */
void session_force_answer(struct session *s, size_t size);

/* For a request that goes on in parts. True: there is room for `size` bytes more to be sent. False: go_on is called
 * when there is, or, after wait_ms, with s->overdue set. */
bool session_has_room(struct session *s, size_t size, uint64_t wait_ms, session_go_on go_on);
/* Bytes of the large budget for what a request gathers: at once, or not. They are the caller's, who gives them back by
 * session_return_gathered(), or to the answer that he has put into the queue. */
bool session_try_gathered(struct session *s, size_t size);
void session_return_gathered(struct session *s, size_t size);
void session_answer_gathered(struct session *s, size_t size);
/* Waits for so many: go_on is called as above, and takes what has come by session_gathered(). */
void session_wait_gathered(struct session *s, size_t size, uint64_t wait_ms, session_go_on go_on);
size_t session_gathered(struct session *s);
/* Answers that there is no memory for it; `what` needs some, for the client. */
void session_overload(struct session *s, const char *what);

/* The body of the present request as a counted blob, or NULL when it was a small one. */
struct blob *session_body(const struct session *s);

/* The present request's own state, of protocol->state_size bytes. */
static inline void *session_state(const struct session *s)
{
    return s->request->own;
}

/* Where the answer of the present request goes. */
static inline struct outq *session_queue(struct session *s)
{
    return s->request->out;
}

static inline struct buf *session_out(struct session *s)
{
    return outq_tail(session_queue(s));
}

#endif
