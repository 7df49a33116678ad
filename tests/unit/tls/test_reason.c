/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "tls/reason.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

static void nothing_is_a_reason_too(void **state)
{
    (void)state;
    ERR_clear_error();
    assert_string_equal(reason_take(), "TLS failed without a reason");
}

static void our_words_for_the_frequent(void **state)
{
    (void)state;
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL); /* for its own words; SSL_CTX_new() does it else */
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    assert_string_equal(reason_take(), "no common cipher suite");
    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + SSL3_AD_CERTIFICATE_EXPIRED);
    assert_string_equal(reason_take(), "peer refused: certificate has expired");
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
    assert_string_equal(reason_take(), "out of memory");
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_EXTENSION); /* OpenSSL's own */
    assert_string_equal(reason_take(), "bad extension");
}

/* The number of one library is another reason in another. */
static void the_library_counts(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_X509, SSL_R_NO_SHARED_CIPHER);
    assert_string_not_equal(reason_take(), "no common cipher suite");
}

static void tls_before_others_the_first_before_the_next(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_RSA, ERR_R_EVP_LIB);
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL);
    assert_string_equal(reason_take(), "no common cipher suite");
    assert_int_equal(ERR_peek_error(), 0);
    assert_string_equal(reason_take(), "TLS failed without a reason");
}

/* What was attached (a name, a path, what a peer sent) stays behind. */
static void data_is_not_told(void **state)
{
    (void)state;
    ERR_raise_data(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER, "secret");
    assert_null(strstr(reason_take(), "secret"));
    ERR_raise_data(ERR_LIB_PEM, ERR_R_PASSED_NULL_PARAMETER, "secret");
    assert_null(strstr(reason_take(), "secret"));
}

static void dropped(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    reason_drop();
    assert_int_equal(ERR_peek_error(), 0);
}

static void why_a_certificate_was_refused(void **state)
{
    (void)state;
    assert_string_equal(reason_of_verify(X509_V_OK), "certificate is accepted");
    assert_string_equal(reason_of_verify(X509_V_ERR_CERT_HAS_EXPIRED), "certificate has expired");
    assert_string_equal(reason_of_verify(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT), "certificate is self-signed");
    assert_string_equal(reason_of_verify(X509_V_ERR_CRL_HAS_EXPIRED), X509_verify_cert_error_string(12));
    for (long n = -5; n < 200; n++)
        assert_true(strlen(reason_of_verify(n)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_a_reason_too),
        cmocka_unit_test(our_words_for_the_frequent),
        cmocka_unit_test(the_library_counts),
        cmocka_unit_test(tls_before_others_the_first_before_the_next),
        cmocka_unit_test(data_is_not_told),
        cmocka_unit_test(dropped),
        cmocka_unit_test(why_a_certificate_was_refused),
    };
    return cmocka_run_group_tests_name("tls/reason", tests, NULL, NULL);
}
