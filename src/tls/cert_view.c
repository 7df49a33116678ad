/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/cert_view.h"

#include "base/err.h"
#include "tls/pem_read.h"
#include "tls/reason.h"
#include "tls/why.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a, b": cut to fit. */
static void add_word(char list[CERT_VIEW_LINE_MAX], const char *word)
{
    size_t len = strlen(list);
    snprintf(list + len, CERT_VIEW_LINE_MAX - len, "%s%s", len ? ", " : "", word);
}

/* --- names --- */

static void copy_printable(char *out, size_t size, const uint8_t *text, size_t len)
{
    size_t n = len < size - 1 ? len : size - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = isprint(text[i]) ? (char)text[i] : '?';
    out[n] = '\0';
}

static void put_name(const GENERAL_NAME *name, char out[CERT_VIEW_LINE_MAX])
{
    int kind;
    const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &kind);
    const uint8_t *data = kind == GEN_DNS || kind == GEN_URI || kind == GEN_IPADD || kind == GEN_EMAIL
                              ? ASN1_STRING_get0_data(text)
                              : NULL;
    size_t len = data ? (size_t)ASN1_STRING_length(text) : 0;
    if (kind == GEN_IPADD && (len == 4 || len == 16))
        inet_ntop(len == 4 ? AF_INET : AF_INET6, data, out, CERT_VIEW_LINE_MAX);
    else if (data && kind != GEN_IPADD)
        copy_printable(out, CERT_VIEW_LINE_MAX, data, len);
    else
        snprintf(out, CERT_VIEW_LINE_MAX, "(a name of another kind)");
}

static void read_names(const X509 *x, struct cert_view *v)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && v->name_count < CERT_VIEW_NAMES_MAX; i++)
        put_name(sk_GENERAL_NAME_value(names, i), v->name[v->name_count++]);
    GENERAL_NAMES_free(names);
}

/* --- usages --- */

static void read_key_usage(X509 *x, struct cert_view *v)
{
    static const struct {
        uint32_t bit;
        const char *word;
    } words[] = {{KU_DIGITAL_SIGNATURE, "digitalSignature"},
                 {KU_NON_REPUDIATION, "nonRepudiation"},
                 {KU_KEY_ENCIPHERMENT, "keyEncipherment"},
                 {KU_DATA_ENCIPHERMENT, "dataEncipherment"},
                 {KU_KEY_AGREEMENT, "keyAgreement"},
                 {KU_KEY_CERT_SIGN, "keyCertSign"},
                 {KU_CRL_SIGN, "cRLSign"},
                 {KU_ENCIPHER_ONLY, "encipherOnly"},
                 {KU_DECIPHER_ONLY, "decipherOnly"}};
    uint32_t usage = X509_get_key_usage(x);
    for (size_t i = 0; usage != UINT32_MAX && i < sizeof words / sizeof words[0]; i++)
        if (usage & words[i].bit)
            add_word(v->key_usage, words[i].word);
}

static void add_usage(struct cert_view *v, const ASN1_OBJECT *usage)
{
    char text[96] = "";
    int nid = OBJ_obj2nid(usage);
    OBJ_obj2txt(text, sizeof text, usage, 1);
    bool any = nid == NID_anyExtendedKeyUsage;
    v->may_serve |= any || nid == NID_server_auth;
    v->may_be_client |= any || nid == NID_client_auth;
    add_word(v->ext_key_usage, strcmp(text, CERT_ROLE_NODE) == 0 ? "node" : nid != NID_undef ? OBJ_nid2sn(nid) : text);
}

static void read_ext_key_usage(const X509 *x, struct cert_view *v)
{
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    v->may_serve = v->may_be_client = !usages;
    for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages); i++)
        add_usage(v, sk_ASN1_OBJECT_value(usages, i));
    EXTENDED_KEY_USAGE_free(usages);
}

/* --- the rest --- */

static void read_key(const X509 *x, struct cert_view *v)
{
    char curve[32] = "";
    const EVP_PKEY *key = X509_get0_pubkey(x);
    if (!key) {
        snprintf(v->key, sizeof v->key, "cannot be read");
        return;
    }
    v->is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    if (v->is_rsa)
        snprintf(v->key, sizeof v->key, "RSA %d", EVP_PKEY_get_bits(key));
    else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL))
        snprintf(v->key, sizeof v->key, "EC %s",
                 strcmp(curve, "prime256v1") == 0  ? "P-256"
                 : strcmp(curve, "secp384r1") == 0 ? "P-384"
                                                   : curve);
    else
        snprintf(v->key, sizeof v->key, "%s", OBJ_nid2sn(EVP_PKEY_get_base_id(key)));
}

static void read_serial(X509 *x, struct cert_view *v)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;
    snprintf(v->serial, sizeof v->serial, "%s", hex ? hex : "cannot be read");
    OPENSSL_free(hex);
    BN_free(n);
}

static void read_fingerprint(const X509 *x, struct cert_view *v)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(x, EVP_sha256(), digest, &len) != 1)
        return;
    for (unsigned i = 0; i < len; i++)
        snprintf(v->fingerprint + 3 * i, 4, "%02X%s", digest[i], i + 1 < len ? ":" : "");
}

static void view(X509 *x, struct cert_view *v)
{
    cert_name_line(X509_get_subject_name(x), v->subject, sizeof v->subject);
    cert_name_line(X509_get_issuer_name(x), v->issuer, sizeof v->issuer);
    cert_name_cn(X509_get_subject_name(x), &v->cn);
    read_serial(x, v);
    v->version = (int)X509_get_version(x) + 1;
    v->not_before = pem_time(X509_get0_notBefore(x));
    v->not_after = pem_time(X509_get0_notAfter(x));
    v->is_self_signed = X509_self_signed(x, 1) == 1;
    v->is_ca = X509_check_ca(x) != 0 && (v->is_self_signed || v->version == 3);
    v->is_node = cert_role_is_node(x);
    read_key(x, v);
    snprintf(v->signature, sizeof v->signature, "%s", OBJ_nid2ln(X509_get_signature_nid(x)));
    read_key_usage(x, v);
    read_ext_key_usage(x, v);
    read_names(x, v);
    read_fingerprint(x, v);
    reason_drop();
}

enum cert_use cert_view_use(const struct cert_view *v)
{
    if (v->is_self_signed)
        return CERT_USE_ROOT;
    if (v->is_ca)
        return CERT_USE_SIGNER;
    if (v->is_node)
        return CERT_USE_NODE;
    return v->may_serve && v->name_count ? CERT_USE_SERVER : v->may_be_client ? CERT_USE_USER : CERT_USE_SERVER;
}

const char *cert_use_name(enum cert_use use)
{
    static const char *const names[] = {[CERT_USE_ROOT] = "root",
                                        [CERT_USE_SIGNER] = "CA under a root",
                                        [CERT_USE_NODE] = "node",
                                        [CERT_USE_SERVER] = "server",
                                        [CERT_USE_USER] = "user"};
    return names[use];
}

int cert_view_read(struct slice pem, struct cert_view **out, size_t *count, char *why, size_t why_size)
{
    STACK_OF(X509) *certs = NULL;
    int err = pem_read_certs(pem, &certs, why, why_size);
    if (err)
        return err;
    *count = (size_t)sk_X509_num(certs);
    *out = calloc(*count, sizeof **out);
    for (size_t i = 0; *out && i < *count; i++)
        view(sk_X509_value(certs, (int)i), &(*out)[i]);
    pem_free_certs(certs);
    return *out ? 0 : why_say(E_NOMEM, why, why_size, "no memory to show the certificate");
}
