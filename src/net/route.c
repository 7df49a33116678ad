/* SPDX-License-Identifier: Apache-2.0 */
#include "net/route.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Any port: connecting a datagram socket only looks up the route. */
#define PORT 9

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t parse(const char *text, union address *out)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(PORT);
        return sizeof out->v4;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(PORT);
        return sizeof out->v6;
    }
    return 0;
}

int net_route_source(const char *towards, char *out)
{
    union address a;
    socklen_t size = parse(towards, &a);
    if (!size)
        return E_INVALID;
    int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return E_IO;
    bool known = connect(fd, &a.any, size) == 0 && getsockname(fd, &a.any, &size) == 0;
    close(fd);
    if (!known)
        return E_IO;
    const void *host = a.any.sa_family == AF_INET ? (const void *)&a.v4.sin_addr : (const void *)&a.v6.sin6_addr;
    return inet_ntop(a.any.sa_family, host, out, 46) ? 0 : E_IO;
}
