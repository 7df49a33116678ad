/* SPDX-License-Identifier: Apache-2.0 */
/* What tls_ctx and tls_engine promise of resumption together. */
#include "support.h"

#include "base/err.h"
#include "unit/tls/link.h"
#include "unit/tls/raw_client.h"

static struct link_world world;

struct fixture {
    struct tls_ctx *client, *server;
    struct link first;
};

/* A finished first connection. */
static void start(struct fixture *f, const struct pki *user, enum tls_version version, size_t sessions_max)
{
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    c.min = c.max = version;
    c.cert_pem = slice_str(user->cert_pem);
    c.key_pem = slice_str(user->key_pem);
    s.sessions_max = sessions_max;
    world.now = PKI_NOW;
    f->client = link_client(&c);
    f->server = link_server(&s);
    link_open(&f->first, f->client, f->server);
    assert_true(link_shake(&f->first));
}

static void stop(struct fixture *f)
{
    link_close(&f->first);
    tls_ctx_destroy(&f->client);
    tls_ctx_destroy(&f->server);
}

/* A further connection with the first one's session. */
static bool resume(struct fixture *f, struct link *next)
{
    link_open(next, f->client, f->server);
    tls_engine_reuse(next->client.engine, f->first.client.engine);
    return link_shake(next);
}

static void check_resumed(struct fixture *f, bool resumed)
{
    struct link next;
    assert_true(resume(f, &next));
    assert_int_equal(tls_engine_resumed(next.server.engine), resumed);
    assert_int_equal(tls_engine_resumed(next.client.engine), resumed);
    assert_true(tls_engine_peer(next.server.engine)->has_cert);
    assert_string_equal(tls_engine_peer(next.server.engine)->cn, "myuser");
    assert_int_equal(tls_engine_peer(next.server.engine)->not_after,
                     tls_engine_peer(f->first.server.engine)->not_after);
    link_check(&next, &next.client, &next.server, slice_str("question"), 0);
    link_check(&next, &next.server, &next.client, slice_str("answer"), 0);
    link_close(&next);
}

static void while_the_first_is_open(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, &world.user, (enum tls_version)v, 0);
        check_resumed(&f, true);
        check_resumed(&f, true);
        stop(&f);
    }
}

/* As a client does that comes back: its goodbye has ended the server's engine before. */
static void after_the_client_said_goodbye(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, &world.user, (enum tls_version)v, 0);
        tls_engine_close(f.first.client.engine, &f.first.server.in);
        link_pump(&f.first, 0);
        assert_int_equal(f.first.server.err, E_CLOSED);
        struct tls_peer peer = *tls_engine_peer(f.first.server.engine);
        tls_engine_destroy(&f.first.server.engine);
        assert_int_equal(tls_engine_create(f.server, &f.first.server.engine), 0);
        struct link next;
        assert_true(resume(&f, &next));
        assert_true(tls_engine_resumed(next.server.engine));
        assert_string_equal(tls_engine_peer(next.server.engine)->cn, peer.cn);
        link_close(&next);
        stop(&f);
    }
}

/* As one that crashed, or whose network did: RFC 5246 7.2.1 lets the session live. */
static void after_an_end_without_goodbye(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        struct link next;
        start(&f, &world.user, (enum tls_version)v, 0);
        tls_engine_destroy(&f.first.server.engine);
        assert_int_equal(tls_engine_create(f.server, &f.first.server.engine), 0);
        assert_true(resume(&f, &next));
        assert_true(tls_engine_resumed(next.server.engine));
        link_close(&next);
        stop(&f);
    }
}

/* RFC 5246 7.2.2: a fatal alert ends the session too, where the server keeps it. A ticket cannot be taken back: RFC
 * 8446 6.2 leaves that to the client. */
static void after_a_fatal_alert_by_ticket_alone(void **state)
{
    struct tls_server_config s = link_server_config(&world);
    static const uint64_t options[] = {SSL_OP_NO_TICKET, 0};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tls_ctx *server = link_server(&s);
        struct raw_client c;
        struct raw_outcome o;
        raw_client_init(&c, TLS1_2_VERSION, options[i], &world.user);
        raw_client_connect(&c, server, false, RAW_GOODBYE, &o);
        raw_client_connect(&c, server, false, RAW_DAMAGE, &o);
        assert_true(o.open && o.resumed);
        raw_client_connect(&c, server, false, RAW_GOODBYE, &o);
        assert_true(o.open);
        assert_int_equal(o.resumed, i);
        raw_client_fini(&c);
        tls_ctx_destroy(&server);
    }
}

