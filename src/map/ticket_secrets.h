/* SPDX-License-Identifier: Apache-2.0 */
/* What the keys of TLS session tickets are made from, as all members of a cluster have it: a client's session is
 * resumed at any of them. The newest secret waits for one rotation before tickets are made with it, so that all members
 * have it by then; the one before the current still decrypts. */
#ifndef MAP_TICKET_SECRETS_H
#define MAP_TICKET_SECRETS_H

#include "security/ratchet.h"

#define TICKET_SECRETS_MAX 3

struct ticket_secrets {
    uint32_t generation; /* rotations since the cluster began */
    uint64_t rotated_ms; /* R-TIME: the cluster's time of the last */
    struct ratchet ratchet;
    unsigned count;
    uint8_t secret[TICKET_SECRETS_MAX][RATCHET_SIZE]; /* the newest first */
};

/* Two secrets: the current one, and the next. `random`: unpredictable. E_NOMEM. */
int ticket_secrets_begin(struct ticket_secrets *t, const uint8_t random[RATCHET_SIZE], uint64_t now_ms);
/* One more; the oldest of three is wiped. Where memory fails all are, and this node makes tickets for itself alone. */
void ticket_secrets_rotate(struct ticket_secrets *t, const uint8_t random[RATCHET_SIZE], uint64_t now_ms);
/* Which one makes tickets; 0 where there is none. */
unsigned ticket_secrets_current(const struct ticket_secrets *t);
void ticket_secrets_wipe(struct ticket_secrets *t);

#endif
