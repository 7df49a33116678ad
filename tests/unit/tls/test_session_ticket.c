/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that are resumed at another server than the one that they were made at. */
#include "support.h"

#include "base/err.h"
#include "unit/tls/link.h"
#include "unit/tls/raw_client.h"

static struct link_world world;
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* The secrets with these numbers, of which none is 0. */
static struct tls_ticket_secrets secrets_of(unsigned current, uint8_t a, uint8_t b, uint8_t c)
{
    struct tls_ticket_secrets s = {.current = current};
    const uint8_t numbers[] = {a, b, c};
    for (unsigned i = 0; i < 3 && numbers[i]; i++)
        memset(s.secret[s.count++], numbers[i], TLS_TICKET_SECRET_SIZE);
    return s;
}

static void share(struct tls_ctx *server, unsigned current, uint8_t a, uint8_t b, uint8_t c)
{
    struct tls_ticket_secrets s = secrets_of(current, a, b, c);
    assert_int_equal(tls_ctx_share_tickets(server, &s), 0);
}

static struct tls_ctx *server_of(const struct ca *ca, const char *role)
{
    struct tls_server_config s = link_server_config(&world);
    s.role = role;
    s.ca = ca;
    struct tls_ctx *server = link_server(&s);
    share(server, 0, 1, 0, 0);
    return server;
}

static struct tls_ctx *server(void)
{
    return server_of(world.ca, NULL);
}

/* A connection that opens as myuser. */
static bool resumes(struct raw_client *c, struct tls_ctx *at)
{
    struct raw_outcome o;
    raw_client_connect(c, at, false, RAW_GOODBYE, &o);
    if (!o.open)
        fail_msg("%s", o.error);
    assert_true(o.peer.has_cert);
    assert_string_equal(o.peer.cn, "myuser");
    assert_int_equal(o.peer.cn_count, 1);
    return o.resumed;
}

/* Whether what `from` gave is resumed at `at`. */
static bool moves(int version, struct tls_ctx *from, struct tls_ctx *at)
{
    struct raw_client c;
    raw_client_init(&c, version, 0, &world.user);
    assert_false(resumes(&c, from));
    bool is_resumed = resumes(&c, at);
    raw_client_fini(&c);
    return is_resumed;
}

static void to_another_server_and_back(void **state)
{
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = server(), *b = server();
        struct raw_client c;
        raw_client_init(&c, *v, 0, &world.user);
        assert_false(resumes(&c, a));
        assert_true(resumes(&c, b));
        assert_true(resumes(&c, a));
        tls_ctx_destroy(&a);
        assert_true(resumes(&c, b));
        raw_client_fini(&c);
        tls_ctx_destroy(&b);
    }
}

static void not_with_other_secrets(void **state)
{
    struct tls_ctx *a = server(), *b = server();
    (void)state;
    share(b, 0, 2, 0, 0);
    for (const int *v = versions; v < versions + 2; v++)
        assert_false(moves(*v, a, b));
    tls_ctx_destroy(&a);
    tls_ctx_destroy(&b);
}

static void not_in_another_role(void **state)
{
    struct tls_ctx *a = server(), *b = server_of(world.ca, "another"), *same = server_of(world.ca, "client");
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        assert_false(moves(*v, a, b));
        assert_true(moves(*v, a, same));
    }
    tls_ctx_destroy(&a);
    tls_ctx_destroy(&b);
    tls_ctx_destroy(&same);
}

static struct ca *ca_of(const struct pki *first, const struct pki *second)
{
    char text[2 * PKI_PEM_SIZE], why[TLS_WHY_MAX];
    struct ca *ca;
    snprintf(text, sizeof text, "%s%s", first->cert_pem, second->cert_pem);
    assert_int_equal(ca_create(slice_str(text), slice_str(world.root.key_pem), PKI_NOW, &ca, why, sizeof why), 0);
    return ca;
}

