/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/cert.h"
#include "tls/pem_read.h"
#include "unit/tls/pki.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static struct pki root;
static struct ca *ca;

static const char *const names[] = {"store.example", "*.pods.example", "10.1.2.3", "fd00::1", "STORE.example", "a_b"};

static struct cert *mint(const struct ca *by, const struct cert_request *req, enum cert_key key)
{
    char why[TLS_WHY_MAX] = "";
    struct cert *c = NULL;
    if (cert_mint_server(by, req, key, &c, why, sizeof why))
        fail_msg("%s", why);
    return c;
}

static void refuse(const struct cert_request *req, int expected, const char *part)
{
    char why[TLS_WHY_MAX] = "";
    struct cert *c = NULL;
    assert_int_equal(cert_mint_server(ca, req, CERT_ECDSA_P256, &c, why, sizeof why), expected);
    assert_null(c);
    if (!strstr(why, part))
        fail_msg("'%s' does not say '%s'", why, part);
    assert_int_equal(ERR_peek_error(), 0);
}

static void check_name(X509 *x, const char *name, int expected)
{
    bool is_address = strspn(name, "0123456789.") == strlen(name) || strchr(name, ':');
    int found = is_address ? X509_check_ip_asc(x, name, 0) : X509_check_host(x, name, 0, 0, NULL);
    assert_int_equal(found, expected);
}

static void check_extensions(X509 *x, enum cert_key key)
{
    uint32_t usage = KU_DIGITAL_SIGNATURE | (key == CERT_RSA_2048 ? (uint32_t)KU_KEY_ENCIPHERMENT : 0);
    assert_int_equal(X509_get_version(x), X509_VERSION_3);
    assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
    assert_int_equal(X509_get_key_usage(x), usage);
    assert_int_equal(X509_check_ca(x), 0);
    assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
    assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 0); /* never a user's */
    assert_non_null(X509_get0_subject_key_id(x));
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_GENERAL_NAME_num(alternatives), 5); /* the repeated one once */
    GENERAL_NAMES_free(alternatives);
}

/* As Python 3.13 and later, and whoever else asks OpenSSL for it, judge certificates. */
static int verify_strictly(X509 *x, const struct pki *by)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_true(store && ctx && X509_STORE_add_cert(store, by->cert) == 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, x, NULL), 1);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)PKI_NOW);
    X509_verify_cert(ctx);
    int result = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return result;
}

/* Both name the key that signed them, also where the root itself does not name it. */
static void authority_of_all_that_is_minted(void **state)
{
    struct pki v3;
    (void)state;
    pki_make(&v3, &(struct pki_plan){.cn = "rootCA", .ca = true});
    const struct pki *const roots[] = {&root, &v3};
    for (size_t i = 0; i < 2; i++) {
        char why[TLS_WHY_MAX] = "";
        struct ca *by = NULL;
        struct cert *node = NULL;
        struct cert_request req = {.names = names, .name_count = 6, .now = PKI_NOW};
        struct cert_node_request node_req = {.now = PKI_NOW};
        uint8_t id[EVP_MAX_MD_SIZE];
        unsigned len;
        assert_int_equal(
            ca_create(slice_str(roots[i]->cert_pem), slice_str(roots[i]->key_pem), PKI_NOW, &by, why, sizeof why), 0);
        assert_int_equal(X509_pubkey_digest(roots[i]->cert, EVP_sha1(), id, &len), 1);
        struct cert *server = mint(by, &req, CERT_ECDSA_P256);
        assert_int_equal(cert_mint_node(by, &node_req, &node, why, sizeof why), 0);
        X509 *const minted[] = {cert_x509(server), cert_x509(node)};
        for (size_t k = 0; k < 2; k++) {
            const ASN1_OCTET_STRING *authority = X509_get0_authority_key_id(minted[k]);
            assert_non_null(authority);
            assert_int_equal(ASN1_STRING_length(authority), len);
            assert_memory_equal(ASN1_STRING_get0_data(authority), id, len);
            assert_int_equal(X509_check_issued(roots[i]->cert, minted[k]), X509_V_OK);
            /* A v1 root is what they refuse, nothing of ours. */
            assert_int_equal(verify_strictly(minted[k], roots[i]) == X509_V_OK, roots[i] == &v3);
        }
        cert_destroy(&server);
        cert_destroy(&node);
        ca_destroy(&by);
    }
    pki_free(&v3);
}

