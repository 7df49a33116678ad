/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/cert_judge.h"
#include "tls/cert_view.h"
#include "unit/tls/pki.h"

#include <openssl/err.h>
#include <stdlib.h>

/* "python go nodejs riak": those that refuse; "": none does. */
static void expect(const struct cert_verdict v[CERT_CLIENTS], const char *refusing)
{
    static const char *const words[] = {"python", "go", "nodejs", "riak"};
    for (size_t i = 0; i < CERT_CLIENTS; i++) {
        bool expected = !strstr(refusing, words[i]);
        if (v[i].ok != expected)
            fail_msg("%s says %s (%s), but '%s' should refuse", words[i], v[i].ok ? "yes" : "no", v[i].why, refusing);
        assert_int_equal(strlen(v[i].why) == 0, v[i].ok);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void judge_root(const struct pki_plan *plan, bool node, const char *refusing)
{
    struct cert_verdict v[CERT_CLIENTS], of_node;
    struct pki root;
    char why[TLS_WHY_MAX] = "";
    pki_make(&root, plan);
    if (cert_judge_root(slice_str(root.cert_pem), PKI_NOW, v, &of_node, why, sizeof why))
        fail_msg("%s", why);
    expect(v, refusing);
    assert_int_equal(of_node.ok, node);
    assert_int_equal(strlen(of_node.why) == 0, node);
    pki_free(&root);
}

static void roots(void **state)
{
    EVP_PKEY *weak = EVP_RSA_gen(1024), *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    (void)state;
    judge_root(&(struct pki_plan){.cn = "a", .ca = true}, true, "");
    judge_root(&(struct pki_plan){.cn = "a", .ca = true, .key = edwards}, true, "");
    judge_root(&(struct pki_plan){.cn = "a"}, true, "python");                                       /* X.509 v1 */
    judge_root(&(struct pki_plan){.cn = "a", .alt_names = "DNS:a"}, false, "python go nodejs riak"); /* no CA */
    judge_root(&(struct pki_plan){.cn = "a", .ca = true, .key = weak}, false, "python");
    judge_root(&(struct pki_plan){.cn = "a", .ca = true, .to = PKI_NOW - 1}, false, "python go nodejs riak");
    EVP_PKEY_free(weak);
    EVP_PKEY_free(edwards);
}

static void what_is_no_root(void **state)
{
    struct cert_verdict v[CERT_CLIENTS], of_node;
    struct pki root, user;
    char why[TLS_WHY_MAX] = "";
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "a", .ca = true});
    pki_make(&user, &(struct pki_plan){.cn = "b", .issuer = &root});
    assert_int_equal(cert_judge_root(slice_str(user.cert_pem), PKI_NOW, v, &of_node, why, sizeof why), E_INVALID);
    assert_non_null(strstr(why, "not self-signed"));
    assert_int_equal(cert_judge_root(slice_str("?"), PKI_NOW, v, &of_node, why, sizeof why), E_NOT_FOUND);
    pki_free(&root);
    pki_free(&user);
}

/* As a node makes it under this root, with a key of that kind. */
static void judge_server(const struct pki *root, enum cert_key kind, const char *name, const char *refusing)
{
    static const char *const names[] = {"store.example", "10.1.2.3"};
    const struct cert_request req = {.names = names, .name_count = 2, .now = PKI_NOW};
    struct cert_verdict v[CERT_CLIENTS];
    struct buf cert_pem, key_pem;
    struct cert *cert;
    struct ca *ca;
    char why[TLS_WHY_MAX] = "";
    buf_init(&cert_pem, PEM_OUT_MAX);
    buf_init(&key_pem, PEM_OUT_MAX);
    assert_int_equal(ca_create(slice_str(root->cert_pem), slice_str(root->key_pem), PKI_NOW, &ca, why, sizeof why), 0);
    assert_int_equal(cert_mint_server(ca, &req, kind, &cert, why, sizeof why), 0);
    assert_int_equal(cert_to_pem(cert, &cert_pem, &key_pem), 0);
    assert_int_equal(
        cert_judge_server(buf_slice(&cert_pem), slice_str(root->cert_pem), name, PKI_NOW, v, why, sizeof why), 0);
    expect(v, refusing);
    cert_destroy(&cert);
    ca_destroy(&ca);
    buf_fini(&cert_pem);
    pem_wipe(&key_pem);
}

static void servers(void **state)
{
    struct pki root, v1;
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "a", .ca = true});
    pki_make(&v1, &(struct pki_plan){.cn = "a"});
    judge_server(&root, CERT_RSA_2048, "store.example", "");
    judge_server(&root, CERT_RSA_2048, "10.1.2.3", "");
    judge_server(&root, CERT_RSA_2048, NULL, "");
    judge_server(&root, CERT_RSA_2048, "shop.example", "python go nodejs");
    judge_server(&root, CERT_RSA_2048, "10.1.2.4", "python go nodejs");
    judge_server(&root, CERT_ECDSA_P256, "store.example", "riak");
    judge_server(&v1, CERT_RSA_2048, "store.example", "python");
    pki_free(&root);
    pki_free(&v1);
}

