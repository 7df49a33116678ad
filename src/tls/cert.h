/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that are minted from the given root, for nodes and users: those of a node, which are the
 * server's that clients see and the one that other nodes see, and users', which an operator makes. The private key of a
 * node never leaves the process. Functions here share
 * nothing: minting may run on a worker thread while the loop goes on, and the result is handed to tls_ctx_renew() on
 * the loop. */
#ifndef TLS_CERT_H
#define TLS_CERT_H

#include "base/id.h"
#include "tls/ca.h"
#include "tls/cert_role.h"
#include "tls/key_kind.h"

#define CERT_NAMES_MAX      64                    /* names of one node: host, FQDN, services, addresses */
#define CERT_NAME_SIZE_MAX  253                   /* of a DNS name, in bytes */
#define CERT_LIFE_DEFAULT_S ((int64_t)30 * 86400) /* short: nobody can revoke it */
#define CERT_LIFE_MIN_S     ((int64_t)60)
#define CERT_LIFE_MAX_S     ((int64_t)397 * 86400) /* the longest that browsers' rules allow */

struct cert; /* a certificate with its private key */

/* Whether a certificate can carry `name`: an IPv4 or IPv6 address, or a DNS name whose labels have 1 to 63 letters,
 * digits, '-' and '_' (a leading "*." is allowed, a dot at the end is not). */
bool cert_can_carry(const char *name);

enum cert_key { CERT_RSA_2048, CERT_ECDSA_P256 };

struct cert_request {
    const char *common_name;   /* NULL: the first of `names`; one over 64 bytes is replaced by "ephemeral-store" */
    const char *const *names;  /* 1 to CERT_NAMES_MAX, each of which cert_can_carry() */
    size_t name_count;         /* repeated names are taken once */
    int64_t now;               /* seconds since the epoch */
    int64_t life_s;            /* 0: CERT_LIFE_DEFAULT_S; never beyond the end of the root */
    const struct cert *key_of; /* its key serves again, which must be of that kind; NULL: a new one is made */
};

/* A certificate and its key. Everything in `req` is borrowed. A new key is SLOW for CERT_RSA_2048: 50 to 500 ms (it
 * looks for primes); CERT_ECDSA_P256 takes about a millisecond. E_INVALID (names, life), E_CERT (the root is not valid
 * now), E_NOMEM, E_TLS (OpenSSL failed, why says how). */
int cert_mint_server(const struct ca *ca, const struct cert_request *req, enum cert_key key, struct cert **out,
                     char *why, size_t why_size);

struct cert_node_request {
    const char *common_name; /* of a tool: the user that it comes as; NULL: the name of the incarnation */
    struct incarnation incarnation;
    int64_t now;    /* seconds since the epoch */
    int64_t life_s; /* 0: CERT_LIFE_DEFAULT_S; never beyond the end of the root */
};

/* A certificate of the role node (cert_role.h) with a new ECDSA key, for both sides of a connection between nodes.
 * About a millisecond. E_INVALID (life), E_CERT, E_NOMEM, E_TLS. */
int cert_mint_node(const struct ca *ca, const struct cert_node_request *req, struct cert **out, char *why,
                   size_t why_size);

#define CERT_USER_LIFE_MAX_S ((int64_t)36500 * 86400)

struct cert_user_request {
    const char *common_name; /* the user's name, 1 to 64 bytes */
    enum key_kind key;
    int64_t now;    /* seconds since the epoch */
    int64_t life_s; /* CERT_LIFE_MIN_S to CERT_USER_LIFE_MAX_S; never beyond the end of the root */
};

/* For clients alone. As cert_mint_node(), but as slow as the key is. */
int cert_mint_user(const struct ca *ca, const struct cert_user_request *req, struct cert **out, char *why,
                   size_t why_size);

void cert_destroy(struct cert **c);

int64_t cert_not_after(const struct cert *c); /* seconds since the epoch */
/* When to mint its successor: at two thirds of its life; INT64_MAX when it already ends with the root, because a new
 * one would end no later. */
int64_t cert_renew_at(const struct cert *c);

/* Appends the certificate and its key as PEM, for a context that takes texts (tls_client_config). Both buffers must be
 * empty and allow PEM_OUT_MAX bytes; pem_wipe() `key_pem` after use, also after a failure. E_NOMEM, E_TOO_LARGE. */
int cert_to_pem(const struct cert *c, struct buf *cert_pem, struct buf *key_pem);

/* For src/tls alone; borrowed. */
struct x509_st *cert_x509(const struct cert *c);
struct evp_pkey_st *cert_key_of(const struct cert *c);

#endif
