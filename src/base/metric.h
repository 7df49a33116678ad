/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one node, as one table: name and help come from here, also for the admin port later. A counter only
 * grows; a gauge is set. Plain integers: one loop writes them. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

/* X(name, help) */
#define METRIC_TABLE(X)                                                                                                \
    X(connections_accepted, "connections accepted on the client port")                                                 \
    X(connections_refused, "connections closed because max-connections was reached")                                   \
    X(strangers_closed, "silent connections closed before they authenticated, because another needed the place")       \
    X(connections_open, "client connections open now")                                                                 \
    X(handshakes_full, "TLS handshakes completed with a certificate exchange")                                         \
    X(handshakes_resumed, "TLS handshakes that resumed a session")                                                     \
    X(handshakes_failed, "TLS handshakes that failed")                                                                 \
    X(handshakes_timed_out, "connections closed because they had not authenticated in time")                           \
    X(auth_ok, "connections authenticated")                                                                            \
    X(auth_failed, "failed authentication attempts")                                                                   \
    X(requests, "client requests answered")                                                                            \
    X(requests_failed, "client requests answered with an error")                                                       \
    X(requests_denied, "client requests for which the user has no permission")                                         \
    X(frames_malformed, "frames that could not be decoded")                                                            \
    X(frames_too_large, "frames refused because of their length")                                                      \
    X(bodies_waited, "requests that had to wait for memory")                                                           \
    X(stalled_closed, "connections closed because a large transfer made no progress")                                  \
    X(writes_refused_full, "writes refused because of the memory limit")                                               \
    X(turns_over_10ms, "turns of the event loop that took 10 ms of the processor or more")                             \
    X(turn_longest_us, "longest turn of the event loop, microseconds of the processor")

struct metrics {
#define X(name, help) uint64_t name;
    METRIC_TABLE(X)
#undef X
};

#endif
