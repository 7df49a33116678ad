/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's notification protocol, sd_notify(3): a service tells its manager how it fares, by datagrams of assignments
 * ("READY=1\nSTATUS=...") to the socket that NOTIFY_SOCKET names. */
#ifndef NET_SD_NOTIFY_H
#define NET_SD_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

struct sd_notify {
    int fd; /* -1: nobody is told anything */
    struct sockaddr_un address;
    socklen_t address_size;
};

/* `socket`: "/path", or "@name" of the abstract name space; NULL or empty: nobody is told. E_UNSUPPORTED: another kind
 * of address, E_IO: no socket; then nobody is told either. */
int sd_notify_open(struct sd_notify *n, const char *socket);
void sd_notify_close(struct sd_notify *n);

/* One datagram, without waiting. E_AGAIN: its queue is full, so nothing was told; E_IO: the manager is not there. 0
 * also where nobody is told. */
int sd_notify_tell(const struct sd_notify *n, const char *assignments);

#endif
