/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/cert_judge.h"

#include "base/err.h"
#include "base/validity.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/cert_name.h"
#include "tls/cert_role.h"
#include "tls/issuer.h"
#include "tls/pem_read.h"
#include "tls/reason.h"
#include "tls/why.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NODE_DEPTH      4    /* of tls_ctx.c, as the level */
#define NODE_LEVEL      2    /* 112 bits */
#define GO_RSA_BITS_MIN 1024 /* since 1.24 */
#define LINE_SIZE       160

static void pass(struct cert_verdict *v)
{
    *v = (struct cert_verdict){.ok = true};
}

static void refuse(struct cert_verdict *v, const char *why)
{
    v->ok = false;
    snprintf(v->why, sizeof v->why, "%s", why);
}

/* --- OpenSSL's verification, as one program or another calls it --- */

struct trial {
    X509 *cert;
    STACK_OF(X509) * others; /* that the peer sends along */
    STACK_OF(X509) * roots;
    int64_t now;
    int purpose;
    unsigned long flags;
    int level;         /* OpenSSL's security level; -1: any key and digest will do */
    const char *name;  /* NULL: none is checked */
    bool by_signature; /* find issuers as this program does */
};

static bool set_name(X509_VERIFY_PARAM *param, const char *name)
{
    uint8_t address[16];
    if (!name)
        return true;
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

static int verify_in(X509_STORE_CTX *ctx, X509_STORE *store, const struct trial *t)
{
    for (int i = 0; i < sk_X509_num(t->roots); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(t->roots, i)) != 1)
            return X509_V_ERR_UNSPECIFIED;
    if (t->by_signature)
        X509_STORE_set_get_issuer(store, issuer_find);
    if (X509_STORE_CTX_init(ctx, store, t->cert, t->others) != 1)
        return X509_V_ERR_UNSPECIFIED;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_STORE_CTX_set_purpose(ctx, t->purpose);
    X509_VERIFY_PARAM_set_flags(param, t->flags);
    X509_VERIFY_PARAM_set_auth_level(param, t->level);
    X509_VERIFY_PARAM_set_depth(param, NODE_DEPTH);
    X509_VERIFY_PARAM_set_time(param, (time_t)t->now);
    if (!set_name(param, t->name))
        return X509_V_ERR_HOSTNAME_MISMATCH;
    X509_verify_cert(ctx);
    return X509_STORE_CTX_get_error(ctx);
}

/* X509_V_OK or why not. */
static int verify(const struct trial *t)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int result = store && ctx ? verify_in(ctx, store, t) : X509_V_ERR_OUT_OF_MEM;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    reason_drop();
    return result;
}

static void judge(struct cert_verdict *v, const struct trial *t)
{
    int result = verify(t);
    if (result == X509_V_OK)
        pass(v);
    else
        refuse(v, reason_of_verify(result));
}

/* --- the clients, about a server --- */

static bool is_digest_weak(const X509 *x)
{
    int digest = NID_undef;
    X509_get_signature_info((X509 *)x, &digest, NULL, NULL, NULL);
    return digest == NID_sha1 || digest == NID_md5;
}

static bool has_names(const X509 *x)
{
    return X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0;
}

static bool is_rsa(const X509 *x)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
}

static bool is_too_small_for_go(const X509 *x)
{
    return is_rsa(x) && EVP_PKEY_get_bits(X509_get0_pubkey(x)) < GO_RSA_BITS_MIN;
}

/* Flags and level of Debian's python3 with OpenSSL 3. */
static void judge_python(struct cert_verdict *v, struct trial t)
{
    t.flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;
    t.level = 2;
    judge(v, &t);
}

static void judge_nodejs(struct cert_verdict *v, struct trial t)
{
    t.level = 1;
    judge(v, &t);
}

/* It checks the signatures of all but the root, whose SHA-1 does not matter; it looks for the issuer by trying; and a
 * name only counts where it is an alternative one. */