static void both_kinds(void **state)
{
    (void)state;
    for (int k = CERT_RSA_2048; k <= CERT_ECDSA_P256; k++) {
        struct cert_request req = {.names = names, .name_count = 6, .now = PKI_NOW};
        struct cert *c = mint(ca, &req, (enum cert_key)k);
        X509 *x = cert_x509(c);
        assert_int_equal(X509_verify(x, root.key), 1);
        assert_int_equal(X509_check_private_key(x, cert_key_of(c)), 1);
        assert_int_equal(EVP_PKEY_get_bits(cert_key_of(c)), k == CERT_RSA_2048 ? 2048 : 256);
        check_extensions(x, (enum cert_key)k);
        check_name(x, "store.example", 1);
        check_name(x, "a.pods.example", 1);
        check_name(x, "10.1.2.3", 1);
        check_name(x, "fd00::1", 1);
        check_name(x, "a.b.pods.example", 0);
        check_name(x, "shop.example", 0);
        check_name(x, "10.1.2.4", 0);
        cert_destroy(&c);
        assert_null(c);
    }
}

static void common_names(void **state)
{
    char text[128], longest[65] = "";
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
    const struct {
        const char *given, *expected;
    } cases[] = {
        {NULL, "store.example"}, {"riak@10.1.2.3", "riak@10.1.2.3"}, {longest, longest}, {text, "ephemeral-store"}};
    (void)state;
    memset(longest, 'a', 64);
    snprintf(text, sizeof text, "%sa", longest);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[128] = "";
        req.common_name = cases[i].given;
        struct cert *c = mint(ca, &req, CERT_ECDSA_P256);
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert_x509(c)), NID_commonName, got, sizeof got);
        assert_string_equal(got, cases[i].expected);
        cert_destroy(&c);
    }
}

static void serials_differ(void **state)
{
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
    (void)state;
    struct cert *a = mint(ca, &req, CERT_ECDSA_P256), *b = mint(ca, &req, CERT_ECDSA_P256);
    const ASN1_INTEGER *one = X509_get0_serialNumber(cert_x509(a)), *two = X509_get0_serialNumber(cert_x509(b));
    assert_int_not_equal(ASN1_INTEGER_cmp(one, two), 0);
    assert_int_equal(one->length, 16);
    assert_int_equal(EVP_PKEY_eq(cert_key_of(a), cert_key_of(b)), 0);
    cert_destroy(&a);
    cert_destroy(&b);
}

static int64_t not_before(const struct cert *c)
{
    int days, seconds;
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)PKI_NOW);
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, now, X509_get0_notBefore(cert_x509(c))), 1);
    ASN1_TIME_free(now);
    return days * PKI_DAY + seconds;
}

/* Renewed at two thirds; never beyond the root, and not again when it ends with it. */
static void lives(void **state)
{
    const int64_t root_end = PKI_NOW + 300 * PKI_DAY;
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
    (void)state;
    struct cert *c = mint(ca, &req, CERT_ECDSA_P256);
    assert_int_equal(cert_not_after(c), PKI_NOW + CERT_LIFE_DEFAULT_S);
    assert_int_equal(cert_renew_at(c), PKI_NOW + CERT_LIFE_DEFAULT_S / 3 * 2);
    cert_destroy(&c);
    req.life_s = CERT_LIFE_MIN_S;
    c = mint(ca, &req, CERT_ECDSA_P256);
    assert_int_equal(cert_not_after(c), PKI_NOW + 60);
    assert_int_equal(cert_renew_at(c), PKI_NOW + 40);
    cert_destroy(&c);
    req.life_s = CERT_LIFE_MAX_S;
    c = mint(ca, &req, CERT_ECDSA_P256);
    assert_int_equal(cert_not_after(c), root_end);
    assert_true(cert_renew_at(c) == INT64_MAX);
    cert_destroy(&c);
}

static void begins(int64_t since, int64_t expected)
{
    struct pki pki;
    struct ca *by;
    char why[TLS_WHY_MAX];
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
    pki_make(&pki, &(struct pki_plan){.cn = "root", .ca = true, .from = PKI_NOW + since});
    assert_int_equal(ca_create(slice_str(pki.cert_pem), slice_str(pki.key_pem), PKI_NOW, &by, why, sizeof why), 0);
    struct cert *c = mint(by, &req, CERT_ECDSA_P256);
    assert_int_equal(not_before(c), expected);
    cert_destroy(&c);
    ca_destroy(&by);
    pki_free(&pki);
}

/* For those whose clock is behind; but not before its root. */
static void begins_before_now(void **state)
{
    (void)state;
    begins(-60, -60);
    begins(-100 * PKI_DAY, -30 * PKI_DAY);
}

