/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sd_notify.h"

#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

int sd_notify_open(struct sd_notify *n, const char *socket_name)
{
    size_t len = socket_name ? strlen(socket_name) : 0;
    *n = (struct sd_notify){.fd = -1, .address = {.sun_family = AF_UNIX}};
    if (!len)
        return 0;
    if ((socket_name[0] != '/' && socket_name[0] != '@') || len < 2 || len >= sizeof n->address.sun_path)
        return E_UNSUPPORTED;
    memcpy(n->address.sun_path, socket_name, len);
    if (socket_name[0] == '@')
        n->address.sun_path[0] = '\0';
    n->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return n->fd < 0 ? E_IO : 0;
}

void sd_notify_close(struct sd_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

int sd_notify_tell(const struct sd_notify *n, const char *assignments)
{
    if (n->fd < 0 || sendto(n->fd, assignments, strlen(assignments), MSG_NOSIGNAL, (const struct sockaddr *)&n->address,
                            n->address_size) >= 0)
        return 0;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? E_AGAIN : E_IO;
}
