/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR 3600L
#define DAY  (24 * HOUR)
#define YEAR (365 * DAY)

enum key_slot { KEY_RSA, KEY_EC, KEY_ED25519, KEY_WEAK, KEY_ROOT_V3, KEY_ROOT_EC, KEY_OTHER, KEY_CA, KEY_COUNT };

struct text {
    const char *bytes;
    int len;
    int type; /* of the ASN.1 string */
};

#define UTF8(s)                                                                                                        \
    {                                                                                                                  \
        s, sizeof(s) - 1, V_ASN1_UTF8STRING                                                                            \
    }
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct extension {
    int nid;
    const char *value; /* as in OpenSSL's configuration */
};

#define CA_EXTENSIONS                                                                                                  \
    {                                                                                                                  \
        {NID_basic_constraints, "critical,CA:TRUE"}, {NID_key_usage, "critical,keyCertSign,cRLSign"},                  \
            {NID_subject_key_identifier, "hash"},                                                                      \
    }

/* Version 3 where there are extensions, else 1. Issuers before those that they sign. */
static const struct plan {
    enum who who, issuer; /* the same: self-signed */
    enum key_slot key;
    struct text cn[2];
    struct extension extensions[3];
    long from_s, to_s; /* from now; 0: an hour ago, in a day */
    bool sha1, damaged;
    enum { SENDS_ISSUERS, SENDS_ROOT, SENDS_NONE } sends;
} plans[] = {
    {ROOT_V3, ROOT_V3, KEY_ROOT_V3, .cn = {UTF8("root v3")}, .extensions = CA_EXTENSIONS, .to_s = YEAR},
    {ROOT_EC, ROOT_EC, KEY_ROOT_EC, .cn = {UTF8("root EC")}, .to_s = YEAR},
    {ROOT_OTHER, ROOT_OTHER, KEY_OTHER, .cn = {UTF8("otherCA")}},
    {ROOT_TWIN, ROOT_TWIN, KEY_OTHER, .cn = {UTF8("rootCA")}},
    {USER_EC, ROOT, KEY_EC, .cn = {UTF8("myuser")}},
    {USER_ED25519, ROOT, KEY_ED25519, .cn = {UTF8("myuser")}},
    {USER_STOLEN, ROOT, KEY_EC, .cn = {UTF8("myuser")}},
    {USER_V3, ROOT_V3, KEY_RSA, .cn = {UTF8("myuser")},
     .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                    {NID_key_usage, "critical,digitalSignature"},
                    {NID_ext_key_usage, "clientAuth"}}},
    {OTHER_V3, ROOT_V3, KEY_EC, .cn = {UTF8("other")}, .extensions = {{NID_ext_key_usage, "clientAuth"}}},
    {USER_OF_EC, ROOT_EC, KEY_EC, .cn = {UTF8("myuser")}},
    {USER_RSA_OF_EC, ROOT_EC, KEY_RSA, .cn = {UTF8("myuser")}},
    {FOR_CLIENTS, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .extensions = {{NID_ext_key_usage, "clientAuth"}}},
    {FOR_SERVERS, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .extensions = {{NID_ext_key_usage, "serverAuth"}}},
    {FOR_BOTH, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .extensions = {{NID_ext_key_usage, "serverAuth,clientAuth"}}},
    {WITH_SAN, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .extensions = {{NID_subject_alt_name, "DNS:stranger"}}},
    {WITH_CRITICAL, ROOT, KEY_RSA, .cn = {UTF8("myuser")},
     .extensions = {{NID_netscape_comment, "critical,what is this?"}}},
    {EXPIRED, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .from_s = -2 * DAY, .to_s = -HOUR},
    {NOT_YET, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .from_s = HOUR, .to_s = DAY},
    {WEAK_KEY, ROOT, KEY_WEAK, .cn = {UTF8("myuser")}},
    {WEAK_HASH, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .sha1 = true},
    {DAMAGED, ROOT, KEY_RSA, .cn = {UTF8("myuser")}, .damaged = true},
    {STRANGER, ROOT, KEY_RSA, .cn = {UTF8("stranger")}},
    {CASE_CN, ROOT, KEY_RSA, .cn = {UTF8("MYuSER")}},
    {TWO_CN, ROOT, KEY_RSA, .cn = {UTF8("myuser"), UTF8("stranger")}},
    {TWICE_CN, ROOT, KEY_RSA, .cn = {UTF8("myuser"), UTF8("myuser")}},
    {EMPTY_CN, ROOT, KEY_RSA, .cn = {UTF8("")}},
    {NUL_CN, ROOT, KEY_RSA, .cn = {UTF8("myuser\0.stranger")}},
    {NUL_END_CN, ROOT, KEY_RSA, .cn = {UTF8("myuser\0")}},
    {LONG_CN, ROOT, KEY_RSA, .cn = {UTF8("myuser" A50 A50 A50 A50 A50 A50)}},
    {SPACE_CN, ROOT, KEY_RSA, .cn = {UTF8("myuser ")}},
    {BMP_CN, ROOT, KEY_RSA, .cn = {{"\0m\0y\0u\0s\0e\0r", 12, V_ASN1_BMPSTRING}}},
    {NO_CN, ROOT, KEY_RSA, .extensions = {{NID_subject_alt_name, "DNS:myuser,URI:urn:myuser,email:myuser@localhost"}}},
    {SELF_SIGNED, SELF_SIGNED, KEY_RSA, .cn = {UTF8("myuser")}},
    {BY_OTHER, ROOT_OTHER, KEY_RSA, .cn = {UTF8("myuser")}},
    {BY_OTHER_WITH_ROOT, ROOT_OTHER, KEY_RSA, .cn = {UTF8("myuser")}, .sends = SENDS_ROOT},
    {BY_TWIN, ROOT_TWIN, KEY_RSA, .cn = {UTF8("myuser")}},
    {BY_USER, USER, KEY_EC, .cn = {UTF8("myuser")}},
    {BY_USER_V3, USER_V3, KEY_EC, .cn = {UTF8("myuser")}},
    {CA_1, ROOT, KEY_CA, .cn = {UTF8("CA 1")}, .extensions = CA_EXTENSIONS},
    {CA_2, CA_1, KEY_CA, .cn = {UTF8("CA 2")}, .extensions = CA_EXTENSIONS},
    {CA_3, CA_2, KEY_CA, .cn = {UTF8("CA 3")}, .extensions = CA_EXTENSIONS},
    {CA_4, CA_3, KEY_CA, .cn = {UTF8("CA 4")}, .extensions = CA_EXTENSIONS},
    {CA_5, CA_4, KEY_CA, .cn = {UTF8("CA 5")}, .extensions = CA_EXTENSIONS},
    {BY_CA_1, CA_1, KEY_RSA, .cn = {UTF8("myuser")}},
    {BY_CA_1_ALONE, CA_1, KEY_RSA, .cn = {UTF8("myuser")}, .sends = SENDS_NONE},
    {BY_CA_4, CA_4, KEY_RSA, .cn = {UTF8("myuser")}},
    {BY_CA_5, CA_5, KEY_RSA, .cn = {UTF8("myuser")}},
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "FAILED: the certificates could not be made: %s\n", what);
    exit(1);
}