/* A session is as old as its certificate lets it be: what was in date yesterday is not resumed today. */
static void not_after_the_certificates_end(void **state)
{
    struct pki short_lived;
    (void)state;
    pki_make(&short_lived, &(struct pki_plan){.cn = "myuser", .issuer = &world.root, .to = PKI_NOW + 100});
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        struct link next;
        start(&f, &short_lived, (enum tls_version)v, 0);
        world.now = PKI_NOW + 99;
        check_resumed(&f, true);
        world.now = PKI_NOW + 100;
        assert_false(resume(&f, &next));
        assert_int_equal(next.server.err, E_TLS);
        assert_string_equal(tls_engine_error(next.server.engine), "certificate of 'myuser' has expired");
        assert_int_equal(buf_len(&next.server.got), 0);
        link_close(&next);
        stop(&f);
    }
    world.now = PKI_NOW;
    pki_free(&short_lived);
}

static void another_server_does_not_know_it(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        struct tls_server_config s = link_server_config(&world);
        start(&f, &world.user, (enum tls_version)v, 0);
        struct tls_ctx *mine = f.server;
        f.server = link_server(&s);
        check_resumed(&f, false);
        tls_ctx_destroy(&f.server);
        f.server = mine;
        stop(&f);
    }
}

/* Of clients that know no tickets, as Java's before 13. The oldest makes room. */
static void the_cache_is_bounded(void **state)
{
    struct tls_server_config s = link_server_config(&world);
    struct raw_client c[3];
    struct raw_outcome o;
    (void)state;
    world.now = PKI_NOW;
    s.sessions_max = 3; /* OpenSSL keeps one fewer */
    struct tls_ctx *server = link_server(&s);
    for (size_t i = 0; i < 3; i++) {
        raw_client_init(&c[i], TLS1_2_VERSION, SSL_OP_NO_TICKET, &world.user);
        raw_client_connect(&c[i], server, false, RAW_GOODBYE, &o);
        assert_true(o.open && !o.resumed);
        assert_int_equal(raw_client_ticket(&c[i]), 0);
        raw_client_connect(&c[i], server, false, RAW_GOODBYE, &o);
        assert_true(o.open && o.resumed);
        assert_string_equal(o.peer.cn, "myuser");
    }
    raw_client_connect(&c[0], server, false, RAW_GOODBYE, &o);
    assert_true(o.open && !o.resumed);
    raw_client_connect(&c[2], server, false, RAW_GOODBYE, &o);
    assert_true(o.open && o.resumed);
    for (size_t i = 0; i < 3; i++)
        raw_client_fini(&c[i]);
    tls_ctx_destroy(&server);
}

/* New certificates of the server's, old sessions. */
static void renewal_lets_sessions_live(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        char why[TLS_WHY_MAX];
        start(&f, &world.user, (enum tls_version)v, 0);
        assert_int_equal(tls_ctx_renew(f.server, world.ca, world.rsa, world.ecdsa, why, sizeof why), 0);
        check_resumed(&f, true);
        link_check(&f.first, &f.first.client, &f.first.server, slice_str("still here"), 0);
        stop(&f);
    }
}

/* Made where a certificate was not wanted, a session is of no use where one is. */
static void what_was_made_without_a_certificate_stays_there(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++)
        for (int bare = 0; bare < 2; bare++) {
            struct tls_client_config c = link_client_config(&world);
            struct tls_server_config s = link_server_config(&world);
            struct fixture f;
            struct link next;
            c.min = c.max = (enum tls_version)v;
            c.cert_pem = c.key_pem = slice_str("");
            world.now = PKI_NOW;
            f.client = link_client(&c);
            f.server = link_server(&s);
            link_open(&f.first, f.client, f.server);
            tls_engine_take_bare(f.first.server.engine);
            assert_true(link_shake(&f.first));
            assert_false(tls_engine_peer(f.first.server.engine)->has_cert);
            link_open(&next, f.client, f.server);
            if (bare)
                tls_engine_take_bare(next.server.engine);
            tls_engine_reuse(next.client.engine, f.first.client.engine);
            assert_int_equal(link_shake(&next), bare);
            if (!bare)
                assert_string_equal(tls_engine_error(next.server.engine), "client sent no certificate");
            link_close(&next);
            stop(&f);
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
        cmocka_unit_test(while_the_first_is_open),
        cmocka_unit_test(after_the_client_said_goodbye),
        cmocka_unit_test(after_an_end_without_goodbye),
        cmocka_unit_test(after_a_fatal_alert_by_ticket_alone),
        cmocka_unit_test(not_after_the_certificates_end),
        cmocka_unit_test(another_server_does_not_know_it),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(renewal_lets_sessions_live),
        cmocka_unit_test(what_was_made_without_a_certificate_stays_there),
    };
    return cmocka_run_group_tests_name("tls/sessions", tests, set_up, tear_down);
}
