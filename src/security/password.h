/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords, as PBKDF2 (RFC 8018) with HMAC-SHA-256 keeps them. To check one takes tens of milliseconds, on purpose: it
 * goes in steps, so that who runs a loop can do other things between them. */
#ifndef SECURITY_PASSWORD_H
#define SECURITY_PASSWORD_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define PASSWORD_SALT           16
#define PASSWORD_HASH           32
#define PASSWORD_ITERATIONS     UINT32_C(65536) /* Riak's */
#define PASSWORD_ITERATIONS_MIN UINT32_C(1000)
#define PASSWORD_ITERATIONS_MAX UINT32_C(10000000)

struct password {
    uint8_t salt[PASSWORD_SALT]; /* of chance */
    uint8_t hash[PASSWORD_HASH];
    uint32_t iterations;
};

struct password_try {
    struct evp_mac_ctx_st *mac; /* NULL: none is under way */
    uint8_t u[PASSWORD_HASH], sum[PASSWORD_HASH];
    uint32_t left; /* iterations */
};

/* `out` has salt and iterations. E_NOMEM. */
int password_make(struct password *out, struct slice text);

/* begin -> step until it says true -> end. `text` is borrowed for the call of begin. E_NOMEM. */
int password_begin(struct password_try *t, const struct password *p, struct slice text);
bool password_step(struct password_try *t, uint32_t iterations);
/* Frees. Whether it is the password; also to be called to give up, when what it says means nothing. */
bool password_end(struct password_try *t, const struct password *p);

#endif
