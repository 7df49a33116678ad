/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/ca_make.h"
#include "tls/cert.h"
#include "tls/cert_view.h"
#include "unit/tls/pki.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct made {
    struct buf cert, key;
};

static void made_init(struct made *m)
{
    buf_init(&m->cert, PEM_OUT_MAX);
    buf_init(&m->key, PEM_OUT_MAX);
}

static void made_fini(struct made *m)
{
    buf_fini(&m->cert);
    pem_wipe(&m->key);
}

static struct cert_view *view(const struct buf *pem)
{
    char why[TLS_WHY_MAX];
    struct cert_view *v;
    size_t count;
    assert_int_equal(cert_view_read(buf_slice(pem), &v, &count, why, sizeof why), 0);
    assert_int_equal(count, 1);
    return v;
}

static struct ca *ca_of(struct slice cert, struct slice key)
{
    char why[TLS_WHY_MAX] = "";
    struct ca *ca;
    if (ca_create(cert, key, PKI_NOW, &ca, why, sizeof why))
        fail_msg("%s", why);
    return ca;
}

static void each_kind_of_key(void **state)
{
    static const struct {
        const char *name, *shown;
    } kinds[] = {{"rsa2048", "RSA 2048"}, {"rsa3072", "RSA 3072"}, {"p256", "EC P-256"}, {"p384", "EC P-384"}};
    char why[TLS_WHY_MAX] = "";
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct ca_make_request req = {.common_name = "my root", .now = PKI_NOW, .days = 100};
        struct made m;
        made_init(&m);
        assert_true(key_kind_parse(kinds[i].name, &req.key));
        assert_int_equal(ca_make(&req, &m.cert, &m.key, why, sizeof why), 0);
        struct cert_view *v = view(&m.cert);
        assert_string_equal(v->subject, "CN = my root");
        assert_string_equal(v->key, kinds[i].shown);
        assert_string_equal(v->key_usage, "keyCertSign, cRLSign");
        assert_int_equal(v->version, 3);
        assert_true(v->is_ca && v->is_self_signed);
        assert_int_equal(cert_view_use(v), CERT_USE_ROOT);
        assert_int_equal(v->not_before, PKI_NOW - PKI_DAY);
        assert_int_equal(v->not_after, PKI_NOW + 100 * PKI_DAY);
        free(v);
        struct ca *ca = ca_of(buf_slice(&m.cert), buf_slice(&m.key));
        assert_false(ca_is_v1(ca));
        ca_destroy(&ca);
        made_fini(&m);
    }
    enum key_kind kind;
    assert_false(key_kind_parse("rsa1024", &kind) || key_kind_parse("", &kind));
}

/* By their names TLS libraries tell roots apart. */
static void names_of_their_own(void **state)
{
    char why[TLS_WHY_MAX] = "", first[CERT_VIEW_LINE_MAX] = "";
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct ca_make_request req = {.key = KEY_P256, .now = PKI_NOW, .days = 1};
        struct made m;
        made_init(&m);
        assert_int_equal(ca_make(&req, &m.cert, &m.key, why, sizeof why), 0);
        struct cert_view *v = view(&m.cert);
        assert_memory_equal(v->subject, "CN = ephemeral-store root ", 26);
        assert_string_not_equal(v->subject, first);
        strcpy(first, v->subject);
        free(v);
        made_fini(&m);
    }
}

static void wrong_requests(void **state)
{
    static const char long_name[] = "a name of more than sixty-four bytes, which no certificate can have";
    static const struct ca_make_request wrong[] = {
        {.days = 0}, {.days = CA_DAYS_MAX + 1}, {.days = 1, .common_name = ""}, {.days = 1, .common_name = long_name}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char why[TLS_WHY_MAX] = "";
        struct made m;
        made_init(&m);
        assert_int_equal(ca_make(&wrong[i], &m.cert, &m.key, why, sizeof why), E_INVALID);
        assert_true(*why && buf_len(&m.cert) == 0 && buf_len(&m.key) == 0);
        made_fini(&m);
    }
}

/* What a renewed root must verify: a user with no key identifiers, and one that names key and serial number. */
static void expect_valid(X509 *root, X509 *cert)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)PKI_NOW);
    assert_int_equal(X509_verify_cert(ctx), 1);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
}

static void add_authority(struct pki *user, const struct pki *root)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, root->cert, user->cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "issuer:always");
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(user->cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
    assert_true(X509_sign(user->cert, root->key, EVP_sha256()) > 0);
}

