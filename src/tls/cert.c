/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/cert.h"

#include "base/err.h"
#include "tls/pem_read.h"
#include "tls/pem_write.h"
#include "tls/reason.h"
#include "tls/serial.h"
#include "tls/why.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <strings.h>

#define BACKDATE_S    (30 * 86400) /* clients and nodes whose clock is behind */
#define CN_MAX        64           /* ub-common-name of RFC 5280 */
#define CN_SUBSTITUTE "ephemeral-store"

struct cert {
    X509 *x509;
    EVP_PKEY *key;
    int64_t not_after, renew_at;
};

/* What a mint works on: the two kinds of request made into one. */
struct mint {
    const struct ca *ca;
    enum key_kind key;
    const struct cert *key_of; /* its key serves again; NULL: a new one */
    const char *common_name;
    const char *const *names; /* of this host; NULL: `uri` is the only name, if there is one */
    size_t name_count;
    const char *uri;
    const char *usages; /* extended ones, as OpenSSL spells them */
    int64_t now, life_s;
    int64_t life_max_s;
    struct cert *cert;
    char *why;
    size_t why_size;
};

#define REFUSE(m, err, ...) why_say(err, (m)->why, (m)->why_size, __VA_ARGS__)

static int fail_openssl(const struct mint *m, const char *what)
{
    return REFUSE(m, E_TLS, "%s of the certificate could not be made: %s", what, reason_take());
}

/* --- names --- */

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels of one to 63 letters, digits, '-' and '_' between dots. */
static bool is_dns_name(const char *name)
{
    size_t label = 0;
    if (strlen(name) > CERT_NAME_SIZE_MAX)
        return false;
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    for (; *name; name++) {
        if (*name == '.' ? label == 0 : !is_label_char(*name) || label == 63)
            return false;
        label = *name == '.' ? 0 : label + 1;
    }
    return label > 0;
}

/* Bytes of an address: 4, 16, or 0 when it is none. */
static size_t parse_address(const char *name, uint8_t out[16])
{
    if (inet_pton(AF_INET, name, out) == 1)
        return 4;
    return inet_pton(AF_INET6, name, out) == 1 ? 16 : 0;
}

bool cert_can_carry(const char *name)
{
    uint8_t address[16];
    return parse_address(name, address) || is_dns_name(name);
}

static bool is_repeated(const struct mint *m, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcasecmp(m->names[k], m->names[i]) == 0)
            return true;
    return false;
}

static int check_names(const struct mint *m)
{
    if (m->name_count == 0 || m->name_count > CERT_NAMES_MAX)
        return REFUSE(m, E_INVALID, "a node needs 1 to %d names for its certificate, %zu are given", CERT_NAMES_MAX,
                      m->name_count);
    for (size_t i = 0; i < m->name_count; i++)
        if (!cert_can_carry(m->names[i]))
            return REFUSE(m, E_INVALID, "'%.64s' is neither a DNS name nor an address: a certificate can't carry it",
                          m->names[i]);
    return 0;
}

static int check_life(const struct mint *m)
{
    if (m->life_s && (m->life_s < CERT_LIFE_MIN_S || m->life_s > m->life_max_s))
        return REFUSE(m, E_INVALID, "a certificate's life of %lld s is not between %lld and %lld", (long long)m->life_s,
                      (long long)CERT_LIFE_MIN_S, (long long)m->life_max_s);
    if (m->now >= ca_not_after(m->ca))
        return REFUSE(m, E_CERT, "the root (%s) has expired: give a new one", ca_subject(m->ca));
    return 0;
}

