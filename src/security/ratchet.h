/* SPDX-License-Identifier: Apache-2.0 */
/* A hash ratchet: secrets from random bytes that many may have seen, such as in a log. Each step takes random bytes in,
 * gives a secret out, and replaces the ratchet's key. Whoever learns the key later, and all random bytes, learns the
 * secrets that follow and none of those before; the random bytes without the key tell nothing. */
#ifndef SECURITY_RATCHET_H
#define SECURITY_RATCHET_H

#include <stdint.h>

#define RATCHET_SIZE 32

struct ratchet {
    uint8_t key[RATCHET_SIZE]; /* unpredictable, to begin with */
};

/* E_NOMEM: nothing has changed. */
int ratchet_step(struct ratchet *r, const uint8_t random[RATCHET_SIZE], uint8_t secret[RATCHET_SIZE]);

#endif
