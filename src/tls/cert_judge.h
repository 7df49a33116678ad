/* SPDX-License-Identifier: Apache-2.0 */
/* What programs will say of certificates: the clients of a store of its root and of its nodes' certificates, a node of
 * a user's. OpenSSL's own verification judges, with the flags that each client sets; what other libraries do
 * differently stands in a rule here, and a test holds it against the client itself (tests/tools/cert_test). */
#ifndef TLS_CERT_JUDGE_H
#define TLS_CERT_JUDGE_H

#include "tls/pem.h"

enum cert_client {
    CERT_CLIENT_PYTHON, /* 3.13 and later: ssl.create_default_context() sets VERIFY_X509_STRICT */
    CERT_CLIENT_GO,     /* crypto/x509 */
    CERT_CLIENT_NODEJS,
    CERT_CLIENT_RIAK, /* Riak's clients of the time of Riak 2: they offer RSA suites alone, and check no host name */
    CERT_CLIENTS
};
const char *cert_client_name(enum cert_client client); /* "Python 3.13 and later"; static */

struct cert_verdict {
    bool ok;
    char why[TLS_WHY_MAX]; /* why not; "" when it is ok */
};

/* The clients about the first root of the text, and the certificates that nodes would make under it; `node`: a node
 * about the root itself. The certificate is not verified against its key. As pem_normalize(); E_INVALID: the first
 * certificate is not self-signed. */
int cert_judge_root(struct slice root_pem, int64_t now, struct cert_verdict out[CERT_CLIENTS],
                    struct cert_verdict *node, char *why, size_t why_size);

/* The clients about a server that shows `chain_pem`, when they believe `roots_pem` and connect to `server_name` (a name
 * or an address; NULL: no name is checked). */
int cert_judge_server(struct slice chain_pem, struct slice roots_pem, const char *server_name, int64_t now,
                      struct cert_verdict out[CERT_CLIENTS], char *why, size_t why_size);

enum cert_finding_kind {
    CERT_FINDING_ROOT,  /* the roots are roots, and one is valid */
    CERT_FINDING_DATES, /* the certificate is valid now */
    CERT_FINDING_KEY,   /* the key belongs to it, and is strong enough */
    CERT_FINDING_CHAIN, /* a node with these roots accepts it from a client: signature, chain, use */
    CERT_FINDING_NAME,  /* it names one user, the one that was asked for */
    CERT_FINDINGS
};
const char *cert_finding_name(enum cert_finding_kind kind); /* "key"; static */

struct cert_user_files {
    struct slice cert_pem, key_pem, roots_pem; /* borrowed */
    const char *user;                          /* NULL: any name will do */
};

/* A node about a user's certificate. `why` of what is ok says what was found. As pem_normalize() for what cannot be
 * read at all. */
int cert_judge_user(const struct cert_user_files *files, int64_t now, struct cert_verdict out[CERT_FINDINGS], char *why,
                    size_t why_size);

#endif
