/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/ca.h"
#include "unit/tls/pki.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>

static struct pki root, root_v3, other;

static int create(const char *certs, const char *key, struct ca **ca, char why[TLS_WHY_MAX])
{
    why[0] = '\0';
    *ca = NULL;
    int err = ca_create(slice_str(certs), slice_str(key), PKI_NOW, ca, why, TLS_WHY_MAX);
    assert_int_equal(*ca == NULL, err != 0);
    assert_int_equal(why[0] == '\0', err == 0);
    assert_int_equal(ERR_peek_error(), 0);
    return err;
}

static void refuse(const char *certs, const struct pki *key, int expected, const char *part)
{
    struct ca *ca;
    char why[TLS_WHY_MAX];
    assert_int_equal(create(certs, key->key_pem, &ca, why), expected);
    if (!strstr(why, part))
        fail_msg("'%s' does not say '%s'", why, part);
    assert_false(pki_tells_key(key, why));
}

static void f5s_root(void **state)
{
    struct ca *ca;
    char why[TLS_WHY_MAX];
    (void)state;
    assert_int_equal(create(root.cert_pem, root.key_pem, &ca, why), 0);
    assert_true(ca_is_v1(ca));
    assert_string_equal(ca_subject(ca), "CN = rootCA");
    assert_int_equal(ca_not_after(ca), PKI_NOW + 300 * PKI_DAY);
    assert_int_equal(X509_cmp(ca_x509(ca), root.cert), 0);
    assert_int_equal(EVP_PKEY_eq(ca_key(ca), root.key), 1);
    assert_int_equal(sk_X509_num(ca_anchors(ca)), 1);
    assert_int_equal(sk_X509_num(ca_chain(ca)), 0);
    ca_destroy(&ca);
    assert_null(ca);
    ca_destroy(&ca);
}

static void a_v3_root(void **state)
{
    struct ca *ca;
    char why[TLS_WHY_MAX];
    (void)state;
    assert_int_equal(create(root_v3.cert_pem, root_v3.key_pem, &ca, why), 0);
    assert_false(ca_is_v1(ca));
    ca_destroy(&ca);
}

static void kinds_of_keys(void **state)
{
    static const struct {
        const char *kind;
        size_t bits;
        int expected;
    } kinds[] = {{"RSA", 2048, 0}, {"RSA", 1024, E_UNSUPPORTED}, {"ED25519", 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct pki p;
        struct ca *ca;
        char why[TLS_WHY_MAX];
        EVP_PKEY *key = kinds[i].bits ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", kinds[i].bits)
                                      : EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].kind);
        pki_make(&p, &(struct pki_plan){.cn = "rootCA", .key = key});
        assert_int_equal(create(p.cert_pem, p.key_pem, &ca, why), kinds[i].expected);
        ca_destroy(&ca);
        EVP_PKEY_free(key);
        pki_free(&p);
    }
}

