/* SPDX-License-Identifier: Apache-2.0 */
/* A request whose answer is gathered by a scan over all partitions, in steps of a bounded number of names: lists of
 * buckets and keys, queries of indexes. Steps that the router answers at once share one slice of time per turn of the
 * loop. Other requests of the connection wait until it is done; other connections do not. */
#ifndef SESSION_SCAN_H
#define SESSION_SCAN_H

#include "session/session.h"

enum scan_finish { SCAN_MORE, SCAN_ENDED, SCAN_GOES_ON };

struct scan_ops {
    unsigned kind; /* the protocol's own */
    /* Asks the router for the step that follows, and returns what the router does; what it brings goes to scan_add().
     */
    enum router_state (*step)(struct scan *w, struct router_request *q);
    /* Everything was walked: some of what was held back goes to scan_add(). NULL: nothing was. SCAN_MORE: to be called
     * again; SCAN_GOES_ON: the scan was for something else that follows, and calls scan_done() at its end. */
    enum scan_finish (*finish)(struct scan *w);
    /* The answer, in the protocol's bytes: in one part, or, streamed, in as many as are needed. NULL, all four: it
     * answers for itself. begin() appends the head of a part to an empty buffer, add() some names, end() what stands at
     * the end of the last part; close() makes the part ready to be sent. E_NOMEM, E_TOO_LARGE. */
    int (*begin)(struct scan *w, struct buf *part);
    int (*add)(struct scan *w, struct buf *part, const struct slice *names, size_t count);
    int (*end)(struct scan *w, struct buf *part);
    void (*close)(struct scan *w, struct buf *part);
    /* Forgets what was gathered: it begins again. NULL: it holds nothing. */
    void (*restart)(struct scan *w);
    void (*destroy)(struct scan *w); /* frees what it lies in */
};

struct scan {
    const struct scan_ops *ops;
    struct session *session;
    const char *what; /* for the client: "the list" */
    bool streamed;    /* names go out as they come, and a last part says done */
    bool failed;      /* there was no room for a name: it fails as a whole, after this step */
    bool starved;     /* there is none just now */
    bool sent;        /* something of the answer was */
    bool walked;      /* everything was: the end is on its way */
    int err;          /* of the last step */
    int send_err;     /* of a part that went out within it */
    struct router_scan router;
    struct buf names; /* type, then bucket */
    size_t type_len;
    uint32_t timeout_ms; /* of the whole; 0: none, but each step has the node's */
    uint64_t end_ms;     /* when it is over */
    uint64_t end_us;     /* of this turn's slice */
    struct buf part;     /* the answer, or what goes out next of it */
    size_t count;        /* of names in it */
    size_t held;         /* bytes of the large budget */
};

/* Where the scan is over: its type, "" for the default one, and its bucket. Borrowed from it. */
struct slice scan_type(const struct scan *w);
struct slice scan_bucket(const struct scan *w);

/* The request has left the line: frees its scan, if it has one. For the engine. */
void scan_stop(struct session *s);

/* `w` is filled in up to `streamed`, and owned by the session from here on. Answers, now or later. */
void scan_begin(struct session *s, struct scan *w, struct slice type, struct slice bucket, uint32_t timeout_ms);

/* Names that belong into one frame; they are copied. Without memory the scan fails (w->failed), and its next step
 * answers so. `beside`: bytes that are gathered in another place, of an answer that is not streamed. */
void scan_add(struct scan *w, const struct slice *names, size_t count, size_t beside);
/* What has been gathered is so many bytes: takes the memory for them. False: w->failed, or w->starved. */
bool scan_hold(struct scan *w, size_t bytes);
/* True: there is no memory for what it gathers, or not now: it was answered, or begins again when there is. */
bool scan_gives_up(struct scan *w);
/* True: it has waited for memory too long, which was answered. To be asked by what session_has_room() calls. */
bool scan_is_overdue(struct scan *w);
/* How long it may wait for memory. */
uint64_t scan_patience_ms(const struct scan *w);
/* The request is over: it was answered. `w` is freed. */
void scan_done(struct scan *w);
/* What is left of its time, for the next request to the router, ms; 0: the node's. False: nothing is, which was
 * answered. */
bool scan_time(struct scan *w, uint64_t *timeout_ms);

#endif
