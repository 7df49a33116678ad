/* SPDX-License-Identifier: Apache-2.0 */
#include "security/ratchet.h"

#include "base/err.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* HMAC-SHA256 of a label and the random bytes, which makes independent values of one key. */
static int expand(const struct ratchet *r, uint8_t label, const uint8_t random[RATCHET_SIZE], uint8_t out[RATCHET_SIZE])
{
    uint8_t text[1 + RATCHET_SIZE] = {label};
    size_t size;
    memcpy(text + 1, random, RATCHET_SIZE);
    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, r->key, sizeof r->key, text, sizeof text, out, RATCHET_SIZE,
                     &size)
               ? 0
               : E_NOMEM;
}

int ratchet_step(struct ratchet *r, const uint8_t random[RATCHET_SIZE], uint8_t secret[RATCHET_SIZE])
{
    struct ratchet next;
    uint8_t made[RATCHET_SIZE];
    int err = expand(r, 'k', random, next.key);
    if (!err)
        err = expand(r, 's', random, made);
    if (!err) {
        *r = next;
        memcpy(secret, made, sizeof made);
    }
    OPENSSL_cleanse(&next, sizeof next);
    OPENSSL_cleanse(made, sizeof made);
    return err;
}