/* The order does not matter: the key says which one signs. */
static void two_roots_are_believed(void **state)
{
    struct ca *ca;
    char both[3 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    (void)state;
    snprintf(both, sizeof both, "%s%s", other.cert_pem, root.cert_pem);
    assert_int_equal(create(both, root.key_pem, &ca, why), 0);
    assert_string_equal(ca_subject(ca), "CN = rootCA");
    assert_int_equal(sk_X509_num(ca_anchors(ca)), 2);
    assert_int_equal(sk_X509_num(ca_chain(ca)), 0);
    ca_destroy(&ca);
}

static void a_signer_below_the_root(void **state)
{
    struct pki middle, signer;
    struct ca *ca;
    char all[3 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    (void)state;
    pki_make(&middle, &(struct pki_plan){.cn = "middle", .issuer = &root_v3, .ca = true, .to = PKI_NOW + PKI_DAY});
    pki_make(&signer, &(struct pki_plan){.cn = "signer", .issuer = &middle, .ca = true});
    snprintf(all, sizeof all, "%s%s%s", root_v3.cert_pem, signer.cert_pem, middle.cert_pem);
    assert_int_equal(create(all, signer.key_pem, &ca, why), 0);
    assert_string_equal(ca_subject(ca), "CN = signer");
    assert_int_equal(sk_X509_num(ca_anchors(ca)), 1);
    assert_int_equal(sk_X509_num(ca_chain(ca)), 2); /* what a server sends, in its order */
    assert_int_equal(X509_cmp(sk_X509_value(ca_chain(ca), 0), signer.cert), 0);
    assert_int_equal(X509_cmp(sk_X509_value(ca_chain(ca), 1), middle.cert), 0);
    assert_int_equal(ca_not_after(ca), PKI_NOW + PKI_DAY); /* the first end of them */
    ca_destroy(&ca);
    refuse(signer.cert_pem, &signer, E_CERT, "append that one's certificate");
    pki_free(&middle);
    pki_free(&signer);
}

static void not_a_ca(void **state)
{
    struct pki user, user_v3;
    char both[3 * PKI_PEM_SIZE];
    (void)state;
    pki_make(&user, &(struct pki_plan){.cn = "myuser", .issuer = &root});
    pki_make(&user_v3, &(struct pki_plan){.cn = "myuser", .ext_key_usage = "clientAuth"});
    snprintf(both, sizeof both, "%s%s", user.cert_pem, root.cert_pem);
    refuse(both, &user, E_CERT, "may not sign others");
    refuse(user_v3.cert_pem, &user_v3, E_CERT, "may not sign others");
    pki_free(&user);
    pki_free(&user_v3);
}

static void dates(void **state)
{
    struct pki past, future, last;
    struct ca *ca;
    char why[TLS_WHY_MAX];
    (void)state;
    pki_make(&past, &(struct pki_plan){.cn = "past", .from = PKI_NOW - 2 * PKI_DAY, .to = PKI_NOW});
    pki_make(&future, &(struct pki_plan){.cn = "future", .from = PKI_NOW + 1});
    pki_make(&last, &(struct pki_plan){.cn = "last", .from = PKI_NOW, .to = PKI_NOW + 1});
    refuse(past.cert_pem, &past, E_CERT, "expired at 2027-01-15 08:00:00Z");
    refuse(future.cert_pem, &future, E_CERT, "not valid before 2027-01-15 08:00:01Z");
    assert_int_equal(create(last.cert_pem, last.key_pem, &ca, why), 0);
    ca_destroy(&ca);
    pki_free(&past);
    pki_free(&future);
    pki_free(&last);
}

/* --- a root that was renewed with its key --- */

enum { OLD, CURRENT, LONGER, SOON, RENEWED_COUNT };

/* Days from now. */
static const struct {
    int64_t from, to;
} lives[RENEWED_COUNT] = {[OLD] = {-300, -1}, [CURRENT] = {-100, 20}, [LONGER] = {-10, 200}, [SOON] = {5, 300}};

struct renewed {
    struct pki all[RENEWED_COUNT];
};

static void renewed_make(struct renewed *r, const struct pki *issuer)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (int i = 0; i < RENEWED_COUNT; i++)
        pki_make(&r->all[i], &(struct pki_plan){.cn = "renewed",
                                                .key = key,
                                                .issuer = issuer,
                                                .ca = issuer != NULL,
                                                .from = PKI_NOW + lives[i].from * PKI_DAY,
                                                .to = PKI_NOW + lives[i].to * PKI_DAY});
    EVP_PKEY_free(key);
}

static void renewed_free(struct renewed *r)
{
    for (int i = 0; i < RENEWED_COUNT; i++)
        pki_free(&r->all[i]);
}

/* Those whose digits are in `which`, in that order, then `more`. */
static struct ca *renewed_ca(const struct renewed *r, const char *which, const char *more, int64_t now)
{
    static char text[5 * PKI_PEM_SIZE];
    char why[TLS_WHY_MAX] = "";
    struct ca *ca = NULL;
    text[0] = '\0';
    for (; *which; which++)
        strcat(text, r->all[*which - '0'].cert_pem);
    strcat(text, more);
    if (ca_create(slice_str(text), slice_str(r->all[0].key_pem), now, &ca, why, sizeof why))
        fail_msg("%s", why);
    return ca;
}

/* Whatever the order: of those that are valid, the one that ends last. */
static void a_renewed_root(void **state)
{
    static const struct {
        const char *order;
        int signer, anchors;
        int64_t review_day;
    } all[] = {{"01", CURRENT, 2, 20}, {"10", CURRENT, 2, 20}, {"12", LONGER, 2, 20},
               {"21", LONGER, 2, 20},  {"13", CURRENT, 2, 5},  {"31", CURRENT, 2, 5},
               {"3210", LONGER, 4, 5}, {"0123", LONGER, 4, 5}, {"2", LONGER, 1, 200}};
    struct renewed r;
    (void)state;
    renewed_make(&r, NULL);
    refuse(r.all[OLD].cert_pem, &r.all[OLD], E_CERT, "expired at");
    refuse(r.all[SOON].cert_pem, &r.all[SOON], E_CERT, "not valid before");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct ca *ca = renewed_ca(&r, all[i].order, "", PKI_NOW);
        assert_int_equal(X509_cmp(ca_x509(ca), r.all[all[i].signer].cert), 0);
        assert_int_equal(ca_not_after(ca), PKI_NOW + lives[all[i].signer].to * PKI_DAY);
        assert_int_equal(sk_X509_num(ca_anchors(ca)), all[i].anchors);
        assert_int_equal(ca_review_at(ca), PKI_NOW + all[i].review_day * PKI_DAY);
        ca_destroy(&ca);
    }
    renewed_free(&r);
}

