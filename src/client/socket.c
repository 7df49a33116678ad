/* SPDX-License-Identifier: Apache-2.0 */
#include "client/socket.h"

#include "base/err.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t client_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int translate(int e)
{
    switch (e) {
    case EAGAIN:
    case EINTR:
        return E_AGAIN;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return E_CLOSED;
    case ETIMEDOUT:
        return E_TIMEOUT;
    case ENOMEM:
    case ENOBUFS:
        return E_NOMEM;
    }
    return E_IO;
}

static int fail(int e, char *why, size_t why_size)
{
    snprintf(why, why_size, "%s", strerror(e));
    return translate(e);
}

static int open_socket(const struct addrinfo *a, int *fd)
{
    int one = 1;
    int s = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return errno;
    /* Requests are small and wait for their answers: Nagle's algorithm would only hold them back. */
    if (setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        (connect(s, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)) {
        int e = errno;
        close(s);
        return e;
    }
    *fd = s;
    return 0;
}

static int look_up(const char *host, uint16_t port, int flags, struct addrinfo **out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    return getaddrinfo(host, service, &hints, out);
}

int client_socket_start(const char *numeric, uint16_t port, int *fd)
{
    struct addrinfo *a;
    if (look_up(numeric, port, AI_NUMERICHOST, &a) != 0)
        return E_INVALID;
    int e = open_socket(a, fd);
    freeaddrinfo(a);
    return e ? translate(e) : 0;
}

int client_socket_result(int fd, char *why, size_t why_size)
{
    int e = 0;
    socklen_t len = sizeof e;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
        e = errno;
    return e ? fail(e, why, why_size) : 0;
}

int client_socket_wait(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now = client_now_ms();
        uint64_t left = now < deadline_ms ? deadline_ms - now : 0;
        int n = poll(&p, 1, left < INT32_MAX ? (int)left : INT32_MAX);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return translate(errno);
        if (n == 0 && left == 0)
            return E_TIMEOUT;
    }
}

static int connect_one(const struct addrinfo *a, uint64_t deadline_ms, int *fd, char *why, size_t why_size)
{
    int e = open_socket(a, fd);
    if (e)
        return fail(e, why, why_size);
    int err = client_socket_wait(*fd, POLLOUT, deadline_ms);
    if (err)
        snprintf(why, why_size, "%s", err == E_TIMEOUT ? "no answer in time" : err_text(err));
    else
        err = client_socket_result(*fd, why, why_size);
    if (err) {
        close(*fd);
        *fd = -1; /* by now the number may be another thread's */
    }
    return err;
}

static void name_address(const struct addrinfo *a, char *why, size_t why_size, const char *reason)
{
    char host[64] = "?", port[8] = "?";
    getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(why, why_size, "%s port %s: %s", host, port, reason);
}

int client_socket_connect(const char *host, uint16_t port, uint64_t deadline_ms, int *fd, char *why, size_t why_size)
{
    struct addrinfo *all;
    char reason[128] = "";
    int e = look_up(host, port, AI_ADDRCONFIG, &all);
    if (e == EAI_ADDRFAMILY || e == EAI_NONAME) /* a host with only a loopback configures no family at all */
        e = look_up(host, port, 0, &all);
    if (e) {
        snprintf(why, why_size, "%s: %s", host, gai_strerror(e));
        return E_NOT_FOUND;
    }
    int err = E_NOT_FOUND;
    for (const struct addrinfo *a = all; a && err; a = a->ai_next) {
        err = connect_one(a, deadline_ms, fd, reason, sizeof reason);
        if (err)
            name_address(a, why, why_size, reason);
    }
    freeaddrinfo(all);
    return err;
}

int client_socket_send(int fd, const void *data, size_t len, size_t *n)
{
    ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
    *n = sent > 0 ? (size_t)sent : 0;
    return sent < 0 ? translate(errno) : 0;
}

int client_socket_receive(int fd, void *data, size_t cap, size_t *n)
{
    ssize_t got = recv(fd, data, cap, 0);
    *n = got > 0 ? (size_t)got : 0;
    if (got < 0)
        return translate(errno);
    return got == 0 ? E_CLOSED : 0;
}
