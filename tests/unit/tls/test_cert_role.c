/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a certificate a node's, and what it is minted with. */
#include "support.h"

#include "base/err.h"
#include "tls/cert.h"
#include "unit/tls/pki.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define URN "urn:ephemeral-store:000102030405060708090a0b0c0d0eff"

static const struct incarnation incarnation = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}};
static struct pki root;
static struct ca *ca;

static void mint_one(const struct ca *by, int64_t life_s, struct cert **out)
{
    char why[TLS_WHY_MAX] = "";
    struct cert_node_request req = {.now = PKI_NOW, .life_s = life_s};
    req.incarnation = incarnation;
    if (cert_mint_node(by, &req, out, why, sizeof why))
        fail_msg("%s", why);
}

static void the_urn(void **state)
{
    (void)state;
    char urn[CERT_URN_SIZE];
    cert_role_urn(incarnation, urn);
    assert_string_equal(urn, URN);
}

static void what_is_minted(void **state)
{
    (void)state;
    struct incarnation found;
    struct cert *c = NULL;
    mint_one(ca, 0, &c);
    X509 *x = cert_x509(c);
    assert_true(cert_role_is_node(x));
    assert_true(cert_role_incarnation(x, &found));
    assert_memory_equal(found.b, incarnation.b, ID_SIZE);
    assert_int_equal(X509_get_version(x), X509_VERSION_3);
    assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    assert_int_equal(X509_check_ca(x), 0);
    assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
    assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 1);
    assert_int_equal(X509_verify(x, root.key), 1);
    assert_int_equal(EVP_PKEY_get_base_id(cert_key_of(c)), EVP_PKEY_EC);
    assert_int_equal(cert_not_after(c), PKI_NOW + CERT_LIFE_DEFAULT_S);
    assert_int_equal(cert_renew_at(c), PKI_NOW + CERT_LIFE_DEFAULT_S / 3 * 2);
    cert_destroy(&c);
}

static void never_longer_than_the_root(void **state)
{
    (void)state;
    struct cert *c = NULL;
    mint_one(ca, CERT_LIFE_MAX_S, &c);
    assert_int_equal(cert_not_after(c), PKI_NOW + 300 * PKI_DAY);
    assert_int_equal(cert_renew_at(c), INT64_MAX);
    cert_destroy(&c);
}

static void what_is_refused(void **state)
{
    (void)state;
    char why[TLS_WHY_MAX] = "";
    struct cert *c = NULL;
    struct cert_node_request req = {.now = PKI_NOW, .life_s = CERT_LIFE_MIN_S - 1};
    assert_int_equal(cert_mint_node(ca, &req, &c, why, sizeof why), E_INVALID);
    assert_non_null(strstr(why, "life of 59 s"));
    req = (struct cert_node_request){.now = PKI_NOW + 300 * PKI_DAY};
    assert_int_equal(cert_mint_node(ca, &req, &c, why, sizeof why), E_CERT);
    assert_non_null(strstr(why, "has expired"));
    assert_null(c);
}

struct sample {
    const char *usage, *alt_names;
    bool is_node, named;
};

/* A role is one usage among others; a name is this URN, whole, and once. */
static void roles_and_names(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {CERT_ROLE_NODE, "URI:" URN, true, true},
        {"clientAuth," CERT_ROLE_NODE ",serverAuth", "DNS:a,URI:urn:other,URI:" URN, true, true},
        {"clientAuth,serverAuth", "URI:" URN, false, true},
        {"anyExtendedKeyUsage", NULL, false, false},
        {CERT_ROLE_NODE "1", NULL, false, false},
        {CERT_ROLE_NODE ".1", NULL, false, false},
        {"2.25.1", NULL, false, false},
        {NULL, NULL, false, false},
        {CERT_ROLE_NODE, "URI:" URN "0", true, false},
        {CERT_ROLE_NODE, "URI:urn:ephemeral-store:000102030405060708090a0b0c0d0ef", true, false},
        {CERT_ROLE_NODE, "URI:urn:ephemeral-store:000102030405060708090A0B0C0D0EFF", true, false},
        {CERT_ROLE_NODE, "URI:urn:ephemeral-store:000102030405060708090a0b0c0d0efg", true, false},
        {CERT_ROLE_NODE, "URI:URN:ephemeral-store:000102030405060708090a0b0c0d0eff", true, false},
        {CERT_ROLE_NODE, "DNS:" URN, true, false},
        {CERT_ROLE_NODE, "URI:" URN ",URI:urn:ephemeral-store:ff0102030405060708090a0b0c0d0eff", true, false},
    };
    static const struct incarnation zeros;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *s = &samples[i];
        struct incarnation found;
        struct pki p;
        pki_make(&p,
                 &(struct pki_plan){.cn = "a", .issuer = &root, .ext_key_usage = s->usage, .alt_names = s->alt_names});
        assert_int_equal(cert_role_is_node(p.cert), s->is_node);
        assert_int_equal(cert_role_incarnation(p.cert, &found), s->named);
        assert_true(incarnation_equal(found, s->named ? incarnation : zeros));
        assert_int_equal(ERR_peek_error(), 0);
        pki_free(&p);
    }
}

static int make(void **state)
{
    (void)state;
    char why[TLS_WHY_MAX];
    pki_make(&root, &(struct pki_plan){.cn = "rootCA"});
    return ca_create(slice_str(root.cert_pem), slice_str(root.key_pem), PKI_NOW, &ca, why, sizeof why);
}

static int drop(void **state)
{
    (void)state;
    ca_destroy(&ca);
    pki_free(&root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_urn),
        cmocka_unit_test(what_is_minted),
        cmocka_unit_test(never_longer_than_the_root),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(roles_and_names),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
