/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "failing_alloc.h"
#include "unit/tls/link.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

static struct link_world world;

/* What comes of a handshake: the server's error, the client's where it is the one that refuses, or the suite. */
static void shake(const struct tls_client_config *c, const struct tls_server_config *s, char out[128])
{
    struct tls_ctx *client = link_client(c), *server = link_server(s);
    struct link l;
    link_open(&l, client, server);
    if (link_shake(&l))
        snprintf(out, 128, "%s %s", tls_engine_version(l.server.engine), tls_engine_cipher(l.server.engine));
    else
        snprintf(out, 128, "server: %s; client: %s", tls_engine_error(l.server.engine),
                 tls_engine_error(l.client.engine));
    assert_int_equal(ERR_peek_error(), 0);
    link_close(&l);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
    assert_null(client);
}

static void check(const struct tls_client_config *c, const struct tls_server_config *s, const char *part)
{
    char got[128];
    shake(c, s, got);
    if (!strstr(got, part))
        fail_msg("'%s' is not '%s'", got, part);
}

static void versions(void **state)
{
    static const struct {
        enum tls_version client_min, client_max, server_min, server_max;
        const char *expected;
    } cases[] = {
        {TLS_VERSION_ANY, TLS_VERSION_ANY, TLS_VERSION_ANY, TLS_VERSION_ANY, "TLSv1.3"},
        {TLS_VERSION_ANY, TLS_VERSION_1_2, TLS_VERSION_ANY, TLS_VERSION_ANY, "TLSv1.2"},
        {TLS_VERSION_ANY, TLS_VERSION_ANY, TLS_VERSION_ANY, TLS_VERSION_1_2, "TLSv1.2"},
        {TLS_VERSION_1_3, TLS_VERSION_ANY, TLS_VERSION_ANY, TLS_VERSION_1_2, "no common TLS version"},
        {TLS_VERSION_ANY, TLS_VERSION_1_2, TLS_VERSION_1_3, TLS_VERSION_1_3, "no common TLS version"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_client_config c = link_client_config(&world);
        struct tls_server_config s = link_server_config(&world);
        c.min = cases[i].client_min;
        c.max = cases[i].client_max;
        s.min = cases[i].server_min;
        s.max = cases[i].server_max;
        check(&c, &s, cases[i].expected);
    }
}

static void suites(void **state)
{
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    (void)state;
    c.max = TLS_VERSION_1_2;
    check(&c, &s, "ECDHE-ECDSA-AES128-GCM-SHA256");
    s.ecdsa = NULL;
    check(&c, &s, "ECDHE-RSA-AES128-GCM-SHA256");
    c.suites = "AES256-SHA:AES128-SHA"; /* the server's order counts */
    check(&c, &s, "TLSv1.2 AES128-SHA");
    c.suites = "DHE-RSA-AES256-SHA";
    check(&c, &s, "TLSv1.2 DHE-RSA-AES256-SHA");
    s.legacy_suites = false;
    check(&c, &s, "no common cipher suite");
    s = link_server_config(&world);
    s.rsa = NULL;
    check(&c, &s, "no common cipher suite");
}

static void certificates_of_clients(void **state)
{
    struct tls_client_config c = link_client_config(&world), anonymous = c;
    struct tls_server_config s = link_server_config(&world);
    struct pki other, stranger, server_only;
    (void)state;
    anonymous.cert_pem = anonymous.key_pem = slice_str("");
    check(&anonymous, &s, "server: client sent no certificate");
    s.client_cert_optional = true;
    check(&anonymous, &s, "TLSv1.3");
    pki_make(&other, &(struct pki_plan){.cn = "other"});
    pki_make(&stranger, &(struct pki_plan){.cn = "myuser", .issuer = &other});
    pki_make(&server_only, &(struct pki_plan){.cn = "myuser", .issuer = &world.root, .ext_key_usage = "serverAuth"});
    c.cert_pem = slice_str(stranger.cert_pem);
    c.key_pem = slice_str(stranger.key_pem);
    check(&c, &s, "server: certificate is not signed by the given root"); /* a bad one, optional or not */
    c.cert_pem = slice_str(server_only.cert_pem);
    c.key_pem = slice_str(server_only.key_pem);
    check(&c, &s, "server: certificate is not meant for this use");
    pki_free(&other);
    pki_free(&stranger);
    pki_free(&server_only);
}

/* By the context's clock, not the machine's. */
static void the_clock_judges(void **state)
{
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    (void)state;
    world.now = PKI_NOW + 20 * PKI_DAY;
    check(&c, &s, "TLSv1.3");
    world.now = PKI_NOW - 2 * PKI_DAY;
    check(&c, &s, "not yet valid");
    world.now = PKI_NOW + 31 * PKI_DAY; /* the server's own has ended */
    check(&c, &s, "client: certificate has expired");
    world.now = PKI_NOW;
}

static void names_of_servers(void **state)
{
    static const struct {
        const char *name, *expected;
    } cases[] = {{"store.example", "TLSv1.3"},
                 {"STORE.example", "TLSv1.3"},
                 {"127.0.0.1", "TLSv1.3"},
                 {"shop.example", "client: certificate is for another host name"},
                 {"127.0.0.2", "client: certificate is for another address"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_client_config c = link_client_config(&world);
        struct tls_server_config s = link_server_config(&world);
        c.server_name = cases[i].name;
        check(&c, &s, cases[i].expected);
    }
}

static void a_server_of_another_root(void **state)
{
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    struct pki other;
    (void)state;
    pki_make(&other, &(struct pki_plan){.cn = "other"});
    c.ca_pem = slice_str(other.cert_pem);
    check(&c, &s, "client: certificate is not signed by the given root");
    pki_free(&other);
}

static void renewal(void **state)
{
    static const char *const names[] = {"new.example"};
    char why[TLS_WHY_MAX];
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW, .life_s = 60 * PKI_DAY};
    struct cert *fresh;
    struct link before, after;
    (void)state;
    c.server_name = NULL;
    struct tls_ctx *client = link_client(&c), *server = link_server(&s);
    assert_int_equal(tls_ctx_renew_at(server), PKI_NOW + 20 * PKI_DAY);
    assert_int_equal(tls_ctx_not_after(server), PKI_NOW + 30 * PKI_DAY);
    link_open(&before, client, server);
    assert_true(link_shake(&before));
    assert_int_equal(cert_mint_server(world.ca, &req, CERT_ECDSA_P256, &fresh, why, sizeof why), 0);
    assert_int_equal(tls_ctx_renew(server, world.ca, NULL, fresh, why, sizeof why), 0);
    cert_destroy(&fresh);
    assert_int_equal(tls_ctx_not_after(server), PKI_NOW + 30 * PKI_DAY); /* the RSA one stays */
    link_open(&after, client, server);
    assert_true(link_shake(&after));
    assert_string_equal(tls_engine_peer(before.client.engine)->cn, "store.example");
    assert_string_equal(tls_engine_peer(after.client.engine)->cn, "new.example");
    link_check(&before, &before.client, &before.server, slice_str("still here"), 0);
    link_close(&before);
    link_close(&after);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
}

static void a_signer_below_the_root_is_sent_and_renewed(void **state)
{
    static const char *const names[] = {"store.example"};
    struct pki root, signer;
    struct ca *ca;
    struct cert *cert;
    char both[3 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    struct cert_request req = {.names = names, .name_count = 1, .now = PKI_NOW};
    (void)state;
    pki_make(&root, &(struct pki_plan){.cn = "root v3", .ca = true});
    pki_make(&signer, &(struct pki_plan){.cn = "signer", .ca = true, .issuer = &root});
    snprintf(both, sizeof both, "%s%s", signer.cert_pem, root.cert_pem);
    assert_int_equal(ca_create(slice_str(both), slice_str(signer.key_pem), PKI_NOW, &ca, why, sizeof why), 0);
    assert_int_equal(cert_mint_server(ca, &req, CERT_ECDSA_P256, &cert, why, sizeof why), 0);
    struct tls_server_config s = link_server_config(&world);
    s.ca = ca;
    s.rsa = NULL;
    s.ecdsa = cert;
    s.client_cert_optional = true;
    struct tls_client_config c = link_client_config(&world);
    c.ca_pem = slice_str(root.cert_pem); /* knows the root alone */
    c.cert_pem = c.key_pem = slice_str("");
    struct tls_ctx *client = link_client(&c), *server = link_server(&s);
    for (int i = 0; i < 2; i++) {
        struct link l;
        link_open(&l, client, server);
        assert_true(link_shake(&l));
        link_close(&l);
        assert_int_equal(tls_ctx_renew(server, ca, NULL, cert, why, sizeof why), 0);
    }
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
    cert_destroy(&cert);
    ca_destroy(&ca);
    pki_free(&root);
    pki_free(&signer);
}

/* Two roots of one name, as F5's recipe makes them, each with a user: both are known, whichever ends last. */
static void roots_of_one_name(void **state)
{
    static const int64_t ends[] = {200 * PKI_DAY, 400 * PKI_DAY};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pki next, user;
        struct ca *ca;
        char both[2 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
        pki_make(&next, &(struct pki_plan){.cn = "rootCA", .to = PKI_NOW + ends[i]});
        pki_make(&user, &(struct pki_plan){.cn = "other", .issuer = &next});
        snprintf(both, sizeof both, "%s%s", world.root.cert_pem, next.cert_pem);
        assert_int_equal(ca_create(slice_str(both), slice_str(next.key_pem), PKI_NOW, &ca, why, sizeof why), 0);
        assert_int_equal(ca_root_count(ca), 2);
        struct tls_client_config c = link_client_config(&world);
        struct tls_server_config s = link_server_config(&world);
        s.ca = ca;
        c.ca_pem = slice_str(both);
        check(&c, &s, "TLSv1.3");
        c.cert_pem = slice_str(user.cert_pem);
        c.key_pem = slice_str(user.key_pem);
        check(&c, &s, "TLSv1.3");
        ca_destroy(&ca);
        pki_free(&next);
        pki_free(&user);
    }
}

static void expect_shake(struct tls_ctx *client, struct tls_ctx *server, bool expected)
{
    struct link l;
    link_open(&l, client, server);
    assert_int_equal(link_shake(&l), expected);
    assert_int_equal(ERR_peek_error(), 0);
    link_close(&l);
}

/* The old root, both, the new one: as a server that runs is given them. */
static void other_roots_are_believed(void **state)
{
    struct pki next, user;
    struct ca *both, *last;
    char text[2 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    (void)state;
    pki_make(&next, &(struct pki_plan){.cn = "next", .ca = true});
    pki_make(&user, &(struct pki_plan){.cn = "myuser", .issuer = &next});
    snprintf(text, sizeof text, "%s%s", world.root.cert_pem, next.cert_pem);
    assert_int_equal(ca_create(slice_str(text), slice_str(next.key_pem), PKI_NOW, &both, why, sizeof why), 0);
    assert_int_equal(ca_create(slice_str(next.cert_pem), slice_str(next.key_pem), PKI_NOW, &last, why, sizeof why), 0);
    struct tls_ctx *server = link_server(&s), *old_user = link_client(&c);
    c.cert_pem = slice_str(user.cert_pem);
    c.key_pem = slice_str(user.key_pem);
    struct tls_ctx *new_user = link_client(&c);
    struct link open, resumed;
    link_open(&open, old_user, server);
    assert_true(link_shake(&open));
    expect_shake(new_user, server, false);
    assert_int_equal(tls_ctx_trust(server, both, why, sizeof why), 0);
    expect_shake(old_user, server, true);
    expect_shake(new_user, server, true);
    assert_int_equal(tls_ctx_trust(server, last, why, sizeof why), 0);
    expect_shake(old_user, server, false);
    expect_shake(new_user, server, true);
    /* Nor by a session of before; what is open goes on. */
    link_open(&resumed, old_user, server);
    tls_engine_reuse(resumed.client.engine, open.client.engine);
    assert_false(link_shake(&resumed));
    link_check(&open, &open.client, &open.server, slice_str("still here"), 0);
    link_close(&resumed);
    link_close(&open);
    tls_ctx_destroy(&old_user);
    tls_ctx_destroy(&new_user);
    tls_ctx_destroy(&server);
    ca_destroy(&both);
    ca_destroy(&last);
    pki_free(&next);
    pki_free(&user);
}

static void refuse_client(const struct tls_client_config *c, int expected, const char *part)
{
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *ctx = NULL;
    assert_int_equal(tls_ctx_create_client(c, &ctx, why, sizeof why), expected);
    assert_null(ctx);
    if (!strstr(why, part))
        fail_msg("'%s' does not say '%s'", why, part);
    assert_false(pki_tells_key(&world.user, why));
    assert_int_equal(ERR_peek_error(), 0);
}

static void clients_that_cannot_be(void **state)
{
    char name[300];
    struct pki weak;
    EVP_PKEY *key = EVP_RSA_gen(1024);
    struct tls_client_config c = link_client_config(&world);
    (void)state;
    pki_make(&weak, &(struct pki_plan){.cn = "myuser", .issuer = &world.root, .key = key});
    c.key_pem = slice_str(world.root.key_pem);
    refuse_client(&c, E_MISMATCH, "does not belong");
    c.key_pem = slice_str("");
    refuse_client(&c, E_NOT_FOUND, "private key");
    c.cert_pem = slice_str(weak.cert_pem);
    c.key_pem = slice_str(weak.key_pem);
    refuse_client(&c, E_UNSUPPORTED, "too weak");
    c = link_client_config(&world);
    c.ca_pem = slice_str("");
    refuse_client(&c, E_NOT_FOUND, "certificate");
    c = link_client_config(&world);
    c.suites = "NO-SUCH-SUITE";
    refuse_client(&c, E_INVALID, "suites");
    c = link_client_config(&world);
    c.server_name = "";
    refuse_client(&c, E_INVALID, "name of a server");
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    c.server_name = name;
    refuse_client(&c, E_INVALID, "name of a server");
    c = link_client_config(&world);
    c.min = TLS_VERSION_1_3;
    c.max = TLS_VERSION_1_2;
    refuse_client(&c, E_INVALID, "above the highest");
    pki_free(&weak);
    EVP_PKEY_free(key);
}

static void servers_that_cannot_be(void **state)
{
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *ctx = NULL;
    struct tls_server_config s = link_server_config(&world);
    (void)state;
    s.rsa = s.ecdsa = NULL;
    assert_int_equal(tls_ctx_create_server(&s, &ctx, why, sizeof why), E_INVALID);
    assert_non_null(strstr(why, "needs a certificate"));
    s = link_server_config(&world);
    s.min = TLS_VERSION_1_3;
    s.max = TLS_VERSION_1_2;
    assert_int_equal(tls_ctx_create_server(&s, &ctx, NULL, 0), E_INVALID);
    assert_null(ctx);
}

static void each_allocation_fails(void **state)
{
    bool failed = true;
    (void)state;
    struct tls_client_config c = link_client_config(&world);
    for (size_t n = 1; failed; n++) {
        struct tls_ctx *ctx = NULL;
        char why[TLS_WHY_MAX] = "";
        failing_alloc_start(n);
        int err = tls_ctx_create_client(&c, &ctx, why, sizeof why);
        failed = failing_alloc_stop();
        assert_int_equal(err, failed ? E_NOMEM : 0);
        assert_int_equal(strlen(why) > 0, failed);
        tls_ctx_destroy(&ctx);
    }
}

static int set_up(void **state)
{
    (void)state;
    link_world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    link_world_fini(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),
        cmocka_unit_test(suites),
        cmocka_unit_test(certificates_of_clients),
        cmocka_unit_test(the_clock_judges),
        cmocka_unit_test(names_of_servers),
        cmocka_unit_test(a_server_of_another_root),
        cmocka_unit_test(renewal),
        cmocka_unit_test(a_signer_below_the_root_is_sent_and_renewed),
        cmocka_unit_test(roots_of_one_name),
        cmocka_unit_test(other_roots_are_believed),
        cmocka_unit_test(clients_that_cannot_be),
        cmocka_unit_test(servers_that_cannot_be),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests_name("tls/tls_ctx", tests, set_up, tear_down);
}
