/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/pem.h"
#include "unit/tls/pki.h"

#include <stdio.h>
#include <stdlib.h>

static struct pki root;

#define BODY_64 "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define BEGIN_C "-----BEGIN CERTIFICATE-----"
#define END_C   "-----END CERTIFICATE-----"
#define CERT    BEGIN_C "\nQUJD\n" END_C "\n"
#define KEY     "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n"

/* What is made of the text, to be freed; NULL: it was refused with `err`, and nothing is left in the buffer. */
static char *normalize(enum pem_kind kind, struct slice text, int *err, char why[TLS_WHY_MAX])
{
    struct buf out;
    char *copy = NULL;
    buf_init(&out, PEM_OUT_MAX);
    why[0] = '\0';
    *err = pem_normalize(kind, text, &out, why, TLS_WHY_MAX);
    if (*err)
        assert_int_equal(buf_len(&out), 0);
    else
        copy = strndup((const char *)buf_slice(&out).data, buf_len(&out));
    pem_wipe(&out);
    assert_int_equal(out.cap, 0);
    return copy;
}

static void check(enum pem_kind kind, const char *text, const char *expected)
{
    int err;
    char why[TLS_WHY_MAX];
    char *got = normalize(kind, slice_str(text), &err, why);
    if (!got)
        fail_msg("%s", why);
    assert_string_equal(got, expected);
    assert_string_equal(why, ""); /* untouched */
    free(got);
}

static void refuse(enum pem_kind kind, const char *text, int expected, const char *part)
{
    int err;
    char why[TLS_WHY_MAX];
    assert_null(normalize(kind, slice_str(text), &err, why));
    assert_int_equal(err, expected);
    if (!strstr(why, part))
        fail_msg("'%s' does not say '%s'", why, part);
    assert_null(strchr(why, '\n'));
}

/* Each newline of `pem` replaced. */
static char *respell(const char *pem, const char *newline)
{
    char *out = malloc(strlen(pem) * (strlen(newline) + 1) + 1), *p = out;
    for (; *pem; pem++)
        if (*pem == '\n')
            p = stpcpy(p, newline);
        else
            *p++ = *pem;
    *p = '\0';
    return out;
}

static void spellings_of_deployments(void **state)
{
    static const char *const newlines[] = {"\n", "\r\n", "\\n", "\\r\\n", "\\\\n", "\\\n", " ", "\t", ""};
    (void)state;
    for (size_t i = 0; i < sizeof newlines / sizeof newlines[0]; i++) {
        char *cert = respell(root.cert_pem, newlines[i]), *key = respell(root.key_pem, newlines[i]);
        check(PEM_CERTIFICATE, cert, root.cert_pem);
        check(PEM_PRIVATE_KEY, key, root.key_pem);
        free(cert);
        free(key);
    }
}

static void text_around_and_other_blocks(void **state)
{
    (void)state;
    check(PEM_CERTIFICATE, "\"" CERT "\"", CERT);
    check(PEM_CERTIFICATE, "subject=CN = root\n" KEY "\n\n" CERT "the end", CERT);
    check(PEM_PRIVATE_KEY, CERT KEY CERT, KEY);
    check(PEM_PRIVATE_KEY, "-----BEGIN EC PARAMETERS-----\nQUJD\n-----END EC PARAMETERS-----\n" KEY, KEY);
    check(PEM_CERTIFICATE, "-----BEGIN X509 CERTIFICATE-----QUJD-----END X509 CERTIFICATE-----", CERT);
}

static void nothing_one_two_many(void **state)
{
    char many[10 * sizeof CERT] = "";
    (void)state;
    refuse(PEM_CERTIFICATE, "", E_NOT_FOUND, "empty");
    refuse(PEM_CERTIFICATE, " \n\\n", E_NOT_FOUND, "empty");
    check(PEM_CERTIFICATE, CERT CERT, CERT CERT);
    for (int i = 0; i < PEM_CERT_MAX; i++)
        strcat(many, CERT);
    check(PEM_CERTIFICATE, many, many);
    strcat(many, CERT);
    refuse(PEM_CERTIFICATE, many, E_TOO_MANY, "8");
    refuse(PEM_PRIVATE_KEY, KEY KEY, E_TOO_MANY, "private key");
}

