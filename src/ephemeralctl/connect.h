/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a connected client, and from failures to what a human should look at. */
#ifndef EPHEMERALCTL_CONNECT_H
#define EPHEMERALCTL_CONNECT_H

#include "client/client.h"
#include "ephemeralctl/options.h"

#define CONNECTION_PATH_MAX 4096

struct connection {
    struct client_identity *identity;
    struct client *client;
};

/* 0, or an exit status of sysexits.h after saying on stderr what is wrong and what to do. */
int connection_open(const struct options *o, struct connection *out);
/* The two steps of it, for who tries more than once. The identity alone; speaks as connection_open() does. */
int connection_prepare(const struct options *o, struct connection *out);
/* Connects within timeout_ms. What client_connect() returns; nothing is printed, `why` says more. */
int connection_try(const struct options *o, unsigned timeout_ms, struct connection *c, char *why, size_t why_size);
void connection_close(struct connection *c);

/* The directory of the user's certificates: as given, or where `make run` leaves them; NULL: there is none. */
const char *connection_certs(const struct options *o, char room[CONNECTION_PATH_MAX]);

/* The exit status for an error code. */
int exit_status(int err);

#endif