static bool push_bytes(GENERAL_NAMES *names, int type, const void *bytes, size_t n)
{
    GENERAL_NAME *general = GENERAL_NAME_new();
    ASN1_STRING *text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (!general || !text || !ASN1_STRING_set(text, bytes, (int)n)) {
        GENERAL_NAME_free(general);
        ASN1_STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(general, type, text);
    if (sk_GENERAL_NAME_push(names, general))
        return true;
    GENERAL_NAME_free(general);
    return false;
}

static bool push_name(GENERAL_NAMES *names, const char *name)
{
    uint8_t address[16];
    size_t n = parse_address(name, address);
    return n ? push_bytes(names, GEN_IPADD, address, n) : push_bytes(names, GEN_DNS, name, strlen(name));
}

static bool add_names(const struct mint *m)
{
    if (!m->names && !m->uri)
        return true;
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool ok = names && (!m->uri || push_bytes(names, GEN_URI, m->uri, strlen(m->uri)));
    for (size_t i = 0; ok && i < m->name_count; i++)
        ok = is_repeated(m, i) || push_name(names, m->names[i]);
    ok = ok && X509_add1_ext_i2d(m->cert->x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    return ok;
}

/* --- extensions --- */

static bool add_extension(const struct mint *m, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, ca_x509(m->ca), m->cert->x509, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext && X509_add_ext(m->cert->x509, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* The root's subject key identifier; for one without, as X.509 v1, what it would be (RFC 5280 4.2.1.2, method 1). */
static bool set_root_id(const struct mint *m, ASN1_OCTET_STRING *id)
{
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(ca_x509(m->ca));
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (own)
        return ASN1_OCTET_STRING_set(id, ASN1_STRING_get0_data(own), ASN1_STRING_length(own)) == 1;
    return X509_pubkey_digest(ca_x509(m->ca), EVP_sha1(), digest, &len) == 1 &&
           ASN1_OCTET_STRING_set(id, digest, (int)len) == 1;
}

static bool add_authority_id(const struct mint *m)
{
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    bool ok = id && (id->keyid = ASN1_OCTET_STRING_new()) && set_root_id(m, id->keyid) &&
              X509_add1_ext_i2d(m->cert->x509, NID_authority_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;
    AUTHORITY_KEYID_free(id);
    return ok;
}

static bool add_extensions(const struct mint *m)
{
    return add_names(m) && add_extension(m, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(m, NID_key_usage,
                         key_kind_is_rsa(m->key) ? "critical,digitalSignature,keyEncipherment"
                                                 : "critical,digitalSignature") &&
           add_extension(m, NID_ext_key_usage, m->usages) && add_extension(m, NID_subject_key_identifier, "hash") &&
           add_authority_id(m);
}

/* --- the certificate --- */

static bool set_names(const struct mint *m)
{
    const char *cn = strlen(m->common_name) > CN_MAX ? CN_SUBSTITUTE : m->common_name;
    X509 *x = m->cert->x509;
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)cn, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, X509_get_subject_name(ca_x509(m->ca))) == 1;
}

static bool set_dates(const struct mint *m)
{
    struct cert *c = m->cert;
    int64_t life = m->life_s ? m->life_s : CERT_LIFE_DEFAULT_S, now = m->now;
    int64_t root_from = pem_time(X509_get0_notBefore(ca_x509(m->ca))), root_to = ca_not_after(m->ca);
    int64_t from = now - BACKDATE_S > root_from ? now - BACKDATE_S : root_from;
    c->not_after = now + life < root_to ? now + life : root_to;
    c->renew_at = now + life < root_to ? now + life / 3 * 2 : INT64_MAX;
    return ASN1_TIME_set(X509_getm_notBefore(c->x509), (time_t)from) &&
           ASN1_TIME_set(X509_getm_notAfter(c->x509), (time_t)c->not_after);
}

static bool sign(const struct mint *m)
{
    int kind = EVP_PKEY_get_base_id(ca_key(m->ca));
    bool digests_itself = kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448;
    return X509_sign(m->cert->x509, ca_key(m->ca), digests_itself ? NULL : EVP_sha256()) > 0;
}

static int build(const struct mint *m)
{
    struct cert *c = m->cert;
    c->key = m->key_of ? m->key_of->key : key_kind_make(m->key);
    if (m->key_of)
        EVP_PKEY_up_ref(c->key);
    if (!c->key)
        return fail_openssl(m, "the key");
    c->x509 = X509_new();
    if (!c->x509 || !X509_set_version(c->x509, X509_VERSION_3) || !serial_set(c->x509) || !set_names(m) ||
        !set_dates(m) || !X509_set_pubkey(c->x509, c->key))
        return fail_openssl(m, "the fields");
    if (!add_extensions(m))
        return fail_openssl(m, "the extensions");
    return sign(m) ? 0 : fail_openssl(m, "the signature");
}

static int make(struct mint *m, struct cert **out)
{
    m->cert = calloc(1, sizeof *m->cert);
    int err = m->cert ? build(m) : REFUSE(m, E_NOMEM, "no memory for the certificate");
    if (err)
        cert_destroy(&m->cert);
    else
        *out = m->cert;
    return err;
}

int cert_mint_server(const struct ca *ca, const struct cert_request *req, enum cert_key key, struct cert **out,
                     char *why, size_t why_size)
{
    struct mint m = {.ca = ca,
                     .key = key == CERT_RSA_2048 ? KEY_RSA_2048 : KEY_P256,
                     .key_of = req->key_of,
                     .names = req->names,
                     .name_count = req->name_count,
                     .usages = "serverAuth",
                     .now = req->now,
                     .life_s = req->life_s,
                     .life_max_s = CERT_LIFE_MAX_S,
                     .why = why,
                     .why_size = why_size};
    int err = check_names(&m);
    if (!err)
        err = check_life(&m);
    if (err)
        return err;
    m.common_name = req->common_name ? req->common_name : req->names[0];
    return make(&m, out);
}

int cert_mint_node(const struct ca *ca, const struct cert_node_request *req, struct cert **out, char *why,
                   size_t why_size)
{
    char urn[CERT_URN_SIZE];
    struct mint m = {.ca = ca,
                     .key = KEY_P256,
                     .common_name = req->common_name ? req->common_name : urn,
                     .uri = urn,
                     .usages = "serverAuth,clientAuth," CERT_ROLE_NODE,
                     .now = req->now,
                     .life_s = req->life_s,
                     .life_max_s = CERT_LIFE_MAX_S,
                     .why = why,
                     .why_size = why_size};
    if (req->common_name && strlen(req->common_name) > CN_MAX)
        return why_say(E_INVALID, why, why_size, "the common name '%s' is longer than %d bytes, which X.509 allows",
                       req->common_name, CN_MAX);
    cert_role_urn(req->incarnation, urn);
    int err = check_life(&m);
    return err ? err : make(&m, out);
}

int cert_mint_user(const struct ca *ca, const struct cert_user_request *req, struct cert **out, char *why,
                   size_t why_size)
{
    struct mint m = {.ca = ca,
                     .key = req->key,
                     .common_name = req->common_name,
                     .usages = "clientAuth",
                     .now = req->now,
                     .life_s = req->life_s,
                     .life_max_s = CERT_USER_LIFE_MAX_S,
                     .why = why,
                     .why_size = why_size};
    size_t len = strlen(req->common_name);
    if (len == 0 || len > CN_MAX)
        return why_say(E_INVALID, why, why_size, "a user's name has 1 to %d bytes, as X.509 allows no longer one",
                       CN_MAX);
    int err = check_life(&m);
    return err ? err : make(&m, out);
}

int cert_to_pem(const struct cert *c, struct buf *cert_pem, struct buf *key_pem)
{
    int err = pem_write_cert(c->x509, cert_pem);
    return err ? err : pem_write_key(c->key, key_pem);
}

void cert_destroy(struct cert **cert)
{
    struct cert *c = *cert;
    *cert = NULL;
    if (!c)
        return;
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    free(c);
}

int64_t cert_not_after(const struct cert *c)
{
    return c->not_after;
}

int64_t cert_renew_at(const struct cert *c)
{
    return c->renew_at;
}

struct x509_st *cert_x509(const struct cert *c)
{
    return c->x509;
}

struct evp_pkey_st *cert_key_of(const struct cert *c)
{
    return c->key;
}