static void judge_go(struct cert_verdict *v, struct trial t)
{
    t.level = -1;
    t.by_signature = true;
    if (t.name && !has_names(t.cert))
        refuse(v, "certificate has no subject alternative name, and the common name does not count");
    else if (is_digest_weak(t.cert))
        refuse(v, "certificate has a weak signature (SHA-1 or older)");
    else if (is_too_small_for_go(t.cert))
        refuse(v, "certificate has a weak key (RSA below 1024 bits, since Go 1.24)");
    else
        judge(v, &t);
}

static void judge_riak(struct cert_verdict *v, struct trial t, bool needs_rsa)
{
    t.level = -1;
    t.name = NULL;
    if (needs_rsa && !is_rsa(t.cert))
        refuse(v, "certificate has no RSA key, and they offer no other suites (a node shows them its RSA certificate)");
    else
        judge(v, &t);
}

static void judge_all(const struct trial *t, bool needs_rsa, struct cert_verdict out[CERT_CLIENTS])
{
    judge_python(&out[CERT_CLIENT_PYTHON], *t);
    judge_go(&out[CERT_CLIENT_GO], *t);
    judge_nodejs(&out[CERT_CLIENT_NODEJS], *t);
    judge_riak(&out[CERT_CLIENT_RIAK], *t, needs_rsa);
}

const char *cert_client_name(enum cert_client client)
{
    static const char *const names[] = {[CERT_CLIENT_PYTHON] = "Python 3.13 and later",
                                        [CERT_CLIENT_GO] = "Go",
                                        [CERT_CLIENT_NODEJS] = "Node.js",
                                        [CERT_CLIENT_RIAK] = "old Riak clients"};
    return names[client];
}

int cert_judge_server(struct slice chain_pem, struct slice roots_pem, const char *server_name, int64_t now,
                      struct cert_verdict out[CERT_CLIENTS], char *why, size_t why_size)
{
    struct trial t = {.now = now, .purpose = X509_PURPOSE_SSL_SERVER, .name = server_name};
    int err = pem_read_certs(chain_pem, &t.others, why, why_size);
    if (!err)
        err = pem_read_certs(roots_pem, &t.roots, why, why_size);
    if (!err) {
        t.cert = sk_X509_value(t.others, 0);
        judge_all(&t, true, out);
    }
    pem_free_certs(t.others);
    pem_free_certs(t.roots);
    return err;
}

/* --- the clients, about a root --- */

/* Without the root's key nothing can be signed with it. So its twin is judged, which is the same but for its key and
 * its signature, and what a node would make under it. */
struct twin {
    X509 *root;
    EVP_PKEY *key;
    struct ca *ca;
    struct cert *server;
};

static int make_twin(const X509 *root, int64_t now, struct twin *t, char *why, size_t why_size)
{
    static const char *const names[] = {"localhost"};
    const struct cert_request req = {.names = names, .name_count = 1, .now = now};
    t->root = X509_dup(root);
    t->key = EVP_EC_gen("P-256");
    if (!t->root || !t->key || X509_set_pubkey(t->root, t->key) != 1 || X509_sign(t->root, t->key, EVP_sha256()) <= 0)
        return why_say(E_TLS, why, why_size, "the root could not be tried: %s", reason_take());
    int err = ca_wrap(t->root, t->key, &t->ca);
    return err ? why_say(err, why, why_size, "no memory to try the root")
               : cert_mint_server(t->ca, &req, CERT_ECDSA_P256, &t->server, why, why_size);
}

static void twin_fini(struct twin *t)
{
    cert_destroy(&t->server);
    ca_destroy(&t->ca);
    X509_free(t->root);
    EVP_PKEY_free(t->key);
}

