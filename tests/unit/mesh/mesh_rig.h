/* SPDX-License-Identifier: Apache-2.0 */
/* A mesh whose connections lead to the test: it is told what comes in and asked what has gone out. */
#ifndef CLUSTER_MESH_RIG_H
#define CLUSTER_MESH_RIG_H

#include "mesh/mesh.h"

#define RIG_WIRES_MAX 1024
#define RIG_FRAME_MAX ((size_t)100 * 1024)

struct rig;

/* One connection, as the other side sees it. */
struct wire {
    struct stream stream; /* first */
    struct rig *rig;
    struct stream_user *user;
    char address[PEER_ADDRESS_SIZE]; /* that was dialed; "": it was accepted */
    uint16_t port;
    uint64_t dialed_ms;
    bool used, closing, closed;
    unsigned flushes;
};

struct rig {
    uint64_t now_ms;
    struct clock clock;
    struct timers timers;
    struct log log;
    struct dialer dialer;
    struct mesh mesh;
    struct wire wire[RIG_WIRES_MAX];
    unsigned wire_count;
    int dial_err;     /* that the dialer answers with */
    const char *from; /* where the connections that it accepts come from; NULL: 10.0.0.9 */
    unsigned lines;   /* warnings and errors in the log */
    char line[256];   /* the last */
    /* what the hooks heard */
    int frame_err; /* that they answer with */
    unsigned frames, beacons, opened, closed, ended, drained, kind;
    char ended_address[PEER_ADDRESS_SIZE]; /* of the last that ended */
    uint16_t ended_port;
    size_t body_len;
    uint64_t body_sum; /* of all bodies' bytes, each by its place */
    bool closes;       /* the frame hook closes the connection */
};

void rig_init(struct rig *r);
void rig_fini(struct rig *r);
/* Lets time pass, and what is being closed end. */
void rig_run(struct rig *r, uint64_t ms);

/* A node with that number, which also makes its address and place. */
struct peer_hello rig_hello(unsigned number, enum peer_plane plane);
void rig_candidate(struct rig *r, unsigned number);

/* What the mesh knows of that node. */
struct peer *rig_peer(struct rig *r, unsigned number);
struct endpoint *rig_endpoint(struct rig *r, unsigned number);
struct link *rig_link(struct rig *r, unsigned number, enum peer_plane plane);
/* Dials it, and it answers: on the control plane, or on all. */
void rig_reach(struct rig *r, unsigned number, bool planes);

/* The last connection that was dialed to that node's port of the plane, and has not ended; NULL: none. */
struct wire *rig_dialed(struct rig *r, unsigned number, enum peer_plane plane);
unsigned rig_dials(const struct rig *r, unsigned number);
struct wire *rig_accept(struct rig *r); /* NULL: not wanted */
void rig_secure(struct wire *w, unsigned number);
void rig_say(struct wire *w, const struct peer_hello *h);
/* The handshake and its hello. */
void rig_greet(struct wire *w, unsigned number, enum peer_plane plane);
struct wire *rig_visit(struct rig *r, unsigned number, enum peer_plane plane);
void rig_input(struct wire *w, struct slice bytes);
void rig_frame(struct wire *w, unsigned kind, const void *body, size_t len);
void rig_beacon(struct wire *w, const struct peer_beacon *b);
void rig_end(struct wire *w); /* the connection is gone */

/* Takes what this node has said: one frame, which must be of that kind. */
struct slice rig_take(struct wire *w, enum peer_msg_kind kind, struct buf *keep);
void rig_expect_hello(struct wire *w, enum peer_plane plane);
bool rig_is_shut(const struct wire *w); /* this node has closed it */

#endif
