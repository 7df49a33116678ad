/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/pem_read.h"
#include "unit/tls/pki.h"

#include <openssl/err.h>
#include <stdio.h>

static struct pki root, user;

static void certificates_in_their_order(void **state)
{
    char both[3 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    STACK_OF(X509) * certs;
    (void)state;
    assert_int_equal(pem_read_certs(slice_str(root.cert_pem), &certs, why, sizeof why), 0);
    assert_int_equal(sk_X509_num(certs), 1);
    pem_free_certs(certs);
    snprintf(both, sizeof both, "%s%s%s", user.cert_pem, root.key_pem, root.cert_pem);
    assert_int_equal(pem_read_certs(slice_str(both), &certs, why, sizeof why), 0);
    assert_int_equal(sk_X509_num(certs), 2);
    assert_int_equal(X509_cmp(sk_X509_value(certs, 0), user.cert), 0);
    assert_int_equal(X509_cmp(sk_X509_value(certs, 1), root.cert), 0);
    pem_free_certs(certs);
    pem_free_certs(NULL);
}

/* Good base64 of a certificate that is none: the second is found out too, and said to be the second. */
static void a_certificate_that_is_none(void **state)
{
    char both[3 * PKI_PEM_SIZE], why[TLS_WHY_MAX] = "";
    STACK_OF(X509) * certs;
    (void)state;
    snprintf(both, sizeof both, "%s-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", root.cert_pem);
    assert_int_equal(pem_read_certs(slice_str(both), &certs, why, sizeof why), E_MALFORMED);
    assert_non_null(strstr(why, "certificate 2"));
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(pem_read_certs(slice_str(""), &certs, why, sizeof why), E_NOT_FOUND);
    assert_int_equal(pem_read_certs(slice_str(root.key_pem), &certs, why, sizeof why), E_NOT_FOUND);
}

static void keys(void **state)
{
    char why[TLS_WHY_MAX] = "";
    EVP_PKEY *key;
    (void)state;
    assert_int_equal(pem_read_key(slice_str(root.key_pem), &key, why, sizeof why), 0);
    assert_int_equal(EVP_PKEY_eq(key, root.key), 1);
    EVP_PKEY_free(key);
    assert_int_equal(
        pem_read_key(slice_str("-----BEGIN PRIVATE KEY-----QUJD-----END PRIVATE KEY-----"), &key, why, 512),
        E_MALFORMED);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(pem_read_key(slice_str(root.cert_pem), &key, why, sizeof why), E_NOT_FOUND);
}

/* A base64 digit of the key changed: whatever comes of it, the key is not told. */
static void a_damaged_key_is_not_told(void **state)
{
    char text[PKI_PEM_SIZE], why[TLS_WHY_MAX];
    EVP_PKEY *key;
    (void)state;
    strcpy(text, root.key_pem);
    for (char *p = strchr(text, '\n') + 1; *p != '-'; p++) {
        char was = *p;
        if (was == '\n' || was == '=')
            continue;
        *p = was == 'A' ? 'B' : 'A';
        why[0] = '\0';
        if (pem_read_key(slice_str(text), &key, why, sizeof why) == 0)
            EVP_PKEY_free(key);
        assert_false(pki_tells_key(&root, why));
        *p = was;
    }
}

static void check_strength(EVP_PKEY *key, int expected, const char *part)
{
    char why[TLS_WHY_MAX] = "";
    assert_non_null(key);
    assert_int_equal(pem_check_strength(key, "the key of the test", why, sizeof why), expected);
    if (*part)
        assert_non_null(strstr(why, "the key of the test"));
    assert_non_null(strstr(why, part));
    EVP_PKEY_free(key);
}

static void strength(void **state)
{
    (void)state;
    check_strength(EVP_RSA_gen(1024), E_UNSUPPORTED, "1024 bits");
    check_strength(EVP_RSA_gen(2048), 0, "");
    check_strength(EVP_EC_gen("P-192"), E_UNSUPPORTED, "192 bits");
    check_strength(EVP_EC_gen("P-256"), 0, "");
    check_strength(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0, "");
    check_strength(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), E_UNSUPPORTED, "kind"); /* cannot sign */
}

static void times(void **state)
{
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)PKI_NOW);
    (void)state;
    assert_int_equal(pem_time(t), PKI_NOW);
    assert_int_equal(ASN1_TIME_set_string(t, "20491231235959Z"), 1);
    assert_int_equal(pem_time(t), 2524607999);
    assert_int_equal(ASN1_TIME_set_string(t, "99991231235959Z"), 1); /* RFC 5280: no well-defined end */
    assert_int_equal(pem_time(t), 253402300799);
    assert_int_equal(ASN1_STRING_set(t, "rubbish", 7), 1);
    assert_true(pem_time(t) == INT64_MIN);
    assert_true(pem_time(NULL) == INT64_MIN);
    assert_int_equal(ERR_peek_error(), 0);
    ASN1_TIME_free(t);
}

static int set_up(void **state)
{
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "rootCA"});
    pki_make(&user, &(struct pki_plan){.cn = "myuser", .issuer = &root});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&root);
    pki_free(&user);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_in_their_order),
        cmocka_unit_test(a_certificate_that_is_none),
        cmocka_unit_test(keys),
        cmocka_unit_test(a_damaged_key_is_not_told),
        cmocka_unit_test(strength),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests_name("tls/pem_read", tests, set_up, tear_down);
}