/* --- keys --- */

static EVP_PKEY *make_key(enum key_slot slot)
{
    EVP_PKEY *key = NULL;
    switch (slot) {
    case KEY_EC:
    case KEY_ROOT_EC:
    case KEY_CA:
        key = EVP_EC_gen("P-256");
        break;
    case KEY_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    default:
        key = EVP_RSA_gen(slot == KEY_WEAK ? 1024 : 2048);
    }
    must(key != NULL, "a key");
    return key;
}

/* What a thief has: the public half of `owner`'s key, and any private one. */
static EVP_PKEY *make_stolen(const EVP_PKEY *owner, const EVP_PKEY *thief)
{
    unsigned char point[133];
    size_t len = 0;
    BIGNUM *number = NULL;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    must(b && ctx && EVP_PKEY_get_bn_param(thief, OSSL_PKEY_PARAM_PRIV_KEY, &number), "a private key");
    must(EVP_PKEY_get_octet_string_param(owner, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len), "a public key");
    OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, len);
    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, number);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    must(params && EVP_PKEY_fromdata_init(ctx) == 1, "a stolen key");
    must(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1, "a stolen key");
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(number);
    return key;
}

/* --- certificates --- */

static void set_subject(X509 *x, const struct plan *p)
{
    X509_NAME *name = X509_get_subject_name(x);
    static const unsigned char nobody[] = "nobody";
    if (!p->cn[0].bytes)
        must(X509_NAME_add_entry_by_NID(name, NID_organizationName, V_ASN1_UTF8STRING, nobody, 6, -1, 0) == 1, "O");
    for (int i = 0; i < 2 && p->cn[i].bytes; i++)
        must(X509_NAME_add_entry_by_NID(name, NID_commonName, p->cn[i].type, (const unsigned char *)p->cn[i].bytes,
                                        p->cn[i].len, -1, 0) == 1,
             "CN");
}

