/* SPDX-License-Identifier: Apache-2.0 */
/* The given root: the certificate that users' certificates must lead to, and the key that signs this node's own. It is
 * read once, judged once, and never changes: all functions that take it `const` may run on any thread at once. It is
 * not a certificate authority for others: nobody can ask a node to sign. X.509 v1 roots, as F5's recipe makes them, are
 * accepted (ca_is_v1 lets the caller warn). */
#ifndef TLS_CA_H
#define TLS_CA_H

#include "tls/pem.h"

/* Makes of a root another one, by its own key, that says that it is a CA: for texts of errors. */
#define CA_MENDING_COMMAND "ephemeralctl cert ca --renew --root-ca-cert rootCA.crt --root-ca-key rootCA.key"

struct ca;
struct x509_st;
struct evp_pkey_st;
struct stack_st_X509;

/* Both texts are borrowed, in any spelling of pem.h. `now`: seconds since the epoch. The certificate that fits the key
 * signs; of several, as when a root was renewed with its old key, the one whose chain is valid now and ends last. When
 * it is not self-signed, the text must hold its issuers up to the root. About a millisecond.
 *   as pem_normalize(), and
 *   E_MISMATCH     the key belongs to no certificate in the text
 *   E_CERT         expired, not yet valid, not a CA, its issuer is missing
 *   E_UNSUPPORTED  a key that is weak (RSA below 2048 bits, EC below 224), or of a kind that cannot sign for TLS */
int ca_create(struct slice cert_pem, struct slice key_pem, int64_t now, struct ca **out, char *why, size_t why_size);
void ca_destroy(struct ca **ca);

/* Seconds since the epoch: the first end among the certificates of the chain, after which nothing verifies. */
int64_t ca_not_after(const struct ca *ca);
/* When another certificate of the text may become the better one, or this one's chain ends: ca_create() again then;
 * INT64_MAX: never. */
int64_t ca_review_at(const struct ca *ca);
/* How many roots the text holds, all of which are believed. */
size_t ca_root_count(const struct ca *ca);
/* Whether both sign with the same certificate and chain. */
bool ca_equal(const struct ca *a, const struct ca *b);
bool ca_is_v1(const struct ca *ca);
/* The subject in one line, for logs: "CN=rootCA"; cut to fit, borrowed. */
const char *ca_subject(const struct ca *ca);

/* For src/tls alone. Whether a node believes this root; as ca_create(). */
int ca_check_root(struct x509_st *cert, int64_t now, char *why, size_t why_size);
/* Judges nothing, so that others can judge what it signs. Both are counted up. E_NOMEM. */
int ca_wrap(struct x509_st *cert, struct evp_pkey_st *key, struct ca **out);

/* For src/tls alone; all borrowed. */
struct x509_st *ca_x509(const struct ca *ca);          /* the one that signs */
struct evp_pkey_st *ca_key(const struct ca *ca);       /* its private key */
struct stack_st_X509 *ca_anchors(const struct ca *ca); /* self-signed ones: what peers must lead to */
struct stack_st_X509 *ca_chain(const struct ca *ca);   /* what a server sends after its own certificate; may be empty */

#endif
