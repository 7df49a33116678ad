/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/net/http_server.h"

#include "support.h"
#include "unit/tls/pki.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct link {
    struct http_server *server;
    int fd;
    SSL *ssl; /* NULL: plain */
};

/* --- bytes --- */

static int receive(const struct link *l, char *out, int size)
{
    return l->ssl ? SSL_read(l->ssl, out, size) : (int)recv(l->fd, out, (size_t)size, 0);
}

static bool send_bytes(const struct link *l, const char *data, size_t size)
{
    while (size) {
        int n = l->ssl ? SSL_write(l->ssl, data, (int)size) : (int)send(l->fd, data, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool send_text(const struct link *l, const char *text)
{
    return send_bytes(l, text, strlen(text));
}

/* --- answers --- */

static bool say(const struct link *l, unsigned status, const char *headers, const char *body)
{
    char text[512];
    snprintf(text, sizeof text, "HTTP/1.1 %u Yes\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body),
             body);
    return send_text(l, text);
}

static bool say_size(const struct link *l, size_t size, bool chunked)
{
    char head[128], block[1024];
    memset(block, 'x', sizeof block);
    snprintf(head, sizeof head,
             chunked ? "HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n"
                     : "HTTP/1.1 200 Yes\r\nContent-Length: %zu\r\n\r\n",
             size);
    bool good = send_text(l, head);
    while (size && good) {
        size_t n = size < sizeof block ? size : sizeof block;
        snprintf(head, sizeof head, "%zx\r\n", n);
        good = (!chunked || send_text(l, head)) && send_bytes(l, block, n) && (!chunked || send_text(l, "\r\n"));
        size -= n;
    }
    return good && (!chunked || send_text(l, "0\r\n\r\n"));
}

static bool drip(const struct link *l)
{
    bool good = send_text(l, "HTTP/1.1 200 Yes\r\n");
    while (good)
        good = send_text(l, "X-More: and more and more and more and more and more and more\r\n");
    return false;
}

/* One line that never ends. */
static bool send_line(const struct link *l)
{
    bool good = send_text(l, "HTTP/1.1 200 Yes\r\nX-More: ");
    while (good)
        good = send_text(l, "and more and more and more and more and more and more and more ");
    return false;
}

/* Until the client has gone. */
static bool be_silent(const struct link *l)
{
    char byte;
    while (receive(l, &byte, 1) > 0)
        continue;
    return false;
}

static bool answer_badly(const struct link *l, const char *path)
{
    if (strcmp(path, "/silent") == 0)
        return be_silent(l);
    if (strcmp(path, "/drip") == 0)
        return drip(l);
    if (strcmp(path, "/line") == 0)
        return send_line(l);
    if (strcmp(path, "/early") == 0)
        send_text(l, "HTTP/1.1 200 Yes\r\nContent-Length: 10\r\n\r\nhello");
    if (strcmp(path, "/garbage") == 0)
        send_text(l, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    if (strcmp(path, "/half") == 0)
        send_text(l, "HTTP/1.1 200 Yes\r\nContent-");
    if (strcmp(path, "/close") == 0)
        say(l, 200, "Connection: close\r\n", "hello");
    return false;
}

/* Whether the connection goes on. */
static bool answer(const struct link *l, const char *path)
{
    unsigned n;
    if (strcmp(path, "/ok") == 0)
        return say(l, 200, "", "hello");
    if (strcmp(path, "/empty") == 0)
        return say(l, 200, "", "");
    if (strcmp(path, "/redirect") == 0)
        return say(l, 302, "Location: /ok\r\n", "elsewhere");
    if (strcmp(path, "/chunked") == 0)
        return send_text(l, "HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "5\r\nhello\r\n2\r\n, \r\n5;x=y\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n");
    if (sscanf(path, "/status/%u", &n) == 1)
        return say(l, n, "", "no");
    if (sscanf(path, "/size/%u", &n) == 1)
        return say_size(l, n, false);
    if (sscanf(path, "/stream/%u", &n) == 1)
        return say_size(l, n, true);
    return answer_badly(l, path);
}

/* --- connections --- */

static bool take_head(const struct link *l, char *head)
{
    size_t len = 0;
    while (len < HTTP_SERVER_HEAD_SIZE - 1 && (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0)) {
        int n = receive(l, head + len, 1);
        if (n <= 0)
            return false;
        if (head[0] != 'G') { /* no GET: TLS, perhaps */
            say(l, 400, "", "");
            return false;
        }
        len++;
    }
    head[len] = '\0';
    return true;
}

static void note(struct http_server *s, const char *head)
{
    pthread_mutex_lock(&s->mutex);
    s->requests++;
    memcpy(s->head, head, HTTP_SERVER_HEAD_SIZE);
    pthread_mutex_unlock(&s->mutex);
}

static void serve(const struct link *l)
{
    char head[HTTP_SERVER_HEAD_SIZE], path[64];
    bool goes_on = true;
    while (goes_on && take_head(l, head)) {
        note(l->server, head);
        goes_on = sscanf(head, "GET %63s ", path) == 1 && answer(l, path);
    }
}

static void *run_connection(void *arg)
{
    struct http_server_connection *c = arg;
    struct link l = {.server = c->server, .fd = c->fd};
    if (c->server->tls) {
        l.ssl = SSL_new(c->server->tls);
        SSL_set_fd(l.ssl, c->fd);
    }
    if (!l.ssl || SSL_accept(l.ssl) == 1)
        serve(&l);
    if (l.ssl)
        SSL_shutdown(l.ssl);
    SSL_free(l.ssl);
    shutdown(c->fd, SHUT_RDWR); /* closed at the end, so that its number stays its own */
    return NULL;
}

static void *run(void *arg)
{
    struct http_server *s = arg;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&s->mutex);
        struct http_server_connection *c = &s->connections[s->count];
        *c = (struct http_server_connection){.server = s, .fd = fd};
        if (s->count < HTTP_SERVER_CONNECTIONS_MAX && pthread_create(&c->thread, NULL, run_connection, c) == 0)
            s->count++;
        else
            close(fd);
        pthread_mutex_unlock(&s->mutex);
    }
    return NULL;
}

/* --- its life --- */

static SSL_CTX *make_tls(const struct pki *identity)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_use_certificate(ctx, identity->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, identity->key), 1);
    return ctx;
}

void http_server_start(struct http_server *s, const struct pki *identity)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    *s = (struct http_server){.mutex = PTHREAD_MUTEX_INITIALIZER};
    s->tls = identity ? make_tls(identity) : NULL;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

void http_server_stop(struct http_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (unsigned i = 0; i < s->count; i++) {
        shutdown(s->connections[i].fd, SHUT_RDWR);
        pthread_join(s->connections[i].thread, NULL);
        close(s->connections[i].fd);
    }
    SSL_CTX_free(s->tls);
    pthread_mutex_destroy(&s->mutex);
}

unsigned http_server_count(struct http_server *s)
{
    pthread_mutex_lock(&s->mutex);
    unsigned count = s->count;
    pthread_mutex_unlock(&s->mutex);
    return count;
}

unsigned http_server_requests(struct http_server *s)
{
    pthread_mutex_lock(&s->mutex);
    unsigned requests = s->requests;
    pthread_mutex_unlock(&s->mutex);
    return requests;
}

void http_server_head(struct http_server *s, char out[HTTP_SERVER_HEAD_SIZE])
{
    pthread_mutex_lock(&s->mutex);
    memcpy(out, s->head, HTTP_SERVER_HEAD_SIZE);
    pthread_mutex_unlock(&s->mutex);
}
