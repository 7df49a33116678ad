/* SPDX-License-Identifier: Apache-2.0 */
/* Everybody's certificates: the root and the user that F5's recipe made, and from them, by OpenSSL's own means and none
 * of ours, one for each way to be wrong. */
#ifndef TESTS_TLS_CERTS_H
#define TESTS_TLS_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>

enum who {
    NOBODY, /* comes without a certificate */
    /* roots */
    ROOT,       /* F5's recipe: X.509 v1, RSA */
    ROOT_V3,    /* with the extensions of a CA, RSA */
    ROOT_EC,    /* v1, P-256 */
    ROOT_OTHER, /* nobody's */
    ROOT_TWIN,  /* another key under the name of ROOT */
    /* users of them */
    USER, /* F5's recipe */
    USER_EC,
    USER_ED25519,
    USER_STOLEN, /* USER_EC's certificate, without its key */
    USER_V3,     /* by ROOT_V3, as the next */
    OTHER_V3,    /* a second user */
    USER_OF_EC,  /* by ROOT_EC, as the next */
    USER_RSA_OF_EC,
    /* extensions */
    FOR_CLIENTS,
    FOR_SERVERS,
    FOR_BOTH,
    WITH_SAN,
    WITH_CRITICAL,
    /* time and strength */
    EXPIRED,
    NOT_YET,
    WEAK_KEY,
    WEAK_HASH,
    DAMAGED,
    /* names */
    STRANGER,
    CASE_CN,
    TWO_CN,
    TWICE_CN,
    EMPTY_CN,
    NUL_CN,
    NUL_END_CN,
    LONG_CN,
    SPACE_CN,
    BMP_CN,
    NO_CN,
    /* chains */
    SELF_SIGNED,
    BY_OTHER,
    BY_OTHER_WITH_ROOT, /* which it sends along */
    BY_TWIN,
    BY_USER,
    BY_USER_V3,
    CA_1,
    CA_2,
    CA_3,
    CA_4,
    CA_5,
    BY_CA_1,
    BY_CA_1_ALONE, /* does not send it along */
    BY_CA_4,
    BY_CA_5,
    WHO_COUNT
};

struct cred {
    X509 *cert; /* NULL: NOBODY */
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* sent after the certificate; borrowed members */
};

/* `dir` holds the recipe's rootCA.crt, rootCA.key, myuser.crt and myuser.key. Ends the process when it can't. */
void certs_make(struct cred all[WHO_COUNT], const char *dir);
void certs_free(struct cred all[WHO_COUNT]);

/* PEM texts, to be freed. */
char *certs_pem(const struct cred *c);
char *certs_key_pem(const struct cred *c);

#endif
