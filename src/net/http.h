/* SPDX-License-Identifier: Apache-2.0 */
/* io/http.h over libcurl's multi interface. All of it runs on the loop: sockets are libuv's, time is the loop's, and
 * names go to the resolver, because libcurl waits for its own threads that look up names when a request ends (7.88 to
 * 8.14), and a name server that does not answer would hold the loop.
 *
 * Redirects are not followed; proxies of the environment are not used. Connections are kept for the next request, a few
 * of them. TLS 1.2 or later, HTTP/1.1. The process is to ignore SIGPIPE. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "io/http.h"
#include "io/resolver.h"
#include "net/curl.h"
#include "net/loop.h"

#define HTTP_CALLS_MAX       8
#define HTTP_CONNECTIONS_MAX 4                    /* that are kept */
#define HTTP_HEAD_MAX        ((size_t)64 * 1024)  /* bytes of an answer's headers */
#define HTTP_FILE_MAX        ((size_t)512 * 1024) /* bytes of a file of roots; of a secret, an eighth */

struct net_http {
    struct http http;
    struct net_loop *loop;
    struct resolver *resolver;
    struct curl curl;
    CURLM *multi; /* NULL until the first request */
    struct timer timer;
    struct list calls;
    size_t count; /* of them */
    bool ended;
};

/* Whether a request could be made here: E_UNSUPPORTED, E_NOMEM, with the reason in `why`. */
int net_http_check(char *why, size_t why_size);

/* Both are borrowed. Takes no memory before the first request. */
void net_http_init(struct net_http *h, struct net_loop *loop, struct resolver *resolver);
/* Cancels all calls; get() gives E_CLOSED from now on. The struct must live until net_loop_fini(). */
void net_http_stop(struct net_http *h);

#endif
