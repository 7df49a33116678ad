/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that clients come with, and the warnings before they end: 30, 14, 7 and 1 days, and when it is over.
 * A certificate is known by its user and its end. It is in use while a connection of it is open, and for a day after
 * the last one, unless the user comes with one that ends later. The table is bounded: the certificates that end first
 * have the places, so that none is missed when its time has come. */
#ifndef SESSION_CLIENT_CERTS_H
#define SESSION_CLIENT_CERTS_H

#include "base/log.h"
#include "io/clock.h"

#include <stdbool.h>

#define CLIENT_CERTS_MAX       64
#define CLIENT_CERTS_KEPT_MS   ((uint64_t)24 * 3600 * 1000)
#define CLIENT_CERTS_CHECK_MS  ((uint64_t)60 * 1000)
#define CLIENT_CERTS_USER_SIZE 256 /* with the NUL */

struct client_cert {
    bool used;
    char user[CLIENT_CERTS_USER_SIZE];
    int64_t not_after;  /* seconds since the epoch */
    size_t connections; /* that are open */
    uint64_t left_ms;   /* when the last one ended */
    int stage;          /* that was warned of: base/validity.h */
};

/* All zeros: empty. Holds no memory of its own. */
struct client_certs {
    struct client_cert entry[CLIENT_CERTS_MAX];
    uint64_t next_check_ms;
};

/* A connection of this user, who has shown a certificate, has begun, or ended. Warns at the first where it is time. */
void client_certs_open(struct client_certs *c, const struct clock *clock, const struct log *log, const char *user,
                       int64_t not_after);
void client_certs_close(struct client_certs *c, const struct clock *clock, const char *user, int64_t not_after);
/* Looks at all of them, once in CLIENT_CERTS_CHECK_MS: for every turn of the loop. */
void client_certs_turn(struct client_certs *c, const struct clock *clock, const struct log *log);
/* The one that ends first; NULL: none is in use. */
const struct client_cert *client_certs_first(const struct client_certs *c);

#endif