static void lines_of_64(void **state)
{
    (void)state;
    check(PEM_CERTIFICATE, BEGIN_C BODY_64 END_C, BEGIN_C "\n" BODY_64 "\n" END_C "\n");
    check(PEM_CERTIFICATE, BEGIN_C BODY_64 "QUI=" END_C, BEGIN_C "\n" BODY_64 "\nQUI=\n" END_C "\n");
    check(PEM_CERTIFICATE, BEGIN_C BODY_64 BODY_64 END_C, BEGIN_C "\n" BODY_64 "\n" BODY_64 "\n" END_C "\n");
}

static char *in_base64(const char *text)
{
    size_t len = strlen(text);
    char *out = malloc(len / 3 * 4 + 5);
    assert_non_null(out);
    EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
    return out;
}

/* As a secret of Kubernetes shows it, or `base64` of a shell, in lines. */
static void in_base64_once_more(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 3; cut++) { /* each length of the padding */
        char pem[PKI_PEM_SIZE + 3];
        snprintf(pem, sizeof pem, "%s%.*s", root.cert_pem, (int)cut, "\n\n");
        char *whole = in_base64(pem), *key = in_base64(root.key_pem), lines[2 * PKI_PEM_SIZE] = "  ";
        assert_true(pem_is_text(whole));
        check(PEM_CERTIFICATE, whole, root.cert_pem);
        check(PEM_PRIVATE_KEY, key, root.key_pem);
        for (const char *p = whole; *p; p += strnlen(p, 76))
            sprintf(lines + strlen(lines), "%.76s\n", p);
        assert_true(pem_is_text(lines));
        check(PEM_CERTIFICATE, lines, root.cert_pem);
        free(whole);
        free(key);
    }
    refuse(PEM_CERTIFICATE, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", E_MALFORMED, "its end is missing");
    refuse(PEM_CERTIFICATE, "LS0tLS1CRUdJTiBDRV*VSVElGSUNBVEUtLS0t", E_MALFORMED,
           "is a PEM in base64, with a character that is not base64");
    refuse(PEM_CERTIFICATE, "LS0tLS1CRUdJTi==BDRV", E_MALFORMED, "not base64");
    char *key = in_base64(root.key_pem);
    refuse(PEM_CERTIFICATE, key, E_NOT_FOUND, "mixed up");
    free(key);
    assert_false(pem_is_text("/certs/rootCA.crt"));
    assert_false(pem_is_text(""));
    assert_true(pem_is_text(" x -----BEGIN"));
}

static void what_people_give_instead(void **state)
{
    (void)state;
    refuse(PEM_CERTIFICATE, KEY, E_NOT_FOUND, "mixed up");
    refuse(PEM_PRIVATE_KEY, CERT, E_NOT_FOUND, "mixed up");
    refuse(PEM_CERTIFICATE, "/certs/rootCA.crt", E_MALFORMED, "name of a file");
    refuse(PEM_CERTIFICATE, "<root-ca-cert-in-PEM-format>", E_MALFORMED, "placeholder");
    refuse(PEM_CERTIFICATE, "0\x82\x01\x02", E_MALFORMED, "DER");
    refuse(PEM_CERTIFICATE, "hello", E_NOT_FOUND, "marker");
    refuse(PEM_PRIVATE_KEY, "-----BEGIN ENCRYPTED PRIVATE KEY-----QUJD-----END ENCRYPTED PRIVATE KEY-----",
           E_UNSUPPORTED, "encrypted");
    refuse(PEM_PRIVATE_KEY,
           "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nQUJD\n-----END RSA PRIVATE KEY-----",
           E_UNSUPPORTED, "encrypted");
    refuse(PEM_PRIVATE_KEY, "-----BEGIN OPENSSH PRIVATE KEY-----QUJD-----END OPENSSH PRIVATE KEY-----", E_UNSUPPORTED,
           "OPENSSH");
    refuse(PEM_CERTIFICATE, "-----BEGIN TRUSTED CERTIFICATE-----QUJD-----END TRUSTED CERTIFICATE-----", E_UNSUPPORTED,
           "TRUSTED");
}