/* Neither where there is one more, nor one less; in whatever order they are given. */
static void not_under_other_roots(void **state)
{
    struct pki other;
    (void)state;
    pki_make(&other, &(struct pki_plan){.cn = "other", .ca = true});
    struct ca *both = ca_of(&world.root, &other), *turned = ca_of(&other, &world.root);
    struct tls_ctx *one = server(), *two = server_of(both, NULL), *three = server_of(turned, NULL);
    for (const int *v = versions; v < versions + 2; v++) {
        assert_false(moves(*v, one, two));
        assert_false(moves(*v, two, one));
        assert_true(moves(*v, two, three));
        assert_true(moves(*v, three, two));
    }
    tls_ctx_destroy(&one);
    tls_ctx_destroy(&two);
    tls_ctx_destroy(&three);
    ca_destroy(&both);
    ca_destroy(&turned);
    pki_free(&other);
}

/* What was accepted under the roots of before is verified again, and so is what was in use meanwhile. */
static void not_after_the_roots_have_changed(void **state)
{
    struct pki other;
    char why[TLS_WHY_MAX];
    (void)state;
    pki_make(&other, &(struct pki_plan){.cn = "other", .ca = true});
    struct ca *both = ca_of(&world.root, &other);
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = server(), *b = server();
        struct raw_client c;
        raw_client_init(&c, *v, 0, &world.user);
        assert_false(resumes(&c, a));
        assert_int_equal(tls_ctx_trust(a, both, why, sizeof why), 0);
        assert_false(resumes(&c, a));
        assert_false(resumes(&c, b));
        assert_int_equal(tls_ctx_trust(b, both, why, sizeof why), 0);
        assert_false(resumes(&c, b));
        assert_true(resumes(&c, a));
        raw_client_fini(&c);
        tls_ctx_destroy(&a);
        tls_ctx_destroy(&b);
    }
    ca_destroy(&both);
    pki_free(&other);
}

static void not_past_the_end_of_the_certificate(void **state)
{
    struct pki short_lived;
    (void)state;
    pki_make(&short_lived, &(struct pki_plan){.cn = "myuser", .issuer = &world.root, .to = PKI_NOW + 100});
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = server(), *b = server();
        struct raw_client c;
        struct raw_outcome o;
        raw_client_init(&c, *v, 0, &short_lived);
        assert_false(resumes(&c, a));
        world.now = PKI_NOW + 99;
        assert_true(resumes(&c, b));
        assert_true(SSL_SESSION_get_ticket_lifetime_hint(c.session) <= 100);
        world.now = PKI_NOW + 100;
        raw_client_connect(&c, a, false, RAW_GOODBYE, &o);
        assert_false(o.open);
        assert_string_equal(o.error, "certificate of 'myuser' has expired");
        world.now = PKI_NOW;
        raw_client_fini(&c);
        tls_ctx_destroy(&a);
        tls_ctx_destroy(&b);
    }
    pki_free(&short_lived);
}

/* As a cluster rotates: the newest secret first, which is not current before all have it. */
static void while_secrets_rotate(void **state)
{
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = server(), *b = server();
        share(a, 1, 2, 1, 0);
        share(b, 1, 2, 1, 0);
        struct raw_client c, later;
        raw_client_init(&c, *v, 0, &world.user);
        raw_client_init(&later, *v, 0, &world.user);
        assert_false(resumes(&c, a));
        share(a, 1, 3, 2, 1); /* one of them is first */
        assert_false(resumes(&later, a));
        assert_true(resumes(&later, b));
        assert_true(resumes(&c, b));
        share(b, 1, 3, 2, 1);
        assert_true(resumes(&c, b));
        /* Twice, and a ticket of the first secret has become one of the second. */
        share(a, 1, 4, 3, 2);
        share(b, 1, 4, 3, 2);
        assert_true(resumes(&c, a));
        raw_client_fini(&c);
        raw_client_fini(&later);
        tls_ctx_destroy(&a);
        tls_ctx_destroy(&b);
    }
}

