/* One client connection as a machine: bytes in, answers into the stream's output queue. It never touches a socket.
 *
 *   PLAIN --StartTls or a TLS record--> HANDSHAKE --session_secure--> STRANGER --RpbAuthReq--> READY
 *     any state --session_end or session_closed--> CLOSED
 *
 * Requests are answered one after the other, in their order. While one is under way (a listing, a body that waits for
 * the budget, an answer from elsewhere, the delay after a failed authentication) or the output queue is long, what
 * comes in is kept and the stream is asked to pause, so that what is kept is bounded by what one read brings. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "io/stream.h"
#include "server/security.h"
#include "wire/frame.h"

#define CLIENT_ID_MAX  64
#define AUTH_TRIES     3                   /* then the connection is closed (riak-pb.md section 15) */
#define STRANGER_FRAME ((size_t)64 * 1024) /* largest frame of one who has not said who he is */

enum session_state { SESSION_PLAIN, SESSION_HANDSHAKE, SESSION_STRANGER, SESSION_READY, SESSION_CLOSED };

struct session;
struct listing; /* server/list.c */
typedef void (*session_go_on)(struct session *s);

struct session {
    struct server *server;
    struct stream *stream;
    enum session_state state;
    bool busy;    /* a request is under way: no other is begun */
    bool paused;  /* the stream was asked to pause */
    bool entered; /* session code is on the stack: the caller sees to what follows */
    bool waits;   /* for the budget of large bodies */
    bool again;   /* the present request is to be begun anew when the budget allows its answer */
    unsigned auth_failures;
    struct session_peer peer;
    struct buf kept;  /* input that could not be taken yet, or a part of a small frame */
    uint64_t discard; /* bytes of a refused frame still to be thrown away */
    size_t body_len;  /* of the large body being read or answered; 0: none */
    size_t body_have;
    struct blob *body; /* NULL while it waits for the budget */
    uint8_t body_code;
    size_t granted;     /* bytes of the budget that came for the answer to the request that waited for them */
    size_t answer_held; /* bytes of the budget that the answers in the queue hold */
    struct budget_waiter waiter;
    struct timer deadline;    /* to be authenticated; later, for the next bytes of a large body */
    struct timer pause_timer; /* goes on after the delay of a failed authentication, or in the next turn of a listing */
    session_go_on go_on;
    struct listing *listing;
    uint8_t client_id[CLIENT_ID_MAX];
    uint8_t client_id_len;
    char name[64]; /* the peer's address, for the log */
};

/* `stream` is borrowed until session_fini(). E_NOMEM. */
int session_init(struct session *s, struct server *server, struct stream *stream, const char *peer_address);
void session_fini(struct session *s);

/* --- the transport's calls --- */

/* Bytes have come: in the clear before start_tls, decrypted after. Returns how many of them were taken: all, unless the
 * session asked for start_tls, where the rest is TLS. Answers stand in the output queue afterwards. */
size_t session_input(struct session *s, struct slice in);
/* The TLS handshake is done and the certificate verified. */
void session_secure(struct session *s, const struct session_peer *peer);
/* The output queue has fallen under STREAM_LOW_WATER, or ran empty. */
void session_drained(struct session *s);
/* The connection is gone. */
void session_closed(struct session *s);

/* --- for the request handlers of src/server --- */

/* Answers with RpbErrorResp. The connection stays. */
void session_error(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Answers with a frame that has no body. */
void session_reply_empty(struct session *s, uint8_t code);
/* Writing failed for memory: a half-written answer cannot be mended, the connection is closed. */
void session_broken(struct session *s, int err);
/* Closes after what stands in the queue is sent. */
void session_end(struct session *s);
/* The request goes on later: session_finish() ends it. */
void session_begin_wait(struct session *s);
void session_finish(struct session *s);
/* Calls go_on in a later turn (delay_ms 0: the next) while busy. */
void session_later(struct session *s, uint64_t delay_ms, session_go_on go_on);
/* Takes `size` bytes of the budget for the answer, which the output queue then holds. False: it has to wait, and the
 * handler returns without an answer; the request is begun anew when there is room. */
bool session_take_answer(struct session *s, size_t size);
/* The same for an answer that cannot wait, because the request has had its effect. */
void session_force_answer(struct session *s, size_t size);
/* Calls go_on when the output queue has run low, while busy. */
void session_when_drained(struct session *s, session_go_on go_on);
/* The body of the present request as a counted blob, or NULL when it was a small one. */
struct blob *session_body(const struct session *s);

static inline struct buf *session_out(struct session *s)
{
    return outq_tail(&s->stream->out);
}

#endif
