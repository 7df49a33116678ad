/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of keys that this program makes. */
#ifndef TLS_KEY_KIND_H
#define TLS_KEY_KIND_H

#include <stdbool.h>

enum key_kind { KEY_RSA_2048, KEY_RSA_3072, KEY_RSA_4096, KEY_P256, KEY_P384 };

#define KEY_KIND_NAMES "rsa2048, rsa3072, rsa4096, p256 or p384"

/* False: `name` is none of KEY_KIND_NAMES. */
bool key_kind_parse(const char *name, enum key_kind *out);

/* For src/tls alone. */
struct evp_pkey_st;
bool key_kind_is_rsa(enum key_kind kind);
/* A new key, returned owned; NULL: OpenSSL says why. An RSA key takes 50 ms to some seconds. */
struct evp_pkey_st *key_kind_make(enum key_kind kind);

#endif
