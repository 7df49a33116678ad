/* A request whose answer is gathered by a walk over all partitions, in steps of a bounded number of names: lists of
 * buckets and keys, queries of indexes. Steps that the router answers at once share one slice of time per turn of the
 * loop. Other requests of the connection wait until it is done; other connections do not. */
#ifndef SERVER_WALK_H
#define SERVER_WALK_H

#include "server/session.h"

struct walk;

struct walk_ops {
    /* Asks the router for the step that follows; what it brings goes to walk_add() at once. */
    void (*step)(struct walk *w, struct router_request *q);
    /* Everything was walked: what was held back goes to walk_add(). NULL: nothing was. False: the walk was for
     * something else that follows, and calls walk_done() at its end. */
    bool (*finish)(struct walk *w);
    /* Writes a frame of the w->count names w->at. `last`: no other follows; of a streamed answer it holds no names. */
    int (*put)(struct walk *w, struct buf *out, bool last);
    void (*destroy)(struct walk *w); /* frees what it lies in */
};

struct walk {
    const struct walk_ops *ops;
    struct session *session;
    const char *what; /* for the client: "the list" */
    bool streamed;    /* names go out as they come, and a last frame says done */
    bool failed;      /* there was no room for a name: it fails as a whole, after this step */
    bool stepping;    /* the router's call is on the stack */
    bool stepped;     /* and has been answered */
    int err;          /* of the last step */
    int send_err;     /* of a frame that went out within it */
    struct router_walk router;
    struct buf names; /* type, then bucket */
    size_t type_len;
    uint32_t timeout_ms; /* of the whole; 0: none, but each step has the node's */
    uint64_t end_ms;     /* when it is over */
    uint64_t end_us;     /* of this turn's slice */
    struct buf found;    /* bytes of the names to be sent */
    struct slice *at;    /* each of them; offsets while `found` grows */
    size_t count, cap;
};

/* Where the walk is over: its type, "" for the default one, and its bucket. Borrowed from it. */
struct slice walk_type(const struct walk *w);
struct slice walk_bucket(const struct walk *w);

/* `w` is filled in up to `streamed`, and owned by the session from here on. Answers, now or later. */
void walk_begin(struct session *s, struct walk *w, struct slice type, struct slice bucket, uint32_t timeout_ms);

/* Names that belong into one frame. */
void walk_add(struct walk *w, const struct slice *names, size_t count);
/* The request is over: it was answered. `w` is freed. */
void walk_done(struct walk *w);
/* What is left of its time, for the next request to the router, ms; 0: the node's. False: nothing is, which was
 * answered. */
bool walk_time(struct walk *w, uint64_t *timeout_ms);

/* The most that may be gathered for an answer in one frame, in bytes. */
size_t walk_bytes_max(const struct walk *w);

#endif
