/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between nodes: who is let in by which side, and what each is told. */
#include "support.h"

#include "base/err.h"
#include "unit/tls/link.h"

#define NO_NODE          "certificate is not a node's (its extended key usage lacks the role node)"
#define OTHER_ROOT       "certificate is not signed by the given root"
#define EXPIRED          "certificate has expired"
#define BOTH_USAGES      "serverAuth,clientAuth"
#define LIFE_OF_A_MINUTE 60

static struct link_world world;
static struct pki other_root;
static struct ca *other_ca;
static struct cert *one, *two, *foreign, *brief;

static const struct incarnation first = {"incarnation one!"}, second = {"incarnation two!"};

static struct cert *mint(const struct ca *ca, struct incarnation incarnation, int64_t life_s)
{
    char why[TLS_WHY_MAX] = "";
    struct cert *c = NULL;
    struct cert_node_request req = {.now = PKI_NOW, .life_s = life_s};
    req.incarnation = incarnation;
    if (cert_mint_node(ca, &req, &c, why, sizeof why))
        fail_msg("%s", why);
    return c;
}

static struct tls_ctx *node(bool is_server, const struct cert *cert)
{
    struct tls_peer_config config = link_peer_config(&world, is_server, cert);
    return link_peer(&config);
}

static void check_peer(const struct tls_engine *e, struct incarnation incarnation)
{
    const struct tls_peer *peer = tls_engine_peer(e);
    assert_true(peer->has_cert && peer->is_node);
    assert_memory_equal(peer->incarnation.b, incarnation.b, ID_SIZE);
    assert_string_equal(tls_engine_version(e), "TLSv1.3");
    assert_false(tls_engine_resumed(e));
}

static void two_nodes(void **state)
{
    (void)state;
    struct tls_ctx *client = node(false, one), *server = node(true, two);
    struct link l;
    link_open(&l, client, server);
    assert_true(link_shake(&l));
    check_peer(l.client.engine, second);
    check_peer(l.server.engine, first);
    link_check(&l, &l.client, &l.server, slice_str("hello"), 0);
    link_check(&l, &l.server, &l.client, slice_str("welcome"), 1);
    link_close(&l);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
}

/* --- the server's side refuses --- */

struct stranger {
    struct pki_plan plan; /* its certificate */
    bool none;
    enum tls_version max;
    const char *why;
};

static void refused_by_server(const struct stranger *s)
{
    struct tls_client_config config = link_client_config(&world);
    struct tls_ctx *server = node(true, two), *client;
    struct pki p;
    struct link l;
    pki_make(&p, &s->plan);
    config.cert_pem = s->none ? slice_make(NULL, 0) : slice_str(p.cert_pem);
    config.key_pem = s->none ? slice_make(NULL, 0) : slice_str(p.key_pem);
    config.max = s->max;
    client = link_client(&config);
    link_open(&l, client, server);
    assert_false(link_shake(&l));
    assert_false(tls_engine_open(l.server.engine));
    assert_int_equal(l.server.err, E_TLS);
    assert_string_equal(tls_engine_error(l.server.engine), s->why);
    assert_int_equal(l.client.err, E_TLS); /* an alert has come */
    assert_non_null(strstr(tls_engine_error(l.client.engine), "peer refused"));
    link_close(&l);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
    pki_free(&p);
}

