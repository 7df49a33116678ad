/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, from both sides: the stream is a place to put bytes, and a few wishes; its user is the machine that
 * takes what comes in. Who implements the stream (src/net over TCP and TLS, or the simulation) makes the calls of the
 * user: a client's session (session/session.h) or a link between nodes (mesh/mesh.h). */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "base/id.h"
#include "base/outq.h"

#include <stdbool.h>

struct stream;

struct stream_ops {
    /* Something stands in the output queue, put there outside of the user's own callbacks: send it. */
    void (*flush)(struct stream *s);
    /* Bytes after those that the user has consumed, and all that come, are TLS; so is all output after what stands
     * in the queue now. `bare`: the peer may be without a certificate. Not for links, which are TLS from their first
     * byte. */
    void (*start_tls)(struct stream *s, bool bare);
    /* Give the user no more input (on), or go on (off). What has been read already is still given. */
    void (*pause)(struct stream *s, bool on);
    /* Sends what stands in the queue, then closes; closed() follows, never from inside this call. */
    void (*close)(struct stream *s);
    /* The peer has authenticated: it leaves the places of those who have not, and takes one of those who have. False:
     * none of these is free; the user is to say so and to close. A link's peer is trusted from secure() on without it.
     */
    bool (*trusted)(struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    struct outq out;
    size_t unsent; /* bytes of memory that hold what has left the queue, and not the process */
};

/* What the transport knows about the peer after the TLS handshake. */
struct stream_peer {
    size_t cn_count;   /* common names in its certificate's subject; 0 also without a certificate */
    char cn[256];      /* the first */
    int64_t not_after; /* when its certificate ends, seconds since the epoch; 0: not known, or it has none */
    bool is_node;      /* its certificate has the role node, */
    struct incarnation incarnation; /* and names this incarnation; zeros: none */
};

struct stream_user;

struct stream_user_ops {
    /* Bytes have come: in the clear before start_tls, decrypted after. Returns how many of them were taken: all, unless
     * the user asked for start_tls, where the rest is TLS. Answers stand in the output queue afterwards. */
    size_t (*input)(struct stream_user *u, struct slice in);
    /* The TLS handshake is done and the certificate verified. */
    void (*secure)(struct stream_user *u, const struct stream_peer *peer);
    /* The output queue has fallen under STREAM_LOW_WATER, or ran empty. */
    void (*drained)(struct stream_user *u);
    /* The connection is gone, or could not be made; `why` for the log, borrowed. The stream ends with this call, and
     * nothing else is called after it. Never from inside a call to the stream: the user may free itself. */
    void (*closed)(struct stream_user *u, const char *why);
};

struct stream_user {
    const struct stream_user_ops *ops;
};

/* The length of queue over which a user begins nothing further, and under which it goes on. */
#define STREAM_HIGH_WATER ((size_t)256 * 1024)
#define STREAM_LOW_WATER  ((size_t)64 * 1024)

#endif
