/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate is taken, and for whom. */
#include "rows.h"

#include <string.h>

#define BAD_EKU "unsupported certificate (certificate is not meant for this use (extended key usage))"
#define NO_USER "denied (there is no such user)"
#define NO_NAME "denied (the name it gives is not the common name of its certificate)"
#define MANY_CN "denied (its certificate has several common names)"

/* More than anyone needs, all of it well-formed. The node does not read it all, so its alert may be lost: the reason
 * counts. */
static void run_long_chain(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    struct cred many = *how.cred;
    many.chain = sk_X509_new_null();
    for (int i = 0; i < 80; i++)
        sk_X509_push(many.chain, m->creds[ROOT_OTHER].cert);
    how.cred = &many;
    bool in = probe_enter(p, &how, MYUSER, r->direct);
    const char *reason = strchr(p->seen, '(');
    if (!in && reason)
        memmove(p->seen, reason, strlen(reason) + 1);
    sk_X509_free(many.chain);
}

/* In TLS 1.3 the alert comes when the client believes to be through, so some are tried in both versions. */
static const struct row rows[] = {
    {"F5's recipe: RSA, X.509 v1", "let in", MANIFEST, .who = USER},
    {"F5's recipe, TLS 1.2", "let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION},
    {"F5's recipe, TLS 1.3", "let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION},
    {"ECDSA user of an RSA root, TLS 1.2", "let in", MANIFEST, .who = USER_EC, .version = TLS1_2_VERSION},
    {"ECDSA user of an RSA root, TLS 1.3", "let in", MANIFEST, .who = USER_EC, .version = TLS1_3_VERSION},
    {"Ed25519 user of an RSA root", "let in", MANIFEST, .who = USER_ED25519},
    {"v3 user of a v3 root", "let in", V3, .who = USER_V3},
    {"second user of a list", "let in", V3, .who = OTHER_V3, .user = "other"},
    {"ECDSA user of an ECDSA root, TLS 1.2", "let in", EC, .who = USER_OF_EC, .version = TLS1_2_VERSION},
    {"ECDSA user of an ECDSA root, TLS 1.3", "let in", EC, .who = USER_OF_EC, .version = TLS1_3_VERSION},
    {"RSA user of an ECDSA root", "let in", EC, .who = USER_RSA_OF_EC},
    {"change of roots: user of the new one", "let in", CHANGE, .who = USER_V3},
    {"change of roots: user of the old one", "let in", CHANGE, .who = USER},
    {"change of roots: user of a third", "unknown CA (certificate is not signed by the given root)", CHANGE,
     .who = BY_OTHER},
    {"signer below the root: its user", "let in", BELOW, .who = BY_CA_1_ALONE},
    {"signer below the root: user of the root", "let in", BELOW, .who = USER},

    {"no certificate, TLS 1.2", "handshake failure (client sent no certificate)", MANIFEST, .who = NOBODY,
     .version = TLS1_2_VERSION},
    {"no certificate, TLS 1.3", "certificate required (client sent no certificate)", MANIFEST, .who = NOBODY,
     .version = TLS1_3_VERSION},
    {"self-signed", "unknown CA (certificate is self-signed)", MANIFEST, .who = SELF_SIGNED},
    {"another root", "unknown CA (certificate is not signed by the given root)", MANIFEST, .who = BY_OTHER},
    {"another root, sent along", "unknown CA (certificate is signed by another root)", MANIFEST,
     .who = BY_OTHER_WITH_ROOT},
    {"another root of the same name, TLS 1.2",
     "decrypt error (certificate is signed by another key of the root's name)", MANIFEST, .who = BY_TWIN,
     .version = TLS1_2_VERSION},
    {"another root of the same name, TLS 1.3",
     "decrypt error (certificate is signed by another key of the root's name)", MANIFEST, .who = BY_TWIN,
     .version = TLS1_3_VERSION},
    {"damaged signature", "decrypt error (certificate is signed by another key of the root's name)", MANIFEST,
     .who = DAMAGED},
    {"a user's certificate without its key, TLS 1.2", "decrypt error (bad signature)", MANIFEST, .who = USER_STOLEN,
     .version = TLS1_2_VERSION},
    {"a user's certificate without its key, TLS 1.3", "decrypt error (bad signature)", MANIFEST, .who = USER_STOLEN,
     .version = TLS1_3_VERSION},
    {"signed by a user (v1)", "unknown CA (certificate is signed by one that is not a CA)", MANIFEST, .who = BY_USER},
    {"signed by a user (v3)", "unknown CA (certificate is signed by one that is not a CA)", V3, .who = BY_USER_V3},
    {"signed by a CA below the root, sent along", "let in", MANIFEST, .who = BY_CA_1},
    {"signed by a CA below the root, not sent", "unknown CA (certificate is not signed by the given root)", MANIFEST,
     .who = BY_CA_1_ALONE},
    {"four CAs below the root", "let in", MANIFEST, .who = BY_CA_4},
    {"five CAs below the root", "unknown CA (certificate chain is too long)", MANIFEST, .who = BY_CA_5},
    {"80 certificates in the chain, TLS 1.2", "(a handshake message is too large)", MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .run = run_long_chain},
    {"80 certificates in the chain, TLS 1.3", "(a handshake message is too large)", MANIFEST, .who = USER,
     .version = TLS1_3_VERSION, .run = run_long_chain},
    {"expired, TLS 1.2", "certificate expired (certificate of 'myuser' has expired)", MANIFEST, .who = EXPIRED,
     .version = TLS1_2_VERSION},
    {"expired, TLS 1.3", "certificate expired (certificate of 'myuser' has expired)", MANIFEST, .who = EXPIRED,
     .version = TLS1_3_VERSION},
    {"not yet valid", "bad certificate (certificate is not yet valid (is a clock wrong?))", MANIFEST, .who = NOT_YET},
    {"RSA of 1024 bits", "bad certificate (certificate has a weak key)", MANIFEST, .who = WEAK_KEY},
    {"signed with SHA-1", "bad certificate (certificate has a weak signature (SHA-1 or older))", MANIFEST,
     .who = WEAK_HASH},
    {"extended key usage clientAuth", "let in", MANIFEST, .who = FOR_CLIENTS},
    {"extended key usage serverAuth and clientAuth", "let in", MANIFEST, .who = FOR_BOTH},
    {"extended key usage serverAuth alone, TLS 1.2", BAD_EKU, MANIFEST, .who = FOR_SERVERS, .version = TLS1_2_VERSION},
    {"extended key usage serverAuth alone, TLS 1.3", BAD_EKU, MANIFEST, .who = FOR_SERVERS, .version = TLS1_3_VERSION},
    {"critical extension that nobody knows", "certificate unknown (unhandled critical extension)", MANIFEST,
     .who = WITH_CRITICAL},

    {"CN and user differ in case", "let in", MANIFEST, .who = CASE_CN},
    {"CN, user and RpbAuthReq differ in case", "let in", MANIFEST, .who = CASE_CN, .user = "myUSER"},
    {"CN is no user's", NO_USER, MANIFEST, .who = STRANGER, .user = "stranger"},
    {"CN is no user's, RpbAuthReq a user's", NO_NAME, MANIFEST, .who = STRANGER},
    {"CN is a user's, RpbAuthReq another user's", NO_NAME, V3, .who = USER_V3, .user = "other"},
    {"CN is a user's, RpbAuthReq no user's", NO_USER, MANIFEST, .who = USER, .user = "stranger"},
    {"CN is a user's, RpbAuthReq of no name", NO_USER, MANIFEST, .who = USER, .user = ""},
    {"CN is the root's: the root itself", NO_USER, MANIFEST, .who = ROOT, .user = "rootCA"},
    {"two CNs, the first a user's", MANY_CN, MANIFEST, .who = TWO_CN},
    {"two CNs, the same", MANY_CN, MANIFEST, .who = TWICE_CN},
    {"empty CN", NO_USER, MANIFEST, .who = EMPTY_CN, .user = ""},
    {"empty CN, RpbAuthReq a user's", NO_NAME, MANIFEST, .who = EMPTY_CN},
    {"CN with a NUL behind a user's name", NO_NAME, MANIFEST, .who = NUL_CN},
    {"CN that ends with a NUL", NO_NAME, MANIFEST, .who = NUL_END_CN},
    {"CN of 306 bytes, begins as a user's", NO_NAME, MANIFEST, .who = LONG_CN},
    {"CN with a space behind a user's name", NO_NAME, MANIFEST, .who = SPACE_CN},
    {"CN as BMPString (UTF-16)", "let in", MANIFEST, .who = BMP_CN},
    {"no CN, but subjectAltName", "denied (it has no certificate with a common name)", MANIFEST, .who = NO_CN},
    {"CN a user's, subjectAltName another's", "let in", MANIFEST, .who = WITH_SAN},
};

ROWS(rows_certs, "certificates and names");
