/* One connection as a server's session sees it: a place to put bytes, and a few wishes. Who implements it (src/net over
 * TCP and TLS, or the simulation) calls the session's side: session_input(), session_secure(), session_drained(),
 * session_closed() of server/session.h. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "base/outq.h"

#include <stdbool.h>

struct stream;

struct stream_ops {
    /* Something stands in the output queue, put there outside of the session's own callbacks: send it. */
    void (*flush)(struct stream *s);
    /* Bytes behind those that the session has consumed, and all that come, are TLS; so is all output after what stands
     * in the queue now. */
    void (*start_tls)(struct stream *s);
    /* Give the session no more input (on), or go on (off). What has been read already is still given. */
    void (*pause)(struct stream *s, bool on);
    /* Sends what stands in the queue, then closes; session_closed() follows, never from inside this call. */
    void (*close)(struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    struct outq out;
};

/* The session's length of queue over which it answers no further request, and under which it goes on. */
#define STREAM_HIGH_WATER ((size_t)256 * 1024)
#define STREAM_LOW_WATER  ((size_t)64 * 1024)

#endif
