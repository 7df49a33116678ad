/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP or HTTPS server that does what the path asks for, well or badly, on 127.0.0.1 and threads of its own. */
#ifndef TESTS_NET_HTTP_SERVER_H
#define TESTS_NET_HTTP_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define HTTP_SERVER_CONNECTIONS_MAX 32
#define HTTP_SERVER_HEAD_SIZE       4096

struct http_server;
struct pki;

struct http_server_connection {
    struct http_server *server;
    pthread_t thread;
    int fd;
};

struct http_server {
    int fd;
    uint16_t port;
    void *tls; /* SSL_CTX; NULL: plain */
    pthread_t thread;
    pthread_mutex_t mutex;
    struct http_server_connection connections[HTTP_SERVER_CONNECTIONS_MAX];
    unsigned count;                   /* of connections that came, ended ones too */
    unsigned requests;                /* that came whole */
    char head[HTTP_SERVER_HEAD_SIZE]; /* of the last */
};

/* `identity`: of an HTTPS server; NULL: HTTP. Paths:
 *   /ok        200, "hello"                       /empty    200 without a body
 *   /status/N  N, "no"                            /chunked  "hello, world" in three chunks
 *   /redirect  302 to /ok                         /size/N   N bytes with a length
 *   /stream/N  N bytes in chunks                  /early    half of what its length says, then the end
 *   /silent    nothing                            /drip     a head that never ends, line by line without a pause
 *   /garbage   not HTTP                           /half     half a head, then the end
 *   /close     200, "hello", then the end         /drop     takes the request, then the end
 *   /line      a header line that never ends */
void http_server_start(struct http_server *s, const struct pki *identity);
/* Ends all connections. */
void http_server_stop(struct http_server *s);

unsigned http_server_count(struct http_server *s);
unsigned http_server_requests(struct http_server *s);
/* Copies the last request's head. */
void http_server_head(struct http_server *s, char out[HTTP_SERVER_HEAD_SIZE]);

#endif