static void strangers(void **state)
{
    (void)state;
    const struct pki *root = &world.root;
    const char *role = BOTH_USAGES "," CERT_ROLE_NODE;
    const struct stranger all[] = {
        {{.cn = "myuser", .issuer = root}, .why = NO_NODE},
        {{.cn = "myuser", .issuer = root, .ext_key_usage = "clientAuth"}, .why = NO_NODE},
        {{.cn = "store.example", .issuer = root, .ext_key_usage = "serverAuth"}, .why = NO_NODE},
        {{.cn = "node", .issuer = root, .ext_key_usage = BOTH_USAGES}, .why = NO_NODE},
        {{.cn = "node", .issuer = root, .alt_names = "URI:urn:ephemeral-store:000102030405060708090a0b0c0d0eff"},
         .why = NO_NODE},
        {{.cn = "node", .issuer = &other_root, .ext_key_usage = role}, .why = OTHER_ROOT},
        {{.cn = "node", .ext_key_usage = role}, .why = "certificate is self-signed"},
        {{.cn = "node", .issuer = root, .ext_key_usage = role, .from = PKI_NOW - PKI_DAY, .to = PKI_NOW - 1},
         .why = EXPIRED},
        {{.cn = "node", .issuer = root, .ext_key_usage = role, .from = PKI_NOW + PKI_DAY},
         .why = "certificate is not yet valid (is a clock wrong?)"},
        {{.cn = "node", .issuer = root}, .none = true, .why = "client sent no certificate"},
        {{.cn = "node", .issuer = root, .ext_key_usage = role}, .max = TLS_VERSION_1_2, .why = "no common TLS version"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        refused_by_server(&all[i]);
}

/* --- the dialing side refuses --- */

static void refused_by_client(struct tls_ctx *server, const char *why)
{
    struct tls_ctx *client = node(false, one);
    struct link l;
    link_open(&l, client, server);
    assert_false(link_shake(&l));
    assert_false(tls_engine_open(l.client.engine));
    assert_int_equal(l.client.err, E_TLS);
    assert_string_equal(tls_engine_error(l.client.engine), why);
    assert_int_equal(l.server.err, E_TLS);
    assert_non_null(strstr(tls_engine_error(l.server.engine), "peer refused"));
    link_close(&l);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
}

static void impostors(void **state)
{
    (void)state;
    struct tls_server_config clients_port = link_server_config(&world);
    refused_by_client(link_server(&clients_port), NO_NODE);
    struct tls_peer_config elsewhere = link_peer_config(&world, true, foreign);
    elsewhere.ca = other_ca;
    refused_by_client(link_peer(&elsewhere), OTHER_ROOT);
    world.now = PKI_NOW + LIFE_OF_A_MINUTE + 1;
    refused_by_client(node(true, brief), EXPIRED);
    world.now = PKI_NOW;
}

/* --- what else --- */

/* Its old certificate, which has expired, is believed beside it: that stops nobody. */
static void a_root_renewed_with_its_key(void **state)
{
    struct pki old, renewed;
    struct ca *ca = NULL;
    char text[2 * PKI_PEM_SIZE], why[TLS_WHY_MAX] = "";
    (void)state;
    pki_make(&old, &(struct pki_plan){.cn = "rootCA", .from = PKI_NOW - 2 * PKI_DAY, .to = PKI_NOW - PKI_DAY});
    pki_make(&renewed, &(struct pki_plan){.cn = "rootCA", .key = old.key});
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s%s", i ? old.cert_pem : renewed.cert_pem, i ? renewed.cert_pem : old.cert_pem);
        assert_int_equal(ca_create(slice_str(text), slice_str(old.key_pem), PKI_NOW, &ca, why, sizeof why), 0);
        struct cert *cert = mint(ca, first, 0);
        struct tls_peer_config config = link_peer_config(&world, true, cert);
        config.ca = ca;
        struct tls_ctx *server = link_peer(&config);
        config.is_server = false;
        struct tls_ctx *client = link_peer(&config);
        struct link l;
        link_open(&l, client, server);
        assert_true(link_shake(&l));
        link_close(&l);
        tls_ctx_destroy(&client);
        tls_ctx_destroy(&server);
        cert_destroy(&cert);
        ca_destroy(&ca);
    }
    pki_free(&old);
    pki_free(&renewed);
}

/* It would prove who was there, not who is. */
static void nothing_is_resumed(void **state)
{
    (void)state;
    struct tls_ctx *client = node(false, one), *server = node(true, two);
    struct link before, l;
    link_open(&before, client, server);
    assert_true(link_shake(&before));
    link_open(&l, client, server);
    tls_engine_reuse(l.client.engine, before.client.engine);
    assert_true(link_shake(&l));
    check_peer(l.client.engine, second);
    check_peer(l.server.engine, first);
    link_close(&l);
    link_close(&before);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
}

static void renewed_on_both_sides(void **state)
{
    (void)state;
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *client = node(false, brief), *server = node(true, brief);
    struct link old, l;
    link_open(&old, client, server);
    assert_true(link_shake(&old));
    assert_int_equal(tls_ctx_not_after(client), PKI_NOW + LIFE_OF_A_MINUTE);
    assert_int_equal(tls_ctx_renew(client, world.ca, NULL, one, why, sizeof why), 0);
    assert_int_equal(tls_ctx_renew(server, world.ca, NULL, two, why, sizeof why), 0);
    assert_int_equal(tls_ctx_renew_at(client), cert_renew_at(one));
    assert_int_equal(tls_ctx_renew_at(server), cert_renew_at(two));
    world.now = PKI_NOW + LIFE_OF_A_MINUTE + 1;
    link_open(&l, client, server);
    assert_true(link_shake(&l));
    check_peer(l.client.engine, second);
    check_peer(l.server.engine, first);
    link_check(&old, &old.client, &old.server, slice_str("still here"), 0);
    world.now = PKI_NOW;
    link_close(&l);
    link_close(&old);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
}

/* There a node is a client like others, but known as a node; and no user ever is one. */
static void on_the_clients_port(const struct pki_plan *plan, bool is_node)
{
    struct tls_server_config server_config = link_server_config(&world);
    struct tls_client_config config = link_client_config(&world);
    struct pki p;
    struct link l;
    pki_make(&p, plan);
    config.cert_pem = slice_str(p.cert_pem);
    config.key_pem = slice_str(p.key_pem);
    struct tls_ctx *client = link_client(&config), *server = link_server(&server_config);
    link_open(&l, client, server);
    assert_true(link_shake(&l));
    const struct tls_peer *peer = tls_engine_peer(l.server.engine);
    assert_int_equal(peer->is_node, is_node);
    assert_int_equal(peer->incarnation.b[0], is_node ? 0xab : 0);
    link_close(&l);
    tls_ctx_destroy(&client);
    tls_ctx_destroy(&server);
    pki_free(&p);
}

static void nodes_and_users_among_clients(void **state)
{
    (void)state;
    const char *urn = "URI:urn:ephemeral-store:ab0102030405060708090a0b0c0d0eff";
    on_the_clients_port(
        &(struct pki_plan){
            .cn = "node", .issuer = &world.root, .ext_key_usage = BOTH_USAGES "," CERT_ROLE_NODE, .alt_names = urn},
        true);
    on_the_clients_port(&(struct pki_plan){.cn = "myuser", .issuer = &world.root}, false);
    on_the_clients_port(
        &(struct pki_plan){.cn = "myuser", .issuer = &world.root, .ext_key_usage = "clientAuth", .alt_names = urn},
        false);
}

static void a_certificate_is_needed(void **state)
{
    (void)state;
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *ctx = NULL;
    struct tls_peer_config config = link_peer_config(&world, true, NULL);
    assert_int_equal(tls_ctx_create_peer(&config, &ctx, why, sizeof why), E_INVALID);
    assert_null(ctx);
    assert_non_null(strstr(why, "needs a certificate"));
}

static int make(void **state)
{
    (void)state;
    char why[TLS_WHY_MAX];
    link_world_init(&world);
    pki_make(&other_root, &(struct pki_plan){.cn = "anotherCA"});
    int err =
        ca_create(slice_str(other_root.cert_pem), slice_str(other_root.key_pem), PKI_NOW, &other_ca, why, sizeof why);
    if (err)
        return err;
    one = mint(world.ca, first, 0);
    two = mint(world.ca, second, 0);
    brief = mint(world.ca, first, LIFE_OF_A_MINUTE);
    foreign = mint(other_ca, second, 0);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    cert_destroy(&one);
    cert_destroy(&two);
    cert_destroy(&brief);
    cert_destroy(&foreign);
    ca_destroy(&other_ca);
    pki_free(&other_root);
    link_world_fini(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_nodes),
        cmocka_unit_test(strangers),
        cmocka_unit_test(impostors),
        cmocka_unit_test(a_root_renewed_with_its_key),
        cmocka_unit_test(nothing_is_resumed),
        cmocka_unit_test(renewed_on_both_sides),
        cmocka_unit_test(nodes_and_users_among_clients),
        cmocka_unit_test(a_certificate_is_needed),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
