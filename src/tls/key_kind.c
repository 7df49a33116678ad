/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/key_kind.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

static const struct {
    const char *name, *curve; /* no curve: RSA */
    unsigned bits;
} kinds[] = {
    [KEY_RSA_2048] = {"rsa2048", NULL, 2048}, [KEY_RSA_3072] = {"rsa3072", NULL, 3072},
    [KEY_RSA_4096] = {"rsa4096", NULL, 4096}, [KEY_P256] = {"p256", "P-256", 256},
    [KEY_P384] = {"p384", "P-384", 384},
};

bool key_kind_parse(const char *name, enum key_kind *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0) {
            *out = (enum key_kind)i;
            return true;
        }
    return false;
}

bool key_kind_is_rsa(enum key_kind kind)
{
    return !kinds[kind].curve;
}

EVP_PKEY *key_kind_make(enum key_kind kind)
{
    return kinds[kind].curve ? EVP_EC_gen(kinds[kind].curve) : EVP_RSA_gen(kinds[kind].bits);
}
