/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ca_make.h"

#include "base/err.h"
#include "tls/pem_read.h"
#include "tls/pem_write.h"
#include "tls/reason.h"
#include "tls/serial.h"
#include "tls/why.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_S      ((int64_t)86400)
#define BACKDATE_S DAY_S
#define CN_MAX     64 /* ub-common-name of RFC 5280 */

/* What is being made, and where to say why it can't. */
struct making {
    X509 *x;
    EVP_PKEY *key;
    char *why;
    size_t why_size;
};

#define REFUSE(m, err, ...) why_say(err, (m)->why, (m)->why_size, __VA_ARGS__)

static int fail_openssl(const struct making *m, const char *what)
{
    return REFUSE(m, E_TLS, "%s of the root certificate could not be made: %s", what, reason_take());
}

static int check_days(const struct making *m, uint32_t days)
{
    if (days >= 1 && days <= CA_DAYS_MAX)
        return 0;
    return REFUSE(m, E_INVALID, "a root cannot live for %u days: give 1 to %d", days, CA_DAYS_MAX);
}

/* --- what a root must say of itself --- */

/* In place of what the certificate says so far. */
static bool put_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int at = X509_get_ext_by_NID(x, nid, -1);
    if (ext && at >= 0)
        X509_EXTENSION_free(X509_delete_ext(x, at));
    bool ok = ext && X509_add_ext(x, ext, at) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* A limit of the length of chains stays. */
static bool put_constraints(X509 *x)
{
    char value[64] = "critical,CA:TRUE";
    BASIC_CONSTRAINTS *old = X509_get_ext_d2i(x, NID_basic_constraints, NULL, NULL);
    if (old && old->pathlen)
        snprintf(value, sizeof value, "critical,CA:TRUE,pathlen:%ld", ASN1_INTEGER_get(old->pathlen));
    BASIC_CONSTRAINTS_free(old);
    return put_extension(x, NID_basic_constraints, value);
}

/* An identifier that is there stays: it stands in what the root has signed. */
static bool put_extensions(X509 *x)
{
    bool has_id = X509_get_ext_by_NID(x, NID_subject_key_identifier, -1) >= 0;
    return X509_set_version(x, X509_VERSION_3) && put_constraints(x) &&
           put_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           (has_id || put_extension(x, NID_subject_key_identifier, "hash"));
}

static bool sign(const struct making *m)
{
    int kind = EVP_PKEY_get_base_id(m->key);
    bool digests_itself = kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448;
    return X509_sign(m->x, m->key, digests_itself ? NULL : EVP_sha256()) > 0;
}

/* --- a new one --- */

static bool set_name(const struct making *m, const char *given)
{
    char own[CN_MAX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!given) {
        if (X509_pubkey_digest(m->x, EVP_sha256(), digest, &len) != 1)
            return false;
        snprintf(own, sizeof own, "ephemeral-store root %02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
        given = own;
    }
    X509_NAME *name = X509_get_subject_name(m->x);
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)given, -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(m->x, name) == 1;
}

static bool set_dates(X509 *x, int64_t from, int64_t to)
{
    return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from) && ASN1_TIME_set(X509_getm_notAfter(x), (time_t)to);
}

static int build(struct making *m, const struct ca_make_request *req)
{
    m->key = key_kind_make(req->key);
    if (!m->key)
        return fail_openssl(m, "the key");
    m->x = X509_new();
    if (!m->x || !serial_set(m->x) || !X509_set_pubkey(m->x, m->key) || !set_name(m, req->common_name) ||
        !set_dates(m->x, req->now - BACKDATE_S, req->now + (int64_t)req->days * DAY_S))
        return fail_openssl(m, "the fields");
    if (!put_extensions(m->x))
        return fail_openssl(m, "the extensions");
    return sign(m) ? 0 : fail_openssl(m, "the signature");
}

static int put_pem(const struct making *m, struct buf *cert_pem, struct buf *key_pem)
{
    int err = pem_write_cert(m->x, cert_pem);
    if (!err && key_pem)
        err = pem_write_key(m->key, key_pem);
    return err ? REFUSE(m, err, "the root: %s", err_text(err)) : 0;
}

static void fini(struct making *m)
{
    X509_free(m->x);
    EVP_PKEY_free(m->key);
}

int ca_make(const struct ca_make_request *req, struct buf *cert_pem, struct buf *key_pem, char *why, size_t why_size)
{
    struct making m = {.why = why, .why_size = why_size};
    int err = check_days(&m, req->days);
    if (!err && req->common_name && (!*req->common_name || strlen(req->common_name) > CN_MAX))
        err = REFUSE(&m, E_INVALID, "the common name of a root has 1 to %d bytes", CN_MAX);
    if (!err)
        err = build(&m, req);
    if (!err)
        err = put_pem(&m, cert_pem, key_pem);
    fini(&m);
    return err;
}

/* --- signed again --- */

static bool fits(const struct making *m, X509 *x)
{
    bool yes = X509_check_private_key(x, m->key) == 1 && X509_self_signed(x, 1) == 1;
    reason_drop();
    return yes;
}

static int choose(struct making *m, const STACK_OF(X509) * given)
{
    const X509 *best = NULL;
    for (int i = 0; i < sk_X509_num(given); i++) {
        X509 *one = sk_X509_value(given, i);
        if (fits(m, one) && (!best || ASN1_TIME_compare(X509_get0_notAfter(one), X509_get0_notAfter(best)) > 0))
            best = one;
    }
    if (!best)
        return REFUSE(m, E_CERT,
                      "no root certificate in the PEM belongs to this key: give the two that were made "
                      "together");
    m->x = X509_dup(best);
    return m->x ? 0 : REFUSE(m, E_NOMEM, "no memory for the root CA");
}

/* Never later than before: what it signed may have been made at its first hour. */
static int sign_again(struct making *m, const struct ca_renew_request *req)
{
    int64_t from = pem_time(X509_get0_notBefore(m->x));
    int err = pem_check_strength(m->key, "the root's key", m->why, m->why_size);
    if (err)
        return err;
    if (from == INT64_MIN || from > req->now)
        from = req->now - BACKDATE_S;
    if (!set_dates(m->x, from, req->now + (int64_t)req->days * DAY_S))
        return fail_openssl(m, "the dates");
    if (!put_extensions(m->x))
        return fail_openssl(m, "the extensions");
    return sign(m) ? 0 : fail_openssl(m, "the signature");
}

int ca_renew(const struct ca_renew_request *req, struct buf *cert_pem, char *why, size_t why_size)
{
    struct making m = {.why = why, .why_size = why_size};
    STACK_OF(X509) *given = NULL;
    int err = check_days(&m, req->days);
    if (!err)
        err = pem_read_certs(req->cert_pem, &given, why, why_size);
    if (!err)
        err = pem_read_key(req->key_pem, &m.key, why, why_size);
    if (!err)
        err = choose(&m, given);
    if (!err)
        err = sign_again(&m, req);
    if (!err)
        err = put_pem(&m, cert_pem, NULL);
    pem_free_certs(given);
    fini(&m);
    return err;
}
