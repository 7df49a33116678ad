/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own certificate, as a client that checks everything sees it. */
#include "rows.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#define RSA_ONLY   "aRSA"
#define ECDSA_ONLY "aECDSA"

/* Under the name in the row's `user` column. */
static void run_name(struct probe *p, const struct row *r, struct matrix *m)
{
    char host[256];
    struct manner how = row_manner(r, m);
    how.name = r->user;
    if (!how.name)
        how.name = p->node->address;
    else if (!*how.name && gethostname(host, sizeof host) == 0)
        how.name = host;
    probe_enter(p, &how, MYUSER, r->direct);
}

static const char *kind_of(const X509 *x)
{
    static char text[32];
    EVP_PKEY *key = X509_get0_pubkey(x);
    snprintf(text, sizeof text, "%s of %d bits", EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "RSA" : "EC",
             EVP_PKEY_get_bits(key));
    return text;
}

static int days_of(const X509 *x)
{
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x));
    return days + (seconds > 0);
}

static void run_look(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    X509 *x = SSL_get0_peer_certificate(p->ssl);
    uint32_t usage = X509_get_extended_key_usage(x);
    probe_say(p, "v%ld, %s, for %s, %s CA, %d days", X509_get_version(x) + 1, kind_of(x),
              usage == XKU_SSL_SERVER ? "servers" : "others", X509_check_ca(x) ? "a" : "no", days_of(x));
}

static void run_chain(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (probe_enter(p, &how, MYUSER, r->direct))
        probe_say(p, "%d sent, leads to the root", sk_X509_num(SSL_get_peer_cert_chain(p->ssl)));
}

/* Which roots a client with several certificates is told. */
static void run_authorities(struct probe *p, const struct row *r, struct matrix *m)
{
    char name[64] = "none";
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(p->ssl);
    if (sk_X509_NAME_num(names) > 0)
        X509_NAME_get_text_by_NID(sk_X509_NAME_value(names, 0), NID_commonName, name, sizeof name);
    probe_say(p, "%d: %s", sk_X509_NAME_num(names), name);
}

#define WRONG_NAME "this side refuses: hostname mismatch"

static const struct row rows[] = {
    {"RSA", "v3, RSA of 2048 bits, for servers, no CA, 30 days", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .suites = RSA_ONLY, .run = run_look},
    {"ECDSA", "v3, EC of 256 bits, for servers, no CA, 30 days", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .suites = ECDSA_ONLY, .run = run_look},
    {"TLS 1.3", "v3, EC of 256 bits, for servers, no CA, 30 days", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_look},
    {"RSA under an ECDSA root", "v3, RSA of 2048 bits, for servers, no CA, 30 days", EC, .who = USER_OF_EC,
     .version = TLS1_2_VERSION, .suites = RSA_ONLY, .run = run_look},
    {"ECDSA under an ECDSA root", "v3, EC of 256 bits, for servers, no CA, 30 days", EC, .who = USER_OF_EC,
     .version = TLS1_2_VERSION, .suites = ECDSA_ONLY, .run = run_look},
    {"RSA under its address", "let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION, .suites = RSA_ONLY,
     .run = run_name},
    {"ECDSA under its address", "let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION, .suites = ECDSA_ONLY,
     .run = run_name},
    {"under localhost", "let in", MANIFEST, .who = USER, .user = "localhost", .run = run_name},
    {"under the machine's name", "let in", MANIFEST, .who = USER, .user = "", .run = run_name},
    {"under a name that was given", "let in", MANIFEST, .who = USER, .user = "store.example", .run = run_name},
    {"under an address that was given", "let in", MANIFEST, .who = USER, .user = "10.9.8.7", .run = run_name},
    {"under a wildcard that was given", "let in", MANIFEST, .who = USER, .user = "a.pods.example", .run = run_name},
    {"under another name", WRONG_NAME, MANIFEST, .who = USER, .user = "shop.example", .run = run_name},
    {"under another address", "this side refuses: IP address mismatch", MANIFEST, .who = USER, .user = "10.9.8.6",
     .run = run_name},
    {"chain under the root", "1 sent, leads to the root", MANIFEST, .who = USER, .run = run_chain},
    {"chain under a signer below the root", "2 sent, leads to the root", BELOW, .who = USER, .run = run_chain},
    {"authorities that it names", "1: rootCA", MANIFEST, .who = USER, .run = run_authorities},
    {"authorities while roots change", "2: root v3", CHANGE, .who = USER, .run = run_authorities},
};

ROWS(rows_server, "the node's certificate");
