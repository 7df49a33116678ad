/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/pki.h"

#include "support.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static void must(bool ok)
{
    assert_true(ok);
}

static void to_text(BIO *bio, char out[PKI_PEM_SIZE])
{
    int n = BIO_read(bio, out, PKI_PEM_SIZE - 1);
    must(n > 0);
    out[n] = '\0';
    BIO_free(bio);
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(ext && X509_add_ext(x, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static void add_name(X509 *x, const char *field, const char *value)
{
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), field, MBSTRING_UTF8, (const unsigned char *)value, -1,
                                    -1, 0) == 1);
}

static void fill(X509 *x, const struct pki_plan *plan, EVP_PKEY *key)
{
    static long serial = 1;
    bool v3 = plan->ca || plan->ext_key_usage || plan->alt_names;
    must(X509_set_version(x, v3 ? X509_VERSION_3 : X509_VERSION_1) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(plan->from ? plan->from : PKI_NOW - PKI_DAY));
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(plan->to ? plan->to : PKI_NOW + 300 * PKI_DAY));
    add_name(x, plan->cn ? "CN" : "O", plan->cn ? plan->cn : "nobody");
    if (plan->second_cn)
        add_name(x, "CN", plan->second_cn);
    must(X509_set_issuer_name(x, X509_get_subject_name(plan->issuer ? plan->issuer->cert : x)) == 1);
    must(X509_set_pubkey(x, key) == 1);
    if (plan->ca) {
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
        add_extension(x, NID_subject_key_identifier, "hash");
    }
    if (plan->ext_key_usage)
        add_extension(x, NID_ext_key_usage, plan->ext_key_usage);
    if (plan->alt_names)
        add_extension(x, NID_subject_alt_name, plan->alt_names);
}

void pki_make(struct pki *p, const struct pki_plan *plan)
{
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    p->key = plan->key ? plan->key : EVP_EC_gen("P-256");
    if (plan->key)
        EVP_PKEY_up_ref(p->key);
    p->cert = X509_new();
    must(p->cert && p->key && cert && key);
    fill(p->cert, plan, p->key);
    EVP_PKEY *signer = plan->issuer ? plan->issuer->key : p->key;
    bool digests_itself = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519;
    must(X509_sign(p->cert, signer, digests_itself ? NULL : EVP_sha256()) > 0);
    must(PEM_write_bio_X509(cert, p->cert) == 1);
    must(PEM_write_bio_PrivateKey(key, p->key, NULL, NULL, 0, NULL, NULL) == 1);
    to_text(cert, p->cert_pem);
    to_text(key, p->key_pem);
}

void pki_free(struct pki *p)
{
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
}

bool pki_tells_key(const struct pki *p, const char *text)
{
    const size_t run = 12;
    const char *body = strchr(p->key_pem, '\n') + 1, *end = strstr(body, "-----END");
    char part[13] = "";
    for (; body + run < end; body++) {
        memcpy(part, body, run);
        if (strstr(text, part))
            return true;
    }
    return false;
}
