/* SPDX-License-Identifier: Apache-2.0 */
#include "security/password.h"

#include "base/err.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_MAC_CTX *new_mac(struct slice key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    /* An empty key has to be given too, by an address. */
    const uint8_t *bytes = key.len ? key.data : (const uint8_t *)"";
    if (ctx && EVP_MAC_init(ctx, bytes, key.len, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* The key stays that of new_mac(). */
static bool hmac(EVP_MAC_CTX *ctx, const uint8_t *in, size_t len, uint8_t *out)
{
    size_t n;
    return EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && EVP_MAC_update(ctx, in, len) == 1 &&
           EVP_MAC_final(ctx, out, &n, PASSWORD_HASH) == 1;
}

int password_begin(struct password_try *t, const struct password *p, struct slice text)
{
    uint8_t first[PASSWORD_SALT + 4] = {[PASSWORD_SALT + 3] = 1}; /* the number of the one block */
    memcpy(first, p->salt, PASSWORD_SALT);
    *t = (struct password_try){.mac = new_mac(text), .left = p->iterations - 1};
    if (t->mac && hmac(t->mac, first, sizeof first, t->u)) {
        memcpy(t->sum, t->u, sizeof t->sum);
        return 0;
    }
    EVP_MAC_CTX_free(t->mac);
    t->mac = NULL;
    return E_NOMEM;
}

/* HMAC over 32 bytes with a key that is set does not fail; if it does, the sum is of no password. */
bool password_step(struct password_try *t, uint32_t iterations)
{
    for (; iterations && t->left; iterations--, t->left--) {
        if (!hmac(t->mac, t->u, sizeof t->u, t->u))
            memset(t->u, 0, sizeof t->u);
        for (unsigned i = 0; i < sizeof t->sum; i++)
            t->sum[i] ^= t->u[i];
    }
    return t->left == 0;
}

bool password_end(struct password_try *t, const struct password *p)
{
    bool same = t->mac && t->left == 0 && CRYPTO_memcmp(t->sum, p->hash, sizeof t->sum) == 0;
    EVP_MAC_CTX_free(t->mac);
    OPENSSL_cleanse(t, sizeof *t);
    return same;
}

int password_make(struct password *out, struct slice text)
{
    struct password_try t;
    int err = password_begin(&t, out, text);
    if (err)
        return err;
    password_step(&t, UINT32_MAX);
    memcpy(out->hash, t.sum, sizeof out->hash);
    password_end(&t, out);
    return 0;
}
