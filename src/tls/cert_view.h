/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a certificate, as plain values, for people who look at it. Everything is printable text that was taken
 * from it as it is: nothing here is verified (cert_judge.h). */
#ifndef TLS_CERT_VIEW_H
#define TLS_CERT_VIEW_H

#include "tls/cert.h"
#include "tls/cert_name.h"

#define CERT_VIEW_LINE_MAX  256
#define CERT_VIEW_NAMES_MAX CERT_NAMES_MAX

struct cert_view {
    char subject[CERT_VIEW_LINE_MAX], issuer[CERT_VIEW_LINE_MAX];
    struct cert_cn cn;
    char serial[64];               /* hexadecimal */
    int version;                   /* 1 or 3 */
    int64_t not_before, not_after; /* seconds since the epoch; INT64_MIN: cannot be read */
    bool is_self_signed;           /* by its own key */
    bool is_ca;                    /* TLS libraries let it sign others */
    bool is_node;                  /* it has the role node */
    bool may_serve, may_be_client; /* by its extended key usage; both where it has none */
    bool is_rsa;
    char key[64];                                       /* "RSA 2048", "EC P-256" */
    char signature[64];                                 /* "sha256WithRSAEncryption" */
    char key_usage[CERT_VIEW_LINE_MAX];                 /* "digitalSignature, keyEncipherment"; "": no such extension */
    char ext_key_usage[CERT_VIEW_LINE_MAX];             /* "serverAuth, node" */
    char name[CERT_VIEW_NAMES_MAX][CERT_VIEW_LINE_MAX]; /* alternative names: DNS names, addresses, URIs */
    size_t name_count;
    char fingerprint[96]; /* SHA-256, hexadecimal digits with colons */
};

/* What a certificate is for. */
enum cert_use { CERT_USE_ROOT, CERT_USE_SIGNER, CERT_USE_NODE, CERT_USE_SERVER, CERT_USE_USER };
enum cert_use cert_view_use(const struct cert_view *v);
const char *cert_use_name(enum cert_use use); /* "root"; static */

/* Every certificate of the text, in any spelling of pem.h, in its order; at most PEM_CERT_MAX. *out is owned: free()
 * it. As pem_normalize(). */
int cert_view_read(struct slice pem, struct cert_view **out, size_t *count, char *why, size_t why_size);

#endif
