/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/cert_name.h"
#include "unit/tls/pki.h"

static X509_NAME *name_of(int type, const char *bytes, int len)
{
    X509_NAME *name = X509_NAME_new();
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, type, (const unsigned char *)bytes, len, -1, 0),
                     1);
    return name;
}

static void check(int type, const char *bytes, int len, const char *expected)
{
    struct cert_cn cn;
    X509_NAME *name = name_of(type, bytes, len);
    cert_name_cn(name, &cn);
    assert_int_equal(cn.count, 1);
    assert_string_equal(cn.first, expected);
    X509_NAME_free(name);
}

static void none_one_two(void **state)
{
    struct cert_cn cn;
    X509_NAME *name = X509_NAME_new();
    (void)state;
    cert_name_cn(name, &cn);
    assert_int_equal(cn.count, 0);
    assert_string_equal(cn.first, "");
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"nobody", -1, -1, 0);
    cert_name_cn(name, &cn);
    assert_int_equal(cn.count, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"one", -1, -1, 0);
    cert_name_cn(name, &cn);
    assert_int_equal(cn.count, 1);
    assert_string_equal(cn.first, "one");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"two", -1, -1, 0);
    cert_name_cn(name, &cn);
    assert_int_equal(cn.count, 2);
    assert_string_equal(cn.first, "one");
    X509_NAME_free(name);
}

static void spellings_become_utf8(void **state)
{
    (void)state;
    check(V_ASN1_UTF8STRING, "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
    check(V_ASN1_PRINTABLESTRING, "myuser", 6, "myuser");
    check(V_ASN1_BMPSTRING, "\0g\0r\0\xfc", 6, "gr\xc3\xbc");
    check(V_ASN1_UNIVERSALSTRING, "\0\0\0m\0\0\0e", 8, "me");
    check(V_ASN1_T61STRING, "gr\xfc", 3, "gr\xc3\xbc");
}

static void what_would_mislead_is_left_out(void **state)
{
    char text[CERT_CN_SIZE];
    (void)state;
    check(V_ASN1_UTF8STRING, "", 0, "");
    check(V_ASN1_UTF8STRING, "my\0user", 7, "");
    check(V_ASN1_UTF8STRING, "myuser\0", 7, "");
    check(V_ASN1_BMPSTRING, "\0m\0\0\0y", 6, "");
    memset(text, 'a', sizeof text);
    check(V_ASN1_UTF8STRING, text, CERT_CN_SIZE, "");
    text[CERT_CN_SIZE - 1] = '\0';
    check(V_ASN1_UTF8STRING, text, CERT_CN_SIZE - 1, text);
}

static void check_parse(const uint8_t *der, int len, const char *expected)
{
    struct cert_cn cn;
    uint8_t longer[4096];
    assert_true(len > 0 && len < 4095);
    assert_int_equal(cert_name_parse(slice_make(der, (size_t)len), &cn), 0);
    assert_string_equal(cn.first, expected);
    for (int cut = 0; cut < len; cut += 1 + len / 50)
        assert_int_equal(cert_name_parse(slice_make(der, (size_t)cut), &cn), E_MALFORMED);
    memcpy(longer, der, (size_t)len);
    longer[len] = 0;
    assert_int_equal(cert_name_parse(slice_make(longer, (size_t)len + 1), &cn), E_MALFORMED);
    assert_int_equal(cn.count, 0);
}

static void parses_names_and_certificates(void **state)
{
    struct pki p;
    struct cert_cn cn;
    uint8_t *der = NULL;
    (void)state;
    pki_make(&p, &(struct pki_plan){.cn = "myuser", .second_cn = "other"});
    int len = i2d_X509(p.cert, &der);
    check_parse(der, len, "myuser");
    assert_int_equal(cert_name_parse(slice_make(der, (size_t)len), &cn), 0);
    assert_int_equal(cn.count, 2);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_X509_NAME(X509_get_subject_name(p.cert), &der);
    check_parse(der, len, "myuser");
    OPENSSL_free(der);
    pki_free(&p);
    assert_int_equal(cert_name_parse(slice_str("no DER at all"), &cn), E_MALFORMED);
}

static void compared_without_case(void **state)
{
    (void)state;
    assert_true(cert_name_equal("myUser", "MYuSER"));
    assert_true(cert_name_equal("a-1_[", "A-1_["));
    assert_false(cert_name_equal("[", "{")); /* 0x5b and 0x7b are no letters */
    assert_false(cert_name_equal("@", "`"));
    assert_false(cert_name_equal("myuser", "myuser2"));
    assert_false(cert_name_equal("myuser2", "myuser"));
    assert_false(cert_name_equal("", ""));
    assert_false(cert_name_equal("\xc3\x84", "\xc3\xa4")); /* only ASCII */
    assert_true(cert_name_equal_slice(slice_make("MYUSERx", 6), "myuser"));
    assert_false(cert_name_equal_slice(slice_make("myuser\0", 7), "myuser"));
    assert_false(cert_name_equal_slice((struct slice){0}, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_one_two),
        cmocka_unit_test(spellings_become_utf8),
        cmocka_unit_test(what_would_mislead_is_left_out),
        cmocka_unit_test(parses_names_and_certificates),
        cmocka_unit_test(compared_without_case),
    };
    return cmocka_run_group_tests_name("tls/cert_name", tests, NULL, NULL);
}