static void roots_of_other_keys(void **state)
{
    EVP_PKEY *keys[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-384"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct pki p;
        struct ca *by;
        char why[TLS_WHY_MAX];
        struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
        pki_make(&p, &(struct pki_plan){.cn = "rootCA", .key = keys[i]});
        assert_int_equal(ca_create(slice_str(p.cert_pem), slice_str(p.key_pem), PKI_NOW, &by, why, sizeof why), 0);
        struct cert *c = mint(by, &req, CERT_ECDSA_P256);
        assert_int_equal(X509_verify(cert_x509(c), keys[i]), 1);
        cert_destroy(&c);
        ca_destroy(&by);
        pki_free(&p);
        EVP_PKEY_free(keys[i]);
    }
}

static void refused_requests(void **state)
{
    static const char *const bad[] = {"",           ".",   "a..b",  "a b",          "*",        "a.*", "a.b.", "x\ny",
                                      "gr\xc3\xbc", "a/b", "*.*.a", "1.2.3.4:8087", "[fd00::1]"};
    char label[65], many_labels[256];
    const char *one = label, *too_many[CERT_NAMES_MAX + 1];
    struct cert_request req = {.names = names, .name_count = 0, .now = PKI_NOW};
    (void)state;
    refuse(&req, E_INVALID, "1 to 64 names");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        req = (struct cert_request){.names = &bad[i], .name_count = 1, .now = PKI_NOW};
        refuse(&req, E_INVALID, "neither a DNS name nor an address");
    }
    memset(label, 'a', 64);
    label[64] = '\0';
    req.names = &one;
    refuse(&req, E_INVALID, "neither");
    for (size_t i = 0; i < 255; i++)
        many_labels[i] = i % 50 == 49 ? '.' : 'a';
    many_labels[254] = '\0';
    one = many_labels;
    refuse(&req, E_INVALID, "neither");
    for (size_t i = 0; i < CERT_NAMES_MAX + 1; i++)
        too_many[i] = "a";
    req = (struct cert_request){.names = too_many, .name_count = CERT_NAMES_MAX + 1, .now = PKI_NOW};
    refuse(&req, E_INVALID, "65 are given");
    req = (struct cert_request){.names = names, .name_count = 1, .now = PKI_NOW, .life_s = CERT_LIFE_MIN_S - 1};
    refuse(&req, E_INVALID, "life");
    req.life_s = CERT_LIFE_MAX_S + 1;
    refuse(&req, E_INVALID, "life");
    req = (struct cert_request){.names = names, .name_count = 1, .now = PKI_NOW + 300 * PKI_DAY};
    refuse(&req, E_CERT, "has expired");
}

/* What was written is read again as the same pair. */
static void as_pem(void **state)
{
    static const enum cert_key kinds[] = {CERT_RSA_2048, CERT_ECDSA_P256};
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct cert *c = mint(ca, &req, kinds[i]);
        struct buf cert_pem, key_pem, small;
        STACK_OF(X509) *read = NULL;
        EVP_PKEY *key = NULL;
        buf_init(&cert_pem, PEM_OUT_MAX);
        buf_init(&key_pem, PEM_OUT_MAX);
        buf_init(&small, 100);
        assert_int_equal(cert_to_pem(c, &cert_pem, &key_pem), 0);
        assert_int_equal(pem_read_certs(buf_slice(&cert_pem), &read, NULL, 0), 0);
        assert_int_equal(pem_read_key(buf_slice(&key_pem), &key, NULL, 0), 0);
        assert_int_equal(sk_X509_num(read), 1);
        assert_int_equal(X509_cmp(sk_X509_value(read, 0), cert_x509(c)), 0);
        assert_int_equal(EVP_PKEY_eq(key, cert_key_of(c)), 1);
        buf_release(&cert_pem);
        assert_int_equal(cert_to_pem(c, &cert_pem, &small), E_TOO_LARGE);
        pem_free_certs(read);
        EVP_PKEY_free(key);
        buf_fini(&cert_pem);
        pem_wipe(&key_pem);
        pem_wipe(&small);
        cert_destroy(&c);
    }
}

static int set_up(void **state)
{
    char why[TLS_WHY_MAX];
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "rootCA"});
    return ca_create(slice_str(root.cert_pem), slice_str(root.key_pem), PKI_NOW, &ca, why, sizeof why);
}

static int tear_down(void **state)
{
    (void)state;
    ca_destroy(&ca);
    pki_free(&root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds),
        cmocka_unit_test(authority_of_all_that_is_minted),
        cmocka_unit_test(common_names),
        cmocka_unit_test(serials_differ),
        cmocka_unit_test(lives),
        cmocka_unit_test(begins_before_now),
        cmocka_unit_test(roots_of_other_keys),
        cmocka_unit_test(refused_requests),
        cmocka_unit_test(as_pem),
    };
    return cmocka_run_group_tests_name("tls/cert", tests, set_up, tear_down);
}