static X509 *parse(const struct buf *pem)
{
    struct slice s = buf_slice(pem);
    BIO *bio = BIO_new_mem_buf(s.data, (int)s.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(x);
    return x;
}

static void check_renewal(const struct pki_plan *plan)
{
    struct pki root, plain, exact;
    struct made m;
    char why[TLS_WHY_MAX] = "";
    made_init(&m);
    pki_make(&root, plan);
    pki_make(&plain, &(struct pki_plan){.cn = "plain", .issuer = &root});
    pki_make(&exact, &(struct pki_plan){.cn = "exact", .issuer = &root, .ext_key_usage = "clientAuth"});
    add_authority(&exact, &root);
    const struct ca_renew_request req = {
        .cert_pem = slice_str(root.cert_pem), .key_pem = slice_str(root.key_pem), .now = PKI_NOW, .days = 500};
    if (ca_renew(&req, &m.cert, why, sizeof why))
        fail_msg("%s", why);
    X509 *renewed = parse(&m.cert);
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(renewed), X509_get_subject_name(root.cert)), 0);
    assert_int_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(renewed), X509_get0_serialNumber(root.cert)), 0);
    assert_int_equal(X509_get_version(renewed), X509_VERSION_3);
    assert_int_equal(X509_check_ca(renewed), 1); /* by basicConstraints */
    assert_non_null(X509_get0_subject_key_id(renewed));
    expect_valid(renewed, plain.cert);
    expect_valid(renewed, exact.cert);
    struct cert_view *v = view(&m.cert);
    assert_int_equal(v->not_after, PKI_NOW + 500 * PKI_DAY);
    assert_true(v->not_before <= PKI_NOW - PKI_DAY);
    assert_string_equal(v->key_usage, "keyCertSign, cRLSign");
    free(v);
    struct ca *ca = ca_of(buf_slice(&m.cert), slice_str(root.key_pem));
    ca_destroy(&ca);
    X509_free(renewed);
    assert_int_equal(ERR_peek_error(), 0);
    pki_free(&root);
    pki_free(&plain);
    pki_free(&exact);
    made_fini(&m);
}

static void renewals(void **state)
{
    (void)state;
    check_renewal(&(struct pki_plan){.cn = "rootCA", .ca = true});
    check_renewal(&(struct pki_plan){.cn = "rootCA"});                                          /* X.509 v1 */
    check_renewal(&(struct pki_plan){.cn = "rootCA", .ca = true, .to = PKI_NOW - PKI_DAY / 2}); /* expired */
}

/* F5's recipe by OpenSSL 3.2 and later: v3 without any word of what it is for. */
static void a_root_that_is_no_ca_is_mended(void **state)
{
    struct pki root;
    struct made m;
    struct ca *ca;
    char why[TLS_WHY_MAX] = "";
    (void)state;
    made_init(&m);
    pki_make(&root, &(struct pki_plan){.cn = "rootCA", .alt_names = "DNS:none"});
    assert_int_equal(ca_create(slice_str(root.cert_pem), slice_str(root.key_pem), PKI_NOW, &ca, why, sizeof why),
                     E_CERT);
    const struct ca_renew_request req = {
        .cert_pem = slice_str(root.cert_pem), .key_pem = slice_str(root.key_pem), .now = PKI_NOW, .days = 5};
    assert_int_equal(ca_renew(&req, &m.cert, why, sizeof why), 0);
    ca = ca_of(buf_slice(&m.cert), slice_str(root.key_pem));
    ca_destroy(&ca);
    pki_free(&root);
    made_fini(&m);
}

static void renewals_that_cannot_be(void **state)
{
    struct pki root, other;
    struct made m;
    char why[TLS_WHY_MAX] = "";
    (void)state;
    made_init(&m);
    pki_make(&root, &(struct pki_plan){.cn = "rootCA", .ca = true});
    pki_make(&other, &(struct pki_plan){.cn = "other", .ca = true, .issuer = &root});
    struct ca_renew_request req = {
        .cert_pem = slice_str(root.cert_pem), .key_pem = slice_str(other.key_pem), .now = PKI_NOW, .days = 5};
    assert_int_equal(ca_renew(&req, &m.cert, why, sizeof why), E_CERT);
    assert_non_null(strstr(why, "no root certificate in the PEM belongs to this key"));
    req.cert_pem = slice_str(other.cert_pem); /* is not self-signed */
    assert_int_equal(ca_renew(&req, &m.cert, why, sizeof why), E_CERT);
    req.days = 0;
    assert_int_equal(ca_renew(&req, &m.cert, why, sizeof why), E_INVALID);
    assert_int_equal(buf_len(&m.cert), 0);
    pki_free(&root);
    pki_free(&other);
    made_fini(&m);
}

static void users(void **state)
{
    struct pki root;
    struct made m;
    struct cert *cert;
    char why[TLS_WHY_MAX] = "";
    (void)state;
    made_init(&m);
    pki_make(&root, &(struct pki_plan){.cn = "rootCA", .ca = true});
    struct ca *ca = ca_of(slice_str(root.cert_pem), slice_str(root.key_pem));
    struct cert_user_request req = {.common_name = "joe", .key = KEY_P256, .now = PKI_NOW, .life_s = 400 * PKI_DAY};
    assert_int_equal(cert_mint_user(ca, &req, &cert, why, sizeof why), 0);
    assert_int_equal(cert_not_after(cert), ca_not_after(ca)); /* not beyond it */
    assert_int_equal(cert_to_pem(cert, &m.cert, &m.key), 0);
    struct cert_view *v = view(&m.cert);
    assert_string_equal(v->cn.first, "joe");
    assert_string_equal(v->ext_key_usage, "clientAuth");
    assert_int_equal(v->name_count, 0);
    assert_false(v->is_node || v->is_ca || v->may_serve);
    assert_int_equal(cert_view_use(v), CERT_USE_USER);
    free(v);
    cert_destroy(&cert);
    req.common_name = "";
    assert_int_equal(cert_mint_user(ca, &req, &cert, why, sizeof why), E_INVALID);
    ca_destroy(&ca);
    pki_free(&root);
    made_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_key),
        cmocka_unit_test(names_of_their_own),
        cmocka_unit_test(wrong_requests),
        cmocka_unit_test(renewals),
        cmocka_unit_test(a_root_that_is_no_ca_is_mended),
        cmocka_unit_test(renewals_that_cannot_be),
        cmocka_unit_test(users),
    };
    return cmocka_run_group_tests_name("tls/ca_make", tests, NULL, NULL);
}