static void not_after_two_rotations(void **state)
{
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = server();
        share(a, 1, 2, 1, 0);
        struct raw_client c;
        raw_client_init(&c, *v, 0, &world.user);
        assert_false(resumes(&c, a));
        share(a, 1, 3, 2, 1);
        share(a, 1, 4, 3, 2);
        assert_false(resumes(&c, a));
        raw_client_fini(&c);
        tls_ctx_destroy(&a);
    }
}

/* A node that is in no cluster, or not any more. */
static void alone_by_secrets_of_its_own(void **state)
{
    static const struct tls_ticket_secrets none;
    struct tls_server_config s = link_server_config(&world);
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = link_server(&s), *b = link_server(&s);
        assert_true(moves(*v, a, a));
        assert_false(moves(*v, a, b));
        share(a, 0, 1, 0, 0);
        share(b, 0, 1, 0, 0);
        struct raw_client c;
        raw_client_init(&c, *v, 0, &world.user);
        assert_false(resumes(&c, a));
        assert_int_equal(tls_ctx_share_tickets(a, &none), 0);
        assert_false(resumes(&c, a));
        assert_int_equal(tls_ctx_share_tickets(a, &none), 0); /* once more changes nothing */
        assert_true(resumes(&c, a));
        assert_false(resumes(&c, b));
        raw_client_fini(&c);
        tls_ctx_destroy(&a);
        tls_ctx_destroy(&b);
    }
}

static void own_secrets_rotate_by_themselves(void **state)
{
    struct tls_server_config s = link_server_config(&world);
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct tls_ctx *a = link_server(&s);
        struct raw_client first, other;
        raw_client_init(&first, *v, 0, &world.user);
        raw_client_init(&other, *v, 0, &world.user);
        assert_false(resumes(&first, a));
        world.now = PKI_NOW + TLS_SESSION_S;
        assert_false(resumes(&other, a));
        SSL_SESSION *old = SSL_SESSION_dup(first.session);
        assert_true(resumes(&first, a));
        world.now = PKI_NOW + 2 * (int64_t)TLS_SESSION_S;
        assert_true(resumes(&other, a));
        SSL_SESSION_free(first.session);
        first.session = old;
        assert_false(resumes(&first, a));
        world.now = PKI_NOW;
        raw_client_fini(&first);
        raw_client_fini(&other);
        tls_ctx_destroy(&a);
    }
}

static void wrong_counts_are_refused(void **state)
{
    struct tls_ctx *a = server();
    struct tls_ticket_secrets s = secrets_of(0, 1, 2, 3);
    (void)state;
    s.current = 3;
    assert_int_equal(tls_ctx_share_tickets(a, &s), E_INVALID);
    s.current = 0;
    s.count = TLS_TICKET_SECRETS_MAX + 1;
    assert_int_equal(tls_ctx_share_tickets(a, &s), E_INVALID);
    struct tls_ctx *b = server();
    assert_true(moves(TLS1_3_VERSION, a, b)); /* those of before are in use */
    tls_ctx_destroy(&a);
    tls_ctx_destroy(&b);
}

/* A certificate is several hundred bytes, and slow to decode. */
static void a_ticket_holds_no_certificate(void **state)
{
    struct tls_ctx *a = server(), *b = server();
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct raw_client c;
        raw_client_init(&c, *v, 0, &world.user);
        for (int i = 0; i < 3; i++) {
            resumes(&c, i % 2 ? b : a);
            assert_in_range(raw_client_ticket(&c), 1, 400);
        }
        raw_client_fini(&c);
    }
    tls_ctx_destroy(&a);
    tls_ctx_destroy(&b);
}

