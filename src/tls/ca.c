/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ca.h"

#include "base/err.h"
#include "tls/cert_name.h"
#include "tls/pem_read.h"
#include "tls/reason.h"
#include "tls/why.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#define SUBJECT_SIZE 160

struct ca {
    X509 *cert; /* one of `path` */
    EVP_PKEY *key;
    STACK_OF(X509) * anchors;
    STACK_OF(X509) * chain;
    int64_t not_after, review_at;
    char subject[SUBJECT_SIZE];
};

struct trial {
    const STACK_OF(X509) * given;
    int64_t now;
    char *why;
    size_t why_size;
};

#define REFUSE(t, err, ...) why_say(err, (t)->why, (t)->why_size, __VA_ARGS__)

static void subject_line(const X509_NAME *name, char out[SUBJECT_SIZE])
{
    cert_name_line(name, out, SUBJECT_SIZE);
}

static void time_line(int64_t s, char out[32])
{
    time_t t = (time_t)s;
    struct tm tm;
    out[0] = '\0';
    if (gmtime_r(&t, &tm))
        strftime(out, 32, "%Y-%m-%d %H:%M:%SZ", &tm);
}

static int check_dates(const struct trial *t, const X509 *cert, const char *name)
{
    int64_t from = pem_time(X509_get0_notBefore(cert)), to = pem_time(X509_get0_notAfter(cert));
    char when[32];
    if (from == INT64_MIN || to == INT64_MIN)
        return REFUSE(t, E_CERT, "the root CA certificate (%s) has dates that cannot be read: make a new one", name);
    if (t->now < from) {
        time_line(from, when);
        return REFUSE(t, E_CERT, "the root CA certificate (%s) is not valid before %s: is this machine's clock right?",
                      name, when);
    }
    if (t->now >= to) {
        time_line(to, when);
        return REFUSE(
            t, E_CERT,
            "the root CA certificate (%s) expired at %s: sign it again with its own key, certificates that it has "
            "signed stay valid (or set this machine's clock)",
            name, when);
    }
    return 0;
}