/* What is found at ca_review_at(). */
static void a_root_that_begins_later(void **state)
{
    struct renewed r;
    (void)state;
    renewed_make(&r, NULL);
    struct ca *before = renewed_ca(&r, "13", "", PKI_NOW), *same = renewed_ca(&r, "31", "", PKI_NOW + PKI_DAY);
    struct ca *after = renewed_ca(&r, "13", "", ca_review_at(before));
    assert_true(ca_equal(before, same));
    assert_false(ca_equal(before, after));
    assert_int_equal(X509_cmp(ca_x509(after), r.all[SOON].cert), 0);
    ca_destroy(&before);
    ca_destroy(&same);
    ca_destroy(&after);
    renewed_free(&r);
}

/* The same of one that signs below a root: the chain is the valid one. */
static void a_renewed_signer_below_the_root(void **state)
{
    struct renewed r;
    struct pki signer;
    char why[TLS_WHY_MAX] = "", text[5 * PKI_PEM_SIZE];
    struct ca *ca = NULL;
    (void)state;
    renewed_make(&r, &root_v3);
    ca = renewed_ca(&r, "012", root_v3.cert_pem, PKI_NOW);
    assert_int_equal(sk_X509_num(ca_chain(ca)), 1);
    assert_int_equal(X509_cmp(sk_X509_value(ca_chain(ca), 0), r.all[LONGER].cert), 0);
    ca_destroy(&ca);
    pki_make(&signer, &(struct pki_plan){.cn = "signer", .issuer = &r.all[OLD], .ca = true});
    snprintf(text, sizeof text, "%s%s%s%s", signer.cert_pem, r.all[OLD].cert_pem, r.all[CURRENT].cert_pem,
             root_v3.cert_pem);
    if (ca_create(slice_str(text), slice_str(signer.key_pem), PKI_NOW, &ca, why, sizeof why))
        fail_msg("%s", why);
    assert_int_equal(X509_cmp(sk_X509_value(ca_chain(ca), 1), r.all[CURRENT].cert), 0);
    ca_destroy(&ca);
    pki_free(&signer);
    renewed_free(&r);
}