/* All that sessions ask of the peer is the same as it was. */
static void the_peer_is_the_same(void **state)
{
    struct tls_ctx *a = server(), *b = server();
    struct pki who[3];
    (void)state;
    pki_make(&who[0], &(struct pki_plan){.cn = "one", .second_cn = "two", .issuer = &world.root});
    pki_make(&who[1], &(struct pki_plan){.cn = "node",
                                         .issuer = &world.root,
                                         .ext_key_usage = "clientAuth,serverAuth," CERT_ROLE_NODE,
                                         .alt_names = "URI:" CERT_URN_PREFIX "000102030405060708090a0b0c0d0e0f"});
    pki_make(&who[2], &(struct pki_plan){.issuer = &world.root});
    for (const int *v = versions; v < versions + 2; v++)
        for (size_t i = 0; i < 3; i++) {
            struct raw_client c;
            struct raw_outcome full, resumed;
            raw_client_init(&c, *v, 0, &who[i]);
            raw_client_connect(&c, a, false, RAW_GOODBYE, &full);
            raw_client_connect(&c, b, false, RAW_GOODBYE, &resumed);
            assert_true(full.open && !full.resumed && resumed.open && resumed.resumed);
            assert_memory_equal(&full.peer, &resumed.peer, sizeof full.peer);
            assert_int_equal(full.peer.is_node, i == 1);
            assert_int_equal(full.peer.incarnation.b[15], i == 1 ? 15 : 0);
            raw_client_fini(&c);
        }
    for (size_t i = 0; i < 3; i++)
        pki_free(&who[i]);
    tls_ctx_destroy(&a);
    tls_ctx_destroy(&b);
}

/* Name, IV, ciphertext or MAC: whatever is wrong with it, a handshake is made. */
static void a_damaged_ticket_is_no_ticket(void **state)
{
    struct tls_ctx *a = server();
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct raw_client c;
        raw_client_init(&c, *v, 0, &world.user);
        assert_false(resumes(&c, a));
        size_t size = raw_client_ticket(&c);
        for (size_t at = 0; at < size; at += 11) {
            raw_client_damage(&c, at);
            assert_false(resumes(&c, a));
            size = raw_client_ticket(&c);
        }
        assert_true(resumes(&c, a));
        raw_client_fini(&c);
    }
    tls_ctx_destroy(&a);
}

/* A session that was made without a certificate is none where one is wanted: there the client is asked for it. */
static void without_a_certificate_it_is_asked_for(void **state)
{
    struct tls_ctx *a = server(), *b = server();
    (void)state;
    for (const int *v = versions; v < versions + 2; v++) {
        struct raw_client c;
        struct raw_outcome o;
        raw_client_init(&c, *v, 0, NULL);
        raw_client_connect(&c, a, true, RAW_GOODBYE, &o);
        assert_true(o.open && !o.peer.has_cert);
        raw_client_connect(&c, b, true, RAW_GOODBYE, &o);
        assert_true(o.open && o.resumed && !o.peer.has_cert);
        assert_int_equal(SSL_CTX_use_certificate(c.ctx, world.user.cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(c.ctx, world.user.key), 1);
        assert_false(resumes(&c, b));
        raw_client_fini(&c);
    }
    tls_ctx_destroy(&a);
    tls_ctx_destroy(&b);
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
        cmocka_unit_test(to_another_server_and_back),
        cmocka_unit_test(not_with_other_secrets),
        cmocka_unit_test(not_in_another_role),
        cmocka_unit_test(not_under_other_roots),
        cmocka_unit_test(not_after_the_roots_have_changed),
        cmocka_unit_test(not_past_the_end_of_the_certificate),
        cmocka_unit_test(while_secrets_rotate),
        cmocka_unit_test(not_after_two_rotations),
        cmocka_unit_test(alone_by_secrets_of_its_own),
        cmocka_unit_test(own_secrets_rotate_by_themselves),
        cmocka_unit_test(wrong_counts_are_refused),
        cmocka_unit_test(a_ticket_holds_no_certificate),
        cmocka_unit_test(the_peer_is_the_same),
        cmocka_unit_test(a_damaged_ticket_is_no_ticket),
        cmocka_unit_test(without_a_certificate_it_is_asked_for),
    };
    return cmocka_run_group_tests_name("tls/session_ticket", tests, set_up, tear_down);
}