/* The twin's key is no weaker than others; the root's own may be. */
static void judge_strength(const X509 *root, struct cert_verdict out[CERT_CLIENTS])
{
    static const char why[] = "the root has a weak key";
    const EVP_PKEY *key = X509_get0_pubkey(root);
    int bits = key ? EVP_PKEY_get_security_bits(key) : 0;
    if (bits < 112)
        refuse(&out[CERT_CLIENT_PYTHON], why);
    if (bits < 80)
        refuse(&out[CERT_CLIENT_NODEJS], why);
    if (!key || is_too_small_for_go(root))
        refuse(&out[CERT_CLIENT_GO], why);
}

static int judge_twin(const X509 *root, const struct twin *twin, int64_t now, struct cert_verdict out[CERT_CLIENTS])
{
    struct trial t = {.cert = cert_x509(twin->server),
                      .roots = sk_X509_new_null(),
                      .now = now,
                      .purpose = X509_PURPOSE_SSL_SERVER,
                      .name = "localhost"};
    int err = t.roots && sk_X509_push(t.roots, twin->root) ? 0 : E_NOMEM;
    if (!err) {
        judge_all(&t, false, out); /* nodes make one with an RSA key, too */
        judge_strength(root, out);
    }
    sk_X509_free(t.roots);
    return err;
}

static void judge_node(X509 *root, int64_t now, struct cert_verdict *v)
{
    *v = (struct cert_verdict){0};
    v->ok = ca_check_root(root, now, v->why, sizeof v->why) == 0;
}

static bool is_over(const X509 *root, int64_t now)
{
    return pem_time(X509_get0_notAfter(root)) <= now;
}

static int judge_root(X509 *root, int64_t now, struct cert_verdict out[CERT_CLIENTS], char *why, size_t why_size)
{
    struct twin twin = {0};
    if (is_over(root, now)) { /* nothing can be made under it */
        for (size_t i = 0; i < CERT_CLIENTS; i++)
            refuse(&out[i], reason_of_verify(X509_V_ERR_CERT_HAS_EXPIRED));
        return 0;
    }
    int err = make_twin(root, now, &twin, why, why_size);
    if (!err)
        err = judge_twin(root, &twin, now, out);
    twin_fini(&twin);
    reason_drop();
    return err;
}

int cert_judge_root(struct slice root_pem, int64_t now, struct cert_verdict out[CERT_CLIENTS],
                    struct cert_verdict *node, char *why, size_t why_size)
{
    STACK_OF(X509) *certs = NULL;
    int err = pem_read_certs(root_pem, &certs, why, why_size);
    if (!err && X509_self_signed(sk_X509_value(certs, 0), 1) != 1)
        err = why_say(E_INVALID, why, why_size, "the certificate is no root: it is not self-signed");
    if (!err)
        err = judge_root(sk_X509_value(certs, 0), now, out, why, why_size);
    if (!err)
        judge_node(sk_X509_value(certs, 0), now, node);
    pem_free_certs(certs);
    reason_drop();
    return err;
}

/* --- a node, about a user --- */

const char *cert_finding_name(enum cert_finding_kind kind)
{
    static const char *const names[] = {[CERT_FINDING_ROOT] = "root",
                                        [CERT_FINDING_DATES] = "dates",
                                        [CERT_FINDING_KEY] = "key",
                                        [CERT_FINDING_CHAIN] = "chain",
                                        [CERT_FINDING_NAME] = "name"};
    return names[kind];
}

#define SAY(v, good, ...)                                                                                              \
    ((v)->ok = (good), (void)snprintf((v)->why, sizeof(v)->why, __VA_ARGS__)) /* of what is ok, too */

/* One that is good is enough: a node believes all that are. */
static void find_root(const STACK_OF(X509) * roots, int64_t now, struct cert_verdict *v)
{
    char line[LINE_SIZE], when[VALIDITY_TEXT_SIZE];
    v->ok = false;
    for (int i = 0; !v->ok && i < sk_X509_num(roots); i++) {
        X509 *one = sk_X509_value(roots, i);
        v->ok = ca_check_root(one, now, v->why, sizeof v->why) == 0;
        if (!v->ok)
            continue;
        cert_name_line(X509_get_subject_name(one), line, sizeof line);
        validity_text(pem_time(X509_get0_notAfter(one)), when);
        SAY(v, true, "%s, valid until %s", line, when);
    }
}