/* What OpenSSL 3.2 and later make of F5's recipe: the error says how to mend it, and the mended one beside it counts.
 */
static void a_v3_root_without_extensions(void **state)
{
    struct pki bare, mended;
    struct ca *ca;
    char both[2 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    (void)state;
    pki_make(&bare, &(struct pki_plan){.cn = "rootCA", .alt_names = "DNS:a", .to = PKI_NOW + 400 * PKI_DAY});
    refuse(bare.cert_pem, &bare, E_CERT, "(CN = rootCA) is X.509 v3 without basicConstraints");
    refuse(bare.cert_pem, &bare, E_CERT,
           "stay valid: ephemeralctl cert ca --renew --root-ca-cert rootCA.crt --root-ca-key rootCA.key");
    pki_make(&mended, &(struct pki_plan){.cn = "rootCA", .key = bare.key, .ca = true});
    snprintf(both, sizeof both, "%s%s", bare.cert_pem, mended.cert_pem);
    assert_int_equal(create(both, bare.key_pem, &ca, why), 0);
    assert_int_equal(X509_cmp(ca_x509(ca), mended.cert), 0);
    ca_destroy(&ca);
    pki_free(&bare);
    pki_free(&mended);
}

static void parts_that_do_not_belong_together(void **state)
{
    struct pki forged;
    struct ca *ca;
    char why[TLS_WHY_MAX];
    (void)state;
    refuse(root.cert_pem, &other, E_MISMATCH, "does not belong");
    /* Named as its own issuer, signed by another. */
    struct pki twin = {.cert = root.cert, .key = other.key};
    pki_make(&forged, &(struct pki_plan){.cn = "rootCA", .issuer = &twin});
    refuse(forged.cert_pem, &forged, E_CERT, "its own key did not sign it");
    pki_free(&forged);
    assert_int_equal(create("", root.key_pem, &ca, why), E_NOT_FOUND);
    assert_int_equal(create(root.cert_pem, "", &ca, why), E_NOT_FOUND);
    assert_int_equal(create(root.key_pem, root.cert_pem, &ca, why), E_NOT_FOUND);
    assert_false(pki_tells_key(&root, why));
}

/* What a certificate says of itself is one printable line in logs. */
static void a_subject_of_control_characters(void **state)
{
    struct pki p;
    struct ca *ca;
    char why[TLS_WHY_MAX];
    (void)state;
    pki_make(&p, &(struct pki_plan){.cn = "root\n2027 error: all is lost\x1b[31m"});
    assert_int_equal(create(p.cert_pem, p.key_pem, &ca, why), 0);
    for (const char *c = ca_subject(ca); *c; c++)
        assert_true(*c >= 0x20 && *c != 0x7f);
    ca_destroy(&ca);
    pki_free(&p);
}

static int set_up(void **state)
{
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "rootCA"});
    pki_make(&root_v3, &(struct pki_plan){.cn = "root v3", .ca = true});
    pki_make(&other, &(struct pki_plan){.cn = "other"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&root);
    pki_free(&root_v3);
    pki_free(&other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f5s_root),
        cmocka_unit_test(a_v3_root),
        cmocka_unit_test(kinds_of_keys),
        cmocka_unit_test(two_roots_are_believed),
        cmocka_unit_test(a_signer_below_the_root),
        cmocka_unit_test(not_a_ca),
        cmocka_unit_test(dates),
        cmocka_unit_test(a_renewed_root),
        cmocka_unit_test(a_root_that_begins_later),
        cmocka_unit_test(a_renewed_signer_below_the_root),
        cmocka_unit_test(a_v3_root_without_extensions),
        cmocka_unit_test(parts_that_do_not_belong_together),
        cmocka_unit_test(a_subject_of_control_characters),
    };
    return cmocka_run_group_tests_name("tls/ca", tests, set_up, tear_down);
}
