/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the matrix: what is tried, against which node, what must come of it. */
#ifndef TESTS_TLS_ROWS_H
#define TESTS_TLS_ROWS_H

#include "probe.h"

enum node_id {
    MANIFEST, /* F5's recipe and manifest, nothing else */
    V3,       /* a v3 root; two users */
    EC,       /* an ECDSA root */
    CHANGE,   /* an old root beside the new one, while users change over */
    BELOW,    /* signs with a CA below the root */
    MODERN,   /* legacy-suites off */
    HURRIED,  /* waits for nobody */
    NODE_COUNT
};

#define HURRIED_TIMEOUT_MS 500u
#define HURRIED_DELAY_MS   200u

struct matrix {
    struct node nodes[NODE_COUNT];
    struct cred creds[WHO_COUNT];
};

struct row {
    const char *what;
    const char *expected;
    enum node_id node;
    enum who who;
    int version;        /* 0: TLS 1.2 and 1.3 */
    const char *suites; /* of TLS 1.2 */
    const char *user;   /* in RpbAuthReq; NULL: myuser */
    uint16_t suite;     /* for a ClientHello by hand */
    bool direct;        /* TLS from the first byte */
    bool no_tickets;    /* a client of TLS 1.2 that knows none, as Java's before 13 */
    /* NULL: comes in with all of this, "let in". Leaves in p->seen what came of it. */
    void (*run)(struct probe *p, const struct row *r, struct matrix *m);
};

struct rows {
    const char *title;
    const struct row *rows;
    size_t count;
};

extern const struct rows rows_certs, rows_suites, rows_protocol, rows_sessions, rows_server, rows_time;

static inline struct manner row_manner(const struct row *r, struct matrix *m)
{
    return (struct manner){
        .cred = &m->creds[r->who], .version = r->version, .suites = r->suites, .no_tickets = r->no_tickets};
}

static inline const char *row_user(const struct row *r)
{
    return r->user ? r->user : MYUSER;
}

#define ROWS(name, heading)                                                                                            \
    const struct rows name = {.title = (heading), .rows = rows, .count = sizeof rows / sizeof rows[0]}

#endif