static void damage(void **state)
{
    (void)state;
    refuse(PEM_CERTIFICATE, BEGIN_C "QUJD", E_MALFORMED, "end is missing");
    refuse(PEM_CERTIFICATE, "QUJD" END_C, E_MALFORMED, "start is missing");
    refuse(PEM_CERTIFICATE, "-----BEGIN CERTIFICATE--QUJD" END_C, E_MALFORMED, "broken");
    refuse(PEM_CERTIFICATE, BEGIN_C "QUJD" CERT, E_MALFORMED, "before the next block");
    refuse(PEM_CERTIFICATE, BEGIN_C "QUJD-----END PRIVATE KEY-----", E_MALFORMED, "differs");
    refuse(PEM_CERTIFICATE, BEGIN_C "QU*D" END_C, E_MALFORMED, "not base64, 2 bytes");
    refuse(PEM_CERTIFICATE, BEGIN_C "QU=D" END_C, E_MALFORMED, "not base64");
    refuse(PEM_CERTIFICATE, BEGIN_C "Q===" END_C, E_MALFORMED, "not base64");
    refuse(PEM_CERTIFICATE, BEGIN_C "QUJ" END_C, E_MALFORMED, "incomplete");
    refuse(PEM_CERTIFICATE, BEGIN_C "\n" END_C, E_MALFORMED, "nothing between");
}

static void a_key_is_never_told(void **state)
{
    char *text = strdup(root.key_pem), why[TLS_WHY_MAX];
    (void)state;
    for (size_t at = 0; at < strlen(root.key_pem); at++) {
        int err;
        text[at] = '*';
        free(normalize(PEM_PRIVATE_KEY, slice_str(text), &err, why));
        assert_false(pki_tells_key(&root, why));
        text[at] = root.key_pem[at];
    }
    for (size_t len = 0; len < strlen(text); len++) {
        int err;
        free(normalize(PEM_PRIVATE_KEY, slice_make(text, len), &err, why));
        assert_false(pki_tells_key(&root, why));
    }
    free(text);
}

static void too_large(void **state)
{
    int err;
    char *text = calloc(1, PEM_TEXT_MAX + 1), why[TLS_WHY_MAX];
    (void)state;
    memset(text, ' ', PEM_TEXT_MAX + 1);
    memcpy(text, CERT, strlen(CERT));
    assert_null(normalize(PEM_CERTIFICATE, slice_make(text, PEM_TEXT_MAX + 1), &err, why));
    assert_int_equal(err, E_TOO_LARGE);
    char *got = normalize(PEM_CERTIFICATE, slice_make(text, PEM_TEXT_MAX), &err, why);
    assert_string_equal(got, CERT);
    free(got);
    free(text);
}

/* What stood in the buffer before stays; a caller may gather. */
static void appends(void **state)
{
    struct buf out;
    char why[TLS_WHY_MAX];
    (void)state;
    buf_init(&out, PEM_OUT_MAX);
    assert_int_equal(buf_append(&out, "before\n", 7), 0);
    assert_int_equal(pem_normalize(PEM_CERTIFICATE, slice_str(CERT), &out, why, sizeof why), 0);
    assert_int_equal(pem_normalize(PEM_CERTIFICATE, slice_str(CERT "-----BEGIN"), &out, why, sizeof why), 0);
    assert_slice_is(buf_slice(&out), "before\n" CERT CERT);
    assert_int_equal(pem_normalize(PEM_CERTIFICATE, slice_str(CERT BEGIN_C), &out, why, sizeof why), E_MALFORMED);
    assert_slice_is(buf_slice(&out), "before\n" CERT CERT);
    buf_fini(&out);
    buf_init(&out, 10);
    assert_int_equal(pem_normalize(PEM_CERTIFICATE, slice_str(CERT), &out, why, sizeof why), E_TOO_LARGE);
    buf_fini(&out);
}

static int set_up(void **state)
{
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "rootCA"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_deployments),
        cmocka_unit_test(text_around_and_other_blocks),
        cmocka_unit_test(nothing_one_two_many),
        cmocka_unit_test(lines_of_64),
        cmocka_unit_test(in_base64_once_more),
        cmocka_unit_test(what_people_give_instead),
        cmocka_unit_test(damage),
        cmocka_unit_test(a_key_is_never_told),
        cmocka_unit_test(too_large),
        cmocka_unit_test(appends),
    };
    return cmocka_run_group_tests_name("tls/pem", tests, set_up, tear_down);
}