static void add_extensions(X509 *x, const struct plan *p, X509 *issuer)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof p->extensions / sizeof p->extensions[0] && p->extensions[i].value; i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, p->extensions[i].nid, p->extensions[i].value);
        must(ext && X509_add_ext(x, ext, -1) == 1, p->extensions[i].value);
        X509_EXTENSION_free(ext);
    }
}

static void sign(X509 *x, const struct plan *p, EVP_PKEY *key)
{
    must(X509_sign(x, key, p->sha1 ? EVP_sha1() : EVP_sha256()) > 0, "signature");
    if (p->damaged) {
        const ASN1_BIT_STRING *signature;
        X509_get0_signature(&signature, NULL, x);
        signature->data[signature->length / 2] ^= 1;
    }
}

static void make_cert(struct cred *c, const struct plan *p, const struct cred *issuer)
{
    static long serial = 1000;
    bool v3 = p->extensions[0].value != NULL;
    X509 *x = c->cert = X509_new();
    must(x && X509_set_version(x, v3 ? X509_VERSION_3 : X509_VERSION_1) == 1, "version");
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), p->from_s ? p->from_s : -HOUR);
    X509_gmtime_adj(X509_getm_notAfter(x), p->to_s ? p->to_s : DAY);
    set_subject(x, p);
    must(X509_set_issuer_name(x, X509_get_subject_name(issuer->cert)) == 1, "issuer");
    must(X509_set_pubkey(x, c->key) == 1, "public key");
    add_extensions(x, p, issuer->cert);
    sign(x, p, issuer->key);
}

/* Those of the issuer and above it, but for the root. */
static void make_chain(struct cred *c, const struct plan *p, const struct cred *issuer)
{
    bool by_root = X509_self_signed(issuer->cert, 0) == 1;
    c->chain = sk_X509_new_null();
    must(c->chain != NULL, "memory");
    if (p->sends == SENDS_NONE || c == issuer || (by_root && p->sends != SENDS_ROOT))
        return;
    sk_X509_push(c->chain, issuer->cert);
    for (int i = 0; i < sk_X509_num(issuer->chain); i++)
        sk_X509_push(c->chain, sk_X509_value(issuer->chain, i));
}

static void make(struct cred all[WHO_COUNT], const struct plan *p, EVP_PKEY *keys[KEY_COUNT])
{
    struct cred *c = &all[p->who];
    if (!keys[p->key])
        keys[p->key] = make_key(p->key);
    c->key = keys[p->key];
    EVP_PKEY_up_ref(c->key);
    make_cert(c, p, &all[p->issuer]);
    make_chain(c, p, &all[p->issuer]);
}

/* --- the recipe's --- */

static BIO *open_file(const char *dir, const char *name, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", dir, name, suffix);
    BIO *bio = BIO_new_file(path, "r");
    must(bio != NULL, path);
    return bio;
}

static void load(struct cred *c, const char *dir, const char *name)
{
    BIO *cert = open_file(dir, name, "crt"), *key = open_file(dir, name, "key");
    c->cert = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    c->key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    c->chain = sk_X509_new_null();
    must(c->cert && c->key && c->chain, name);
    BIO_free(cert);
    BIO_free(key);
}

void certs_make(struct cred all[WHO_COUNT], const char *dir)
{
    EVP_PKEY *keys[KEY_COUNT] = {NULL};
    memset(all, 0, WHO_COUNT * sizeof all[0]);
    load(&all[ROOT], dir, "rootCA");
    load(&all[USER], dir, "myuser");
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        make(all, &plans[i], keys);
    EVP_PKEY_free(all[USER_STOLEN].key);
    all[USER_STOLEN].key = make_stolen(keys[KEY_EC], keys[KEY_CA]);
    for (int i = 0; i < KEY_COUNT; i++)
        EVP_PKEY_free(keys[i]);
}

void certs_free(struct cred all[WHO_COUNT])
{
    for (int i = 0; i < WHO_COUNT; i++) {
        X509_free(all[i].cert);
        EVP_PKEY_free(all[i].key);
        sk_X509_free(all[i].chain);
    }
}

/* --- as text --- */

static char *take_text(BIO *bio)
{
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    char *text = n > 0 ? strndup(data, (size_t)n) : NULL;
    must(text != NULL, "PEM");
    BIO_free(bio);
    return text;
}

char *certs_pem(const struct cred *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio && PEM_write_bio_X509(bio, c->cert) == 1, "PEM");
    return take_text(bio);
}

char *certs_key_pem(const struct cred *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio && PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
    return take_text(bio);
}