static void judge_user(const struct pki *user, const struct pki *key, const struct pki *root, const char *name,
                       const char *failing)
{
    const struct cert_user_files files = {.cert_pem = slice_str(user->cert_pem),
                                          .key_pem = slice_str(key->key_pem),
                                          .roots_pem = slice_str(root->cert_pem),
                                          .user = name};
    struct cert_verdict v[CERT_FINDINGS];
    char why[TLS_WHY_MAX] = "";
    assert_int_equal(cert_judge_user(&files, PKI_NOW, v, why, sizeof why), 0);
    for (int i = 0; i < CERT_FINDINGS; i++) {
        bool expected = !strstr(failing, cert_finding_name((enum cert_finding_kind)i));
        if (v[i].ok != expected)
            fail_msg("%s: %s, but '%s' should fail", cert_finding_name((enum cert_finding_kind)i), v[i].why, failing);
        assert_true(*v[i].why);
        assert_false(pki_tells_key(key, v[i].why));
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void users(void **state)
{
    struct pki root, other, user, old, server, two, none, expired_root;
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "a", .ca = true});
    pki_make(&other, &(struct pki_plan){.cn = "a", .ca = true});
    pki_make(&expired_root, &(struct pki_plan){.cn = "a", .ca = true, .key = root.key, .to = PKI_NOW - 1});
    pki_make(&user, &(struct pki_plan){.cn = "myuser", .issuer = &root}); /* X.509 v1, by F5's recipe */
    pki_make(&old, &(struct pki_plan){.cn = "myuser", .issuer = &root, .to = PKI_NOW - 1});
    pki_make(&server, &(struct pki_plan){.cn = "myuser", .issuer = &root, .ext_key_usage = "serverAuth"});
    pki_make(&two, &(struct pki_plan){.cn = "myuser", .second_cn = "root", .issuer = &root});
    pki_make(&none, &(struct pki_plan){.issuer = &root});
    judge_user(&user, &user, &root, NULL, "");
    judge_user(&user, &user, &root, "MyUser", "");
    judge_user(&user, &user, &root, "other", "name");
    judge_user(&user, &other, &root, NULL, "key");
    judge_user(&user, &user, &other, NULL, "chain");
    judge_user(&user, &user, &expired_root, NULL, "root chain");
    judge_user(&old, &old, &root, NULL, "dates chain");
    judge_user(&server, &server, &root, NULL, "chain");
    judge_user(&two, &two, &root, NULL, "name");
    judge_user(&none, &none, &root, NULL, "name");
    judge_user(&user, &user, &user, NULL, "root chain");
    struct pki *all[] = {&root, &other, &user, &old, &server, &two, &none, &expired_root};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        pki_free(all[i]);
}

static void a_view_shows_names_and_hides_control_bytes(void **state)
{
    struct pki root, node;
    struct cert_view *v;
    size_t count;
    char both[2 * PKI_PEM_SIZE], why[TLS_WHY_MAX] = "";
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "a\033[2Jb", .ca = true});
    pki_make(&node, &(struct pki_plan){.cn = "n",
                                       .issuer = &root,
                                       .ext_key_usage = "serverAuth," CERT_ROLE_NODE,
                                       .alt_names = "DNS:store.example,IP:10.0.0.1,IP:fd00::1,URI:urn:x"});
    snprintf(both, sizeof both, "%s%s", node.cert_pem, root.cert_pem);
    assert_int_equal(cert_view_read(slice_str(both), &v, &count, why, sizeof why), 0);
    assert_int_equal(count, 2);
    assert_int_equal(v[0].name_count, 4);
    assert_string_equal(v[0].name[0], "store.example");
    assert_string_equal(v[0].name[1], "10.0.0.1");
    assert_string_equal(v[0].name[2], "fd00::1");
    assert_string_equal(v[0].name[3], "urn:x");
    assert_string_equal(v[0].ext_key_usage, "serverAuth, node");
    assert_int_equal(cert_view_use(&v[0]), CERT_USE_NODE);
    assert_int_equal(cert_view_use(&v[1]), CERT_USE_ROOT);
    assert_null(strchr(v[1].subject, '\033'));
    assert_null(strchr(v[0].issuer, '\033'));
    free(v);
    pki_free(&root);
    pki_free(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots),
        cmocka_unit_test(what_is_no_root),
        cmocka_unit_test(servers),
        cmocka_unit_test(users),
        cmocka_unit_test(a_view_shows_names_and_hides_control_bytes),
    };
    return cmocka_run_group_tests_name("tls/cert_judge", tests, NULL, NULL);
}