static void find_dates(const X509 *cert, int64_t now, struct cert_verdict *v)
{
    int64_t from = pem_time(X509_get0_notBefore(cert)), to = pem_time(X509_get0_notAfter(cert));
    char when[VALIDITY_TEXT_SIZE];
    validity_text(now < from ? from : to, when);
    if (now < from)
        SAY(v, false, "the certificate is not valid before %s: is this machine's clock right?", when);
    else if (now >= to)
        SAY(v, false, "the certificate expired at %s: make a new one with ephemeralctl cert user", when);
    else
        SAY(v, true, "valid until %s, %lld days left", when, (long long)validity_days_left(to, now));
}

static void find_key(const X509 *cert, const EVP_PKEY *key, struct cert_verdict *v)
{
    v->ok = false;
    if (X509_check_private_key((X509 *)cert, (EVP_PKEY *)key) != 1)
        SAY(v, false, "the key does not belong to the certificate: give the two that were made together");
    else if (pem_check_strength(key, "the user's key", v->why, sizeof v->why) == 0)
        SAY(v, true, "belongs to the certificate");
    reason_drop();
}

static void find_chain(X509 *cert, STACK_OF(X509) * others, STACK_OF(X509) * roots, int64_t now, struct cert_verdict *v)
{
    const struct trial t = {.cert = cert,
                            .others = others,
                            .roots = roots,
                            .now = now,
                            .purpose = X509_PURPOSE_SSL_CLIENT,
                            .level = NODE_LEVEL,
                            .by_signature = true};
    judge(v, &t);
    if (v->ok)
        SAY(v, true, "a node with this root accepts the certificate");
}

static void find_name(const X509 *cert, const char *user, struct cert_verdict *v)
{
    struct cert_cn cn;
    cert_name_cn(X509_get_subject_name(cert), &cn);
    if (cert_role_is_node(cert))
        SAY(v, false, "the certificate has the role of a node, so it is not a user's");
    else if (cn.count != 1 || !cn.first[0])
        SAY(v, false, "the certificate must have one common name, which names the user; it has %zu", cn.count);
    else if (user && !cert_name_equal(cn.first, user))
        SAY(v, false, "the certificate is for user '%s', not '%s'", cn.first, user);
    else
        SAY(v, true, "user '%s'", cn.first);
}

static void find_all(const struct cert_user_files *files, STACK_OF(X509) * certs, const EVP_PKEY *key,
                     STACK_OF(X509) * roots, int64_t now, struct cert_verdict out[CERT_FINDINGS])
{
    X509 *cert = sk_X509_value(certs, 0);
    find_root(roots, now, &out[CERT_FINDING_ROOT]);
    find_dates(cert, now, &out[CERT_FINDING_DATES]);
    find_key(cert, key, &out[CERT_FINDING_KEY]);
    find_chain(cert, certs, roots, now, &out[CERT_FINDING_CHAIN]);
    find_name(cert, files->user, &out[CERT_FINDING_NAME]);
}

int cert_judge_user(const struct cert_user_files *files, int64_t now, struct cert_verdict out[CERT_FINDINGS], char *why,
                    size_t why_size)
{
    STACK_OF(X509) *certs = NULL, *roots = NULL;
    EVP_PKEY *key = NULL;
    int err = pem_read_certs(files->cert_pem, &certs, why, why_size);
    if (!err)
        err = pem_read_key(files->key_pem, &key, why, why_size);
    if (!err)
        err = pem_read_certs(files->roots_pem, &roots, why, why_size);
    if (!err)
        find_all(files, certs, key, roots, now, out);
    pem_free_certs(certs);
    pem_free_certs(roots);
    EVP_PKEY_free(key);
    return err;
}