/* What F5's recipe makes with OpenSSL 3.2 and later: v3, and no extension that says what it is for. */
static bool is_bare_v3_root(const X509 *cert)
{
    return X509_get_version(cert) == X509_VERSION_3 && X509_get_ext_by_NID(cert, NID_basic_constraints, -1) < 0 &&
           X509_get_ext_by_NID(cert, NID_key_usage, -1) < 0 && X509_get_ext_by_NID(cert, NID_ext_key_usage, -1) < 0 &&
           X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

static int refuse_no_ca(const struct trial *t, const X509 *cert, const char *name)
{
    if (is_bare_v3_root(cert))
        return REFUSE(
            t, E_CERT,
            "the root CA certificate (%.60s) is X.509 v3 without basicConstraints, so no TLS library takes it "
            "for a CA (OpenSSL 3.2 and later make it so by F5's recipe). Sign it again with its own key, other "
            "certificates stay valid: " CA_MENDING_COMMAND,
            name);
    return REFUSE(t, E_CERT,
                  "the certificate (%s) may not sign others: it is not a CA's (basicConstraints, keyUsage); give the "
                  "root's own",
                  name);
}

/* One certificate on the way from the signer to the root. OpenSSL would find the same in each handshake. */
static int check_member(const struct trial *t, X509 *cert)
{
    char name[SUBJECT_SIZE];
    subject_line(X509_get_subject_name(cert), name);
    int err = check_dates(t, cert, name);
    if (err)
        return err;
    if (!X509_check_ca(cert))
        return refuse_no_ca(t, cert, name);
    EVP_PKEY *key = X509_get0_pubkey(cert);
    if (!key)
        return REFUSE(t, E_UNSUPPORTED, "the key in the certificate (%s) cannot be read: %s", name, reason_take());
    return pem_check_strength(key, "the root CA's key", t->why, t->why_size);
}

static bool is_root(X509 *cert)
{
    bool yes = X509_self_signed(cert, 1) == 1;
    reason_drop();
    return yes;
}

static bool is_valid(const X509 *cert, int64_t now)
{
    return pem_time(X509_get0_notBefore(cert)) <= now && now < pem_time(X509_get0_notAfter(cert));
}

/* Of two that would do: what is valid now, then what ends last. */
static bool is_better(const X509 *a, const X509 *b, int64_t now)
{
    if (!b)
        return true;
    if (is_valid(a, now) != is_valid(b, now))
        return is_valid(a, now);
    return pem_time(X509_get0_notAfter(a)) > pem_time(X509_get0_notAfter(b));
}

static X509 *find_issuer(const struct trial *t, X509 *cert)
{
    X509 *found = NULL;
    for (int i = 0; i < sk_X509_num(t->given); i++) {
        X509 *issuer = sk_X509_value(t->given, i);
        if (issuer != cert && X509_check_issued(issuer, cert) == X509_V_OK &&
            X509_verify(cert, X509_get0_pubkey(issuer)) == 1 && is_better(issuer, found, t->now))
            found = issuer;
    }
    reason_drop();
    return found;
}

static int push_ref(STACK_OF(X509) * stack, X509 *cert)
{
    if (!X509_up_ref(cert))
        return E_NOMEM;
    if (sk_X509_push(stack, cert))
        return 0;
    X509_free(cert);
    return E_NOMEM;
}

static int refuse_no_issuer(const struct trial *t, X509 *cert)
{
    char subject[SUBJECT_SIZE], issuer[SUBJECT_SIZE];
    subject_line(X509_get_subject_name(cert), subject);
    subject_line(X509_get_issuer_name(cert), issuer);
    if (strcmp(subject, issuer) == 0)
        return REFUSE(t, E_CERT, "the certificate (%s) names itself as its issuer but its own key did not sign it",
                      subject);
    return REFUSE(t, E_CERT,
                  "the certificate (%s) is not a root: it is signed by %s; append that one's certificate to the PEM",
                  subject, issuer);
}

/* A way from a signer up to a root. */
struct path {
    X509 *cert;             /* borrowed */
    STACK_OF(X509) * chain; /* all of it but the root; owned */
    int64_t not_after;
};

static int climb(struct path *p, const struct trial *t)
{
    X509 *cert = p->cert;
    for (int steps = sk_X509_num(t->given); steps > 0; steps--) {
        int err = check_member(t, cert);
        if (err)
            return err;
        int64_t end = pem_time(X509_get0_notAfter(cert));
        if (end < p->not_after)
            p->not_after = end;
        if (is_root(cert))
            return 0;
        X509 *issuer = find_issuer(t, cert);
        if (!issuer)
            return refuse_no_issuer(t, cert);
        err = push_ref(p->chain, cert);
        if (err)
            return err;
        cert = issuer;
    }
    return REFUSE(t, E_CERT, "the certificates of the root CA sign each other in a circle");
}

static int path_init(struct path *p, X509 *cert, const struct trial *t)
{
    *p = (struct path){.cert = cert, .chain = sk_X509_new_null(), .not_after = INT64_MAX};
    return p->chain ? climb(p, t) : E_NOMEM;
}

static void path_fini(struct path *p)
{
    pem_free_certs(p->chain);
    *p = (struct path){0};
}

/* All roots in the text are believed, so that an old and a new one may be given while users change over. */
static int collect_anchors(struct ca *ca, const struct trial *t)
{
    int err = 0;
    for (int i = 0; !err && i < sk_X509_num(t->given); i++) {
        X509 *cert = sk_X509_value(t->given, i);
        if (X509_check_ca(cert) && is_root(cert))
            err = push_ref(ca->anchors, cert);
    }
    return err;
}

static int refuse_mismatch(const struct trial *t)
{
    char name[SUBJECT_SIZE];
    subject_line(X509_get_subject_name(sk_X509_value(t->given, 0)), name);
    return REFUSE(t, E_MISMATCH,
                  "the root CA's private key does not belong to its certificate (%s): give the two that were made "
                  "together",
                  name);
}

static bool fits(X509 *cert, EVP_PKEY *key)
{
    bool yes = X509_check_private_key(cert, key) == 1;
    reason_drop();
    return yes;
}

/* The way that is good and ends last. Where none is good, the signer that would be best says why. */
static int find_path(const struct ca *ca, const struct trial *t, struct path *best)
{
    struct trial silent = {.given = t->given, .now = t->now};
    X509 *nearest = NULL;
    *best = (struct path){0};
    for (int i = 0; i < sk_X509_num(t->given); i++) {
        X509 *cert = sk_X509_value(t->given, i);
        struct path p;
        if (!fits(cert, ca->key))
            continue;
        if (is_better(cert, nearest, t->now))
            nearest = cert;
        int err = path_init(&p, cert, &silent);
        if (!err && (!best->cert || p.not_after > best->not_after)) {
            path_fini(best);
            *best = p;
        } else {
            path_fini(&p);
        }
        if (err == E_NOMEM)
            return err;
    }
    if (best->cert)
        return 0;
    return nearest ? path_init(best, nearest, t) : refuse_mismatch(t);
}

static int choose(struct ca *ca, const struct trial *t)
{
    struct path p;
    int err = find_path(ca, t, &p);
    if (!err && !X509_up_ref(p.cert))
        err = E_NOMEM;
    if (!err) {
        ca->cert = p.cert;
        ca->chain = p.chain;
        ca->not_after = p.not_after;
        p.chain = NULL;
        subject_line(X509_get_subject_name(ca->cert), ca->subject);
    }
    path_fini(&p);
    return err;
}

/* The next time at which one of the given certificates begins or ends. */
static int64_t next_change(const struct trial *t)
{
    int64_t next = INT64_MAX;
    for (int i = 0; i < sk_X509_num(t->given); i++) {
        const X509 *cert = sk_X509_value(t->given, i);
        const int64_t times[] = {pem_time(X509_get0_notBefore(cert)), pem_time(X509_get0_notAfter(cert))};
        for (size_t k = 0; k < 2; k++)
            if (times[k] > t->now && times[k] < next)
                next = times[k];
    }
    return next;
}

static int judge(struct ca *ca, const struct trial *t)
{
    int err = choose(ca, t);
    if (!err)
        err = collect_anchors(ca, t);
    ca->review_at = next_change(t);
    return err == E_NOMEM ? REFUSE(t, err, "no memory for the root CA") : err;
}

int ca_create(struct slice cert_pem, struct slice key_pem, int64_t now, struct ca **out, char *why, size_t why_size)
{
    STACK_OF(X509) *given = NULL;
    struct ca *ca = calloc(1, sizeof *ca);
    if (ca)
        ca->anchors = sk_X509_new_null();
    int err = ca && ca->anchors ? 0 : why_say(E_NOMEM, why, why_size, "no memory for the root CA");
    if (!err)
        err = pem_read_certs(cert_pem, &given, why, why_size);
    if (!err)
        err = pem_read_key(key_pem, &ca->key, why, why_size);
    if (!err)
        err = judge(ca, &(struct trial){given, now, why, why_size});
    pem_free_certs(given);
    if (err)
        ca_destroy(&ca);
    else
        *out = ca;
    return err;
}

int ca_check_root(struct x509_st *cert, int64_t now, char *why, size_t why_size)
{
    const struct trial t = {.now = now, .why = why, .why_size = why_size};
    int err = check_member(&t, cert);
    if (!err && !is_root(cert))
        err = REFUSE(&t, E_CERT, "it is not self-signed");
    return err;
}

int ca_wrap(struct x509_st *cert, struct evp_pkey_st *key, struct ca **out)
{
    struct ca *ca = calloc(1, sizeof *ca);
    if (ca) {
        ca->anchors = sk_X509_new_null();
        ca->chain = sk_X509_new_null();
    }
    if (!ca || !ca->anchors || !ca->chain || push_ref(ca->anchors, cert)) {
        ca_destroy(&ca);
        return E_NOMEM;
    }
    X509_up_ref(cert);
    EVP_PKEY_up_ref(key);
    ca->cert = cert;
    ca->key = key;
    ca->not_after = pem_time(X509_get0_notAfter(cert));
    ca->review_at = INT64_MAX;
    subject_line(X509_get_subject_name(cert), ca->subject);
    *out = ca;
    return 0;
}

void ca_destroy(struct ca **ca)
{
    struct ca *c = *ca;
    *ca = NULL;
    if (!c)
        return;
    X509_free(c->cert);
    EVP_PKEY_free(c->key); /* OpenSSL overwrites private numbers */
    pem_free_certs(c->anchors);
    pem_free_certs(c->chain);
    free(c);
}

int64_t ca_not_after(const struct ca *ca)
{
    return ca->not_after;
}

int64_t ca_review_at(const struct ca *ca)
{
    return ca->review_at;
}

size_t ca_root_count(const struct ca *ca)
{
    return (size_t)sk_X509_num(ca->anchors);
}

bool ca_equal(const struct ca *a, const struct ca *b)
{
    int n = sk_X509_num(a->chain);
    bool equal = X509_cmp(a->cert, b->cert) == 0 && n == sk_X509_num(b->chain) && a->not_after == b->not_after;
    for (int i = 0; equal && i < n; i++)
        equal = X509_cmp(sk_X509_value(a->chain, i), sk_X509_value(b->chain, i)) == 0;
    return equal;
}

bool ca_is_v1(const struct ca *ca)
{
    return X509_get_version(ca->cert) == X509_VERSION_1;
}

const char *ca_subject(const struct ca *ca)
{
    return ca->subject;
}

struct x509_st *ca_x509(const struct ca *ca)
{
    return ca->cert;
}

struct evp_pkey_st *ca_key(const struct ca *ca)
{
    return ca->key;
}

struct stack_st_X509 *ca_anchors(const struct ca *ca)
{
    return ca->anchors;
}

struct stack_st_X509 *ca_chain(const struct ca *ca)
{
    return ca->chain;
}
